//! What people write who come from SQL, Splunk and their like, and what this language has for it.
//!
//! Advice is a name alone where one name takes the place of another ("Did you mean …?"), a sentence otherwise.

use crate::keyword;

/// Operators of other languages, and what stands behind "Write" instead.
const OPERATORS: &[(&str, &str)] = &[
    ("add", "extend name = …"),
    ("aggregate", "summarize … by …"),
    ("bin", "summarize … by bin(Timestamp, 1h)"),
    ("columns", "project …"),
    (
        "dedup",
        "distinct …, or summarize arg_max(Timestamp, *) by …",
    ),
    ("drop", "project-away …"),
    ("eval", "extend name = …"),
    ("explode", "mv-expand …"),
    ("fields", "project …"),
    ("flatten", "mv-expand …"),
    ("from", "the table at the beginning, or union …"),
    ("group", "summarize … by …"),
    ("groupby", "summarize … by …"),
    ("having", "where … after summarize"),
    ("head", "take …, or top … by Timestamp"),
    ("inputlookup", "externaldata, or a datatable in a let"),
    ("keep", "project …, or project-keep …"),
    ("offset", "serialize | where row_number() > …"),
    ("rare", "summarize count() by … | top 10 by count_ asc"),
    ("regex", "where … matches regex …"),
    ("remove", "project-away …"),
    ("rename", "project-rename new = old"),
    ("reverse", "sort by … asc"),
    ("rex", "extend name = extract(…), or parse …"),
    ("select", "project …"),
    ("skip", "serialize | where row_number() > …"),
    ("spath", "extend name = parse_json(…).path"),
    ("stats", "summarize … by …"),
    ("table", "project …"),
    ("tail", "top … by Timestamp asc"),
    (
        "timechart",
        "summarize … by bin(Timestamp, 1h) | render timechart",
    ),
    (
        "transaction",
        "summarize min(Timestamp), max(Timestamp) by …",
    ),
    ("uniq", "distinct …"),
    ("unique", "distinct …"),
];

/// Functions of other languages: the one that is meant where it takes the same arguments in the same order, an
/// expression that stands behind "Write", or a sentence, which has a capital letter.
const FUNCTIONS: &[(&str, &str)] = &[
    ("array_agg", "make_list"),
    ("array_contains", "set_has_element"),
    ("average", "avg"),
    ("base64", "base64_encode_tostring"),
    ("base64_decode", "base64_decode_tostring"),
    ("base64_encode", "base64_encode_tostring"),
    (
        "cast",
        "Convert with tostring(…), tolong(…), todouble(…), todatetime(…) and their like",
    ),
    ("ceil", "ceiling"),
    ("char", "make_string"),
    ("char_length", "strlen"),
    ("chr", "make_string"),
    ("cidr_match", "ipv4_is_in_range(address, \"10.0.0.0/8\")"),
    ("cidrmatch", "ipv4_is_in_range(address, \"10.0.0.0/8\")"),
    ("concat", "strcat"),
    ("concat_ws", "strcat_delim"),
    ("contains", "Write text contains part"),
    (
        "convert",
        "Convert with tostring(…), tolong(…), todouble(…), todatetime(…) and their like",
    ),
    ("current_date", "startofday(now())"),
    ("current_timestamp", "now"),
    ("date", "startofday(moment), or todatetime(text)"),
    ("date_add", "datetime_add(\"day\", number, moment)"),
    ("date_diff", "datetime_diff(\"day\", later, earlier)"),
    ("date_format", "format_datetime"),
    ("date_part", "datetime_part(\"hour\", moment)"),
    ("date_sub", "Subtract a length of time: moment - 7d"),
    (
        "date_trunc",
        "bin(moment, 1h), or startofday(…) and its like",
    ),
    ("datediff", "datetime_diff(\"day\", later, earlier)"),
    ("dc", "dcount"),
    ("distinct_count", "dcount"),
    ("endswith", "Write text endswith part"),
    ("first", "arg_min(Timestamp, …), or take_any(…)"),
    ("from_base64", "base64_decode_tostring"),
    ("from_json", "parse_json"),
    ("from_unixtime", "unixtime_seconds_todatetime"),
    ("getdate", "now"),
    ("group_concat", "strcat_array(make_list(…), \",\")"),
    ("if", "iff"),
    ("ifnull", "coalesce"),
    ("instr", "indexof(text, part) >= 0"),
    ("int", "toint"),
    ("is_null", "isnull(…), or isempty(…) for text"),
    ("json_extract", "parse_json(text).path"),
    ("json_extract_scalar", "parse_json(text).path"),
    ("json_value", "parse_json(text).path"),
    ("last", "arg_max(Timestamp, …)"),
    ("lcase", "tolower"),
    ("left", "substring(text, 0, length)"),
    ("len", "strlen(…), or array_length(…)"),
    ("length", "strlen(…), or array_length(…)"),
    ("list", "make_list"),
    ("listagg", "strcat_array(make_list(…), \",\")"),
    ("lower", "tolower"),
    ("match", "Write text matches regex \"…\""),
    ("md5", "hash_md5"),
    ("mean", "avg"),
    ("median", "percentile(…, 50)"),
    ("mvcount", "array_length"),
    ("mvjoin", "strcat_array"),
    ("nvl", "coalesce"),
    ("position", "indexof(text, part) >= 0"),
    ("regex_match", "Write text matches regex \"…\""),
    ("regexp_extract", "extract(\"regex\", 1, text)"),
    ("regexp_like", "Write text matches regex \"…\""),
    ("regexp_replace", "replace_regex(text, \"regex\", \"new\")"),
    ("right", "substring(text, strlen(text) - length)"),
    ("searchmatch", "Write * has \"…\""),
    ("sha1", "hash_sha1"),
    ("sha256", "hash_sha256"),
    ("split_part", "split(text, \",\")[0]"),
    ("startswith", "Write text startswith part"),
    ("stddev", "stdev"),
    ("str", "tostring"),
    ("string_agg", "strcat_array(make_list(…), \",\")"),
    ("strptime", "todatetime"),
    (
        "substr",
        "substring(text, start, length), where start counts from 0",
    ),
    ("to_json", "tostring"),
    ("to_timestamp", "todatetime"),
    ("tonumber", "tolong"),
    ("upper", "toupper"),
];

/// What to write for an operator that other languages have, behind "Write".
pub(crate) fn operator(word: &str) -> Option<&'static str> {
    find(OPERATORS, word)
}

/// The function that another language calls `name`, or what to write instead.
pub(crate) fn function(name: &str) -> Option<String> {
    let own = find(FUNCTIONS, name)?;
    let sentence = own.starts_with(char::is_uppercase);
    let alone = own.chars().all(|c| c.is_alphanumeric() || c == '_');
    Some(if sentence || alone {
        own.to_owned()
    } else {
        format!("Write {own}")
    })
}

fn find(table: &[(&'static str, &'static str)], word: &str) -> Option<&'static str> {
    let known = table
        .iter()
        .find(|(other, _)| other.eq_ignore_ascii_case(word));
    known.map(|(_, own)| *own)
}

/// What to write for a word behind an expression: one that compares in other languages, or an operator without its pipe.
pub(crate) fn behind(word: &str) -> Option<String> {
    let lower = word.to_ascii_lowercase();
    if word != lower && is_word_of_the_language(&lower) {
        return Some(lower_case(&lower));
    }
    let advice = match lower.as_str() {
        "let" | "set" | "declare" => "Statements are separated by ;",
        "like" | "ilike" => "Compare with has, contains, startswith or matches regex",
        "rlike" | "regexp" | "regex" | "matches" => "Compare with matches regex",
        "is" | "isnot" => EMPTY,
        "not" => "Write !in, !has or !contains, or not(…) around the comparison",
        "eq" | "equals" => "Compare with ==",
        "ne" | "neq" => "Compare with !=",
        "contains_any" | "startswith_any" | "endswith_any" | "in_any" | "has_any_cs" => {
            "Write has_any (…) for whole terms, or several comparisons with or between them"
        }
        "ascending" => "Write asc",
        "descending" => "Write desc",
        "bin" => "Write by before it",
        "from" => "A query begins with its table: Table | …",
        "having" => "Write | where … behind summarize",
        "inputlookup" => return None,
        "when" | "then" | "else" => "Write case(condition, value, …, otherwise)",
        "?" => "Write iff(condition, value, otherwise)",
        _ => {
            let own = operator(word)?.split(", or").next()?;
            return Some(format!("Write a pipe before it: | {own}"));
        }
    };
    Some(advice.to_owned())
}

/// How missing values are asked for: no string is null, whatever `isnull` is asked.
const EMPTY: &str = "Ask with isempty(x) for text and isnull(x) for other types, or with isnotempty(x) and isnotnull(x)";

fn is_word_of_the_language(word: &str) -> bool {
    matches!(
        word,
        "and" | "or" | "between" | "by" | "on" | "asc" | "desc"
    ) || keyword::text_operator(word).is_some()
        || keyword::list_operator(word).is_some()
}

/// That a word was not written in lower case.
pub(crate) fn lower_case(word: &str) -> String {
    format!("Words of the language are in lower case: {word}")
}

/// What to write for `!word`, which is no operator, or stands where none can; `call` when a bracket follows.
pub(crate) fn negation(word: &str, call: bool) -> Option<String> {
    let plain = word.strip_prefix('!')?;
    let operator = keyword::text_operator(word).is_some() || keyword::list_operator(word).is_some();
    if operator || plain == "between" {
        return Some(format!("It stands between two values: x {word} …"));
    }
    match plain {
        "matches" => Some("Write not(… matches regex …)".to_owned()),
        "has_any" | "has_all" => Some(format!("Write not(… {plain} …)")),
        _ if call => Some(format!("Write not({plain}(…))")),
        _ => behind(plain).or_else(|| Some(format!("Write not({plain})"))),
    }
}

/// What to write for a name that means nothing, or no value at all, in other languages.
pub(crate) fn name(name: &str) -> Option<&'static str> {
    let nothing = ["null", "nil", "none"];
    let known = nothing.iter().any(|other| name.eq_ignore_ascii_case(other));
    known.then_some(EMPTY)
}

/// What to write for a character that begins no token.
pub(crate) fn character(first: char) -> Option<&'static str> {
    match first {
        '“' | '”' | '„' | '«' | '»' | '‘' | '’' | '‚' | '`' => {
            Some("Text stands in straight quotes: \"…\" or '…'")
        }
        '#' => Some("A comment begins with //"),
        '!' => Some("Write not(…)"),
        '&' => Some("Write 'and'"),
        '^' => Some("Write pow(x, y)"),
        '~' => Some("Compare with =~, or in~ for a list"),
        '/' => Some("A comment begins with // and ends with its line"),
        _ => None,
    }
}

/// The characters that close what `first` opens, if it is a typographic quote.
pub(crate) fn closing_quotes(first: char) -> Option<&'static [char]> {
    match first {
        '“' | '”' | '„' => Some(&['”', '“']),
        '‘' | '’' | '‚' => Some(&['’', '‘']),
        '«' => Some(&['»']),
        '»' => Some(&['«']),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;

    fn is_function(name: &str) -> bool {
        catalogue::scalar_functions().any(|f| f.name == name || f.aliases.contains(&name))
            || catalogue::aggregate_functions().any(|f| f.name == name)
    }

    #[test]
    fn every_habit_is_no_name_of_the_language_and_leads_to_one() {
        for (other, own) in FUNCTIONS {
            assert!(
                !is_function(other),
                "{other} is a function: nobody is told otherwise"
            );
            let called = own.split(['(', '[']).next().unwrap_or(own);
            let sentence = called.starts_with(char::is_uppercase);
            assert!(
                sentence || is_function(called),
                "{other}: no function {own}"
            );
        }
        for (other, own) in OPERATORS {
            assert!(!keyword::OPERATORS.contains(other), "{other}");
            let first = own.split([' ', ',']).next().unwrap_or(own);
            let begins = ["the", "externaldata"].contains(&first);
            assert!(
                begins || keyword::OPERATORS.contains(&first),
                "{other}: {own}"
            );
        }
    }

    #[test]
    fn behind_an_expression_a_pipe_is_put_before_operators_alone() {
        for (other, _) in OPERATORS {
            let Some(advice) = behind(other) else {
                assert_eq!(*other, "inputlookup");
                continue;
            };
            let Some(own) = advice.strip_prefix("Write a pipe before it: | ") else {
                assert!(
                    ["bin", "from", "having", "regex"].contains(other),
                    "{other}: {advice}"
                );
                continue;
            };
            let first = own.split(' ').next().unwrap_or(own);
            assert!(
                keyword::OPERATORS.contains(&first) && !own.contains(", or"),
                "{advice}"
            );
        }
    }

    #[test]
    fn what_is_negated_is_a_call_a_value_or_a_comparison() {
        let said = |word, call| negation(word, call).unwrap_or_default();
        assert_eq!(said("!isempty", true), "Write not(isempty(…))");
        assert_eq!(said("!IsAdmin", false), "Write not(IsAdmin)");
        assert_eq!(
            said("!startswith", true),
            "It stands between two values: x !startswith …"
        );
        assert_eq!(said("!matches", false), "Write not(… matches regex …)");
        assert!(said("!like", false).starts_with("Compare with has"));
        assert_eq!(negation("isempty", true), None);
    }

    #[test]
    fn functions_are_advised_whatever_their_letters_and_whatever_is_near() {
        for (other, _) in FUNCTIONS {
            let query = format!("print x = {}(1)", other.to_uppercase());
            let bound = crate::bind(&crate::parse(&query).query, &crate::Scope::new());
            let first = bound.diagnostics.first();
            let said = first.and_then(|found| found.suggestion.clone());
            assert_eq!(said, function(other), "{query}");
        }
    }
}
