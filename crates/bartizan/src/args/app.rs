//! `bartizan app`: what may be typed after it.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::Connection;

/// Seconds of a span such as `7d`, `12h`, `30m` or `0`.
fn span(text: &str) -> Result<u64, String> {
    let (number, unit) = match text.strip_suffix(['d', 'h', 'm']) {
        Some(number) => (number, &text[number.len()..]),
        None => (text, ""),
    };
    let seconds = match unit {
        "d" => 86_400,
        "h" => 3_600,
        "m" => 60,
        _ if number == "0" => 0,
        _ => return Err("a number with d, h or m, such as 7d; or 0".to_owned()),
    };
    let number: u64 = number.parse().map_err(|_| "no number".to_owned())?;
    let span = number.checked_mul(seconds).filter(|s| *s <= 730 * 86_400);
    span.ok_or_else(|| "at most 730d".to_owned())
}

/// `bartizan app …`
#[derive(Debug, Subcommand)]
pub(crate) enum App {
    /// Register an application and its service principal.
    Create(Box<AppCreate>),
    /// Show an application with its permissions, consent and credentials.
    Show {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Application (client) id, object id or display name.
        app: String,
    },
    /// List applications.
    List {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
    },
    /// Change an application: name, audience, redirect URIs.
    Update(Box<AppUpdate>),
    /// Delete an application, its credentials and its presences in all tenants, at once and for good.
    Delete {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Application (client) id, object id or display name.
        app: String,
        /// Do it: without this, it is only said what would go.
        #[arg(long)]
        yes: bool,
    },
    /// Redirect URIs, one by one.
    #[command(subcommand)]
    RedirectUri(RedirectUri),
    /// Permissions that an application asks for.
    #[command(subcommand)]
    Permission(Permission),
    /// App roles that an application offers as an API: what other applications may do in their own name.
    #[command(subcommand)]
    Role(Offer),
    /// Scopes that an application offers as an API: what others may do in a person's name.
    #[command(subcommand)]
    Scope(Offer),
    /// Grant, as administrator, the permissions that an application asks for.
    Consent {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Application (client) id, object id or display name.
        app: String,
    },
    /// Vouch, as operator of the server, for who publishes an application: consent pages of other tenants say so.
    VerifyPublisher {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Application (client) id, object id or display name.
        app: String,
        /// By what the operator knows the publisher, such as a contract's number [default: the id of its tenant].
        #[arg(long)]
        id: Option<String>,
        /// Vouch no more.
        #[arg(long, conflicts_with = "id")]
        remove: bool,
    },
    /// Secrets of an application.
    #[command(subcommand)]
    Secret(Secret),
    /// Certificates of an application: it proves itself by a private key that no one else has.
    #[command(subcommand)]
    Certificate(Certificate),
    /// Federated credentials: a workload's token of another issuer stands for the application.
    #[command(subcommand)]
    Federation(Federation),
}

/// Redirect URIs by platform.
#[derive(Debug, Default, Args)]
pub(crate) struct RedirectUris {
    /// Redirect URI of a web application; repeat for several.
    #[arg(long = "redirect-uri", value_name = "URI")]
    pub(crate) web: Vec<String>,
    /// Redirect URI of a single-page application; repeat for several.
    #[arg(long = "spa-redirect-uri", value_name = "URI")]
    pub(crate) spa: Vec<String>,
    /// Redirect URI of a native application, such as http://localhost; repeat for several.
    #[arg(long = "public-redirect-uri", value_name = "URI")]
    pub(crate) public: Vec<String>,
}

/// `bartizan app create`
#[derive(Debug, Args)]
pub(crate) struct AppCreate {
    /// Connection.
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// Its display name.
    pub(crate) name: String,
    /// Let other tenants consent to it.
    #[arg(long)]
    pub(crate) multi_tenant: bool,
    /// Let it sign people in without a redirect: device code and password.
    #[arg(long)]
    pub(crate) public_client: bool,
    /// Redirect URIs.
    #[command(flatten)]
    pub(crate) redirect_uris: RedirectUris,
}

/// `bartizan app update`
#[derive(Debug, Args)]
pub(crate) struct AppUpdate {
    /// Connection.
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// Application (client) id, object id or display name.
    pub(crate) app: String,
    /// New display name.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Let other tenants consent to it, or not.
    #[arg(long)]
    pub(crate) multi_tenant: Option<bool>,
    /// Redirect URIs; those of a platform that is named replace what is there.
    #[command(flatten)]
    pub(crate) redirect_uris: RedirectUris,
    /// URI by which tokens for it are asked; repeat for several.
    #[arg(long = "identifier-uri", value_name = "URI")]
    pub(crate) identifier: Vec<String>,
    /// Let it sign people in without a redirect: device code and password.
    #[arg(long)]
    pub(crate) public_client: Option<bool>,
}

/// Where redirects lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Platform {
    /// A web application, which has a secret or a certificate.
    #[default]
    Web,
    /// A single-page application.
    Spa,
    /// A native application.
    Public,
}

/// `bartizan app redirect-uri …`
#[derive(Debug, Subcommand)]
pub(crate) enum RedirectUri {
    /// List an application's redirect URIs.
    List {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Application (client) id, object id or display name.
        app: String,
    },
    /// Add redirect URIs; those that are there stay.
    Add {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Application (client) id, object id or display name.
        app: String,
        /// The URIs.
        #[arg(required = true)]
        uris: Vec<String>,
        /// What kind of application is there.
        #[arg(long, value_enum, default_value_t)]
        platform: Platform,
    },
    /// Remove a redirect URI, from every platform that has it.
    Remove {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Application (client) id, object id or display name.
        app: String,
        /// The URI.
        uri: String,
    },
}

/// `bartizan app permission …`
#[derive(Debug, Subcommand)]
pub(crate) enum Permission {
    /// Add permissions to what an application asks for; consent comes after.
    Add {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Application (client) id, object id or display name.
        app: String,
        /// Names such as Incident.Read.All; `mde/Alert.Read.All` names the API where several have it.
        #[arg(required = true)]
        permissions: Vec<String>,
        /// Delegated permissions, for calls in a user's name, where both kinds have the name.
        #[arg(long)]
        delegated: bool,
    },
    /// List what an application asks for, and what of it is granted.
    List {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Application (client) id, object id or display name.
        app: String,
    },
    /// Remove permissions from what an application asks for; what was granted stays granted.
    Remove {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Application (client) id, object id or display name.
        app: String,
        /// Names as the list shows them.
        #[arg(required = true)]
        permissions: Vec<String>,
        /// The delegated one, where both kinds have the name.
        #[arg(long)]
        delegated: bool,
    },
}

/// `bartizan app role …` and `bartizan app scope …`
#[derive(Debug, Subcommand)]
pub(crate) enum Offer {
    /// List what is offered.
    List {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Application (client) id, object id or display name.
        app: String,
    },
    /// Offer one more.
    Add {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Application (client) id, object id or display name.
        app: String,
        /// The word in the token, such as Orders.Read.
        value: String,
        /// What it permits, for who consents [default: the word].
        #[arg(long)]
        description: Option<String>,
        /// A role for people, too; a scope that people may consent to for themselves.
        #[arg(long)]
        users: bool,
    },
    /// Offer it no more; what was granted of it goes with it.
    Remove {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Application (client) id, object id or display name.
        app: String,
        /// The word, or its id.
        value: String,
    },
}

/// `bartizan app secret …`
#[derive(Debug, Subcommand)]
pub(crate) enum Secret {
    /// Make a secret and print it, this once.
    Add {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Application (client) id, object id or display name.
        app: String,
        /// A name to recognise it by.
        #[arg(long, default_value = "bartizan")]
        name: String,
        /// Days until it expires.
        #[arg(long, default_value_t = 180, value_parser = clap::value_parser!(u32).range(1..=730))]
        days: u32,
    },
    /// List an application's secrets, with their last use where the server knows it.
    List {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Application (client) id, object id or display name.
        app: String,
    },
    /// Remove a secret; tokens issued with it stay good until they expire.
    Remove {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Application (client) id, object id or display name.
        app: String,
        /// Its key id, or its name when no other secret of the application has it.
        secret: String,
    },
    /// Make a new secret, and let the old ones end after an overlap.
    Rotate {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Application (client) id, object id or display name.
        app: String,
        /// How long the old secrets stay good, such as 7d, 12h or 30m; 0 removes them at once.
        #[arg(long, default_value = "7d", value_parser = span)]
        overlap: u64,
        /// Replace this secret alone: its key id, or its name.
        #[arg(long, value_name = "SECRET")]
        only: Option<String>,
        /// A name for the new one [default: that of the newest old one].
        #[arg(long)]
        name: Option<String>,
        /// Days until the new one expires.
        #[arg(long, default_value_t = 180, value_parser = clap::value_parser!(u32).range(1..=730))]
        days: u32,
    },
    /// List the secrets and certificates of all applications that expire soon.
    Expiring {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Within so many days.
        #[arg(long, default_value_t = 30)]
        days: u32,
        /// Those that expired already, too.
        #[arg(long)]
        expired: bool,
    },
}

/// `bartizan app certificate …`
#[derive(Debug, Subcommand)]
pub(crate) enum Certificate {
    /// Register a certificate, or make one with its key.
    Add(Box<CertificateAdd>),
    /// List an application's certificates, with their last use where the server knows it.
    List {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Application (client) id, object id or display name.
        app: String,
    },
    /// Remove a certificate; tokens issued with it stay good until they expire.
    Remove {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Application (client) id, object id or display name.
        app: String,
        /// Its key id, thumbprint, or name when no other one has it.
        #[arg(value_name = "CERTIFICATE")]
        which: String,
    },
}

/// `bartizan app certificate add`
#[derive(Debug, Args)]
pub(crate) struct CertificateAdd {
    /// Connection.
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// Application (client) id, object id or display name.
    pub(crate) app: String,
    /// The certificate, PEM or DER; of a PEM file with a private key, the certificate alone is sent.
    #[arg(required_unless_present = "generate", conflicts_with = "generate")]
    pub(crate) file: Option<PathBuf>,
    /// Make a key and a certificate for it, and write both into this new file, for its owner alone (0600).
    #[arg(long, value_name = "FILE")]
    pub(crate) generate: Option<PathBuf>,
    /// With --generate: days that the certificate is good.
    #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=1095))]
    pub(crate) days: u32,
    /// A name to recognise it by [default: its subject].
    #[arg(long)]
    pub(crate) name: Option<String>,
}

/// `bartizan app federation …`
#[derive(Debug, Subcommand)]
pub(crate) enum Federation {
    /// Trust tokens of another issuer, for one subject.
    Add(Box<FederationAdd>),
    /// List an application's federated credentials.
    List {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Application (client) id, object id or display name.
        app: String,
    },
    /// Remove a federated credential.
    Remove {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Application (client) id, object id or display name.
        app: String,
        /// Its name or id.
        federation: String,
    },
}

/// `bartizan app federation add`
#[derive(Debug, Args)]
pub(crate) struct FederationAdd {
    /// Connection.
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// Application (client) id, object id or display name.
    pub(crate) app: String,
    /// A name of its own within the application: letters, digits, - and _.
    #[arg(long)]
    pub(crate) name: String,
    /// Who issues the tokens: their `iss`, letter by letter.
    #[arg(long)]
    pub(crate) issuer: String,
    /// Whom they are about: their `sub`, letter by letter.
    #[arg(long)]
    pub(crate) subject: String,
    /// For whom they are: their `aud`.
    #[arg(long, default_value = "api://AzureADTokenExchange")]
    pub(crate) audience: String,
    /// What it is for.
    #[arg(long)]
    pub(crate) description: Option<String>,
    /// The issuer's public keys (JWKS), for an issuer whose keys the server cannot or should not fetch.
    #[arg(long, value_name = "FILE")]
    pub(crate) keys: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_a_unit() {
        assert_eq!(span("7d"), Ok(604_800));
        assert_eq!(span("90m"), Ok(5_400));
        assert_eq!(span("0"), Ok(0));
        for wrong in ["7", "", "d", "-1d", "1w", "731d", "99999999999999999999d"] {
            assert!(span(wrong).is_err(), "{wrong}");
        }
    }
}
