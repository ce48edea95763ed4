//! Upkeep of files: merging small ones, dropping old ones, deleting what is out of use.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bartizan_contract::TenantId;
use bartizan_contract::hunting::Table;
use bartizan_store::segments::{self, EventFile, Tables};
use futures::StreamExt as _;

use super::convert::adapt;
use super::error::EventsError;
use super::files::{Staged, blocking};
use super::schema::file_schema;
use super::{EventStore, now_micros};
use crate::terms::SUFFIX;

/// Files merged at a time: each holds a batch in memory.
const MAX_INPUTS: usize = 32;
const MICROS_PER_DAY: i64 = 86_400_000_000;

/// What a compaction did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Compacted {
    /// Files that went out of use.
    pub from: usize,
    /// Files that hold their rows now.
    pub to: usize,
}

/// What a sweep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Files deleted that had gone out of use.
    pub removed: usize,
    /// Files deleted that no catalogue knew.
    pub orphans: usize,
    /// Batch ids forgotten.
    pub batches: u64,
}

impl EventStore {
    /// Merges small files of the same tenant, table and day into larger ones, each merge one
    /// transaction of the catalogue. Hunts under way keep the files they began with.
    ///
    /// # Errors
    /// [`EventsError`]; every merge that was committed stays.
    pub async fn compact(self: &Arc<Self>) -> Result<Compacted, EventsError> {
        let _turn = self.rewriting.lock().await;
        let below = self.settings.compact_below as i64;
        let mut tx = self.store.read().await?;
        let small = segments::small_files(&mut tx, below).await?;
        drop(tx);
        let target = self.settings.compact_target as i64;
        let mut compacted = Compacted::default();
        for group in groups(small, target, self.settings.compact_files) {
            let Some(table) = bartizan_contract::hunting::table(&group[0].table) else {
                continue;
            };
            let merged = self.merge(table, &group).await?;
            let now = now_micros();
            let mut tx = self.store.write_aside().await?;
            segments::replace_files(&mut tx, &group, std::slice::from_ref(&merged), now).await?;
            tx.commit().await?;
            compacted.from += group.len();
            compacted.to += 1;
        }
        Ok(compacted)
    }

    async fn merge(
        self: &Arc<Self>,
        table: &'static Table,
        files: &[EventFile],
    ) -> Result<EventFile, EventsError> {
        let mut rows = self.sorted_rows(table, files).await?;
        let schema = file_schema(table);
        let count = files.iter().map(|file| file.rows).sum();
        let mut writer = self.files.begin(table, count)?;
        while let Some(batch) = rows.next().await {
            let batch = adapt(&batch?, &schema)?;
            writer = blocking(move || writer.write(&batch)).await?;
        }
        let staged: Staged = blocking(move || writer.finish()).await?;
        let tenant = files[0].tenant;
        let path = self.files.publish(tenant, table.name, &staged).await?;
        let seqs = files.iter().fold((i64::MAX, 0), |(first, last), file| {
            (first.min(file.first_seq), last.max(file.last_seq))
        });
        Ok(staged.entry(path, tenant, table.name, seqs, now_micros()))
    }

    /// Takes files out of use whose every row is older at a moment, microseconds since 1970, than its table's retention
    /// ([`Settings::retention`], [`Settings::retention_of`]). Returns how many.
    ///
    /// # Errors
    /// [`EventsError::Store`].
    ///
    /// [`Settings::retention`]: super::Settings::retention
    /// [`Settings::retention_of`]: super::Settings::retention_of
    pub async fn expire(&self, now: i64) -> Result<u64, EventsError> {
        let before = |retention: Duration| now - retention.as_micros() as i64;
        let own = &self.settings.retention_of;
        let mut rules: Vec<(Tables<'_>, i64)> = Vec::new();
        for (table, retention) in own {
            rules.extend(retention.map(|retention| (Tables::Only(table), before(retention))));
        }
        let tables: Vec<&str> = own.keys().map(String::as_str).collect();
        if let Some(retention) = self.settings.retention {
            rules.push((Tables::AllBut(&tables), before(retention)));
        }
        if rules.is_empty() {
            return Ok(0);
        }
        let _turn = self.rewriting.lock().await;
        let mut tx = self.store.write_aside().await?;
        let mut expired = 0;
        for (tables, before) in rules {
            expired += segments::expire_files(&mut tx, tables, before, now_micros()).await?;
        }
        tx.commit().await?;
        Ok(expired)
    }

    /// Takes every row of a tenant out of use, those in memory included, and takes no more of it until the store is opened
    /// again: appending fails with [`EventsError::Gone`]. The files are deleted by a later [`EventStore::sweep`]. Returns
    /// how many they are.
    ///
    /// # Errors
    /// [`EventsError`]; then rows may be left, do it again.
    pub async fn delete_tenant(self: &Arc<Self>, tenant: TenantId) -> Result<u64, EventsError> {
        // Waits for what is being appended.
        self.gone.write().await.insert(tenant);
        // What is in memory and log must be in files first, else a restart would bring it back.
        self.flush().await?;
        let _turn = self.rewriting.lock().await;
        let mut tx = self.store.write_aside().await?;
        let removed = segments::remove_tenant(&mut tx, tenant, now_micros()).await?;
        tx.commit().await?;
        Ok(removed)
    }

    /// Deletes files that went out of use long enough ago, files that no catalogue knows, and old
    /// batch ids, as of a moment in microseconds since 1970.
    ///
    /// # Errors
    /// [`EventsError`]; what is left is for the next sweep.
    pub async fn sweep(&self, now: i64) -> Result<Swept, EventsError> {
        let micros = |duration: Duration| duration.as_micros() as i64;
        let mut swept = Swept::default();
        let mut tx = self.store.read().await?;
        let removed =
            segments::removed_paths(&mut tx, now - micros(self.settings.removed_grace)).await?;
        drop(tx);
        for path in &removed {
            // The file first: a row without its file only means another try.
            self.files.delete(path).await?;
        }
        // Listed before the catalogue is read: a file that appears between is not looked at.
        let objects = self.files.list().await?;
        let mut tx = self.store.read().await?;
        let known: HashSet<String> = segments::all_paths(&mut tx).await?.into_iter().collect();
        drop(tx);
        let orphaned = now - micros(self.settings.orphan_grace);
        for object in objects {
            let path = object.location.as_ref();
            let known = known.contains(path.strip_suffix(SUFFIX).unwrap_or(path));
            if object.last_modified.timestamp_micros() < orphaned && !known {
                tracing::info!(path, "orphaned event file deleted");
                self.files.delete(path).await?;
                swept.orphans += 1;
            }
        }
        let mut tx = self.store.write_aside().await?;
        for path in &removed {
            segments::forget_file(&mut tx, path).await?;
        }
        let forgotten = now - micros(self.settings.batch_memory);
        swept.batches = segments::forget_batches(&mut tx, forgotten).await?;
        tx.commit().await?;
        swept.removed = removed.len();
        Ok(swept)
    }
}

/// Groups of files to merge: neighbours in time of the same tenant, table and day, at least
/// `count` of them or enough for a file of the target's size. The files come sorted so.
fn groups(files: Vec<EventFile>, target: i64, count: usize) -> Vec<Vec<EventFile>> {
    let key = |file: &EventFile| {
        let day = file.max_time.map(|time| time.div_euclid(MICROS_PER_DAY));
        (file.tenant, file.table.clone(), day)
    };
    let mut groups: Vec<Vec<EventFile>> = Vec::new();
    let mut bytes = 0;
    for file in files {
        match groups.last_mut() {
            Some(group)
                if key(&group[0]) == key(&file) && bytes < target && group.len() < MAX_INPUTS =>
            {
                bytes += file.bytes;
                group.push(file);
            }
            _ => {
                bytes = file.bytes;
                groups.push(vec![file]);
            }
        }
    }
    groups.retain(|group| {
        let bytes: i64 = group.iter().map(|file| file.bytes).sum();
        group.len() > 1 && (group.len() >= count || bytes >= target)
    });
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(table: &str, day: i64, bytes: i64) -> EventFile {
        EventFile {
            path: String::new(),
            tenant: TenantId::from_u128(1),
            table: table.to_owned(),
            rows: 1,
            bytes,
            min_time: None,
            max_time: Some(day * MICROS_PER_DAY),
            first_seq: 1,
            last_seq: 1,
            created: 0,
        }
    }

    #[test]
    fn groups_keep_to_table_and_day_and_size() {
        let sizes = |files: Vec<EventFile>| {
            groups(files, 100, 3)
                .iter()
                .map(Vec::len)
                .collect::<Vec<_>>()
        };
        assert_eq!(sizes(vec![file("A", 1, 1); 3]), [3]);
        assert_eq!(sizes(vec![file("A", 1, 1); 2]), Vec::<usize>::new());
        assert_eq!(
            sizes(vec![file("A", 1, 60); 4]),
            [2, 2],
            "large enough two by two"
        );
        assert_eq!(sizes(vec![file("A", 1, 200)]), Vec::<usize>::new());
        let mixed = [
            vec![file("A", 1, 1); 3],
            vec![file("A", 2, 1); 2],
            vec![file("B", 2, 1); 3],
        ];
        assert_eq!(sizes(mixed.concat()), [3, 3]);
    }
}
