//! A record of the write-ahead log: batches that were appended together.
//!
//! | bytes | what |
//! |---|---|
//! | 4 | length of the payload, little endian, as all numbers here |
//! | 4 | CRC32C of the length's four bytes and the payload |
//! | 1 | version of the payload: 2 |
//! | 8 | sequence number of the first batch; the others follow it |
//! | 8 | when they were appended, microseconds since 1970 |
//! | 4 | number of batches, then for each: |
//! | 16, 1, 16 | tenant, 1 where there is a batch id and else 0, the batch id |
//! | 2 | number of parts, then for each: |
//! | 2, 4, 4 | which table, the first row, number of rows |
//! | 2 | number of tables, then for each: |
//! | 1, n | length of the table's name, the name |
//! | 4, n | length of the rows, the rows as an Arrow IPC stream |
//!
//! Version 1 had one batch: sequence number, tenant, batch id, time, tables. It is still read.

use std::io::Cursor;

use arrow::array::{RecordBatch, StringViewArray};
use arrow::compute::concat_batches;
use arrow::ipc::MetadataVersion;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::{IpcWriteOptions, StreamWriter};
use bartizan_contract::TenantId;
use uuid::Uuid;

use super::convert::{Part, TableBatch};
use super::error::EventsError;

/// Bytes before the payload.
pub(super) const FRAME: usize = 8;
const VERSION: u8 = 2;
/// The payload of one batch, which earlier versions wrote.
const ONE_BATCH: u8 = 1;

/// A batch as it is read back.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) seq: i64,
    pub(super) tenant: TenantId,
    /// By this id a retry is recognised.
    pub(super) batch_id: Option<Uuid>,
    pub(super) appended: i64,
    /// By table name, in the columns of whoever wrote it.
    pub(super) tables: Vec<(String, RecordBatch)>,
    /// What the rows take in memory; buffers that batches share are divided among them.
    pub(super) bytes: usize,
}

/// The rows of one or more batches, encoded.
#[derive(Debug)]
pub(super) struct EncodedRows {
    /// When they were appended, microseconds since 1970.
    pub(super) appended: i64,
    tables: Vec<u8>,
}

/// A batch of a record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member<'p> {
    pub(super) tenant: TenantId,
    pub(super) batch_id: Option<Uuid>,
    pub(super) parts: &'p [Part],
}

/// Why bytes are no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Damage {
    /// They end too early.
    Short,
    /// The checksum is another one.
    Checksum,
    /// The checksum is right but the payload makes no sense: another program wrote it.
    Payload,
}

impl Damage {
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::Short => "a record ends too early",
            Self::Checksum => "a record's checksum is wrong",
            Self::Payload => "a record's content cannot be read",
        }
    }
}

/// Encodes rows.
pub(super) fn encode(appended: i64, tables: &[TableBatch]) -> Result<EncodedRows, EventsError> {
    let mut bytes = Vec::new();
    // The contract has 65 tables, with names far below 256 bytes.
    bytes.extend_from_slice(&(tables.len() as u16).to_le_bytes());
    for (table, batch) in tables {
        bytes.push(table.name.len() as u8);
        bytes.extend_from_slice(table.name.as_bytes());
        let at = bytes.len();
        bytes.extend_from_slice(&[0; 4]);
        // 8 bytes instead of 64 of alignment: a hundred columns of few rows are mostly padding.
        let options = IpcWriteOptions::try_new(8, false, MetadataVersion::V5)?;
        let mut writer =
            StreamWriter::try_new_with_options(&mut bytes, batch.schema_ref(), options)?;
        writer.write(batch)?;
        writer.finish()?;
        drop(writer);
        let length = (bytes.len() - at - 4) as u32;
        bytes[at..at + 4].copy_from_slice(&length.to_le_bytes());
    }
    Ok(EncodedRows {
        appended,
        tables: bytes,
    })
}

impl EncodedRows {
    /// How many bytes they are.
    pub(super) const fn len(&self) -> usize {
        self.tables.len()
    }

    /// Writes a record of these batches, numbered from `seq`. Rows that are in no part of theirs are written and belong
    /// to nobody.
    pub(super) fn write(&self, to: &mut Vec<u8>, seq: i64, members: &[Member<'_>]) {
        let start = to.len();
        to.extend_from_slice(&[0; FRAME]);
        to.push(VERSION);
        to.extend_from_slice(&seq.to_le_bytes());
        to.extend_from_slice(&self.appended.to_le_bytes());
        to.extend_from_slice(&(members.len() as u32).to_le_bytes());
        for member in members {
            to.extend_from_slice(member.tenant.uuid().as_bytes());
            to.push(u8::from(member.batch_id.is_some()));
            to.extend_from_slice(member.batch_id.unwrap_or_default().as_bytes());
            to.extend_from_slice(&(member.parts.len() as u16).to_le_bytes());
            for part in member.parts {
                to.extend_from_slice(&(part.table as u16).to_le_bytes());
                to.extend_from_slice(&(part.offset as u32).to_le_bytes());
                to.extend_from_slice(&(part.rows as u32).to_le_bytes());
            }
        }
        to.extend_from_slice(&self.tables);
        let record = &mut to[start..];
        let length = ((record.len() - FRAME) as u32).to_le_bytes();
        let checksum = checksum(length, &record[FRAME..]);
        record[..4].copy_from_slice(&length);
        record[4..FRAME].copy_from_slice(&checksum.to_le_bytes());
    }
}

fn checksum(length: [u8; 4], payload: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&length), payload)
}

/// Reads the record that bytes begin with: its batches, and how long it is.
pub(super) fn decode(bytes: &[u8]) -> Result<(Vec<Record>, usize), Damage> {
    let mut head = Reader(bytes);
    let length: [u8; 4] = head.array().ok_or(Damage::Short)?;
    let expected = u32::from_le_bytes(head.array().ok_or(Damage::Short)?);
    let payload = head
        .take(u32::from_le_bytes(length) as usize)
        .ok_or(Damage::Short)?;
    if checksum(length, payload) != expected {
        return Err(Damage::Checksum);
    }
    let records = batches_of(payload).ok_or(Damage::Payload)?;
    Ok((records, FRAME + payload.len()))
}

fn batches_of(payload: &[u8]) -> Option<Vec<Record>> {
    let mut reader = Reader(payload);
    match reader.array()? {
        [VERSION] => several(reader),
        [ONE_BATCH] => Some(vec![one(reader)?]),
        _ => None,
    }
}

fn several(mut reader: Reader<'_>) -> Option<Vec<Record>> {
    let seq = i64::from_le_bytes(reader.array()?);
    let appended = i64::from_le_bytes(reader.array()?);
    let count = u32::from_le_bytes(reader.array()?);
    let mut members = Vec::new();
    for _ in 0..count {
        let tenant = TenantId(Uuid::from_bytes(reader.array()?));
        let has_id = match reader.array()? {
            [0] => false,
            [1] => true,
            _ => return None,
        };
        let batch_id = Some(Uuid::from_bytes(reader.array()?)).filter(|_| has_id);
        let parts = u16::from_le_bytes(reader.array()?);
        let parts: Option<Vec<Part>> = (0..parts).map(|_| reader.part()).collect();
        members.push((tenant, batch_id, parts?));
    }
    let tables = reader.tables()?;
    let record = |(at, (tenant, batch_id, parts)): (usize, (TenantId, Option<Uuid>, Vec<Part>))| {
        let slices = parts.iter().map(|part| part.of(&tables));
        Some(Record {
            seq: seq + at as i64,
            tenant,
            batch_id,
            appended,
            bytes: parts.iter().map(|part| part.share_of(&tables)).sum(),
            tables: slices.collect::<Option<Vec<_>>>()?,
        })
    };
    members.into_iter().enumerate().map(record).collect()
}

fn one(mut reader: Reader<'_>) -> Option<Record> {
    let seq = i64::from_le_bytes(reader.array()?);
    let tenant = TenantId(Uuid::from_bytes(reader.array()?));
    let batch_id = Uuid::from_bytes(reader.array()?);
    let appended = i64::from_le_bytes(reader.array()?);
    let tables = reader.tables()?;
    let sizes = tables.iter().map(|(_, rows)| rows.get_array_memory_size());
    Some(Record {
        seq,
        tenant,
        batch_id: Some(batch_id),
        appended,
        bytes: sizes.sum(),
        tables,
    })
}

impl Part {
    /// Its rows, with what stands for the table; `None` when there are not so many.
    pub(super) fn of<T: Clone>(&self, tables: &[(T, RecordBatch)]) -> Option<(T, RecordBatch)> {
        let (table, rows) = tables.get(self.table)?;
        let end = self.offset.checked_add(self.rows)?;
        (end <= rows.num_rows()).then(|| (table.clone(), rows.slice(self.offset, self.rows)))
    }

    /// Its share of the memory of its table's rows, and what its own arrays take that refer to them.
    pub(super) fn share_of<T>(&self, tables: &[(T, RecordBatch)]) -> usize {
        /// An array without its buffers.
        const ARRAY: usize = size_of::<StringViewArray>();
        tables.get(self.table).map_or(0, |(_, rows)| {
            let share = (rows.get_array_memory_size() * self.rows).div_ceil(rows.num_rows().max(1));
            let alone = self.rows == rows.num_rows();
            share + if alone { 0 } else { rows.num_columns() * ARRAY }
        })
    }
}

fn rows_of(stream: &[u8]) -> Option<RecordBatch> {
    let reader = StreamReader::try_new(Cursor::new(stream), None).ok()?;
    let schema = reader.schema();
    let batches = reader.collect::<Result<Vec<_>, _>>().ok()?;
    concat_batches(&schema, &batches).ok()
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(head)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*head)
    }

    fn part(&mut self) -> Option<Part> {
        Some(Part {
            table: u16::from_le_bytes(self.array()?).into(),
            offset: u32::from_le_bytes(self.array()?) as usize,
            rows: u32::from_le_bytes(self.array()?) as usize,
        })
    }

    /// Tables up to the end.
    fn tables(&mut self) -> Option<Vec<(String, RecordBatch)>> {
        let count = u16::from_le_bytes(self.array()?);
        let mut tables = Vec::with_capacity(count.into());
        for _ in 0..count {
            let [length] = self.array()?;
            let name = std::str::from_utf8(self.take(length.into())?).ok()?;
            let length = u32::from_le_bytes(self.array()?);
            tables.push((name.to_owned(), rows_of(self.take(length as usize)?)?));
        }
        self.0.is_empty().then_some(tables)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::convert::to_batches;
    use bartizan_contract::hunting::table;
    use bartizan_contract::value::{Row, Value};

    fn rows(count: usize) -> Vec<Row> {
        let row = |at| {
            let mut row = Row::empty(table("AlertInfo").unwrap());
            row.set(
                "Title",
                Value::String(format!("something longer than twelve bytes, {at}")),
            );
            row
        };
        (0..count).map(row).collect()
    }

    fn written() -> (Vec<u8>, RecordBatch) {
        let (first, second) = (rows(2), rows(1));
        let converted = to_batches([&first[..], &second[..]]).unwrap();
        let encoded = encode(3, &converted.tables).unwrap();
        let member = |tenant, batch_id, at: usize| Member {
            tenant: TenantId::from_u128(tenant),
            batch_id,
            parts: &converted.parts[at],
        };
        let members = [member(1, Some(Uuid::nil()), 0), member(7, None, 1)];
        let mut bytes = Vec::new();
        encoded.write(&mut bytes, 4, &members);
        (bytes, converted.tables[0].1.clone())
    }

    #[test]
    fn a_record_reads_back() {
        let (mut bytes, batch) = written();
        let length = bytes.len();
        bytes.extend_from_slice(b"next");
        let (records, read) = decode(&bytes).unwrap();
        assert_eq!(read, length);
        let [first, second] = &records[..] else {
            panic!("{records:?}")
        };
        assert_eq!((first.seq, first.appended), (4, 3));
        assert_eq!(first.tenant, TenantId::from_u128(1));
        // The nil id is an id.
        assert_eq!(first.batch_id, Some(Uuid::nil()));
        assert_eq!(first.tables, [("AlertInfo".to_owned(), batch.slice(0, 2))]);
        assert_eq!((second.seq, second.batch_id), (5, None));
        assert_eq!(second.tenant, TenantId::from_u128(7));
        assert_eq!(second.tables, [("AlertInfo".to_owned(), batch.slice(2, 1))]);
        assert!(first.bytes > second.bytes && second.bytes > 0);
    }

    #[test]
    fn a_record_of_the_first_version_is_still_read() {
        let alerts = rows(1);
        let converted = to_batches([&alerts[..]]).unwrap();
        let encoded = encode(3, &converted.tables).unwrap();
        let mut payload = vec![ONE_BATCH];
        payload.extend_from_slice(&4_i64.to_le_bytes());
        payload.extend_from_slice(Uuid::from_u128(1).as_bytes());
        payload.extend_from_slice(Uuid::from_u128(2).as_bytes());
        payload.extend_from_slice(&3_i64.to_le_bytes());
        payload.extend_from_slice(&encoded.tables);
        let records = batches_of(&payload).unwrap();
        assert_eq!((records[0].seq, records[0].appended), (4, 3));
        assert_eq!(records[0].batch_id, Some(Uuid::from_u128(2)));
        assert_eq!(records[0].tables[0].1, converted.tables[0].1);
    }

    #[test]
    fn parts_beyond_the_rows_are_no_record() {
        let alerts = rows(1);
        let converted = to_batches([&alerts[..]]).unwrap();
        let encoded = encode(3, &converted.tables).unwrap();
        for (table, offset, rows) in [(1, 0, 1), (0, 1, 1), (0, 0, 2)] {
            let parts = [Part {
                table,
                offset,
                rows,
            }];
            let member = Member {
                tenant: TenantId::from_u128(1),
                batch_id: None,
                parts: &parts,
            };
            let mut bytes = Vec::new();
            encoded.write(&mut bytes, 1, &[member]);
            assert_eq!(decode(&bytes).unwrap_err(), Damage::Payload);
        }
    }

    #[test]
    fn no_cut_and_no_changed_byte_goes_unnoticed() {
        let (bytes, _) = written();
        for end in 0..bytes.len() {
            assert_eq!(
                decode(&bytes[..end]).unwrap_err(),
                Damage::Short,
                "cut at {end}"
            );
        }
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0x10;
            assert!(decode(&changed).is_err(), "changed at {at}");
        }
        assert!(decode(&[0; 64]).is_err(), "zeros are no record");
    }
}
