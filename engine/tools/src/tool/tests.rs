//! What calling a tool does, as a specification.
