//! `explain`: what is known about a path, a place, a symbol, a test, a commit or the changes, with citations.

use naestro_kernel::code::{Evidence, Fact, Source, Target};
use naestro_kernel::{Class, ToolAccess};
use serde_json::{Value, json};

use super::arguments::{Kind, required};
use super::bounded::{Bounded, TEXT};
use super::{Answer, Call, Entry, Place, Stop};

pub(super) const TOOL: Entry = Entry {
    name: "explain",
    about: "Tells what is known about code: definition, documentation, callers, callees, tests that reach it and history, each with its \
            place. It knows the folder as it was given, not what was changed in the workspace since.",
    fields: &[required(
        "target",
        Kind::Text,
        "what to explain: path, path:line, path:line:column, path#symbol, symbol, commit:REV, diff or test:NAME",
    )],
    class: Class::Pure,
    access: ToolAccess::None,
    for_agents: true,
    place: Place::Host,
    run,
};

fn run(call: &Call<'_>) -> Result<Answer, Stop> {
    let target = Target::parse(call.args.needed("target"), |path| call.root.existing(if path.is_empty() { "." } else { path }).is_ok());
    let (code, waiting) = call.known()?;
    let evidence = code.evidence(&call.folder(), &target, &waiting).map_err(|fault| call.unknown(fault))?;
    let mut text = Bounded::new(TEXT);
    text.push(evidence.lines().join("\n").as_bytes());
    Ok(Answer { ok: true, text: text.text(), data: Some(data(&evidence)) })
}

/// The evidence with each fact's number and what it rests on.
fn data(evidence: &Evidence) -> Value {
    let left_out = evidence.left_out.iter().map(|(role, count)| json!({ "role": role.heading(), "count": count }));
    json!({
        "title": evidence.title, "gaps": evidence.gaps, "left_out": left_out.collect::<Vec<_>>(),
        "sources": evidence.facts.iter().enumerate().map(|(index, fact)| source(index + 1, fact)).collect::<Vec<_>>(),
    })
}

fn source(number: usize, fact: &Fact) -> Value {
    let mut source = json!({
        "n": number, "role": fact.role.heading(), "text": fact.text, "name": fact.name, "excerpt": fact.excerpt, "guess": fact.guess,
    });
    match &fact.source {
        Source::Code(citation) => {
            source["path"] = citation.path.as_str().into();
            source["start"] = citation.start.into();
            source["end"] = citation.end.into();
            source["line"] = citation.line.into();
            source["last_line"] = citation.last_line.into();
            source["digest"] = citation.digest.to_string().into();
        }
        Source::Commit(id) => source["commit"] = id.as_str().into(),
        Source::Event { run, seq } => {
            source["run"] = run.as_str().into();
            source["seq"] = (*seq).into();
        }
    }
    source
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use naestro_kernel::code::{Citation, Fault, Role};
    use naestro_policy::digest_bytes;
    use serde_json::json;

    use super::super::known::fake::{Fake, answer};
    use super::super::tests::folder;
    use super::*;

    #[test]
    fn evidence_is_text_and_data_and_the_target_is_what_exists() {
        let root = folder(&[("odd:3", "fn parse() {}\n")]);
        let source = Source::Code(Citation {
            path: "odd:3".into(),
            start: 0,
            end: 13,
            line: 1,
            last_line: 1,
            digest: digest_bytes(b"fn parse() {}"),
        });
        let fact = |role, source| Fact { role, text: "fn parse()".into(), name: None, excerpt: String::new(), source, guess: false };
        let facts = vec![fact(Role::Definition, source), fact(Role::Commit, Source::Commit("abc".into()))];
        let evidence = Evidence { title: String::new(), facts, left_out: vec![(Role::Caller, 1)], gaps: vec![] };
        let code = Fake { evidence: Ok(evidence), ..Fake::default() };
        let said = answer(&code, root.path(), "explain", &json!({"target": "odd:3"})).unwrap();
        expect![[r#"
            Path("odd:3")

            definition
              [1] fn parse()   odd:3:1

            commits
              [2] fn parse()   commit abc

            callers
              and 1 more
            {"title":"Path(\"odd:3\")","gaps":[],"left_out":[{"role":"callers","count":1}],"sources":[{"n":1,"role":"definition","text":"fn parse()","name":null,"excerpt":"","guess":false,"path":"odd:3","start":0,"end":13,"line":1,"last_line":1,"digest":"4562e04c73bfa215440b07942d070de7e747fc1f66a193b5ed2d273c48bc829c"},{"n":2,"role":"commits","text":"fn parse()","name":null,"excerpt":"","guess":false,"commit":"abc"}]}"#]]
        .assert_eq(&format!("{}\n{}", said.text, said.data.unwrap_or_default()));
    }

    #[test]
    fn what_is_not_there_is_said_with_what_comes_near() {
        let unknown = Fault::Unknown { what: "symbol `prase`".into(), near: vec!["parse".into(), "phrase".into()] };
        let code = Fake { evidence: Err(unknown), ..Fake::default() };
        let said = answer(&code, folder(&[]).path(), "explain", &json!({"target": "prase"})).unwrap();
        assert_eq!((said.ok, said.text.as_str()), (false, "there is no symbol `prase`; near it: parse, phrase"));
        let broken = answer(&Fake::default(), folder(&[]).path(), "explain", &json!({"target": "parse"}));
        assert_eq!(broken, Err(super::super::Fault::Broken("find evidence".into())));
    }
}
