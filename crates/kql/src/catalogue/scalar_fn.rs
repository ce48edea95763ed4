//! The scalar functions that reach the bound tree. A planner matches this enum exhaustively.
//!
//! Functions that the binder writes with other nodes (`iff`, `case`, `not`, `ago`, `tostring` and the other
//! conversions, `isnotempty`, `column_ifexists`, `pack_all`, `toscalar`…) have no variant. Families that grew large
//! have an enum of their own, beside their entries in the catalogue.

use super::{CodecFn, GeoFn, MathFn, SeriesFn, ShapeFn, SketchFn};

/// A scalar function. The documentation of a variant gives its arguments in order after conversion; `?` marks
/// those that may be missing. Unless it says otherwise a null argument gives null (or "").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ScalarFn {
    // ---- families of their own
    /// Trigonometry, special functions, distributions, units.
    Math(MathFn),
    /// The order, parts and keys of arrays and bags.
    Shape(ShapeFn),
    /// Encodings, formats, tests of text.
    Codec(CodecFn),
    /// Arrays of numbers.
    Series(SeriesFn),
    /// Points, lines, polygons and cells.
    Geo(GeoFn),
    /// Sketches of distributions and of distinct values.
    Sketch(SketchFn),
    // ---- time
    /// `now()`: the statement's one instant. An offset is added by the binder.
    Now,
    /// `bin(value, size)`: rounds down towards minus infinity from the type's zero. Both numbers of one type, or
    /// value datetime or timespan with size timespan. A null, zero or negative size gives null.
    Bin,
    /// `bin_at(value, size, fixed)`: as bin, with bins aligned to `fixed` (value's type).
    BinAt,
    /// `startofday(datetime, offset long)`; and so on for the next three. Weeks start on Sunday.
    StartOfDay,
    /// `startofweek(datetime, offset long)`.
    StartOfWeek,
    /// `startofmonth(datetime, offset long)`.
    StartOfMonth,
    /// `startofyear(datetime, offset long)`.
    StartOfYear,
    /// `endofday(datetime, offset long)`: the last tick of the day; and so on for the next three.
    EndOfDay,
    /// `endofweek(datetime, offset long)`.
    EndOfWeek,
    /// `endofmonth(datetime, offset long)`.
    EndOfMonth,
    /// `endofyear(datetime, offset long)`.
    EndOfYear,
    /// `hourofday(datetime)`: int, 0 to 23.
    HourOfDay,
    /// `dayofweek(datetime)`: timespan, whole days since the preceding Sunday.
    DayOfWeek,
    /// `dayofmonth(datetime)`: int, 1 to 31.
    DayOfMonth,
    /// `dayofyear(datetime)`: int, 1 to 366.
    DayOfYear,
    /// `week_of_year(datetime)`: int, the ISO 8601 week.
    WeekOfYear,
    /// `monthofyear(datetime)`, `getmonth`: int, 1 to 12.
    MonthOfYear,
    /// `getyear(datetime)`: int.
    GetYear,
    /// `datetime_diff(period string, a datetime, b datetime)`: long, boundaries crossed from b to a.
    DatetimeDiff,
    /// `datetime_add(period string, amount long, datetime)`.
    DatetimeAdd,
    /// `datetime_part(part string, datetime)`: int.
    DatetimePart,
    /// `format_datetime(datetime, format string)`.
    FormatDatetime,
    /// `format_timespan(timespan, format string)`.
    FormatTimespan,
    /// `make_datetime(year, month, day, hour?, minute?, second?)`: longs, and a real for the seconds.
    MakeDatetime,
    /// `make_timespan(hours, minutes, seconds?)` or `(days, hours, minutes, seconds)`: longs, and a real for the
    /// seconds.
    MakeTimespan,
    /// `unixtime_seconds_todatetime(real)`.
    UnixtimeSecondsToDatetime,
    /// `unixtime_milliseconds_todatetime(real)`.
    UnixtimeMillisecondsToDatetime,
    /// `unixtime_microseconds_todatetime(real)`.
    UnixtimeMicrosecondsToDatetime,
    /// `unixtime_nanoseconds_todatetime(real)`.
    UnixtimeNanosecondsToDatetime,
    /// `ingestion_time()`: datetime; when the row was taken in, null where that is unknown.
    IngestionTime,
    // ---- strings
    /// `strcat(string…)`.
    StrCat,
    /// `strcat_delim(delimiter, string…)`.
    StrCatDelim,
    /// `strcat_array(array dynamic, delimiter string)`.
    StrCatArray,
    /// `strlen(string)`: long, characters.
    StrLen,
    /// `string_size(string)`: long, bytes of UTF-8.
    StringSize,
    /// `substring(string, start long, length? long)`: characters; a negative start counts from the end.
    Substring,
    /// `indexof(text, lookup, start? long, length? long, occurrence? long)`: long, -1 when absent.
    IndexOf,
    /// `indexof_regex(text, regex, start? long, length? long, occurrence? long)`: long, -1 when absent.
    IndexOfRegex,
    /// `countof(text, search, kind string)`: long; kind is "normal" (overlapping) or "regex".
    CountOf,
    /// `tolower(string)`.
    ToLower,
    /// `toupper(string)`.
    ToUpper,
    /// `trim(regex, text)`.
    Trim,
    /// `trim_start(regex, text)`.
    TrimStart,
    /// `trim_end(regex, text)`.
    TrimEnd,
    /// `split(text, delimiter, index? long)`: dynamic array of strings; with an index, an array of that one.
    Split,
    /// `replace_string(text, lookup, rewrite)`: all occurrences.
    ReplaceString,
    /// `replace_regex(text, regex, rewrite)`: rewrite may use `\1`; the older `replace(regex, rewrite, text)` has
    /// its arguments put into this order.
    ReplaceRegex,
    /// `replace_strings(text, lookups dynamic, rewrites dynamic)`.
    ReplaceStrings,
    /// `reverse(string)`.
    Reverse,
    /// `strrep(string, count long, delimiter? string)`.
    StrRep,
    /// `strcmp(string, string)`: long, -1, 0 or 1.
    StrCmp,
    /// `translate(from, to, text)`: characters of `from` become those of `to`.
    Translate,
    /// `extract(regex, group long, text)`: string, "" when there is no match.
    Extract,
    /// `extract_all(regex, groups? dynamic, text)`: dynamic array of the matches, as strings for one group and
    /// arrays for several; null without a match. Two or three arguments.
    ExtractAll,
    /// `extract_json(path string, text string)`: string at a JSONPath; a wanted type is a cast around it.
    ExtractJson,
    /// `parse_json(string)`: dynamic; a text that is not JSON becomes a JSON string, "" becomes null. A dynamic
    /// argument is parsed when it holds a string.
    ParseJson,
    /// `parse_url(string)`: dynamic bag with Scheme, Host, Port, Path, Username, Password, Query Parameters,
    /// Fragment.
    ParseUrl,
    /// `parse_urlquery(string)`: dynamic bag with Query Parameters.
    ParseUrlQuery,
    /// `parse_path(string)`: dynamic bag with Scheme, RootPath, DirectoryPath, DirectoryName, Filename, Extension,
    /// AlternateDataStreamName.
    ParsePath,
    /// `parse_version(string)`: decimal that orders versions.
    ParseVersion,
    /// `parse_csv(string)`: dynamic array of the first record's fields.
    ParseCsv,
    /// `parse_command_line(string, kind string)`: dynamic array of arguments; kind is "windows".
    ParseCommandLine,
    /// `parse_user_agent(string, look-for string or dynamic)`: dynamic bag of browser, os and device.
    ParseUserAgent,
    /// `url_encode(string)`.
    UrlEncode,
    /// `url_decode(string)`.
    UrlDecode,
    /// `base64_encode_tostring(string)`.
    Base64EncodeToString,
    /// `base64_decode_tostring(string)`: "" when it is not base64 of UTF-8.
    Base64DecodeToString,
    /// `base64_decode_toarray(string)`: dynamic array of bytes.
    Base64DecodeToArray,
    /// `tohex(long, width? long)`: string.
    ToHex,
    /// `unicode_codepoints_from_string(string)`, `to_utf8`: dynamic array of code points.
    UnicodeCodepointsFromString,
    /// `unicode_codepoints_to_string(long or dynamic…)`, `make_string`: string of code points.
    UnicodeCodepointsToString,
    // ---- tests and choices
    /// `isempty(any)`: bool, never null; true for "" and null.
    IsEmpty,
    /// `isnull(any)`: bool, never null; false for every string.
    IsNull,
    /// `isnan(real)`.
    IsNan,
    /// `isinf(real)`.
    IsInf,
    /// `isfinite(real)`.
    IsFinite,
    /// `coalesce(any…)`: the first that is not null (for strings: not empty); all of one type.
    Coalesce,
    /// `gettype(any)`: string, the type at run time ("array", "dictionary", "long", "null"…).
    GetType,
    // ---- numbers
    /// `abs(number or timespan)`.
    Abs,
    /// `round(number, precision? long)`.
    Round,
    /// `ceiling(number)`.
    Ceiling,
    /// `sign(number)`: real.
    Sign,
    /// `sqrt(real)`.
    Sqrt,
    /// `pow(real, real)`.
    Pow,
    /// `log(real)`: natural.
    Log,
    /// `log2(real)`.
    Log2,
    /// `log10(real)`.
    Log10,
    /// `exp(real)`.
    Exp,
    /// `exp2(real)`.
    Exp2,
    /// `exp10(real)`.
    Exp10,
    /// `min_of(any…)`: all of one type; nulls are skipped.
    MinOf,
    /// `max_of(any…)`: all of one type; nulls are skipped.
    MaxOf,
    /// `rand()` real in [0, 1), `rand(n long)` real that is whole in [0, n).
    Rand,
    /// `binary_and(long, long)`.
    BinaryAnd,
    /// `binary_or(long, long)`.
    BinaryOr,
    /// `binary_xor(long, long)`.
    BinaryXor,
    /// `binary_not(long)`.
    BinaryNot,
    /// `binary_shift_left(long, long)`.
    BinaryShiftLeft,
    /// `binary_shift_right(long, long)`.
    BinaryShiftRight,
    // ---- dynamic
    /// `array_length(dynamic)`: long, null when it is no array.
    ArrayLength,
    /// `pack_array(dynamic…)`: dynamic; nulls stay.
    PackArray,
    /// `bag_pack(key string, value dynamic, …)`, `pack`: dynamic.
    BagPack,
    /// `pack_all(ignore_empty)` reaches a planner as this: as BagPack, but null and "" values are left out.
    BagPackNonEmpty,
    /// What `parse-kv` is written with: `(text, options string)`; dynamic bag of the pairs that the options' keys name.
    ParseKv,
    /// `bag_keys(dynamic)`: dynamic array of strings.
    BagKeys,
    /// `bag_merge(dynamic…)`: the leftmost value of a key wins.
    BagMerge,
    /// `bag_has_key(dynamic, key string)`: bool.
    BagHasKey,
    /// `bag_remove_keys(dynamic, keys dynamic)`.
    BagRemoveKeys,
    /// `array_concat(dynamic…)`.
    ArrayConcat,
    /// `array_slice(dynamic, start long, end long)`: both ends included, negative from the end.
    ArraySlice,
    /// `array_sum(dynamic)`: real.
    ArraySum,
    /// `array_index_of(dynamic, value dynamic, start? long, length? long, occurrence? long)`: long, -1 when absent.
    ArrayIndexOf,
    /// `array_sort_asc(dynamic…, nulls_last? bool)`: of several arrays an array, all in the order of the first.
    ArraySortAsc,
    /// `array_sort_desc(dynamic…, nulls_last? bool)`.
    ArraySortDesc,
    /// `array_reverse(dynamic)`.
    ArrayReverse,
    /// `set_has_element(dynamic, value dynamic)`: bool.
    SetHasElement,
    /// `set_union(dynamic…)`.
    SetUnion,
    /// `set_intersect(dynamic…)`.
    SetIntersect,
    /// `set_difference(dynamic…)`.
    SetDifference,
    /// `zip(dynamic…)`: array of arrays.
    Zip,
    /// `range(from, to, step)`: dynamic array.
    ArrayRange,
    /// `repeat(value dynamic, count long)`: dynamic array.
    Repeat,
    /// `dynamic_to_json(dynamic)`: string with sorted keys.
    DynamicToJson,
    /// `jaccard_index(dynamic, dynamic)`: dynamic number.
    JaccardIndex,
    // ---- hashes and ids
    /// `hash(any, modulus? long)`, `hash_xxhash64`: long; numbers and times are hashed as their bytes.
    Hash,
    /// `hash_sha256(any as string)`: lower-case hex.
    HashSha256,
    /// `hash_sha1(any as string)`: lower-case hex.
    HashSha1,
    /// `hash_md5(any as string)`: lower-case hex.
    HashMd5,
    /// `new_guid()`: guid, random.
    NewGuid,
    // ---- addresses
    /// `ipv4_is_private(string)`: bool; null when it is no address.
    Ipv4IsPrivate,
    /// `ipv4_is_in_range(address string, range string)`: bool.
    Ipv4IsInRange,
    /// `ipv4_is_in_any_range(address string, range…)`: ranges are strings or one dynamic array; bool.
    Ipv4IsInAnyRange,
    /// `ipv4_compare(string, string, prefix? long)`: long, -1, 0 or 1.
    Ipv4Compare,
    /// `ipv4_is_match(string, string, prefix? long)`: bool.
    Ipv4IsMatch,
    /// `parse_ipv4(string)`: long.
    ParseIpv4,
    /// `parse_ipv4_mask(string, prefix long)`: long.
    ParseIpv4Mask,
    /// `format_ipv4(string or long, prefix? long)`: string.
    FormatIpv4,
    /// `ipv4_netmask_suffix(string)`: long.
    Ipv4NetmaskSuffix,
    /// `ipv6_compare(string, string, prefix? long)`: long.
    Ipv6Compare,
    /// `ipv6_is_match(string, string, prefix? long)`: bool.
    Ipv6IsMatch,
    /// `parse_ipv6(string)`: string, the full form.
    ParseIpv6,
    /// `has_ipv4(text string, address string)`: bool.
    HasIpv4,
    /// `has_any_ipv4(text string, address…)`: addresses are strings or one dynamic array; bool.
    HasAnyIpv4,
    /// `has_ipv4_prefix(text string, prefix string)`: bool.
    HasIpv4Prefix,
    /// `has_any_ipv4_prefix(text string, prefix…)`: prefixes are strings or one dynamic array; bool.
    HasAnyIpv4Prefix,
    /// `format_ipv4_mask(string or long, prefix long)`: string, in CIDR notation.
    FormatIpv4Mask,
    /// `ipv4_range_to_cidr_list(first string, last string)`: dynamic array of networks.
    Ipv4RangeToCidrList,
    /// `parse_ipv6_mask(string, prefix long)`: string, the full form of the network.
    ParseIpv6Mask,
    /// `ipv6_is_in_range(address string, range string)`: bool.
    Ipv6IsInRange,
    /// `ipv6_is_in_any_range(address string, range…)`: ranges are strings or one dynamic array; bool.
    Ipv6IsInAnyRange,
}

/// A window function; rows come in the input's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WindowFn {
    /// `row_number(start long, restart? bool)`: long.
    RowNumber,
    /// `prev(value, offset long, default? value)`.
    Prev,
    /// `next(value, offset long, default? value)`.
    Next,
    /// `row_cumsum(number, restart? bool)`: long, real, decimal or timespan.
    RowCumsum,
    /// `row_rank_dense(term, restart? bool)`: long; counts the values so far.
    RowRankDense,
    /// `row_rank_min(term, restart? bool)`: long; the number of the first row with this value.
    RowRankMin,
    /// `row_window_session(datetime, longest timespan, gap timespan, restart? bool)`: datetime, the session's start.
    RowWindowSession,
}
