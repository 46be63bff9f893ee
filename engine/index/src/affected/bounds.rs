//! Repositories that nobody would write: the work stays in proportion to their size.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use naestro_kernel::code::{Affected, Change};

use super::affected;
use crate::fixture::{BEFORE, Memory, Patient};

/// Far more than any of these takes, and far less than one of them would where its work is not in proportion.
const LONG: Duration = Duration::from_secs(20);

fn check(now: impl IntoIterator<Item = (String, String)>, before: (&str, &str)) -> Affected {
    let now: BTreeMap<String, Vec<u8>> = now.into_iter().map(|(path, text)| (path, text.into_bytes())).collect();
    let before = BTreeMap::from([(before.0.to_owned(), before.1.as_bytes().to_vec())]);
    let memory = Memory::new(now, before);
    let change = Change { since: Some(BEFORE.to_owned()), files: memory.changed_files() };
    let started = Instant::now();
    let found = affected(&memory, &memory, &change, &Patient).unwrap();
    assert!(started.elapsed() < LONG, "it took {:?}", started.elapsed());
    found
}

#[test]
fn modules_that_all_import_everything_of_each_other() {
    let modules = 40;
    let stars =
        |own: usize| (0..modules).filter(|other| *other != own).map(|other| format!("from m{other} import *\n")).collect::<String>();
    let mut now: Vec<(String, String)> =
        (0..modules).map(|own| (format!("m{own}.py"), format!("{}def f{own}(): return 1\n", stars(own)))).collect();
    now.push(("test_m.py".to_owned(), "from m0 import *\ndef test_a(): f3()\ndef test_b(): absent()\n".to_owned()));
    now.push(("absent.py".to_owned(), "def absent(): return 2\n".to_owned()));
    let found = check(now, ("absent.py", "def absent(): return 1\n"));
    assert!(found.tests.is_empty());
}

#[test]
fn a_method_name_that_every_type_has() {
    let types = 1_000;
    let mut now: Vec<(String, String)> = (0..types)
        .map(|own| {
            let calls = (0..10).map(|at| format!("fn c{at}(t: &T{own}) {{ t.get(); }}\n")).collect::<String>();
            (format!("src/t{own}.rs"), format!("pub struct T{own};\nimpl T{own} {{ pub fn get(&self) -> u32 {{ 1 }} }}\n{calls}"))
        })
        .collect();
    let mods = (0..types).map(|own| format!("pub mod t{own};\n")).collect::<String>();
    now.push(("src/lib.rs".to_owned(), format!("{mods}#[test]\nfn gets() {{ let t: t3::T3 = t3::T3; t.get(); }}\n")));
    let found = check(now, ("src/t3.rs", "pub struct T3;\nimpl T3 { pub fn get(&self) -> u32 { 2 } }\n"));
    assert_eq!(found.tests.len(), 1);
}
