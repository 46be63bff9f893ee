//! Make it happen, in order, once, cancellably: dispatcher, executor, one file per command.
