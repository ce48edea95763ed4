//! Scalar functions: time.

use super::signature::*;
use super::{Naming, ResultType, ScalarFn, ScalarFunction, Special, Target};
use crate::types::Type;
use Naming::{First, Numbered, Only};
use ResultType::Is;
use Target::{Function, Special as Written};

const fn f(
    name: &'static str,
    aliases: &'static [&'static str],
    target: Target,
    signatures: &'static [Signature],
    naming: Naming,
    doc: &'static str,
) -> ScalarFunction {
    ScalarFunction {
        name,
        aliases,
        target,
        signatures,
        naming,
        doc,
    }
}

const MOMENT: ResultType = Is(Type::DateTime);
const WHOLE: ResultType = Is(Type::Long);
const SMALL: ResultType = Is(Type::Int);
const TO_MOMENT: &[Signature] = &[some(&[DATETIME, LONG], 1, MOMENT)];
const MOMENT_TO_INT: &[Signature] = &[all(&[DATETIME], SMALL)];
const NUMBER_TO_MOMENT: &[Signature] = &[all(&[REAL], MOMENT)];

/// Functions of time.
pub(super) static TIME: &[ScalarFunction] = &[
    f(
        "now",
        &[],
        Written(Special::Now),
        &[some(&[TIMESPAN], 0, MOMENT)],
        Numbered,
        "The instant of the query, plus an offset; one value in all of it.",
    ),
    f(
        "ago",
        &[],
        Written(Special::Ago),
        &[all(&[TIMESPAN], MOMENT)],
        Numbered,
        "The instant of the query minus a timespan.",
    ),
    f(
        "startofday",
        &[],
        Function(ScalarFn::StartOfDay),
        TO_MOMENT,
        First,
        "Midnight of the day, moved by a number of days.",
    ),
    f(
        "startofweek",
        &[],
        Function(ScalarFn::StartOfWeek),
        TO_MOMENT,
        Numbered,
        "Midnight of the week's Sunday, moved by a number of weeks.",
    ),
    f(
        "startofmonth",
        &[],
        Function(ScalarFn::StartOfMonth),
        TO_MOMENT,
        Numbered,
        "The first instant of the month, moved by a number of months.",
    ),
    f(
        "startofyear",
        &[],
        Function(ScalarFn::StartOfYear),
        TO_MOMENT,
        Numbered,
        "The first instant of the year, moved by a number of years.",
    ),
    f(
        "endofday",
        &[],
        Function(ScalarFn::EndOfDay),
        TO_MOMENT,
        Numbered,
        "The last instant of the day, moved by a number of days.",
    ),
    f(
        "endofweek",
        &[],
        Function(ScalarFn::EndOfWeek),
        TO_MOMENT,
        Numbered,
        "The last instant of the week, moved by a number of weeks.",
    ),
    f(
        "endofmonth",
        &[],
        Function(ScalarFn::EndOfMonth),
        TO_MOMENT,
        Numbered,
        "The last instant of the month, moved by a number of months.",
    ),
    f(
        "endofyear",
        &[],
        Function(ScalarFn::EndOfYear),
        TO_MOMENT,
        Numbered,
        "The last instant of the year, moved by a number of years.",
    ),
    f(
        "hourofday",
        &["gethour"],
        Function(ScalarFn::HourOfDay),
        MOMENT_TO_INT,
        Numbered,
        "The hour, 0 to 23.",
    ),
    f(
        "dayofweek",
        &[],
        Function(ScalarFn::DayOfWeek),
        &[all(&[DATETIME], Is(Type::TimeSpan))],
        Numbered,
        "The days since Sunday, as a timespan.",
    ),
    f(
        "dayofmonth",
        &[],
        Function(ScalarFn::DayOfMonth),
        MOMENT_TO_INT,
        Numbered,
        "The day of the month, from 1.",
    ),
    f(
        "dayofyear",
        &[],
        Function(ScalarFn::DayOfYear),
        MOMENT_TO_INT,
        Numbered,
        "The day of the year, from 1.",
    ),
    f(
        "week_of_year",
        &["weekofyear"],
        Function(ScalarFn::WeekOfYear),
        MOMENT_TO_INT,
        Numbered,
        "The ISO 8601 week of the year.",
    ),
    f(
        "monthofyear",
        &["getmonth"],
        Function(ScalarFn::MonthOfYear),
        MOMENT_TO_INT,
        Numbered,
        "The month, 1 to 12.",
    ),
    f(
        "getyear",
        &[],
        Function(ScalarFn::GetYear),
        MOMENT_TO_INT,
        Numbered,
        "The year.",
    ),
    f(
        "datetime_diff",
        &[],
        Function(ScalarFn::DatetimeDiff),
        &[all(&[STRING, DATETIME, DATETIME], WHOLE)],
        Numbered,
        "How many boundaries of a period lie between two instants.",
    ),
    f(
        "datetime_add",
        &["dateadd"],
        Function(ScalarFn::DatetimeAdd),
        &[all(&[STRING, INTEGER, DATETIME], MOMENT)],
        Numbered,
        "An instant moved by a number of periods.",
    ),
    f(
        "datetime_part",
        &["datepart"],
        Function(ScalarFn::DatetimePart),
        &[all(&[STRING, DATETIME], SMALL)],
        Numbered,
        "A part of an instant, such as its hour.",
    ),
    f(
        "format_datetime",
        &[],
        Function(ScalarFn::FormatDatetime),
        &[all(&[DATETIME, STRING], Is(Type::String))],
        First,
        "An instant as text by a format.",
    ),
    f(
        "format_timespan",
        &[],
        Function(ScalarFn::FormatTimespan),
        &[all(&[TIMESPAN, STRING], Is(Type::String))],
        First,
        "A timespan as text by a format.",
    ),
    f(
        "make_datetime",
        &[],
        Written(Special::MakeDatetime),
        &[
            some(
                &[
                    NUMBER_AS_LONG,
                    NUMBER_AS_LONG,
                    NUMBER_AS_LONG,
                    NUMBER_AS_LONG,
                    NUMBER_AS_LONG,
                    REAL,
                ],
                3,
                MOMENT,
            ),
            all(&[ANY], MOMENT),
        ],
        Only,
        "An instant from its parts.",
    ),
    f(
        "make_timespan",
        &[],
        Written(Special::MakeTimespan),
        &[
            some(&[INTEGER, INTEGER, REAL], 2, Is(Type::TimeSpan)),
            all(&[INTEGER, INTEGER, INTEGER, REAL], Is(Type::TimeSpan)),
            all(&[ANY], Is(Type::TimeSpan)),
        ],
        Only,
        "A timespan from its parts.",
    ),
    f(
        "unixtime_seconds_todatetime",
        &[],
        Function(ScalarFn::UnixtimeSecondsToDatetime),
        NUMBER_TO_MOMENT,
        Numbered,
        "The instant of a Unix time in seconds.",
    ),
    f(
        "unixtime_milliseconds_todatetime",
        &[],
        Function(ScalarFn::UnixtimeMillisecondsToDatetime),
        NUMBER_TO_MOMENT,
        Numbered,
        "The instant of a Unix time in milliseconds.",
    ),
    f(
        "unixtime_microseconds_todatetime",
        &[],
        Function(ScalarFn::UnixtimeMicrosecondsToDatetime),
        NUMBER_TO_MOMENT,
        Numbered,
        "The instant of a Unix time in microseconds.",
    ),
    f(
        "unixtime_nanoseconds_todatetime",
        &[],
        Function(ScalarFn::UnixtimeNanosecondsToDatetime),
        NUMBER_TO_MOMENT,
        Numbered,
        "The instant of a Unix time in nanoseconds.",
    ),
    f(
        "ingestion_time",
        &[],
        Function(ScalarFn::IngestionTime),
        &[all(&[], MOMENT)],
        Naming::Fixed("$IngestionTime"),
        "When the row was taken in.",
    ),
];
