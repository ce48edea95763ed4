//! What a file is: by the property `format`, else by the ending of its name, else CSV.

/// How fields are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Rules {
    /// Stands between fields.
    pub(super) delimiter: u8,
    /// What fields with delimiters in them have.
    pub(super) escape: Escape,
}

/// How a field may hold a delimiter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Escape {
    /// Quotes around it (RFC 4180).
    Quotes,
    /// Not at all.
    Never,
    /// A backslash before it; `\t`, `\n` and `\r` stand for characters.
    Backslash,
}

/// A format that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Format {
    /// CSV and its relatives.
    Delimited(Rules),
    /// `txt`: each line is a record of one value.
    Lines,
    /// `raw`: the file is one value.
    Whole,
    /// `json` and `multijson`: objects one after the other, or in an array.
    Json,
    /// Parquet.
    Parquet,
}

impl Format {
    /// By its documented name, in any case.
    pub(super) fn named(name: &str) -> Result<Self, String> {
        let delimited = |delimiter, escape| Self::Delimited(Rules { delimiter, escape });
        Ok(match name.to_ascii_lowercase().as_str() {
            "csv" => delimited(b',', Escape::Quotes),
            "psv" => delimited(b'|', Escape::Quotes),
            "scsv" => delimited(b';', Escape::Quotes),
            "tsv" => delimited(b'\t', Escape::Never),
            "tsve" => delimited(b'\t', Escape::Backslash),
            "sohsv" => delimited(1, Escape::Never),
            "txt" => Self::Lines,
            "raw" => Self::Whole,
            "json" | "multijson" => Self::Json,
            "parquet" => Self::Parquet,
            _ => {
                return Err(format!(
                    "the format '{name}' cannot be read; csv, tsv, tsve, psv, scsv, sohsv, txt, raw, json, multijson and parquet can"
                ));
            }
        })
    }

    /// By the ending of a location's name, below that of a compression; CSV when it says nothing.
    pub(super) fn of_location(location: &str) -> Result<Self, String> {
        let name = file_name(location);
        let name = Packing::of(&name).map_or(name.as_str(), |packing| {
            &name[..name.len() - packing.ending().len()]
        });
        match name.rsplit_once('.').map(|(_, ending)| ending) {
            Some("log") => Self::named("w3clogfile"),
            Some(
                ending @ ("csv" | "psv" | "scsv" | "tsv" | "tsve" | "sohsv" | "txt" | "raw"
                | "json" | "multijson" | "parquet" | "avro" | "orc"),
            ) => Self::named(ending),
            _ => Self::named("csv"),
        }
        .map_err(|why| format!("{why}; name one as with (format='txt')"))
    }

    /// Whether values are found by name and not by place.
    pub(super) fn is_named(self) -> bool {
        matches!(self, Self::Json | Self::Parquet)
    }
}

/// How a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    /// `.gz`
    Gzip,
    /// `.zip`
    Zip,
}

impl Packing {
    fn of(name: &str) -> Option<Self> {
        [Self::Gzip, Self::Zip]
            .into_iter()
            .find(|packing| name.ends_with(packing.ending()))
    }

    /// By the ending of a location's name.
    pub(super) fn of_location(location: &str) -> Option<Self> {
        Self::of(&file_name(location))
    }

    fn ending(self) -> &'static str {
        match self {
            Self::Gzip => ".gz",
            Self::Zip => ".zip",
        }
    }
}

/// The last part of a location's path, in lower case.
fn file_name(location: &str) -> String {
    let path = location.split(['?', '#', ';']).next().unwrap_or_default();
    path.rsplit('/')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase()
}
