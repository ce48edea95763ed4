//! One suite for both databases.
fn main() {}
