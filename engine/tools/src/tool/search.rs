//! `search`: lines that match a regular expression, found by ripgrep's parts.

use std::path::Path;

use globset::{GlobBuilder, GlobMatcher};
use grep_regex::{RegexMatcher, RegexMatcherBuilder};
use grep_searcher::{BinaryDetection, Searcher, SearcherBuilder, Sink, SinkContext, SinkMatch};
use naestro_kernel::{Class, ToolAccess};

use super::arguments::{Kind, optional, required};
use super::bounded::{self, TEXT};
use super::walk::walk;
use super::{Answer, Call, Entry, Fault, Place, Stop};

/// The longest part of a line that is shown, in characters.
const WIDTH: usize = 400;

/// The most memory one line may take; a file with a longer one is skipped and named.
const HEAP: usize = 32 * 1024 * 1024;

pub(super) const TOOL: Entry = Entry {
    name: "search",
    about: "Finds lines that match a regular expression (Rust syntax) in text files, without what .gitignore names. \
            Each is shown as path:line:text, lines around it as path-line-text.",
    fields: &[
        required("pattern", Kind::Text, "the regular expression; it matches within one line"),
        optional("path", Kind::Text, "the file or folder to search, relative to the workspace; all of it if left out"),
        optional("glob", Kind::Text, "only files that match, such as *.rs or src/**/*.{ts,tsx}"),
        optional("case_insensitive", Kind::Flag, "whether letters match in either case"),
        optional("context", Kind::Count(0, 20), "how many lines to show before and after each match"),
        optional("limit", Kind::Count(1, 2000), "the most matching lines; 200 if left out"),
    ],
    class: Class::Pure,
    access: ToolAccess::Read,
    for_agents: true,
    place: Place::Hands,
    run,
};

fn run(call: &Call<'_>) -> Result<Answer, Stop> {
    let matcher = matcher(call)?;
    let glob = call.args.text("glob").map(glob).transpose()?;
    let top = call.root.existing(call.args.text("path").unwrap_or("."))?;
    let mut searcher = searcher(call);
    let mut found = Found { call, shown: String::new(), text: String::new(), left: call.args.count("limit").unwrap_or(200), fault: None };
    for entry in walk(&top, None) {
        call.go_on()?;
        let entry = match entry {
            Ok(entry) if entry.file_type().is_some_and(|kind| kind.is_file()) => entry,
            Ok(_) => continue,
            Err(e) => {
                found.text.push_str(&format!("[skipped: {e}]\n"));
                continue;
            }
        };
        found.shown = call.root.show(entry.path());
        if glob.as_ref().is_some_and(|glob| !glob.is_match(&found.shown)) {
            continue;
        }
        found.search(&mut searcher, &matcher, entry.path());
        if found.is_full() {
            break;
        }
    }
    found.answer()
}

fn matcher(call: &Call<'_>) -> Result<RegexMatcher, Stop> {
    RegexMatcherBuilder::new()
        .case_insensitive(call.args.flag("case_insensitive"))
        .line_terminator(Some(b'\n'))
        .build(call.args.needed("pattern"))
        .map_err(|e| {
            Stop::refused(format!("the argument \"pattern\" is no regular expression for one line: {e}; escape special signs with \\"))
        })
}

/// A pattern without a slash matches the file's name at any depth, as in `.gitignore`.
fn glob(pattern: &str) -> Result<GlobMatcher, Stop> {
    let anywhere = if pattern.contains('/') { pattern.trim_start_matches("./").to_owned() } else { format!("**/{pattern}") };
    let glob = GlobBuilder::new(&anywhere).literal_separator(true).build();
    Ok(glob.map_err(|e| Stop::refused(format!("the argument \"glob\" is no glob: {e}; use one such as *.rs")))?.compile_matcher())
}

fn searcher(call: &Call<'_>) -> Searcher {
    let around = usize::try_from(call.args.count("context").unwrap_or(0)).unwrap_or_default();
    SearcherBuilder::new()
        .line_number(true)
        .before_context(around)
        .after_context(around)
        .binary_detection(BinaryDetection::quit(0))
        .heap_limit(Some(HEAP))
        .build()
}

/// What was found so far.
struct Found<'a> {
    call: &'a Call<'a>,
    shown: String,
    text: String,
    left: u64,
    fault: Option<Fault>,
}

impl Found<'_> {
    fn search(&mut self, searcher: &mut Searcher, matcher: &RegexMatcher, path: &Path) {
        if let Err(e) = searcher.search_path(matcher, path, &mut *self) {
            self.text.push_str(&format!("[{} was skipped: {e}]\n", self.shown));
        }
    }

    fn is_full(&self) -> bool {
        self.left == 0 || self.text.len() > TEXT || self.fault.is_some()
    }

    fn line(&mut self, mark: char, number: Option<u64>, bytes: &[u8]) {
        let line = String::from_utf8_lossy(bytes);
        let line = bounded::line(line.trim_end_matches(['\n', '\r']), WIDTH);
        self.text.push_str(&format!("{}{mark}{}{mark}{line}\n", self.shown, number.unwrap_or_default()));
    }

    fn answer(mut self) -> Result<Answer, Stop> {
        if let Some(fault) = self.fault {
            return Err(fault.into());
        }
        if self.is_full() {
            self.text.push_str("[cut here; there may be more: narrow it with path or glob, or raise limit]\n");
        }
        Ok(Answer::yes(if self.text.is_empty() { "[no match]".into() } else { self.text }))
    }
}

impl Sink for Found<'_> {
    type Error = std::io::Error;

    fn matched(&mut self, _: &Searcher, found: &SinkMatch<'_>) -> Result<bool, Self::Error> {
        self.line(':', found.line_number(), found.bytes());
        self.left -= 1;
        self.fault = self.call.go_on().err();
        Ok(!self.is_full())
    }

    fn context(&mut self, _: &Searcher, around: &SinkContext<'_>) -> Result<bool, Self::Error> {
        self.line('-', around.line_number(), around.bytes());
        Ok(self.text.len() <= TEXT)
    }

    fn context_break(&mut self, _: &Searcher) -> Result<bool, Self::Error> {
        self.text.push_str("--\n");
        Ok(true)
    }
}
