//! What earlier events said that later rows need: processes, logon sessions, connections, hosts.
//!
//! A hunting row repeats facts that its source event does not carry: who started the process that
//! wrote the file, which account a logon id belongs to. The correlator keeps them in bounded
//! memory; when a bound is reached the facts that were not used for longest go first, and rows
//! after that have fewer columns filled. Nothing is ever guessed in their place.

pub mod clock;
pub mod hosts;
pub mod logons;
pub mod network;
pub mod processes;
pub mod recent;

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use recent::Recent;

/// A host, by a hash of its lower-case name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostKey(pub u64);

impl HostKey {
    /// The key of a host's name.
    #[must_use]
    pub fn of(name: &str) -> Self {
        // The default hasher's keys are fixed, so the same stream gives the same state.
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// How many facts of each kind are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Processes, over all hosts.
    pub processes: usize,
    /// Logon sessions, accounts and security identifiers, each.
    pub logons: usize,
    /// Connections remembered against duplicates.
    pub connections: usize,
    /// Hosts.
    pub hosts: usize,
}

impl Default for Capacity {
    /// About 100 MB when everything is full.
    fn default() -> Self {
        Self {
            processes: 40_000,
            logons: 20_000,
            connections: 40_000,
            hosts: 10_000,
        }
    }
}

/// The facts of one stream of events.
#[derive(Debug)]
pub struct Correlator {
    /// Processes by GUID and by id.
    pub processes: processes::Processes,
    /// Logon sessions and accounts.
    pub logons: logons::Logons,
    /// Connections that Sysmon reported.
    pub connections: network::Connections,
    /// Hosts, their addresses and systems.
    pub hosts: hosts::Hosts,
    /// How far each host's log time is from UTC.
    pub clocks: clock::Clocks,
    /// Open handles to files: host, process and handle to path.
    pub handles: Recent<(HostKey, i64, i64), String>,
    /// WMI filters and consumers by host and name, waiting for their binding.
    pub wmi: Recent<(HostKey, String), BTreeMap<String, String>>,
}

impl Correlator {
    /// An empty correlator.
    #[must_use]
    pub fn new(capacity: Capacity) -> Self {
        Self {
            processes: processes::Processes::new(capacity.processes),
            logons: logons::Logons::new(capacity.logons),
            connections: network::Connections::new(capacity.connections),
            hosts: hosts::Hosts::new(capacity.hosts),
            clocks: clock::Clocks::new(capacity.hosts),
            handles: Recent::new(capacity.connections),
            wmi: Recent::new(1_000),
        }
    }
}
