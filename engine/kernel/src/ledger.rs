//! What a run may spend, has promised and has spent: a fold over events.
//!
//! Invariant: `spent + promised` never exceeds a limit when something is promised, and nothing here is negative.

use alloc::collections::BTreeMap;

use crate::UnitId;

/// What a run or a step may spend; `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Tokens, input and output together.
    pub tokens: Option<u64>,
    /// Micro-dollars.
    pub micros: Option<u64>,
    /// Wall time in milliseconds.
    pub wall: Option<u64>,
}

/// An amount of what is limited and not wall time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Amount {
    /// Tokens, input and output together.
    pub tokens: u64,
    /// Micro-dollars.
    pub micros: u64,
}

/// What did not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shortfall {
    /// Tokens: what was wanted and what was left.
    Tokens {
        /// Wanted.
        wanted: u64,
        /// Left.
        left: u64,
    },
    /// Micro-dollars: what was wanted and what was left.
    Micros {
        /// Wanted.
        wanted: u64,
        /// Left.
        left: u64,
    },
}

/// The run's account.
///
/// Budget is made durable in blocks ([`crate::Action::Reserve`]) and drawn down in memory, so that a model call does not
/// wait for a disk; a crash forfeits what was left of a block.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ledger {
    limits: Limits,
    spent: Amount,
    promised: BTreeMap<UnitId, Amount>,
    blocks: Amount,
}

impl Ledger {
    /// An empty account under `limits`.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// What has been spent.
    #[must_use]
    pub fn spent(&self) -> Amount {
        self.spent
    }

    /// What units in flight may still spend.
    #[must_use]
    pub fn promised(&self) -> Amount {
        self.promised.values().fold(Amount::default(), |sum, &amount| sum.plus(amount))
    }

    /// Whether something is promised to `unit`.
    #[must_use]
    pub fn has(&self, unit: UnitId) -> bool {
        self.promised.contains_key(&unit)
    }

    /// Promises `amount` to `unit`.
    ///
    /// # Errors
    /// The shortfall, if it does not fit; nothing is promised then.
    pub fn promise(&mut self, unit: UnitId, amount: Amount) -> Result<(), Shortfall> {
        let taken = self.spent.plus(self.promised());
        let left = |limit: Option<u64>, taken: u64| limit.map_or(u64::MAX, |limit| limit.saturating_sub(taken));
        let tokens = left(self.limits.tokens, taken.tokens);
        if amount.tokens > tokens {
            return Err(Shortfall::Tokens { wanted: amount.tokens, left: tokens });
        }
        let micros = left(self.limits.micros, taken.micros);
        if amount.micros > micros {
            return Err(Shortfall::Micros { wanted: amount.micros, left: micros });
        }
        let promised = self.promised.entry(unit).or_default();
        *promised = promised.plus(amount);
        Ok(())
    }

    /// The block to make durable before the promises made can be drawn; `None` if the blocks there are suffice.
    ///
    /// A block is a sixteenth of the limit, or what is promised if that is more.
    #[must_use]
    pub fn block_wanted(&self) -> Option<Amount> {
        let block = |limit: Option<u64>, needed: u64, held: u64| match limit {
            Some(limit) if needed > held => (needed - held).max(limit / 16).min(limit.saturating_sub(held)),
            _ => 0,
        };
        let needed = self.spent.plus(self.promised());
        let wanted = Amount {
            tokens: block(self.limits.tokens, needed.tokens, self.blocks.tokens),
            micros: block(self.limits.micros, needed.micros, self.blocks.micros),
        };
        (wanted != Amount::default()).then_some(wanted)
    }

    /// Takes note of a block made durable.
    pub fn hold(&mut self, block: Amount) {
        self.blocks = self.blocks.plus(block);
    }

    /// Settles what was promised to `unit` at what it really used.
    pub fn settle(&mut self, unit: UnitId, used: Amount) {
        self.promised.remove(&unit);
        self.spent = self.spent.plus(used);
    }

    /// Settles a lost attempt at everything promised to it.
    pub fn settle_in_full(&mut self, unit: UnitId) {
        if let Some(promised) = self.promised.remove(&unit) {
            self.spent = self.spent.plus(promised);
        }
    }

    /// Counts what was left of the durable blocks as spent, after a crash; what was promised and not begun is promised anew.
    pub fn forfeit(&mut self) {
        self.promised.clear();
        self.spent.tokens = self.spent.tokens.max(self.blocks.tokens);
        self.spent.micros = self.spent.micros.max(self.blocks.micros);
    }
}

impl Amount {
    /// The sum, saturating.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self { tokens: self.tokens.saturating_add(other.tokens), micros: self.micros.saturating_add(other.micros) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(tokens: u64) -> Ledger {
        Ledger::new(Limits { tokens: Some(tokens), ..Limits::default() })
    }

    fn tokens(tokens: u64) -> Amount {
        Amount { tokens, micros: 0 }
    }

    #[test]
    fn what_does_not_fit_is_not_promised() {
        let mut ledger = ledger(100);
        assert_eq!(ledger.promise(UnitId(0), tokens(60)), Ok(()));
        assert_eq!(ledger.promise(UnitId(1), tokens(50)), Err(Shortfall::Tokens { wanted: 50, left: 40 }));
        assert_eq!(ledger.promised(), tokens(60));
        ledger.settle(UnitId(0), tokens(10));
        assert_eq!(ledger.promise(UnitId(1), tokens(50)), Ok(()));
    }

    #[test]
    fn a_block_covers_what_is_promised_and_a_crash_forfeits_its_rest() {
        let mut ledger = ledger(1600);
        ledger.promise(UnitId(0), tokens(30)).unwrap();
        assert_eq!(ledger.block_wanted(), Some(tokens(100)));
        ledger.hold(tokens(100));
        assert_eq!(ledger.block_wanted(), None);
        ledger.settle(UnitId(0), tokens(20));
        ledger.forfeit();
        assert_eq!(ledger.spent(), tokens(100));
    }

    #[test]
    fn without_a_limit_no_block_is_wanted() {
        let mut ledger = Ledger::default();
        ledger.promise(UnitId(0), tokens(u64::MAX)).unwrap();
        assert_eq!(ledger.block_wanted(), None);
    }
}
