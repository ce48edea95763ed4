//! `$filter` of sign-ins as a condition of the hunting language. Nothing a caller writes becomes its text: properties are
//! looked up, and values are written as literals.

use bartizan_contract::time::format_iso8601;
use bartizan_store::odata::{CompareOp, Filter, Literal, Path, Quantifier, TextFunction};

use crate::error::{ApiError, Kind};

/// What Graph calls a sign-in with a person at the keyboard.
pub(super) const INTERACTIVE_USER: &str = "interactiveUser";
/// The condition that a row of users is one.
pub(super) const INTERACTIVE: &str = "LogonType has \"interactiveUser\"";

/// A table that holds sign-ins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// Of people.
    Users,
    /// Of applications in their own name.
    Applications,
}

impl Source {
    pub(super) const ALL: &[Self] = &[Self::Users, Self::Applications];

    /// The table.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Users => "EntraIdSignInEvents",
            Self::Applications => "EntraIdSpnSignInEvents",
        }
    }

    /// The type of a sign-in whose row has this `LogonType`.
    pub(super) fn kind(self, logon_type: &str) -> &'static str {
        match self {
            Self::Applications => "servicePrincipal",
            Self::Users if logon_type.contains("nonInteractiveUser") => "nonInteractiveUser",
            Self::Users => INTERACTIVE_USER,
        }
    }
}

/// What a property holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    Text,
    Time,
    Number,
    /// `isInteractive`
    Interactive,
}

/// A property, its column in both tables (`None` where it is always empty), and what it holds.
type Property = (
    &'static str,
    Option<&'static str>,
    Option<&'static str>,
    Holds,
);

const PROPERTIES: &[Property] = &[
    ("id", Some("RequestId"), Some("RequestId"), Holds::Text),
    (
        "createdDateTime",
        Some("Timestamp"),
        Some("Timestamp"),
        Holds::Time,
    ),
    ("userPrincipalName", Some("AccountUpn"), None, Holds::Text),
    ("userId", Some("AccountObjectId"), None, Holds::Text),
    (
        "userDisplayName",
        Some("AccountDisplayName"),
        None,
        Holds::Text,
    ),
    (
        "appId",
        Some("ApplicationId"),
        Some("ApplicationId"),
        Holds::Text,
    ),
    (
        "appDisplayName",
        Some("Application"),
        Some("Application"),
        Holds::Text,
    ),
    ("clientAppUsed", Some("ClientAppUsed"), None, Holds::Text),
    (
        "correlationId",
        Some("CorrelationId"),
        Some("CorrelationId"),
        Holds::Text,
    ),
    (
        "ipAddress",
        Some("IPAddress"),
        Some("IPAddress"),
        Holds::Text,
    ),
    ("isInteractive", Some("LogonType"), None, Holds::Interactive),
    (
        "resourceDisplayName",
        Some("ResourceDisplayName"),
        Some("ResourceDisplayName"),
        Holds::Text,
    ),
    (
        "resourceId",
        Some("ResourceId"),
        Some("ResourceId"),
        Holds::Text,
    ),
    (
        "servicePrincipalId",
        None,
        Some("ServicePrincipalId"),
        Holds::Text,
    ),
    (
        "servicePrincipalName",
        None,
        Some("ServicePrincipalName"),
        Holds::Text,
    ),
    (
        "status/errorCode",
        Some("ErrorCode"),
        Some("ErrorCode"),
        Holds::Number,
    ),
];

/// The list within a sign-in that names its types.
const TYPES: &str = "signInEventTypes";

/// Whether a filter says which types of sign-in are wanted.
pub(super) fn names_types(filter: &Filter) -> bool {
    match filter {
        Filter::And(parts) | Filter::Or(parts) => parts.iter().any(names_types),
        Filter::Not(inner) => names_types(inner),
        Filter::Lambda { path, .. } => path.name.eq_ignore_ascii_case(TYPES),
        Filter::Compare { path, .. } | Filter::In { path, .. } | Filter::Flag(path) => {
            path.name.eq_ignore_ascii_case("isInteractive")
        }
        _ => false,
    }
}

/// A text as a literal.
pub(super) fn text(value: &str) -> String {
    let mut literal = String::with_capacity(value.len() + 2);
    literal.push('"');
    for c in value.chars() {
        match c {
            '"' => literal.push_str("\\\""),
            '\\' => literal.push_str("\\\\"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                literal.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => literal.push(c),
        }
    }
    literal.push('"');
    literal
}

/// A moment in ticks as a literal.
pub(super) fn time(ticks: i64) -> String {
    format!("datetime({})", format_iso8601(ticks))
}

/// The condition on the rows of a table.
///
/// # Errors
/// [`Kind::OData`] for a property, an operator or a value that sign-ins are not filtered by.
pub(super) fn compile(filter: &Filter, source: Source) -> Result<String, ApiError> {
    let all = |parts: &[Filter], word: &str| {
        let parts: Result<Vec<String>, ApiError> =
            parts.iter().map(|part| compile(part, source)).collect();
        parts.map(|parts| format!("({})", parts.join(word)))
    };
    match filter {
        Filter::And(parts) => all(parts, " and "),
        Filter::Or(parts) => all(parts, " or "),
        Filter::Not(inner) => Ok(format!("not({})", compile(inner, source)?)),
        Filter::Constant(value) => Ok(value.to_string()),
        Filter::Compare { path, op, value } => compare(path, *op, value, source),
        Filter::Flag(path) => compare(path, CompareOp::Eq, &Literal::Bool(true), source),
        Filter::In { path, values } => {
            let parts: Result<Vec<String>, ApiError> = values
                .iter()
                .map(|value| compare(path, CompareOp::Eq, value, source))
                .collect();
            Ok(format!("({})", parts?.join(" or ")))
        }
        Filter::Call {
            function,
            path,
            text: wanted,
        } => {
            let (column, holds) = property(path, source)?;
            let word = match function {
                TextFunction::StartsWith => "startswith",
                TextFunction::EndsWith => "endswith",
                TextFunction::Contains => "contains",
            };
            match holds {
                Holds::Text => Ok(format!("{column} {word} {}", text(wanted))),
                _ => Err(wrong(path, "eq, ne, gt, ge, lt, le")),
            }
        }
        Filter::Lambda {
            path,
            quantifier,
            body,
        } => types(path, *quantifier, body.as_ref(), source),
    }
}

/// The column of a property and what it holds; an empty text where the table has none.
fn property(path: &Path, source: Source) -> Result<(&'static str, Holds), ApiError> {
    let named = |(name, ..): &&Property| name.eq_ignore_ascii_case(&path.name);
    let Some((_, users, applications, holds)) = PROPERTIES.iter().find(named) else {
        let names: Vec<&str> = PROPERTIES.iter().map(|(name, ..)| *name).collect();
        return Err(ApiError::new(
            Kind::OData,
            format!(
                "$filter: Property '{}' cannot be filtered by; these can: {}, {TYPES} (position {}).",
                path.name,
                names.join(", "),
                path.position
            ),
        ));
    };
    let column = match source {
        Source::Users => users,
        Source::Applications => applications,
    };
    Ok((column.unwrap_or("\"\""), *holds))
}

fn compare(
    path: &Path,
    op: CompareOp,
    value: &Literal,
    source: Source,
) -> Result<String, ApiError> {
    let (column, holds) = property(path, source)?;
    let equality = match op {
        CompareOp::Eq => Some(("=~", "isempty")),
        CompareOp::Ne => Some(("!~", "isnotempty")),
        _ => None,
    };
    Ok(match (holds, value, equality) {
        (Holds::Text, Literal::Null, Some((_, function))) => format!("{function}({column})"),
        (Holds::Text, Literal::Text(wanted) | Literal::Guid(wanted), Some((word, _))) => {
            format!("{column} {word} {}", text(wanted))
        }
        (Holds::Text, ..) => return Err(wrong(path, "eq, ne, in, startswith and a quoted text")),
        (Holds::Time, Literal::DateTime(ticks), _) => {
            format!("{column} {} {}", word(op), time(*ticks))
        }
        (Holds::Time, ..) => {
            return Err(wrong(
                path,
                "eq, ne, gt, ge, lt, le and a date without quotes, such as 2026-01-01T00:00:00Z",
            ));
        }
        (Holds::Number, Literal::Int(wanted), _) => format!("{column} {} {wanted}", word(op)),
        (Holds::Number, ..) => {
            return Err(wrong(path, "eq, ne, gt, ge, lt, le and a whole number"));
        }
        (Holds::Interactive, Literal::Bool(wanted), Some(_)) => {
            let is = match source {
                Source::Users => INTERACTIVE,
                Source::Applications => "false",
            };
            match *wanted == (op == CompareOp::Eq) {
                true => is.to_owned(),
                false => format!("not({is})"),
            }
        }
        (Holds::Interactive, ..) => return Err(wrong(path, "eq, ne and true or false")),
    })
}

const fn word(op: CompareOp) -> &'static str {
    match op {
        CompareOp::Eq => "==",
        CompareOp::Ne => "!=",
        CompareOp::Gt => ">",
        CompareOp::Ge => ">=",
        CompareOp::Lt => "<",
        CompareOp::Le => "<=",
    }
}

/// `signInEventTypes/any(t: t eq 'servicePrincipal')`: every sign-in has exactly one type, which the table and its
/// `LogonType` say.
fn types(
    path: &Path,
    quantifier: Quantifier,
    body: Option<&(String, Box<Filter>)>,
    source: Source,
) -> Result<String, ApiError> {
    if !path.name.eq_ignore_ascii_case(TYPES) {
        property(path, source)?;
        return Err(wrong(path, "no any and all"));
    }
    let Some((variable, body)) = body else {
        return Ok((quantifier == Quantifier::Any).to_string());
    };
    of_type(body, variable, source)
}

fn of_type(filter: &Filter, variable: &str, source: Source) -> Result<String, ApiError> {
    let joined = |parts: &[Filter], join: &str| {
        let parts: Result<Vec<String>, ApiError> = parts
            .iter()
            .map(|part| of_type(part, variable, source))
            .collect();
        parts.map(|parts| format!("({})", parts.join(join)))
    };
    match filter {
        Filter::And(parts) => joined(parts, " and "),
        Filter::Or(parts) => joined(parts, " or "),
        Filter::Not(inner) => Ok(format!("not({})", of_type(inner, variable, source)?)),
        Filter::Compare {
            path,
            op: op @ (CompareOp::Eq | CompareOp::Ne),
            value: Literal::Text(wanted),
        } if path.name == variable => {
            let is = one_type(wanted, source);
            Ok(match op {
                CompareOp::Eq => is.to_owned(),
                _ => format!("not({is})"),
            })
        }
        _ => Err(ApiError::new(
            Kind::OData,
            "$filter: signInEventTypes takes any(t: t eq 'interactiveUser'), nonInteractiveUser or servicePrincipal, joined by or.",
        )),
    }
}

fn one_type(wanted: &str, source: Source) -> &'static str {
    match source {
        Source::Users if wanted.eq_ignore_ascii_case(INTERACTIVE_USER) => INTERACTIVE,
        Source::Users if wanted.eq_ignore_ascii_case("nonInteractiveUser") => {
            "LogonType has \"nonInteractiveUser\""
        }
        Source::Applications if wanted.eq_ignore_ascii_case("servicePrincipal") => "true",
        _ => "false",
    }
}

fn wrong(path: &Path, takes: &str) -> ApiError {
    ApiError::new(
        Kind::OData,
        format!(
            "$filter: Property '{}' takes {takes} (position {}).",
            path.name, path.position
        ),
    )
}

#[cfg(test)]
mod tests {
    use bartizan_store::odata::parse_filter;

    use super::*;

    fn compiled(text: &str, source: Source) -> Result<String, ApiError> {
        compile(&parse_filter(text).expect("a filter"), source)
    }

    #[test]
    fn conditions_are_written_for_each_table() {
        for (filter, users, applications) in [
            (
                "appId eq 'A'",
                "ApplicationId =~ \"A\"",
                "ApplicationId =~ \"A\"",
            ),
            (
                "userPrincipalName eq 'a@b'",
                "AccountUpn =~ \"a@b\"",
                "\"\" =~ \"a@b\"",
            ),
            ("status/errorCode ne 0", "ErrorCode != 0", "ErrorCode != 0"),
            (
                "createdDateTime ge 2026-01-15T12:00:00Z",
                "Timestamp >= datetime(2026-01-15T12:00:00.0000000Z)",
                "Timestamp >= datetime(2026-01-15T12:00:00.0000000Z)",
            ),
            (
                "signInEventTypes/any(t: t eq 'servicePrincipal')",
                "false",
                "true",
            ),
            (
                "isInteractive eq false",
                "not(LogonType has \"interactiveUser\")",
                "not(false)",
            ),
        ] {
            assert_eq!(compiled(filter, Source::Users).expect("valid"), users);
            assert_eq!(
                compiled(filter, Source::Applications).expect("valid"),
                applications
            );
        }
    }

    #[test]
    fn values_stay_values() {
        let odd = "appDisplayName eq 'x\" or true | take 1 //\\'";
        let condition = compiled(odd, Source::Users).expect("valid");
        assert_eq!(
            condition,
            "Application =~ \"x\\\" or true | take 1 //\\\\\""
        );
        for wrong in [
            "location/city eq 'x'",
            "appId gt 'x'",
            "createdDateTime eq 'x'",
            "riskEventTypes/any(r: r eq 'x')",
            "signInEventTypes/any(t: startswith(t, 'x'))",
        ] {
            assert!(compiled(wrong, Source::Users).is_err(), "{wrong}");
        }
    }
}
