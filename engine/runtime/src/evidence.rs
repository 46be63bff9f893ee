//! Evidence between the kernel's words and callers': the one place where the two forms meet.

use naestro_api as api;
use naestro_kernel::Digest;
use naestro_kernel::code::{Citation, Evidence, Fact, Role, Source};

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

/// What the tool `explain` found, in its own words.
///
/// # Errors
/// The place that cannot be read.
pub(crate) fn of_tool(data: &[u8]) -> Result<api::Evidence, serde_json::Error> {
    serde_json::from_slice(data)
}

/// A caller's citation; nothing where its digest is none.
pub(crate) fn citation_inward(citation: &api::Citation) -> Option<Citation> {
    let api::Citation { path, start, end, line, last_line, digest } = citation;
    let digest = Digest::parse(digest)?;
    Some(Citation { path: path.clone(), start: *start, end: *end, line: *line, last_line: *last_line, digest })
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
}
