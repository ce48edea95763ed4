//! What tokens of applications were decided from, kept while the directory stays as it was.
//!
//! Facts are kept only after they led to a token, so that nobody without a credential decides what is kept. They are used
//! only while the directory has the revision that they were read at (`bartizan_store::revision`), which every request
//! asks anew: a secret that was deleted, a consent that was withdrawn or an application that was disabled counts from
//! the next request on, whichever server wrote it. The decision itself is made for each request, times and the
//! comparison of secrets included.

use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bartizan_contract::AppId;
use bartizan_identity::TenantPath;
use bartizan_identity::grant::client_credentials::Facts;
use bartizan_store::revision::Revision;

use crate::identity::client::LastUses;
use crate::trail::Parties;

/// How many clients are kept in each of two generations. A client takes about a kilobyte.
const GENERATION: usize = 65_536;

/// Which facts: what a request names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// The tenant, as the path names it.
    pub(super) tenant: TenantPath,
    /// The client.
    pub(super) client: AppId,
    /// The resource, as it was asked for.
    pub(super) resource: String,
}

/// What is known of a client.
#[derive(Debug)]
pub(super) struct Known {
    /// The state of the directory that it was read from.
    pub(super) revision: Revision,
    /// What decisions need.
    pub(super) facts: Facts,
    /// When its credentials were used; none when there is no such client.
    pub(super) uses: Option<LastUses>,
    /// Whom the trail names.
    pub(super) parties: Option<Arc<Parties>>,
}

impl Known {
    /// Nothing: for a path that names no tenant.
    pub(super) fn nothing(revision: Revision) -> Self {
        Self {
            revision,
            facts: Facts::default(),
            uses: None,
            parties: None,
        }
    }
}

/// Clients that got tokens lately.
#[derive(Debug, Default)]
pub struct KnownClients(Mutex<Generations>);

/// What was used since `recent` was begun, and what was used in the time before that.
#[derive(Debug, Default)]
struct Generations {
    recent: HashMap<Key, Arc<Known>>,
    before: HashMap<Key, Arc<Known>>,
}

impl KnownClients {
    /// What is known of a client, if it is of this revision.
    pub(super) fn get(&self, key: &Key, revision: Revision) -> Option<Arc<Known>> {
        let mut generations = self.generations();
        if let Some(known) = generations.recent.get(key) {
            return (known.revision == revision).then(|| Arc::clone(known));
        }
        let (key, known) = generations.before.remove_entry(key)?;
        if known.revision != revision {
            return None;
        }
        generations.put(key, Arc::clone(&known));
        Some(known)
    }

    /// Keeps what led to a token.
    pub(super) fn keep(&self, key: Key, known: Arc<Known>) {
        self.generations().put(key, known);
    }

    // Every change of the maps is complete in itself.
    fn generations(&self) -> MutexGuard<'_, Generations> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Generations {
    fn put(&mut self, key: Key, known: Arc<Known>) {
        if self.recent.len() >= GENERATION && !self.recent.contains_key(&key) {
            self.before = mem::take(&mut self.recent);
        }
        self.recent.insert(key, known);
    }
}
