//! The fields of a collection that may be filtered by, and where each is kept.

/// The filterable fields of one collection, as one API names them.
#[derive(Debug)]
pub struct FieldMap {
    /// The table.
    pub table: &'static str,
    /// The fields.
    pub fields: &'static [Field],
}

/// A filterable field.
#[derive(Debug)]
pub struct Field {
    /// Its name on the wire; compared in any letter case.
    pub name: &'static str,
    /// Its column.
    pub column: &'static str,
    /// What it holds.
    pub kind: FieldKind,
    /// Whether the column may be null.
    pub nullable: bool,
}

/// What a field holds, and with it which operators it takes.
#[derive(Debug, Clone, Copy)]
pub enum FieldKind {
    /// Free text: `eq ne in`, text functions.
    Text,
    /// An id kept in lower case: `eq ne in`, `startswith`; a GUID may be written without quotes.
    Id,
    /// A whole number: `eq ne gt ge lt le in`.
    Int,
    /// A time, kept in microseconds: `eq ne gt ge lt le in`.
    DateTime,
    /// 0 or 1: `eq ne`, or the field alone.
    Bool,
    /// A word of a closed set: `eq ne in`.
    Words(&'static Words),
    /// Texts in another table: `any`, `all`.
    Collection(&'static Element),
}

/// A closed set of words.
#[derive(Debug)]
pub struct Words {
    /// The stored form of a word as it is written on the wire; `Some(None)` is kept as null.
    pub stored: fn(&str) -> Option<Option<&'static str>>,
    /// The words for messages.
    pub names: fn() -> Vec<&'static str>,
}

/// Where the elements of a collection are.
#[derive(Debug)]
pub struct Element {
    /// `from … where …` that finds the elements of a row of the map's table, named `e`.
    pub from: &'static str,
    /// The element itself, as a field of that table.
    pub field: Field,
}

impl FieldMap {
    /// The field with this name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        let fields: &'static [Field] = self.fields;
        fields.iter().find(|f| f.name.eq_ignore_ascii_case(name))
    }

    /// All names, for messages.
    #[must_use]
    pub fn names(&self) -> String {
        self.fields
            .iter()
            .map(|f| f.name)
            .collect::<Vec<_>>()
            .join(", ")
    }
}

impl FieldKind {
    /// The operators and functions that fields of this kind take, for messages.
    #[must_use]
    pub const fn operators(&self) -> &'static str {
        match self {
            Self::Text => "eq, ne, in, startswith, endswith, contains",
            Self::Id => "eq, ne, in, startswith",
            Self::Int | Self::DateTime => "eq, ne, gt, ge, lt, le, in",
            Self::Bool => "eq, ne",
            Self::Words(_) => "eq, ne, in",
            Self::Collection(_) => "any, all",
        }
    }
}
