//! A record of the write-ahead log: one appended batch.
//!
//! | bytes | what |
//! |---|---|
//! | 4 | length of the payload, little endian, as all numbers here |
//! | 4 | CRC32C of the length's four bytes and the payload |
//! | 1 | version of the payload: 1 |
//! | 8 | sequence number |
//! | 16, 16 | tenant, batch id |
//! | 8 | when it was appended, microseconds since 1970 |
//! | 2 | number of tables, then for each: |
//! | 1, n | length of the table's name, the name |
//! | 4, n | length of the rows, the rows as an Arrow IPC stream |

use std::io::Cursor;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::ipc::MetadataVersion;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::{IpcWriteOptions, StreamWriter};
use bartizan_contract::TenantId;
use uuid::Uuid;

use super::convert::TableBatch;
use super::error::EventsError;

/// Bytes before the payload.
pub(super) const FRAME: usize = 8;
const VERSION: u8 = 1;
/// Where the sequence number is, from the record's start.
const SEQ_AT: usize = FRAME + 1;

/// A record as it is read back.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) seq: i64,
    pub(super) tenant: TenantId,
    pub(super) batch_id: Uuid,
    pub(super) appended: i64,
    /// By table name, in the columns of whoever wrote it.
    pub(super) tables: Vec<(String, RecordBatch)>,
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

/// Writes a record but for sequence number, length and checksum, which [`seal`] puts in.
pub(super) fn encode(
    tenant: TenantId,
    batch_id: Uuid,
    appended: i64,
    tables: &[TableBatch],
) -> Result<Vec<u8>, EventsError> {
    let mut bytes = vec![0; FRAME];
    bytes.push(VERSION);
    bytes.extend_from_slice(&0_i64.to_le_bytes());
    bytes.extend_from_slice(tenant.uuid().as_bytes());
    bytes.extend_from_slice(batch_id.as_bytes());
    bytes.extend_from_slice(&appended.to_le_bytes());
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
    Ok(bytes)
}

/// Completes an encoded record.
pub(super) fn seal(record: &mut [u8], seq: i64) {
    record[SEQ_AT..SEQ_AT + 8].copy_from_slice(&seq.to_le_bytes());
    let length = ((record.len() - FRAME) as u32).to_le_bytes();
    let checksum = checksum(length, &record[FRAME..]);
    record[..4].copy_from_slice(&length);
    record[4..FRAME].copy_from_slice(&checksum.to_le_bytes());
}

fn checksum(length: [u8; 4], payload: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&length), payload)
}

/// Reads the record that bytes begin with, and says how long it is.
pub(super) fn decode(bytes: &[u8]) -> Result<(Record, usize), Damage> {
    let mut head = Reader(bytes);
    let length: [u8; 4] = head.array().ok_or(Damage::Short)?;
    let expected = u32::from_le_bytes(head.array().ok_or(Damage::Short)?);
    let payload = head
        .take(u32::from_le_bytes(length) as usize)
        .ok_or(Damage::Short)?;
    if checksum(length, payload) != expected {
        return Err(Damage::Checksum);
    }
    let record = payload_of(payload).ok_or(Damage::Payload)?;
    Ok((record, FRAME + payload.len()))
}

fn payload_of(payload: &[u8]) -> Option<Record> {
    let mut reader = Reader(payload);
    if reader.array::<1>()? != [VERSION] {
        return None;
    }
    let seq = i64::from_le_bytes(reader.array()?);
    let tenant = TenantId(Uuid::from_bytes(reader.array()?));
    let batch_id = Uuid::from_bytes(reader.array()?);
    let appended = i64::from_le_bytes(reader.array()?);
    let count = u16::from_le_bytes(reader.array()?);
    let mut tables = Vec::with_capacity(count.into());
    for _ in 0..count {
        let [length] = reader.array()?;
        let name = std::str::from_utf8(reader.take(length.into())?)
            .ok()?
            .to_owned();
        let length = u32::from_le_bytes(reader.array()?);
        let stream = reader.take(length as usize)?;
        tables.push((name, rows_of(stream)?));
    }
    reader.0.is_empty().then_some(Record {
        seq,
        tenant,
        batch_id,
        appended,
        tables,
    })
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::convert::to_batches;
    use bartizan_contract::hunting::table;
    use bartizan_contract::value::{Row, Value};

    fn sealed() -> (Vec<u8>, RecordBatch) {
        let mut row = Row::empty(table("AlertInfo").unwrap());
        row.set(
            "Title",
            Value::String("something longer than twelve bytes".into()),
        );
        let (batches, _) = to_batches(&[row]).unwrap();
        let mut bytes = encode(TenantId::from_u128(1), Uuid::from_u128(2), 3, &batches).unwrap();
        seal(&mut bytes, 4);
        (bytes, batches[0].1.clone())
    }

    #[test]
    fn a_record_reads_back() {
        let (mut bytes, batch) = sealed();
        let length = bytes.len();
        bytes.extend_from_slice(b"next");
        let (record, read) = decode(&bytes).unwrap();
        assert_eq!(read, length);
        assert_eq!((record.seq, record.appended), (4, 3));
        assert_eq!(record.tenant, TenantId::from_u128(1));
        assert_eq!(record.batch_id, Uuid::from_u128(2));
        assert_eq!(record.tables, [("AlertInfo".to_owned(), batch)]);
    }

    #[test]
    fn no_cut_and_no_changed_byte_goes_unnoticed() {
        let (bytes, _) = sealed();
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
