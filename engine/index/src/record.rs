//! The disk form: how an outline, a language and a file's stamp are kept in the database.
//!
//! Outlines are kept as they are in memory, in postcard: they carry serde for this alone, and mirroring eight types would only
//! copy them. What keeps old data and new readers apart is [`RULES`]: it names the sources that outlines are made by, and a
//! database of other rules is made anew.
//!
//! Invariant: bytes that are no outline are damage, never an empty outline.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::store::Trouble;
use crate::{Definition, FileId, Kind, Language, Outline};

/// The version of the tables and of everything else here; a database of another one is made anew.
pub(crate) const FORMAT: i64 = 3;

/// The rules that outlines are made by: the sources of the extraction and the versions of the grammars, hashed by the build script.
pub(crate) const RULES: &str = env!("NAESTRO_INDEX_RULES");

/// The stamp that equals no other: the bytes must be looked at.
pub(crate) const UNSURE: i64 = 0;

/// A file changed so shortly before it was looked at may change again without its times telling.
const RACY_NS: i128 = 20_000_000;

/// The same where times are whole seconds.
const RACY_COARSE_NS: i128 = 2_000_000_000;

const LANGUAGES: [Language; 9] = [
    Language::Rust,
    Language::Python,
    Language::TypeScript,
    Language::Tsx,
    Language::JavaScript,
    Language::Go,
    Language::Java,
    Language::C,
    Language::Cpp,
];

/// An outline in its disk form.
pub(crate) fn encode(outline: &Outline) -> Result<Vec<u8>, Trouble> {
    postcard::to_stdvec(outline).map_err(|error| Trouble::Unavailable(format!("encode an outline: {error}")))
}

/// An outline from its disk form.
///
/// # Errors
/// `Damaged` where the bytes are none.
pub(crate) fn decode(bytes: &[u8]) -> Result<Outline, Trouble> {
    postcard::from_bytes(bytes).map_err(|error| Trouble::Damaged(format!("an outline does not decode: {error}")))
}

/// What a symbol is found with by its name ([`Definition`]), in its disk form.
pub(crate) fn encode_definition(definition: &Definition) -> Result<Vec<u8>, Trouble> {
    let Definition { kind, owner, bases, .. } = definition;
    postcard::to_stdvec(&(kind, owner, bases)).map_err(|error| Trouble::Unavailable(format!("encode a definition: {error}")))
}

/// A definition from its disk form.
///
/// # Errors
/// `Damaged` where the bytes are none.
pub(crate) fn decode_definition(file: FileId, number: u32, bytes: &[u8]) -> Result<Definition, Trouble> {
    let (kind, owner, bases): (Kind, Option<String>, String) =
        postcard::from_bytes(bytes).map_err(|error| Trouble::Damaged(format!("a definition does not decode: {error}")))?;
    Ok(Definition { file, number, kind, owner, bases })
}

/// The number that stands for a language.
pub(crate) fn number(language: Language) -> i64 {
    language as i64
}

/// The language a number stands for.
///
/// # Errors
/// `Damaged` where it stands for none.
pub(crate) fn language(number: i64) -> Result<Language, Trouble> {
    let known = usize::try_from(number).ok().and_then(|number| LANGUAGES.get(number));
    known.copied().ok_or_else(|| Trouble::Damaged(format!("there is no language {number}")))
}

/// What tells whether a file or folder changed: its times, size and inode as one number.
///
/// [`UNSURE`] where it changed just now, so that a second change could leave the same times.
pub(crate) fn stamp(metadata: &Metadata, now: SystemTime) -> i64 {
    // Programs may set mtime; ctime is the system's own.
    let changed = i128::from(metadata.ctime()) * 1_000_000_000 + i128::from(metadata.ctime_nsec());
    let coarse = metadata.ctime_nsec() == 0;
    let now = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos().cast_signed());
    if changed + (if coarse { RACY_COARSE_NS } else { RACY_NS }) > now && changed <= now + RACY_COARSE_NS {
        return UNSURE;
    }
    let parts = [metadata.mtime(), metadata.mtime_nsec(), metadata.ctime(), metadata.ctime_nsec()];
    let parts = parts.into_iter().map(i64::cast_unsigned).chain([metadata.ino(), metadata.size()]);
    // Mixed as FxHash does: what is compared are states of one file, not inputs of an adversary.
    let mixed = parts.fold(0_u64, |mixed, part| (mixed.rotate_left(5) ^ part).wrapping_mul(0x517c_c1b7_2722_0a95));
    mixed.cast_signed() | 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_survives() {
        for language in LANGUAGES {
            assert_eq!(super::language(number(language)).unwrap(), language);
        }
        assert!(matches!(language(9), Err(Trouble::Damaged(_))));
    }

    #[test]
    fn bytes_that_are_no_outline_are_damage() {
        assert!(matches!(decode(&[0xff; 12]), Err(Trouble::Damaged(_))));
        assert_eq!(decode(&encode(&Outline::default()).unwrap()).unwrap(), Outline::default());
    }

    #[test]
    fn what_changed_just_now_is_unsure() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let metadata = file.as_file().metadata().unwrap();
        let changed = metadata.modified().unwrap();
        let after = |ms| stamp(&metadata, changed + std::time::Duration::from_millis(ms));
        assert_eq!(after(5), UNSURE);
        assert_ne!(after(2500), UNSURE);
        assert_eq!(after(2500), after(9000));
    }
}
