//! The crash tests.
