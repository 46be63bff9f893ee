//! Naestro: one local binary between your editor and every model.
fn main() {}
