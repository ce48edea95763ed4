//! Conditions: what `$search` means, and which operators want an advanced query.

use bartizan_store::odata::{CompareOp, Filter, Path, TextFunction};

use crate::error::{ApiError, Kind};

/// Refuses operators that Graph serves in advanced queries alone, or not at all on directory objects.
///
/// # Errors
/// [`Kind::OData`]
pub(super) fn check(filter: &Filter, advanced: bool) -> Result<(), ApiError> {
    let needs = |what: &str| match advanced {
        true => Ok(()),
        false => Err(unsupported(what)),
    };
    match filter {
        Filter::And(parts) | Filter::Or(parts) => {
            parts.iter().try_for_each(|part| check(part, advanced))
        }
        Filter::Not(inner) => needs("'not' in $filter").and_then(|()| check(inner, advanced)),
        Filter::Compare {
            op: CompareOp::Ne, ..
        } => needs("'ne' in $filter"),
        Filter::Call { function, .. } => match function {
            TextFunction::StartsWith => Ok(()),
            TextFunction::EndsWith => needs("'endswith' in $filter"),
            TextFunction::Contains => Err(ApiError::new(
                Kind::OData,
                "Unsupported property filter clause operator 'contains': use startswith, or $search with the header 'ConsistencyLevel: eventual'.",
            )),
        },
        Filter::Lambda {
            body: Some((_, body)),
            ..
        } => check(body, advanced),
        _ => Ok(()),
    }
}

/// The refusal of what only an advanced query does.
pub(super) fn unsupported(what: &str) -> ApiError {
    ApiError::new(
        Kind::OData,
        format!(
            "Unsupported Query: {what} works in advanced queries alone. Send the header 'ConsistencyLevel: eventual' and the parameter $count=true with it."
        ),
    )
    .code("Request_UnsupportedQuery")
}

/// `"displayName:word"`, several with AND or OR: the property begins with the text, or a word in it does.
///
/// # Errors
/// [`Kind::OData`] for another form or a property that is not among `known`.
pub(super) fn searched(text: &str, known: &[&str]) -> Result<Filter, ApiError> {
    let wrong = || {
        ApiError::new(
            Kind::OData,
            format!(
                "$search takes clauses such as \"displayName:anna\" in double quotes, joined by AND or OR, over {}.",
                known.join(", ")
            ),
        )
    };
    let mut any: Vec<Filter> = Vec::new();
    for part in text.split(" OR ") {
        let mut every = Vec::new();
        for clause in part.split(" AND ") {
            let clause = clause.trim();
            let inner = clause
                .strip_prefix('"')
                .and_then(|c| c.strip_suffix('"'))
                .ok_or_else(wrong)?;
            let (name, word) = inner.split_once(':').ok_or_else(wrong)?;
            let name = known
                .iter()
                .find(|known| known.eq_ignore_ascii_case(name.trim()))
                .ok_or_else(wrong)?;
            let call = |function, text: String| Filter::Call {
                function,
                path: Path {
                    name: (*name).to_owned(),
                    position: 0,
                },
                text,
            };
            every.push(Filter::Or(vec![
                call(TextFunction::StartsWith, word.trim().to_owned()),
                call(TextFunction::Contains, format!(" {}", word.trim())),
            ]));
        }
        any.push(one_or(every, Filter::And).ok_or_else(wrong)?);
    }
    one_or(any, Filter::Or).ok_or_else(wrong)
}

/// The only part, or all of them joined; `None` of none.
pub(super) fn one_or(mut parts: Vec<Filter>, join: fn(Vec<Filter>) -> Filter) -> Option<Filter> {
    match parts.len() {
        0 | 1 => parts.pop(),
        _ => Some(join(parts)),
    }
}

#[cfg(test)]
mod tests {
    use bartizan_store::odata::parse_filter;

    use super::*;

    #[test]
    fn searches_are_words_of_named_properties() {
        let known = ["displayName", "mail"];
        let text = searched("\"displayName:Anna\"", &known).expect("valid");
        assert!(text.to_string().contains("Anna"), "{text}");
        let several = "\"displayName:a\" AND \"mail:b\" OR \"displayName:c\"";
        assert!(searched(several, &known).is_ok());
        for wrong in ["displayName:a", "\"anna\"", "\"passwordHash:a\"", ""] {
            assert!(searched(wrong, &known).is_err(), "{wrong}");
        }
    }

    #[test]
    fn some_operators_want_an_advanced_query() {
        for (text, plain, advanced) in [
            (
                "displayName eq 'a' or startswith(displayName,'b')",
                true,
                true,
            ),
            ("displayName in ('a','b')", true, true),
            ("tags/any(t: t eq 'a')", true, true),
            ("tags/any(t: t ne 'a')", false, true),
            ("not (displayName eq 'a')", false, true),
            ("a eq 1 and displayName ne 'a'", false, true),
            ("endswith(mail,'x')", false, true),
            ("contains(displayName,'x')", false, false),
        ] {
            let filter = parse_filter(text).expect("a filter");
            assert_eq!(check(&filter, false).is_ok(), plain, "{text}");
            assert_eq!(check(&filter, true).is_ok(), advanced, "{text}");
        }
    }
}
