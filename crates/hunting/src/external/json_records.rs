//! `json` and `multijson`: objects one after the other, each on one line or many, or in an array.

use std::ops::Range;

use bartizan_kql::types::Type;
use bytes::Bytes;
use serde_json::value::RawValue;

use super::Batches;
use super::texts::{Table, utf8};

pub(super) fn batches(mut table: Table, file: Bytes, skip_first: bool) -> Batches {
    let mut records = Records {
        text: utf8(file),
        at: 0,
        in_array: false,
        count: 0,
    };
    let mut skip = skip_first;
    let mut more = true;
    Box::new(std::iter::from_fn(move || {
        while more && !table.is_full() {
            match records.next() {
                Some(Ok(_)) if std::mem::take(&mut skip) => {}
                Some(Ok(range)) => match std::str::from_utf8(&records.text[range]) {
                    Ok(record) => {
                        if let Err(why) = table.json(record) {
                            return Some(Err(why));
                        }
                    }
                    Err(error) => return Some(Err(error.to_string())),
                },
                Some(Err(why)) => {
                    more = false;
                    return Some(Err(why));
                }
                None => more = false,
            }
        }
        (table.rows() > 0).then(|| table.batch(Type::Dynamic))
    }))
}

struct Records {
    text: Bytes,
    at: usize,
    in_array: bool,
    count: usize,
}

impl Records {
    /// Where the next object is.
    fn next(&mut self) -> Option<Result<Range<usize>, String>> {
        loop {
            let Some(byte) = self.text.get(self.at) else {
                return self
                    .in_array
                    .then(|| Err("its array of records does not end".to_owned()))
                    .inspect(|_| self.in_array = false);
            };
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' => {}
                b',' | b']' if self.in_array => self.in_array = *byte == b',',
                b'[' if !self.in_array => self.in_array = true,
                _ => break,
            }
            self.at += 1;
        }
        self.count += 1;
        let rest = &self.text[self.at..];
        let mut values = serde_json::Deserializer::from_slice(rest).into_iter::<&RawValue>();
        match values.next() {
            Some(Ok(value))
                if value.get().starts_with('{') && crate::json::is_valid(value.get()) =>
            {
                let range = self.at..self.at + values.byte_offset();
                self.at = range.end;
                Some(Ok(range))
            }
            _ => Some(Err(format!("its record {} is no JSON object", self.count))),
        }
    }
}
