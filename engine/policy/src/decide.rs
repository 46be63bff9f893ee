//! The decision: an exact effect goes in; a permit, a question or a refusal comes out.
//!
//! The rules are Cedar (`policies/modes.cedar`, checked against `policies/naestro.cedarschema`). Rust only reduces an effect
//! to the words the rules are written in ([`terms`]) and turns the verdict into something a person can act on.
//!
//! Invariant: a consent counts for the one effect whose digest it names, and never overrules a rule that forbids.

mod paths;
mod question;
mod rules;
mod terms;
#[cfg(test)]
mod tests;

use naestro_kernel::{Digest, Millis, Mode, RunId, UnitId};

use crate::Permit;
use crate::effect::{Effect, Exact as _};
use rules::{Rules, Verdict};
use terms::Terms;

/// How long a permit holds: long enough to wait for a place in a queue, too short to be kept for later.
const LAPSES_AFTER: Millis = Millis(10 * 60 * 1000);

/// The policy set, checked and ready to decide; decisions are independent and may be made from any thread.
pub struct Policies {
    rules: Rules,
}

/// What a decision depends on beside the effect.
#[derive(Clone, Debug)]
pub struct Context {
    /// The run.
    pub run: RunId,
    /// The unit.
    pub unit: UnitId,
    /// Now.
    pub now: Millis,
    /// The run's mode.
    pub mode: Mode,
    /// Whether exec without a sandbox was granted.
    pub unsandboxed: bool,
    /// Whether the diff is to be imported (`--apply`).
    pub apply: bool,
    /// Whether a model chose the effect, rather than the user's own plan.
    pub by_model: bool,
    /// The host of the run's configured model, as [`crate::effect::Generate::host`] spells it; `None` where it has no model.
    pub model_host: Option<String>,
    /// The digest of the effect a human allowed, where one was asked: [`Effect::digest`].
    pub consent: Option<Digest>,
}

/// What was decided.
#[derive(Debug)]
pub enum Decision {
    /// It may happen.
    Permit(Permit),
    /// A human is to be asked.
    Ask {
        /// The question, one sentence.
        text: String,
        /// What it is about in full.
        detail: String,
    },
    /// It may not happen.
    Deny {
        /// The rule that refused, as a sentence.
        reason: String,
        /// What the user can do about it.
        hint: String,
    },
}

/// A policy set that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError(pub String);

impl std::fmt::Display for PolicyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "load the policy set: {}", self.0)
    }
}

impl std::error::Error for PolicyError {}

impl Policies {
    /// The policy set that is compiled in.
    ///
    /// # Errors
    /// The reason, if it does not validate against its schema.
    pub fn built_in() -> Result<Self, PolicyError> {
        let rules = Rules::load(include_str!("../policies/naestro.cedarschema"), include_str!("../policies/modes.cedar"))?;
        Ok(Self { rules })
    }

    /// Decides whether `effect` may happen.
    #[must_use]
    pub fn decide(&self, context: &Context, effect: &Effect) -> Decision {
        match self.rules.judge(Terms::of(context, effect)) {
            Verdict::Allow(ids) => Decision::Permit(permit(context, effect.digest(), ids)),
            Verdict::Ask(question, id) => consented(context, effect, id)
                .map_or_else(|| Decision::Ask { text: question.to_owned(), detail: question::detail(effect) }, Decision::Permit),
            Verdict::Deny { reason, hint } => Decision::Deny { reason: reason.to_owned(), hint: hint.to_owned() },
            Verdict::Broken(what) => Decision::Deny { reason: format!("the policy could not be evaluated: {what}"), hint: REPORT.into() },
        }
    }
}

/// What to do about a policy that fails on a valid request: only a bug can bring it about.
const REPORT: &str = "this is a bug in Naestro: please report it";

impl Effect {
    /// The digest a permit for this effect is bound to, and a consent to it names: that of the port's own argument.
    #[must_use]
    pub fn digest(&self) -> Digest {
        match self {
            Self::Generate(generate) => generate.exactly(),
            Self::Open(open) => open.exactly(),
            Self::Call(call) => call.exactly(),
            Self::Check(check) => check.exactly(),
            Self::Diff(diff) => diff.exactly(),
            Self::Import(import) => import.exactly(),
            Self::Upstream(call) => call.exactly(),
        }
    }
}

fn consented(context: &Context, effect: &Effect, id: &str) -> Option<Permit> {
    let digest = effect.digest();
    (context.consent == Some(digest)).then(|| permit(context, digest, format!("{id} (consented)")))
}

fn permit(context: &Context, effect: Digest, reason: String) -> Permit {
    Permit { run: context.run, unit: context.unit, effect, expires: context.now.after(LAPSES_AFTER), reason }
}
