//! A model that answers at once: just enough of HTTP and of chat completions for one client that we know.
//!
//! The last word of the goal says what it does. It notes when a request came and when its answer had left, so that the time
//! between the two is the program's own.
//!
//! Invariant: it never waits, except where the goal asks it to.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Tool calls of the goals that have some.
pub(super) const STEPS: usize = 20;
/// Deltas of the goal that has many.
pub(super) const DELTAS: usize = 2000;

/// What the model does for a goal that ends in this word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Script {
    /// Says a sentence.
    Text,
    /// Says 2000 words, one at a time.
    Deltas,
    /// Reads a file 20 times, one turn each.
    Read,
    /// Writes a file 20 times, one turn each.
    Write,
    /// Runs a command that does not end.
    Sleep,
}

/// The endpoint's address and what it noted.
pub(super) struct Endpoint {
    /// Where it listens.
    pub(super) address: SocketAddr,
    gaps: Arc<Mutex<Vec<Duration>>>,
}

impl Endpoint {
    /// Listens on a free port of this machine until the process ends.
    ///
    /// # Errors
    /// What the system refused.
    pub(super) fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let (address, gaps) = (listener.local_addr()?, Arc::default());
        let noted = Arc::clone(&gaps);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let noted = Arc::clone(&noted);
                // A client that goes away in the middle is what happens at the end of a busy process.
                std::thread::spawn(move || serve(stream, &noted).unwrap_or_else(|error| tracing::debug!("a client went away: {error}")));
            }
        });
        Ok(Self { address, gaps })
    }

    /// The times between the end of an answer that asked for a tool and the next request, since they were last taken.
    pub(super) fn take_gaps(&self) -> Vec<Duration> {
        std::mem::take(&mut *self.gaps.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Script {
    /// The goal that asks for it.
    pub(super) fn goal(self) -> String {
        format!("bench {self:?}").to_lowercase()
    }

    fn of(body: &str) -> Self {
        let all = [Self::Deltas, Self::Read, Self::Write, Self::Sleep];
        all.into_iter().find(|script| body.contains(&script.goal())).unwrap_or(Self::Text)
    }

    /// The events of the answer to a conversation in which `done` tools have answered; the second says whether it asks for a tool.
    fn answer(self, done: usize) -> (String, bool) {
        let call = |name: &str, args: Value| {
            let function = json!({ "name": name, "arguments": args.to_string() });
            let call = json!({ "tool_calls": [{ "index": 0, "id": format!("call-{done}"), "type": "function", "function": function }] });
            (chunk(&call, None) + &last("tool_calls"), true)
        };
        match self {
            Self::Deltas => {
                let words = (0..DELTAS).map(|at| chunk(&json!({ "content": format!("word{at} ") }), None));
                (words.collect::<String>() + &last("stop"), false)
            }
            // The file's name changes, so that nobody takes this for a model that goes round in circles.
            Self::Read if done < STEPS => call("read", json!({ "path": format!("file{done}.txt") })),
            Self::Write if done < STEPS => call("write", json!({ "path": format!("file{done}.txt"), "content": format!("new {done}\n") })),
            Self::Sleep => call("exec", json!({ "command": "sleep 600" })),
            _ => (chunk(&json!({ "content": "All is well." }), None) + &last("stop"), false),
        }
    }
}

fn serve(stream: TcpStream, gaps: &Mutex<Vec<Duration>>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut input = BufReader::new(stream.try_clone()?);
    let mut output = stream;
    let mut asked: Option<Instant> = None;
    while let Some(body) = request(&mut input)? {
        if let Some(asked) = asked {
            gaps.lock().unwrap_or_else(PoisonError::into_inner).push(asked.elapsed());
        }
        let done = body.matches("\"role\":\"tool\"").count();
        let (events, is_call) = Script::of(&body).answer(done);
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
        output.write_all(format!("{head}{:x}\r\n{events}\r\n0\r\n\r\n", events.len()).as_bytes())?;
        asked = is_call.then(Instant::now);
    }
    Ok(())
}

/// The body of the next request; `None` where there is none.
fn request(input: &mut BufReader<TcpStream>) -> std::io::Result<Option<String>> {
    let mut length = 0;
    let mut line = String::new();
    loop {
        line.clear();
        if input.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let line = line.trim_end().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    std::io::Read::read_exact(input, &mut body)?;
    Ok(Some(String::from_utf8_lossy(&body).into_owned()))
}

fn chunk(delta: &Value, finish: Option<&str>) -> String {
    let choice = json!({ "index": 0, "delta": delta, "finish_reason": finish });
    format!("data: {}\n\n", json!({ "id": "bench", "object": "chat.completion.chunk", "model": "bench", "choices": [choice] }))
}

fn last(finish: &str) -> String {
    let usage = json!({ "id": "bench", "object": "chat.completion.chunk", "model": "bench", "choices": [],
        "usage": { "prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20 } });
    chunk(&json!({}), Some(finish)) + &format!("data: {usage}\n\ndata: [DONE]\n\n")
}
