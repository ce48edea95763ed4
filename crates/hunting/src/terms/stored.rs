//! Terms in a file beside the Parquet file that they are of.
//!
//! Little-endian: [`MAGIC`], the length of the directory, its CRC32C; the directory: the [`fingerprint`] of the Parquet file,
//! the rows of a block, the number of columns, for each the length of its name, the name, the length of its section and the
//! section's CRC32C; then the sections, so that who asks for one column reads no other. A section has for each row group the
//! rows, the number of starts of blocks, of bytes of words, of followed terms, of bytes of these and of their rows; then the starts,
//! the words, the ends of terms, the ends of their rows, the terms, the rows. A file of another version, with another
//! checksum or of another Parquet file counts as none.

use std::collections::BTreeMap;
use std::ops::Range;

use bytes::Bytes;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::statistics::Statistics;

use super::postings::Postings;
use super::sketch::{BLOCK_ROWS, GroupSketch, GroupTerms};
use super::{ColumnTerms, FileTerms};
use crate::functions::xxhash64;

/// What the name of a Parquet file is followed by in its sketches' name.
pub(crate) const SUFFIX: &str = ".terms";

/// The key of a number in a file's footer that no other file has: terms beside it are of this file alone, and no longer of
/// one that another program wrote in its place.
pub(crate) const FILE_ID: &str = "bartizan.file";

/// Stands first; the digit is the version, of the layout, of what a term is and of its number.
const MAGIC: &[u8; 8] = b"BZTERMS2";
/// Bytes before the directory.
const PRELUDE: usize = 8 + 4 + 4;
/// Bytes of a directory beyond which there is none: every column would have to have a name of many kilobytes.
const MOST_DIRECTORY: usize = 16 << 20;

/// What tells a Parquet file from others: its length, its writer, and what its footer says of rows, places, sizes and values,
/// and beside them: there, files of the event store have a number of their own, so that one of the same sizes and least and
/// greatest values is not taken for it. Another writer may take the number along.
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
            let values = column.statistics();
            for bound in [
                values.and_then(Statistics::min_bytes_opt),
                values.and_then(Statistics::max_bytes_opt),
            ] {
                let bound = bound.unwrap_or_default();
                facts.extend((bound.len() as u64).to_le_bytes());
                facts.extend(bound);
            }
        }
    }
    xxhash64(&facts)
}

/// Terms as bytes.
pub(crate) fn encode(terms: &FileTerms, fingerprint: u64) -> Vec<u8> {
    let columns = terms.columns.iter();
    let sections: Vec<(&str, Vec<u8>)> = columns
        .map(|(name, column)| (name.as_str(), section(column)))
        .collect();
    let mut directory = fingerprint.to_le_bytes().to_vec();
    push(&mut directory, [BLOCK_ROWS as u32, sections.len() as u32]);
    for (name, section) in &sections {
        push(&mut directory, [name.len() as u32]);
        directory.extend(name.as_bytes());
        directory.extend((section.len() as u64).to_le_bytes());
        push(&mut directory, [crc32c::crc32c(section)]);
    }
    let mut out = MAGIC.to_vec();
    push(
        &mut out,
        [directory.len() as u32, crc32c::crc32c(&directory)],
    );
    out.extend(directory);
    for (_, section) in sections {
        out.extend(section);
    }
    out
}

fn section(column: &ColumnTerms) -> Vec<u8> {
    let mut out = Vec::with_capacity(column.size());
    for group in &column.groups {
        let (sketch, postings) = (&group.sketch, &group.postings);
        let lengths = [
            sketch.starts.len(),
            sketch.words.len(),
            postings.text_ends.len(),
            postings.texts.len(),
            postings.rows.len(),
        ];
        push(&mut out, [sketch.rows]);
        push(&mut out, lengths.map(|length| length as u32));
        push(&mut out, sketch.starts.iter().copied());
        out.extend(&sketch.words);
        push(&mut out, postings.text_ends.iter().copied());
        push(&mut out, postings.row_ends.iter().copied());
        out.extend(&postings.texts);
        out.extend(&postings.rows);
    }
    out
}

fn push(out: &mut Vec<u8>, numbers: impl IntoIterator<Item = u32>) {
    numbers
        .into_iter()
        .for_each(|number| out.extend(number.to_le_bytes()));
}

/// Where the sections of columns are.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Directory {
    columns: BTreeMap<String, Section>,
}

/// The terms of a column in the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Section {
    /// Where it is.
    pub(super) bytes: Range<u64>,
    checksum: u32,
}

impl Directory {
    /// Bytes up to the first section, by the first bytes of a file; none when it is none of these files.
    pub(super) fn end(bytes: &[u8]) -> Option<usize> {
        let length = Input(bytes.strip_prefix(MAGIC)?).number()? as usize;
        (length <= MOST_DIRECTORY).then_some(PRELUDE + length)
    }

    /// The directory of the Parquet file with this fingerprint, from at least [`Self::end`] bytes of so many; else none.
    pub(super) fn decode(bytes: &[u8], expected: u64, length: u64) -> Option<Self> {
        let end = Self::end(bytes)?;
        let (prelude, directory) = bytes.get(..end)?.split_at(PRELUDE);
        if Input(&prelude[12..]).number()? != crc32c::crc32c(directory) {
            return None;
        }
        let mut input = Input(directory);
        if (input.long()?, input.number()?) != (expected, BLOCK_ROWS as u32) {
            return None;
        }
        let mut columns = BTreeMap::new();
        let mut start = end as u64;
        for _ in 0..input.number()? {
            let name_length = input.number()? as usize;
            let name = std::str::from_utf8(input.take(name_length)?)
                .ok()?
                .to_owned();
            let end = start.checked_add(input.long()?)?;
            if end > length {
                return None;
            }
            let (bytes, checksum) = (start..end, input.number()?);
            columns.insert(name, Section { bytes, checksum });
            start = end;
        }
        Some(Self { columns })
    }

    /// The section of a column.
    pub(super) fn section(&self, column: &str) -> Option<&Section> {
        self.columns.get(column)
    }
}

impl Section {
    /// The terms that its bytes are, of a column of the Parquet file with this footer; else none.
    pub(super) fn decode(&self, bytes: &Bytes, metadata: &ParquetMetaData) -> Option<ColumnTerms> {
        if self.checksum != crc32c::crc32c(bytes) {
            return None;
        }
        let mut input = Input(bytes);
        let groups = metadata.row_groups().iter();
        let groups = groups.map(|group| input.group(bytes, group.num_rows()));
        let groups = groups.collect::<Option<_>>()?;
        input.0.is_empty().then_some(ColumnTerms { groups })
    }
}

/// Bytes that are still to read.
struct Input<'b>(&'b [u8]);

impl<'b> Input<'b> {
    /// The terms of a row group of so many rows, which are part of `bytes`.
    fn group(&mut self, bytes: &Bytes, rows: i64) -> Option<GroupTerms> {
        let group_rows = self.number()?;
        let mut length = || Some(self.number()? as usize);
        let (starts, words) = (length()?, length()?);
        let (terms, texts, posted) = (length()?, length()?, length()?);
        let sketch = GroupSketch {
            rows: group_rows,
            starts: self.numbers(starts)?,
            words: bytes.slice_ref(self.take(words)?),
        };
        let postings = Postings {
            text_ends: self.numbers(terms)?,
            row_ends: self.numbers(terms)?,
            texts: bytes.slice_ref(self.take(texts)?),
            rows: bytes.slice_ref(self.take(posted)?),
        };
        let blocks = (group_rows as usize).div_ceil(BLOCK_ROWS);
        let is_sound = i64::from(group_rows) == rows
            && sketch.starts.len() == blocks + 1
            && postings.is_sound();
        is_sound.then_some(GroupTerms { sketch, postings })
    }

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

    fn long(&mut self) -> Option<u64> {
        let (number, rest) = self.0.split_first_chunk::<8>()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*number))
    }

    fn numbers(&mut self, count: usize) -> Option<Vec<u32>> {
        let bytes = self.take(count.checked_mul(4)?)?;
        let (chunks, _) = bytes.as_chunks::<4>();
        Some(chunks.iter().map(|c| u32::from_le_bytes(*c)).collect())
    }
}
