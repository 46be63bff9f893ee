//! A port of code that says what a test tells it to.

use std::path::Path;
use std::time::Duration;

use naestro_kernel::code::{Affected, Change, Citation, Code, Evidence, Fault, Target, Watch};
use naestro_policy::digest_bytes;
use serde_json::Value;

use crate::tool::{Answer, Cancel, Invocation, invoke};

/// What it says; whether citations hold it finds out itself.
pub(in crate::tool) struct Fake {
    pub(in crate::tool) evidence: Result<Evidence, Fault>,
    pub(in crate::tool) affected: Result<Affected, Fault>,
}

impl Default for Fake {
    fn default() -> Self {
        Self { evidence: Err(Fault::Unavailable("find evidence".into())), affected: Err(Fault::Unavailable("find tests".into())) }
    }
}

impl Code for Fake {
    fn evidence(&self, _: &str, target: &Target, _: &dyn Watch) -> Result<Evidence, Fault> {
        let mut evidence = self.evidence.clone()?;
        evidence.title = format!("{target:?}");
        Ok(evidence)
    }

    fn holds(&self, root: &str, citations: &[Citation]) -> Vec<bool> {
        let holds = |citation: &Citation| {
            let bytes = std::fs::read(Path::new(root).join(&citation.path)).ok()?;
            let range = usize::try_from(citation.start).ok()?..usize::try_from(citation.end).ok()?;
            Some(digest_bytes(bytes.get(range)?) == citation.digest)
        };
        citations.iter().map(|citation| holds(citation) == Some(true)).collect()
    }

    fn affected(&self, _: &str, _: &Change, _: &dyn Watch) -> Result<Affected, Fault> {
        self.affected.clone()
    }
}

/// A call of a tool with this port.
pub(in crate::tool) fn answer(code: &Fake, root: &Path, tool: &str, args: &Value) -> Result<Answer, crate::tool::Fault> {
    let (cancel, args) = (Cancel::default(), args.to_string());
    invoke(&Invocation { root, tool, args: args.as_bytes(), timeout: Duration::from_secs(20), cancel: &cancel, code: Some(code) })
}
