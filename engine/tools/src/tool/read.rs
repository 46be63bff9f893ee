//! `read`: the lines of a file, numbered.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use naestro_kernel::{Class, ToolAccess};

use super::arguments::{Kind, optional, required};
use super::bounded::{self, TEXT};
use super::{Answer, Call, Entry, Place, Stop};

/// The longest line that is shown whole, in characters.
const WIDTH: usize = 2000;

/// The most of one line that is held in memory, in bytes; UTF-8 takes up to four per character.
const LINE: u64 = 4 * WIDTH as u64;

pub(super) const TOOL: Entry = Entry {
    name: "read",
    about: "Returns the lines of a text file, each with its number and a tab before it. Long files are cut; go on with offset.",
    fields: &[
        required("path", Kind::Text, "the file, relative to the workspace"),
        optional("offset", Kind::Count(1, u32::MAX as u64), "the first line wanted, counted from 1"),
        optional("limit", Kind::Count(1, 5000), "the most lines wanted; 2000 if left out"),
    ],
    class: Class::Pure,
    access: ToolAccess::Read,
    for_agents: true,
    place: Place::Hands,
    run,
};

fn run(call: &Call<'_>) -> Result<Answer, Stop> {
    let asked = call.args.needed("path");
    let path = call.root.existing(asked)?;
    let mut file = BufReader::new(open(&path, asked)?);
    if is_binary(&mut file, asked)? {
        let size = path.metadata().map_or(0, |facts| facts.len());
        return Ok(Answer::yes(format!("{asked} is a binary file of {size} bytes; it is not shown")));
    }
    let first = call.args.count("offset").unwrap_or(1);
    let limit = call.args.count("limit").unwrap_or(2000);
    numbered(call, file, asked, first, limit)
}

/// Opens a regular file; a pipe or a device would block or never end.
pub(super) fn open(path: &Path, asked: &str) -> Result<File, Stop> {
    let facts = path.metadata().map_err(|e| unreadable(asked, &e))?;
    if facts.is_dir() {
        return Err(Stop::refused(format!("{asked} is a folder; use list to see what it holds")));
    }
    if !facts.is_file() {
        return Err(Stop::refused(format!("{asked} is no regular file; use another path")));
    }
    File::open(path).map_err(|e| unreadable(asked, &e))
}

/// Whether its beginning holds a NUL byte, as git and grep judge it.
fn is_binary(file: &mut BufReader<File>, asked: &str) -> Result<bool, Stop> {
    Ok(file.fill_buf().map_err(|e| unreadable(asked, &e))?.contains(&0))
}

fn numbered(call: &Call<'_>, mut file: BufReader<File>, asked: &str, first: u64, limit: u64) -> Result<Answer, Stop> {
    let mut text = String::new();
    let mut number = 0;
    while let Some(line) = next_line(&mut file).map_err(|e| unreadable(asked, &e))? {
        number += 1;
        if number % 1024 == 0 {
            call.go_on()?;
        }
        if number < first {
            continue;
        }
        if number >= first + limit || text.len() > TEXT {
            text.push_str(&format!("[cut here; go on with offset {number}]\n"));
            return Ok(Answer::yes(text));
        }
        text.push_str(&format!("{number}\t{}\n", bounded::line(&line, WIDTH)));
    }
    Ok(Answer::yes(if text.is_empty() { nothing(asked, number) } else { text }))
}

fn nothing(asked: &str, lines: u64) -> String {
    match lines {
        0 => format!("[{asked} is empty]"),
        lines => format!("[{asked} has only {lines} lines]"),
    }
}

/// The next line without its end; of a very long one the beginning.
fn next_line(file: &mut BufReader<File>) -> std::io::Result<Option<String>> {
    let mut line = Vec::new();
    if file.by_ref().take(LINE).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if line.len() as u64 == LINE {
        let rest = file.skip_until(b'\n')?;
        return Ok(Some(format!("{} [... {rest} bytes cut]", bounded_prefix(&line))));
    }
    let end = if line.last() == Some(&b'\r') { line.len() - 1 } else { line.len() };
    Ok(Some(String::from_utf8_lossy(&line[..end]).into_owned()))
}

fn bounded_prefix(line: &[u8]) -> String {
    String::from_utf8_lossy(line).chars().take(WIDTH - 100).collect()
}

fn unreadable(asked: &str, error: &std::io::Error) -> Stop {
    Stop::refused(format!("{asked} cannot be read: {error}; use another path"))
}
