//! `citations`: keeps of a text about code only what its citations prove.
//!
//! Invariant: no sentence is kept unless each of its citations is in the evidence, the cited bytes are still those, and every name it
//! mentions stands in what it cites.

mod sentences;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use naestro_kernel::code::Citation;
use naestro_kernel::{Class, Digest, ToolAccess};
use serde_json::{Value, json};

use super::arguments::{Kind, required};
use super::test::counted;
use super::{Answer, Call, Entry, Place, Stop};
use sentences::{Block, Refers, blocks};

/// The most bytes of one citation that are looked at.
const CITED: u64 = 1024 * 1024;

pub(super) const TOOL: Entry = Entry {
    name: "citations",
    about: "Keeps of a text about code only the sentences whose citations hold, and says how many were dropped.",
    fields: &[
        required("evidence", Kind::Data, "the data of the tool explain: an object with sources"),
        required("prose", Kind::Said, "the text whose sentences cite the evidence as [n]; or an object with it as text"),
    ],
    class: Class::Pure,
    access: ToolAccess::None,
    for_agents: false,
    place: Place::Host,
    run,
};

/// Something a sentence may cite.
struct Source {
    /// Its place, in words.
    place: String,
    /// Where its bytes are; nothing for what cannot change, such as a commit.
    citation: Option<Citation>,
    /// Whether what it cites is still there.
    holds: bool,
    /// All it says.
    text: String,
}

fn run(call: &Call<'_>) -> Result<Answer, Stop> {
    let evidence = call.args.data("evidence");
    let sources = sources(call, evidence)?;
    let prose = prose(call.args.data("prose"))?;
    let mut kept = Kept::default();
    blocks(prose).iter().for_each(|block| kept.take(block, &sources));
    let gaps = evidence.and_then(|evidence| evidence.get("gaps")).and_then(Value::as_array);
    let gaps: Vec<&str> = gaps.into_iter().flatten().filter_map(Value::as_str).collect();
    let data = json!({ "kept": kept.kept, "dropped": kept.dropped });
    Ok(Answer { ok: true, text: kept.text(&sources, &gaps), data: Some(data) })
}

fn prose(said: Option<&Value>) -> Result<&str, Stop> {
    let text = said.and_then(|said| said.as_str().or_else(|| said.get("text").and_then(Value::as_str)));
    text.ok_or_else(|| Stop::refused("the argument \"prose\" must be a string, or an object with \"text\""))
}

fn sources(call: &Call<'_>, evidence: Option<&Value>) -> Result<BTreeMap<usize, Source>, Stop> {
    let shape = || Stop::refused("the argument \"evidence\" must hold \"sources\", a list of objects with \"n\"; take the data of explain");
    let list = evidence.and_then(|evidence| evidence.get("sources")).and_then(Value::as_array).ok_or_else(shape)?;
    let mut sources = BTreeMap::new();
    for told in list {
        let number = told.get("n").and_then(Value::as_u64).and_then(|number| usize::try_from(number).ok()).ok_or_else(shape)?;
        sources.insert(number, source(told));
    }
    let (code, _) = call.known()?;
    let (numbers, citations): (Vec<usize>, Vec<Citation>) =
        sources.iter().filter_map(|(number, source)| Some((*number, source.citation.clone()?))).unzip();
    let holds = code.holds(&call.folder(), &citations);
    for (at, (number, citation)) in numbers.iter().zip(&citations).enumerate() {
        if let Some(source) = sources.get_mut(number) {
            source.holds = holds.get(at) == Some(&true);
            source.text.push_str(&cited(call, citation).unwrap_or_default());
        }
    }
    Ok(sources)
}

fn source(told: &Value) -> Source {
    let text = |name: &str| told.get(name).and_then(Value::as_str).unwrap_or_default();
    let citation = citation(told);
    let place = match &citation {
        Some(citation) => citation.to_string(),
        None if !text("commit").is_empty() => format!("commit {}", text("commit").get(..10).unwrap_or(text("commit"))),
        None => format!("run {}", text("run")),
    };
    // What is about bytes of a file but does not say which cannot hold.
    let holds = citation.is_none() && (told.get("commit").is_some() || told.get("run").is_some());
    Source { text: format!("{}\n{}\n{}\n{place}\n", text("text"), text("name"), text("path")), place, citation, holds }
}

fn citation(told: &Value) -> Option<Citation> {
    let number = |name: &str| told.get(name).and_then(Value::as_u64);
    let line = |name: &str| number(name).and_then(|line| u32::try_from(line).ok());
    Some(Citation {
        path: told.get("path")?.as_str()?.to_owned(),
        start: number("start")?,
        end: number("end")?,
        line: line("line")?,
        last_line: line("last_line")?,
        digest: Digest::parse(told.get("digest")?.as_str()?)?,
    })
}

/// The cited bytes as text; nothing where they are not there.
fn cited(call: &Call<'_>, citation: &Citation) -> Option<String> {
    let path = call.root.existing(&citation.path).ok()?;
    let mut file = File::open(path).ok()?;
    file.seek(SeekFrom::Start(citation.start)).ok()?;
    let mut bytes = Vec::new();
    file.take(citation.end.saturating_sub(citation.start).min(CITED)).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// What is left of a text.
#[derive(Default)]
struct Kept {
    lines: Vec<String>,
    /// Headings, and gaps, that wait for something below them.
    waiting: Vec<String>,
    used: BTreeSet<usize>,
    kept: usize,
    dropped: usize,
}

impl Kept {
    fn take(&mut self, block: &Block<'_>, sources: &BTreeMap<usize, Source>) {
        match block {
            Block::Heading(heading) if Refers::of(heading).is_empty() || proved(heading, sources).is_some() => {
                self.waiting.push((*heading).to_owned());
            }
            Block::Heading(_) => self.dropped += 1,
            Block::Gap => self.waiting.push(String::new()),
            Block::Fenced => self.dropped += 1,
            Block::Prose { mark, sentences } => {
                let mut good = Vec::new();
                for sentence in sentences {
                    match proved(sentence, sources) {
                        Some(numbers) => {
                            self.used.extend(numbers);
                            good.push(*sentence);
                        }
                        None => self.dropped += 1,
                    }
                }
                self.kept += good.len();
                if !good.is_empty() {
                    self.lines.append(&mut self.waiting);
                    self.lines.push(format!("{mark}{}", good.join(" ")));
                }
            }
        }
    }

    fn text(&self, sources: &BTreeMap<usize, Source>, gaps: &[&str]) -> String {
        let all = self.kept + self.dropped;
        if self.kept == 0 {
            let words = if all == 0 { "there was no sentence" } else { "no sentence could be supported by the evidence" };
            let needs = if gaps.is_empty() { String::new() } else { format!("; it would need more: {}", gaps.join(" ")) };
            return format!("{words}: each must cite it as [n], and hold only names that stand there{needs}");
        }
        let mut lines = self.lines.clone();
        lines.dedup_by(|one, other| one.is_empty() && other.is_empty());
        let mut text = format!("{}\n\nsources", lines.join("\n").trim());
        let used = self.used.iter().filter_map(|number| Some((number, sources.get(number)?)));
        used.for_each(|(number, source)| text.push_str(&format!("\n  [{number}] {}", source.place)));
        if self.dropped > 0 {
            let their = if self.dropped == 1 { "its" } else { "their" };
            text.push_str(&format!("\n\n{} of {} dropped: {their} citations do not hold", self.dropped, counted(all as u64, "sentence")));
        }
        text
    }
}

/// The sources that prove a sentence; nothing where there are none, or one of them does not.
fn proved(sentence: &str, sources: &BTreeMap<usize, Source>) -> Option<Vec<usize>> {
    let refers = Refers::of(sentence);
    let mut numbers = refers.numbers.clone();
    for (path, first, last) in &refers.places {
        let inside = |source: &Source| {
            source.citation.as_ref().is_some_and(|cited| {
                cited.path == path.trim_start_matches("./") && cited.line <= *first && *first <= *last && *last <= cited.last_line
            })
        };
        numbers.push(*sources.iter().find(|(_, source)| source.holds && inside(source))?.0);
    }
    let cited: Vec<&Source> = numbers.iter().map(|number| sources.get(number).filter(|source| source.holds)).collect::<Option<_>>()?;
    let said = |name: &&str| cited.iter().any(|source| mentions(&source.text, name));
    (!cited.is_empty() && !refers.unreadable && refers.names.iter().all(said)).then_some(numbers)
}

/// Whether a name stands in a text: as it is, or each part of a qualified one.
fn mentions(text: &str, name: &str) -> bool {
    let name = name.trim_end_matches("()").trim_end_matches('!');
    stands(text, name) || (name.contains("::") && name.split("::").all(|part| stands(text, part))) || {
        let dotted = name.contains('.') && !name.contains(char::is_whitespace);
        dotted && name.split('.').all(|part| stands(text, part))
    }
}

/// Whether the words stand there whole, not as a part of longer ones.
fn stands(text: &str, words: &str) -> bool {
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    let whole = |at: usize| {
        let before = text[..at].chars().next_back();
        let after = text[at + words.len()..].chars().next();
        let longer = words.starts_with(in_word) && before.is_some_and(in_word) || words.ends_with(in_word) && after.is_some_and(in_word);
        !longer
    };
    !words.is_empty() && text.match_indices(words).any(|(at, _)| whole(at))
}

#[cfg(test)]
mod tests;
