//! Takes off a compression: gzip, or a zip archive, whose files are read one after the other.

use std::io::{Cursor, Read};

use bytes::Bytes;

use super::format::Packing;

/// The files that a location holds, unpacked; all together have at most `most` bytes.
pub(super) fn files(location: &str, bytes: Bytes, most: usize) -> Result<Vec<Bytes>, String> {
    match Packing::of_location(location) {
        None => Ok(vec![bytes]),
        Some(Packing::Gzip) => {
            let reader = flate2::read::MultiGzDecoder::new(bytes.as_ref());
            Ok(vec![limited(reader, most, most, "gzip data")?])
        }
        Some(Packing::Zip) => zip_files(bytes, most),
    }
}

fn zip_files(bytes: Bytes, most: usize) -> Result<Vec<Bytes>, String> {
    let broken = |error: zip::result::ZipError| format!("it is no zip archive: {error}");
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(broken)?;
    let (mut files, mut left) = (Vec::new(), most);
    for index in 0..archive.len() {
        let member = archive.by_index(index).map_err(broken)?;
        if member.is_file() {
            let file = limited(member, left, most, "zip data")?;
            left -= file.len();
            files.push(file);
        }
    }
    Ok(files)
}

/// Everything that a reader gives, but not more than is left of the limit.
fn limited(reader: impl Read, left: usize, most: usize, what: &str) -> Result<Bytes, String> {
    let mut out = Vec::new();
    let take = u64::try_from(left).unwrap_or(u64::MAX).saturating_add(1);
    reader
        .take(take)
        .read_to_end(&mut out)
        .map_err(|_| format!("it is no valid {what}"))?;
    if out.len() > left {
        return Err(format!("unpacked it has more than {most} bytes"));
    }
    Ok(out.into())
}
