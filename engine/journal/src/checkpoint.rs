//! The checkpoint: a signed text file beside the database that says how far every run had come.
//!
//! Cutting the last records off leaves a chain that is whole; only something outside the database can tell. The file has the
//! form of a C2SP tlog-checkpoint: origin, number of runs, root hash, then one line for each run (`run events head`), a
//! blank line and an ed25519 signature line.
//!
//! What the signature is worth: its key lies in the same folder, so it shows accidents and edits by whoever does not know of
//! it. Against someone who may write the folder, what counts is a copy of the file kept elsewhere.
//!
//! Invariant: a line never goes back; what the file says was on the disk before the file said it. Only the removal of a run
//! strikes its line, and does so before the run is gone.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey};
use naestro_kernel::{Digest, RunId};
use naestro_policy::port::JournalError;

use crate::chain::Link;
use crate::error::{corrupt, io as unavailable};
use crate::record::hex;

/// The first line, and with it the format.
const ORIGIN: &str = "naestro/journal/1";

/// The name the signature is given under.
const SIGNER: &str = "naestro";

/// How far runs had come.
pub(crate) type Heads = BTreeMap<RunId, Head>;

/// How far one run had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// The number of its events, its parent's included.
    pub(crate) events: u64,
    /// The link of the last one.
    pub(crate) link: Link,
}

/// The checkpoint of one journal.
#[derive(Clone)]
pub(crate) struct Checkpoint {
    home: PathBuf,
}

impl Checkpoint {
    /// The checkpoint in `home`; nothing is read or made yet.
    pub(crate) fn new(home: &Path) -> Self {
        Self { home: home.to_path_buf() }
    }

    /// What the file says; nothing where there never was one.
    ///
    /// # Errors
    /// `Corrupt` if it is gone, damaged, or not signed by our key.
    pub(crate) fn read(&self) -> Result<Heads, JournalError> {
        let Some(key) = self.key().map_err(|error| unavailable(&error))? else { return Ok(Heads::new()) };
        match fs::read(self.home.join("checkpoint")) {
            Ok(text) => parse(&text, &key).ok_or_else(|| corrupt(None, None, "the checkpoint file is damaged or not signed by our key")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(corrupt(None, None, "the checkpoint file is gone")),
            Err(error) => Err(unavailable(&error)),
        }
    }

    /// As [`Checkpoint::read`], for who does not hold the lock: waits for another that is making the first one.
    pub(crate) fn read_settled(&self) -> Result<Heads, JournalError> {
        let first = self.read();
        if !matches!(first, Err(JournalError::Corrupt { .. })) {
            return first;
        }
        // Where no lock can be had, on a disk that can only be read, nobody is making one either.
        let Ok(_lock) = self.lock() else { return first };
        self.read()
    }

    /// Replaces the file; `durable` if it must be on the disk before this returns.
    pub(crate) fn write(&self, heads: &Heads, durable: bool) -> io::Result<()> {
        if let Some(key) = self.key()? {
            return self.replace("checkpoint", render(heads, &key).as_bytes(), durable);
        }
        // The key comes last: whoever finds one may rely on a checkpoint being there, wherever its maker was killed.
        let seed = new_seed()?;
        self.replace("checkpoint", render(heads, &SigningKey::from_bytes(&seed)).as_bytes(), true)?;
        self.replace("checkpoint.key", format!("{}\n", hex(&Digest(seed))).as_bytes(), true)
    }

    /// Sets a damaged file aside, where verification finds it.
    pub(crate) fn set_aside(&self) -> io::Result<()> {
        fs::rename(self.home.join("checkpoint"), self.home.join("checkpoint.damaged"))
    }

    /// Whether a damaged file was set aside.
    pub(crate) fn was_set_aside(&self) -> bool {
        self.home.join("checkpoint.damaged").exists()
    }

    /// Keeps other processes from replacing the file while the answer lives; `None` while another does.
    pub(crate) fn try_lock(&self) -> io::Result<Option<File>> {
        let file = self.lock_file()?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Waits until no other process replaces the file, and keeps them from it while the answer lives.
    pub(crate) fn lock(&self) -> io::Result<File> {
        let file = self.lock_file()?;
        file.lock()?;
        Ok(file)
    }

    fn lock_file(&self) -> io::Result<File> {
        OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(self.home.join("checkpoint.lock"))
    }

    fn key(&self) -> io::Result<Option<SigningKey>> {
        match fs::read_to_string(self.home.join("checkpoint.key")) {
            Ok(text) => match Digest::parse(text.trim_end()) {
                Some(seed) => Ok(Some(SigningKey::from_bytes(&seed.0))),
                None => Err(io::Error::new(io::ErrorKind::InvalidData, "the file checkpoint.key holds no key")),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Replaces a file as a whole. Called under the lock, so the temporary name is ours.
    fn replace(&self, name: &str, bytes: &[u8], durable: bool) -> io::Result<()> {
        let temporary = self.home.join(format!("{name}.new"));
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        file.write_all(bytes)?;
        if durable {
            file.sync_data()?;
        }
        fs::rename(&temporary, self.home.join(name))?;
        if durable { File::open(&self.home)?.sync_all() } else { Ok(()) }
    }
}

fn new_seed() -> io::Result<[u8; 32]> {
    let mut seed = [0; 32];
    File::open("/dev/urandom")?.read_exact(&mut seed)?;
    Ok(seed)
}

fn render(heads: &Heads, key: &SigningKey) -> String {
    let mut lines = String::with_capacity(heads.len() * 110);
    for (run, head) in heads {
        lines.push_str(&format!("{run} {} {}\n", head.events, hex(&Digest(head.link.0))));
    }
    let root = STANDARD.encode(blake3::hash(lines.as_bytes()).as_bytes());
    let body = format!("{ORIGIN}\n{}\n{root}\n{lines}", heads.len());
    let signature = key.sign(body.as_bytes());
    let signed = STANDARD.encode([&key_id(key)[..], &signature.to_bytes()].concat());
    format!("{body}\n\u{2014} {SIGNER} {signed}\n")
}

/// The heads a file tells of; `None` unless it is exactly what [`render`] makes of them.
fn parse(text: &[u8], key: &SigningKey) -> Option<Heads> {
    let text = std::str::from_utf8(text).ok()?;
    let (body, signature) = text.split_once("\n\n")?;
    let signature = signature.strip_prefix(&format!("\u{2014} {SIGNER} "))?.strip_suffix('\n')?;
    let signature = STANDARD.decode(signature).ok()?;
    let (id, signature) = signature.split_at_checked(4)?;
    let signature = Signature::from_slice(signature).ok()?;
    let signed = format!("{body}\n");
    if id != key_id(key) || key.verifying_key().verify_strict(signed.as_bytes(), &signature).is_err() {
        return None;
    }
    let mut lines = body.lines();
    if lines.next() != Some(ORIGIN) {
        return None;
    }
    lines.skip(2).map(parse_line).collect()
}

fn parse_line(line: &str) -> Option<(RunId, Head)> {
    let mut words = line.split(' ');
    let (run, events, link) = (words.next()?, words.next()?, words.next()?);
    Some((RunId::parse(run)?, Head { events: events.parse().ok()?, link: Link(Digest::parse(link)?.0) }))
}

/// The first bytes of a hash over the signer's name and public key, as signed notes have it.
fn key_id(key: &SigningKey) -> [u8; 4] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(SIGNER.as_bytes()).update(&[0x0a, 0x01]).update(key.verifying_key().as_bytes());
    let mut id = [0; 4];
    hasher.finalize_xof().fill(&mut id);
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heads() -> Heads {
        let head = |events| Head { events, link: Link([9; 32]) };
        [(RunId([1; 16]), head(3)), (RunId([2; 16]), head(70))].into()
    }

    #[test]
    fn the_file_has_the_form_of_a_tlog_checkpoint() {
        let expect = expect_test::expect![[r#"
            naestro/journal/1
            2
            RIPRHt7Ufq8FgBMgsuwNUoqmRD2zle8U2IFUcB/5f40=
            01010101-0101-0101-0101-010101010101 3 0909090909090909090909090909090909090909090909090909090909090909
            02020202-0202-0202-0202-020202020202 70 0909090909090909090909090909090909090909090909090909090909090909

            — naestro iY1ETguEnQmROhtGofR4t9Xk6pwH7/zARAZNUeE2soyz70EaHJ1mbuvBebd/aDE53jK8w25QxDCTqdnue/ATRvpk2QE=
        "#]];
        expect.assert_eq(&render(&heads(), &SigningKey::from_bytes(&[5; 32])));
    }

    #[test]
    fn every_changed_byte_of_the_file_is_found() {
        let key = SigningKey::from_bytes(&[5; 32]);
        let text = render(&heads(), &key).into_bytes();
        assert_eq!(parse(&text, &key), Some(heads()));
        for at in 0..text.len() {
            for bit in [0x01, 0x20, 0x80] {
                let mut changed = text.clone();
                changed[at] ^= bit;
                assert_eq!(parse(&changed, &key), None, "byte {at} with {bit:#x} changed");
            }
        }
        assert_eq!(parse(&text, &SigningKey::from_bytes(&[6; 32])), None, "another key");
    }
}
