//! What a line of input is.

use bartizan_contract::hunting::Table;

use crate::event::Shape;
use crate::limits::Limits;
use crate::ndjson;
use crate::parse::json;

/// The kind of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detected {
    /// An event of a Windows host.
    Event(Shape),
    /// A row of a hunting table: the table that the line names, or the only one that has all its
    /// columns. `None` when several tables could be meant; the caller must name one.
    Row(Option<&'static Table>),
    /// The streaming export's envelope.
    Envelope,
    /// JSON, but none of these.
    Unknown,
    /// Not a JSON object.
    NotJson,
}

/// Looks at one line, usually a file's first. A whole line is needed: half an object is
/// [`Detected::NotJson`].
#[must_use]
pub fn detect(line: &[u8]) -> Detected {
    match json::object(line, &Limits::default()) {
        Ok(object) => of_object(&object),
        Err(_) => Detected::NotJson,
    }
}

/// The kind of a parsed line.
#[must_use]
pub fn of_object(object: &serde_json::Map<String, serde_json::Value>) -> Detected {
    if let Some(shape) = Shape::of(object) {
        Detected::Event(shape)
    } else if ndjson::is_envelope(object) {
        Detected::Envelope
    } else if let Some(table) = ndjson::named_table(object) {
        Detected::Row(Some(table))
    } else {
        match ndjson::tables_with(object).as_slice() {
            [] => Detected::Unknown,
            [table] => Detected::Row(Some(table)),
            _ => Detected::Row(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds() {
        for (line, want) in [
            (
                r#"{"EventID":1,"SourceName":"Microsoft-Windows-Sysmon"}"#,
                Detected::Event(Shape::Flat),
            ),
            (
                r#"{"winlog":{"event_id":1}}"#,
                Detected::Event(Shape::Winlogbeat),
            ),
            (
                r#"{"event_id":1,"event_data":{},"log_name":"Security"}"#,
                Detected::Event(Shape::Winlogbeat),
            ),
            (
                r#"{"EventID":1,"EventLog":"x","TimeGenerated":"y"}"#,
                Detected::Event(Shape::Azure),
            ),
            (
                r#"{"Event":{"System":{"EventID":1}}}"#,
                Detected::Event(Shape::Evtx),
            ),
            (r#"{"records":[]}"#, Detected::Envelope),
            (
                r#"{"time":"x","category":"AdvancedHunting-DeviceInfo","properties":{}}"#,
                Detected::Envelope,
            ),
            (r#"{"Timestamp":"x","Nonsense":1}"#, Detected::Unknown),
            (r#"{"Timestamp":"x","DeviceId":"1"}"#, Detected::Row(None)),
            ("[]", Detected::NotJson),
            ("{", Detected::NotJson),
        ] {
            assert_eq!(detect(line.as_bytes()), want, "{line}");
        }
        let row = detect(br#"{"$table":"DeviceInfo","Timestamp":"x"}"#);
        assert!(matches!(row, Detected::Row(Some(t)) if t.name == "DeviceInfo"));
        let row = detect(br#"{"Timestamp":"x","RegistryValueType":"Dword"}"#);
        assert!(matches!(row, Detected::Row(Some(t)) if t.name == "DeviceRegistryEvents"));
    }
}
