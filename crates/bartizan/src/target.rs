//! From flags, environment and profile to a client: resolved in one place for every command.

use std::sync::OnceLock;

use bartizan_sdk::client::Builder;
use bartizan_sdk::credential::DevicePrompt;
use bartizan_sdk::{
    Anonymous, Browser, Client, ClientCertificate, ClientSecret, Cloud, DeviceCode,
    WorkloadIdentity,
};
use url::Url;

use crate::args::{Connection, Origin};
use crate::caller::{self, Caller, Environment, Place, Proof, Source};
use crate::exit::Failure;
use crate::place::{file, guard, private, stale};
use crate::profile::{ADMINISTRATOR, Profile, default_data_dir, exposed, is_loopback, started_by};
use crate::shell::{quoted, quoted_path};

/// The flags that name the same profile and tenant again, for commands that are proposed; empty when none was named by
/// flag. What the environment says holds for the next command, too.
fn named(connection: &Connection) -> String {
    let mut flags = match (&connection.profile, &connection.data) {
        _ if !connection.explicit => String::new(),
        (Some(file), _) => format!(" --profile {}", quoted_path(file)),
        (None, Some(data)) => format!(" --data {}", quoted_path(data)),
        (None, None) => String::new(),
    };
    if let (Some(tenant), Origin::Flag) = (&connection.tenant, connection.tenant_from) {
        flags.push_str(&format!(" --tenant {}", quoted(tenant)));
    }
    flags
}

/// The flags of this process's connection ([`named`]), to be put behind commands that are proposed: without them they
/// would act on another tenant, or server.
static AGAIN: OnceLock<String> = OnceLock::new();

/// The flags that name the same profile and tenant again, once a client was made.
pub(crate) fn again() -> &'static str {
    AGAIN.get().map_or("", String::as_str)
}

/// How the server of this process's connection is started, where that is known.
static STARTED_BY: OnceLock<String> = OnceLock::new();

/// What to say when nobody listens at an address: that, and what starts a server there.
pub(crate) fn no_answer(url: &Url) -> String {
    let origin = url.origin().ascii_serialization();
    format!("no server answers at {origin}{}", start())
}

/// What is trusted for the server of this process's connection, and where that was said.
static TRUSTED: OnceLock<String> = OnceLock::new();

fn trusted(connection: &Connection, profile: &Profile) -> String {
    let from = match (&connection.ca, connection.ca_from) {
        (Some(_), Origin::Flag) => "--ca",
        (Some(_), Origin::Environment) => "BARTIZAN_CA of the environment",
        (None, _) => "the profile",
    };
    match &profile.ca {
        Some(ca) => format!(
            "trusted is {}, as {from} says: is it the authority of that server? `bartizan ca --data DIR` prints a server's",
            ca.display()
        ),
        None => "no authority is named for it: --ca FILE or BARTIZAN_CA; `bartizan ca --data DIR` prints a server's"
            .to_owned(),
    }
}

/// What to add when a server's certificate is not trusted.
pub(crate) fn trust(message: &str) -> Option<&'static str> {
    let told = message.contains("certificate");
    TRUSTED.get().map(String::as_str).filter(|_| told)
}

/// `; start it: …`, where the command is known.
pub(crate) fn start() -> &'static str {
    STARTED_BY.get().map_or("", String::as_str)
}

/// Notes the flags of a connection to which nobody is asked to connect.
pub(crate) fn remember(connection: &Connection) {
    let _ = AGAIN.set(named(connection));
}

/// Notes what failures and remarks of this process say of its connection. One process is one connection.
pub(crate) fn note(connection: &Connection, profile: &Profile) {
    remember(connection);
    let _ = TRUSTED.set(trusted(connection, profile));
    let said = match (stale(connection), starts(connection, profile)) {
        (Some(stale), _) => format!("; {stale}"),
        // It may be that of any data directory, and may run elsewhere.
        (None, Some(_)) if file(connection).is_none() => {
            "; is that its address? If it is: bartizan serve --data DIR, or bartizan demo, starts it".to_owned()
        }
        (None, Some(command)) => format!("; start it: {command}"),
        (None, None) => return,
    };
    let _ = STARTED_BY.set(said);
}

/// The command that starts the server of a profile on this machine.
fn starts(connection: &Connection, profile: &Profile) -> Option<String> {
    if !is_loopback(profile.url.as_ref()?) {
        return None;
    }
    let file = file(connection).filter(|file| file.ends_with(ADMINISTRATOR));
    let data = match file {
        Some(file) => file.parent()?.to_owned(),
        None => return Some("bartizan serve --data DIR".to_owned()),
    };
    let serve = || format!("bartizan serve --data {}", quoted_path(&data));
    Some(started_by(&data).unwrap_or_else(serve))
}

/// The data directory whose administrator mends what is refused; DIR when it is not known here.
pub(crate) fn administrators_data(connection: &Connection) -> String {
    let data = connection.data.clone().unwrap_or_else(default_data_dir);
    if data.join(ADMINISTRATOR).exists() {
        quoted_path(&data)
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
    Ok(resolved(connection)?.0)
}

/// The same for a command that speaks, or lets others speak, by the profile's secret: that goes to the profile's own
/// server alone.
pub(crate) fn speaking(connection: &Connection) -> Result<(Profile, Caller), Failure> {
    let (profile, caller) = resolved(connection)?;
    if caller.proof_of_profile {
        guard(connection)?;
    }
    Ok((profile, caller))
}

fn resolved(connection: &Connection) -> Result<(Profile, Caller), Failure> {
    let below = match file(connection) {
        Some(file) => Profile::read(&file).map_err(Failure::usage)?,
        None => Profile::default(),
    };
    resolve(connection, below, &Environment::read(connection.explicit))
}

/// Flags and environment over a profile.
fn resolve(
    connection: &Connection,
    mut below: Profile,
    environment: &Environment,
) -> Result<(Profile, Caller), Failure> {
    let caller = caller::resolve(connection, &below, environment);
    // What a profile says of its server is nothing that a cloud of Microsoft's knows.
    if connection.cloud.is_some() && !below.is_for(None, connection.cloud.as_deref()) {
        (below.tenant, below.ca, below.ca_bundle, below.proxy) = (None, None, None, None);
    }
    let (mut secret, mut certificate, mut federated_token_file) = (None, None, None);
    match caller.proof.clone() {
        Some(Proof::Secret(text)) => secret = Some(text),
        Some(Proof::Certificate(file, _)) => certificate = Some(file),
        Some(Proof::FederatedToken(file)) => federated_token_file = Some(file),
        Some(Proof::DeviceCode | Proof::Browser) | None => {}
    }
    // The variables of azure-identity count as a whole: a tenant or host of theirs is not for the profile's application,
    // whose secret would go there.
    let azure_tenant = environment.azure_tenant.clone();
    let tenant = match (caller.of_azure, below.tenant) {
        (true, below) => azure_tenant.or(below),
        (false, below) => below.or(azure_tenant),
    };
    let named = (connection.url.clone(), connection.cloud.clone());
    let below_place = (below.url, below.cloud);
    // A server that is named stands against the profile's cloud as well, and the reverse.
    let (url, cloud) = match (&named, &below_place) {
        ((None, None), (None, None)) => authority(environment)?,
        ((None, None), _) if caller.of_azure => match authority(environment)? {
            (None, None) => below_place,
            place => place,
        },
        ((None, None), _) => below_place,
        _ => named,
    };
    let profile = Profile {
        url,
        http: below.http,
        cloud,
        ca: connection.ca.clone().or(below.ca),
        ca_bundle: below.ca_bundle,
        proxy: below.proxy,
        tenant: connection.tenant.clone().or(tenant),
        client_id: caller.client_id.clone(),
        client_secret: secret,
        certificate,
        federated_token_file,
    };
    Ok((profile, caller))
}

fn authority(environment: &Environment) -> Result<(Option<Url>, Option<String>), Failure> {
    Ok(match environment.authority()? {
        Some(Place::Cloud(name)) => (None, Some(name.to_owned())),
        Some(Place::Server(url)) => (Some(url), None),
        None => (None, None),
    })
}

/// `application …` and where its id was said.
fn speaking_as(connection: &Connection, caller: &Caller, id: &str) -> String {
    let from = match (caller.from, file(connection)) {
        (Source::Flag, _) => "of --client-id".to_owned(),
        (Source::Environment, _) => "of BARTIZAN_CLIENT_ID in the environment".to_owned(),
        (Source::Azure, _) => "of AZURE_CLIENT_ID in the environment".to_owned(),
        (Source::Profile, Some(file)) => format!("of the profile {}", file.display()),
        (Source::Profile, None) => "of no profile".to_owned(),
    };
    match &caller.proof {
        Some(proof) if proof.is_a_persons() => {
            format!("the person who signed in to application {id}, {from}")
        }
        _ => format!("application {id}, {from}"),
    }
}

/// How the administrator's profile is used instead, where it is known and another is used.
fn as_administrator(connection: &Connection, caller: &Caller) -> Option<String> {
    let undo = match caller.from {
        Source::Flag => "without --client-id",
        Source::Environment | Source::Azure => "whatever the environment says",
        Source::Profile => return None,
    };
    let data = connection.data.clone().unwrap_or_else(default_data_dir);
    if !data.join(ADMINISTRATOR).exists() {
        return None;
    }
    Some(format!(
        "with --data {} it is the administrator's, {undo}",
        quoted_path(&data)
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

/// Whether `connection` comes to a server or a cloud at all.
pub(crate) fn names_a_server(connection: &Connection) -> Result<bool, Failure> {
    let profile = profile(connection)?;
    Ok(profile.url.is_some() || profile.cloud.is_some())
}

/// A client of whoever `connection` names that has no credential, for public documents; of Microsoft's public cloud when
/// it names nobody.
pub(crate) fn anonymous(connection: &Connection) -> Result<Client, Failure> {
    let profile = profile(connection)?;
    note(connection, &profile);
    let cloud = if profile.url.is_none() && profile.cloud.is_none() {
        Cloud::public()
    } else {
        cloud(&profile)?
    };
    build(Client::builder(cloud, "common", Anonymous), &profile)
}

/// A client for `connection`.
pub(crate) fn client(connection: &Connection) -> Result<Client, Failure> {
    let (profile, caller) = speaking(connection)?;
    note(connection, &profile);
    let cloud = cloud(&profile)?;
    private(&cloud)?;
    let old = stale(connection).map_or_else(String::new, |stale| format!("; {stale}"));
    let missing = |what: &str, how: &str| Failure::usage(format!("no {what}: {how}{old}"));
    let tenant = profile.tenant.clone().ok_or_else(|| {
        missing(
            "tenant",
            "--tenant, BARTIZAN_TENANT_ID, AZURE_TENANT_ID or a profile",
        )
    })?;
    let id = caller.client_id.clone().ok_or_else(|| match &caller.proof {
        Some(proof) if proof.is_a_persons() => missing(
            "application to sign in to",
            "--client-id of a public client; make one with `bartizan app create NAME --public-client --public-redirect-uri http://localhost`",
        ),
        Some(Proof::Certificate(..) | Proof::FederatedToken(_)) => missing(
            "application",
            "a certificate or a workload's token proves one; say which by --client-id (`bartizan app list` shows them)",
        ),
        _ => missing(
            "application",
            "--client-id with BARTIZAN_CLIENT_SECRET, or the profile of --data DIR",
        ),
    })?;
    let proof = caller.proof.clone().ok_or_else(|| {
        missing(
            "secret",
            "BARTIZAN_CLIENT_SECRET (of the application that BARTIZAN_CLIENT_ID names, where that is set) or a profile; or --certificate, --federated-token-file, and for a person --device-code or --browser",
        )
    })?;
    let speaking = speaking_as(connection, &caller, &id);
    if connection.verbose {
        eprintln!(
            "speaking to {} as {speaking}, in tenant {tenant}",
            cloud.name
        );
    }
    let speaker = match as_administrator(connection, &caller) {
        Some(administrator) => format!("asked as {speaking}; {administrator}"),
        None => format!("asked as {speaking}"),
    };
    // A second client of the same process is the same connection's.
    let _ = SPEAKER.set(speaker);
    build(builder(cloud, tenant, id, proof)?, &profile)
}

fn builder(cloud: Cloud, tenant: String, id: String, proof: Proof) -> Result<Builder, Failure> {
    Ok(match proof {
        Proof::Secret(secret) => Client::builder(cloud, tenant, ClientSecret::new(id, secret)),
        Proof::Certificate(file, password) => {
            let wrong = |error: &dyn std::fmt::Display| {
                Failure::usage(format!("{}: {error}", file.display()))
            };
            let bytes = std::fs::read(&file).map_err(|error| wrong(&error))?;
            if exposed(&file) {
                let file = quoted_path(&file);
                eprintln!(
                    "warning: others can read {file}, with the private key in it: chmod 600 {file}"
                );
            }
            let pem = String::from_utf8(bytes).map_err(|_| {
                wrong(&"this is no PEM file; of a PKCS #12 (.pfx) file `openssl pkcs12 -in FILE -out NEW.pem` makes one")
            })?;
            let credential = ClientCertificate::from_encrypted_pem(id, &pem, password.as_deref());
            Client::builder(cloud, tenant, credential.map_err(|error| wrong(&error))?)
        }
        Proof::FederatedToken(file) => {
            Client::builder(cloud, tenant, WorkloadIdentity::new(id, file))
        }
        Proof::DeviceCode => Client::builder(cloud, tenant, DeviceCode::new(id, tell)),
        Proof::Browser => Client::builder(cloud, tenant, Browser::new(id, open)),
    })
}

/// Tells a person where to sign in. Not on standard output, which holds the result.
fn tell(prompt: &DevicePrompt) {
    eprintln!(
        "To sign in, open {} in a browser and enter the code {}",
        prompt.verification_uri, prompt.user_code
    );
}

/// Shows a person the page: in the browser, where one can be started, and as an address.
fn open(page: &Url) {
    eprintln!("To sign in, open this address in a browser of this machine:\n{page}");
    let (program, arguments): (&str, &[&str]) = if cfg!(target_os = "macos") {
        ("open", &[])
    } else if cfg!(windows) {
        ("rundll32", &["url.dll,FileProtocolHandler"])
    } else {
        ("xdg-open", &[])
    };
    let quiet = std::process::Stdio::null;
    // Without a browser there is still the address.
    let _ = std::process::Command::new(program)
        .args(arguments)
        .arg(page.as_str())
        .stdin(quiet())
        .stdout(quiet())
        .stderr(quiet())
        .spawn();
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

    fn of(connection: &Connection, below: Profile, environment: &Environment) -> Profile {
        resolve(connection, below, environment).expect("good").0
    }

    #[test]
    fn flags_stand_above_the_profile() {
        let connection = Connection {
            cloud: Some("gcc".to_owned()),
            tenant: Some("contoso".to_owned()),
            ..Connection::default()
        };
        let none = Environment::default();
        let found = of(&connection, profile(), &none);
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
            cloud(&of(&connection, below, &none))
                .expect("a server")
                .name,
            "own"
        );
    }

    #[test]
    fn a_cloud_does_not_hear_of_the_profiles_tenant() {
        let connection = Connection {
            cloud: Some("public".to_owned()),
            ..Connection::default()
        };
        let below = Profile {
            ca: Some("ca.pem".into()),
            proxy: Some(url("http://127.0.0.1:8480")),
            ..profile()
        };
        let found = of(&connection, below, &Environment::default());
        assert_eq!((found.tenant, found.ca, found.proxy), (None, None, None));
    }

    #[test]
    fn azures_host_and_tenant_count_for_its_own_application() {
        let connection = Connection::default();
        let stray = Environment {
            azure_tenant: Some("theirs".to_owned()),
            azure_authority: Some("https://login.microsoftonline.com".to_owned()),
            ..Environment::default()
        };
        // The profile's secret does not leave for where a stray variable leads.
        let found = of(&connection, profile(), &stray);
        assert_eq!((found.url, found.cloud), (profile().url, None));
        assert_eq!(found.tenant.as_deref(), Some("t"));
        let whole = Environment {
            azure_client_id: Some("app".to_owned()),
            azure_secret: Some("s".to_owned()),
            ..stray.clone()
        };
        // Nor is another tenant's application in the same shell about the profile's server.
        let found = of(&connection, profile(), &whole);
        assert_eq!((found.url, found.cloud), (profile().url, None));
        assert_eq!(found.tenant.as_deref(), Some("t"));
        assert_eq!(found.client_id.as_deref(), Some("operator"));
        let nobodys = Profile {
            client_id: None,
            client_secret: None,
            ..profile()
        };
        let found = of(&connection, nobodys, &whole);
        assert_eq!((found.url, found.cloud.as_deref()), (None, Some("public")));
        assert_eq!(found.tenant.as_deref(), Some("theirs"));
        assert_eq!(found.client_id.as_deref(), Some("app"));
        // Without a profile they are all there is.
        let found = of(&connection, Profile::default(), &stray);
        assert_eq!(found.cloud.as_deref(), Some("public"));
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
