//! Where addresses are, for `geo_info_from_ip_address`: a database in MaxMind's format that the operator brings, such
//! as GeoLite2 City. None comes with the server, because none may be handed on with it.

use std::borrow::Cow;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use maxminddb::Reader;
use serde::Deserialize;

use crate::json::{push_json_string, push_real_text};

/// A database of places by address.
pub struct Places {
    reader: Reader<Vec<u8>>,
}

/// Why a file is no such database.
#[derive(Debug, thiserror::Error)]
#[error("{}: no database of places in MaxMind's format: {reason}", path.display())]
pub struct PlacesError {
    path: PathBuf,
    reason: String,
}

impl std::fmt::Debug for Places {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.reader.metadata().database_type)
    }
}

/// What is read of a record.
#[derive(Deserialize)]
struct Record<'a> {
    #[serde(borrow, default)]
    country: Named<'a>,
    #[serde(borrow, default)]
    subdivisions: Vec<Named<'a>>,
    #[serde(borrow, default)]
    city: Named<'a>,
    #[serde(default)]
    location: Location,
}

#[derive(Default, Deserialize)]
struct Named<'a> {
    #[serde(borrow, default)]
    names: Names<'a>,
}

#[derive(Default, Deserialize)]
struct Names<'a> {
    #[serde(borrow)]
    en: Option<Cow<'a, str>>,
}

#[derive(Default, Deserialize)]
struct Location {
    latitude: Option<f64>,
    longitude: Option<f64>,
}

impl Places {
    /// Reads a database into memory.
    ///
    /// # Errors
    /// [`PlacesError`] when the file cannot be read, or is none.
    pub fn open(path: &Path) -> Result<Self, PlacesError> {
        let failed = |reason: String| PlacesError {
            path: path.to_owned(),
            reason,
        };
        let bytes = std::fs::read(path).map_err(|e| failed(e.to_string()))?;
        let reader = Reader::from_source(bytes).map_err(|e| failed(e.to_string()))?;
        Ok(Self { reader })
    }

    /// Appends what is known of an address as a bag; false when that is nothing.
    pub(crate) fn push(&self, address: &str, out: &mut String) -> bool {
        let Ok(address) = address.trim().parse::<IpAddr>() else {
            return false;
        };
        // A database of IPv4 alone has no place for IPv6; that is no fault of the query.
        let found = self.reader.lookup(address).ok();
        let Some(record) = found.and_then(|f| f.decode::<Record<'_>>().ok().flatten()) else {
            return false;
        };
        let start = out.len();
        let names = [
            ("country", record.country.names.en),
            (
                "state",
                record
                    .subdivisions
                    .into_iter()
                    .next()
                    .and_then(|s| s.names.en),
            ),
            ("city", record.city.names.en),
        ];
        for (key, name) in names {
            if let Some(name) = name {
                push_key(out, start, key);
                push_json_string(out, &name);
            }
        }
        let place = record.location;
        for (key, degrees) in [("latitude", place.latitude), ("longitude", place.longitude)] {
            if let Some(degrees) = degrees {
                push_key(out, start, key);
                push_real_text(out, degrees);
            }
        }
        let any = out.len() > start;
        if any {
            out.push('}');
        }
        any
    }
}

fn push_key(out: &mut String, start: usize, key: &str) {
    out.push(if out.len() == start { '{' } else { ',' });
    push_json_string(out, key);
    out.push(':');
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A value as MaxMind's format writes it.
    enum Item<'a> {
        Text(&'a str),
        Real(f64),
        /// A small whole number: how many bits its type has, and the number.
        Whole(u8, u8),
        Map(Vec<(&'a str, Item<'a>)>),
        List(Vec<Item<'a>>),
    }

    fn write(item: &Item<'_>, out: &mut Vec<u8>) {
        match item {
            Item::Text(text) => {
                out.push(2 << 5 | text.len() as u8);
                out.extend(text.as_bytes());
            }
            Item::Real(value) => {
                out.push(3 << 5 | 8);
                out.extend(value.to_be_bytes());
            }
            Item::Whole(16, value) => out.extend([5 << 5 | 1, *value]),
            Item::Whole(32, value) => out.extend([6 << 5 | 1, *value]),
            Item::Whole(_, value) => out.extend([1, 9 - 7, *value]),
            Item::Map(members) => {
                out.push(7 << 5 | members.len() as u8);
                for (key, value) in members {
                    write(&Item::Text(key), out);
                    write(value, out);
                }
            }
            Item::List(items) => {
                out.extend([items.len() as u8, 11 - 7]);
                items.iter().for_each(|i| write(i, out));
            }
        }
    }

    /// A database of one network of the first half of IPv4 addresses.
    fn database(record: &Item<'_>) -> Vec<u8> {
        // One node: its left record points to the data, its right one to nothing.
        let mut all = vec![0, 0, 1 + 16, 0, 0, 1];
        all.extend([0; 16]);
        write(record, &mut all);
        all.extend(b"\xab\xcd\xefMaxMind.com");
        let about = Item::Map(vec![
            ("node_count", Item::Whole(32, 1)),
            ("record_size", Item::Whole(16, 24)),
            ("ip_version", Item::Whole(16, 4)),
            ("database_type", Item::Text("Test-City")),
            ("languages", Item::List(vec![Item::Text("en")])),
            ("binary_format_major_version", Item::Whole(16, 2)),
            ("binary_format_minor_version", Item::Whole(16, 0)),
            ("build_epoch", Item::Whole(64, 1)),
            ("description", Item::Map(vec![])),
        ]);
        write(&about, &mut all);
        all
    }

    fn named(name: &str) -> Item<'_> {
        Item::Map(vec![(
            "names",
            Item::Map(vec![("de", Item::Text("x")), ("en", Item::Text(name))]),
        )])
    }

    #[test]
    fn what_a_database_knows_of_an_address() {
        let record = Item::Map(vec![
            ("country", named("Germany")),
            ("city", named("Berlin")),
            ("subdivisions", Item::List(vec![named("Land Berlin")])),
            (
                "location",
                Item::Map(vec![
                    ("latitude", Item::Real(52.5)),
                    ("longitude", Item::Real(13.25)),
                ]),
            ),
        ]);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("places.mmdb");
        std::fs::write(&path, database(&record)).unwrap();
        let places = Places::open(&path).unwrap();
        let of = |address: &str| {
            let mut out = String::new();
            places.push(address, &mut out).then_some(out)
        };
        let wanted = r#"{"country":"Germany","state":"Land Berlin","city":"Berlin","latitude":52.5,"longitude":13.25}"#;
        assert_eq!(of("10.1.2.3").as_deref(), Some(wanted));
        for unknown in ["200.1.2.3", "::1", "nowhere", ""] {
            assert_eq!(of(unknown), None, "{unknown}");
        }
        std::fs::write(&path, database(&Item::Map(vec![("country", named("X"))]))).unwrap();
        let mut out = String::new();
        assert!(Places::open(&path).unwrap().push("1.1.1.1", &mut out));
        assert_eq!(out, r#"{"country":"X"}"#);
    }

    #[test]
    fn another_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("places.mmdb");
        assert!(Places::open(&path).is_err());
        std::fs::write(&path, "no database").unwrap();
        let error = Places::open(&path).unwrap_err();
        assert!(error.to_string().contains("places.mmdb"), "{error}");
    }
}
