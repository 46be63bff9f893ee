//! Near misses: where the text to replace almost stands.

use super::super::Stop;
use super::super::bounded;

/// The most lines of a file that are compared.
const LINES: usize = 20_000;

/// The most lines that are shown.
const SHOWN: usize = 12;

/// How like two lines must be to be called close, from 0 to 1.
const CLOSE: f32 = 0.6;

/// Says that `old` does not occur, and what the closest lines look like.
pub(super) fn miss(asked: &str, content: &[u8], old: &str) -> Stop {
    let text = String::from_utf8_lossy(content);
    let lines: Vec<&str> = text.lines().take(LINES).collect();
    let wanted: Vec<&str> = old.lines().collect();
    let hint = match closest(&lines, &wanted) {
        Some(at) => shown(&lines, &wanted, at),
        None => "no line is close to it; read the file and copy the text from there".into(),
    };
    Stop::refused(format!("\"old\" does not occur in {asked}; {hint}"))
}

/// The place where most of the wanted lines stand apart from blanks, or else a line like the first of them.
fn closest(lines: &[&str], wanted: &[&str]) -> Option<usize> {
    let same =
        |at: usize| wanted.iter().zip(&lines[at..]).filter(|(want, line)| !want.trim().is_empty() && want.trim() == line.trim()).count();
    let best = (0..lines.len()).map(|at| (same(at), at)).max_by_key(|(count, at)| (*count, std::cmp::Reverse(*at)));
    best.filter(|(count, _)| *count > 0).map(|(_, at)| at).or_else(|| alike(lines, wanted))
}

fn alike(lines: &[&str], wanted: &[&str]) -> Option<usize> {
    let (before, first) = wanted.iter().enumerate().find(|(_, line)| !line.trim().is_empty())?;
    let trimmed: Vec<&str> = lines.iter().map(|line| line.trim()).collect();
    let found = *similar::get_close_matches(first.trim(), &trimmed, 1, CLOSE).first()?;
    trimmed.iter().position(|line| *line == found).map(|at| at.saturating_sub(before))
}

fn shown(lines: &[&str], wanted: &[&str], at: usize) -> String {
    let near = &lines[at..lines.len().min(at + wanted.len())];
    let blanks = near.len() == wanted.len() && near.iter().zip(wanted).all(|(line, want)| line.trim() == want.trim());
    let why = if blanks { "only blanks at the ends of lines differ from" } else { "the closest is" };
    let numbered: Vec<String> =
        near.iter().take(SHOWN).enumerate().map(|(index, line)| format!("{}\t{}", at + index + 1, bounded::line(line, 200))).collect();
    let more = if near.len() > SHOWN { "\n[...]" } else { "" };
    format!("{why}:\n{}{more}", numbered.join("\n"))
}
