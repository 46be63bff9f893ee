//! Evidence between the kernel's words and callers': the one place where the two forms meet.

use naestro_api as api;
use naestro_kernel::Digest;
use naestro_kernel::code::{Citation, Evidence, Fact, Role, Source};
use serde::Deserialize;

/// Evidence as callers see it.
pub(crate) fn outward(evidence: Evidence) -> api::Evidence {
    let left_out = evidence.left_out.into_iter().map(|(role, count)| api::LeftOut { role: role_outward(role), count });
    api::Evidence {
        title: evidence.title,
        facts: evidence.facts.into_iter().map(fact).collect(),
        left_out: left_out.collect(),
        gaps: evidence.gaps,
    }
}

/// What the tool `explain` found, as its data tells it.
///
/// # Errors
/// The place that cannot be read.
pub(crate) fn of_tool(data: &[u8]) -> Result<api::Evidence, serde_json::Error> {
    let told: Told = serde_json::from_slice(data)?;
    let left_out = told.left_out.into_iter().map(|left| Ok(api::LeftOut { role: role_of(&left.role)?, count: left.count }));
    let facts = told.sources.into_iter().map(ToldFact::fact);
    Ok(api::Evidence {
        title: told.title,
        facts: facts.collect::<Result<_, _>>()?,
        left_out: left_out.collect::<Result<_, _>>()?,
        gaps: told.gaps,
    })
}

/// A caller's citation; nothing where its digest is none.
pub(crate) fn citation_inward(citation: &api::Citation) -> Option<Citation> {
    let api::Citation { path, start, end, line, last_line, digest } = citation;
    let digest = Digest::parse(digest)?;
    Some(Citation { path: path.clone(), start: *start, end: *end, line: *line, last_line: *last_line, digest })
}

/// The tool's data.
#[derive(Deserialize)]
struct Told {
    title: String,
    gaps: Vec<String>,
    left_out: Vec<ToldLeft>,
    sources: Vec<ToldFact>,
}

#[derive(Deserialize)]
struct ToldLeft {
    role: String,
    count: usize,
}

#[derive(Deserialize)]
struct ToldFact {
    role: String,
    text: String,
    name: Option<String>,
    excerpt: String,
    guess: bool,
    #[serde(flatten)]
    source: ToldSource,
}

/// What a fact rests on: told by the fields there are.
#[derive(Deserialize)]
#[serde(untagged)]
enum ToldSource {
    Code(ToldCitation),
    Commit { commit: String },
    Event { run: String, seq: u64 },
}

#[derive(Deserialize)]
struct ToldCitation {
    path: String,
    start: u64,
    end: u64,
    line: u32,
    last_line: u32,
    digest: String,
}

impl ToldFact {
    fn fact(self) -> Result<api::Fact, serde_json::Error> {
        let source = match self.source {
            ToldSource::Code(ToldCitation { path, start, end, line, last_line, digest }) => {
                api::Source::Code(api::Citation { path, start, end, line, last_line, digest })
            }
            ToldSource::Commit { commit } => api::Source::Commit(commit),
            ToldSource::Event { run, seq } => api::Source::Event { run, seq },
        };
        Ok(api::Fact { role: role_of(&self.role)?, text: self.text, name: self.name, excerpt: self.excerpt, source, guess: self.guess })
    }
}

/// The role whose facts are told under that heading.
fn role_of(heading: &str) -> Result<api::Role, serde_json::Error> {
    const ROLES: [Role; 11] = [
        Role::Definition,
        Role::Documentation,
        Role::Member,
        Role::Caller,
        Role::Callee,
        Role::Import,
        Role::Test,
        Role::Commit,
        Role::Companion,
        Role::Change,
        Role::Failure,
    ];
    let role = ROLES.into_iter().find(|role| role.heading() == heading);
    role.map(role_outward).ok_or_else(|| serde::de::Error::custom(format!("there is no role {heading:?}")))
}

fn fact(fact: Fact) -> api::Fact {
    api::Fact {
        role: role_outward(fact.role),
        text: fact.text,
        name: fact.name,
        excerpt: fact.excerpt,
        source: source(fact.source),
        guess: fact.guess,
    }
}

fn source(source: Source) -> api::Source {
    match source {
        Source::Code(citation) => api::Source::Code(citation_outward(citation)),
        Source::Commit(commit) => api::Source::Commit(commit),
        Source::Event { run, seq } => api::Source::Event { run, seq },
    }
}

fn citation_outward(citation: Citation) -> api::Citation {
    let Citation { path, start, end, line, last_line, digest } = citation;
    api::Citation { path, start, end, line, last_line, digest: digest.to_string() }
}

fn role_outward(role: Role) -> api::Role {
    match role {
        Role::Definition => api::Role::Definition,
        Role::Documentation => api::Role::Documentation,
        Role::Member => api::Role::Member,
        Role::Caller => api::Role::Caller,
        Role::Callee => api::Role::Callee,
        Role::Import => api::Role::Import,
        Role::Test => api::Role::Test,
        Role::Commit => api::Role::Commit,
        Role::Companion => api::Role::Companion,
        Role::Change => api::Role::Change,
        Role::Failure => api::Role::Failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_goes_out_whole_and_its_citations_come_back_the_same() {
        let digest = naestro_policy::digest_bytes(b"fn a() {}");
        let citation = Citation { path: "src/a.rs".into(), start: 3, end: 12, line: 2, last_line: 2, digest };
        let fact = |role, source| Fact { role, text: "t".into(), name: None, excerpt: String::new(), source, guess: true };
        let facts = vec![
            fact(Role::Definition, Source::Code(citation.clone())),
            fact(Role::Commit, Source::Commit("abc".into())),
            fact(Role::Failure, Source::Event { run: "r".into(), seq: 7 }),
        ];
        let out = outward(Evidence { title: "a".into(), facts, left_out: vec![(Role::Caller, 3)], gaps: vec!["g".into()] });
        assert_eq!((out.title.as_str(), &out.left_out[0], out.gaps.len()), ("a", &api::LeftOut { role: api::Role::Caller, count: 3 }, 1));
        let api::Source::Code(cited) = &out.facts[0].source else { panic!("{out:?}") };
        assert_eq!(citation_inward(cited), Some(citation));
        assert_eq!(citation_inward(&api::Citation { digest: "no digest".into(), ..cited.clone() }), None);
        assert_eq!(out.facts[2].source, api::Source::Event { run: "r".into(), seq: 7 });
    }

    #[test]
    fn what_the_tool_tells_is_the_same_evidence() {
        let told = of_tool(
            br#"{"title":"a","gaps":["g"],"left_out":[{"role":"callers","count":2}],"sources":[
                {"n":1,"role":"definition","text":"fn a()","name":"a","excerpt":"fn a() {}","guess":false,
                 "path":"src/a.rs","start":0,"end":9,"line":1,"last_line":1,"digest":"00"},
                {"n":2,"role":"commits","text":"A","name":null,"excerpt":"","guess":false,"commit":"0123"},
                {"n":3,"role":"failures","text":"t","name":null,"excerpt":"","guess":true,"run":"r","seq":4}]}"#,
        )
        .unwrap();
        let code = api::Citation { path: "src/a.rs".into(), start: 0, end: 9, line: 1, last_line: 1, digest: "00".into() };
        let seen: Vec<_> = told.facts.iter().map(|fact| (fact.role, fact.source.clone())).collect();
        let expected = [
            (api::Role::Definition, api::Source::Code(code)),
            (api::Role::Commit, api::Source::Commit("0123".into())),
            (api::Role::Failure, api::Source::Event { run: "r".into(), seq: 4 }),
        ];
        assert_eq!((seen.as_slice(), told.left_out[0].role), (expected.as_slice(), api::Role::Caller));
        let unknown = of_tool(br#"{"title":"a","gaps":[],"left_out":[{"role":"friends","count":2}],"sources":[]}"#);
        assert!(unknown.is_err_and(|error| error.to_string().contains("friends")));
    }
}
