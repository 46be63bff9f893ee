//! Lines followed from one version of a file to another.
//!
//! Invariant: pure; a range never leaves the file it stands for.

use git2::{DiffOptions, Patch};

/// Lines of a file, from 1, both included.
pub(super) type Lines = (u32, u32);

/// The lines of the old version that these lines of the new one come from, and whether any of them changed on the way; none where
/// all of them were new.
///
/// # Errors
/// Where the two cannot be compared, for instance since they are no text.
pub(super) fn back(old: &[u8], new: &[u8], lines: Lines) -> Result<(Option<Lines>, bool), git2::Error> {
    let mut options = DiffOptions::new();
    options.context_lines(0).interhunk_lines(0);
    let patch = Patch::from_buffers(old, None, new, None, Some(&mut options))?;
    let mut hunks = Vec::with_capacity(patch.num_hunks());
    for number in 0..patch.num_hunks() {
        let (hunk, _) = patch.hunk(number)?;
        hunks.push(Hunk { old: hunk.old_start(), gone: hunk.old_lines(), new: hunk.new_start(), came: hunk.new_lines() });
    }
    Ok(follow(&hunks, lines))
}

/// One difference: `gone` lines from `old` on became `came` lines from `new` on; where none are, the line before.
#[derive(Clone, Copy, Debug)]
struct Hunk {
    old: u32,
    gone: u32,
    new: u32,
    came: u32,
}

fn follow(hunks: &[Hunk], (first, last): Lines) -> (Option<Lines>, bool) {
    if hunks.iter().any(|hunk| hunk.gone == 0 && hunk.new <= first && last < hunk.new + hunk.came) {
        return (None, true);
    }
    let changed = hunks.iter().any(|hunk| hunk.overlaps(first, last));
    let first = start(hunks, first);
    let last = end(hunks, last);
    (Some((first, last.max(first))), changed)
}

impl Hunk {
    /// Lines that went away count where both neighbours are among the lines.
    fn overlaps(&self, first: u32, last: u32) -> bool {
        if self.came == 0 { first <= self.new && self.new < last } else { self.new <= last && first < self.new + self.came }
    }

    /// The first line after it, in both versions.
    fn after(&self) -> (u32, u32) {
        let old = if self.gone == 0 { self.old + 1 } else { self.old + self.gone };
        let new = if self.came == 0 { self.new + 1 } else { self.new + self.came };
        (old, new)
    }
}

/// Where a line that begins a range comes from; the first of the old lines where it is one of those that came.
fn start(hunks: &[Hunk], line: u32) -> u32 {
    map(hunks, line, |hunk| if hunk.gone == 0 { hunk.old + 1 } else { hunk.old })
}

/// Where a line that ends a range comes from; the last of the old lines where it is one of those that came.
fn end(hunks: &[Hunk], line: u32) -> u32 {
    map(hunks, line, |hunk| if hunk.gone == 0 { hunk.old.max(1) } else { hunk.old + hunk.gone - 1 })
}

fn map(hunks: &[Hunk], line: u32, within: impl Fn(&Hunk) -> u32) -> u32 {
    let Some(hunk) = hunks.iter().take_while(|hunk| if hunk.came == 0 { hunk.new < line } else { hunk.new <= line }).last() else {
        return line;
    };
    let (old, new) = hunk.after();
    if line < new { within(hunk) } else { old + (line - new) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(old: &str, new: &str, lines: Lines, (expect, changed): (impl Into<Option<Lines>>, bool)) {
        let text = |letters: &str| letters.chars().map(|c| format!("{c}\n")).collect::<String>();
        assert_eq!(back(text(old).as_bytes(), text(new).as_bytes(), lines).unwrap(), (expect.into(), changed), "{old} -> {new} {lines:?}");
    }

    #[test]
    fn what_did_not_change_keeps_its_lines() {
        check("abcdef", "abcdef", (2, 4), ((2, 4), false));
        check("abcdef", "abcdeX", (2, 4), ((2, 4), false));
    }

    #[test]
    fn what_comes_or_goes_before_moves_the_lines() {
        check("abcdef", "XYabcdef", (4, 6), ((2, 4), false));
        check("abcdef", "cdef", (1, 2), ((3, 4), false));
        check("abcdef", "aXcdef", (3, 4), ((3, 4), false));
    }

    #[test]
    fn what_changed_among_them_is_told() {
        check("abcdef", "abXdef", (2, 4), ((2, 4), true));
        check("abcdef", "abXYZdef", (4, 5), ((3, 3), true));
        check("abcdef", "abdef", (2, 3), ((2, 4), true));
        check("abcdef", "abXcdef", (2, 4), ((2, 3), true));
    }

    #[test]
    fn what_is_new_comes_from_nowhere() {
        check("", "abc", (1, 3), (None, true));
        check("abcd", "abXYZcd", (3, 5), (None, true));
        check("abcd", "abXYZcd", (4, 4), (None, true));
        check("abcd", "abXYZcd", (2, 4), ((2, 2), true));
    }
}
