//! Projects: which runner tests which files of a repository.
//!
//! One file per kind of project below `project/`.
//!
//! Invariant: looking at a project starts no process and writes nothing.
