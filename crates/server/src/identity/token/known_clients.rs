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
use bartizan_identity::client_auth::Credentials;
use bartizan_identity::grant::client_credentials::Facts;
use bartizan_store::revision::Revision;
use serde_json::Value as Json;

use super::facts::Wanted;
use crate::identity::client::LastUses;
use crate::trail::Parties;

/// How many entries each of two generations has at most.
const GENERATION: usize = 65_536;
/// How many bytes each of two generations has at most, as [`weight`] counts them.
const GENERATION_BYTES: usize = 64 << 20;
/// What an entry takes without its texts, bytes.
const ENTRY: usize = 768;

/// Which facts: what a request names, in one form for all its spellings. Facts are kept only for what the directory has,
/// so there are no more keys than it has tenants, clients and resources.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// The tenant, as the path names it.
    pub(super) tenant: TenantPath,
    /// The client.
    pub(super) client: AppId,
    /// The resource.
    pub(super) resource: Wanted,
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

/// What was used since `recent` was begun, and what was used in the time before that; all of one revision.
#[derive(Debug, Default)]
struct Generations {
    revision: Option<Revision>,
    recent: Generation,
    before: Generation,
}

/// Entries, and what they weigh together.
#[derive(Debug, Default)]
struct Generation {
    entries: HashMap<Key, Entry>,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    known: Arc<Known>,
    bytes: usize,
}

/// What is kept no more. Let go of only when the lock is free: it may be much.
type Dropped = (Generation, Generation);

impl KnownClients {
    /// What is known of a client, if it is of this revision.
    pub(super) fn get(&self, key: &Key, revision: Revision) -> Option<Arc<Known>> {
        let mut generations = self.generations();
        if generations.revision != Some(revision) {
            return None;
        }
        if let Some(entry) = generations.recent.entries.get(key) {
            return Some(Arc::clone(&entry.known));
        }
        let (key, entry) = generations.before.remove(key)?;
        let known = Arc::clone(&entry.known);
        let dropped = generations.put(key, entry);
        drop(generations);
        drop(dropped);
        Some(known)
    }

    /// Keeps what led to a token. What is of an older revision is dropped, since nobody asks for it any more.
    pub(super) fn keep(&self, key: Key, known: Arc<Known>) {
        let entry = Entry {
            bytes: weight(&known),
            known,
        };
        let mut generations = self.generations();
        let dropped = generations.put(key, entry);
        drop(generations);
        drop(dropped);
    }

    /// How many entries are kept.
    #[must_use]
    pub fn kept(&self) -> usize {
        let generations = self.generations();
        generations.recent.entries.len() + generations.before.entries.len()
    }

    // Every change of the maps is complete in itself.
    fn generations(&self) -> MutexGuard<'_, Generations> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Generations {
    fn put(&mut self, key: Key, entry: Entry) -> Dropped {
        let revision = Some(entry.known.revision);
        let mut dropped = Dropped::default();
        if revision < self.revision {
            return dropped;
        }
        if revision > self.revision {
            dropped = (mem::take(&mut self.recent), mem::take(&mut self.before));
            self.revision = revision;
        }
        self.recent.remove(&key);
        if self.recent.is_full_for(entry.bytes) {
            dropped.1 = mem::replace(&mut self.before, mem::take(&mut self.recent));
        }
        // One place for each key, so that it is counted once.
        self.before.remove(&key);
        self.recent.bytes += entry.bytes;
        self.recent.entries.insert(key, entry);
        dropped
    }
}

impl Generation {
    fn is_full_for(&self, bytes: usize) -> bool {
        self.entries.len() >= GENERATION || self.bytes + bytes > GENERATION_BYTES
    }

    fn remove(&mut self, key: &Key) -> Option<(Key, Entry)> {
        let (key, entry) = self.entries.remove_entry(key)?;
        self.bytes -= entry.bytes;
        Some((key, entry))
    }
}

/// About how many bytes an entry takes: credentials make it large, twenty key sets of 64 KiB at the most.
fn weight(known: &Known) -> usize {
    let facts = &known.facts;
    let tenant = facts.tenant.iter().flat_map(|tenant| &tenant.domains);
    let roles = facts.resources.iter().flat_map(|one| &one.roles);
    let texts: usize = tenant.chain(roles).map(|text| text.len() + 24).sum();
    let application = facts.application.as_ref();
    let credentials = application.map_or(0, |known| credentials(&known.credentials));
    ENTRY + texts + facts.resources.len() * 96 + credentials
}

fn credentials(known: &Credentials) -> usize {
    // With what is kept of their last use.
    const EACH: usize = 96;
    let secrets = known.secrets.iter().map(|one| one.hash.len());
    let certificates = known.certificates.iter().map(|one| one.der.len());
    let federations = known.federations.iter().map(|one| {
        let texts = one.issuer.len() + one.subject.len() + one.audience.len();
        texts + one.key_set.as_deref().map_or(0, json)
    });
    let all = secrets.chain(certificates).chain(federations);
    all.map(|bytes| EACH + bytes).sum()
}

/// What a parsed document takes in memory, which can be many times its text.
fn json(value: &Json) -> usize {
    const VALUE: usize = 32;
    VALUE
        + match value {
            Json::String(text) => text.len(),
            Json::Array(items) => items.iter().map(json).sum(),
            // A node of the tree has room for eleven, be they there or not.
            Json::Object(members) => {
                let each = members
                    .iter()
                    .map(|(name, value)| 24 + name.len() + json(value));
                640 + each.sum::<usize>()
            }
            _ => 0,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(client: u128) -> Key {
        Key {
            tenant: TenantPath::Domain("contoso.example".to_owned()),
            client: AppId::from_u128(client),
            resource: Wanted::OwnOrigin,
        }
    }

    fn entry(bytes: usize) -> Entry {
        Entry {
            known: Arc::new(Known::nothing(Revision::default())),
            bytes,
        }
    }

    #[test]
    fn what_is_kept_has_a_bound_in_bytes() {
        let mut generations = Generations::default();
        for client in 0..1000 {
            generations.put(key(client), entry(GENERATION_BYTES / 10));
            let bytes = generations.recent.bytes + generations.before.bytes;
            assert!(bytes <= 2 * GENERATION_BYTES, "{bytes}");
        }
        assert_eq!(generations.recent.entries.len(), 10);
        assert_eq!(generations.before.entries.len(), 10);
        // The same again takes its own place.
        for _ in 0..1000 {
            generations.put(key(999), entry(1));
        }
        assert_eq!(generations.recent.entries.len(), 10);
        assert!(generations.recent.entries.contains_key(&key(999)));
    }

    #[test]
    fn a_document_weighs_no_less_than_its_text() {
        for text in [
            r#"{"keys":[{"kid":"a","n":"xyz"}]}"#,
            "[0,0,0,0]",
            "\"abc\"",
        ] {
            let value: Json = serde_json::from_str(text).expect("JSON");
            assert!(json(&value) >= text.len(), "{text}");
        }
    }
}
