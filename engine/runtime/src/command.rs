//! One file per command.

pub(crate) mod explain;
pub(crate) mod orchestrate;
pub(crate) mod test;
pub(crate) mod trace;
