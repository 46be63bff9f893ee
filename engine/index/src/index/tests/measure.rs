//! Figures of a real tree, printed; run by hand with `NAESTRO_INDEX_TREE` in a release build.

use std::time::Instant;

use super::{Patience, listed};
use crate::Facts as _;
use crate::index::Index;

#[test]
#[ignore = "takes a large tree, and only prints"]
#[expect(clippy::disallowed_methods, reason = "measured by hand")]
fn a_tree() {
    let tree = std::env::var("NAESTRO_INDEX_TREE").unwrap();
    let home = tempfile::tempdir().unwrap();
    let ask = |what: &str| {
        let index = Index::new(home.path().to_path_buf());
        for turn in ["anew", "again"] {
            let begun = Instant::now();
            let files = index.ask(&tree, &[], &Patience::endless(), |facts, _| Ok(facts.files()?.len())).unwrap();
            eprintln!("{what} {turn}: {files} files in {:?}", begun.elapsed());
        }
    };
    ask("cold");
    ask("warm");
    let used = || {
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()
    };
    let (before, begun) = (used(), Instant::now());
    for _ in 0..100 {
        let index = Index::new(home.path().to_path_buf());
        index.ask(&tree, &[], &Patience::endless(), |facts, _| facts.files().map(drop)).unwrap();
    }
    eprintln!("warm anew: {:.1} ms of CPU, {:?}", (used() - before) / 10.0, begun.elapsed() / 100);
    let index = Index::new(home.path().to_path_buf());
    (0..4).for_each(|_| index.ask(&tree, &[], &Patience::endless(), |_, _| Ok(())).unwrap());
    let (before, begun) = (used(), Instant::now());
    for _ in 0..100 {
        index.ask(&tree, &[], &Patience::endless(), |facts, _| facts.files().map(drop)).unwrap();
    }
    eprintln!("listening: {:.1} ms of CPU, {:?}", (used() - before) / 10.0, begun.elapsed() / 100);
    for name in ["new", "parse", "HashMap", "Vec"] {
        let (named, mentioned, near) = index
            .ask(&tree, &[], &Patience::endless(), |facts, _| {
                let begun = Instant::now();
                let named = facts.named(name)?.len();
                let at = begun.elapsed();
                let mentioned = facts.mentioning(name)?.len();
                let then = begun.elapsed();
                let near = facts.near(name, 5)?;
                Ok(((named, at), (mentioned, then - at), (near, begun.elapsed() - then)))
            })
            .unwrap();
        eprintln!("{name}: named {named:?}, mentioned {mentioned:?}, near {near:?}");
    }
    index.ask(&tree, &[], &Patience::endless(), |facts, _| listed(facts).map(drop)).unwrap();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    eprintln!("{}", status.lines().find(|line| line.starts_with("VmHWM")).unwrap());
    let size: u64 = std::fs::read_dir(home.path().join("index")).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    eprintln!("database {} MB; {}", size >> 20, std::fs::read_to_string("/proc/self/schedstat").unwrap());
}
