//! Encodings, formats and tests of texts: guids and bytes in base64, compression, Punycode, hashes of several values.

use std::io::Read;

use arrow::array::ArrayRef;
use bartizan_kql::bound::CodecFn;
use base64::Engine;
use datafusion::error::Result;
use flate2::read::{GzDecoder, ZlibDecoder};

use super::arrays::elements;
use super::call::{Argument, Call};
use super::codecs::BASE64;
use super::conversion::{Number, push_guid};
use super::hashes::hash_value;
use super::{markup, packing, punycode, zones};
use crate::error::evaluation;

/// Computes a function on one batch.
pub(super) fn compute(call: &Call, function: CodecFn) -> Result<ArrayRef> {
    match function {
        CodecFn::RegexQuote => texts(call, |text, out| out.push_str(&regex::escape(text))),
        CodecFn::UrlEncodeComponent => texts(call, encode_component),
        CodecFn::Base64EncodeFromArray => base64_from_array(call),
        CodecFn::Base64DecodeToGuid => base64_to_guid(call),
        CodecFn::Base64EncodeFromGuid => base64_from_guid(call),
        CodecFn::ZlibCompress => texts(call, |text, out| {
            BASE64.encode_string(packing::zlib(text.as_bytes()), out)
        }),
        CodecFn::GzipCompress => texts(call, |text, out| {
            BASE64.encode_string(packing::gzip(text.as_bytes()), out)
        }),
        CodecFn::ZlibDecompress => decompressed(call, |bytes| Box::new(ZlibDecoder::new(bytes))),
        CodecFn::GzipDecompress => decompressed(call, |bytes| Box::new(GzDecoder::new(bytes))),
        CodecFn::PunycodeFromString => texts(call, |text, out| {
            out.push_str(&punycode::encode(text).unwrap_or_default())
        }),
        CodecFn::PunycodeToString => texts(call, |text, out| {
            out.push_str(&punycode::decode(text).unwrap_or_default())
        }),
        CodecFn::PunycodeDomainFromString => texts(call, |text, out| {
            out.push_str(&punycode::domain_decode(text))
        }),
        CodecFn::PunycodeDomainToString => texts(call, |text, out| {
            out.push_str(&punycode::domain_encode(text))
        }),
        CodecFn::ParseXml => {
            let texts = call.texts(0)?;
            call.make_texts(|row, out| markup::push_json(texts.get(row), out))
        }
        CodecFn::HashCombine => hash_combine(call),
        CodecFn::HashMany => hash_many(call),
        CodecFn::IsAscii => test(call, str::is_ascii),
        // A string of the engine is UTF-8; what is not was replaced when the row came in.
        CodecFn::IsUtf8 => test(call, |text| !text.contains(char::REPLACEMENT_CHARACTER)),
        CodecFn::FormatBytes => format_bytes(call),
        CodecFn::Assert => assert_true(call),
        CodecFn::LocalToUtc => zones::local_to_utc(call),
        CodecFn::UtcToLocal => zones::utc_to_local(call),
        CodecFn::ListTimezones => zones::list(call),
    }
}

/// A text of the first argument's text.
fn texts(call: &Call, f: impl Fn(&str, &mut String)) -> Result<ArrayRef> {
    let texts = call.texts(0)?;
    call.make_texts(|row, out| {
        f(texts.get(row), out);
        true
    })
}

fn test(call: &Call, f: impl Fn(&str) -> bool) -> Result<ArrayRef> {
    let texts = call.texts(0)?;
    call.make_bools(|row| Some(f(texts.get(row))))
}

/// Lower-case hexadecimal, a space as `%20`; letters, digits and `-_.!*()` stay.
fn encode_component(text: &str, out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => out.push(byte.into()),
            b'-' | b'_' | b'.' | b'!' | b'*' | b'(' | b')' => out.push(byte.into()),
            _ => {
                out.push('%');
                out.push(DIGITS[usize::from(byte >> 4)].into());
                out.push(DIGITS[usize::from(byte & 15)].into());
            }
        }
    }
}

fn base64_from_array(call: &Call) -> Result<ArrayRef> {
    let arrays = call.texts(0)?;
    call.make_texts(|row, out| {
        let bytes = elements(arrays.some(row)).and_then(|list| {
            list.into_iter()
                .map(|e| e.trim().parse::<u8>().ok())
                .collect::<Option<Vec<u8>>>()
        });
        // Bytes that are no text are refused, as the page has it.
        if let Some(bytes) = bytes.filter(|b| std::str::from_utf8(b).is_ok()) {
            BASE64.encode_string(bytes, out);
        }
        true
    })
}

fn base64_to_guid(call: &Call) -> Result<ArrayRef> {
    let texts = call.texts(0)?;
    call.make_texts(|row, out| {
        let bytes = BASE64.decode(texts.get(row).trim()).ok();
        let Some(bytes) = bytes.and_then(|b| <[u8; 16]>::try_from(b).ok()) else {
            return false;
        };
        push_guid(out, &uuid::Uuid::from_bytes_le(bytes).to_string())
    })
}

fn base64_from_guid(call: &Call) -> Result<ArrayRef> {
    let texts = call.texts(0)?;
    call.make_texts(|row, out| {
        if let Some(guid) = texts.some(row).and_then(|t| uuid::Uuid::parse_str(t).ok()) {
            BASE64.encode_string(guid.to_bytes_le(), out);
        }
        true
    })
}

/// Characters that a decompressed text has at most: small inputs can grow a thousandfold.
const LONGEST_TEXT: u64 = 16 * 1024 * 1024;

fn decompressed(
    call: &Call,
    decoder: impl for<'b> Fn(&'b [u8]) -> Box<dyn Read + 'b>,
) -> Result<ArrayRef> {
    let texts = call.texts(0)?;
    call.make_texts(|row, out| {
        if let Ok(bytes) = BASE64.decode(texts.get(row).trim()) {
            let mut text = String::new();
            let read = decoder(&bytes).take(LONGEST_TEXT).read_to_string(&mut text);
            if read.is_ok() {
                out.push_str(&text);
            }
        }
        true
    })
}

/// Mixes a hash into others. The page leaves the way open; equal inputs give equal results.
fn mixed(seed: u64, hash: u64) -> u64 {
    let added = hash
        .wrapping_add(0x9E37_79B9_7F4A_7C15)
        .wrapping_add(seed << 6)
        .wrapping_add(seed >> 2);
    seed ^ added
}

fn hash_combine(call: &Call) -> Result<ArrayRef> {
    let numbers = call
        .args
        .iter()
        .map(|a| {
            if a.array.data_type().is_numeric() {
                Number::of(a).map(Some)
            } else {
                Ok(None)
            }
        })
        .collect::<Result<Vec<_>>>()?;
    let mut text = String::new();
    call.make_longs(|row| {
        let mut seed = None;
        for (number, argument) in numbers.iter().zip(&call.args) {
            let hash = match number {
                Some(number) => number.long(row)? as u64,
                None => hash_value(argument, row, &mut text),
            };
            seed = Some(seed.map_or(hash, |s| mixed(s, hash)));
        }
        seed.map(|s| s as i64)
    })
}

fn hash_many(call: &Call) -> Result<ArrayRef> {
    let mut text = String::new();
    call.make_longs(|row| {
        let hashes = call.args.iter().map(|a| hash_value(a, row, &mut text));
        hashes.reduce(mixed).map(|s| s as i64)
    })
}

const BYTE_UNITS: [&str; 7] = ["Bytes", "KB", "MB", "GB", "TB", "PB", "EB"];

/// `format_bytes(size, precision, unit)`.
fn format_bytes(call: &Call) -> Result<ArrayRef> {
    let sizes = call.reals(0)?;
    let places = call.longs_opt(1)?;
    let units = call.args.get(2).map(Argument::texts).transpose()?;
    call.make_texts(|row, out| {
        let Some(size) = sizes.get(row) else {
            return true;
        };
        let wanted = units.map_or("", |u| u.get(row));
        let unit = match BYTE_UNITS
            .iter()
            .position(|u| u.eq_ignore_ascii_case(wanted))
        {
            Some(unit) => unit,
            None if !wanted.is_empty() => return true,
            None => (0..6)
                .find(|i| size.abs() < 1024f64.powi(i + 1))
                .map_or(6, |i| i as usize),
        };
        let places = places.and_then(|p| p.get(row)).unwrap_or(0).clamp(0, 15);
        let factor = 10f64.powi(places as i32);
        let value = (size / 1024f64.powi(unit as i32) * factor).round() / factor;
        out.push_str(&format!("{value} {}", BYTE_UNITS[unit]));
        true
    })
}

/// `assert(condition, message)`: false ends the query.
fn assert_true(call: &Call) -> Result<ArrayRef> {
    let (conditions, messages) = (call.arg(0)?.bools()?, call.texts(1)?);
    for row in 0..call.rows {
        if conditions.get(row) != Some(true) {
            return Err(evaluation(format!(
                "assert() has failed with message: '{}'",
                messages.get(row)
            )));
        }
    }
    call.make_bools(|_| Some(true))
}
