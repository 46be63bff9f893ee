//! What we know about the code: syntax, references, full text, history; and what follows from it.
//!
//! The map, from bytes to answers:
//! - `language`, `outline`: which language a file is in, and what its syntax alone says ([`Outline`]). Pure.
//! - `extract`: the outline of a file, from its bytes ([`outline`]). Pure.
//! - `mutant`: small wrong versions of a file, to measure a selection of tests by ([`mutants`]). Pure.
//! - `store`: outlines, full text and history of one repository, in a SQLite file of its own that can always be made anew.
//! - `facts`: the questions the rest may ask the store ([`Facts`]), so that resolving is tested without one.
//! - `resolve`: which symbol a mention means, by scope and import, or by name alone, which is a guess. Pure over [`Facts`].
//! - `graph`: who may behave differently where a symbol does: its users, and those that reach it without naming it.
//! - `coverage`: which test ran which lines, where a coverage run recorded that.
//! - `evidence`, `affected`: the two answers of the port [`naestro_kernel::code::Code`].
//!
//! Absent by design: type inference, build systems, a language server's state. Files are known one by one; what crosses files is worked
//! out when it is asked for, so that an edit costs one file.
//!
//! Invariant: nothing here changes anything but the index's own file.

mod affected;
mod coverage;
mod evidence;
mod extract;
mod facts;
#[cfg(test)]
mod fixture;
mod graph;
mod history;
mod index;
mod language;
mod mutant;
mod outline;
mod record;
mod resolve;
mod scan;
mod store;
mod watch;

pub use affected::affected;
pub use coverage::{Coverage, Covered};
pub use evidence::evidence;
pub use extract::outline;
pub use facts::{Commit, Definition, Facts, File, FileId, History};
pub use index::Index;
pub use language::Language;
pub use mutant::{Mutant, mutants};
pub use outline::{Import, Kind, Manner, Mention, Outline, Span, Symbol};
