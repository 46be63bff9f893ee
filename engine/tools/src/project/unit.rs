//! Folders with a manifest, of which only some have tests.
//!
//! Invariant: a folder without tests of its own counts as part of everything tested that uses it, so that its files are never nobody's.

use std::collections::{BTreeMap, BTreeSet};

use super::Package;

/// A folder with a manifest.
pub(super) struct Unit {
    /// Where it lies.
    pub(super) dir: String,
    /// The folders of the units it uses.
    pub(super) needs: Vec<String>,
    /// What is tested there; its `needs` and `also` are worked out here.
    pub(super) package: Option<Package>,
}

/// The packages among the units, each with what it needs and with the untested folders it uses.
pub(super) fn packages(units: Vec<Unit>) -> Vec<Package> {
    let needs: BTreeMap<String, Vec<String>> = units.iter().map(|unit| (unit.dir.clone(), unit.needs.clone())).collect();
    let tested: BTreeSet<String> = units.iter().filter(|unit| unit.package.is_some()).map(|unit| unit.dir.clone()).collect();
    let found = units.into_iter().filter_map(|unit| unit.package);
    found.map(|package| with_needs(package, &needs, &tested)).collect()
}

fn with_needs(mut package: Package, needs: &BTreeMap<String, Vec<String>>, tested: &BTreeSet<String>) -> Package {
    let mut seen = BTreeSet::from([package.dir.clone()]);
    let mut open = vec![package.dir.clone()];
    while let Some(dir) = open.pop() {
        for need in needs.get(&dir).into_iter().flatten().filter(|need| needs.contains_key(*need)) {
            if !seen.insert(need.clone()) {
                continue;
            }
            if tested.contains(need) {
                package.needs.push(need.clone());
            } else {
                package.also.push(need.clone());
                open.push(need.clone());
            }
        }
    }
    package
}
