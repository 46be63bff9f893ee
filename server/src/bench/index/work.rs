//! What is measured in processes of their own: building an index, and answering after an edit.

use std::path::Path;
use std::time::Instant;

use naestro_api::Error;
use naestro_index::Index;
use naestro_kernel::code::{Code as _, Fault, Target, Watch};
use serde::{Deserialize, Serialize};

use super::child::median_of;
use super::tree::Tree;
use super::{failed, text};

/// How many files are edited for the median.
const EDITS: usize = 20;

/// The median time from an edit to an answer that knows it.
#[derive(Serialize, Deserialize)]
pub(super) struct Edits {
    pub(super) ms: f64,
}

/// Waits for its answer, however long that takes.
struct Patient;

impl Watch for Patient {
    fn progress(&self, _done: usize, _total: usize) {}

    fn cancelled(&self) -> bool {
        false
    }
}

/// Asks about one file, for which everything is read and stored.
pub(super) fn build(home: &Path, tree: &Path, file: &str) -> Result<(), Error> {
    evidence(&Index::new(home.to_path_buf()), tree, &Target::Path(file.to_owned())).map(drop)
}

/// Edits files and asks for what is new in them.
pub(super) fn edits(home: &Path, tree: &Path) -> Result<Edits, Error> {
    let tree = Tree::of(tree).map_err(|error| failed(&error.to_string()))?;
    let index = Index::new(home.to_path_buf());
    for _ in 0..3 {
        evidence(&index, &tree.root, &Target::Path(tree.file(0).to_owned()))?;
    }
    let mut number = 0;
    let ms = median_of(EDITS, || {
        number += 1;
        let name = format!("naestro_edited_{number}");
        tree.edit(number, &name).map_err(|error| failed(&error.to_string()))?;
        let begun = Instant::now();
        if evidence(&index, &tree.root, &Target::Symbol(name.clone()))? == 0 {
            return Err(failed(&format!("the answer does not know {name}")));
        }
        Ok(begun.elapsed().as_secs_f64() * 1000.0)
    })?;
    Ok(Edits { ms })
}

/// How many facts there are.
fn evidence(index: &Index, tree: &Path, target: &Target) -> Result<usize, Error> {
    let evidence = index.evidence(&text(tree), target, &Patient);
    evidence.map(|evidence| evidence.facts.len()).map_err(|fault: Fault| failed(&fault.to_string()))
}
