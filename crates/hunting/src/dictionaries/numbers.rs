//! Numbers of the texts of dictionaries.

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, StringArray};
use arrow::datatypes::{DataType, UInt32Type};
use datafusion::common::{Result, internal_datafusion_err};

/// How a dictionary's places are counted in columns that are read as dictionaries.
pub(super) type Place = UInt32Type;

/// The type of columns that are read as dictionaries.
pub(super) fn dictionary_type() -> DataType {
    DataType::Dictionary(Box::new(Place::DATA_TYPE), Box::new(DataType::Utf8))
}

/// No number yet.
const NONE: u32 = u32::MAX;

/// The numbers of the texts of one dictionary after the other. A text's number is asked for once per dictionary.
#[derive(Default)]
pub(crate) struct DictionaryNumbers {
    /// The dictionary. It is held on to, so that no other takes its place in memory.
    texts: Option<StringArray>,
    numbers: Vec<u32>,
}

impl DictionaryNumbers {
    /// Calls `each` with rows that have a text, and its number; `number` says what the number of a text is.
    ///
    /// # Errors
    /// When a column is no dictionary of texts, or names a place that its dictionary does not have, as broken files do.
    pub(crate) fn each(
        &mut self,
        column: &ArrayRef,
        mut number: impl FnMut(&str) -> u32,
        mut each: impl FnMut(usize, u32),
    ) -> Result<()> {
        let dictionary = column.as_dictionary_opt::<Place>();
        let texts = dictionary.and_then(|d| Some((d, d.values().as_string_opt::<i32>()?)));
        let Some((dictionary, texts)) = texts else {
            return Err(internal_datafusion_err!(
                "{} is no dictionary of texts",
                column.data_type()
            ));
        };
        self.turn_to(texts);
        let mut look_up = |row: usize, place: u32| {
            let known = self.numbers.get_mut(place as usize).ok_or_else(|| {
                internal_datafusion_err!("there is no place {place} in a dictionary")
            })?;
            if *known == NONE {
                *known = number(texts.value(place as usize));
            }
            each(row, *known);
            Ok(())
        };
        let places = dictionary.keys().values();
        match dictionary.nulls() {
            None => (0..)
                .zip(places)
                .try_for_each(|(row, place)| look_up(row, *place)),
            Some(nulls) => nulls
                .valid_indices()
                .try_for_each(|row| look_up(row, places[row])),
        }
    }

    /// Forgets what is known, because numbers change.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Bytes held.
    pub(crate) fn size(&self) -> usize {
        let texts = self.texts.as_ref();
        let texts = texts.map_or(0, |texts| texts.get_buffer_memory_size());
        self.numbers.capacity() * size_of::<u32>() + texts
    }

    /// Forgets the numbers of another dictionary's texts.
    fn turn_to(&mut self, texts: &StringArray) {
        if !self.texts.as_ref().is_some_and(|known| same(known, texts)) {
            self.texts = Some(texts.clone());
            self.numbers.clear();
            self.numbers.resize(texts.len(), NONE);
        }
    }
}

/// Whether two arrays are the same texts in memory.
fn same(one: &StringArray, other: &StringArray) -> bool {
    one.len() == other.len()
        && one.value_data().as_ptr() == other.value_data().as_ptr()
        && one.value_offsets().as_ptr() == other.value_offsets().as_ptr()
}
