//! A map that forgets what was not used for longest.

use std::collections::HashMap;
use std::hash::Hash;

/// A bounded map of two generations. New and used entries live in the young one; when it is full it
/// becomes the old one and the former old one is dropped. At most twice the capacity is held, every
/// operation is constant time, and there is no bookkeeping per entry.
#[derive(Debug)]
pub struct Recent<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    capacity: usize,
}

impl<K: Hash + Eq + Clone, V> Recent<K, V> {
    /// A map that keeps at least the last `capacity` entries (one, if zero is asked).
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
            capacity: capacity.max(1),
        }
    }

    /// Looks an entry up and keeps it young.
    pub fn get(&mut self, key: &K) -> Option<&mut V> {
        if !self.young.contains_key(key) {
            let (key, value) = self.old.remove_entry(key)?;
            self.insert(key, value);
        }
        self.young.get_mut(key)
    }

    /// Looks an entry up without keeping it young.
    #[must_use]
    pub fn peek(&self, key: &K) -> Option<&V> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    /// Whether there is such an entry.
    #[must_use]
    pub fn contains(&self, key: &K) -> bool {
        self.young.contains_key(key) || self.old.contains_key(key)
    }

    /// Puts an entry in, over any of the same key.
    pub fn insert(&mut self, key: K, value: V) {
        if !self.young.contains_key(&key) {
            self.make_room();
        }
        self.old.remove(&key);
        self.young.insert(key, value);
    }

    /// The entry, made when it is not there.
    pub fn entry(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        if !self.young.contains_key(&key) {
            match self.old.remove(&key) {
                Some(value) => self.insert(key.clone(), value),
                None => self.make_room(),
            }
        }
        self.young.entry(key).or_insert_with(make)
    }

    fn make_room(&mut self) {
        if self.young.len() >= self.capacity {
            self.old = std::mem::take(&mut self.young);
        }
    }

    /// Takes an entry out.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        self.young.remove(key).or_else(|| self.old.remove(key))
    }

    /// How many entries are held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// Whether nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn used_entries_stay_and_others_go() {
        let mut map = Recent::new(10);
        map.insert(-1, "kept");
        for i in 0..1_000 {
            map.insert(i, "x");
            assert_eq!(map.get(&-1), Some(&mut "kept"));
            assert!(map.len() <= 20);
        }
        assert!(map.contains(&999));
        assert!(!map.contains(&0));
        assert_eq!(map.remove(&999), Some("x"));
        assert_eq!(*map.entry(999, || "new"), "new");
    }
}
