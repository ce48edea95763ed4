//! `bartizan app certificate …`: by which an application proves itself without a secret that others could read.

use std::io::Write as _;
use std::path::Path;

use bartizan_contract::graph::{Application, KeyCredential};
use bartizan_identity::certificate::Certificate as Parsed;
use bartizan_sdk::Client;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use time::{Duration, OffsetDateTime};

use super::credential::{certificate, last_used, left, named, now, thumbprint};
use super::find;
use crate::args::{Certificate, CertificateAdd};
use crate::exit::{Failure, Outcome};
use crate::printer::{Column, Printer, at};
use crate::shell::quoted;
use crate::target;

const COLUMNS: &[Column] = &[
    ("Key ID", |c| at(c, "keyId")),
    ("Name", |c| at(c, "displayName")),
    ("Thumbprint", |c| at(c, "thumbprint")),
    ("Expires", |c| at(c, "endDateTime")),
    ("Left", left),
    ("Last used", |c| at(c, "lastUsedDateTime")),
];

/// Carries out the command.
pub(super) async fn run(command: Certificate, printer: &Printer) -> Outcome {
    match command {
        Certificate::Add(add) => register(*add, printer).await,
        Certificate::List { connection, app } => {
            let client = target::client(&connection)?;
            let application = find(&client, &app).await?;
            printer.list(COLUMNS, &listed(&client, &application).await?)
        }
        Certificate::Remove {
            connection,
            app,
            which,
        } => {
            let client = target::client(&connection)?;
            let application = find(&client, &app).await?;
            let all: Vec<_> = application
                .key_credentials
                .iter()
                .filter_map(|k| Some((k.key_id?, vec![k.display_name.clone(), thumbprint(k)])))
                .collect();
            let gone = named(&which, &all, "certificate", &application)?;
            let left: Vec<KeyCredential> = kept(&application)
                .filter(|key| key.key_id != Some(gone))
                .collect();
            client.directory().set_keys(application.id, &left).await?;
            printer.remark(
                "the certificate gets no tokens any more; those that it got stay good until they expire",
            );
            let application = find(&client, &application.app_id.to_string()).await?;
            printer.list(COLUMNS, &listed(&client, &application).await?)
        }
    }
}

/// The certificates that an application has, as a change names those that stay.
fn kept(application: &Application) -> impl Iterator<Item = KeyCredential> {
    application.key_credentials.iter().map(|key| KeyCredential {
        key: None,
        ..key.clone()
    })
}

async fn listed(client: &Client, application: &Application) -> Result<Vec<Value>, Failure> {
    let (used, now) = (last_used(client).await?, now()?);
    let keys = application.key_credentials.iter();
    Ok(keys.map(|k| certificate(k, &used, now)).collect())
}

async fn register(add: CertificateAdd, printer: &Printer) -> Outcome {
    let client = target::client(&add.connection)?;
    let application = find(&client, &add.app).await?;
    let der = match (&add.file, &add.generate) {
        (Some(file), _) => read(file)?,
        (None, Some(file)) => {
            let name = application.display_name.as_deref().unwrap_or("application");
            generate(file, name, add.days)?
        }
        (None, None) => return Err(Failure::usage("which certificate? a file, or --generate")),
    };
    let mut keys: Vec<KeyCredential> = kept(&application).collect();
    keys.push(KeyCredential {
        custom_key_identifier: None,
        display_name: add.name.clone(),
        end_date_time: None,
        key: Some(BASE64_STANDARD.encode(&der)),
        key_id: None,
        start_date_time: None,
        kind: Some("AsymmetricX509Cert".to_owned()),
        usage: Some("Verify".to_owned()),
    });
    client.directory().set_keys(application.id, &keys).await?;
    let application = find(&client, &application.app_id.to_string()).await?;
    printer.list(COLUMNS, &listed(&client, &application).await?)?;
    let file = add.generate.as_ref().or(add.file.as_ref());
    if let Some(file) = file {
        printer.remark(&format!(
            "a token with it: bartizan token get --client-id {} --certificate {}{}{}",
            application.app_id,
            quoted(&file.display().to_string()),
            target::again(),
            match &add.generate {
                Some(_) => "",
                None => " (a file with certificate and private key)",
            }
        ));
    }
    Ok(())
}

/// The certificate in a file, DER; the private key that may stand beside it stays here.
fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let wrong =
        |error: &dyn std::fmt::Display| Failure::usage(format!("{}: {error}", file.display()));
    let bytes = std::fs::read(file).map_err(|error| wrong(&error))?;
    let parsed = Parsed::read(&bytes).map_err(|error| {
        wrong(&format!(
            "{error}; make a key and a certificate with --generate FILE"
        ))
    })?;
    Ok(parsed.der)
}

/// Makes a key of 3072 bits with a certificate that it signs itself, and writes both for the owner alone. The file must
/// not be there: a key that is in use is not written over.
fn generate(file: &Path, name: &str, days: u32) -> Result<Vec<u8>, Failure> {
    let algorithm = &rcgen::PKCS_RSA_SHA256;
    let key = rcgen::KeyPair::generate_rsa_for(algorithm, rcgen::RsaKeySize::_3072)
        .map_err(Failure::general)?;
    let mut parameters = rcgen::CertificateParams::new(Vec::new()).map_err(Failure::general)?;
    let mut subject = rcgen::DistinguishedName::new();
    let common: String = name.chars().take(64).collect();
    subject.push(rcgen::DnType::CommonName, common);
    parameters.distinguished_name = subject;
    let now = OffsetDateTime::now_utc();
    // A clock that is behind by minutes must not make it a certificate of the future.
    parameters.not_before = now - Duration::hours(1);
    parameters.not_after = now + Duration::days(i64::from(days));
    let signed = parameters.self_signed(&key).map_err(Failure::general)?;
    let text = format!("{}{}", signed.pem(), key.serialize_pem());
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let wrong = |error: std::io::Error| Failure::usage(format!("{}: {error}", file.display()));
    let mut out = options.open(file).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => Failure::usage(format!(
            "{} is there already, and a key that may be in use is not written over: name another file",
            file.display()
        )),
        _ => wrong(error),
    })?;
    out.write_all(text.as_bytes()).map_err(wrong)?;
    out.sync_all().map_err(wrong)?;
    Ok(signed.der().to_vec())
}
