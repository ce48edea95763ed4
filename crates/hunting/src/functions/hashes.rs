//! Hashes of the text of a value.

use std::fmt::Write;

use arrow::array::ArrayRef;
use bartizan_kql::types::Type;
use datafusion::error::Result;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::call::{Argument, Call};
use super::conversion::{Number, push_text};

fn hex<D: Digest>(call: &Call) -> Result<ArrayRef> {
    let argument = call.arg(0)?;
    let mut text = String::new();
    call.make_texts(|row, out| {
        text.clear();
        let _ = push_text(argument, row, &mut text);
        for byte in D::digest(text.as_bytes()).iter() {
            let _ = write!(out, "{byte:02x}");
        }
        true
    })
}

pub(super) fn sha256(call: &Call) -> Result<ArrayRef> {
    hex::<Sha256>(call)
}

pub(super) fn sha1(call: &Call) -> Result<ArrayRef> {
    hex::<Sha1>(call)
}

pub(super) fn md5(call: &Call) -> Result<ArrayRef> {
    hex::<Md5>(call)
}

/// `hash(value, modulus)`: xxHash64 of the value's bytes.
pub(super) fn hash(call: &Call) -> Result<ArrayRef> {
    let argument = call.arg(0)?;
    let modulus = call.args.get(1).map(Number::of).transpose()?;
    let mut text = String::new();
    call.make_longs(|row| {
        let hash = hash_value(argument, row, &mut text) as i64;
        match &modulus {
            Some(m) => hash.checked_rem_euclid(m.long(row)?),
            None => Some(hash),
        }
    })
}

/// `hash(value)` of every value of a column.
pub(crate) fn hash_of(values: &ArrayRef, ty: Type) -> Result<ArrayRef> {
    let rows = values.len();
    let argument = Argument {
        ty,
        array: values.clone(),
        constant: false,
    };
    hash(&Call::of(vec![argument], rows))
}

/// The hash of a value: numbers and times by their bytes, the rest by its text. `text` is room to work in.
pub(super) fn hash_value(argument: &Argument, row: usize, text: &mut String) -> u64 {
    let bytes = match argument.ty {
        Type::Long | Type::DateTime | Type::TimeSpan => {
            let value = argument.longs().ok().and_then(|v| v.get(row));
            value.map(i64::to_le_bytes)
        }
        Type::Real => {
            let value = argument.reals().ok().and_then(|v| v.get(row));
            value.map(f64::to_le_bytes)
        }
        _ => None,
    };
    if let Some(bytes) = bytes {
        return xxhash64(&bytes);
    }
    text.clear();
    let _ = push_text(argument, row, text);
    xxhash64(text.as_bytes())
}

const P1: u64 = 0x9E37_79B1_85EB_CA87;
const P2: u64 = 0xC2B2_AE3D_27D4_EB4F;
const P3: u64 = 0x1656_67B1_9E37_79F9;
const P4: u64 = 0x85EB_CA77_C2B2_AE63;
const P5: u64 = 0x27D4_EB2F_1656_67C5;

fn round(accumulator: u64, input: u64) -> u64 {
    accumulator
        .wrapping_add(input.wrapping_mul(P2))
        .rotate_left(31)
        .wrapping_mul(P1)
}

fn word(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |word, byte| word << 8 | u64::from(*byte))
}

/// xxHash64 with seed 0 (specification: doc/xxhash_spec.md of the xxHash project).
pub(crate) fn xxhash64(bytes: &[u8]) -> u64 {
    let (mut hash, rest) = if bytes.len() >= 32 {
        let mut lanes = [P1.wrapping_add(P2), P2, 0, 0u64.wrapping_sub(P1)];
        let stripes = bytes.chunks_exact(32);
        let rest = stripes.remainder();
        for stripe in stripes {
            for (lane, part) in lanes.iter_mut().zip(stripe.chunks_exact(8)) {
                *lane = round(*lane, word(part));
            }
        }
        let turns = [1, 7, 12, 18];
        let mut hash = lanes
            .iter()
            .zip(turns)
            .fold(0u64, |h, (lane, t)| h.wrapping_add(lane.rotate_left(t)));
        for lane in lanes {
            hash = (hash ^ round(0, lane)).wrapping_mul(P1).wrapping_add(P4);
        }
        (hash, rest)
    } else {
        (P5, bytes)
    };
    hash = hash.wrapping_add(bytes.len() as u64);
    let eights = rest.chunks_exact(8);
    let mut rest = eights.remainder();
    for part in eights {
        hash = (hash ^ round(0, word(part)))
            .rotate_left(27)
            .wrapping_mul(P1)
            .wrapping_add(P4);
    }
    if rest.len() >= 4 {
        hash = (hash ^ word(&rest[..4]).wrapping_mul(P1))
            .rotate_left(23)
            .wrapping_mul(P2)
            .wrapping_add(P3);
        rest = &rest[4..];
    }
    for byte in rest {
        hash = (hash ^ u64::from(*byte).wrapping_mul(P5))
            .rotate_left(11)
            .wrapping_mul(P1);
    }
    hash = (hash ^ hash >> 33).wrapping_mul(P2);
    hash = (hash ^ hash >> 29).wrapping_mul(P3);
    hash ^ hash >> 32
}

#[cfg(test)]
mod tests {
    use super::xxhash64;

    #[test]
    fn published_vectors() {
        assert_eq!(xxhash64(b""), 0xEF46_DB37_51D8_E999);
        assert_eq!(xxhash64(b"a"), 0xD24E_C4F1_A98C_6E5B);
        assert_eq!(
            xxhash64(b"Nobody inspects the spammish repetition"),
            0xFBCE_A83C_8A37_8BF1
        );
    }
}
