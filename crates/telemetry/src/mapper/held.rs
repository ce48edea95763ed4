//! Rows that wait a moment because a better report of the same thing usually follows.

use std::collections::{HashMap, VecDeque};

use bartizan_contract::value::Row;

use crate::correlator::HostKey;
use crate::correlator::network::{Flow, WINDOW};

/// Lines after which a held row is given out.
const PATIENCE: u64 = 2_000;
/// Rows held at once.
const ROOM: usize = 4_000;

/// What a held row reports.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Subject {
    /// The start of a process, by host and process id.
    Start(HostKey, i64),
    /// A connection.
    Flow(Flow),
}

/// A subject at a time, in ticks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) subject: Subject,
    pub(super) at: i64,
}

/// The held rows, oldest first. Cancelled ones stay as empty places until their turn.
#[derive(Debug, Default)]
pub(super) struct Held {
    queue: VecDeque<(u64, Key, Option<Row>)>,
    index: HashMap<Subject, Vec<u64>>,
    lines: u64,
    next: u64,
}

impl Held {
    /// Counts a line and gives out the rows whose time has come.
    pub(super) fn due(&mut self) -> Vec<Row> {
        self.lines += 1;
        let mut rows = Vec::new();
        while self
            .queue
            .front()
            .is_some_and(|(line, ..)| line + PATIENCE <= self.lines)
        {
            rows.extend(self.pop());
        }
        rows
    }

    /// Holds a row; gives out the oldest if there is no room.
    pub(super) fn push(&mut self, key: Key, row: Row) -> Option<Row> {
        let given_out = if self.queue.len() >= ROOM {
            self.pop()
        } else {
            None
        };
        self.index
            .entry(key.subject.clone())
            .or_default()
            .push(self.next);
        self.next += 1;
        self.queue.push_back((self.lines, key, Some(row)));
        given_out
    }

    /// Drops the rows that report the same thing at the same time.
    pub(super) fn cancel(&mut self, key: &Key) {
        let first = self.next - self.queue.len() as u64;
        let Some(places) = self.index.get(&key.subject) else {
            return;
        };
        for place in places {
            let Some(index) = place.checked_sub(first) else {
                continue;
            };
            if let Some((_, held, row)) = self.queue.get_mut(index as usize)
                && (held.at - key.at).abs() <= WINDOW
            {
                *row = None;
            }
        }
    }

    /// Gives out everything.
    pub(super) fn all(&mut self) -> Vec<Row> {
        let mut rows = Vec::new();
        while !self.queue.is_empty() {
            rows.extend(self.pop());
        }
        rows
    }

    fn pop(&mut self) -> Option<Row> {
        let place = self.next - self.queue.len() as u64;
        let (_, key, row) = self.queue.pop_front()?;
        if let Some(places) = self.index.get_mut(&key.subject) {
            places.retain(|p| *p != place);
            if places.is_empty() {
                self.index.remove(&key.subject);
            }
        }
        row
    }
}

#[cfg(test)]
mod tests {
    use bartizan_contract::hunting::TABLES;

    use super::*;

    fn key(pid: i64, at: i64) -> Key {
        Key {
            subject: Subject::Start(HostKey(1), pid),
            at,
        }
    }

    #[test]
    fn cancelled_rows_never_come_out() {
        let mut held = Held::default();
        for pid in 0..10 {
            assert_eq!(held.push(key(pid, 0), Row::empty(&TABLES[0])), None);
        }
        held.cancel(&key(3, WINDOW));
        held.cancel(&key(4, WINDOW + 1));
        for _ in 0..PATIENCE - 1 {
            assert!(held.due().is_empty());
        }
        assert_eq!(held.due().len(), 9);
        assert!(held.all().is_empty() && held.index.is_empty());
    }

    #[test]
    fn room_is_bounded() {
        let mut held = Held::default();
        let out = (0..5_000)
            .filter_map(|pid| held.push(key(pid, 0), Row::empty(&TABLES[0])))
            .count();
        assert_eq!(out, 1_000);
        held.cancel(&key(4_999, 0));
        assert_eq!(held.all().len(), ROOM - 1);
    }
}
