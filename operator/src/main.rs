//! The warren-operator binary.
fn main() {}
