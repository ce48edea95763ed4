//! Detection rules as files.
