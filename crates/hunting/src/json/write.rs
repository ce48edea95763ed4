//! Writing JSON text.

use std::fmt::Write;

/// Appends a string with its quotes.
pub(crate) fn push_json_string(out: &mut String, text: &str) {
    out.push('"');
    let mut from = 0;
    for (i, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..0x20 => "",
            _ => continue,
        };
        out.push_str(&text[from..i]);
        if escape.is_empty() {
            let _ = write!(out, "\\u{byte:04x}");
        } else {
            out.push_str(escape);
        }
        from = i + 1;
    }
    out.push_str(&text[from..]);
    out.push('"');
}

/// Appends a real as a JSON number, or as text when it is not finite.
pub(crate) fn push_real(out: &mut String, value: f64) {
    if value.is_finite() {
        push_real_text(out, value);
    } else {
        out.push('"');
        push_real_text(out, value);
        out.push('"');
    }
}

/// Appends a real as `tostring()` writes it: the shortest form that reads back, whole numbers with `.0`.
pub(crate) fn push_real_text(out: &mut String, value: f64) {
    if value.is_nan() {
        out.push_str("NaN");
    } else if value.is_infinite() {
        out.push_str(if value > 0.0 { "Infinity" } else { "-Infinity" });
    } else if value == 0.0 || (1e-5..1e16).contains(&value.abs()) {
        let _ = write!(out, "{value:?}");
    } else {
        let text = format!("{value:e}");
        // 1e300 reads "1E+300" in .NET; JSON readers take both.
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let sign = if exponent.starts_with('-') { "" } else { "+" };
        let _ = write!(out, "{mantissa}E{sign}{exponent}");
    }
}

/// Appends JSON without the white space between its tokens.
pub(crate) fn push_compact(out: &mut String, text: &str) {
    let bytes = text.as_bytes();
    let (mut i, mut from) = (0, 0);
    while i < bytes.len() {
        match bytes[i] {
            b'"' => i = super::skip_string(bytes, i).unwrap_or(bytes.len()),
            b' ' | b'\t' | b'\n' | b'\r' => {
                out.push_str(&text[from..i]);
                i += 1;
                from = i;
            }
            _ => i += 1,
        }
    }
    out.push_str(&text[from.min(text.len())..]);
}
