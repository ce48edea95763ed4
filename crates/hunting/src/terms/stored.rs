//! Sketches in a file beside the Parquet file that they are of.
//!
//! Little-endian: [`MAGIC`], the CRC32C of all that follows, the [`fingerprint`] of the Parquet file; then for each column
//! the length of its name, the name, the number of row groups; for each of these the rows, the number of blocks and of
//! words, where the blocks start, the words. A file of another version, with another checksum or of another Parquet file
//! counts as none.

use std::collections::BTreeMap;
use std::sync::Arc;

use parquet::file::metadata::ParquetMetaData;

use super::FileTerms;
use super::sketch::{BLOCK_ROWS, GroupSketch};
use crate::functions::xxhash64;

/// What the name of a Parquet file is followed by in its sketches' name.
pub(crate) const SUFFIX: &str = ".terms";

/// The key of a number in a file's footer that no other file has: terms beside it are of this file alone, and no longer of
/// one that another program wrote in its place.
pub(crate) const FILE_ID: &str = "bartizan.file";

/// Stands first; the digit is the version, of the layout, of what a term is and of its number.
const MAGIC: &[u8; 8] = b"BZTERMS1";
const PRELUDE: usize = 8 + 4;

/// What tells a Parquet file from others: its length, its writer, and what its footer says of rows, places and sizes, and
/// beside them: there, files of the event store have a number of their own, so that one of the same sizes is not taken for
/// it. Another writer may take the number along.
pub(crate) fn fingerprint(length: u64, metadata: &ParquetMetaData) -> u64 {
    let mut facts = Vec::new();
    facts.extend(length.to_le_bytes());
    let mut add = |text: &str| {
        facts.extend((text.len() as u64).to_le_bytes());
        facts.extend(text.as_bytes());
    };
    let file = metadata.file_metadata();
    add(file.created_by().unwrap_or_default());
    for said in file.key_value_metadata().into_iter().flatten() {
        add(&said.key);
        add(said.value.as_deref().unwrap_or_default());
    }
    for group in metadata.row_groups() {
        facts.extend(group.num_rows().to_le_bytes());
        for column in group.columns() {
            let (start, bytes) = column.byte_range();
            facts.extend(column.column_descr().name().as_bytes());
            facts.extend(start.to_le_bytes());
            facts.extend(bytes.to_le_bytes());
            facts.extend(column.uncompressed_size().to_le_bytes());
        }
    }
    xxhash64(&facts)
}

/// Sketches as bytes.
pub(crate) fn encode(terms: &FileTerms, fingerprint: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(terms.size() + 1024);
    out.extend(MAGIC);
    out.extend([0; PRELUDE - 8]);
    out.extend(fingerprint.to_le_bytes());
    for (name, groups) in &terms.columns {
        push(&mut out, [name.len() as u32]);
        out.extend(name.as_bytes());
        push(&mut out, [groups.len() as u32]);
        for group in groups {
            let (starts, words) = (&group.starts, &group.words);
            push(
                &mut out,
                [group.rows, starts.len() as u32, words.len() as u32],
            );
            push(&mut out, starts.iter().copied());
            push(&mut out, words.iter().copied());
        }
    }
    let checksum = crc32c::crc32c(&out[PRELUDE..]);
    out[8..PRELUDE].copy_from_slice(&checksum.to_le_bytes());
    out
}

fn push(out: &mut Vec<u8>, numbers: impl IntoIterator<Item = u32>) {
    numbers
        .into_iter()
        .for_each(|number| out.extend(number.to_le_bytes()));
}

/// The sketches that bytes are, of the Parquet file with this fingerprint and footer; else none.
pub(crate) fn decode(bytes: &[u8], expected: u64, metadata: &ParquetMetaData) -> Option<FileTerms> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let (checksum, rest) = rest.split_first_chunk::<4>()?;
    if u32::from_le_bytes(*checksum) != crc32c::crc32c(rest) {
        return None;
    }
    let (found, rest) = rest.split_first_chunk::<8>()?;
    if u64::from_le_bytes(*found) != expected {
        return None;
    }
    let mut input = Input(rest);
    let mut columns = BTreeMap::new();
    while !input.0.is_empty() {
        let length = input.number()? as usize;
        let name = std::str::from_utf8(input.take(length)?).ok()?.to_owned();
        let count = input.number()? as usize;
        if count != metadata.num_row_groups() {
            return None;
        }
        let mut groups = Vec::new();
        for group in metadata.row_groups() {
            let (rows, starts, words) = (input.number()?, input.number()?, input.number()?);
            let sketch = GroupSketch {
                rows,
                starts: input.numbers(starts as usize)?,
                words: input.numbers(words as usize)?,
            };
            let blocks = (rows as usize).div_ceil(BLOCK_ROWS);
            if i64::from(rows) != group.num_rows() || sketch.starts.len() != blocks + 1 {
                return None;
            }
            groups.push(Arc::new(sketch));
        }
        columns.insert(name, groups);
    }
    Some(FileTerms { columns })
}

/// Bytes that are still to read.
struct Input<'b>(&'b [u8]);

impl<'b> Input<'b> {
    fn take(&mut self, length: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u32> {
        let (number, rest) = self.0.split_first_chunk::<4>()?;
        self.0 = rest;
        Some(u32::from_le_bytes(*number))
    }

    fn numbers(&mut self, count: usize) -> Option<Vec<u32>> {
        let bytes = self.take(count.checked_mul(4)?)?;
        let (chunks, _) = bytes.as_chunks::<4>();
        Some(chunks.iter().map(|c| u32::from_le_bytes(*c)).collect())
    }
}
