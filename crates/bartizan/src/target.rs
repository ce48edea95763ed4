//! From flags, environment and profile to a client: resolved in one place for every command.

use std::path::PathBuf;
use std::sync::OnceLock;

use bartizan_sdk::client::Builder;
use bartizan_sdk::{Anonymous, Client, ClientSecret, Cloud};

use crate::args::{Connection, Origin};
use crate::exit::Failure;
use crate::profile::{ADMINISTRATOR, Profile, default_data_dir};

/// The variable that carries a secret to the client; there is no flag, so that it cannot stand in a process list.
const SECRET: &str = "BARTIZAN_CLIENT_SECRET";

/// The flag that names the same profile again, for commands that are proposed; empty when none was named by flag.
pub(crate) fn named(connection: &Connection) -> String {
    match (&connection.profile, &connection.data) {
        _ if !connection.explicit => String::new(),
        (Some(file), _) => format!(" --profile {}", file.display()),
        (None, Some(data)) => format!(" --data {}", data.display()),
        (None, None) => String::new(),
    }
}

/// The data directory whose administrator mends what is refused; DIR when it is not known here.
pub(crate) fn administrators_data(connection: &Connection) -> String {
    let data = connection.data.clone().unwrap_or_else(default_data_dir);
    if data.join(ADMINISTRATOR).exists() {
        data.display().to_string()
    } else {
        "DIR".to_owned()
    }
}

/// As whom this process speaks, for failures to say: one process is one connection.
static SPEAKER: OnceLock<String> = OnceLock::new();

/// As whom a client was made, and how to be the administrator instead, once [`client`] was called.
pub(crate) fn speaker() -> Option<&'static str> {
    SPEAKER.get().map(String::as_str)
}

/// What `connection` comes to: flags and environment over the profile they name, or the administrator's profile of
/// the default data directory when they name no server.
pub(crate) fn profile(connection: &Connection) -> Result<Profile, Failure> {
    let below = match file(connection) {
        Some(file) => Profile::read(&file).map_err(Failure::usage)?,
        None => Profile::default(),
    };
    let secret = std::env::var(SECRET)
        .ok()
        .filter(|secret| !secret.is_empty());
    Ok(resolve(connection, below, secret))
}

/// The profile's file.
fn file(connection: &Connection) -> Option<PathBuf> {
    match (&connection.profile, &connection.data) {
        (Some(file), _) => Some(file.clone()),
        (None, Some(data)) => Some(data.join(ADMINISTRATOR)),
        (None, None) if connection.url.is_none() && connection.cloud.is_none() => {
            Some(default_data_dir().join(ADMINISTRATOR)).filter(|path| path.exists())
        }
        (None, None) => None,
    }
}

/// Flags and environment over a profile.
fn resolve(connection: &Connection, below: Profile, secret: Option<String>) -> Profile {
    // An id without its secret, or the reverse, would pair one application's id with another's secret.
    let (client_id, client_secret) = match &connection.client_id {
        Some(id) if below.client_id.as_ref() == Some(id) => {
            let secret = if connection.explicit {
                below.client_secret.or(secret)
            } else {
                secret.or(below.client_secret)
            };
            (Some(id.clone()), secret)
        }
        Some(id) => (Some(id.clone()), secret),
        None => (below.client_id, below.client_secret.or(secret)),
    };
    // A server that is named stands against the profile's cloud as well, and the reverse.
    let (url, cloud) = match (&connection.url, &connection.cloud) {
        (None, None) => (below.url, below.cloud),
        (url, cloud) => (url.clone(), cloud.clone()),
    };
    Profile {
        url,
        cloud,
        ca: connection.ca.clone().or(below.ca),
        ca_bundle: below.ca_bundle,
        proxy: below.proxy,
        tenant: connection.tenant.clone().or(below.tenant),
        client_id,
        client_secret,
    }
}

/// `application …` and where its id was said.
fn speaking_as(connection: &Connection, id: &str) -> String {
    let from = match (
        &connection.client_id,
        connection.client_id_from,
        file(connection),
    ) {
        (Some(_), Origin::Flag, _) => "of --client-id".to_owned(),
        (Some(_), Origin::Environment, _) => "of BARTIZAN_CLIENT_ID in the environment".to_owned(),
        (None, _, Some(file)) => format!("of the profile {}", file.display()),
        (None, _, None) => "of no profile".to_owned(),
    };
    format!("application {id}, {from}")
}

/// How the administrator's profile is used instead, where it is known and another is used.
fn as_administrator(connection: &Connection) -> Option<String> {
    connection.client_id.as_ref()?;
    let data = connection.data.clone().unwrap_or_else(default_data_dir);
    if !data.join(ADMINISTRATOR).exists() {
        return None;
    }
    let undo = match connection.client_id_from {
        Origin::Flag => "without --client-id",
        Origin::Environment => "whatever the environment says",
    };
    Some(format!(
        "with --data {} it is the administrator's, {undo}",
        data.display()
    ))
}

/// The cloud of a profile.
pub(crate) fn cloud(profile: &Profile) -> Result<Cloud, Failure> {
    match (&profile.url, &profile.cloud) {
        (_, Some(name)) => Cloud::named(name).ok_or_else(|| {
            Failure::usage(format!(
                "no cloud is named {name}; there are public, gcc, gcc-high, dod"
            ))
        }),
        (Some(url), None) => Ok(Cloud::at(url)),
        (None, None) => Err(Failure::usage(
            "no server: start one with `bartizan demo`, name its data directory with --data, or use --url or --cloud",
        )),
    }
}

/// A client of whoever `connection` names that has no credential, for public documents; of Microsoft's public cloud when
/// it names nobody.
pub(crate) fn anonymous(connection: &Connection) -> Result<Client, Failure> {
    let profile = profile(connection)?;
    let cloud = if profile.url.is_none() && profile.cloud.is_none() {
        Cloud::public()
    } else {
        cloud(&profile)?
    };
    build(Client::builder(cloud, "common", Anonymous), &profile)
}

/// A client for `connection`.
pub(crate) fn client(connection: &Connection) -> Result<Client, Failure> {
    let profile = profile(connection)?;
    let cloud = cloud(&profile)?;
    let missing = |what: &str, how: &str| Failure::usage(format!("no {what}: {how}"));
    let tenant = profile
        .tenant
        .clone()
        .ok_or_else(|| missing("tenant", "--tenant, BARTIZAN_TENANT_ID or a profile"))?;
    let id = profile.client_id.clone().ok_or_else(|| {
        missing(
            "application",
            "--client-id with BARTIZAN_CLIENT_SECRET, or the profile of --data DIR",
        )
    })?;
    let secret = profile
        .client_secret
        .clone()
        .ok_or_else(|| missing("secret", "BARTIZAN_CLIENT_SECRET or a profile"))?;
    let speaking = speaking_as(connection, &id);
    if connection.verbose {
        eprintln!(
            "speaking to {} as {speaking}, in tenant {tenant}",
            cloud.name
        );
    }
    let speaker = match as_administrator(connection) {
        Some(administrator) => format!("asked as {speaking}; {administrator}"),
        None => format!("asked as {speaking}"),
    };
    // A second client of the same process is the same connection's.
    let _ = SPEAKER.set(speaker);
    build(
        Client::builder(cloud, tenant, ClientSecret::new(id, secret)),
        &profile,
    )
}

fn build(mut builder: Builder, profile: &Profile) -> Result<Client, Failure> {
    if let Some(ca) = &profile.ca {
        let pem = std::fs::read(ca)
            .map_err(|error| Failure::usage(format!("{}: {error}", ca.display())))?;
        builder = builder.trust(pem);
    }
    Ok(builder.build()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile() -> Profile {
        Profile {
            url: Some(url("https://localhost:8443")),
            tenant: Some("t".to_owned()),
            client_id: Some("operator".to_owned()),
            client_secret: Some("operator's".to_owned()),
            ..Profile::default()
        }
    }

    fn url(text: &str) -> url::Url {
        text.parse().expect("a URL")
    }

    fn identity(connection: &Connection, secret: Option<&str>) -> (Option<String>, Option<String>) {
        let found = resolve(connection, profile(), secret.map(str::to_owned));
        (found.client_id, found.client_secret)
    }

    #[test]
    fn a_secret_is_never_paired_with_another_application() {
        let of = |id: &str| Connection {
            client_id: Some(id.to_owned()),
            ..Connection::default()
        };
        let pair =
            |id: &str, secret: Option<&str>| (Some(id.to_owned()), secret.map(str::to_owned));
        assert_eq!(
            identity(&Connection::default(), None),
            pair("operator", Some("operator's"))
        );
        // The environment's secret belongs to the environment's id, which is not given here.
        assert_eq!(
            identity(&Connection::default(), Some("x")),
            pair("operator", Some("operator's"))
        );
        assert_eq!(identity(&of("mine"), Some("x")), pair("mine", Some("x")));
        assert_eq!(identity(&of("mine"), None), pair("mine", None));
        assert_eq!(
            identity(&of("operator"), None),
            pair("operator", Some("operator's"))
        );
    }

    #[test]
    fn flags_stand_above_the_profile() {
        let connection = Connection {
            cloud: Some("gcc".to_owned()),
            tenant: Some("contoso".to_owned()),
            ..Connection::default()
        };
        let found = resolve(&connection, profile(), None);
        assert_eq!(found.tenant.as_deref(), Some("contoso"));
        assert_eq!(cloud(&found).expect("a cloud").name, "gcc");
        let connection = Connection {
            url: Some(url("https://other")),
            ..Connection::default()
        };
        let below = Profile {
            cloud: Some("public".to_owned()),
            ..Profile::default()
        };
        assert_eq!(
            cloud(&resolve(&connection, below, None))
                .expect("a server")
                .name,
            "own"
        );
    }

    #[test]
    fn nobody_is_told_how_to_name_somebody() {
        let failure = cloud(&Profile::default()).expect_err("no server");
        assert!(failure.to_string().contains("bartizan demo"), "{failure}");
        let unknown = Profile {
            cloud: Some("moon".to_owned()),
            ..Profile::default()
        };
        assert!(
            cloud(&unknown)
                .expect_err("no such cloud")
                .to_string()
                .contains("gcc-high")
        );
    }
}
