//! Logon sessions and accounts.

use super::HostKey;
use super::recent::Recent;
use crate::parse::account::{Account, well_known_session};

/// One logon session of a host.
#[derive(Debug, Clone, Default)]
pub struct Session {
    /// Whose session it is.
    pub account: Account,
    /// Windows' number for the kind of logon, where the logon itself was seen.
    pub logon_type: Option<i64>,
    /// Where it came from.
    pub remote_ip: Option<String>,
    /// The name of the device it came from.
    pub remote_device: Option<String>,
}

/// Sessions by host and logon id, accounts by name and by SID.
#[derive(Debug)]
pub struct Logons {
    sessions: Recent<(HostKey, i64), Session>,
    sids: Recent<(String, String), String>,
    accounts: Recent<String, Account>,
}

impl Logons {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            sessions: Recent::new(capacity),
            sids: Recent::new(capacity),
            accounts: Recent::new(capacity),
        }
    }

    /// Remembers a logon. A later, fuller report of the same session wins.
    pub fn learn_session(&mut self, host: HostKey, logon_id: i64, session: Session) {
        self.learn_account(&session.account);
        let known = self.sessions.peek(&(host, logon_id));
        let fuller = known.is_none_or(|k| k.logon_type.is_none() || session.logon_type.is_some());
        if logon_id != 0 && fuller {
            self.sessions.insert((host, logon_id), session);
        }
    }

    /// Remembers which SID an account has.
    pub fn learn_account(&mut self, account: &Account) {
        let (Some(name), Some(sid)) = (&account.name, &account.sid) else {
            return;
        };
        // A computer acts as itself under the SID of SYSTEM; its own SID is another one.
        if account.is_machine() && sid == "S-1-5-18" {
            return;
        }
        let domain = account.domain.clone().unwrap_or_default();
        self.sids
            .insert((domain.to_lowercase(), name.to_lowercase()), sid.clone());
        self.accounts.insert(sid.clone(), account.clone());
    }

    /// A session, the fixed ones of Windows included.
    pub fn session(&mut self, host: HostKey, logon_id: i64) -> Option<Session> {
        if let Some(account) = well_known_session(logon_id) {
            return Some(Session {
                account,
                ..Session::default()
            });
        }
        self.sessions.get(&(host, logon_id)).cloned()
    }

    /// Fills an account's SID from its name, or its name from its SID.
    pub fn complete(&mut self, account: &mut Account) {
        if account.sid.is_none()
            && let Some(name) = &account.name
        {
            let domain = account.domain.clone().unwrap_or_default();
            account.sid = account.well_known_sid().map(str::to_owned).or_else(|| {
                self.sids
                    .get(&(domain.to_lowercase(), name.to_lowercase()))
                    .cloned()
            });
        }
        if account.name.is_none()
            && let Some(sid) = &account.sid
            && let Some(known) = self.accounts.get(sid)
        {
            *account = known.clone();
        }
    }
}
