//! The groups of rows by columns that are read as dictionaries.

use arrow::array::{Array as _, ArrayRef, StringViewArray, StringViewBuilder, UInt32Array};
use arrow::compute::take;
use datafusion::common::Result;
use hashbrown::HashTable;
use indexmap::IndexSet;

use super::numbers::DictionaryNumbers;

/// A column to group by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    /// Its place among the input's columns.
    pub(super) column: usize,
    /// Whether rows without a text are those with an empty one.
    pub(super) null_is_empty: bool,
}

/// Bits of numbers up to which every group there could be has a place of its own: a megabyte of places.
const DENSE_BITS: u32 = 18;
/// Bits that a column's numbers have at first.
const FIRST_BITS: u32 = 1;
/// No group.
const NONE: u32 = u32::MAX;

/// The groups that were found.
pub(super) struct Groups {
    columns: Vec<Column>,
    /// The numbers that each group has, column by column.
    numbers: Vec<u32>,
    places: Places,
    /// Where rows of a batch are looked for.
    found: Vec<u64>,
}

/// One column's texts, numbered as they come.
#[derive(Default)]
struct Column {
    null_is_empty: bool,
    dictionary: DictionaryNumbers,
    texts: IndexSet<Option<Box<str>>>,
    /// Bytes of the texts.
    bytes: usize,
    /// The numbers of the rows of a batch.
    rows: Vec<u32>,
    /// Bits that numbers have.
    bits: u32,
}

/// Where groups are found.
enum Places {
    /// By the columns' numbers, one behind the other.
    Dense(Vec<u32>),
    /// By a hash of these.
    Sparse(HashTable<u32>),
}

impl Groups {
    pub(super) fn new(keys: &[Key]) -> Self {
        let columns = keys.iter().map(|key| Column {
            null_is_empty: key.null_is_empty,
            bits: FIRST_BITS,
            ..Column::default()
        });
        let mut groups = Self {
            columns: columns.collect(),
            numbers: Vec::new(),
            places: Places::Dense(Vec::new()),
            found: Vec::new(),
        };
        groups.lay_out();
        groups
    }

    /// How many groups there are.
    pub(super) fn len(&self) -> usize {
        self.numbers.len() / self.columns.len()
    }

    /// Bytes held.
    pub(super) fn size(&self) -> usize {
        let places = match &self.places {
            Places::Dense(places) => places.capacity() * 4,
            Places::Sparse(table) => table.capacity() * 5,
        };
        let columns: usize = self.columns.iter().map(Column::size).sum();
        columns + places + self.numbers.capacity() * 4 + self.found.capacity() * 8
    }

    /// Puts the groups of a batch's rows into `groups`. `keys` are the columns of the keys.
    ///
    /// # Errors
    /// When a column is no dictionary of texts, or names a place that its dictionary does not have.
    pub(super) fn of_rows(&mut self, keys: &[ArrayRef], groups: &mut Vec<usize>) -> Result<()> {
        groups.clear();
        let rows = keys.first().map_or(0, |key| key.len());
        for (column, key) in self.columns.iter_mut().zip(keys) {
            column.number(key)?;
        }
        if self.columns.iter().any(Column::has_outgrown) {
            self.lay_out();
        }
        groups.reserve(rows);
        match self.places {
            Places::Dense(_) => self.of_rows_by_place(rows, groups),
            Places::Sparse(_) => self.of_rows_by_hash(rows, groups),
        }
        Ok(())
    }

    fn of_rows_by_place(&mut self, rows: usize, groups: &mut Vec<usize>) {
        let Places::Dense(places) = &mut self.places else {
            return;
        };
        self.found.clear();
        self.found.resize(rows, 0);
        for column in &self.columns {
            for (place, number) in self.found.iter_mut().zip(&column.rows) {
                *place = *place << column.bits | u64::from(*number);
            }
        }
        for (row, place) in self.found.iter().enumerate() {
            let group = &mut places[*place as usize];
            if *group == NONE {
                *group = (self.numbers.len() / self.columns.len()) as u32;
                let numbers = self.columns.iter().map(|column| column.rows[row]);
                self.numbers.extend(numbers);
            }
            groups.push(*group as usize);
        }
    }

    fn of_rows_by_hash(&mut self, rows: usize, groups: &mut Vec<usize>) {
        let Places::Sparse(table) = &mut self.places else {
            return;
        };
        let width = self.columns.len();
        self.found.clear();
        self.found.resize(rows, 0);
        for column in &self.columns {
            for (hash, number) in self.found.iter_mut().zip(&column.rows) {
                *hash = mixed(*hash, *number);
            }
        }
        for (row, hash) in self.found.iter().enumerate() {
            let has = |group: &u32| {
                let own = &self.numbers[*group as usize * width..][..width];
                let mut columns = own.iter().zip(&self.columns);
                columns.all(|(number, column)| *number == column.rows[row])
            };
            let group = match table.find(*hash, has) {
                Some(group) => *group,
                None => {
                    let group = (self.numbers.len() / width) as u32;
                    let numbers = self.columns.iter().map(|column| column.rows[row]);
                    self.numbers.extend(numbers);
                    let hash_of =
                        |group: &u32| hash_of(&self.numbers[*group as usize * width..][..width]);
                    table.insert_unique(*hash, group, hash_of);
                    group
                }
            };
            groups.push(group as usize);
        }
    }

    /// Gives the groups places with room for the columns' numbers.
    fn lay_out(&mut self) {
        for column in &mut self.columns {
            while column.has_outgrown() {
                column.bits += 1;
            }
        }
        let width = self.columns.len();
        let bits: u32 = self.columns.iter().map(|column| column.bits).sum();
        let of_groups = (0..).zip(self.numbers.chunks_exact(width));
        if bits <= DENSE_BITS {
            let mut places = vec![NONE; 1 << bits];
            for (group, numbers) in of_groups {
                let numbers = numbers.iter().zip(&self.columns);
                let place = numbers.fold(0, |place: usize, (number, column)| {
                    place << column.bits | *number as usize
                });
                places[place] = group;
            }
            self.places = Places::Dense(places);
        } else if matches!(self.places, Places::Dense(_)) {
            let hash = |group: &u32| hash_of(&self.numbers[*group as usize * width..][..width]);
            let mut table = HashTable::with_capacity(self.len());
            for (group, numbers) in of_groups {
                table.insert_unique(hash_of(numbers), group, hash);
            }
            self.places = Places::Sparse(table);
        }
    }

    /// The texts of all groups, column by column.
    ///
    /// # Errors
    /// When the engine does not take the columns.
    pub(super) fn texts(&self) -> Result<Vec<ArrayRef>> {
        let width = self.columns.len();
        let columns = self.columns.iter().enumerate().map(|(at, column)| {
            let numbers = self.numbers.iter().skip(at).step_by(width).copied();
            let numbers = UInt32Array::from_iter_values(numbers);
            Ok(take(&column.texts(), &numbers, None)?)
        });
        columns.collect()
    }
}

fn mixed(hash: u64, number: u32) -> u64 {
    let mixed = (hash ^ u64::from(number)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed ^ mixed >> 32
}

fn hash_of(numbers: &[u32]) -> u64 {
    numbers.iter().fold(0, |hash, number| mixed(hash, *number))
}

impl Column {
    /// Numbers the rows of a batch.
    fn number(&mut self, key: &ArrayRef) -> Result<()> {
        let Self {
            dictionary,
            texts,
            bytes,
            rows,
            ..
        } = self;
        let mut number = |text: Option<&str>| {
            let (number, new) = texts.insert_full(text.map(Box::from));
            *bytes += text.filter(|_| new).map_or(0, str::len);
            number as u32
        };
        let absent = match key.null_count() {
            0 => 0,
            _ => number(self.null_is_empty.then_some("")),
        };
        dictionary.of_rows(key, absent, |text| number(Some(text)), rows)
    }

    fn has_outgrown(&self) -> bool {
        self.texts.len() > 1 << self.bits
    }

    fn texts(&self) -> StringViewArray {
        let mut all = StringViewBuilder::with_capacity(self.texts.len());
        for text in &self.texts {
            all.append_option(text.as_deref());
        }
        all.finish()
    }

    fn size(&self) -> usize {
        // A text, its hash, and its place in the table of these.
        let each = size_of::<Option<Box<str>>>() + 2 * size_of::<usize>();
        self.bytes
            + self.texts.capacity() * each
            + self.dictionary.size()
            + self.rows.capacity() * 4
    }
}
