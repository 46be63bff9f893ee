//! What benchmarks of whole processes share: a place to work in, medians and units.

use std::path::{Path, PathBuf};
use std::time::Duration;

use naestro_api::{Error, ErrorCode};

/// A folder for the state and the workspace, removed with everything in it.
pub(super) struct Place(PathBuf);

impl Place {
    /// Makes one with an empty workspace.
    ///
    /// # Errors
    /// `unavailable` where the folder for temporary files cannot be written to.
    pub(super) fn make() -> Result<Self, Error> {
        let place = Self(std::env::temp_dir().join(format!("naestro-bench-{}", std::process::id())));
        let made = std::fs::create_dir_all(place.workspace());
        made.map(|()| place).map_err(|error| Error::new(ErrorCode::Unavailable, format!("make a folder to measure in: {error}")))
    }

    /// The folder.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// The workspace in it.
    pub(super) fn workspace(&self) -> PathBuf {
        self.0.join("workspace")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!("failed to remove {}: {error}", self.0.display());
        }
    }
}

/// The middle of the values; nothing of nothing.
pub(super) fn median<T: Ord + Copy + Default>(mut values: Vec<T>) -> T {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// A time in milliseconds.
pub(super) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// A time in microseconds.
pub(super) fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// Bytes in megabytes.
#[expect(clippy::cast_precision_loss, reason = "memory is far below 2^52 bytes")]
pub(super) fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// The resident memory of a process in bytes; 0 where it is gone.
pub(super) fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()).unwrap_or_default() * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_the_middle_and_nothing_of_nothing() {
        assert_eq!(median(vec![3, 1, 2]), 2);
        assert_eq!(median(Vec::<u64>::new()), 0);
    }
}
