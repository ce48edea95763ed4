//! Whatever arrives, reading it does not panic, and what is printed reads back.

use bartizan_contract::identity_errors::ERRORS;
use bartizan_contract::operations::{find, methods_at};
use bartizan_contract::time::{
    MAX_TICKS, Timestamp, format_iso8601, format_iso8601_trimmed, parse_iso8601,
};
use proptest::prelude::*;

proptest! {
    #[test]
    fn any_path_is_matched_or_not(path in ".{0,80}", tail in "[/a-zA-Z0-9$%('=)é.]{0,60}") {
        for path in [path, format!("/api/alerts{tail}"), format!("/api/machines/{tail}")] {
            let found = find("GET", &path, None);
            let methods = methods_at(&path, None);
            prop_assert!(found.is_none() || !methods.is_empty());
        }
    }

    #[test]
    fn any_time_text_is_read_or_refused(text in "[0-9TZtz:.+ -]{0,40}", other in ".{0,40}") {
        for text in [text, other] {
            if let Some(ticks) = parse_iso8601(&text) {
                prop_assert!((0..=MAX_TICKS).contains(&ticks));
            }
        }
    }

    #[test]
    fn every_tick_reads_back(ticks in 0..=MAX_TICKS) {
        prop_assert_eq!(parse_iso8601(&format_iso8601(ticks)), Some(ticks));
        prop_assert_eq!(parse_iso8601(&format_iso8601_trimmed(ticks)), Some(ticks));
        let micros = Timestamp(ticks).unix_micros();
        prop_assert_eq!(Timestamp::from_unix_micros(micros).ticks(), ticks - ticks % 10);
    }

    #[test]
    fn error_texts_never_need_an_escape(index in 0..ERRORS.len(), value in ".{0,40}") {
        let names = ["scope", "resource", "uri", "reason", "client_id", "tenant", "name", "user"];
        let values: Vec<_> = names.iter().map(|n| (*n, value.as_str())).collect();
        let text = ERRORS[index].text(&values);
        let json = serde_json::to_string(&text).expect("text");
        prop_assert_eq!(&json[1..json.len() - 1], text);
    }
}
