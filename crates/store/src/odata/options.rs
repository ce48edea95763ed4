//! The query options of a request: `$filter`, `$top`, `$skip`, `$count`, `$select`, `$orderby`,
//! `$expand`, `$skiptoken`, `$search`.

use super::ast::Filter;
use super::error::ODataError;
use super::parser::{MAX_LENGTH, parse_filter};

/// What a request asks of a collection.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct QueryOptions {
    /// `$filter`
    pub filter: Option<Filter>,
    /// `$orderby`, most significant first.
    pub order_by: Vec<OrderBy>,
    /// `$top`
    pub top: Option<u64>,
    /// `$skip`
    pub skip: Option<u64>,
    /// `$count=true`
    pub count: bool,
    /// `$select`; empty for everything.
    pub select: Vec<String>,
    /// `$expand`
    pub expand: Vec<Expand>,
    /// `$skiptoken`, opaque here.
    pub skip_token: Option<String>,
    /// `$search`, not interpreted here.
    pub search: Option<String>,
}

/// A key of the order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderBy {
    /// The property.
    pub path: String,
    /// Whether greater values come first.
    pub descending: bool,
}

/// A related collection to put into each row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expand {
    /// Its name.
    pub path: String,
    /// What was written in parentheses after it (`$select=id;$top=5`), not interpreted here.
    pub options: String,
}

impl QueryOptions {
    /// Reads the options of a decoded query string. Names are taken in any letter case; names
    /// without `$` are not OData's and are left alone.
    ///
    /// # Errors
    /// [`ODataError`] for a value that is not valid, an option given twice, or one that is unknown.
    pub fn parse<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, ODataError> {
        let mut options = Self::default();
        let mut seen: Vec<String> = Vec::new();
        for (name, value) in pairs {
            let name = name.trim().to_ascii_lowercase();
            if !name.starts_with('$') {
                continue;
            }
            if seen.contains(&name) {
                return Err(ODataError::of(&name, "It is given more than once."));
            }
            if value.len() > MAX_LENGTH {
                let message = format!("It is longer than {MAX_LENGTH} bytes.");
                return Err(ODataError::of(&name, message));
            }
            options.take(&name, value).map_err(|e| e.in_option(&name))?;
            seen.push(name);
        }
        Ok(options)
    }

    fn take(&mut self, name: &str, value: &str) -> Result<(), ODataError> {
        match name {
            "$filter" => self.filter = Some(parse_filter(value)?),
            "$orderby" => self.order_by = order_by(value)?,
            "$top" => self.top = Some(whole_number(value)?),
            "$skip" => self.skip = Some(whole_number(value)?),
            "$count" => self.count = truth(value)?,
            "$select" => self.select = names(value)?,
            "$expand" => self.expand = expand(value)?,
            "$skiptoken" => self.skip_token = Some(value.to_owned()),
            "$search" => self.search = Some(value.to_owned()),
            "$format" => {}
            _ => return Err(ODataError::of(name, "It is not supported.")),
        }
        Ok(())
    }
}

fn whole_number(value: &str) -> Result<u64, ODataError> {
    let digits = value.trim();
    // SQL counts in signed 64 bits.
    let number = digits
        .parse::<u64>()
        .ok()
        .filter(|n| i64::try_from(*n).is_ok());
    number
        .filter(|_| digits.bytes().all(|b| b.is_ascii_digit()))
        .ok_or_else(|| ODataError::of("", format!("'{digits}' is not a whole number from 0 on.")))
}

fn truth(value: &str) -> Result<bool, ODataError> {
    match value.trim().to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        other => Err(ODataError::of(
            "",
            format!("'{other}' is neither true nor false."),
        )),
    }
}

fn is_path(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '/' | '.' | '@' | '*'))
}

fn names(value: &str) -> Result<Vec<String>, ODataError> {
    value
        .split(',')
        .map(|name| match name.trim() {
            name if is_path(name) => Ok(name.to_owned()),
            name => Err(ODataError::of("", format!("'{name}' is not a property."))),
        })
        .collect()
}

fn order_by(value: &str) -> Result<Vec<OrderBy>, ODataError> {
    value
        .split(',')
        .map(|item| {
            let mut words = item.split_whitespace();
            let path = words.next().unwrap_or_default();
            let descending = match words.next().map(str::to_ascii_lowercase).as_deref() {
                None | Some("asc") => false,
                Some("desc") => true,
                Some(other) => {
                    let message = format!("'{other}' is neither 'asc' nor 'desc'.");
                    return Err(ODataError::of("", message));
                }
            };
            if !is_path(path) || words.next().is_some() {
                let message = format!("'{}' is not a property and a direction.", item.trim());
                return Err(ODataError::of("", message));
            }
            Ok(OrderBy {
                path: path.to_owned(),
                descending,
            })
        })
        .collect()
}

fn expand(value: &str) -> Result<Vec<Expand>, ODataError> {
    split_outside_parentheses(value)?
        .into_iter()
        .map(|item| {
            let item = item.trim();
            let (path, options) = match item.split_once('(') {
                Some((path, rest)) => (path.trim(), rest.strip_suffix(')').unwrap_or(rest)),
                None => (item, ""),
            };
            if !is_path(path) {
                return Err(ODataError::of("", format!("'{path}' is not a property.")));
            }
            Ok(Expand {
                path: path.to_owned(),
                options: options.to_owned(),
            })
        })
        .collect()
}

fn split_outside_parentheses(value: &str) -> Result<Vec<&str>, ODataError> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_usize, 0);
    for (i, c) in value.char_indices() {
        match c {
            '(' => depth += 1,
            ')' if depth == 0 => return Err(ODataError::of("", "A parenthesis is not opened.")),
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&value[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    if depth > 0 {
        return Err(ODataError::of("", "A parenthesis is not closed."));
    }
    parts.push(&value[start..]);
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_in_any_case() {
        let options = QueryOptions::parse([
            ("$Filter", "status eq 'Active'"),
            ("$top", "5"),
            ("$skip", " 10 "),
            ("$count", "true"),
            ("$orderby", "createdTime desc, status"),
            ("$select", "id,a/b"),
            ("$expand", "evidence,alerts($select=id;$top=1),c"),
            ("api-version", "1"),
        ])
        .unwrap();
        assert_eq!(
            (options.top, options.skip, options.count),
            (Some(5), Some(10), true)
        );
        assert_eq!(
            options.order_by[0],
            OrderBy {
                path: "createdTime".into(),
                descending: true
            }
        );
        assert_eq!(options.expand[1].options, "$select=id;$top=1");
        assert_eq!(options.expand.len(), 3);
        assert!(options.filter.is_some());
    }

    #[test]
    fn what_is_wrong_names_its_option() {
        for (name, value) in [
            ("$top", "-1"),
            ("$top", "1.5"),
            ("$top", "+5"),
            ("$skip", "99999999999999999999"),
            ("$count", "1"),
            ("$orderby", "a sideways"),
            ("$orderby", ""),
            ("$expand", "a(b"),
            ("$select", "a,,b"),
            ("$nonsense", "x"),
            ("$filter", "a eq"),
        ] {
            let error = QueryOptions::parse([(name, value)]).unwrap_err();
            assert_eq!(error.option, name, "{value}");
            assert!(error.to_string().contains(name));
        }
        assert!(QueryOptions::parse([("$top", "1"), ("$TOP", "2")]).is_err());
    }
}
