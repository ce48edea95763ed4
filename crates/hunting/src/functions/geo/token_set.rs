//! The order in which the service gives the tokens of a set: that of the hash set of the library that it is built with,
//! as the examples of the pages "geo-s2cell-neighbors-function" and "geo-polygon-to-h3cells-function" show it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// The buckets that a set begins with.
const BUCKETS: u64 = 8;
/// From so many on the buckets are doubled; before that they become eight times as many.
const MANY: u64 = 512;

/// Values in the order of a set of their tokens. No token may be there twice.
///
/// What comes into an empty bucket is at the end, what comes into another is before what that holds. When there are
/// more values than buckets, all are put into more of these in the order that they have by then.
pub(super) fn in_set_order<T>(values: Vec<T>, token: impl Fn(&T) -> String) -> Vec<T> {
    let mut buckets = Buckets::of(BUCKETS);
    for value in values {
        if buckets.len == buckets.count {
            let more = if buckets.count < MANY { 8 } else { 2 };
            buckets = buckets.in_as_many(more);
        }
        buckets.push(fnv(token(&value).as_bytes()), value);
    }
    buckets.into_ordered().map(|(_, value)| value).collect()
}

/// A set's buckets in the order in which each got its first value, the values of each from the oldest on.
struct Buckets<T> {
    count: u64,
    len: u64,
    places: HashMap<u64, usize>,
    values: Vec<Vec<(u64, T)>>,
}

impl<T> Buckets<T> {
    fn of(count: u64) -> Self {
        Self {
            count,
            len: 0,
            places: HashMap::new(),
            values: Vec::new(),
        }
    }

    fn push(&mut self, hash: u64, value: T) {
        self.len += 1;
        match self.places.entry(hash % self.count) {
            Entry::Occupied(place) => self.values[*place.get()].push((hash, value)),
            Entry::Vacant(place) => {
                place.insert(self.values.len());
                self.values.push(vec![(hash, value)]);
            }
        }
    }

    fn into_ordered(self) -> impl Iterator<Item = (u64, T)> {
        let newest_first = |bucket: Vec<(u64, T)>| bucket.into_iter().rev();
        self.values.into_iter().flat_map(newest_first)
    }

    fn in_as_many(self, times: u64) -> Self {
        let mut more = Self::of(self.count * times);
        self.into_ordered()
            .for_each(|(hash, value)| more.push(hash, value));
        more
    }
}

/// FNV-1a in 64 bits.
fn fnv(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put<'t>(list: &mut Vec<&'t String>, token: &'t String, buckets: u64) {
        let bucket = |t: &String| fnv(t.as_bytes()) % buckets;
        let first = list.iter().position(|t| bucket(t) == bucket(token));
        list.insert(first.unwrap_or(list.len()), token);
    }

    /// The order by a list in which each value is put to its place.
    fn plainly(tokens: &[String]) -> Vec<String> {
        let (mut list, mut buckets) = (Vec::new(), BUCKETS);
        for token in tokens {
            if list.len() as u64 == buckets {
                buckets *= if buckets < MANY { 8 } else { 2 };
                for token in std::mem::take(&mut list) {
                    put(&mut list, token, buckets);
                }
            }
            put(&mut list, token, buckets);
        }
        list.into_iter().cloned().collect()
    }

    #[test]
    fn the_order_is_that_of_a_list_with_buckets() {
        assert_eq!(fnv(b"a"), 0xaf63_dc4c_8601_ec8c);
        for count in [0, 1, 8, 9, 13, 65, 700] {
            let tokens: Vec<String> = (0..count).map(|i| format!("{:x}", i * 7_919)).collect();
            assert_eq!(
                in_set_order(tokens.clone(), String::clone),
                plainly(&tokens)
            );
        }
    }
}
