//! Which server a profile is for: found by what is named, and the only one that hears its secret.

use std::path::PathBuf;

use bartizan_sdk::Cloud;

use crate::args::{Connection, Origin};
use crate::exit::Failure;
use crate::profile::{ADMINISTRATOR, Profile, default_data_dir, is_loopback};

/// What to say when the environment names another server than the profile that is there.
pub(crate) fn stale(connection: &Connection) -> Option<String> {
    let at = connection
        .url
        .as_ref()
        .filter(|_| connection.place_from == Origin::Environment)?;
    let file = match named_file(connection) {
        Some(file) => file,
        None => default_data_dir().join(ADMINISTRATOR),
    };
    let server = Profile::read(&file).ok()?;
    if server.is_for(Some(at), None) {
        return None;
    }
    Some(format!(
        "the server of {} is at {}: if BARTIZAN_URL of this shell is old, eval \"$(bartizan env)\" again",
        file.display(),
        place(&server)
    ))
}

/// Where a profile's server is, for messages.
fn place(profile: &Profile) -> String {
    match (&profile.url, &profile.cloud) {
        (_, Some(cloud)) => format!("Microsoft's cloud {cloud}"),
        (Some(url), None) => url.origin().ascii_serialization(),
        (None, None) => "no address".to_owned(),
    }
}

/// What the server of the profile is, whatever variables say of another one: for a shell that is to be told.
pub(crate) fn own_server(connection: &Connection) -> Connection {
    let mut own = connection.without_variables();
    if file(connection).is_some() {
        // As if it had been typed: no variable of azure-identity says otherwise.
        own.explicit = true;
        own
    } else {
        connection.clone()
    }
}

/// Whether a profile is in force, and for the server that `connection` names.
pub(crate) fn profile_is_in_force(connection: &Connection) -> bool {
    let below = file(connection).and_then(|file| Profile::read(&file).ok());
    below.is_some_and(|below| below.is_for(connection.url.as_ref(), connection.cloud.as_deref()))
}

/// Refuses to send the secret of a profile to another server than the profile's.
pub(crate) fn guard(connection: &Connection) -> Result<(), Failure> {
    let Some(file) = file(connection) else {
        return Ok(());
    };
    let below = Profile::read(&file).map_err(Failure::usage)?;
    let (url, cloud) = (connection.url.as_ref(), connection.cloud.as_deref());
    if below.is_for(url, cloud) {
        return Ok(());
    }
    let (flag, variable, named) = match (url, cloud) {
        (_, Some(cloud)) => ("--cloud", "BARTIZAN_CLOUD", cloud.to_owned()),
        (Some(url), None) => ("--url", "BARTIZAN_URL", url.origin().ascii_serialization()),
        (None, None) => return Ok(()),
    };
    let (said, old) = match connection.place_from {
        Origin::Flag => (flag, String::new()),
        Origin::Environment => (
            variable,
            format!(
                ". If {variable} of this shell is old: eval \"$(bartizan env)\" again. If it is meant:"
            ),
        ),
    };
    let separator = if old.is_empty() { "; there," } else { "" };
    Err(Failure::usage(format!(
        "{said} names {named}, but the secret of the profile {} goes to {} alone{old}{separator} speak with --client-id \
         and BARTIZAN_CLIENT_SECRET of an application of that tenant (--tenant)",
        file.display(),
        place(&below)
    )))
}

/// The file of a profile that is named.
fn named_file(connection: &Connection) -> Option<PathBuf> {
    match (&connection.profile, &connection.data) {
        (Some(file), _) => Some(file.clone()),
        (None, Some(data)) => Some(data.join(ADMINISTRATOR)),
        (None, None) => None,
    }
}

/// The profile's file: that which is named, or the administrator's in the default data directory, unless another server
/// than its own is named.
pub(crate) fn file(connection: &Connection) -> Option<PathBuf> {
    if let Some(file) = named_file(connection) {
        return Some(file);
    }
    let default = default_data_dir().join(ADMINISTRATOR);
    let meant = match (&connection.url, &connection.cloud) {
        (None, None) => default.exists(),
        (url, cloud) => Profile::read(&default).is_ok_and(|profile| {
            let names_one = profile.url.is_some() || profile.cloud.is_some();
            names_one && profile.is_for(url.as_ref(), cloud.as_deref())
        }),
    };
    meant.then_some(default)
}

/// Refuses an address where whoever is on the way would read secrets and tokens.
pub(crate) fn private(cloud: &Cloud) -> Result<(), Failure> {
    let open = cloud.authority.scheme() == "http" && !is_loopback(&cloud.authority);
    if !open {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "{} is plain HTTP to another machine, where secrets and tokens can be read on the way: use the https address of \
         the server, with --ca FILE for its authority",
        cloud.authority.origin().ascii_serialization()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_does_not_leave_the_machine() {
        for (at, good) in [
            ("http://127.0.0.1:8080", true),
            ("http://localhost:8080", true),
            ("https://192.0.2.2:8443", true),
            ("http://192.0.2.2:8080", false),
        ] {
            assert_eq!(
                private(&Cloud::at(&at.parse().expect("a URL"))).is_ok(),
                good,
                "{at}"
            );
        }
    }
}
