//! What people write who come from SQL, Splunk and their like, and what this language has for it.
//!
//! Advice is a name alone where one name takes the place of another ("Did you mean …?"), a sentence otherwise.

use crate::keyword;

/// Operators of other languages, and what stands behind "Write" instead.
const OPERATORS: [(&str, &str); 36] = [
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
    ("except", "project-away …"),
    ("explode", "mv-expand …"),
    ("fields", "project …"),
    ("flatten", "mv-expand …"),
    ("from", "the table at the beginning, or union …"),
    ("group", "summarize … by …"),
    ("groupby", "summarize … by …"),
    ("having", "where … after summarize"),
    ("head", "take …, or top … by Timestamp"),
    ("inputlookup", "externaldata, or a datatable in a let"),
    ("keep", "project …"),
    ("lookupjoin", "lookup …"),
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

/// Functions of other languages: the one that is meant, or a sentence.
const FUNCTIONS: [(&str, &str); 82] = [
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
    ("cidr_match", "ipv4_is_in_range"),
    ("cidrmatch", "ipv4_is_in_range"),
    ("concat", "strcat"),
    ("concat_ws", "strcat_delim"),
    ("contains", "Write text contains part"),
    (
        "convert",
        "Convert with tostring(…), tolong(…), todouble(…), todatetime(…) and their like",
    ),
    ("count_distinct", "dcount, or count_distinct in a summarize"),
    ("current_date", "startofday(now())"),
    ("current_timestamp", "now"),
    ("date", "startofday"),
    ("date_add", "datetime_add"),
    ("date_diff", "datetime_diff"),
    ("date_format", "format_datetime"),
    ("date_part", "datetime_part"),
    ("date_sub", "Subtract a timespan: moment - 7d"),
    (
        "date_trunc",
        "bin(moment, 1h), or startofday(…) and its like",
    ),
    ("dateadd", "datetime_add"),
    ("datediff", "datetime_diff"),
    ("datepart", "datetime_part"),
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
    ("instr", "indexof"),
    ("int", "toint"),
    ("is_null", "isnull"),
    ("json_extract", "parse_json(…).path"),
    ("json_extract_scalar", "parse_json(…).path"),
    ("json_value", "parse_json(…).path"),
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
    ("position", "indexof"),
    ("regex_match", "Write text matches regex \"…\""),
    ("regexp_extract", "extract"),
    ("regexp_like", "Write text matches regex \"…\""),
    ("regexp_replace", "replace_regex"),
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
    ("substr", "substring"),
    ("to_json", "tostring"),
    ("to_timestamp", "todatetime"),
    ("tonumber", "tolong"),
    ("upper", "toupper"),
];

/// What to write for an operator that other languages have, behind "Write".
pub(crate) fn operator(word: &str) -> Option<&'static str> {
    find(&OPERATORS, word)
}

/// The function that another language calls `name`, or what to write instead.
pub(crate) fn function(name: &str) -> Option<String> {
    let own = find(&FUNCTIONS, name)?;
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

/// What to write for a word behind an expression: one that compares in other languages, or begins another statement.
pub(crate) fn behind(word: &str) -> Option<String> {
    let lower = word.to_ascii_lowercase();
    let advice = match lower.as_str() {
        "let" | "set" | "declare" => "Statements are separated by ;",
        "and" | "or" | "in" | "between" | "has" | "contains" | "by" | "on" | "asc" | "desc"
            if word != lower =>
        {
            return Some(format!("Words of the language are in lower case: {lower}"));
        }
        "like" | "ilike" => "Compare with has, contains, startswith or matches regex",
        "rlike" | "regexp" | "regex" | "matches" => "Compare with matches regex",
        "is" | "isnot" => "Ask with isnull(x), isempty(x) or isnotempty(x)",
        "not" => "Write !in, !has or !contains, or not(…) around the comparison",
        "eq" | "equals" => "Compare with ==",
        "ne" | "neq" => "Compare with !=",
        "contains_any" | "startswith_any" | "endswith_any" | "in_any" | "has_any_cs" => {
            "Write has_any (…) for whole terms, or several comparisons with or between them"
        }
        "ascending" => "Write asc",
        "descending" => "Write desc",
        "when" | "then" | "else" => "Write case(condition, value, …, otherwise)",
        "?" => "Write iff(condition, value, otherwise)",
        "," => "Write and or or between conditions, and union … for several tables",
        // The operator of that name stands behind a pipe, and is rare.
        "as" => "A name stands before its value: name = value",
        _ => return operator(word).map(|own| format!("Write a pipe before it: | {own}")),
    };
    Some(advice.to_owned())
}

/// What to write for `!word`, which is no operator.
pub(crate) fn negation(word: &str) -> Option<String> {
    let plain = word.strip_prefix('!')?;
    let advice = if keyword::text_operator(word).is_some() {
        format!("Write text {word} …")
    } else if keyword::list_operator(plain).is_some() || plain == "matches" {
        format!("Write not(… {plain} …)")
    } else {
        format!("Write not({plain}(…))")
    };
    Some(advice)
}

/// What to write for a name that means nothing, or no value at all, in other languages.
pub(crate) fn name(name: &str) -> Option<&'static str> {
    let nothing = ["null", "nil", "none"];
    nothing
        .iter()
        .any(|other| name.eq_ignore_ascii_case(other))
        .then_some("Ask with isnull(x) or isempty(x); null as a value is dynamic(null) or, of a type, int(null)")
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

/// The bracket's other side of a typographic quote, if `first` opens one.
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
                catalogue::scalar_functions().all(|f| f.name != other),
                "{other} is a function: nobody is told otherwise"
            );
            let called = own.split('(').next().unwrap_or(own);
            let sentence = called.contains(' ');
            assert!(
                sentence || is_function(called),
                "{other}: no function {own}"
            );
        }
        for (other, own) in OPERATORS {
            assert!(!keyword::OPERATORS.contains(&other), "{other}");
            let first = own.split([' ', ',']).next().unwrap_or(own);
            let begins = ["the", "externaldata"].contains(&first);
            assert!(
                begins || keyword::OPERATORS.contains(&first),
                "{other}: {own}"
            );
        }
    }
}
