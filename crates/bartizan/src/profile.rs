//! Profiles: where a server is and who the client is there, in a file that its owner alone can read.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use url::Url;

use crate::shell::{quoted_path, word_end};

/// The file that a server leaves for its administrator in its data directory.
pub(crate) const ADMINISTRATOR: &str = "admin.toml";

/// The file in the data directory that keeps the command by which the server was started last.
pub(crate) const START_FILE: &str = "server.start";

/// The command by which the server of this data directory was started last.
pub(crate) fn started_by(data: &Path) -> Option<String> {
    let command = std::fs::read_to_string(data.join(START_FILE)).ok()?;
    let command = command.trim();
    (!command.is_empty()).then(|| here(command, data))
}

/// The command with this data directory in it: one that was copied brings the name of the first.
fn here(command: &str, data: &Path) -> String {
    let Some((before, rest)) = command.split_once(" --data ") else {
        return command.to_owned();
    };
    let data = std::path::absolute(data).unwrap_or_else(|_| data.to_owned());
    let after = &rest[word_end(rest)..];
    format!("{before} --data {}{after}", quoted_path(&data))
}

/// A profile as it stands in its file.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Profile {
    /// A server's origin.
    pub(crate) url: Option<Url>,
    /// The same server's origin without TLS, on this machine alone.
    pub(crate) http: Option<Url>,
    /// One of Microsoft's clouds, instead.
    pub(crate) cloud: Option<String>,
    /// Certificate authority to trust (PEM file).
    pub(crate) ca: Option<PathBuf>,
    /// The same with the system's roots, for tools whose setting replaces theirs.
    pub(crate) ca_bundle: Option<PathBuf>,
    /// The interception proxy.
    pub(crate) proxy: Option<Url>,
    /// Tenant id or domain.
    pub(crate) tenant: Option<String>,
    /// Application (client) id.
    pub(crate) client_id: Option<String>,
    /// Its secret.
    pub(crate) client_secret: Option<String>,
    /// Its certificate with the private key (PEM file), instead.
    pub(crate) certificate: Option<PathBuf>,
    /// A file with a workload's token that stands for it, instead.
    pub(crate) federated_token_file: Option<PathBuf>,
}

/// Why a profile cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProfileError {
    /// A folder has none.
    #[error(
        "{0} holds no administrator's profile ({ADMINISTRATOR}); a server leaves it in its data directory when it \
         first starts: `bartizan serve --data {word}`", word = quoted_path(.0)
    )]
    Absent(PathBuf),
    /// It is somebody else's.
    #[error(
        "{0} is for its owner alone, whoever started the server: run this as that user, or be another application by \
         --client-id with BARTIZAN_CLIENT_SECRET, --url and --tenant"
    )]
    Denied(PathBuf),
    /// It cannot be read.
    #[error("{0}: {1}")]
    Unreadable(PathBuf, std::io::Error),
    /// It is not a profile.
    #[error("{0}: {1}")]
    Malformed(PathBuf, String),
    /// Others can read the secret in it.
    #[error("{0} can be read by others; it holds a secret: chmod 600 {word}", word = quoted_path(.0))]
    Exposed(PathBuf),
}

impl Profile {
    /// Whether a server or cloud of that name is the one that this profile is for: one of its origins, where the names
    /// and addresses of the own machine are one. A profile that names none is for any.
    pub(crate) fn is_for(&self, url: Option<&Url>, cloud: Option<&str>) -> bool {
        let own = |at: &Url| {
            let mut origins = self.url.iter().chain(&self.http);
            origins.any(|origin| same_origin(origin, at))
        };
        let same_cloud = |name: &str| {
            let cloud = self.cloud.as_deref();
            cloud.is_some_and(|own| own.eq_ignore_ascii_case(name))
        };
        let names_none = self.url.is_none() && self.cloud.is_none();
        names_none || (url.is_none_or(own) && cloud.is_none_or(same_cloud))
    }

    /// Reads a profile.
    ///
    /// # Errors
    /// [`ProfileError`]; among them a file with a secret that others can read.
    pub(crate) fn read(path: &Path) -> Result<Self, ProfileError> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            match path.parent().filter(|_| path.ends_with(ADMINISTRATOR)) {
                Some(folder) if error.kind() == std::io::ErrorKind::NotFound => {
                    ProfileError::Absent(folder.to_owned())
                }
                _ if error.kind() == std::io::ErrorKind::PermissionDenied => {
                    ProfileError::Denied(path.to_owned())
                }
                _ => ProfileError::Unreadable(path.to_owned(), error),
            }
        })?;
        let profile: Self = toml::from_str(&text)
            .map_err(|error| ProfileError::Malformed(path.to_owned(), error.to_string()))?;
        if profile.client_secret.is_some() && exposed(path) {
            return Err(ProfileError::Exposed(path.to_owned()));
        }
        Ok(profile)
    }
}

fn same_origin(a: &Url, b: &Url) -> bool {
    let host = a.host() == b.host() || (is_loopback(a) && is_loopback(b));
    host && a.scheme() == b.scheme() && a.port_or_known_default() == b.port_or_known_default()
}

/// Whether a URL leads to this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Whether others on this machine can read a file.
#[cfg(unix)]
pub(crate) fn exposed(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}

/// Whether others on this machine can read a file; not known here.
#[cfg(not(unix))]
pub(crate) fn exposed(_: &Path) -> bool {
    false
}

/// The data directory that is meant when none is named: `$XDG_DATA_HOME/bartizan`, or the platform's like.
#[must_use]
pub(crate) fn default_data_dir() -> PathBuf {
    let from = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(folder) = from("XDG_DATA_HOME") {
        return PathBuf::from(folder).join("bartizan");
    }
    if cfg!(windows)
        && let Some(folder) = from("LOCALAPPDATA")
    {
        return PathBuf::from(folder).join("bartizan");
    }
    match from("HOME") {
        Some(home) => PathBuf::from(home).join(".local/share/bartizan"),
        None => PathBuf::from("bartizan-data"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str, mode: u32) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join(ADMINISTRATOR);
        std::fs::write(&path, text).expect("written");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let permissions = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(&path, permissions).expect("a mode");
        }
        (dir, path)
    }

    #[test]
    fn a_profile_is_read_and_unknown_keys_are_refused() {
        let (_dir, path) = written(
            "url = 'https://localhost:8443'\nclient-id = 'a'\nclient-secret = 'b'",
            0o600,
        );
        let profile = Profile::read(&path).expect("a profile");
        assert_eq!(profile.client_secret.as_deref(), Some("b"));
        let (_dir, path) = written("client_id = 'a'", 0o600);
        assert!(matches!(
            Profile::read(&path),
            Err(ProfileError::Malformed(..))
        ));
    }

    #[test]
    fn a_profile_is_for_its_own_origins() {
        let url = |text: &str| Url::parse(text).expect("a URL");
        let profile = Profile {
            url: Some(url("https://localhost:8443")),
            http: Some(url("http://127.0.0.1:8080")),
            ..Profile::default()
        };
        for (at, own) in [
            ("https://localhost:8443/", true),
            ("https://127.0.0.1:8443", true),
            ("https://[::1]:8443", true),
            ("http://localhost:8080", true),
            ("http://localhost:8443", false),
            ("https://localhost:8444", false),
            ("https://localhost", false),
            ("https://localhost.example:8443", false),
            ("https://192.0.2.2:8443", false),
        ] {
            assert_eq!(profile.is_for(Some(&url(at)), None), own, "{at}");
        }
        assert!(profile.is_for(None, None));
        assert!(!profile.is_for(None, Some("public")));
        assert!(Profile::default().is_for(None, Some("public")));
    }

    #[test]
    fn a_copied_data_directory_is_started_itself() {
        for (noted, said) in [
            (
                "bartizan serve --data /d2 --ports 9000",
                "bartizan serve --data '/d 6' --ports 9000",
            ),
            (
                "bartizan demo --data '/it'\\''s d2'",
                "bartizan demo --data '/d 6'",
            ),
            ("bartizan serve", "bartizan serve"),
        ] {
            assert_eq!(here(noted, Path::new("/d 6")), said);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_secret_that_others_can_read_is_not_used() {
        let (_dir, path) = written("client-secret = 'b'", 0o640);
        assert!(matches!(
            Profile::read(&path),
            Err(ProfileError::Exposed(_))
        ));
        let (_dir, path) = written("client-id = 'a'", 0o644);
        assert!(Profile::read(&path).is_ok(), "nothing in it is secret");
    }
}
