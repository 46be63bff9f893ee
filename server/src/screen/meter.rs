//! How far the project is read: one line on standard error that is written again and again, and gone at the end.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use naestro_api::Progress;

/// The line; it is wiped when this is dropped.
#[derive(Default)]
pub(crate) struct Meter {
    /// How many columns it takes; 0 where it is not there.
    width: Arc<AtomicUsize>,
}

impl Meter {
    /// What writes the line.
    pub(crate) fn progress(&self) -> Progress {
        let width = Arc::clone(&self.width);
        Progress(Arc::new(move |done, total| {
            let text = reading(done, total);
            let before = width.swap(text.len(), Ordering::Relaxed);
            // Where standard error is closed there is nobody to tell.
            let _ = write!(anstream::stderr(), "\r{text:before$}");
        }))
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        match self.width.swap(0, Ordering::Relaxed) {
            0 => {}
            width => {
                let _ = write!(anstream::stderr(), "\r{:width$}\r", "");
            }
        }
    }
}

/// The progress in words.
pub(super) fn reading(done: usize, total: usize) -> String {
    format!("reading the project: {} of {} files", grouped(done), grouped(total))
}

/// A number with its thousands told apart.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_told_apart() {
        assert_eq!(reading(0, 999), "reading the project: 0 of 999 files");
        assert_eq!(reading(1_200, 1_005_400), "reading the project: 1,200 of 1,005,400 files");
    }
}
