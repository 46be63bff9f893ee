//! `edit`: replaces an exact piece of text.
//!
//! Invariant: a file whose lines end in CR LF still has them so afterwards, and its mode stays.

mod near;

use std::io::Read;

use naestro_kernel::{Class, ToolAccess};

use super::arguments::{Kind, optional, required};
use super::{Answer, Call, Entry, Place, Stop, read, write};

/// The largest file that is edited, in bytes.
const MOST: u64 = 16 * 1024 * 1024;

pub(super) const TOOL: Entry = Entry {
    name: "edit",
    about: "Replaces one exact piece of text in a file. It must occur exactly once, so give enough of the lines around it; \
            with all every occurrence is replaced.",
    fields: &[
        required("path", Kind::Text, "the file, relative to the workspace"),
        required("old", Kind::Text, "the text to replace, exactly as it stands in the file, without line numbers"),
        required("new", Kind::Text, "the text to put in its place"),
        optional("all", Kind::Flag, "whether to replace every occurrence"),
    ],
    class: Class::Idempotent,
    access: ToolAccess::Write,
    for_agents: true,
    place: Place::Hands,
    run,
};

fn run(call: &Call<'_>) -> Result<Answer, Stop> {
    let (asked, old, new) = (call.args.needed("path"), call.args.needed("old"), call.args.needed("new"));
    if old.is_empty() {
        return Err(Stop::refused("the argument \"old\" is empty; give the text to replace, or use write for a whole file"));
    }
    if old == new {
        return Err(Stop::refused("the arguments \"old\" and \"new\" are the same; nothing would change"));
    }
    let path = call.root.writable(asked)?;
    let content = content(&call.root.existing(asked)?, asked)?;
    let (old, new) = as_the_file_ends_lines(&content, old, new);
    let places = places(&content, old.as_bytes());
    match places.len() {
        0 => return Err(near::miss(asked, &content, &old)),
        1 => {}
        _ if call.args.flag("all") => {}
        _ => return Err(ambiguous(asked, &content, &places)),
    }
    let (edited, count) = replaced(&content, &places, old.len(), new.as_bytes());
    write::put(&path, &edited, asked)?;
    let shown = line_of(&content, places[0]);
    Ok(Answer::yes(if count == 1 {
        format!("edited {asked} at line {shown}")
    } else {
        format!("edited {asked} at {count} places, the first at line {shown}")
    }))
}

fn content(path: &std::path::Path, asked: &str) -> Result<Vec<u8>, Stop> {
    let mut bytes = Vec::new();
    let read = read::open(path, asked)?.take(MOST + 1).read_to_end(&mut bytes);
    read.map_err(|e| Stop::refused(format!("{asked} cannot be read: {e}; use another path")))?;
    if bytes.len() as u64 > MOST {
        return Err(Stop::refused(format!("{asked} is larger than {} MB; change it with exec", MOST / 1024 / 1024)));
    }
    Ok(bytes)
}

/// Models write LF; in a file that ends its lines with CR LF both texts follow the file.
fn as_the_file_ends_lines(content: &[u8], old: &str, new: &str) -> (String, String) {
    let ends = content.iter().filter(|byte| **byte == b'\n').count();
    let both = content.windows(2).filter(|pair| pair == b"\r\n").count();
    if both * 2 <= ends {
        return (old.to_owned(), new.to_owned());
    }
    let follow = |text: &str| text.replace("\r\n", "\n").replace('\n', "\r\n");
    (follow(old), follow(new))
}

/// Every place where `piece` begins, overlapping ones included, so that none is taken for the only one.
fn places(content: &[u8], piece: &[u8]) -> Vec<usize> {
    content.windows(piece.len()).enumerate().filter(|(_, window)| *window == piece).map(|(at, _)| at).collect()
}

/// Replaces from left to right what does not overlap; returns the text and how often it was replaced.
fn replaced(content: &[u8], places: &[usize], length: usize, new: &[u8]) -> (Vec<u8>, usize) {
    let mut edited = Vec::with_capacity(content.len() + new.len());
    let (mut from, mut count) = (0, 0);
    for &at in places.iter() {
        if at < from {
            continue;
        }
        edited.extend_from_slice(&content[from..at]);
        edited.extend_from_slice(new);
        from = at + length;
        count += 1;
    }
    edited.extend_from_slice(&content[from..]);
    (edited, count)
}

fn ambiguous(asked: &str, content: &[u8], places: &[usize]) -> Stop {
    let lines: Vec<String> = places.iter().take(10).map(|&at| line_of(content, at).to_string()).collect();
    let more = if places.len() > 10 { ", ..." } else { "" };
    Stop::refused(format!(
        "\"old\" occurs {} times in {asked} (lines {}{more}); give more of the lines around the one you mean, or set all",
        places.len(),
        lines.join(", ")
    ))
}

fn line_of(content: &[u8], at: usize) -> usize {
    content[..at].iter().filter(|byte| **byte == b'\n').count() + 1
}
