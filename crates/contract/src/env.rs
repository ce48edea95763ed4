//! The environment variables that the project reads or writes. A tidy test holds that the sources
//! name no others.

/// An environment variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// Whether `demo` writes it into `demo.env`.
    pub in_demo_env: bool,
    /// Whether its value is a secret, which is never logged or printed back.
    pub secret: bool,
}

const fn var(name: &'static str, meaning: &'static str) -> Variable {
    Variable {
        name,
        meaning,
        in_demo_env: false,
        secret: false,
    }
}

const fn demo(name: &'static str, meaning: &'static str) -> Variable {
    Variable {
        name,
        meaning,
        in_demo_env: true,
        secret: false,
    }
}

const fn demo_secret(name: &'static str, meaning: &'static str) -> Variable {
    Variable {
        name,
        meaning,
        in_demo_env: true,
        secret: true,
    }
}

const fn secret(name: &'static str, meaning: &'static str) -> Variable {
    Variable {
        name,
        meaning,
        in_demo_env: false,
        secret: true,
    }
}

/// Every variable, by name.
pub const VARIABLES: &[Variable] = &[
    var(
        "AZURE_AUTHORITY_HOST",
        "the sign-in host, as azure-identity knows it; below BARTIZAN_URL and BARTIZAN_CLOUD",
    ),
    secret(
        "AZURE_CLIENT_CERTIFICATE_PASSWORD",
        "the password of the private key in AZURE_CLIENT_CERTIFICATE_PATH",
    ),
    var(
        "AZURE_CLIENT_CERTIFICATE_PATH",
        "a PEM file with certificate and private key of AZURE_CLIENT_ID",
    ),
    var(
        "AZURE_CLIENT_ID",
        "the application to sign in as, where BARTIZAN_CLIENT_ID does not say",
    ),
    secret("AZURE_CLIENT_SECRET", "the secret of AZURE_CLIENT_ID"),
    var(
        "AZURE_FEDERATED_TOKEN_FILE",
        "the file with a workload's token that stands for AZURE_CLIENT_ID",
    ),
    var("AZURE_TENANT_ID", "the tenant of AZURE_CLIENT_ID"),
    demo_secret(
        "BARTIZAN_ADMIN_PASSWORD",
        "the password of the demo's administrator",
    ),
    demo(
        "BARTIZAN_ADMIN_USER",
        "the user name of the demo's administrator",
    ),
    demo(
        "BARTIZAN_CA",
        "the PEM file of the authority to trust for BARTIZAN_URL",
    ),
    var(
        "BARTIZAN_CLIENT_CERTIFICATE",
        "a PEM file with certificate and private key, instead of a secret",
    ),
    secret(
        "BARTIZAN_CLIENT_CERTIFICATE_PASSWORD",
        "the password of that private key, if it has one",
    ),
    demo(
        "BARTIZAN_CLIENT_ID",
        "the application (client) id to sign in as",
    ),
    demo_secret("BARTIZAN_CLIENT_SECRET", "the secret of that application"),
    var(
        "BARTIZAN_CLOUD",
        "the cloud to talk to instead of a local server",
    ),
    var("BARTIZAN_COLOR", "when to colour: auto, always or never"),
    var("BARTIZAN_CONFIG", "the server's settings file"),
    var("BARTIZAN_DATA", "the data directory"),
    var(
        "BARTIZAN_DATABASE",
        "the store's URL: sqlite://… or postgres://…",
    ),
    demo(
        "BARTIZAN_DEMO_LOADED",
        "set when the demo's content has been loaded completely",
    ),
    var(
        "BARTIZAN_DETACHED",
        "set by --detach for the server that it leaves behind",
    ),
    var(
        "BARTIZAN_FEDERATED_TOKEN_FILE",
        "the file with a workload's token, instead of a secret",
    ),
    var(
        "BARTIZAN_FORMAT",
        "how results are printed: table, json, jsonl or csv",
    ),
    demo("BARTIZAN_HTTP_URL", "the server's origin without TLS"),
    secret(
        "BARTIZAN_KEYS_PREVIOUS_SECRET",
        "the key-encryption key before BARTIZAN_KEYS_SECRET, while it is changed",
    ),
    secret(
        "BARTIZAN_KEYS_SECRET",
        "the key that seals signing keys, instead of the file: base64 of 32 bytes, or keyring:NAME for a key of the Linux kernel's keyring",
    ),
    var("BARTIZAN_LISTEN_HTTP", "the address that serves plain HTTP"),
    var("BARTIZAN_LISTEN_HTTPS", "the address that serves HTTPS"),
    var(
        "BARTIZAN_LISTEN_PROXY",
        "the address of the interception proxy",
    ),
    var(
        "BARTIZAN_LOG",
        "what is logged: a level, or levels by module",
    ),
    var(
        "BARTIZAN_LOG_JSON",
        "whether logs are JSON, one object a line",
    ),
    var("BARTIZAN_PROFILE", "the file with the connection to use"),
    demo("BARTIZAN_PROXY", "the interception proxy's URL"),
    var(
        "BARTIZAN_PUBLIC_URL",
        "the origin under which clients reach the server",
    ),
    demo("BARTIZAN_TENANT_ID", "the tenant: its id or a domain"),
    demo("BARTIZAN_URL", "the server's origin"),
];

/// The variable with this name.
#[must_use]
pub fn variable(name: &str) -> Option<&'static Variable> {
    VARIABLES.iter().find(|v| v.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_sorted_and_secrets_marked() {
        assert!(VARIABLES.windows(2).all(|w| w[0].name < w[1].name));
        for v in VARIABLES {
            assert_eq!(
                v.secret,
                v.name.ends_with("SECRET") || v.name.ends_with("PASSWORD")
            );
        }
        assert_eq!(VARIABLES.iter().filter(|v| v.in_demo_env).count(), 10);
        assert!(variable("BARTIZAN_URL").is_some());
    }
}
