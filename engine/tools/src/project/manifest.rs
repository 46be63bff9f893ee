//! Manifests in JSON, XML and other forms than TOML.

use std::fs::File;
use std::io::Read;

use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::Value;

use super::{Files, MANIFEST, join};

/// The deepest element that is looked at.
const DEPTH: usize = 64;

impl Files<'_> {
    /// A manifest's value; one that is no JSON becomes a problem.
    pub(super) fn json(&mut self, path: &str) -> Option<Value> {
        let text = self.text(path)?;
        match serde_json::from_str(text.trim_start_matches('\u{feff}')) {
            Ok(value) => Some(value),
            Err(e) => {
                self.problems.push((path.to_owned(), e.to_string()));
                None
            }
        }
    }

    /// The text of a file that may be missing or be anything; nothing where it is no text.
    pub(super) fn peek(&self, path: &str) -> Option<String> {
        let mut text = String::new();
        File::open(self.root.join(path)).ok()?.take(MANIFEST).read_to_string(&mut text).ok()?;
        Some(text)
    }

    /// The first of these names that is a file of the folder, ignored or not.
    pub(super) fn one_of(&self, dir: &str, names: &[&'static str]) -> Option<&'static str> {
        names.iter().copied().find(|name| self.root.join(join(dir, name)).is_file())
    }
}

/// The texts of an XML document, each with the names of the elements it lies in: `project/modules/module`.
///
/// # Errors
/// A fragment that says what is wrong with the document.
pub(super) fn xml(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut reader = Reader::from_str(text);
    let mut path: Vec<String> = Vec::new();
    let mut found = Vec::new();
    loop {
        match reader.read_event().map_err(|e| e.to_string())? {
            Event::Eof if path.is_empty() => return Ok(found),
            Event::Eof => return Err(format!("it ends in <{}>", path.join("/"))),
            Event::Start(_) if path.len() >= DEPTH => return Err("its elements lie too deep in each other".into()),
            Event::Start(element) => path.push(element.local_name().into_inner().to_owned()),
            Event::End(_) => drop(path.pop()),
            Event::Text(text) if !text.trim().is_empty() => found.push((path.join("/"), text.trim().to_owned())),
            _ => {}
        }
    }
}
