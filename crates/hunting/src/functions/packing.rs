//! Compressed bytes as the service gives them: fixed headers, and bytes as they are where packing them does not pay.
//!
//! The examples on the pages of the two functions have what Intel's library for storage writes in one go: no level in
//! either header, and a text of twenty characters stored. That library describes its one table of codes in every packed
//! block, so that short texts are stored.

use std::io::Write;

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

/// What the table of codes takes in front of packed bytes.
const TABLE: usize = 109;
/// What goes before the bytes of a stored block, and how many of these there are at most.
const BLOCK_HEAD: usize = 5;
const LONGEST_BLOCK: usize = 0xFFFF;

/// Bytes as a gzip file without a name, a time and a system.
pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    push_deflated(bytes, &mut out);
    let mut sum = Crc::new();
    sum.update(bytes);
    out.extend(sum.sum().to_le_bytes());
    // The length is that of the bytes without what exceeds four bytes, as the format has it.
    out.extend((bytes.len() as u32).to_le_bytes());
    out
}

/// Bytes as a zlib stream.
pub(super) fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0x78, 0x01];
    push_deflated(bytes, &mut out);
    out.extend(adler(bytes).to_be_bytes());
    out
}

fn push_deflated(bytes: &[u8], out: &mut Vec<u8>) {
    let blocks = bytes.len().div_ceil(LONGEST_BLOCK).max(1);
    let stored = bytes.len() + blocks * BLOCK_HEAD;
    // The least that a packed block takes; whatever comes of so few bytes would not be smaller.
    let packed = (stored > TABLE).then(|| packed(bytes)).flatten();
    match packed.filter(|packed| packed.len() + TABLE < stored) {
        Some(packed) => out.extend(packed),
        None => push_stored(bytes, blocks, out),
    }
}

fn packed(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

fn push_stored(bytes: &[u8], blocks: usize, out: &mut Vec<u8>) {
    for block in 0..blocks {
        let from = block * LONGEST_BLOCK;
        let part = &bytes[from..bytes.len().min(from + LONGEST_BLOCK)];
        let len = part.len() as u16;
        out.push(u8::from(block + 1 == blocks));
        out.extend(len.to_le_bytes());
        out.extend((!len).to_le_bytes());
        out.extend(part);
    }
}

/// The checksum of zlib (RFC 1950): the sum of the bytes, and the sum of these sums.
fn adler(bytes: &[u8]) -> u32 {
    const MODULUS: u32 = 65_521;
    /// So many bytes can be added up before a sum outgrows its type.
    const AT_ONCE: usize = 5_552;
    let (mut sum, mut sums) = (1u32, 0u32);
    for part in bytes.chunks(AT_ONCE) {
        for byte in part {
            sum += u32::from(*byte);
            sums += sum;
        }
        sum %= MODULUS;
        sums %= MODULUS;
    }
    sums << 16 | sum
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::{GzDecoder, ZlibDecoder};

    use super::*;

    fn unpacked(mut decoder: impl Read) -> Vec<u8> {
        let mut bytes = Vec::new();
        decoder.read_to_end(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn what_is_packed_comes_back() {
        let random = |len: u32| -> Vec<u8> {
            let byte = |i: u32| (i.wrapping_mul(2_654_435_761) >> 13) as u8;
            (0..len).map(byte).collect()
        };
        let lengths = [0, 1, 104, 105, 300, 0xFFFE, 0xFFFF, 0x1_0000, 200_000];
        let even = lengths.map(|len| vec![b'x'; len as usize]);
        for bytes in even.into_iter().chain(lengths.map(random)) {
            assert_eq!(unpacked(GzDecoder::new(gzip(&bytes).as_slice())), bytes);
            assert_eq!(unpacked(ZlibDecoder::new(zlib(&bytes).as_slice())), bytes);
        }
        assert!(gzip(&[b'x'; 10_000]).len() < 100);
    }

    #[test]
    fn short_texts_are_stored() {
        let text = b"a text without repeats";
        let stored = [&[1, 22, 0, !22, !0][..], text].concat();
        let file = gzip(text);
        assert_eq!(file[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
        assert_eq!(file[10..37], stored);
        let stream = zlib(text);
        assert_eq!(stream[..2], [0x78, 0x01]);
        assert_eq!(stream[2..29], stored);
        assert_eq!(zlib(b"")[2..7], [1, 0, 0, 0xff, 0xff]);
    }
}
