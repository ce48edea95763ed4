//! Events to rows. Which event fills which table is decided in `route`; how, in one file per family.
//!
//! A row's columns come from the event where it has them and from the [`Correlator`] where it has
//! not. What a source writes with more than one meaning is decided as follows: an event's own time
//! in UTC wins over the log's, the event's user over the log writer's, Sysmon's report of a process
//! start or a connection over Windows Security's.

mod account;
mod context;
mod device;
mod file;
mod held;
mod identity;
mod image;
mod inventory;
mod learn;
mod logon;
mod network;
mod policy;
mod powershell;
mod process;
mod registry;
mod route;
mod wmi;

use std::collections::BTreeMap;
use std::sync::Arc;

use bartizan_contract::ids::TenantId;
use bartizan_contract::value::Row;
use sha1::{Digest, Sha1};

use crate::correlator::{Capacity, Correlator, HostKey, hosts::Device};
use crate::detect::{Detected, of_object};
use crate::event::{self, SourceEvent};
use crate::limits::Limits;
use crate::ndjson;
use crate::parse::json;
use crate::reject::{RejectCode, RejectReason, SkipReason};
use context::Context;
use held::{Held, Key};

/// What a mapping can be told.
#[derive(Debug, Clone)]
pub struct MapperSettings {
    /// The tenant whose devices these are; part of every device id.
    pub tenant: TenantId,
    /// Other names for hosts: the source's name in lower case to the device's full name. Recordings
    /// can so be laid over a scenario's devices.
    pub device_names: BTreeMap<String, String>,
    /// Every process that was opened, not only lsass.exe: 40 % of a typical Sysmon log.
    pub all_process_access: bool,
    /// Raw disk reads, which the service reports rarely.
    pub raw_disk_access: bool,
    /// Binds of local ports (5158) beside listens (5154).
    pub port_binds: bool,
    /// Computers' logons to themselves over the network.
    pub machine_self_logons: bool,
    /// Bounds on a line.
    pub limits: Limits,
    /// Bounds on what is remembered.
    pub capacity: Capacity,
}

impl MapperSettings {
    /// The defaults for a tenant: the service's own view, without what it leaves out.
    #[must_use]
    pub fn new(tenant: TenantId) -> Self {
        Self {
            tenant,
            device_names: BTreeMap::new(),
            all_process_access: false,
            raw_disk_access: false,
            port_binds: false,
            machine_self_logons: false,
            limits: Limits::default(),
            capacity: Capacity::default(),
        }
    }
}

/// What one line gave.
#[derive(Debug, Default, PartialEq)]
pub struct MapOutcome {
    /// Rows, of this line or of earlier ones that were held back.
    pub rows: Vec<Row>,
    /// Why a good line gave no row.
    pub skipped: Option<SkipReason>,
    /// Why the line was refused.
    pub rejected: Option<RejectReason>,
}

/// What a family's mapper decided about an event.
enum Verdict {
    Rows(Vec<Row>),
    Skip(SkipReason),
    /// The row, unless a better report of the same thing arrives soon.
    Hold(Key, Row),
    /// The row, and the end of a held one that it replaces.
    Replace(Key, Row),
}

impl From<Row> for Verdict {
    fn from(row: Row) -> Self {
        Self::Rows(vec![row])
    }
}

/// Maps a stream of lines of one tenant: events in any known shape, rows, envelopes, mixed at will.
/// Recordings of different days belong to mappers of their own: process ids and clocks are theirs.
#[derive(Debug)]
pub struct Mapper {
    settings: MapperSettings,
    state: Correlator,
    held: Held,
    learning: Learning,
    latest: Option<i64>,
}

/// Whether the whole stream was shown to [`Mapper::learn`] before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Learning {
    Never,
    Learned,
    Mapping,
}

impl Mapper {
    /// A mapper that has seen nothing.
    #[must_use]
    pub fn new(settings: MapperSettings) -> Self {
        let state = Correlator::new(settings.capacity);
        Self {
            settings,
            state,
            held: Held::default(),
            learning: Learning::Never,
            latest: None,
        }
    }

    /// The time of the latest event or row that was shown to [`Self::learn`], in ticks.
    #[must_use]
    pub const fn latest(&self) -> Option<i64> {
        self.latest
    }

    /// Takes in what a line says about processes, logons and hosts, and gives no row. Showing a
    /// finished recording twice, first here and then to [`Self::map`], makes the rows independent
    /// of the recording's order: some list one log after the other, some run backwards.
    pub fn learn(&mut self, line: &[u8]) {
        self.learning = Learning::Learned;
        let Ok(object) = json::object(line, &self.settings.limits) else {
            return;
        };
        if !matches!(of_object(&object), Detected::Event(_)) {
            let rows = ndjson::rows_of(&object, &self.settings.limits).unwrap_or_default();
            self.latest = rows
                .iter()
                .filter_map(Row::timestamp)
                .chain(self.latest)
                .max();
            return;
        }
        if let Ok(event) = event::normalise(&object, 0) {
            let Ok(mut context) = self.context(&event) else {
                return;
            };
            let at = context.at;
            learn::event(&mut context);
            self.latest = self.latest.max(Some(at));
        }
    }

    /// Maps one line.
    pub fn map(&mut self, line: &[u8]) -> MapOutcome {
        if self.learning == Learning::Learned {
            self.state.hosts.take_sightings();
            self.learning = Learning::Mapping;
        }
        let mut outcome = MapOutcome {
            rows: self.held.due(),
            ..MapOutcome::default()
        };
        let line = trim(line);
        let result =
            json::object(line, &self.settings.limits).and_then(|object| match of_object(&object) {
                Detected::Event(_) => {
                    self.map_event(&event::normalise(&object, digest(line))?, &mut outcome)
                }
                _ => {
                    outcome
                        .rows
                        .extend(ndjson::rows_of(&object, &self.settings.limits)?);
                    Ok(())
                }
            });
        outcome.rejected = result.err();
        outcome
    }

    /// The rows that were held back, and one inventory row of each kind per host and hour. The
    /// mapper can go on after it, for the next part of the stream.
    pub fn finish(&mut self) -> Vec<Row> {
        let mut rows = self.held.all();
        for (host, sighting) in self.state.hosts.take_sightings() {
            rows.extend(inventory::rows(&mut self.state, host, &sighting));
        }
        rows
    }

    fn map_event(
        &mut self,
        event: &SourceEvent,
        outcome: &mut MapOutcome,
    ) -> Result<(), RejectReason> {
        let hold = self.learning == Learning::Never;
        let mut context = self.context(event)?;
        let evicted = learn::event(&mut context);
        let verdict = route::event(&mut context)?;
        for (host, sighting) in evicted {
            outcome
                .rows
                .extend(inventory::rows(&mut self.state, host, &sighting));
        }
        match verdict {
            Verdict::Rows(rows) => outcome.rows.extend(rows),
            Verdict::Skip(reason) => outcome.skipped = Some(reason),
            Verdict::Hold(_, row) if !hold => outcome.rows.push(row),
            Verdict::Hold(key, row) => {
                outcome.rows.extend(self.held.push(key, row));
                outcome.skipped = Some(SkipReason::Held);
            }
            Verdict::Replace(key, row) => {
                self.held.cancel(&key);
                outcome.rows.push(row);
            }
        }
        Ok(())
    }

    fn context<'a>(&'a mut self, event: &'a SourceEvent) -> Result<Context<'a>, RejectReason> {
        let name = self.state.hosts.full_name(&event.computer);
        let name = self
            .settings
            .device_names
            .get(&name)
            .cloned()
            .unwrap_or(name);
        let host = HostKey::of(&name);
        let at = self.state.clocks.time_of(host, event).ok_or_else(|| {
            RejectReason::new(RejectCode::MissingTime, "the event has no readable time")
        })?;
        if !ndjson::is_storable(at) {
            let text = "the event's time lies outside 1677-09-22 to 2262-04-10";
            return Err(RejectReason::new(RejectCode::MissingTime, text));
        }
        let tenant = self.settings.tenant;
        let device: Arc<Device> = self.state.hosts.device(host, || {
            let id = device_id(tenant, &name);
            Device { name, id }
        });
        Ok(Context {
            event,
            at,
            host,
            device,
            state: &mut self.state,
            settings: &self.settings,
        })
    }
}

/// A device's id: 40 hexadecimal digits that depend on the tenant and the device's lower-case name
/// alone, so that seeded devices and mapped events agree.
#[must_use]
pub fn device_id(tenant: TenantId, name: &str) -> String {
    let digest = Sha1::digest(format!("{}{tenant}", name.to_lowercase()));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A stand-in for the record id: 31 bits of the line's digest, the same whenever the line comes.
fn digest(line: &[u8]) -> u32 {
    let digest = Sha1::digest(line);
    let head = digest
        .iter()
        .take(4)
        .fold(0u32, |n, byte| n << 8 | u32::from(*byte));
    head & 0x7fff_ffff
}

fn trim(line: &[u8]) -> &[u8] {
    line.trim_ascii()
}
