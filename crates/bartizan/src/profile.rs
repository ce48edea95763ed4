//! Profiles: where a server is and who the client is there, in a file that its owner alone can read.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use url::Url;

/// The file that a server leaves for its administrator in its data directory.
pub(crate) const ADMINISTRATOR: &str = "admin.toml";

/// The file in the data directory that keeps the command by which the server was started last.
pub(crate) const START_FILE: &str = "server.start";

/// The command by which the server of this data directory was started last.
pub(crate) fn started_by(data: &Path) -> Option<String> {
    let command = std::fs::read_to_string(data.join(START_FILE)).ok()?;
    Some(command.trim().to_owned()).filter(|command| !command.is_empty())
}

/// A profile as it stands in its file.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Profile {
    /// A server's origin.
    pub(crate) url: Option<Url>,
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
         first starts: `bartizan serve --data {0}`"
    )]
    Absent(PathBuf),
    /// It cannot be read.
    #[error("{0}: {1}")]
    Unreadable(PathBuf, std::io::Error),
    /// It is not a profile.
    #[error("{0}: {1}")]
    Malformed(PathBuf, String),
    /// Others can read the secret in it.
    #[error("{0} can be read by others; it holds a secret: chmod 600 {0}")]
    Exposed(PathBuf),
}

impl Profile {
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

#[cfg(unix)]
fn exposed(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn exposed(_: &Path) -> bool {
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
