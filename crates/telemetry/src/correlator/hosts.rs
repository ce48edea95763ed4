//! Hosts: their names, addresses and systems, as far as events tell.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use bartizan_contract::time::TICKS_PER_HOUR;

use super::HostKey;
use super::recent::Recent;
use crate::parse::account::Account;

/// Addresses kept per host and hour.
const ADDRESSES: usize = 32;
/// Users kept per host and hour.
const USERS: usize = 16;

/// A host under its final name.
#[derive(Debug, PartialEq, Eq)]
pub struct Device {
    /// Lower-case fully qualified name.
    pub name: String,
    /// 40 hexadecimal digits.
    pub id: String,
}

/// What one hour of events showed of a host: the source of one inventory row of each kind.
#[derive(Debug, Clone, Default)]
pub struct Sighting {
    /// The last event of the hour, in ticks.
    pub last: i64,
    /// Own addresses.
    pub addresses: BTreeSet<IpAddr>,
    /// People with a session: domain, name, SID.
    pub users: BTreeSet<(String, String, String)>,
}

/// The system of a host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct System {
    /// Windows' build number.
    pub build: Option<i64>,
    /// The revision of the build.
    pub revision: Option<i64>,
    /// Whether it answers for a domain.
    pub domain_controller: bool,
}

/// All hosts.
#[derive(Debug)]
pub struct Hosts {
    devices: Recent<HostKey, Arc<Device>>,
    systems: Recent<HostKey, System>,
    /// First label to fully qualified name; an empty name when two domains share the label.
    qualified: Recent<String, String>,
    by_address: Recent<IpAddr, String>,
    sightings: BTreeMap<(i64, HostKey), Sighting>,
    capacity: usize,
}

impl Hosts {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            devices: Recent::new(capacity),
            systems: Recent::new(capacity),
            qualified: Recent::new(capacity),
            by_address: Recent::new(capacity),
            sightings: BTreeMap::new(),
            capacity,
        }
    }

    /// The full name of a host. A bare name is completed when exactly one host of that name has
    /// been seen with its domain: hosts report bare names until they have joined.
    pub fn full_name(&mut self, computer: &str) -> String {
        let lower = computer.trim().trim_end_matches('.').to_lowercase();
        match lower.split_once('.') {
            Some((label, _)) => {
                let known = self.qualified.entry(label.to_owned(), || lower.clone());
                if *known != lower {
                    known.clear();
                }
                lower
            }
            None => match self.qualified.get(&lower) {
                Some(full) if !full.is_empty() => full.clone(),
                _ => lower,
            },
        }
    }

    /// The device of a name, made by `make` the first time.
    pub fn device(&mut self, key: HostKey, make: impl FnOnce() -> Device) -> Arc<Device> {
        Arc::clone(self.devices.entry(key, || Arc::new(make())))
    }

    /// The device of a key, if it was seen.
    #[must_use]
    pub fn known(&self, key: HostKey) -> Option<Arc<Device>> {
        self.devices.peek(&key).cloned()
    }

    /// What is known of a host's system.
    pub fn system(&mut self, key: HostKey) -> &mut System {
        self.systems.entry(key, System::default)
    }

    /// Notes that a host was alive. Returns the sightings that had to make room.
    pub fn sight(&mut self, key: HostKey, at: i64) -> Vec<(HostKey, Sighting)> {
        let hour = at.div_euclid(TICKS_PER_HOUR);
        let sighting = self.sightings.entry((hour, key)).or_default();
        sighting.last = sighting.last.max(at);
        let mut out = Vec::new();
        while self.sightings.len() > self.capacity {
            let Some(((_, key), sighting)) = self.sightings.pop_first() else {
                break;
            };
            out.push((key, sighting));
        }
        out
    }

    /// Notes an address of a host.
    pub fn sight_address(&mut self, key: HostKey, at: i64, address: IpAddr) {
        if !crate::parse::address::is_interface(address) {
            return;
        }
        if let Some(device) = self.devices.peek(&key) {
            self.by_address.insert(address, device.name.clone());
        }
        if let Some(sighting) = self
            .sightings
            .get_mut(&(at.div_euclid(TICKS_PER_HOUR), key))
            && sighting.addresses.len() < ADDRESSES
        {
            sighting.addresses.insert(address);
        }
    }

    /// Notes a person's session on a host. Accounts of services and computers are no persons.
    pub fn sight_user(&mut self, key: HostKey, at: i64, account: &Account) {
        let (Some(name), Some(sid)) = (&account.name, &account.sid) else {
            return;
        };
        if !sid.starts_with("S-1-5-21-") || account.is_machine() {
            return;
        }
        if let Some(sighting) = self
            .sightings
            .get_mut(&(at.div_euclid(TICKS_PER_HOUR), key))
            && sighting.users.len() < USERS
        {
            let domain = account.domain.clone().unwrap_or_default();
            sighting
                .users
                .insert((domain.to_lowercase(), name.to_lowercase(), sid.clone()));
        }
    }

    /// The host that has an address.
    pub fn by_address(&mut self, address: IpAddr) -> Option<String> {
        self.by_address.get(&address).cloned()
    }

    /// An address of a host in an hour, the smallest: for the far end of a logon.
    #[must_use]
    pub fn address_of(&self, key: HostKey, at: i64) -> Option<IpAddr> {
        let sighting = self.sightings.get(&(at.div_euclid(TICKS_PER_HOUR), key))?;
        sighting.addresses.iter().next().copied()
    }

    /// Takes all sightings out, oldest first.
    pub fn take_sightings(&mut self) -> Vec<(HostKey, Sighting)> {
        std::mem::take(&mut self.sightings)
            .into_iter()
            .map(|((_, key), s)| (key, s))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_names_are_completed_when_unambiguous() {
        let mut hosts = Hosts::new(10);
        assert_eq!(hosts.full_name("WORKSTATION6"), "workstation6");
        assert_eq!(
            hosts.full_name("WORKSTATION6.theshire.local"),
            "workstation6.theshire.local"
        );
        assert_eq!(
            hosts.full_name("Workstation6"),
            "workstation6.theshire.local"
        );
        assert_eq!(
            hosts.full_name("workstation6.other.local"),
            "workstation6.other.local"
        );
        assert_eq!(hosts.full_name("WORKSTATION6"), "workstation6");
    }

    #[test]
    fn sightings_are_bounded() {
        let mut hosts = Hosts::new(3);
        let mut out = 0;
        for hour in 0..10 {
            out += hosts.sight(HostKey(1), hour * TICKS_PER_HOUR).len();
        }
        assert_eq!(out, 7);
        assert_eq!(hosts.take_sightings().len(), 3);
    }
}
