//! Accounts: `DOMAIN\name`, `name@domain` and the SIDs that are the same on every host.

/// An account as a source names it. All texts as written; rows put them in lower case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    /// NetBIOS or DNS domain, or the computer's name for a local account.
    pub domain: Option<String>,
    /// The account's name without its domain.
    pub name: Option<String>,
    /// Security identifier.
    pub sid: Option<String>,
}

impl Account {
    /// From Sysmon's `User` text, `DOMAIN\name`; a text without a backslash is a bare name.
    #[must_use]
    pub fn from_user(text: &str) -> Option<Self> {
        let text = present(text)?;
        let (domain, name) = match text.split_once('\\') {
            Some((domain, name)) => (Some(domain), name),
            None => (None, text),
        };
        let mut account = Self {
            domain: domain.and_then(present).map(str::to_owned),
            name: Some(present(name)?.to_owned()),
            sid: None,
        };
        account.sid = account.well_known_sid().map(str::to_owned);
        Some(account)
    }

    /// From separate fields; `None` when neither name nor SID says anything.
    #[must_use]
    pub fn from_parts(domain: Option<&str>, name: Option<&str>, sid: Option<&str>) -> Option<Self> {
        let account = Self {
            domain: domain.and_then(present).map(str::to_owned),
            name: name.and_then(present).map(str::to_owned),
            // S-1-0-0 is "nobody": the field was not known when the event was written.
            sid: sid
                .and_then(present)
                .filter(|s| *s != "S-1-0-0")
                .map(str::to_owned),
        };
        (account.name.is_some() || account.sid.is_some()).then_some(account)
    }

    /// The SID of the three service accounts, which no domain can change.
    #[must_use]
    pub fn well_known_sid(&self) -> Option<&'static str> {
        if !self.domain.as_deref()?.eq_ignore_ascii_case("NT AUTHORITY") {
            return None;
        }
        match self.name.as_deref()?.to_ascii_uppercase().as_str() {
            "SYSTEM" => Some("S-1-5-18"),
            "LOCAL SERVICE" => Some("S-1-5-19"),
            "NETWORK SERVICE" => Some("S-1-5-20"),
            _ => None,
        }
    }

    /// Whether this is a computer's own account (`HOST$`).
    #[must_use]
    pub fn is_machine(&self) -> bool {
        self.name.as_deref().is_some_and(|n| n.ends_with('$'))
    }
}

/// The logon sessions that Windows numbers the same on every boot.
#[must_use]
pub fn well_known_session(logon_id: i64) -> Option<Account> {
    match logon_id {
        0x3e7 => service_account("S-1-5-18"),
        0x3e5 => service_account("S-1-5-19"),
        0x3e4 => service_account("S-1-5-20"),
        _ => None,
    }
}

/// The service account of a SID. Windows Security names the computer's account in its place.
#[must_use]
pub fn service_account(sid: &str) -> Option<Account> {
    let name = match sid {
        "S-1-5-18" => "SYSTEM",
        "S-1-5-19" => "LOCAL SERVICE",
        "S-1-5-20" => "NETWORK SERVICE",
        _ => return None,
    };
    Account::from_parts(Some("NT AUTHORITY"), Some(name), Some(sid))
}

/// The text, unless it is empty or the `-` that Windows writes for nothing.
#[must_use]
pub fn present(text: &str) -> Option<&str> {
    let text = text.trim();
    (!text.is_empty() && text != "-").then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users() {
        let system = Account::from_user(r"NT AUTHORITY\SYSTEM").unwrap();
        assert_eq!(system.sid.as_deref(), Some("S-1-5-18"));
        let user = Account::from_user(r"THESHIRE\pgustavo").unwrap();
        assert_eq!(
            (user.domain.as_deref(), user.name.as_deref()),
            (Some("THESHIRE"), Some("pgustavo"))
        );
        assert!(Account::from_user("-").is_none());
        assert!(Account::from_parts(Some("-"), Some("-"), Some("S-1-0-0")).is_none());
    }
}
