//! What the first error advises to people who come from another language, or who slipped.

use super::{bound, hunting};
use bartizan_kql::SavedFunction;

/// Conditions behind `DeviceProcessEvents | where`, and what is advised.
const CONDITIONS: &[(&str, &str)] = &[
    ("FileName = 'x'", "Compare with =="),
    ("FileName eq 'x'", "Compare with =="),
    ("FileName === 'x'", "Compare with =="),
    ("FileName ~ 'x'", "Compare with =~, or in~ for a list"),
    (
        "FileName like '%x%'",
        "Compare with has, contains, startswith or matches regex",
    ),
    ("FileName rlike 'x'", "Compare with matches regex"),
    ("FileName matches 'x'", "Compare with matches regex"),
    (
        "FileName is not null",
        "Ask with isempty(x) for text and isnull(x) for other types, or with isnotempty(x) and isnotnull(x)",
    ),
    (
        "FileName == NULL",
        "Ask with isempty(x) for text and isnull(x) for other types, or with isnotempty(x) and isnotnull(x)",
    ),
    ("FileName == 'a' && FileName == 'b'", "Write 'and'"),
    (
        "FileName == 'a' || FileName == 'b'",
        "Write 'or'; before an operator stands one |",
    ),
    (
        "FileName == 'a' AND FileName == 'b'",
        "Words of the language are in lower case: and",
    ),
    (
        "FileName IN ('a')",
        "Words of the language are in lower case: in",
    ),
    (
        "FileName == 'a' or 'b'",
        "Write the whole comparison again behind 'or', or a list: x in (…, …)",
    ),
    (
        "FileName == 'a', FileName == 'b'",
        "Conditions have 'and' or 'or' between them",
    ),
    ("not FileName has 'x'", "Write not(…) around the comparison"),
    ("!isempty(FileName)", "Write not(isempty(…))"),
    ("!(FileName == 'x')", "Write not(…)"),
    (
        "!IsInitiatingProcessRemoteSession",
        "Write not(IsInitiatingProcessRemoteSession)",
    ),
    (
        "FileName !matches regex 'x'",
        "Write not(… matches regex …)",
    ),
    ("FileName !== 'x'", "Compare with !="),
    ("(FileName = 'x')", "Compare with =="),
    (
        "(FileName like 'x')",
        "Compare with has, contains, startswith or matches regex",
    ),
    (
        "(FileName == 'a' AND FileName == 'b')",
        "Words of the language are in lower case: and",
    ),
    (
        "FileName STARTSWITH 'a'",
        "Words of the language are in lower case: startswith",
    ),
    (
        "Timestamp between (ago(1d) and now())",
        "Write between (low .. high)",
    ),
    (
        "Timestamp between ago(1d) and now()",
        "Write between (low .. high)",
    ),
    ("Timestamp > ago(FileName)", "Convert it with totimespan(…)"),
    (
        "Timestamp > ago(ProcessId)",
        "Multiply it by a unit: n * 1d",
    ),
    (
        "Timestamp > FileName",
        "Convert the text with todatetime(…)",
    ),
    ("Timestamp startswith '2026'", "Convert it with tostring(…)"),
    ("FileName has 443", "Text stands in quotes, digits too"),
    ("FileName == 'x'\n and FileName\n hass 'y'", ""),
    (
        "FileName not in ('a')",
        "Write !in, !has or !contains, or not(…) around the comparison",
    ),
    ("FileName !has_any ('a')", "Write not(… has_any …)"),
    (
        "FileName has ('a', 'b')",
        "A list stands behind in, in~, has_any or has_all",
    ),
    (
        "FileName contains_any ('a')",
        "Write has_any (…) for whole terms, or several comparisons with or between them",
    ),
    (
        "contains(FileName, 'b')",
        "'contains' is no function: write text contains …",
    ),
    (
        "!startswith(FileName, 'b')",
        "It stands between two values: x !startswith …",
    ),
    (
        "FileName has “x”",
        "Text stands in straight quotes: \"…\" or '…'",
    ),
    (
        "FileName has ‘x’",
        "Text stands in straight quotes: \"…\" or '…'",
    ),
    (
        "FileName has powershell",
        "Text stands in quotes: \"powershell\"",
    ),
    (
        "FileName == 'x' /* why */",
        "A comment begins with // and ends with its line",
    ),
    ("FileName == 'x' # why", "A comment begins with //"),
    ("FileName == 'x' take 5", "Write a pipe before it: | take"),
    (
        "FileName == 'x' group by FileName",
        "Write a pipe before it: | summarize … by …",
    ),
    (
        "Timestamp > ago(1)",
        "Write a length of time with its unit and without quotes: 30m, 12h or 7d",
    ),
    (
        "Timestamp > ago('1d')",
        "Write a length of time with its unit and without quotes: 30m, 12h or 7d",
    ),
    (
        "Timestamp > now() - 7",
        "Write a length of time with its unit and without quotes: 30m, 12h or 7d",
    ),
    (
        "Timestamp > now() - '7d'",
        "Write a length of time with its unit and without quotes: 30m, 12h or 7d",
    ),
    (
        "Timestamp > 2026-01-31",
        "Write a moment as datetime(2026-01-31)",
    ),
    (
        "Timestamp > '2026-01-31'",
        "Write a moment as datetime(2026-01-31)",
    ),
    (
        "Timestamp between (ago(1d), now())",
        "Write between (low .. high)",
    ),
    (
        "ProcessId > '443'",
        "Convert the text with tolong(…) or todouble(…), or write the number without quotes",
    ),
    ("ProcessId contains '4'", "Convert it with tostring(…)"),
    ("FileName + 'a' == 'b'", "Join texts with strcat(…)"),
    (
        "sum(ProcessId) > 5",
        "Aggregates stand in summarize, before its by",
    ),
];

/// Operators behind `DeviceProcessEvents |`, and what is advised.
const OPERATORS: &[(&str, &str)] = &[
    ("select FileName", "Write project …"),
    ("table FileName", "Write project …"),
    ("group by FileName", "Write summarize … by …"),
    ("stats count() by FileName", "Write summarize … by …"),
    ("summarise count() by FileName", "Write summarize"),
    (
        "dedup FileName",
        "Write distinct …, or summarize arg_max(Timestamp, *) by …",
    ),
    (
        "project FileName as Name",
        "A name stands before its value: name = value",
    ),
    (
        "project *",
        "Name the columns: without project all of them stay, and count() counts rows",
    ),
    (
        "summarize count(*) by FileName",
        "Name the columns: without project all of them stay, and count() counts rows",
    ),
    (
        "summarize count(FileName) by DeviceId",
        "count() counts rows, countif(condition) some of them, dcount(x) different values",
    ),
    (
        "top 5 by Timestamp, FileName",
        "top sorts by one key; for several write | sort by …, … | take …",
    ),
    ("sort by Timestamp descending", "Write desc"),
    (
        "top 5 BY Timestamp",
        "Words of the language are in lower case: by",
    ),
    ("take 10, 20", ""),
    ("project FileName,\n DeviceName\n SHA1", ""),
    ("project FileName\nSHA1", ""),
    (
        "project FileName from DeviceInfo",
        "A query begins with its table: Table | …",
    ),
    ("summarize count() bin(Timestamp, 1h)", "Write by before it"),
    ("summarize count by FileName", "Write count(…)"),
    (
        "summarize count(distinct FileName)",
        "Different values are counted with dcount(…)",
    ),
    ("summarize MVCOUNT(FileName)", "array_length"),
    ("as d take 5", "Write a pipe before it: | take"),
    ("join kind=LEFT (DeviceEvents) on DeviceId", "leftouter"),
    (
        "join (DeviceEvents) as d on DeviceId",
        "The sides have no alias: they are $left and $right",
    ),
    (
        "join (DeviceEvents) on DeviceProcessEvents.DeviceId == DeviceEvents.DeviceId",
        "Write $left.DeviceId",
    ),
    (
        "join (DeviceEvents) on $right.DeviceId == $left.DeviceId",
        "Write $left.… == $right.…, in this order",
    ),
    (
        "sort by Timestamp DESC",
        "Words of the language are in lower case: desc",
    ),
    ("join kind=left (DeviceEvents) on DeviceId", "leftouter"),
    ("join kind=Inner (DeviceEvents) on DeviceId", "inner"),
    (
        "join (DeviceEvents) on DeviceId == DeviceId",
        "Write $left.DeviceId",
    ),
    (
        "mv-expand FileName",
        "Make an array of it: parse_json(…) or split(…, \",\")",
    ),
    ("extend x = concat('a', FileName)", "strcat"),
    (
        "extend x = LENGTH(FileName)",
        "Write strlen(…), or array_length(…)",
    ),
    (
        "extend x = regexp_like(FileName, 'a')",
        "Write text matches regex \"…\"",
    ),
    (
        "extend x = substring(FileName, '1')",
        "Convert it with tolong(…)",
    ),
    (
        "extend x = case when FileName == 'a' then 1 end",
        "Write case(condition, value, …, otherwise)",
    ),
    (
        "extend x = FileName == 'a' ? 1 : 2",
        "Write iff(condition, value, otherwise)",
    ),
];

/// The first error's advice.
fn advice(query: &str) -> String {
    let bound = bound(query, &hunting());
    let first = bound.diagnostics.iter().find(|d| d.is_error());
    let first = first.unwrap_or_else(|| panic!("{query} should be refused"));
    first.suggestion.clone().unwrap_or_default()
}

#[test]
fn every_slip_is_answered_with_what_to_write() {
    let mut wrong = Vec::new();
    let conditions = CONDITIONS
        .iter()
        .map(|(text, wanted)| (format!("where {text}"), wanted));
    let operators = OPERATORS
        .iter()
        .map(|(text, wanted)| ((*text).to_owned(), wanted));
    for (text, wanted) in conditions.chain(operators) {
        let said = advice(&format!("DeviceProcessEvents | {text}"));
        if said != **wanted {
            wrong.push(format!("{text}: {said:?} instead of {wanted:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn statements_want_their_separator_and_tables_a_union() {
    let separator = "Statements are separated by ;";
    for query in [
        "let n = 5\nDeviceProcessEvents | take n",
        "let T = DeviceProcessEvents | take 5\nT | count",
        "let a = 1, b = 2; print a",
    ] {
        assert_eq!(advice(query), separator, "{query}");
    }
    assert_eq!(
        advice("DeviceProcessEvents, DeviceEvents | take 5"),
        "Several tables are read with union …, …"
    );
    assert_eq!(
        advice("DeviceProcessEvents as d | take 5"),
        "Write a pipe before it: | as"
    );
}

#[test]
fn a_saved_function_is_near_by_its_name() {
    let mut scope = hunting();
    let saved = SavedFunction::parse("", "DeviceProcessEvents | take 5").unwrap();
    scope.add_function("RareParents", saved);
    for query in ["RareParent()", "RareParent", "RarePrents() | count"] {
        let said = bound(query, &scope).diagnostics;
        assert_eq!(
            said[0].suggestion.as_deref(),
            Some("RareParents"),
            "{query}"
        );
    }
}

#[test]
fn typographic_quotes_are_one_error() {
    let query = "DeviceProcessEvents | where FileName has “x y z” | take zz";
    let said = bound(query, &hunting()).diagnostics;
    let errors = said.iter().filter(|d| d.code == "KS002");
    assert_eq!(errors.count(), 1, "{said:?}");
    assert_eq!(
        said.iter().filter(|d| d.span.start < 50).count(),
        1,
        "{said:?}"
    );
}
