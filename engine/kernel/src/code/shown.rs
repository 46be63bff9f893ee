//! Evidence as plain lines, so that every face shows the same.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use super::{Citation, Evidence, Fact, Role, Source};

/// The most lines of an excerpt that are shown where the fact is the target itself.
const WHOLE: usize = 60;

/// The most lines of an excerpt that are shown of what is only near it.
const NEAR: usize = 4;

impl Evidence {
    /// The evidence for people: the title, each fact with its number and its place below its role, and what is not known.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::from([self.title.clone()]);
        let mut roles: Vec<Role> = Vec::new();
        self.facts.iter().map(|fact| fact.role).chain(self.left_out.iter().map(|(role, _)| *role)).for_each(|role| {
            if !roles.contains(&role) {
                roles.push(role);
            }
        });
        for role in roles {
            lines.push(String::new());
            lines.push(role.heading().to_string());
            let facts = self.facts.iter().enumerate().filter(|(_, fact)| fact.role == role);
            facts.for_each(|(index, fact)| lines.extend(fact.lines(index + 1)));
            let more = self.left_out.iter().filter(|(of, count)| *of == role && *count > 0);
            lines.extend(more.map(|(_, count)| format!("  and {count} more")));
        }
        if !self.gaps.is_empty() {
            lines.extend([String::new(), "not known".to_string()]);
            lines.extend(self.gaps.iter().map(|gap| format!("  {gap}")));
        }
        lines
    }
}

impl Fact {
    fn lines(&self, number: usize) -> Vec<String> {
        let guess = if self.guess { "   (a guess: by its name alone)" } else { "" };
        let mut lines = Vec::from([format!("  [{number}] {}   {}{guess}", self.text, self.source)]);
        let most = if matches!(self.role, Role::Definition | Role::Documentation | Role::Change) { WHOLE } else { NEAR };
        lines.extend(self.excerpt.lines().take(most).map(|line| format!("      {line}").trim_end().to_string()));
        let more = self.excerpt.lines().count().saturating_sub(most);
        if more > 0 {
            lines.push(format!("      ... {more} more lines"));
        }
        lines
    }
}

impl Role {
    /// What facts of this role are called together.
    #[must_use]
    pub fn heading(self) -> &'static str {
        match self {
            Self::Definition => "definition",
            Self::Documentation => "documentation",
            Self::Member => "members",
            Self::Caller => "callers",
            Self::Callee => "callees",
            Self::Import => "imports",
            Self::Test => "tests that reach it",
            Self::Commit => "commits",
            Self::Companion => "often changes together with",
            Self::Change => "changes",
            Self::Failure => "failures",
        }
    }
}

/// `path:line`, or `path:line-last`.
impl fmt::Display for Citation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.path, self.line)?;
        if self.last_line > self.line { write!(f, "-{}", self.last_line) } else { Ok(()) }
    }
}

/// Where to look: a place, the beginning of a commit's id, or an event of a run.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(citation) => citation.fmt(f),
            Self::Commit(id) => write!(f, "commit {}", id.get(..10).unwrap_or(id)),
            Self::Event { run, seq } => write!(f, "run {run}, event {seq}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Digest;

    fn fact(role: Role, text: &str, excerpt: &str, source: Source) -> Fact {
        Fact { role, text: text.into(), name: None, excerpt: excerpt.into(), source, guess: role == Role::Caller }
    }

    fn code(line: u32, last_line: u32) -> Source {
        Source::Code(Citation { path: "src/a.rs".into(), start: 0, end: 1, line, last_line, digest: Digest([0; 32]) })
    }

    #[test]
    fn every_fact_has_its_number_and_place_below_its_role() {
        let evidence = Evidence {
            title: "function `parse` in src/a.rs".into(),
            facts: Vec::from([
                fact(Role::Definition, "fn parse()", "fn parse() {\n\n}\n", code(3, 5)),
                fact(Role::Caller, "load", "1\n2\n3\n4\n5\n6", code(9, 9)),
                fact(Role::Commit, "Parses", "", Source::Commit("0123456789abcdef".into())),
                fact(Role::Caller, "store", "", Source::Event { run: "r".into(), seq: 4 }),
            ]),
            left_out: Vec::from([(Role::Caller, 2), (Role::Test, 7)]),
            gaps: Vec::from(["no coverage run is known".into()]),
        };
        let expected = "function `parse` in src/a.rs

definition
  [1] fn parse()   src/a.rs:3-5
      fn parse() {

      }

callers
  [2] load   src/a.rs:9   (a guess: by its name alone)
      1
      2
      3
      4
      ... 2 more lines
  [4] store   run r, event 4   (a guess: by its name alone)
  and 2 more

commits
  [3] Parses   commit 0123456789

tests that reach it
  and 7 more

not known
  no coverage run is known";
        assert_eq!(evidence.lines().join("\n"), expected);
    }
}
