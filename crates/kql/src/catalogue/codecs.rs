//! Scalar functions: encodings, hashes of several values, formats, and tests of text.

use super::signature::*;
use super::{Naming, ResultType, ScalarFn, ScalarFunction, Special, Target, entry};
use crate::types::Type;
use CodecFn as C;
use Naming::{First, Numbered};
use ResultType::{Argument, Is};

/// A function of texts, codes and formats. What cannot be decoded gives null or "".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CodecFn {
    /// `regex_quote(string)`.
    RegexQuote,
    /// `url_encode_component(string)`.
    UrlEncodeComponent,
    /// `base64_encode_fromarray(dynamic array of bytes)`: string.
    Base64EncodeFromArray,
    /// `base64_decode_toguid(string)`: guid.
    Base64DecodeToGuid,
    /// `base64_encode_fromguid(guid)`: string.
    Base64EncodeFromGuid,
    /// `zlib_compress_to_base64_string(string)`.
    ZlibCompress,
    /// `zlib_decompress_from_base64_string(string)`.
    ZlibDecompress,
    /// `gzip_compress_to_base64_string(string)`.
    GzipCompress,
    /// `gzip_decompress_from_base64_string(string)`.
    GzipDecompress,
    /// `punycode_from_string(string)`.
    PunycodeFromString,
    /// `punycode_to_string(string)`.
    PunycodeToString,
    /// `punycode_domain_from_string(string)`: decodes the labels of a domain.
    PunycodeDomainFromString,
    /// `punycode_domain_to_string(string)`: encodes the labels of a domain.
    PunycodeDomainToString,
    /// `parse_xml(string)`: dynamic, null when it is not XML.
    ParseXml,
    /// `hash_combine(long…)`: long.
    HashCombine,
    /// `hash_many(any as string…)`: long.
    HashMany,
    /// `isascii(string)`: bool.
    IsAscii,
    /// `isutf8(string)`: bool.
    IsUtf8,
    /// `format_bytes(real, precision? long, unit? string)`: string.
    FormatBytes,
    /// `assert(bool, message string)`: true, or the query fails.
    Assert,
    /// `datetime_local_to_utc(datetime, zone string)`.
    LocalToUtc,
    /// `datetime_utc_to_local(datetime, zone string)`.
    UtcToLocal,
    /// `datetime_list_timezones()`: dynamic array of names.
    ListTimezones,
}

const WORDS: ResultType = Is(Type::String);
const BOOLEAN: ResultType = Is(Type::Bool);
const WHOLE: ResultType = Is(Type::Long);
const DYNAMIC: ResultType = Is(Type::Dynamic);
const MOMENT: ResultType = Is(Type::DateTime);
const STRING_TO_STRING: &[Signature] = &[all(&[STRING], WORDS)];
const TEST: &[Signature] = &[all(&[TEXT], BOOLEAN)];
const ZONED: &[Signature] = &[all(&[DATETIME, STRING], MOMENT)];

const fn c(
    name: &'static str,
    function: CodecFn,
    signatures: &'static [Signature],
    naming: Naming,
    doc: &'static str,
) -> ScalarFunction {
    let target = Target::Function(ScalarFn::Codec(function));
    entry(name, target, signatures, naming, doc)
}

/// The functions of this file.
pub(super) static CODECS: &[ScalarFunction] = &[
    c(
        "regex_quote",
        C::RegexQuote,
        &[all(&[TEXT], WORDS)],
        Numbered,
        "A regular expression that matches just a text.",
    ),
    c(
        "url_encode_component",
        C::UrlEncodeComponent,
        STRING_TO_STRING,
        Numbered,
        "Percent-encodes a part of a URL.",
    ),
    c(
        "base64_encode_fromarray",
        C::Base64EncodeFromArray,
        &[all(&[ARRAY], WORDS)],
        Numbered,
        "Encodes an array of bytes as base64.",
    ),
    c(
        "base64_decode_toguid",
        C::Base64DecodeToGuid,
        &[all(&[STRING], Is(Type::Guid))],
        Numbered,
        "Decodes base64 to a guid.",
    ),
    c(
        "base64_encode_fromguid",
        C::Base64EncodeFromGuid,
        &[all(&[GUID], WORDS)],
        Numbered,
        "Encodes a guid as base64.",
    ),
    c(
        "zlib_compress_to_base64_string",
        C::ZlibCompress,
        STRING_TO_STRING,
        Numbered,
        "Compresses a text with zlib, as base64.",
    ),
    c(
        "zlib_decompress_from_base64_string",
        C::ZlibDecompress,
        STRING_TO_STRING,
        Numbered,
        "The text in base64 of zlib.",
    ),
    c(
        "gzip_compress_to_base64_string",
        C::GzipCompress,
        STRING_TO_STRING,
        Numbered,
        "Compresses a text with gzip, as base64.",
    ),
    c(
        "gzip_decompress_from_base64_string",
        C::GzipDecompress,
        STRING_TO_STRING,
        Numbered,
        "The text in base64 of gzip.",
    ),
    c(
        "punycode_from_string",
        C::PunycodeFromString,
        STRING_TO_STRING,
        Numbered,
        "Encodes a text as Punycode.",
    ),
    c(
        "punycode_to_string",
        C::PunycodeToString,
        STRING_TO_STRING,
        Numbered,
        "Decodes Punycode.",
    ),
    c(
        "punycode_domain_from_string",
        C::PunycodeDomainFromString,
        STRING_TO_STRING,
        Numbered,
        "Decodes the labels of an internationalised domain name.",
    ),
    c(
        "punycode_domain_to_string",
        C::PunycodeDomainToString,
        STRING_TO_STRING,
        Numbered,
        "Encodes the labels of an internationalised domain name.",
    ),
    c(
        "parse_xml",
        C::ParseXml,
        &[all(&[STRING_DYN], DYNAMIC)],
        First,
        "An XML text as a dynamic value.",
    ),
    c(
        "hash_combine",
        C::HashCombine,
        &[many(&[ANY, ANY], 1, WHOLE)],
        Numbered,
        "One hash of several hashes.",
    ),
    c(
        "hash_many",
        C::HashMany,
        &[many(&[NOT_DYNAMIC], 1, WHOLE)],
        Numbered,
        "One hash of several values.",
    ),
    c(
        "isascii",
        C::IsAscii,
        TEST,
        Numbered,
        "Whether a text is all ASCII.",
    ),
    c(
        "isutf8",
        C::IsUtf8,
        TEST,
        Numbered,
        "Whether a text is valid UTF-8.",
    ),
    c(
        "format_bytes",
        C::FormatBytes,
        &[some(&[REAL, NUMBER_AS_LONG, STRING], 1, WORDS)],
        First,
        "A number of bytes with a unit.",
    ),
    c(
        "assert",
        C::Assert,
        &[all(&[BOOL, STRING], BOOLEAN)],
        Numbered,
        "True, or the query fails with a message.",
    ),
    entry(
        "around",
        Target::Special(Special::Around),
        &[all(&[SUMMABLE, SUMMABLE, SUMMABLE], BOOLEAN)],
        Numbered,
        "Whether a value is within a distance of another.",
    ),
    entry(
        "bin_auto",
        Target::Special(Special::BinAuto),
        &[all(&[SUMMABLE], Argument(0))],
        First,
        "Rounds down to a multiple of the size that `set query_bin_auto_size` gives.",
    ),
    c(
        "datetime_local_to_utc",
        C::LocalToUtc,
        ZONED,
        Numbered,
        "The instant of a time in a time zone.",
    ),
    c(
        "datetime_utc_to_local",
        C::UtcToLocal,
        ZONED,
        Numbered,
        "The time in a time zone at an instant.",
    ),
    c(
        "datetime_list_timezones",
        C::ListTimezones,
        &[all(&[], DYNAMIC)],
        Numbered,
        "The names of all time zones.",
    ),
];
