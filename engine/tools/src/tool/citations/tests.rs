//! What is kept of a model's words.

use expect_test::{Expect, expect};
use naestro_policy::digest_bytes;

use super::super::known::fake::{Fake, answer};
use super::super::tests::folder;
use super::*;

const CODE: &str = "fn parse(text: &str) -> Ast {\n    Reader::new(text).read_all()\n}\n\nfn load() {}\n";

fn evidence() -> Value {
    let (first, second) = (CODE.find("\n\n").unwrap() + 1, CODE.len());
    let cite = |n: u64, start: usize, end: usize, line: u32, last: u32| {
        let digest = digest_bytes(&CODE.as_bytes()[start..end]).to_string();
        json!({"n": n, "text": "a fact", "path": "src/a.rs", "start": start, "end": end, "line": line, "last_line": last, "digest": digest})
    };
    let mut stale = cite(4, 0, first, 1, 3);
    stale["digest"] = digest_bytes(b"other").to_string().into();
    json!({"sources": [
        cite(1, 0, first, 1, 3), cite(2, first + 1, second, 5, 5), {"n": 3, "text": "Parses faster", "commit": "0123456789abcdef"}, stale, {"n": 5, "text": "none"},
    ], "gaps": ["no coverage run is known"]})
}

#[track_caller]
fn check(prose: &str, expect: Expect) {
    let root = folder(&[("src/a.rs", CODE)]);
    let said = answer(&Fake::default(), root.path(), "citations", &json!({"evidence": evidence(), "prose": {"text": prose}})).unwrap();
    assert!(said.ok);
    expect.assert_eq(&format!("{}\n{}", said.text, said.data.unwrap_or_default()));
}

#[test]
fn what_is_proved_is_kept_with_its_sources() {
    check(
        "# How it reads\n\n`parse` builds an `Ast` by `Reader::read_all()` [1]. It became faster in 2026. [3]\n\n- `load` does nothing, see `src/a.rs:5`.\n",
        expect![[r##"
            # How it reads

            `parse` builds an `Ast` by `Reader::read_all()` [1]. It became faster in 2026. [3]

            - `load` does nothing, see `src/a.rs:5`.

            sources
              [1] src/a.rs:1-3
              [2] src/a.rs:5
              [3] commit 0123456789
            {"kept":3,"dropped":0}"##]],
    );
}

#[test]
fn what_is_not_proved_is_dropped_and_only_counted() {
    check(
        "Kept [1]. Uncited. No such source [9]. One is missing [1][9]. Stale [4]. Nothing behind it [5]. Names `write_all` [1]. Names par_se [1]. \
         Part of a name: `pars` [1]. Another's name: `load` [1]. Wrong place src/a.rs:4 [1]. Too long a place `src/a.rs:1-5` [1].\n## Empty\n```\nx [1]\n```",
        expect![[r#"
            Kept [1].

            sources
              [1] src/a.rs:1-3

            12 of 13 sentences dropped: their citations do not hold
            {"kept":1,"dropped":12}"#]],
    );
}

#[test]
fn where_nothing_is_left_it_abstains() {
    check(
        "It is fast. It calls `send` [1].",
        expect![[r#"
            no sentence could be supported by the evidence: each must cite it as [n], and hold only names that stand there; it would need more: no coverage run is known
            {"kept":0,"dropped":2}"#]],
    );
    check(
        "",
        expect![[r#"
        there was no sentence: each must cite it as [n], and hold only names that stand there; it would need more: no coverage run is known
        {"kept":0,"dropped":0}"#]],
    );
}

#[test]
fn a_file_that_changed_meanwhile_proves_nothing() {
    let root = folder(&[("src/a.rs", "fn parse() {}\n")]);
    let said =
        answer(&Fake::default(), root.path(), "citations", &json!({"evidence": evidence(), "prose": "It parses [1]. It is fast [3]."}));
    assert_eq!(said.unwrap().data, Some(json!({"kept": 1, "dropped": 1})));
}

#[test]
fn what_only_looks_proved_is_dropped() {
    let alone = |prose: &str| {
        let root = folder(&[("src/a.rs", CODE)]);
        let said = answer(&Fake::default(), root.path(), "citations", &json!({"evidence": evidence(), "prose": prose})).unwrap();
        said.data.unwrap()["kept"].clone()
    };
    for dropped in [
        // Citations that are none.
        "It [1, 99]. ",
        "It [0]. ",
        "It [1]-[5]. ",
        "It [1] to [4]. ",
        "It [1][1-999]. ",
        "It [1][3-1]. ",
        "It [1][１]. ",
        "It [１]. ",
        "It [1][-1]. ",
        "It [1] [^9]. ",
        "It [1] [9x]. ",
        "It [1] [99 and more",
        "It [[99]] [1]. ",
        "It [1]【9†a】. ",
        "It [1, two, 99]. ",
        "It [1; 99]. ",
        // Places that are not cited.
        "See [here](src/a.rs:4) [1]. ",
        "See [here](src/a.rs#L4) [1]. ",
        "See <src/a.rs:4> [1]. ",
        "See “src/a.rs:4” [1]. ",
        "See src/a.rs:L4 [1]. ",
        "See (src/a.rs:4)'s [1]. ",
        "See `src/a.rs#L1-L9` [1]. ",
        // Names that do not stand there.
        "It calls ``evil`` [1]. ",
        "It calls `` `evil` `` [1]. ",
        "It calls `evil [1]. ",
        "It calls evil() [1]. ",
        "It calls readEvil [1]. ",
        "It calls **wr_ite** [1]. ",
        "It calls “wr_ite” [1]. ",
        "It calls a::evil [1]. ",
        "# It calls `evil`\nA",
    ] {
        assert_eq!(alone(dropped), json!(0), "{dropped}");
    }
    for kept in [
        "It [1, 2]. ",
        "It [1]-[3]. ",
        "It [ 1 ]. ",
        "See src/a.rs#L1-L3. ",
        "See [here](src/a.rs:2). ",
        "It calls ``read_all`` [1]. ",
        "It calls parse() [1]. ",
        "An array [u8] [1]. ",
        "On macOS it parses [1].",
        "It parses\nwhat is [there] [1].",
    ] {
        assert_eq!(alone(kept), json!(1), "{kept}");
    }
}

#[test]
fn an_uncited_sentence_does_not_hide_behind_a_cited_one() {
    check(
        "**It is fast.** Kept [1]. \"It is fast.\" Kept [1]. It is fast.\u{a0}Kept [1]. It is fast。Kept [1]. ‘It is fast.’ Kept [1]. It is fast… Kept [1].\n\
         It never\ncalls load [9]. Kept\nover lines [1].\n### It is fast.\n#42 is fast.\n## It calls `evil` [1]\n## Kept\nKept [1].",
        expect![[r##"
            Kept [1]. Kept [1]. Kept [1]. Kept [1]. Kept [1]. Kept [1].
            Kept
            over lines [1].
            ## Kept
            Kept [1].

            sources
              [1] src/a.rs:1-3

            10 of 18 sentences dropped: their citations do not hold
            {"kept":8,"dropped":10}"##]],
    );
}
