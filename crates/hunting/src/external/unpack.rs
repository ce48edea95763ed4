//! Takes off a compression: gzip, or a zip archive, whose files are read one after the other.
//!
//! What is small as it is sent may be large unpacked, so nothing is unpacked before it is wanted, and others have their
//! turn after each piece.

use std::io::{Cursor, Read};

use bytes::{Buf, Bytes};

use super::format::Packing;

/// Files that an archive may have.
const MOST_MEMBERS: usize = 1_000;
/// What stands before each file's entry in the directory of an archive.
const ENTRY: &[u8] = b"PK\x01\x02";
/// Bytes that are unpacked at once.
const PIECE: u64 = 1 << 20;

/// The files that a location holds; unpacked they have so many bytes at most, all together.
pub(super) struct Files {
    packed: Packed,
    most: usize,
    left: usize,
}

enum Packed {
    None(Option<Bytes>),
    Gzip(Option<Bytes>),
    Zip(Box<zip::ZipArchive<Cursor<Bytes>>>, usize),
}

impl Files {
    /// Those of a location, by the ending of its name.
    pub(super) fn new(location: &str, bytes: Bytes, most: usize) -> Result<Self, String> {
        let packed = match Packing::of_location(location) {
            None => Packed::None(Some(bytes)),
            Some(Packing::Gzip) => Packed::Gzip(Some(bytes)),
            Some(Packing::Zip) => {
                // An archive's directory is held as a whole, at several times its size.
                let mut entries = memchr::memmem::find_iter(&bytes, ENTRY);
                if entries.nth(MOST_MEMBERS).is_some() {
                    return Err(format!("it has more than {MOST_MEMBERS} files"));
                }
                drop(entries);
                let archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(broken)?;
                Packed::Zip(Box::new(archive), 0)
            }
        };
        Ok(Self {
            packed,
            most,
            left: most,
        })
    }

    /// The next one; none after the last.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, String> {
        match &mut self.packed {
            Packed::None(file) => Ok(file.take()),
            Packed::Gzip(file) => match file.take() {
                Some(file) => gzip(file, self.left, self.most).await.map(Some),
                None => Ok(None),
            },
            Packed::Zip(archive, next) => {
                while *next < archive.len() {
                    let member = archive.by_index(*next).map_err(broken)?;
                    *next += 1;
                    if member.is_file() {
                        let mut out = Vec::new();
                        unpack(member, &mut out, self.left, self.most, "zip data").await?;
                        self.left -= out.len();
                        return Ok(Some(out.into()));
                    }
                }
                Ok(None)
            }
        }
    }
}

fn broken(error: zip::result::ZipError) -> String {
    format!("it is no zip archive: {error}")
}

/// All members of a gzip file as one (RFC 1952, section 2.2).
async fn gzip(mut file: Bytes, left: usize, most: usize) -> Result<Bytes, String> {
    let mut out = Vec::new();
    loop {
        let mut member = flate2::bufread::GzDecoder::new(file.reader());
        unpack(&mut member, &mut out, left, most, "gzip data").await?;
        file = member.into_inner().into_inner();
        if file.is_empty() {
            return Ok(out.into());
        }
    }
}

/// Adds everything that a reader gives, but not more than is left of the limit.
async fn unpack(
    mut reader: impl Read + Send,
    out: &mut Vec<u8>,
    left: usize,
    most: usize,
    what: &str,
) -> Result<(), String> {
    loop {
        let read = reader.by_ref().take(PIECE).read_to_end(out);
        let read = read.map_err(|_| format!("it is no valid {what}"))?;
        if out.len() > left {
            return Err(format!("unpacked it has more than {most} bytes"));
        }
        tokio::task::yield_now().await;
        if read == 0 {
            return Ok(());
        }
    }
}
