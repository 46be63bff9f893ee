//! The end of a run: the plan's own acceptance commands, the diff, the import, the conclusion.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::state::{Imported, StepPhase};
use super::{Run, Stop};
use crate::{Action, Mode, RunOutcome, Step, StepId, StepKind, Work};

impl Run {
    /// Queues the next thing the end needs, or concludes; called again whenever nothing is left to wait for.
    pub(super) fn end(&mut self, actions: &mut Vec<Action>) {
        if !self.units.is_empty() || self.ending.concluded {
            return;
        }
        match self.next_of_ending() {
            Some(work) => {
                self.ending.diff_tried |= matches!(work, Work::Diff { .. });
                self.queue(work);
            }
            None => {
                self.ending.concluded = true;
                actions.push(self.conclusion());
            }
        }
    }

    fn next_of_ending(&self) -> Option<Work> {
        let opening = self.opening.as_ref()?;
        let good = self.stop.is_none();
        let checked_by_agents = self.plan.as_ref().is_some_and(|plan| plan.steps.iter().any(|step| self.has_accepted(step)));
        if let Some(command) = opening.checks.get(self.ending.checks_passed).filter(|_| good && !checked_by_agents) {
            let timeout = self.time_left(Self::check_timeout());
            return Some(Work::Check { step: None, command: command.clone(), timeout });
        }
        // What an earlier run of the session left is not asked about again by a run that only talks.
        let inherited = opening.inherited.map(|(_, tree)| tree);
        let tree = self.tree.filter(|tree| Some(*tree) != self.base && Some(*tree) != inherited)?;
        if !self.ending.diff_tried {
            return Some(Work::Diff { tree });
        }
        let (diff, files) = self.ending.diff?;
        let wanted = opening.apply || opening.mode == Mode::Copilot;
        (good && wanted && files > 0 && self.ending.imported.is_none()).then_some(Work::Import { tree, diff })
    }

    fn conclusion(&self) -> Action {
        let (outcome, mut summary) = match &self.stop {
            None => (self.good_outcome(), self.good_summary()),
            Some(Stop::Cancel | Stop::Suspend) => (RunOutcome::Cancelled, String::from("cancelled")),
            Some(Stop::Failed { message, refused, step }) => {
                let outcome = if *refused { RunOutcome::Refused } else { RunOutcome::Failed };
                let output = step.as_ref().and_then(|step| self.failed_output(step));
                (outcome, output.unwrap_or_else(|| format!("failed to {message}")))
            }
        };
        match &self.ending.imported {
            Some(Imported::Files(files)) => summary.push_str(&format!("\n\nimported into the checkout: {}", count(*files))),
            Some(Imported::Refused(why)) => summary.push_str(&format!("\n\nnot imported into the checkout: {why}")),
            None => {}
        }
        Action::Conclude { outcome, summary }
    }

    /// Work that was to be imported and was not has been refused; that a human declines what was only offered is no failure.
    fn good_outcome(&self) -> RunOutcome {
        let wanted = self.opening.as_ref().is_some_and(|opening| opening.apply);
        match &self.ending.imported {
            Some(Imported::Refused(_)) if wanted => RunOutcome::Refused,
            _ => RunOutcome::Succeeded,
        }
    }

    /// The text of the plan's summary step.
    fn good_summary(&self) -> String {
        let step = self.plan.as_ref().and_then(|plan| plan.summary.as_ref().and_then(|id| plan.step(id)).or(plan.steps.last()));
        let text = step.and_then(|step| self.steps.get(&step.id)?.output.as_ref());
        text.map_or_else(
            || format!("{} of {} steps succeeded", self.succeeded(), self.steps.len()),
            |output| output.text.text().into_owned(),
        )
    }

    fn succeeded(&self) -> usize {
        self.steps.values().filter(|state| state.phase == StepPhase::Succeeded).count()
    }

    /// What the failed step itself had to say, a test report for instance.
    fn failed_output(&self, step: &StepId) -> Option<String> {
        let output = self.steps.get(step)?.output.as_ref()?;
        let text = output.text.text();
        (!text.trim().is_empty()).then(|| text.trim_end().to_owned())
    }

    /// Whether the acceptance commands passed in this step: an agent's.
    fn has_accepted(&self, step: &Step) -> bool {
        matches!(step.kind, StepKind::Agent { .. }) && self.step(&step.id) == StepPhase::Succeeded
    }
}

fn count(files: u32) -> String {
    if files == 1 { String::from("1 file") } else { format!("{files} files") }
}
