//! The names of one file, each kept once.

use std::borrow::Cow;
use std::collections::HashMap;

use foldhash::fast::RandomState;

/// Names by number.
#[derive(Default)]
pub(super) struct Names<'t> {
    numbers: HashMap<Cow<'t, [u8]>, u32, RandomState>,
    list: Vec<String>,
    dynamic: Vec<bool>,
}

impl<'t> Names<'t> {
    /// The number of a name. `dynamic` says of a new one whether calling it reaches code by other ways than its name.
    pub(super) fn number(&mut self, name: impl Into<Cow<'t, [u8]>>, dynamic: &[&str]) -> u32 {
        let name = name.into();
        if let Some(number) = self.numbers.get(&name) {
            return *number;
        }
        let number = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
        self.list.push(String::from_utf8_lossy(&name).into_owned());
        self.dynamic.push(dynamic.iter().any(|one| one.as_bytes() == &*name));
        self.numbers.insert(name, number);
        number
    }

    /// Whether calling it reaches code by other ways than its name.
    pub(super) fn is_dynamic(&self, number: u32) -> bool {
        self.dynamic.get(number as usize).copied().unwrap_or_default()
    }

    /// The names, by number.
    pub(super) fn into_list(self) -> Vec<String> {
        self.list
    }
}
