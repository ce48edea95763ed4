//! Whom a client command talks to: flags over environment variables, and where each was said.

use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, Error, FromArgMatches};
use url::Url;

use super::CONNECTION;

/// Whom a client command talks to, and as whom.
///
/// A profile that is named on the command line, by `--data` or `--profile`, stands above the environment: variables
/// that say otherwise are left out here. Beside it only flags count.
#[derive(Debug, Clone, Default)]
pub(crate) struct Connection {
    /// The administrator's profile of this data directory.
    pub(crate) data: Option<PathBuf>,
    /// This profile file.
    pub(crate) profile: Option<PathBuf>,
    /// The server's origin.
    pub(crate) url: Option<Url>,
    /// One of Microsoft's clouds.
    pub(crate) cloud: Option<String>,
    /// Where the server or cloud was said.
    pub(crate) place_from: Origin,
    /// A certificate authority to trust for that server (PEM).
    pub(crate) ca: Option<PathBuf>,
    /// Where the authority was said.
    pub(crate) ca_from: Origin,
    /// Tenant id or domain.
    pub(crate) tenant: Option<String>,
    /// Where the tenant was said.
    pub(crate) tenant_from: Origin,
    /// Application (client) id.
    pub(crate) client_id: Option<String>,
    /// Where the client id was said.
    pub(crate) client_id_from: Origin,
    /// How the application or person proves itself, if the command line says it.
    pub(crate) proof: Option<Proof>,
    /// A certificate with its key (PEM) that the environment names.
    pub(crate) certificate: Option<PathBuf>,
    /// A workload's token that the environment names.
    pub(crate) federated_token_file: Option<PathBuf>,
    /// A profile was named on the command line.
    pub(crate) explicit: bool,
    /// Say who is spoken to, and as whom.
    pub(crate) verbose: bool,
}

/// Where a setting was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Origin {
    /// On the command line.
    #[default]
    Flag,
    /// In an environment variable.
    Environment,
}

impl Origin {
    const fn of(typed: bool) -> Self {
        if typed { Self::Flag } else { Self::Environment }
    }
}

impl Connection {
    /// The same without what variables say of the server: where it is, whom to trust for it, and its tenant.
    #[must_use]
    pub(crate) fn without_variables(&self) -> Self {
        let mut flags = self.clone();
        if self.place_from == Origin::Environment {
            (flags.url, flags.cloud) = (None, None);
        }
        if self.ca_from == Origin::Environment {
            flags.ca = None;
        }
        if self.tenant_from == Origin::Environment {
            flags.tenant = None;
        }
        flags
    }
}

/// A proof that is named on the command line; no secret is among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Proof {
    /// A certificate with its private key (PEM).
    Certificate(PathBuf),
    /// A file with a workload's token.
    FederatedToken(PathBuf),
    /// A person who signs in at another device.
    DeviceCode,
    /// A person who signs in with the browser of this machine.
    Browser,
}

/// A server's origin. What lacks the scheme parses as a URL, too: of a scheme `localhost`.
fn origin(text: &str) -> Result<Url, String> {
    match Url::parse(text) {
        Ok(url) if url.has_host() && matches!(url.scheme(), "https" | "http") => Ok(url),
        _ => {
            let bare = text.trim_start_matches('/');
            let meant = Url::parse(&format!("https://{bare}")).ok();
            let meant = meant.filter(|_| !bare.contains("://"));
            let meant = meant.map_or_else(String::new, |_| format!("; is https://{bare} meant?"));
            Err(format!(
                "no URL of a server, as --url and BARTIZAN_URL take it{meant}"
            ))
        }
    }
}

/// What clap reads.
#[derive(Debug, Args)]
struct Flags {
    /// Use the administrator's profile that the server left in this data directory.
    #[arg(help_heading = CONNECTION, long, env = "BARTIZAN_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// Use this profile file. It, or --data, on the command line leaves the variables of the following options out.
    #[arg(help_heading = CONNECTION, long, env = "BARTIZAN_PROFILE", value_name = "FILE")]
    profile: Option<PathBuf>,
    /// The server's origin, such as https://localhost:8443.
    #[arg(help_heading = CONNECTION, long, env = "BARTIZAN_URL", value_name = "URL", value_parser = origin)]
    url: Option<Url>,
    /// One of Microsoft's clouds: public, gcc, gcc-high, dod.
    #[arg(help_heading = CONNECTION, long, env = "BARTIZAN_CLOUD", value_name = "NAME")]
    cloud: Option<String>,
    /// A certificate authority to trust for that server (PEM).
    #[arg(help_heading = CONNECTION, long, env = "BARTIZAN_CA", value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Tenant id or domain.
    #[arg(help_heading = CONNECTION, long, env = "BARTIZAN_TENANT_ID", value_name = "TENANT")]
    tenant: Option<String>,
    /// Application (client) id.
    #[arg(help_heading = CONNECTION, long, env = "BARTIZAN_CLIENT_ID", value_name = "ID")]
    client_id: Option<String>,
    /// Prove the application by this certificate and private key (PEM); a password comes by
    /// BARTIZAN_CLIENT_CERTIFICATE_PASSWORD.
    #[arg(help_heading = CONNECTION, long, env = "BARTIZAN_CLIENT_CERTIFICATE", value_name = "FILE")]
    certificate: Option<PathBuf>,
    /// Prove the application by the workload's token in this file.
    #[arg(help_heading = CONNECTION, long, env = "BARTIZAN_FEDERATED_TOKEN_FILE", value_name = "FILE")]
    federated_token_file: Option<PathBuf>,
    /// Sign in as a person, at another device: prints a code and an address, and waits.
    #[arg(help_heading = CONNECTION, long)]
    device_code: bool,
    /// Sign in as a person, with the browser of this machine.
    #[arg(help_heading = CONNECTION, long)]
    browser: bool,
}

impl Args for Connection {
    fn augment_args(command: Command) -> Command {
        Flags::augment_args(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Flags::augment_args_for_update(command)
    }
}

impl FromArgMatches for Connection {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        Self::from_arg_matches_mut(&mut matches.clone())
    }

    fn from_arg_matches_mut(matches: &mut ArgMatches) -> Result<Self, Error> {
        // Before the values are taken out: their sources go with them.
        let typed = |name: &str| matches.value_source(name) == Some(ValueSource::CommandLine);
        let [data, profile, url, cloud, ca, tenant, client_id] = [
            "data",
            "profile",
            "url",
            "cloud",
            "ca",
            "tenant",
            "client_id",
        ]
        .map(typed);
        let proofs = [
            "certificate",
            "federated_token_file",
            "device_code",
            "browser",
        ];
        let [certificate, federated_token_file, device_code, browser] = proofs.map(typed);
        if proofs.iter().filter(|name| typed(name)).count() > 1 {
            let message =
                "--certificate, --federated-token-file, --device-code and --browser: one of them\n";
            return Err(Error::raw(ErrorKind::ArgumentConflict, message));
        }
        for (a, b, names) in [
            (data, profile, "--data and --profile"),
            (url, cloud, "--url and --cloud"),
        ] {
            if a && b {
                let message = format!("{names} cannot be used together\n");
                return Err(Error::raw(ErrorKind::ArgumentConflict, message));
            }
        }
        let verbose = matches
            .try_get_one::<u8>("verbose")
            .ok()
            .flatten()
            .is_some_and(|times| *times > 0);
        let flags = Flags::from_arg_matches_mut(matches)?;
        let proof = match (&flags.certificate, &flags.federated_token_file) {
            (Some(file), _) if certificate => Some(Proof::Certificate(file.clone())),
            (_, Some(file)) if federated_token_file => Some(Proof::FederatedToken(file.clone())),
            _ if device_code => Some(Proof::DeviceCode),
            _ if browser => Some(Proof::Browser),
            _ => None,
        };
        let explicit = data || profile;
        // A variable counts unless a flag has said the same thing, or its opposite, or named a profile.
        let keep = |typed: bool, other: bool| typed || !(explicit || other);
        Ok(Self {
            data: flags.data.filter(|_| data || !profile),
            profile: flags.profile.filter(|_| profile || !data),
            url: flags.url.filter(|_| keep(url, cloud)),
            cloud: flags.cloud.filter(|_| keep(cloud, url)),
            place_from: Origin::of(url || cloud),
            ca: flags.ca.filter(|_| keep(ca, false)),
            ca_from: Origin::of(ca),
            tenant: flags.tenant.filter(|_| keep(tenant, false)),
            tenant_from: Origin::of(tenant),
            client_id: flags.client_id.filter(|_| keep(client_id, false)),
            client_id_from: Origin::of(client_id),
            proof,
            certificate: flags
                .certificate
                .filter(|_| !certificate && keep(false, false)),
            federated_token_file: flags
                .federated_token_file
                .filter(|_| !federated_token_file && keep(false, false)),
            explicit,
            verbose,
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        connection: Connection,
    }

    fn parsed(arguments: &[&str]) -> Result<Connection, Error> {
        let arguments = std::iter::once("test").chain(arguments.iter().copied());
        Line::try_parse_from(arguments).map(|line| line.connection)
    }

    #[test]
    fn flags_name_the_connection() {
        let found = parsed(&["--data", "d", "--tenant", "t", "--client-id", "c"]).expect("good");
        assert!(found.explicit);
        assert_eq!(found.tenant.as_deref(), Some("t"));
        assert_eq!(found.client_id_from, Origin::Flag);
        assert!(
            !parsed(&["--url", "http://localhost"])
                .expect("good")
                .explicit
        );
    }

    #[test]
    fn a_proof_is_one_and_holds_no_secret() {
        let found = parsed(&["--certificate", "c.pem", "--client-id", "c"]).expect("good");
        assert_eq!(found.proof, Some(Proof::Certificate("c.pem".into())));
        assert_eq!(found.certificate, None, "not the environment's");
        assert_eq!(
            parsed(&["--device-code"]).expect("good").proof,
            Some(Proof::DeviceCode)
        );
        let error = parsed(&["--device-code", "--browser"]).expect_err("a conflict");
        assert_eq!(error.kind(), ErrorKind::ArgumentConflict);
        assert!(parsed(&["--client-secret", "s"]).is_err());
    }

    #[test]
    fn an_address_without_its_scheme_is_no_url() {
        let error = parsed(&["--url", "localhost:31443"]).expect_err("no URL");
        let said = error.to_string();
        assert!(said.contains("is https://localhost:31443 meant?"), "{said}");
        assert!(parsed(&["--url", "ftp://localhost"]).is_err());
        assert!(parsed(&["--url", "http://127.0.0.1:8080"]).is_ok());
    }

    #[test]
    fn two_profiles_or_two_servers_are_one_too_many() {
        for wrong in [
            ["--data", "d", "--profile", "p"],
            ["--url", "http://localhost", "--cloud", "public"],
        ] {
            let error = parsed(&wrong).expect_err("a conflict");
            assert_eq!(error.kind(), ErrorKind::ArgumentConflict);
        }
    }
}
