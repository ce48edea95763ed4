//! The data directory: one server at a time, readable by its owner alone.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The file that says whose a data directory is.
const LOCK_FILE: &str = "lock";

/// A data directory that this process holds. Dropping it lets another server have it.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    // Held, not read: the operating system frees the lock when the process ends, however it ends.
    _lock: File,
}

impl DataDir {
    /// Creates `path` (mode 0700) when it is absent and takes its lock.
    ///
    /// # Errors
    /// `WouldBlock` when another server holds it; else what the operating system says.
    pub fn open(path: &Path) -> io::Result<Self> {
        create_private_folder(path)?;
        let lock = private_options().read(true).open(path.join(LOCK_FILE))?;
        lock.try_lock().map_err(|error| match error {
            std::fs::TryLockError::WouldBlock => io::Error::new(
                io::ErrorKind::WouldBlock,
                format!("{} is in use by another server", path.display()),
            ),
            std::fs::TryLockError::Error(error) => error,
        })?;
        Ok(Self {
            path: path.to_owned(),
            _lock: lock,
        })
    }

    /// The directory itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file below it; nothing is created.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// A folder below it, made when absent.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn folder(&self, name: &str) -> io::Result<PathBuf> {
        let path = self.path.join(name);
        create_private_folder(&path)?;
        Ok(path)
    }

    /// A folder below it without anything in it: what a killed server left there goes.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn empty_folder(&self, name: &str) -> io::Result<PathBuf> {
        match std::fs::remove_dir_all(self.path.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => self.folder(name),
        }
    }
}

/// Writes `bytes` to `path` with mode 0600, whole or not at all: to a temporary name, flushed, then renamed.
///
/// # Errors
/// What the operating system says.
pub fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("new");
    // A leftover of a killed process may have other permissions.
    match std::fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = private_options().open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)?;
    if let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// Takes from others what they may do in a folder that was there already, and says so. One that belongs to everybody, as
/// `/tmp` does, or holds other things alone stays as it is; one of another owner cannot be changed, which is said, too.
#[cfg(unix)]
pub(crate) fn tighten(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    const OTHERS: u32 = 0o077;
    const STICKY: u32 = 0o1000;
    let Ok(mode) = std::fs::metadata(path).map(|metadata| metadata.permissions().mode()) else {
        return;
    };
    if mode & OTHERS == 0 {
        return;
    }
    let private = std::fs::Permissions::from_mode(mode & 0o7700);
    let path_text = path.display();
    if mode & STICKY != 0 || !is_ours(path) {
        tracing::warn!("others may look into the data directory {path_text}");
    } else if let Err(error) = std::fs::set_permissions(path, private) {
        tracing::warn!(%error, "others may look into the data directory {path_text}, and it cannot be changed");
    } else {
        tracing::warn!(
            "others could look into the data directory {path_text}: it is for its owner alone now (0700)"
        );
    }
}

/// What one who starts a server in a folder makes before it is looked at: the lock, and the log of a server in the background.
#[cfg(unix)]
const MADE_BEFORE: [&str; 2] = [LOCK_FILE, "server.log"];

/// Whether a folder holds something of ours, or nothing else.
#[cfg(unix)]
fn is_ours(path: &Path) -> bool {
    let Ok(inside) = std::fs::read_dir(path) else {
        return false;
    };
    let names = inside.flatten().map(|entry| entry.file_name());
    let mut names = names
        .filter(|name| MADE_BEFORE.iter().all(|made| name != made))
        .peekable();
    names.peek().is_none() || names.any(|name| name.to_string_lossy().starts_with("bartizan."))
}

/// There are no modes here.
#[cfg(not(unix))]
pub(crate) fn tighten(_: &Path) {}

fn private_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Makes a folder, and those above it that are missing, for its owner alone (0700); one that exists stays as it is.
///
/// # Errors
/// What the system says.
pub fn create_private_folder(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_held_by_one_server_at_a_time() {
        let dir = tempfile::tempdir().expect("a folder");
        let held = DataDir::open(dir.path()).expect("free");
        let refused = DataDir::open(dir.path()).expect_err("held");
        assert_eq!(refused.kind(), io::ErrorKind::WouldBlock);
        drop(held);
        DataDir::open(dir.path()).expect("free again");
    }

    #[cfg(unix)]
    #[test]
    fn is_made_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("above").join("data");
        create_private_folder(&path).expect("made");
        for made in [&path, &dir.path().join("above")] {
            let mode = std::fs::metadata(made).expect("there").permissions().mode();
            assert_eq!(mode & 0o777, 0o700, "{}", made.display());
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_was_there_is_tightened() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().expect("a folder");
        for (before, after) in [(0o755, 0o700), (0o1777, 0o1777), (0o500, 0o500)] {
            let mode = std::fs::Permissions::from_mode(before);
            std::fs::set_permissions(dir.path(), mode).expect("set");
            tighten(dir.path());
            let now = std::fs::metadata(dir.path()).expect("there").permissions();
            assert_eq!(now.mode() & 0o7777, after, "{before:o}");
        }
        let mode = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(dir.path(), mode).expect("set");
        // What holds other things alone is no data directory yet.
        let other = dir.path().join("other");
        let files = [
            ("server.log", 0o700),
            ("notes.txt", 0o755),
            ("bartizan.toml", 0o700),
        ];
        for (file, after) in files {
            std::fs::create_dir_all(&other).expect("made");
            std::fs::write(other.join(file), "").expect("written");
            let mode = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(&other, mode).expect("set");
            // As a server does it.
            let _held = DataDir::open(&other).expect("free");
            tighten(&other);
            let now = std::fs::metadata(&other).expect("there").permissions();
            assert_eq!(now.mode() & 0o777, after, "{file}");
        }
    }

    #[test]
    fn empties_a_folder_for_temporary_files() {
        let dir = tempfile::tempdir().expect("a folder");
        let data = DataDir::open(dir.path()).expect("free");
        let folder = data.empty_folder("spill").expect("made");
        std::fs::write(folder.join("left"), "by a killed server").expect("written");
        let again = data.empty_folder("spill").expect("emptied");
        assert_eq!(std::fs::read_dir(again).expect("a folder").count(), 0);
    }

    #[test]
    fn replaces_a_private_file_whole() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("secret");
        write_private(&path, b"a longer first text").expect("written");
        write_private(&path, b"second").expect("replaced");
        assert_eq!(std::fs::read(&path).expect("read"), b"second");
    }
}
