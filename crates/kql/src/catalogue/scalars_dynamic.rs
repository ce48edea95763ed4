//! Scalar functions: dynamic values, hashes, addresses and neighbouring rows.

use super::signature::*;
use super::{
    Naming, ResultType, ScalarFn, ScalarFunction, Special, Target, WindowFn, function as f,
};
use crate::types::Type;
use Naming::Numbered;
use ResultType::{Argument, Is};
use Target::{Function, Special as Written, Window};

const BOOLEAN: ResultType = Is(Type::Bool);
const WHOLE: ResultType = Is(Type::Long);
const WORDS: ResultType = Is(Type::String);
const DYNAMIC: ResultType = Is(Type::Dynamic);
const STRING_TO_STRING: &[Signature] = &[all(&[STRING], WORDS)];
const STRING_TO_LONG: &[Signature] = &[all(&[STRING], WHOLE)];
const ARRAYS: &[Signature] = &[many(&[ARRAY], 1, DYNAMIC)];
const SETS: &[Signature] = &[many(&[ARRAY, ARRAY], 1, DYNAMIC)];
const SORT: &[Signature] = &[
    many(&[ARRAY, ARRAY_OR_BOOL], 1, DYNAMIC),
    all(&[ARRAY], DYNAMIC),
];
const PAIRS: &[Signature] = &[many(&[STRING, JSON], 2, DYNAMIC)];
const HASH_TO_TEXT: &[Signature] = &[all(&[HASHED], WORDS)];
const COMPARE: &[Signature] = &[some(&[STRING, STRING, LONG], 2, WHOLE)];
const MATCH: &[Signature] = &[some(&[STRING, STRING, LONG], 2, BOOLEAN)];
const ANY_ADDRESS: &[Signature] = &[
    all(&[STRING_DYN, ARRAY], BOOLEAN),
    many(&[STRING_DYN, STRING], 1, BOOLEAN),
];

const RANK: &[Signature] = &[some(&[NOT_DYNAMIC, BOOL], 1, WHOLE)];

/// Functions of dynamic values.
pub(super) static DYNAMICS: &[ScalarFunction] = &[
    f(
        "array_length",
        &["arraylength"],
        Function(ScalarFn::ArrayLength),
        &[all(&[ARRAY], WHOLE)],
        Numbered,
        "How many elements an array has.",
    ),
    f(
        "pack_array",
        &[],
        Written(Special::PackArray),
        &[many(&[JSON], 1, DYNAMIC)],
        Numbered,
        "An array of the arguments.",
    ),
    f(
        "bag_pack",
        &["pack", "pack_dictionary"],
        Function(ScalarFn::BagPack),
        PAIRS,
        Numbered,
        "A bag of keys and values.",
    ),
    f(
        "pack_all",
        &[],
        Written(Special::PackAll),
        &[some(&[BOOL], 0, DYNAMIC)],
        Numbered,
        "A bag of all columns.",
    ),
    f(
        "bag_keys",
        &[],
        Function(ScalarFn::BagKeys),
        &[all(&[BAG], DYNAMIC)],
        Numbered,
        "The keys of a bag as an array.",
    ),
    f(
        "bag_merge",
        &[],
        Function(ScalarFn::BagMerge),
        &[many(&[BAG, BAG], 1, DYNAMIC)],
        Numbered,
        "One bag of several; the first value of a key wins.",
    ),
    f(
        "bag_has_key",
        &[],
        Function(ScalarFn::BagHasKey),
        &[all(&[BAG, STRING], BOOLEAN)],
        Numbered,
        "Whether a bag has a key.",
    ),
    f(
        "bag_remove_keys",
        &[],
        Function(ScalarFn::BagRemoveKeys),
        &[all(&[BAG, ARRAY], DYNAMIC)],
        Numbered,
        "A bag without some keys.",
    ),
    f(
        "array_concat",
        &[],
        Function(ScalarFn::ArrayConcat),
        ARRAYS,
        Numbered,
        "One array of several.",
    ),
    f(
        "array_slice",
        &[],
        Function(ScalarFn::ArraySlice),
        &[all(&[ARRAY, INTEGER, INTEGER], DYNAMIC)],
        Numbered,
        "A part of an array, both ends included.",
    ),
    f(
        "array_sum",
        &[],
        Function(ScalarFn::ArraySum),
        &[all(&[ARRAY], Is(Type::Real))],
        Numbered,
        "The sum of an array's elements.",
    ),
    f(
        "array_index_of",
        &[],
        Function(ScalarFn::ArrayIndexOf),
        &[some(&[ARRAY, JSON, INTEGER, INTEGER, INTEGER], 2, WHOLE)],
        Numbered,
        "Where an element is in an array, or -1.",
    ),
    f(
        "array_sort_asc",
        &[],
        Function(ScalarFn::ArraySortAsc),
        SORT,
        Naming::Suffix("_sorted"),
        "An array in ascending order, and others in the order of the first; the last argument may say that nulls go first.",
    ),
    f(
        "array_sort_desc",
        &[],
        Function(ScalarFn::ArraySortDesc),
        SORT,
        Naming::Suffix("_sorted"),
        "An array in descending order, and others in the order of the first; the last argument may say that nulls go first.",
    ),
    f(
        "array_reverse",
        &[],
        Function(ScalarFn::ArrayReverse),
        &[all(&[ARRAY], DYNAMIC)],
        Numbered,
        "An array in reverse order.",
    ),
    f(
        "set_has_element",
        &[],
        Function(ScalarFn::SetHasElement),
        &[all(&[ARRAY, JSON], BOOLEAN)],
        Numbered,
        "Whether an array has an element.",
    ),
    f(
        "set_union",
        &[],
        Function(ScalarFn::SetUnion),
        SETS,
        Numbered,
        "The distinct elements of all arrays.",
    ),
    f(
        "set_intersect",
        &[],
        Function(ScalarFn::SetIntersect),
        SETS,
        Numbered,
        "The distinct elements that all arrays have.",
    ),
    f(
        "set_difference",
        &[],
        Function(ScalarFn::SetDifference),
        SETS,
        Numbered,
        "The distinct elements of the first array that no other has.",
    ),
    f(
        "zip",
        &[],
        Function(ScalarFn::Zip),
        SETS,
        Numbered,
        "Arrays of the elements at equal positions.",
    ),
    f(
        "range",
        &[],
        Function(ScalarFn::ArrayRange),
        &[some(&[SUMMABLE, SUMMABLE, SUMMABLE], 2, DYNAMIC)],
        Numbered,
        "An array of evenly spaced values.",
    ),
    f(
        "repeat",
        &[],
        Function(ScalarFn::Repeat),
        &[all(&[JSON, LONG], DYNAMIC)],
        Naming::Prefix("repeat"),
        "An array of equal values.",
    ),
    f(
        "dynamic_to_json",
        &[],
        Function(ScalarFn::DynamicToJson),
        &[all(&[JSON], WORDS)],
        Numbered,
        "A canonical JSON text of a value.",
    ),
    f(
        "jaccard_index",
        &[],
        Function(ScalarFn::JaccardIndex),
        &[all(&[ARRAY, ARRAY], DYNAMIC)],
        Numbered,
        "How much two sets have in common.",
    ),
];

/// Hashes and identifiers.
pub(super) static OTHERS: &[ScalarFunction] = &[
    f(
        "hash",
        &["hash_xxhash64"],
        Function(ScalarFn::Hash),
        &[some(&[NOT_DYNAMIC, INTEGER], 1, WHOLE)],
        Numbered,
        "The xxhash64 of a value, optionally modulo a number.",
    ),
    f(
        "hash_sha256",
        &[],
        Function(ScalarFn::HashSha256),
        HASH_TO_TEXT,
        Numbered,
        "The SHA-256 of a value's text.",
    ),
    f(
        "hash_sha1",
        &[],
        Function(ScalarFn::HashSha1),
        HASH_TO_TEXT,
        Numbered,
        "The SHA-1 of a value's text.",
    ),
    f(
        "hash_md5",
        &[],
        Function(ScalarFn::HashMd5),
        HASH_TO_TEXT,
        Numbered,
        "The MD5 of a value's text.",
    ),
    f(
        "new_guid",
        &[],
        Function(ScalarFn::NewGuid),
        &[all(&[], Is(Type::Guid))],
        Numbered,
        "A random guid.",
    ),
];

/// Addresses.
pub(super) static ADDRESSES: &[ScalarFunction] = &[
    f(
        "ipv4_is_private",
        &[],
        Function(ScalarFn::Ipv4IsPrivate),
        &[all(&[STRING], BOOLEAN)],
        Numbered,
        "Whether an address is of a private network.",
    ),
    f(
        "ipv4_is_in_range",
        &[],
        Function(ScalarFn::Ipv4IsInRange),
        &[all(&[STRING, STRING], BOOLEAN)],
        Numbered,
        "Whether an address is in a network.",
    ),
    f(
        "ipv4_is_in_any_range",
        &[],
        Function(ScalarFn::Ipv4IsInAnyRange),
        ANY_ADDRESS,
        Numbered,
        "Whether an address is in one of several networks.",
    ),
    f(
        "ipv4_compare",
        &[],
        Function(ScalarFn::Ipv4Compare),
        COMPARE,
        Numbered,
        "Compares two addresses: -1, 0 or 1.",
    ),
    f(
        "ipv4_is_match",
        &[],
        Function(ScalarFn::Ipv4IsMatch),
        MATCH,
        Numbered,
        "Whether two addresses are equal under their prefixes.",
    ),
    f(
        "parse_ipv4",
        &[],
        Function(ScalarFn::ParseIpv4),
        STRING_TO_LONG,
        Numbered,
        "An address as a number.",
    ),
    f(
        "parse_ipv4_mask",
        &[],
        Function(ScalarFn::ParseIpv4Mask),
        &[all(&[STRING, LONG], WHOLE)],
        Numbered,
        "An address under a prefix as a number.",
    ),
    f(
        "format_ipv4",
        &[],
        Function(ScalarFn::FormatIpv4),
        &[some(&[ANY, LONG], 1, WORDS)],
        Numbered,
        "An address as text, under a prefix.",
    ),
    f(
        "ipv4_netmask_suffix",
        &[],
        Function(ScalarFn::Ipv4NetmaskSuffix),
        STRING_TO_LONG,
        Numbered,
        "The length of an address's prefix.",
    ),
    f(
        "ipv6_compare",
        &[],
        Function(ScalarFn::Ipv6Compare),
        COMPARE,
        Numbered,
        "Compares two addresses of either family.",
    ),
    f(
        "ipv6_is_match",
        &[],
        Function(ScalarFn::Ipv6IsMatch),
        MATCH,
        Numbered,
        "Whether two addresses of either family are equal under their prefixes.",
    ),
    f(
        "parse_ipv6",
        &[],
        Function(ScalarFn::ParseIpv6),
        STRING_TO_STRING,
        Numbered,
        "An address in the full IPv6 form.",
    ),
    f(
        "has_ipv4",
        &[],
        Function(ScalarFn::HasIpv4),
        &[all(&[STRING_DYN, STRING], BOOLEAN)],
        Numbered,
        "Whether an address stands in a text.",
    ),
    f(
        "has_any_ipv4",
        &[],
        Function(ScalarFn::HasAnyIpv4),
        ANY_ADDRESS,
        Numbered,
        "Whether one of several addresses stands in a text.",
    ),
    f(
        "has_ipv4_prefix",
        &[],
        Function(ScalarFn::HasIpv4Prefix),
        &[all(&[STRING_DYN, STRING], BOOLEAN)],
        Numbered,
        "Whether an address that begins like this stands in a text.",
    ),
    f(
        "has_any_ipv4_prefix",
        &[],
        Function(ScalarFn::HasAnyIpv4Prefix),
        ANY_ADDRESS,
        Numbered,
        "Whether an address that begins like one of several stands in a text.",
    ),
    f(
        "format_ipv4_mask",
        &[],
        Function(ScalarFn::FormatIpv4Mask),
        &[some(&[ANY, LONG], 1, WORDS)],
        Numbered,
        "A network in CIDR notation.",
    ),
    f(
        "ipv4_range_to_cidr_list",
        &[],
        Function(ScalarFn::Ipv4RangeToCidrList),
        &[all(&[STRING, STRING], DYNAMIC)],
        Numbered,
        "The networks that cover a range of addresses.",
    ),
    f(
        "parse_ipv6_mask",
        &[],
        Function(ScalarFn::ParseIpv6Mask),
        &[all(&[STRING, LONG], WORDS)],
        Numbered,
        "An address under a prefix in the full IPv6 form.",
    ),
    f(
        "ipv6_is_in_range",
        &[],
        Function(ScalarFn::Ipv6IsInRange),
        &[all(&[STRING, STRING], BOOLEAN)],
        Numbered,
        "Whether an address of either family is in a network.",
    ),
    f(
        "ipv6_is_in_any_range",
        &[],
        Function(ScalarFn::Ipv6IsInAnyRange),
        ANY_ADDRESS,
        Numbered,
        "Whether an address of either family is in one of several networks.",
    ),
];

/// Values of the rows around a row.
pub(super) static NEIGHBOURS: &[ScalarFunction] = &[
    f(
        "row_number",
        &[],
        Window(WindowFn::RowNumber),
        &[some(&[LONG, BOOL], 0, WHOLE)],
        Numbered,
        "The number of the row, from 1 or a given start.",
    ),
    f(
        "prev",
        &[],
        Window(WindowFn::Prev),
        &[some(&[ANY, LONG, ANY], 1, Argument(0))],
        Numbered,
        "A value of an earlier row.",
    ),
    f(
        "next",
        &[],
        Window(WindowFn::Next),
        &[some(&[ANY, LONG, ANY], 1, Argument(0))],
        Numbered,
        "A value of a later row.",
    ),
    f(
        "row_cumsum",
        &[],
        Window(WindowFn::RowCumsum),
        &[some(&[NUMBER, BOOL], 1, Argument(0))],
        Numbered,
        "The sum of the rows so far.",
    ),
    f(
        "row_rank_dense",
        &[],
        Window(WindowFn::RowRankDense),
        RANK,
        Numbered,
        "How many values there have been, counting changes.",
    ),
    f(
        "row_rank_min",
        &[],
        Window(WindowFn::RowRankMin),
        RANK,
        Numbered,
        "The number of the first row with this value.",
    ),
    f(
        "row_window_session",
        &[],
        Window(WindowFn::RowWindowSession),
        &[some(&[DATETIME, TIMESPAN, TIMESPAN, BOOL], 3, Argument(0))],
        Numbered,
        "The first instant of the session that the row belongs to.",
    ),
];
