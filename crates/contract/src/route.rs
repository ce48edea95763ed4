//! Finding the row that a request's path belongs to, with the tolerance that real clients need.
//!
//! Letter case of literal segments does not matter, doubled slashes count as one, a trailing slash
//! is dropped, the version segment after `/api` is optional, and an OData key may stand in
//! brackets (`/alerts('id')`, `/applications(appId='…')`).

use std::sync::LazyLock;

use crate::hosts::{self, Service};
use crate::operations::{Api, Method, Operation, all};

/// A row with what its path's parameters stand for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// The row.
    pub operation: &'static Operation,
    /// Parameters in the order of the path, percent-decoded; a quoted key loses its quotes. A
    /// named key stays as it is (`appId='…'`).
    pub params: Vec<(&'static str, String)>,
    /// Whether the path ends in `/$count`, which asks for a bare number.
    pub count: bool,
    /// The type to which a cast at the end of the path narrows a collection of directory objects
    /// (`memberOf/microsoft.graph.group`), as Graph spells it.
    pub cast: Option<Cast>,
}

/// A type of directory objects that a path may be narrowed to (OData URL conventions section 4.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cast {
    /// Its name behind `microsoft.graph.`.
    pub name: &'static str,
    /// The set of all its entities, which `@odata.context` names then.
    pub set: &'static str,
}

const CASTS: &[Cast] = &[
    cast("administrativeUnit", "administrativeUnits"),
    cast("application", "applications"),
    cast("device", "devices"),
    cast("directoryRole", "directoryRoles"),
    cast("group", "groups"),
    cast("orgContact", "contacts"),
    cast("servicePrincipal", "servicePrincipals"),
    cast("user", "users"),
];

const fn cast(name: &'static str, set: &'static str) -> Cast {
    Cast { name, set }
}

/// The cast that a segment is, if it is one.
fn cast_of(segment: &str) -> Option<Cast> {
    let (head, name) = segment.split_at_checked(16)?;
    if !head.eq_ignore_ascii_case("microsoft.graph.") {
        return None;
    }
    let mut known = CASTS.iter();
    known
        .find(|cast| cast.name.eq_ignore_ascii_case(name))
        .copied()
}

impl Match {
    /// The value of a path parameter.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params
            .iter()
            .find(|(n, _)| *n == name)
            .map(|(_, v)| v.as_str())
    }
}

/// Finds the row for a request. `host` is the name that was called, without port; `None`, or a
/// name that is no alias of Microsoft's, means an origin of our own, which serves every row.
#[must_use]
pub fn find(method: &str, path: &str, host: Option<&str>) -> Option<Match> {
    let method = Method::parse(method)?;
    candidates(path, host).find(|m| m.operation.method == method)
}

/// The methods that a path has, for a 405's `Allow`; empty when no row has this path.
#[must_use]
pub fn methods_at(path: &str, host: Option<&str>) -> Vec<Method> {
    let mut methods: Vec<Method> = candidates(path, host).map(|m| m.operation.method).collect();
    methods.sort_unstable();
    methods.dedup();
    methods
}

/// The most literal row of a path, whatever its method; `None` when no row has this path.
#[must_use]
pub fn row_at(path: &str, host: Option<&str>) -> Option<&'static Operation> {
    candidates(path, host).next().map(|m| m.operation)
}

/// Every row that fits the path, the most literal first.
fn candidates(path: &str, host: Option<&str>) -> impl Iterator<Item = Match> {
    let service = host.and_then(hosts::service_of);
    let segments = normalize(path);
    let mut found: Vec<(Vec<u8>, Match)> = PATTERNS
        .iter()
        .filter(|p| serves(service, p.operation))
        .filter_map(|p| p.matches(&segments))
        .collect();
    // A stable sort: rows of equal rank stay in table order.
    found.sort_by(|a, b| b.0.cmp(&a.0));
    found.into_iter().map(|(_, m)| m)
}

fn serves(service: Option<Service>, operation: &Operation) -> bool {
    match service {
        None => true,
        Some(Service::Security) => matches!(operation.api, Api::Xdr | Api::Mde),
        Some(Service::SecurityCenter) => operation.api == Api::Mde,
        Some(Service::Graph) => operation.api == Api::Graph,
        Some(Service::Login | Service::Portal) => false,
    }
}

/// Splits a path into decoded segments in the tables' spelling.
fn normalize(path: &str) -> Vec<String> {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let mut segments: Vec<String> = path
        .split('/')
        .filter(|s| !s.is_empty())
        .map(|s| unqualified(percent_decode(s)))
        .collect();
    let is = |s: Option<&String>, name: &str| s.is_some_and(|s| s.eq_ignore_ascii_case(name));
    if is(segments.first(), "api") && segments.get(1).is_some_and(|s| is_version(s)) {
        segments.remove(1);
    } else if is(segments.first(), "beta") {
        segments[0] = "v1.0".to_owned();
    }
    segments
}

/// An action by its full name (`microsoft.graph.security.runHuntingQuery`, OData part 2 section
/// 4.5.1) is the same as by its short one. A cast stays what it is.
fn unqualified(segment: String) -> String {
    if cast_of(&segment).is_some() {
        return segment;
    }
    let qualified = segment
        .get(..16)
        .is_some_and(|s| s.eq_ignore_ascii_case("microsoft.graph."));
    match segment.rsplit_once('.') {
        Some((_, name)) if qualified && !name.is_empty() && !name.contains(['(', '\'']) => {
            name.to_owned()
        }
        _ => segment,
    }
}

/// `v1.0`, `v1`, `V2.10`
fn is_version(segment: &str) -> bool {
    segment.strip_prefix(['v', 'V']).is_some_and(|digits| {
        digits.starts_with(|c: char| c.is_ascii_digit())
            && digits.chars().all(|c| c.is_ascii_digit() || c == '.')
    })
}

fn percent_decode(segment: &str) -> String {
    let bytes = segment.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let hex = |b: &u8| (*b as char).to_digit(16);
        let pair = (bytes[i] == b'%')
            .then(|| {
                Some((
                    bytes.get(i + 1).and_then(hex)?,
                    bytes.get(i + 2).and_then(hex)?,
                ))
            })
            .flatten();
        if let Some((high, low)) = pair {
            out.push((high * 16 + low) as u8);
            i += 3;
        } else {
            out.push(bytes[i]);
            i += 1;
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| segment.to_owned())
}

/// A segment of a row's path.
enum Part {
    /// Lower-case text.
    Literal(String),
    /// `{id}`
    Param(&'static str),
    /// `findbyip(ip='{ip}',timestamp={timestamp})`: literal text (lower case) around parameters.
    Call(Vec<Piece>),
}

enum Piece {
    Text(String),
    Param(&'static str),
}

struct Pattern {
    operation: &'static Operation,
    parts: Vec<Part>,
}

static PATTERNS: LazyLock<Vec<Pattern>> = LazyLock::new(|| {
    all()
        .map(|operation| Pattern {
            operation,
            parts: operation
                .path
                .split('/')
                .filter(|s| !s.is_empty())
                .map(part)
                .collect(),
        })
        .collect()
});

fn part(segment: &'static str) -> Part {
    if !segment.contains('{') {
        return Part::Literal(segment.to_ascii_lowercase());
    }
    let mut pieces = Vec::new();
    let mut rest = segment;
    while let Some((text, after)) = rest.split_once('{') {
        if !text.is_empty() {
            pieces.push(Piece::Text(text.to_ascii_lowercase()));
        }
        let Some((name, after)) = after.split_once('}') else {
            break;
        };
        pieces.push(Piece::Param(name));
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest.to_ascii_lowercase()));
    }
    match pieces.as_slice() {
        [Piece::Param(name)] => Part::Param(name),
        _ => Part::Call(pieces),
    }
}

impl Pattern {
    /// The rank (higher is more literal, segment by segment) and the match.
    fn matches(&self, segments: &[String]) -> Option<(Vec<u8>, Match)> {
        let count = self.operation.count
            && self.parts.len() < segments.len()
            && segments
                .last()
                .is_some_and(|s| s.eq_ignore_ascii_case("$count"));
        let mut rest = if count {
            &segments[..segments.len() - 1]
        } else {
            segments
        };
        let cast = rest.last().and_then(|s| cast_of(s));
        let cast = cast.filter(|_| self.operation.is_castable());
        if cast.is_some() {
            rest = &rest[..rest.len() - 1];
        }
        let mut params = Vec::new();
        let mut rank = Vec::with_capacity(self.parts.len());
        let mut key: Option<&str> = None;
        for part in &self.parts {
            if let Some(text) = key.take() {
                // `/alerts('id')`: the bracket of the segment before is this part's value.
                let Part::Param(name) = part else { return None };
                params.push((*name, unquote(text)));
                rank.push(0);
                continue;
            }
            let (segment, after) = rest.split_first()?;
            rest = after;
            rank.push(match part {
                Part::Literal(text) if segment.eq_ignore_ascii_case(text) => 2,
                Part::Literal(text) => {
                    key = Some(bracketed_key(segment, text)?);
                    2
                }
                Part::Call(pieces) => {
                    call(pieces, segment, &mut params)?;
                    1
                }
                // A system segment such as `$count` or `$metadata` is nobody's id.
                Part::Param(_) if segment.starts_with('$') => return None,
                Part::Param(name) => {
                    params.push((name, segment.clone()));
                    0
                }
            });
        }
        if !rest.is_empty() || key.is_some() {
            return None;
        }
        let found = Match {
            operation: self.operation,
            params,
            count,
            cast,
        };
        Some((rank, found))
    }
}

/// The inside of the brackets of `name(…)`.
fn bracketed_key<'a>(segment: &'a str, name: &str) -> Option<&'a str> {
    let head = segment.get(..name.len())?;
    let key = segment[name.len()..].strip_prefix('(')?.strip_suffix(')')?;
    (head.eq_ignore_ascii_case(name) && !key.is_empty()).then_some(key)
}

fn unquote(text: &str) -> String {
    text.strip_prefix('\'')
        .and_then(|t| t.strip_suffix('\''))
        .map_or_else(|| text.to_owned(), |inner| inner.replace("''", "'"))
}

fn call(pieces: &[Piece], segment: &str, params: &mut Vec<(&'static str, String)>) -> Option<()> {
    let mut rest = segment;
    for (i, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Text(text) => {
                let head = rest.get(..text.len())?;
                if !head.eq_ignore_ascii_case(text) {
                    return None;
                }
                rest = &rest[text.len()..];
            }
            Piece::Param(name) => {
                let end = match pieces.get(i + 1) {
                    Some(Piece::Text(next)) => rest.to_ascii_lowercase().find(next.as_str())?,
                    _ => rest.len(),
                };
                params.push((name, rest[..end].to_owned()));
                rest = &rest[end..];
            }
        }
    }
    rest.is_empty().then_some(())
}
