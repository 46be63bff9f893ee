//! Files and folders nobody hopes for: each costs little and says why it is not known.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;

use expect_test::expect;
use naestro_kernel::Digest;
use naestro_kernel::code::{Citation, Code as _, Evidence, Fault, Target};

use super::{Bench, Patience, defined, listed, mentioned};
use crate::Index;

#[track_caller]
fn check(make: impl Fn(&Bench), expect: expect_test::Expect) {
    let bench = Bench::new(&[("a.rs", "fn f() {}\n")]);
    make(&bench);
    expect.assert_eq(&bench.ask(|facts, _| listed(facts)));
    assert_eq!(bench.ask(|facts, _| defined(facts, "f")), "a.rs:1");
}

#[test]
fn large_files_and_long_lines() {
    check(
        |bench| {
            bench.write("big.rs", "fn g() {}\n".repeat(500_000));
            bench.write("wide.js", format!("f({});", "1,".repeat(400_000)));
            bench.write("empty.rs", "");
        },
        expect![[r#"
            a.rs
            big.rs: larger than 4 MB
            empty.rs
            wide.js: lines of 800 KB"#]],
    );
}

#[test]
fn bytes_that_are_no_text() {
    check(
        |bench| {
            bench.write("image.png", b"\x89PNG\0\0\0");
            bench.write("latin.c", b"/* gr\xfc\xdfe */ int f(void);\n");
            bench.write("wide.rs", "fn f() {}".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>());
        },
        expect![[r#"
            a.rs
            image.png: no text
            latin.c: no UTF-8
            wide.rs: no text"#]],
    );
}

#[test]
fn the_words_of_broken_text_are_known() {
    let bench = Bench::new(&[]);
    bench.write("latin.c", b"/* gr\xfc\xdfe */ int answer(void);\n");
    assert_eq!(bench.ask(|facts, _| mentioned(facts, "answer")), "latin.c");
}

#[test]
fn odd_names() {
    check(
        |bench| {
            bench.write("two\nlines.rs", "fn g() {}\n");
            bench.write("a \"quoted\" 'name' %20.rs", "fn g() {}\n");
            fs::write(bench.root().join(OsStr::from_bytes(b"no\xff8.rs")), "fn g() {}\n").unwrap();
        },
        expect![[r#"
            a "quoted" 'name' %20.rs
            a.rs
            no�8.rs: its name is no UTF-8
            two
            lines.rs"#]],
    );
}

#[test]
fn links_are_not_followed_and_hidden_files_not_seen() {
    check(
        |bench| {
            symlink(bench.root(), bench.root().join("loop")).unwrap();
            symlink("/etc", bench.root().join("etc")).unwrap();
            symlink("a.rs", bench.root().join("b.rs")).unwrap();
            bench.write(".hidden/c.rs", "fn f() {}\n");
            bench.write("sub/.d.rs", "fn f() {}\n");
        },
        expect!["a.rs"],
    );
}

#[test]
fn repositories_within_are_named_once() {
    check(
        |bench| {
            git2::Repository::init(bench.root()).unwrap();
            git2::Repository::init(bench.root().join("vendor/clone")).unwrap();
            bench.write("vendor/clone/src/x.rs", "fn f() {}\n");
            bench.write("vendor/submodule/.git", "gitdir: ../../.git/modules/submodule\n");
            bench.write("vendor/submodule/y.rs", "fn f() {}\n");
        },
        expect![[r#"
            a.rs
            vendor/clone: a repository of its own, which is left out
            vendor/submodule: a repository of its own, which is left out"#]],
    );
}

#[test]
fn a_folder_within_a_repository_obeys_its_rules() {
    let bench = Bench::new(&[(".gitignore", "*.gen.rs\n"), ("lib/a.rs", ""), ("lib/b.gen.rs", "")]);
    git2::Repository::init(bench.root()).unwrap();
    let lib = bench.root().join("lib");
    let ask = || Index::new(bench.home()).ask(lib.to_str().unwrap(), &[], &Patience::endless(), |facts, _| listed(facts)).unwrap();
    assert_eq!(ask(), "a.rs");
    bench.write(".gitignore", "");
    assert_eq!(ask(), "a.rs\nb.gen.rs");
}

#[test]
fn a_root_that_is_none() {
    let bench = Bench::new(&[("a.rs", "")]);
    let ask = |path: &str| bench.index.ask(bench.root().join(path).to_str().unwrap(), &[], &Patience::endless(), |_, _| Ok(()));
    assert!(matches!(ask("gone"), Err(Fault::Unavailable(why)) if why.starts_with("find the folder ")));
    assert!(matches!(ask("a.rs"), Err(Fault::Unavailable(why)) if why.ends_with("it is no folder")));
}

#[test]
fn a_citation_holds_as_long_as_its_bytes_are_there() {
    let bench = Bench::new(&[("a.rs", "fn f() {}\n")]);
    fs::write(bench.folder.path().join("outside.rs"), "fn f() {}\n").unwrap();
    symlink(bench.folder.path().join("outside.rs"), bench.root().join("link.rs")).unwrap();
    let cite = |path: &str, start, end| Citation {
        path: path.into(),
        start,
        end,
        line: 1,
        last_line: 1,
        digest: Digest(*blake3::hash(b"fn f").as_bytes()),
    };
    let citations = [
        cite("a.rs", 0, 4),
        cite("a.rs", 1, 5),
        cite("a.rs", 0, 400),
        cite("a.rs", 4, 0),
        cite("gone.rs", 0, 4),
        cite("../outside.rs", 0, 4),
        cite("link.rs", 0, 4),
        cite("", 0, 4),
        Citation { digest: Digest(*blake3::hash(b"").as_bytes()), ..cite("", 0, 0) },
    ];
    let holds = || bench.index.holds(bench.root().to_str().unwrap(), &citations);
    assert_eq!(holds(), [true, false, false, false, false, false, false, false, false]);
    bench.write("a.rs", "fn g() {}\n");
    assert_eq!(holds(), [false; 9]);
}

fn explained(bench: &Bench, target: &Target) -> Evidence {
    bench.index.evidence(bench.root().to_str().unwrap(), target, &Patience::endless()).unwrap()
}

#[test]
fn a_repository_within_is_explained_as_what_it_is() {
    let bench = Bench::new(&[("a.rs", "fn f() {}\n")]);
    git2::Repository::init(bench.root()).unwrap();
    git2::Repository::init(bench.root().join("clone")).unwrap();
    git2::Repository::init(bench.root().join("other")).unwrap();
    let told = explained(&bench, &Target::Path("clone".into()));
    assert_eq!(
        (told.title.as_str(), told.gaps.as_slice()),
        ("folder clone", &["clone is a repository of its own, which is left out".to_owned()][..])
    );
}

#[test]
fn a_file_of_any_size_is_explained_by_its_beginning() {
    let bench = Bench::new(&[]);
    bench.write("sparse.js", "let a = 1;\n");
    fs::File::options().write(true).open(bench.root().join("sparse.js")).unwrap().set_len(200 << 30).unwrap();
    let told = explained(&bench, &Target::Path("sparse.js".into()));
    assert_eq!(told.facts[0].text, "sparse.js, 16 MB or more");
    assert!(told.gaps.iter().any(|gap| gap.ends_with("it is larger than 4 MB")), "{:?}", told.gaps);
}

#[test]
fn what_no_commit_changed_is_told_apart_from_what_has_no_history() {
    let bench = Bench::new(&[("a.rs", "fn f() {}\n")]);
    let gap = || explained(&bench, &Target::Symbol("f".into())).gaps.pop().unwrap();
    assert_eq!(gap(), "no git history here, so who changed it and when is not known");
    let repository = git2::Repository::init(bench.root()).unwrap();
    let tree = repository.find_tree(repository.index().unwrap().write_tree().unwrap()).unwrap();
    let ada = git2::Signature::now("Ada", "ada@example.org").unwrap();
    repository.commit(Some("HEAD"), &ada, &ada, "nothing yet", &tree, &[]).unwrap();
    assert_eq!(gap(), "no commit is known that changed it, so who changed it and when is not known");
}

#[test]
fn of_two_symbols_of_a_name_the_same_is_told_whichever_was_edited_last() {
    let bench = Bench::new(&[("a.rs", "fn f() {}\n"), ("b.rs", "fn f() {}\n")]);
    let title = || explained(&bench, &Target::Symbol("f".into())).title;
    assert_eq!(title(), "function `f` in a.rs, one of 2 of that name");
    bench.write("a.rs", "fn f() { f() }\n");
    assert_eq!(title(), "function `f` in a.rs, one of 2 of that name");
}
