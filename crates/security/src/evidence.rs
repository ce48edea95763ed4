//! What an alert points at: devices, users, processes, files, registry values, addresses.

use bartizan_contract::DeviceId;
use serde::{Deserialize, Serialize};

/// A thing named by an alert, with when it became evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// When the alert took it up, microseconds.
    pub created: i64,
    /// The device it was seen on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_id: Option<DeviceId>,
    /// The thing.
    pub entity: Entity,
}

/// The kinds of things, each with what is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Entity {
    /// A device.
    Device(Device),
    /// An account.
    User(User),
    /// A process.
    Process(Process),
    /// A file.
    File(File),
    /// A registry value.
    Registry(Registry),
    /// An address.
    Ip(Ip),
    /// A URL or a domain.
    Url(Url),
}

/// A device, by the id of its sensor.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Device {
    /// 40 hexadecimal digits.
    pub device_id: String,
    /// Fully qualified name.
    pub dns_name: Option<String>,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct User {
    /// Name without domain.
    pub account_name: Option<String>,
    /// Domain or machine.
    pub domain_name: Option<String>,
    /// Windows security identifier.
    pub sid: Option<String>,
    /// Object id in the directory.
    pub aad_user_id: Option<String>,
    /// Principal name.
    pub upn: Option<String>,
}

/// A process and its parent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Process {
    /// Image file name.
    pub file_name: Option<String>,
    /// Folder of the image.
    pub file_path: Option<String>,
    /// Image hash, lower case.
    pub sha1: Option<String>,
    /// Image hash, lower case.
    pub sha256: Option<String>,
    /// Number of the process.
    pub process_id: Option<i64>,
    /// Command line.
    pub command_line: Option<String>,
    /// Start, microseconds.
    pub created: Option<i64>,
    /// Number of the parent.
    pub parent_process_id: Option<i64>,
    /// Start of the parent, microseconds.
    pub parent_created: Option<i64>,
    /// Image file name of the parent.
    pub parent_file_name: Option<String>,
    /// Folder of the parent's image.
    pub parent_file_path: Option<String>,
    /// Account it ran as, without domain.
    pub account_name: Option<String>,
    /// That account's domain.
    pub domain_name: Option<String>,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct File {
    /// Name.
    pub file_name: Option<String>,
    /// Folder.
    pub file_path: Option<String>,
    /// Hash, lower case.
    pub sha1: Option<String>,
    /// Hash, lower case.
    pub sha256: Option<String>,
}

/// A registry value.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Registry {
    /// Hive (`HKEY_LOCAL_MACHINE`).
    pub hive: Option<String>,
    /// Key below the hive.
    pub key: Option<String>,
    /// Name of the value.
    pub value_name: Option<String>,
    /// Type of the value.
    pub value_type: Option<String>,
    /// Data of the value.
    pub value: Option<String>,
}

/// An address.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Ip {
    /// IPv4 or IPv6 text.
    pub address: String,
}

/// A URL or a domain.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Url {
    /// As it was seen.
    pub url: String,
}

impl User {
    /// The text under which alerts about the same account are recognised: the security
    /// identifier, else the principal name, else `domain\name`, in lower case. `None` for accounts
    /// that every machine has, as sharing them says nothing.
    #[must_use]
    pub fn correlation_key(&self) -> Option<String> {
        if self.is_built_in() {
            return None;
        }
        let text = |t: &Option<String>| {
            t.as_deref()
                .map(str::trim)
                .filter(|t| !t.is_empty())
                .map(str::to_ascii_lowercase)
        };
        text(&self.sid).or_else(|| text(&self.upn)).or_else(|| {
            let name = text(&self.account_name)?;
            Some(match text(&self.domain_name) {
                Some(domain) => format!("{domain}\\{name}"),
                None => name,
            })
        })
    }

    /// Whether this is an account of the system itself: services, machine accounts, window and
    /// font managers, anonymous and well-known identifiers below `S-1-5-21`.
    #[must_use]
    pub fn is_built_in(&self) -> bool {
        if let Some(sid) = self.sid.as_deref().filter(|s| !s.is_empty())
            && !sid.starts_with("S-1-5-21-")
            && !sid.starts_with("S-1-12-")
        {
            return true;
        }
        let name = self
            .account_name
            .as_deref()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        let built_in = [
            "system",
            "local service",
            "network service",
            "anonymous logon",
            "local system",
            "-",
        ];
        (name.is_empty() && self.sid.is_none() && self.upn.is_none())
            || built_in.contains(&name.as_str())
            || name.ends_with('$')
            || name.starts_with("dwm-")
            || name.starts_with("umfd-")
    }
}

impl Entity {
    /// `Device`, `User`, `Process` …: the word of `entityType`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Device(_) => "Device",
            Self::User(_) => "User",
            Self::Process(_) => "Process",
            Self::File(_) => "File",
            Self::Registry(_) => "Registry",
            Self::Ip(_) => "Ip",
            Self::Url(_) => "Url",
        }
    }

    /// Whether it says nothing at all: such evidence is dropped.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Device(e) => e.device_id.is_empty(),
            Self::User(e) => *e == User::default(),
            Self::Process(e) => *e == Process::default(),
            Self::File(e) => *e == File::default(),
            Self::Registry(e) => *e == Registry::default(),
            Self::Ip(e) => e.address.is_empty(),
            Self::Url(e) => e.url.is_empty(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str, domain: &str, sid: Option<&str>) -> User {
        User {
            account_name: Some(name.into()),
            domain_name: Some(domain.into()),
            sid: sid.map(str::to_owned),
            ..User::default()
        }
    }

    #[test]
    fn accounts_of_the_system_join_nothing() {
        for name in ["SYSTEM", "local service", "WKS1$", "DWM-1", "UMFD-0"] {
            assert_eq!(
                user(name, "NT AUTHORITY", None).correlation_key(),
                None,
                "{name}"
            );
        }
        assert_eq!(user("x", "y", Some("S-1-5-18")).correlation_key(), None);
        assert_eq!(User::default().correlation_key(), None);
    }

    #[test]
    fn people_are_recognised_by_sid_then_upn_then_name() {
        assert_eq!(
            user("Ann", "CORP", Some("S-1-5-21-1-2-3-500"))
                .correlation_key()
                .unwrap(),
            "s-1-5-21-1-2-3-500"
        );
        assert_eq!(
            user("Ann", "CORP", None).correlation_key().unwrap(),
            "corp\\ann"
        );
    }

    #[test]
    fn evidence_survives_json() {
        let evidence = Evidence {
            created: 5,
            device_id: Some(DeviceId::from("ab")),
            entity: Entity::Process(Process {
                process_id: Some(4),
                ..Process::default()
            }),
        };
        let text = serde_json::to_string(&evidence).unwrap();
        assert!(text.contains("\"kind\":\"process\""));
        assert_eq!(serde_json::from_str::<Evidence>(&text).unwrap(), evidence);
    }
}
