//! Processes, by Sysmon's GUID and by process id.

use std::sync::Arc;

use bartizan_contract::time::TICKS_PER_SECOND;

use super::HostKey;
use super::recent::Recent;
use crate::parse::account::Account;
use crate::parse::hashes::Hashes;
use crate::parse::process_guid;

/// Two reports of one process start are at most this far apart.
pub const WINDOW: i64 = 2 * TICKS_PER_SECOND;

/// How many processes of one id are kept: ids are used again.
const GENERATIONS: usize = 8;

/// What is known of a process. A process that is only mentioned has its image and ids alone.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Process {
    /// Sysmon's GUID, canonical.
    pub guid: Option<String>,
    /// Process id.
    pub pid: Option<i64>,
    /// Start, in ticks.
    pub started: Option<i64>,
    /// Full path of the executable.
    pub image: Option<String>,
    /// Command line.
    pub command_line: Option<String>,
    /// The account it runs as.
    pub account: Option<Account>,
    /// Its logon session.
    pub logon_id: Option<i64>,
    /// Terminal session.
    pub session_id: Option<i64>,
    /// `Low`, `Medium`, `High`, `System`.
    pub integrity: Option<String>,
    /// `TokenElevationTypeDefault`, `…Full`, `…Limited`.
    pub elevation: Option<String>,
    /// Digests of the executable.
    pub hashes: Hashes,
    /// The executable's version resource.
    pub version: VersionInfo,
    /// Sysmon's GUID of the parent.
    pub parent_guid: Option<String>,
    /// The parent's process id.
    pub parent_pid: Option<i64>,
    /// The parent's executable.
    pub parent_image: Option<String>,
    /// Whether Sysmon reported the start.
    pub sysmon: bool,
}

/// The texts of an executable's version resource.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VersionInfo {
    /// CompanyName
    pub company: Option<String>,
    /// ProductName
    pub product: Option<String>,
    /// ProductVersion
    pub version: Option<String>,
    /// OriginalFileName
    pub original_name: Option<String>,
    /// FileDescription
    pub description: Option<String>,
}

impl Process {
    /// The start of the process: as reported, else as its GUID tells, to the second.
    #[must_use]
    pub fn start(&self) -> Option<i64> {
        self.started
            .or_else(|| self.guid.as_deref().and_then(process_guid::start_ticks))
    }

    /// Whether a mention says something that is not known yet.
    #[must_use]
    pub fn lacks(&self, mentioned: &Self) -> bool {
        (self.command_line.is_none() && mentioned.command_line.is_some())
            || (self.account.is_none() && mentioned.account.is_some())
            || (self.pid.is_none() && mentioned.pid.is_some())
    }

    /// Takes over what the other report knows and this one does not.
    pub fn fill_from(&mut self, other: &Self) {
        fn fill<T: Clone>(mine: &mut Option<T>, theirs: &Option<T>) {
            if mine.is_none() {
                mine.clone_from(theirs);
            }
        }
        fill(&mut self.guid, &other.guid);
        fill(&mut self.pid, &other.pid);
        fill(&mut self.started, &other.started);
        fill(&mut self.image, &other.image);
        fill(&mut self.command_line, &other.command_line);
        fill(&mut self.logon_id, &other.logon_id);
        fill(&mut self.session_id, &other.session_id);
        fill(&mut self.integrity, &other.integrity);
        fill(&mut self.elevation, &other.elevation);
        fill(&mut self.hashes.sha1, &other.hashes.sha1);
        fill(&mut self.hashes.sha256, &other.hashes.sha256);
        fill(&mut self.hashes.md5, &other.hashes.md5);
        fill(&mut self.parent_guid, &other.parent_guid);
        fill(&mut self.parent_pid, &other.parent_pid);
        fill(&mut self.parent_image, &other.parent_image);
        match (&mut self.account, &other.account) {
            (None, account) => self.account.clone_from(account),
            (Some(mine), Some(theirs)) if mine.name == theirs.name => {
                fill(&mut mine.sid, &theirs.sid)
            }
            _ => {}
        }
        if self.version == VersionInfo::default() {
            self.version = other.version.clone();
        }
        self.sysmon |= other.sysmon;
    }
}

/// The processes of all hosts.
#[derive(Debug)]
pub struct Processes {
    by_guid: Recent<(HostKey, String), Arc<Process>>,
    by_pid: Recent<(HostKey, i64), Vec<Arc<Process>>>,
    /// Starts by lower-case image: some collectors lose the process id of Sysmon's report.
    by_image: Recent<(HostKey, String), Vec<Arc<Process>>>,
}

impl Processes {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            by_guid: Recent::new(capacity),
            by_pid: Recent::new(capacity),
            by_image: Recent::new(capacity),
        }
    }

    /// Remembers a process and returns it with everything that any report knew of it.
    pub fn learn(&mut self, host: HostKey, mut process: Process) -> Arc<Process> {
        let known = match &process.guid {
            Some(guid) => self.by_guid.get(&(host, guid.clone())).cloned(),
            None => None,
        };
        let known = known.or_else(|| self.same_start(host, &process));
        if let Some(known) = known {
            process.fill_from(&known);
        }
        let process = Arc::new(process);
        if let Some(guid) = &process.guid {
            self.by_guid
                .insert((host, guid.clone()), Arc::clone(&process));
        }
        if let Some(pid) = process.pid {
            remember(self.by_pid.entry((host, pid), Vec::new), &process);
        }
        if let (Some(image), Some(_)) = (&process.image, process.started) {
            remember(
                self.by_image.entry((host, image.to_lowercase()), Vec::new),
                &process,
            );
        }
        process
    }

    /// Remembers a process that an event only mentions, unless all of it is known already.
    pub fn mention(&mut self, host: HostKey, process: Process) {
        let Some(guid) = &process.guid else { return };
        let known = self.by_guid.peek(&(host, guid.clone()));
        if known.is_none_or(|known| known.lacks(&process)) {
            self.learn(host, process);
        }
    }

    /// The process of a GUID.
    pub fn by_guid(&mut self, host: HostKey, guid: &str) -> Option<Arc<Process>> {
        self.by_guid.get(&(host, guid.to_owned())).cloned()
    }

    /// The process that had this id at this time: the last to start before it.
    pub fn by_pid(&mut self, host: HostKey, pid: i64, at: i64) -> Option<Arc<Process>> {
        let generations = self.by_pid.get(&(host, pid))?;
        generations
            .iter()
            .filter(|p| p.start().is_none_or(|start| start <= at + WINDOW))
            .max_by_key(|p| p.start())
            .cloned()
    }

    /// Sysmon's report of a start that Windows Security reported too.
    pub fn sysmon_start(&mut self, host: HostKey, audited: &Process) -> Option<Arc<Process>> {
        self.other_report(host, audited, |p| p.sysmon)
    }

    /// Another report of the same start, from the other log.
    fn same_start(&mut self, host: HostKey, process: &Process) -> Option<Arc<Process>> {
        self.other_report(host, process, |_| true)
    }

    /// A report of a start around the same time, by process id where both have one, else by image
    /// and command line.
    fn other_report(
        &mut self,
        host: HostKey,
        process: &Process,
        wanted: impl Fn(&Process) -> bool,
    ) -> Option<Arc<Process>> {
        let start = process.start()?;
        let near = |p: &Process| p.start().is_some_and(|s| (s - start).abs() <= WINDOW);
        let other =
            |p: &Process| p.guid.is_none() || process.guid.is_none() || p.guid == process.guid;
        let by_pid = process.pid.and_then(|pid| {
            let generations = self.by_pid.get(&(host, pid))?;
            generations
                .iter()
                .find(|p| near(p) && other(p) && wanted(p))
                .cloned()
        });
        if by_pid.is_some() {
            return by_pid;
        }
        let image = process.image.as_ref()?.to_lowercase();
        let generations = self.by_image.get(&(host, image))?;
        let one_lacks_pid = |p: &Process| p.pid.is_none() || process.pid.is_none();
        let same_line = |p: &Process| p.command_line == process.command_line;
        generations
            .iter()
            .find(|p| near(p) && other(p) && one_lacks_pid(p) && same_line(p) && wanted(p))
            .cloned()
    }
}

/// Adds a process to a list of bounded length, over an earlier report of the same start.
fn remember(generations: &mut Vec<Arc<Process>>, process: &Arc<Process>) {
    generations.retain(|p| !is_same(p, process));
    if generations.len() == GENERATIONS {
        generations.remove(0);
    }
    generations.push(Arc::clone(process));
}

fn is_same(a: &Process, b: &Process) -> bool {
    match (&a.guid, &b.guid) {
        (Some(a), Some(b)) => a == b,
        _ => match (a.start(), b.start()) {
            (Some(a), Some(b)) => (a - b).abs() <= WINDOW,
            _ => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: HostKey = HostKey(1);

    fn at(seconds: i64) -> i64 {
        bartizan_contract::time::ticks_from_unix_seconds(1_600_000_000 + seconds)
    }

    #[test]
    fn an_id_used_again_is_told_apart_by_time() {
        let mut all = Processes::new(10);
        for (start, image) in [(0, "a"), (100, "b")] {
            all.learn(
                HOST,
                Process {
                    pid: Some(7),
                    started: Some(at(start)),
                    image: Some(image.into()),
                    ..Process::default()
                },
            );
        }
        let image = |p: Option<Arc<Process>>| p.and_then(|p| p.image.clone());
        assert_eq!(image(all.by_pid(HOST, 7, at(50))).as_deref(), Some("a"));
        assert_eq!(image(all.by_pid(HOST, 7, at(100))).as_deref(), Some("b"));
        assert_eq!(image(all.by_pid(HOST, 7, at(-50))), None);
    }

    #[test]
    fn a_lost_process_id_comes_from_the_other_log() {
        let report = |pid, guid: Option<&str>| Process {
            pid,
            guid: guid.map(str::to_owned),
            started: Some(at(0)),
            image: Some(r"C:\a.exe".into()),
            command_line: Some("a.exe -x".into()),
            sysmon: guid.is_some(),
            ..Process::default()
        };
        let mut all = Processes::new(10);
        all.learn(
            HOST,
            report(None, Some("3ddc5665-b1b5-5f69-4a00-000000000400")),
        );
        let audited = report(Some(7), None);
        assert!(all.sysmon_start(HOST, &audited).is_some());
        let merged = all.learn(HOST, audited);
        assert!(merged.sysmon && merged.guid.is_some());
        assert_eq!(
            all.by_guid(HOST, "3ddc5665-b1b5-5f69-4a00-000000000400")
                .unwrap()
                .pid,
            Some(7)
        );
    }

    #[test]
    fn two_logs_make_one_process_in_either_order() {
        let guid = "3ddc5665-b1b5-5f69-4a00-000000000400".to_owned();
        let start = process_guid::start_ticks(&guid).unwrap();
        let sysmon = Process {
            guid: Some(guid),
            pid: Some(7),
            sysmon: true,
            ..Process::default()
        };
        let audited = Process {
            pid: Some(7),
            started: Some(start + WINDOW),
            elevation: Some("TokenElevationTypeFull".into()),
            ..Process::default()
        };
        for pair in [[sysmon.clone(), audited.clone()], [audited.clone(), sysmon]] {
            let mut all = Processes::new(10);
            let [first, second] = pair;
            all.learn(HOST, first);
            let merged = all.learn(HOST, second);
            assert!(merged.sysmon && merged.guid.is_some() && merged.elevation.is_some());
            assert!(all.sysmon_start(HOST, &audited).is_some());
        }
    }
}
