//! Names the rules that outlines are made by: a hash over their sources and the versions of the grammars.
//!
//! A database that was made by other rules is made anew, without anyone having to remember to raise a number.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::{fs, io};

fn main() -> io::Result<()> {
    let mut hasher = DefaultHasher::new();
    let mut sources = vec![PathBuf::from("src/language.rs"), PathBuf::from("src/outline.rs"), PathBuf::from("src/extract.rs")];
    below(Path::new("src/extract"), &mut sources)?;
    below(Path::new("queries"), &mut sources)?;
    sources.sort();
    for source in sources.iter().filter(|source| source.is_file()) {
        println!("cargo::rerun-if-changed={}", source.display());
        fs::read(source)?.hash(&mut hasher);
    }
    println!("cargo::rerun-if-changed=src");
    println!("cargo::rerun-if-changed=queries");
    grammars(&Path::new("..").join("..").join("Cargo.lock"))?.hash(&mut hasher);
    env!("CARGO_PKG_VERSION").hash(&mut hasher);
    println!("cargo::rustc-env=NAESTRO_INDEX_RULES={:016x}", hasher.finish());
    Ok(())
}

fn below(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { below(&path, found)? } else { found.push(path) }
    }
    Ok(())
}

/// The names of the grammars and what stands below them: their versions and hashes.
fn grammars(lock: &Path) -> io::Result<Vec<String>> {
    if !lock.is_file() {
        return Ok(Vec::new());
    }
    println!("cargo::rerun-if-changed={}", lock.display());
    let lock = fs::read_to_string(lock)?;
    let packages = lock.split("[[package]]").filter(|package| package.trim_start().starts_with("name = \"tree-sitter"));
    Ok(packages.map(str::to_owned).collect())
}
