//! Bounds on one line of input, so that a hostile line costs no more than a friendly one.

/// What a single line may cost. Checked before or while parsing, never after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one line.
    pub line_bytes: usize,
    /// Levels of nested arrays and objects. The parser's own ceiling is 128.
    pub depth: usize,
    /// Members over all objects of the line.
    pub fields: usize,
    /// Rows that one streaming-export envelope may hold.
    pub records: usize,
}

impl Default for Limits {
    /// 4 MiB, 64 levels, 20,000 members, 10,000 records: an order of magnitude above the largest
    /// line of the public recordings (a script block of 200 kB).
    fn default() -> Self {
        Self {
            line_bytes: 4 << 20,
            depth: 64,
            fields: 20_000,
            records: 10_000,
        }
    }
}
