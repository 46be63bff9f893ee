//! Receipts: what was done, effect by effect, as the journal has it.

use std::collections::BTreeMap;

use naestro_api::{CallState, Receipt};
use naestro_kernel::{Outcome, UnitId, What, Work};

/// Folds intents, refusals and outcomes into one receipt per unit.
#[derive(Clone, Debug, Default)]
pub(crate) struct Receipts {
    of_unit: BTreeMap<UnitId, Receipt>,
}

impl Receipts {
    /// Takes in an event; `work` is the unit's, where the event is about one.
    pub(crate) fn take(&mut self, what: &What, work: Option<&Work>) {
        let step = work.and_then(Work::step).map(|step| step.0.clone());
        match what {
            What::Intended { unit, attempt, effect, label, reason, .. } => {
                let receipt = Receipt {
                    unit: unit.0,
                    step,
                    label: label.clone(),
                    effect: effect.to_string(),
                    permitted_by: reason.clone(),
                    state: CallState::Started,
                    attempts: *attempt,
                };
                self.of_unit.insert(*unit, receipt);
            }
            What::Denied { unit, label, .. } => {
                let receipt = Receipt {
                    unit: unit.0,
                    step,
                    label: label.clone(),
                    effect: String::new(),
                    permitted_by: String::new(),
                    state: CallState::Refused,
                    attempts: 0,
                };
                self.of_unit.insert(*unit, receipt);
            }
            What::Done { unit, outcome } => {
                if let Some(receipt) = self.of_unit.get_mut(unit) {
                    receipt.state = state(outcome);
                }
            }
            _ => {}
        }
    }

    /// The label a unit's last intent had.
    pub(crate) fn label(&self, unit: UnitId) -> &str {
        self.of_unit.get(&unit).map_or("", |receipt| &receipt.label)
    }

    /// All of them, in the order of their units.
    pub(crate) fn all(&self) -> Vec<Receipt> {
        self.of_unit.values().cloned().collect()
    }
}

/// How an outcome looks to callers.
pub(crate) fn state(outcome: &Outcome) -> CallState {
    match outcome {
        Outcome::Tool { ok: false, .. } | Outcome::Checked { passed: false, .. } | Outcome::Failed(_) => CallState::Failed,
        Outcome::Cancelled { .. } => CallState::Cancelled,
        Outcome::Tool { .. }
        | Outcome::Checked { .. }
        | Outcome::Message { .. }
        | Outcome::Workspace { .. }
        | Outcome::Diffed { .. }
        | Outcome::Imported { .. } => CallState::Succeeded,
    }
}
