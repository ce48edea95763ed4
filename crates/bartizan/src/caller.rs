//! As whom a client command speaks: an application's id and its proof, layer by layer. Flags stand above the variables of
//! this project, and these above the profile. The variables that azure-identity knows are of Microsoft's clouds: there they
//! stand above the profile, and for a server of one's own below one that proves its application.
//!
//! An id is never paired with another one's proof: both come from one layer, or from layers that name the same id.

use std::path::PathBuf;

use url::Url;

use crate::args::{self, Connection, Origin};
use crate::exit::Failure;
use crate::profile::Profile;

/// How an application or person proves itself.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Proof {
    /// A secret.
    Secret(String),
    /// A certificate with its private key (PEM), and the key's password.
    Certificate(PathBuf, Option<String>),
    /// A file with a workload's token.
    FederatedToken(PathBuf),
    /// A person at another device.
    DeviceCode,
    /// A person with the browser of this machine.
    Browser,
}

impl Proof {
    /// Whether a person signs in.
    pub(crate) const fn is_a_persons(&self) -> bool {
        matches!(self, Self::DeviceCode | Self::Browser)
    }
}

/// Which layer said who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Source {
    /// `--client-id`
    Flag,
    /// `BARTIZAN_CLIENT_ID`
    Environment,
    /// `AZURE_CLIENT_ID`
    Azure,
    /// The profile.
    #[default]
    Profile,
}

/// Who speaks.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Caller {
    /// Application (client) id.
    pub(crate) client_id: Option<String>,
    /// Its proof.
    pub(crate) proof: Option<Proof>,
    /// Where the id was said.
    pub(crate) from: Source,
    /// The variables of azure-identity say who it is, so that their tenant and host count, too.
    pub(crate) of_azure: bool,
    /// The proof is the profile's: it is for the profile's own server alone.
    pub(crate) proof_of_profile: bool,
}

/// What the environment says beside the variables that flags have.
#[derive(Clone, Default)]
pub(crate) struct Environment {
    /// `BARTIZAN_CLIENT_ID`, also where a flag or a named profile stands above it: the project's other variables prove
    /// that application alone.
    pub(crate) client_id: Option<String>,
    /// `BARTIZAN_CLIENT_SECRET`; there is no flag, so that it cannot stand in a process list.
    pub(crate) secret: Option<String>,
    /// `BARTIZAN_CLIENT_CERTIFICATE_PASSWORD`
    pub(crate) certificate_password: Option<String>,
    /// `AZURE_TENANT_ID`
    pub(crate) azure_tenant: Option<String>,
    /// `AZURE_AUTHORITY_HOST`
    pub(crate) azure_authority: Option<String>,
    /// `AZURE_CLIENT_ID`
    pub(crate) azure_client_id: Option<String>,
    /// `AZURE_CLIENT_SECRET`
    pub(crate) azure_secret: Option<String>,
    /// `AZURE_CLIENT_CERTIFICATE_PATH`
    pub(crate) azure_certificate: Option<PathBuf>,
    /// `AZURE_CLIENT_CERTIFICATE_PASSWORD`
    pub(crate) azure_certificate_password: Option<String>,
    /// `AZURE_FEDERATED_TOKEN_FILE`
    pub(crate) azure_federated_token_file: Option<PathBuf>,
}

impl Environment {
    /// Reads the variables; an empty one is none. A profile that was named on the command line leaves those of
    /// azure-identity out, as it does this project's.
    pub(crate) fn read(explicit: bool) -> Self {
        let text = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let own = Self {
            client_id: text("BARTIZAN_CLIENT_ID"),
            secret: text("BARTIZAN_CLIENT_SECRET"),
            certificate_password: text("BARTIZAN_CLIENT_CERTIFICATE_PASSWORD"),
            ..Self::default()
        };
        // The password belongs to whatever certificate is used, the flag's too.
        let azure_certificate_password = text("AZURE_CLIENT_CERTIFICATE_PASSWORD");
        if explicit {
            return Self {
                azure_certificate_password,
                ..own
            };
        }
        Self {
            azure_tenant: text("AZURE_TENANT_ID"),
            azure_authority: text("AZURE_AUTHORITY_HOST"),
            azure_client_id: text("AZURE_CLIENT_ID"),
            azure_secret: text("AZURE_CLIENT_SECRET"),
            azure_certificate: text("AZURE_CLIENT_CERTIFICATE_PATH").map(PathBuf::from),
            azure_certificate_password,
            azure_federated_token_file: text("AZURE_FEDERATED_TOKEN_FILE").map(PathBuf::from),
            ..own
        }
    }

    /// The proof of the project's own variables, for the application `id`: none when they name another one.
    fn own_proof(&self, connection: &Connection, id: Option<&String>) -> Option<Proof> {
        if self.client_id.is_some() && self.client_id.as_ref() != id {
            return None;
        }
        let certificate = |file: &PathBuf| {
            let password = self.certificate_password.clone();
            let password = password.or_else(|| self.azure_certificate_password.clone());
            Proof::Certificate(file.clone(), password)
        };
        let secret = self.secret.clone().map(Proof::Secret);
        secret
            .or_else(|| connection.certificate.as_ref().map(certificate))
            .or_else(|| {
                let file = connection.federated_token_file.clone();
                file.map(Proof::FederatedToken)
            })
    }

    /// The proof of azure-identity's variables, in its order.
    fn azure_proof(&self) -> Option<Proof> {
        let certificate = |file: &PathBuf| {
            let password = self.azure_certificate_password.clone();
            Proof::Certificate(file.clone(), password)
        };
        let secret = self.azure_secret.clone().map(Proof::Secret);
        secret
            .or_else(|| self.azure_certificate.as_ref().map(certificate))
            .or_else(|| {
                let file = self.azure_federated_token_file.clone();
                file.map(Proof::FederatedToken)
            })
    }

    /// The proof that the command line names.
    fn typed_proof(&self, connection: &Connection) -> Option<Proof> {
        connection.proof.clone().map(|proof| match proof {
            args::Proof::Certificate(file) => {
                let own = self.certificate_password.clone();
                let password = own.or_else(|| self.azure_certificate_password.clone());
                Proof::Certificate(file, password)
            }
            args::Proof::FederatedToken(file) => Proof::FederatedToken(file),
            args::Proof::DeviceCode => Proof::DeviceCode,
            args::Proof::Browser => Proof::Browser,
        })
    }

    /// Where `AZURE_AUTHORITY_HOST` leads: one of Microsoft's clouds, or a server of one's own.
    pub(crate) fn authority(&self) -> Result<Option<Place>, Failure> {
        let Some(host) = &self.azure_authority else {
            return Ok(None);
        };
        let text = match host.contains("://") {
            true => host.clone(),
            // azure-identity takes a bare host, too.
            false => format!("https://{host}"),
        };
        let url = Url::parse(&text).map_err(|error| {
            Failure::usage(format!(
                "AZURE_AUTHORITY_HOST {host}: {error}; it is a URL such as https://login.microsoftonline.com"
            ))
        })?;
        Ok(Some(match url.host_str() {
            Some("login.microsoftonline.com") => Place::Cloud("public"),
            // Of the two clouds behind it; --cloud dod names the other.
            Some("login.microsoftonline.us") => Place::Cloud("gcc-high"),
            _ => Place::Server(url),
        }))
    }
}

/// Whom a sign-in host belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// One of Microsoft's clouds, by name.
    Cloud(&'static str),
    /// A server's origin.
    Server(Url),
}

/// The profile's proof.
fn proof_of(profile: &Profile, environment: &Environment) -> Option<Proof> {
    let secret = profile.client_secret.clone().map(Proof::Secret);
    secret
        .or_else(|| {
            let password = environment.certificate_password.clone();
            let file = profile.certificate.clone();
            file.map(|file| Proof::Certificate(file, password))
        })
        .or_else(|| {
            let file = profile.federated_token_file.clone();
            file.map(Proof::FederatedToken)
        })
}

/// Who speaks, of all layers.
pub(crate) fn resolve(
    connection: &Connection,
    below: &Profile,
    environment: &Environment,
) -> Caller {
    let typed = environment.typed_proof(connection);
    let azure = environment.azure_proof();
    let of_profile = proof_of(below, environment);
    let azure_id = environment.azure_client_id.as_ref();
    if let Some(id) = &connection.client_id {
        let own = environment.own_proof(connection, Some(id));
        let from = match connection.client_id_from {
            Origin::Flag => Source::Flag,
            Origin::Environment => Source::Environment,
        };
        let azure = azure.filter(|_| azure_id == Some(id));
        let of_profile = of_profile.filter(|_| below.client_id.as_ref() == Some(id));
        let of_azure = typed.is_none() && own.is_none() && azure.is_some();
        // What a profile says of the id stands first when the profile was named on the command line.
        let above = match (&typed, connection.explicit) {
            (Some(_), _) => true,
            (None, true) => false,
            (None, false) => own.is_some() || azure.is_some(),
        };
        let layers = match connection.explicit {
            true => [typed, of_profile.clone(), own, azure],
            false => [typed, own, azure, of_profile.clone()],
        };
        return Caller {
            client_id: Some(id.clone()),
            proof: layers.into_iter().flatten().next(),
            from,
            of_azure,
            proof_of_profile: of_profile.is_some() && !above,
        };
    }
    // A profile that speaks for a server of one's own: variables of another tenant in the same shell are not about it.
    let own_server = below.url.is_some() && below.cloud.is_none() && connection.cloud.is_none();
    let profile_speaks = own_server
        && below.client_id.is_some()
        && of_profile.is_some()
        && below.is_for(connection.url.as_ref(), None);
    if let Some(id) = azure_id.filter(|_| !profile_speaks && (azure.is_some() || typed.is_some())) {
        return Caller {
            client_id: Some(id.clone()),
            proof: typed.or(azure),
            from: Source::Azure,
            of_azure: true,
            proof_of_profile: false,
        };
    }
    // An application with a secret of its own is not the one that a person signs in to, nor the one that another proof is of.
    let another = typed.is_some() && of_profile.is_some();
    let client_id = below.client_id.clone();
    let own = environment.own_proof(connection, client_id.as_ref());
    Caller {
        client_id: client_id.filter(|_| !another),
        proof_of_profile: typed.is_none() && of_profile.is_some(),
        proof: typed.or(of_profile).or(own),
        from: Source::Profile,
        of_azure: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile() -> Profile {
        Profile {
            client_id: Some("operator".to_owned()),
            client_secret: Some("operator's".to_owned()),
            ..Profile::default()
        }
    }

    fn of(id: &str) -> Connection {
        Connection {
            client_id: Some(id.to_owned()),
            ..Connection::default()
        }
    }

    fn secret(text: &str) -> Option<Proof> {
        Some(Proof::Secret(text.to_owned()))
    }

    fn found(
        connection: &Connection,
        environment: &Environment,
    ) -> (Option<String>, Option<Proof>) {
        let caller = resolve(connection, &profile(), environment);
        (caller.client_id, caller.proof)
    }

    fn pair(id: &str, proof: Option<Proof>) -> (Option<String>, Option<Proof>) {
        (Some(id.to_owned()), proof)
    }

    fn environment(own: Option<&str>, azure: Option<(&str, &str)>) -> Environment {
        Environment {
            secret: own.map(str::to_owned),
            azure_client_id: azure.map(|(id, _)| id.to_owned()),
            azure_secret: azure.map(|(_, secret)| secret.to_owned()),
            ..Environment::default()
        }
    }

    // Not with assert_eq: a proof is not printed.
    macro_rules! same {
        ($left:expr, $right:expr) => {
            assert!($left == $right, "line {}", line!())
        };
    }

    #[test]
    fn a_secret_is_never_paired_with_another_application() {
        let none = environment(None, None);
        let own = environment(Some("x"), None);
        same!(
            found(&Connection::default(), &none),
            pair("operator", secret("operator's"))
        );
        // The environment's secret belongs to the environment's id, which is not given here.
        same!(
            found(&Connection::default(), &own),
            pair("operator", secret("operator's"))
        );
        same!(found(&of("mine"), &own), pair("mine", secret("x")));
        same!(found(&of("mine"), &none), pair("mine", None));
        same!(
            found(&of("operator"), &none),
            pair("operator", secret("operator's"))
        );
        let azure = environment(None, Some(("theirs", "y")));
        same!(found(&of("mine"), &azure), pair("mine", None));
        same!(found(&of("theirs"), &azure), pair("theirs", secret("y")));
    }

    #[test]
    fn the_environments_secret_is_the_environments_applications() {
        let other = Environment {
            client_id: Some("other".to_owned()),
            ..environment(Some("x"), None)
        };
        // A flag stands above the id, but not above whose secret it is.
        same!(found(&of("mine"), &other), pair("mine", None));
        same!(found(&of("other"), &other), pair("other", secret("x")));
        // As with a profile that was named on the command line and holds no secret.
        let of_profile = |client_id: &str| {
            let below = Profile {
                client_id: Some(client_id.to_owned()),
                ..Profile::default()
            };
            let named = Connection {
                explicit: true,
                ..Connection::default()
            };
            let caller = resolve(&named, &below, &other);
            (caller.client_id, caller.proof)
        };
        same!(of_profile("operator"), pair("operator", None));
        same!(of_profile("other"), pair("other", secret("x")));
        // The files that the environment names are its application's, too.
        let file = Connection {
            certificate: Some("c.pem".into()),
            ..of("mine")
        };
        let bare = Environment {
            secret: None,
            ..other.clone()
        };
        same!(found(&file, &bare), pair("mine", None));
    }

    #[test]
    fn azures_variables_are_not_about_a_server_that_the_profile_speaks_for() {
        let azure = environment(None, Some(("theirs", "y")));
        let local = Profile {
            url: Some("https://localhost:8443".parse().expect("a URL")),
            ..profile()
        };
        let said = |connection: &Connection, below: &Profile| {
            let caller = resolve(connection, below, &azure);
            (caller.client_id, caller.proof)
        };
        let nothing = Connection::default();
        same!(
            said(&nothing, &local),
            pair("operator", secret("operator's"))
        );
        let at = |url: &str| Connection {
            url: Some(url.parse().expect("a URL")),
            ..Connection::default()
        };
        same!(
            said(&at("https://127.0.0.1:8443"), &local),
            pair("operator", secret("operator's"))
        );
        // Of another place, or of none that the profile can prove itself to, they are all there is.
        same!(
            said(&at("https://other"), &local),
            pair("theirs", secret("y"))
        );
        let cloud = Connection {
            cloud: Some("public".to_owned()),
            ..Connection::default()
        };
        same!(said(&cloud, &local), pair("theirs", secret("y")));
        let bare = Profile {
            client_secret: None,
            ..local
        };
        same!(said(&nothing, &bare), pair("theirs", secret("y")));
    }

    #[test]
    fn azures_variables_stand_above_a_clouds_profile_and_below_the_own() {
        let azure = environment(None, Some(("theirs", "y")));
        same!(
            found(&Connection::default(), &azure),
            pair("theirs", secret("y"))
        );
        let both = environment(Some("x"), Some(("theirs", "y")));
        same!(found(&of("mine"), &both), pair("mine", secret("x")));
        // An id without a proof is nobody: the profile speaks.
        let bare = Environment {
            azure_client_id: Some("theirs".to_owned()),
            ..Environment::default()
        };
        same!(
            found(&Connection::default(), &bare),
            pair("operator", secret("operator's"))
        );
        assert!(!resolve(&Connection::default(), &profile(), &bare).of_azure);
        assert!(resolve(&Connection::default(), &profile(), &azure).of_azure);
    }

    #[test]
    fn a_certificate_has_its_password_from_the_environment() {
        let connection = Connection {
            proof: Some(args::Proof::Certificate("c.pem".into())),
            ..of("mine")
        };
        let environment = Environment {
            azure_certificate_password: Some("p".to_owned()),
            ..environment(Some("x"), None)
        };
        let wanted = Proof::Certificate("c.pem".into(), Some("p".to_owned()));
        same!(found(&connection, &environment), pair("mine", Some(wanted)));
    }

    #[test]
    fn a_person_does_not_sign_in_to_the_operators_application() {
        let connection = Connection {
            proof: Some(args::Proof::DeviceCode),
            ..Connection::default()
        };
        let none = Environment::default();
        same!(found(&connection, &none), (None, Some(Proof::DeviceCode)));
        let public = Profile {
            client_secret: None,
            ..profile()
        };
        let caller = resolve(&connection, &public, &none);
        assert_eq!(caller.client_id.as_deref(), Some("operator"));
    }

    #[test]
    fn a_certificate_is_not_the_operators_because_none_was_named() {
        let proof = args::Proof::Certificate("c.pem".into());
        let connection = Connection {
            proof: Some(proof),
            ..Connection::default()
        };
        let wanted = Some(Proof::Certificate("c.pem".into(), None));
        let none = Environment::default();
        same!(found(&connection, &none), (None, wanted.clone()));
        // A profile without a proof names the application that one typed is of.
        let bare = Profile {
            client_secret: None,
            ..profile()
        };
        let caller = resolve(&connection, &bare, &none);
        same!((caller.client_id, caller.proof), pair("operator", wanted));
    }

    #[test]
    fn an_authority_is_a_cloud_or_a_server() {
        let place = |host: &str| {
            let environment = Environment {
                azure_authority: Some(host.to_owned()),
                ..Environment::default()
            };
            environment.authority()
        };
        for host in [
            "https://login.microsoftonline.com/",
            "login.microsoftonline.com",
        ] {
            assert_eq!(place(host).expect("good"), Some(Place::Cloud("public")));
        }
        let server = place("https://localhost:8443").expect("good");
        assert!(matches!(server, Some(Place::Server(_))), "{server:?}");
        assert!(place("https://").is_err());
    }
}
