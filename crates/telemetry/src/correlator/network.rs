//! Connections that Sysmon reported, so that Windows Security's report of the same is not a second row.

use std::net::IpAddr;

use bartizan_contract::time::TICKS_PER_SECOND;

use super::HostKey;
use super::recent::Recent;

/// Two reports of one connection are at most this far apart.
pub const WINDOW: i64 = 2 * TICKS_PER_SECOND;

/// How many times are kept of a connection that keeps being made.
const TIMES: usize = 16;

/// A connection as one host sees it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Flow {
    /// The host.
    pub host: HostKey,
    /// `Tcp`, `Udp`, ….
    pub protocol: String,
    /// The host's own end.
    pub local: (IpAddr, i64),
    /// The other end.
    pub remote: (IpAddr, i64),
}

/// When Sysmon reported which connection.
#[derive(Debug)]
pub struct Connections {
    seen: Recent<Flow, Vec<i64>>,
}

impl Connections {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            seen: Recent::new(capacity),
        }
    }

    /// Remembers Sysmon's report.
    pub fn learn(&mut self, flow: Flow, at: i64) {
        let times = self.seen.entry(flow, Vec::new);
        if times.last() == Some(&at) {
            return;
        }
        if times.len() == TIMES {
            times.remove(0);
        }
        times.push(at);
    }

    /// Whether Sysmon reported the connection around this time.
    #[must_use]
    pub fn reported(&self, flow: &Flow, at: i64) -> bool {
        self.seen
            .peek(flow)
            .is_some_and(|times| times.iter().any(|t| (t - at).abs() <= WINDOW))
    }
}
