//! Solgate.
fn main() {}
