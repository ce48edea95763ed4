//! Base64, percent-encoding and hexadecimal.

use std::fmt::Write;

use arrow::array::ArrayRef;
use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use datafusion::error::Result;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::call::Call;
use super::conversion::Number;

/// Base64 that reads texts without their padding too: attackers leave it out.
pub(super) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// What `url_encode` leaves as it is, as .NET's `HttpUtility.UrlEncode` does; spaces become `+`.
const URL_SAFE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b' ')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'*')
    .remove(b'(')
    .remove(b')');

pub(super) fn base64_encode(call: &Call) -> Result<ArrayRef> {
    let texts = call.texts(0)?;
    call.make_texts(|row, out| {
        BASE64.encode_string(texts.get(row), out);
        true
    })
}

pub(super) fn base64_decode(call: &Call) -> Result<ArrayRef> {
    let texts = call.texts(0)?;
    call.make_texts(|row, out| {
        let decoded = BASE64.decode(texts.get(row).trim()).ok();
        if let Some(text) = decoded.and_then(|b| String::from_utf8(b).ok()) {
            out.push_str(&text);
        }
        true
    })
}

pub(super) fn base64_decode_to_array(call: &Call) -> Result<ArrayRef> {
    let texts = call.texts(0)?;
    call.make_texts(|row, out| {
        let Ok(bytes) = BASE64.decode(texts.get(row).trim()) else {
            return false;
        };
        let bytes: Vec<String> = bytes.iter().map(u8::to_string).collect();
        write!(out, "[{}]", bytes.join(",")).is_ok()
    })
}

pub(super) fn url_encode(call: &Call) -> Result<ArrayRef> {
    let texts = call.texts(0)?;
    call.make_texts(|row, out| {
        for part in utf8_percent_encode(texts.get(row), URL_SAFE) {
            match part.strip_prefix('%') {
                // With lower-case digits, as the documentation shows it.
                Some(digits) => {
                    out.push('%');
                    out.push_str(&digits.to_ascii_lowercase());
                }
                None => out.extend(part.chars().map(|c| if c == ' ' { '+' } else { c })),
            }
        }
        true
    })
}

pub(super) fn url_decode(call: &Call) -> Result<ArrayRef> {
    let texts = call.texts(0)?;
    call.make_texts(|row, out| {
        let spaced = texts.get(row).replace('+', " ");
        out.push_str(&percent_decode_str(&spaced).decode_utf8_lossy());
        true
    })
}

pub(super) fn to_hex(call: &Call) -> Result<ArrayRef> {
    let number = Number::of(call.arg(0)?)?;
    let widths = call.longs_opt(1)?;
    call.make_texts(|row, out| {
        if let Some(value) = number.long(row) {
            let width = widths
                .and_then(|w| w.get(row))
                .and_then(|w| usize::try_from(w).ok())
                .unwrap_or(0);
            let _ = write!(out, "{value:0width$x}", width = width.min(64));
        }
        true
    })
}
