//! Terms that are kept in memory, those used last, within a number of bytes.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What an entry takes besides its value.
const ENTRY: usize = 256;

/// Values by key.
#[derive(Debug)]
pub(crate) struct Kept<K, V> {
    limit: usize,
    entries: Mutex<Entries<K, V>>,
}

#[derive(Debug)]
struct Entries<K, V> {
    by_key: HashMap<K, Entry<V>>,
    bytes: usize,
    /// Raised by each use.
    clock: u64,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    bytes: usize,
    used: u64,
}

impl<K: Eq + Hash + Clone, V: Clone> Kept<K, V> {
    /// Keeps nothing yet, and never more than so many bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            entries: Mutex::new(Entries {
                by_key: HashMap::new(),
                bytes: 0,
                clock: 0,
            }),
        }
    }

    /// The value of a key.
    pub(crate) fn get(&self, key: &K) -> Option<V> {
        let mut entries = self.lock();
        entries.clock += 1;
        let clock = entries.clock;
        let entry = entries.by_key.get_mut(key)?;
        entry.used = clock;
        Some(entry.value.clone())
    }

    /// Keeps a value of so many bytes, and drops those that were not used for the longest time.
    pub(crate) fn put(&self, key: K, value: V, bytes: usize) {
        let bytes = bytes + ENTRY;
        if bytes > self.limit {
            return;
        }
        let mut entries = self.lock();
        entries.clock += 1;
        let used = entries.clock;
        let entry = Entry { value, bytes, used };
        entries.bytes += bytes;
        if let Some(old) = entries.by_key.insert(key, entry) {
            entries.bytes -= old.bytes;
        }
        if entries.bytes > self.limit {
            entries.drop_oldest(self.limit);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Entries<K, V>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash + Clone, V> Entries<K, V> {
    fn drop_oldest(&mut self, limit: usize) {
        let mut ages: Vec<(u64, K)> = self
            .by_key
            .iter()
            .map(|(key, entry)| (entry.used, key.clone()))
            .collect();
        ages.sort_unstable_by_key(|(used, _)| *used);
        for (_, key) in ages {
            if self.bytes <= limit {
                return;
            }
            if let Some(entry) = self.by_key.remove(&key) {
                self.bytes -= entry.bytes;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_go_first_and_what_is_too_large_is_not_kept() {
        let kept = Kept::new(3 * (ENTRY + 10));
        for key in 0..3 {
            kept.put(key, key, 10);
        }
        assert_eq!(kept.get(&0), Some(0));
        kept.put(3, 3, 10);
        assert_eq!((kept.get(&0), kept.get(&1)), (Some(0), None));
        kept.put(3, 4, 10);
        assert_eq!((kept.get(&2), kept.get(&3)), (Some(2), Some(4)));
        kept.put(5, 5, 10_000);
        assert_eq!((kept.get(&5), kept.get(&3)), (None, Some(4)));
    }
}
