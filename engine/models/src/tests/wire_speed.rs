//! Connections are kept, and a call costs little beside the model's own time.

use std::time::{Duration, Instant};

use naestro_policy::port::Models;
use naestro_tests::scripted::{Part, Reply, Scenario, Scripted};

use super::{endpoint, generate, permit, request, text};
use crate::OpenAi;

#[tokio::test]
async fn calls_share_one_connection() {
    let server = Scripted::start(Scenario::always(Reply::text("hi").chunked(1))).await;
    let model = OpenAi::new(endpoint(&server)).unwrap();
    for _ in 0..5 {
        generate(&model, request(&server)).await.0.unwrap();
    }
    assert_eq!((server.counts().requests, server.counts().connections), (5, 1));
}

#[tokio::test]
async fn a_connection_is_kept_even_if_the_end_of_the_body_comes_late() {
    let done = Part::Raw("data: [DONE]\n\n".to_owned());
    let late = Reply { done: false, finish: Some(String::new()), ..Reply::of([text("hi"), done, Part::Stall(20)]) };
    let server = Scripted::start(Scenario::always(late)).await;
    let model = OpenAi::new(endpoint(&server)).unwrap();
    for _ in 0..3 {
        generate(&model, request(&server)).await.0.unwrap();
    }
    assert_eq!(server.counts().connections, 1);
}

#[tokio::test]
async fn a_stream_that_is_done_and_stays_open_costs_only_its_connection() {
    let done = Part::Raw("data: [DONE]\n\n".to_owned());
    let open = Reply { done: false, finish: Some(String::new()), ..Reply::of([text("hi"), done, Part::Hang]) };
    let server = Scripted::start(Scenario::always(open)).await;
    let model = OpenAi::new(endpoint(&server)).unwrap();
    let start = Instant::now();
    generate(&model, request(&server)).await.0.unwrap();
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
}

/// `cargo nextest run -p naestro-models --run-ignored only --no-capture` prints the cost of a call, server included.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
#[ignore = "a measurement, not a check"]
async fn cost_of_a_call() {
    for (what, reply) in [("1 delta", Reply::text("hi")), ("2,000 deltas", Reply::text(&"ab".repeat(2000)).chunked(2))] {
        let server = Scripted::spawn(Scenario::always(reply));
        let build = Instant::now();
        let model = OpenAi::new(endpoint(&server)).unwrap();
        let built = build.elapsed();
        let asked = request(&server);
        let mut times = Vec::new();
        for _ in 0..100 {
            let permit = permit(&asked);
            let start = Instant::now();
            model.generate(permit, asked.clone(), &|_| ()).await.unwrap();
            times.push(start.elapsed());
        }
        let first = times[0];
        times.sort();
        eprintln!("{what}: new {built:?}, first call {first:?}, p50 {:?}, p90 {:?}", times[50], times[90]);
    }
}
