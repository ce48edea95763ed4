//! Numbers of the texts of dictionaries.

use arrow::array::{
    Array as _, ArrayRef, ArrowPrimitiveType, AsArray, DictionaryArray, StringArray,
};
use arrow::datatypes::{DataType, UInt32Type};
use datafusion::common::{Result, internal_datafusion_err};

/// How a dictionary's places are counted in columns that are read as dictionaries.
pub(crate) type Place = UInt32Type;

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
    /// Puts the number of each row's text into `rows`, and `absent` for rows that have none; `number` says what the number
    /// of a text is, [`u32::MAX`] being none.
    ///
    /// # Errors
    /// When a column is no dictionary of texts, or names a place that its dictionary does not have, as broken files do.
    pub(crate) fn of_rows(
        &mut self,
        column: &ArrayRef,
        absent: u32,
        mut number: impl FnMut(&str) -> u32,
        rows: &mut Vec<u32>,
    ) -> Result<()> {
        let (dictionary, texts) = self.turn_to(column)?;
        let places = dictionary.keys().values();
        rows.clear();
        let numbers = &self.numbers;
        let known = |place: &u32| numbers.get(*place as usize).copied().unwrap_or(NONE);
        let Some(nulls) = dictionary.nulls().filter(|nulls| nulls.null_count() > 0) else {
            rows.extend(places.iter().map(known));
            // Most batches have no text that is new.
            if rows.contains(&NONE) {
                for (row, place) in rows.iter_mut().zip(places) {
                    *row = self.of_place(*place, texts, &mut number)?;
                }
            }
            return Ok(());
        };
        rows.resize(places.len(), absent);
        for row in nulls.valid_indices() {
            rows[row] = self.of_place(places[row], texts, &mut number)?;
        }
        Ok(())
    }

    /// The number of the text at a place of the dictionary that was turned to, whose texts these are; asked for when it is
    /// not known.
    ///
    /// # Errors
    /// When the dictionary has no such place.
    pub(crate) fn of_place(
        &mut self,
        place: u32,
        texts: &StringArray,
        number: impl FnOnce(&str) -> u32,
    ) -> Result<u32> {
        let known = self
            .numbers
            .get_mut(place as usize)
            .ok_or_else(|| internal_datafusion_err!("there is no place {place} in a dictionary"))?;
        if *known == NONE {
            *known = number(texts.value(place as usize));
        }
        Ok(*known)
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

    /// A column as a dictionary, and its texts; numbers of another dictionary's texts are forgotten.
    ///
    /// # Errors
    /// When the column is no dictionary of texts.
    pub(crate) fn turn_to<'c>(
        &mut self,
        column: &'c ArrayRef,
    ) -> Result<(&'c DictionaryArray<Place>, &'c StringArray)> {
        let dictionary = column.as_dictionary_opt::<Place>();
        let texts = dictionary.and_then(|d| Some((d, d.values().as_string_opt::<i32>()?)));
        let (dictionary, texts) = texts.ok_or_else(|| {
            internal_datafusion_err!("{} is no dictionary of texts", column.data_type())
        })?;
        if !self.texts.as_ref().is_some_and(|known| same(known, texts)) {
            self.texts = Some(texts.clone());
            self.numbers.clear();
            self.numbers.resize(texts.len(), NONE);
        }
        Ok((dictionary, texts))
    }
}

/// Whether two arrays are the same texts in memory.
fn same(one: &StringArray, other: &StringArray) -> bool {
    one.len() == other.len()
        && one.value_data().as_ptr() == other.value_data().as_ptr()
        && one.value_offsets().as_ptr() == other.value_offsets().as_ptr()
}
