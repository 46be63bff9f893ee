//! How fast outlines are made of this repository's own sources; by hand, since figures of a busy machine say nothing:
//! `cargo nextest run -p naestro-index --release --run-ignored only --no-capture speed`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::{Language, outline};

#[test]
#[ignore = "a measurement"]
fn speed() {
    let mut paths = Vec::new();
    sources(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/..")), &mut paths);
    let files: Vec<_> = paths.iter().map(|path| fs::read(path).unwrap()).collect();
    let lines: usize = files.iter().map(|bytes| bytes.split(|byte| *byte == b'\n').count()).sum();
    for round in 0..3 {
        let start = Instant::now();
        let mentions: usize = files.iter().map(|bytes| outline(Language::Rust, bytes).mentions.len()).sum();
        println!("round {round}: {lines} lines, {mentions} mentions, {:.0} lines/s", lines as f64 / start.elapsed().as_secs_f64());
    }
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if Language::of(&path.to_string_lossy()) == Some(Language::Rust) {
            found.push(path);
        }
    }
}
