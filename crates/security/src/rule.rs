//! Detection rules as TOML files: a hunting query, what its hits mean, and what they point at.
//!
//! ```toml
//! id = "encoded-powershell"
//! title = "Suspicious PowerShell command line"
//! severity = "Medium"
//! category = "Execution"
//! description = "PowerShell was started with an encoded command."
//! mitre = ["T1059.001"]
//! query = "DeviceProcessEvents | where ProcessCommandLine has '-enc'"
//! frequency = "1h"
//! lookback = "4h"
//!
//! [dedup]
//! columns = ["DeviceId", "AccountName"]
//! window = "1d"
//!
//! [[entities]]
//! kind = "process"
//! columns = { command_line = "ProcessCommandLine" }
//! ```

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::detection::{EntityKind, EntityMapping};
use crate::vocabulary::{Category, Severity};

/// Longest rule file, in bytes.
pub const MAX_SOURCE: usize = 256 * 1024;

/// A detection rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its id: lower-case letters, digits and hyphens.
    pub id: String,
    /// Title of its alerts.
    pub title: String,
    /// Severity of its alerts.
    pub severity: Severity,
    /// Stage of the attack.
    pub category: Category,
    /// What happened and why it matters.
    pub description: String,
    /// What to do about it.
    pub recommended_action: String,
    /// MITRE ATT&CK technique ids.
    pub mitre_techniques: Vec<String>,
    /// `detectionSource` of its alerts.
    pub detection_source: String,
    /// The hunting query.
    pub query: String,
    /// How often it runs, microseconds.
    pub frequency: i64,
    /// How far back it looks, microseconds.
    pub lookback: i64,
    /// The column with a hit's time.
    pub time_column: String,
    /// Columns whose values make two hits the same alert.
    pub dedup_columns: Vec<String>,
    /// For how long, microseconds: hits of the same window are one alert.
    pub dedup_window: i64,
    /// What hits point at.
    pub entities: Vec<EntityMapping>,
}

/// Why a rule file was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// Not TOML, a key is missing or unknown, or of another type.
    #[error("{0}")]
    Syntax(String),
    /// A value that cannot be.
    #[error("'{key}': {reason}")]
    Value {
        /// The key.
        key: &'static str,
        /// Why.
        reason: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleFile {
    id: String,
    title: String,
    severity: String,
    category: String,
    description: String,
    #[serde(default)]
    recommended_action: String,
    #[serde(default)]
    mitre: Vec<String>,
    #[serde(default = "default_source")]
    detection_source: String,
    query: String,
    #[serde(default = "default_frequency")]
    frequency: String,
    #[serde(default = "default_lookback")]
    lookback: String,
    #[serde(default = "default_time_column")]
    time_column: String,
    #[serde(default)]
    dedup: DedupFile,
    entities: Vec<EntityFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct DedupFile {
    columns: Vec<String>,
    window: String,
}

impl Default for DedupFile {
    fn default() -> Self {
        Self {
            columns: vec!["DeviceId".to_owned()],
            window: "1d".to_owned(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EntityFile {
    kind: String,
    #[serde(default)]
    columns: BTreeMap<String, String>,
}

fn default_source() -> String {
    "CustomDetection".to_owned()
}

fn default_frequency() -> String {
    "1h".to_owned()
}

fn default_lookback() -> String {
    "4h".to_owned()
}

fn default_time_column() -> String {
    "Timestamp".to_owned()
}

impl Rule {
    /// Reads a rule file.
    ///
    /// # Errors
    /// [`RuleError::Syntax`] with line and column, or [`RuleError::Value`] naming the key.
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        if text.len() > MAX_SOURCE {
            return Err(RuleError::Syntax(format!("longer than {MAX_SOURCE} bytes")));
        }
        let file: RuleFile =
            toml::from_str(text).map_err(|e| RuleError::Syntax(e.to_string().trim().to_owned()))?;
        let entities = file
            .entities
            .into_iter()
            .map(mapping)
            .collect::<Result<Vec<_>, _>>()?;
        if entities.is_empty() {
            return Err(invalid("entities", "at least one is needed"));
        }
        let frequency = duration("frequency", &file.frequency)?;
        let lookback = duration("lookback", &file.lookback)?;
        if lookback < frequency {
            return Err(invalid(
                "lookback",
                "shorter than the frequency: events would be missed",
            ));
        }
        if lookback > 30 * DAY {
            return Err(invalid("lookback", "longer than 30 days"));
        }
        Ok(Self {
            id: identifier(file.id)?,
            title: filled("title", file.title)?,
            severity: word("severity", &file.severity, Severity::ALL, Severity::parse)?,
            category: word("category", &file.category, Category::ALL, Category::parse)?,
            description: filled("description", file.description)?.trim().to_owned(),
            recommended_action: file.recommended_action.trim().to_owned(),
            mitre_techniques: file
                .mitre
                .into_iter()
                .map(technique)
                .collect::<Result<_, _>>()?,
            detection_source: filled("detection_source", file.detection_source)?,
            query: filled("query", file.query)?.trim().to_owned(),
            frequency,
            lookback,
            time_column: filled("time_column", file.time_column)?,
            dedup_columns: file.dedup.columns,
            dedup_window: duration("dedup.window", &file.dedup.window)?,
            entities,
        })
    }
}

fn invalid(key: &'static str, reason: impl Into<String>) -> RuleError {
    RuleError::Value {
        key,
        reason: reason.into(),
    }
}

fn filled(key: &'static str, text: String) -> Result<String, RuleError> {
    if text.trim().is_empty() {
        Err(invalid(key, "must not be empty"))
    } else {
        Ok(text)
    }
}

fn identifier(id: String) -> Result<String, RuleError> {
    let plain = id
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if plain && !id.is_empty() && id.len() <= 100 {
        Ok(id)
    } else {
        Err(invalid(
            "id",
            "1 to 100 lower-case letters, digits and hyphens",
        ))
    }
}

fn technique(id: String) -> Result<String, RuleError> {
    let (main, sub) = id.split_once('.').unwrap_or((&id, "000"));
    let digits = |t: &str, n| t.len() == n && t.bytes().all(|b| b.is_ascii_digit());
    if main.strip_prefix('T').is_some_and(|d| digits(d, 4)) && digits(sub, 3) {
        Ok(id)
    } else {
        Err(invalid(
            "mitre",
            format!("'{id}' is not a technique such as T1059 or T1059.001"),
        ))
    }
}

fn word<T: Copy + std::fmt::Display>(
    key: &'static str,
    text: &str,
    all: &[T],
    parse: impl Fn(&str) -> Option<T>,
) -> Result<T, RuleError> {
    parse(text).ok_or_else(|| {
        let names: Vec<_> = all.iter().map(ToString::to_string).collect();
        invalid(key, format!("'{text}' is none of {}", names.join(", ")))
    })
}

fn mapping(file: EntityFile) -> Result<EntityMapping, RuleError> {
    let kind = EntityKind::parse(&file.kind).ok_or_else(|| {
        let names: Vec<_> = EntityKind::ALL.iter().map(|k| k.as_str()).collect();
        invalid(
            "entities.kind",
            format!("'{}' is none of {}", file.kind, names.join(", ")),
        )
    })?;
    EntityMapping::new(kind, file.columns).map_err(|unknown| {
        let names: Vec<_> = kind.fields().iter().map(|(field, _)| *field).collect();
        let reason = format!("'{unknown}' is none of {}", names.join(", "));
        invalid("entities.columns", reason)
    })
}

const MINUTE: i64 = 60 * 1_000_000;
const DAY: i64 = 24 * 60 * MINUTE;

/// A length of time such as `30m`, `4h` or `2d`, in microseconds.
fn duration(key: &'static str, text: &str) -> Result<i64, RuleError> {
    let bad = || invalid(key, format!("'{text}' is not a time such as 30m, 4h or 2d"));
    let unit = text.chars().last().ok_or_else(bad)?;
    let micros = match unit {
        'm' => MINUTE,
        'h' => 60 * MINUTE,
        'd' => DAY,
        _ => return Err(bad()),
    };
    let number: i64 = text[..text.len() - 1].parse().map_err(|_| bad())?;
    match number.checked_mul(micros) {
        Some(length) if number > 0 && length <= 365 * DAY => Ok(length),
        _ => Err(bad()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        id = "encoded-powershell"
        title = "Suspicious PowerShell command line"
        severity = "medium"
        category = "Execution"
        description = "An encoded command."
        mitre = ["T1059.001"]
        query = "DeviceProcessEvents"
        frequency = "1h"
        lookback = "4h"
        [dedup]
        columns = ["DeviceId"]
        window = "1d"
        [[entities]]
        kind = "process"
        columns = { command_line = "ProcessCommandLine" }
    "#;

    #[test]
    fn a_rule_file_is_read() {
        let rule = Rule::parse(GOOD).unwrap();
        assert_eq!(rule.severity, Severity::Medium);
        assert_eq!(rule.lookback, 4 * 60 * MINUTE);
        assert_eq!(rule.time_column, "Timestamp");
    }

    #[test]
    fn the_page_on_the_format_is_true() {
        let page = include_str!("../../../docs/rules.md");
        let example = page
            .split("```toml")
            .nth(1)
            .and_then(|t| t.split("```").next());
        let rule = Rule::parse(example.expect("an example")).unwrap();
        assert_eq!(rule.entities.len(), 3);
        for kind in EntityKind::ALL {
            assert!(page.contains(&format!("| `{}` |", kind.as_str())));
            for (field, column) in kind.fields() {
                assert!(page.contains(&format!("`{field}` {column}")), "{field}");
            }
        }
    }

    #[test]
    fn what_is_unknown_or_impossible_is_refused_by_name() {
        for (from, to, says) in [
            ("id =", "idd =", "idd"),
            ("[dedup]", "[dedupe]", "dedupe"),
            ("\"encoded-powershell\"", "\"Encoded PowerShell\"", "'id'"),
            ("\"medium\"", "\"awful\"", "UnSpecified"),
            ("\"Execution\"", "\"Stage 2\"", "LateralMovement"),
            ("T1059.001", "1059", "'mitre'"),
            ("\"4h\"", "\"4 hours\"", "'lookback'"),
            ("\"4h\"", "\"5m\"", "shorter"),
            ("\"4h\"", "\"31d\"", "30 days"),
            ("\"process\"", "\"planet\"", "registry"),
            ("command_line", "commandline", "command_line"),
            ("\"DeviceProcessEvents\"", "\"\"", "'query'"),
        ] {
            let error = Rule::parse(&GOOD.replacen(from, to, 1))
                .unwrap_err()
                .to_string();
            assert!(error.contains(says), "{from} -> {to}: {error}");
        }
    }
}
