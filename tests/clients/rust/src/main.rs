//! The `azure_identity` crate, as its documentation shows it: `bartizan-client-suite CASE DOOR`, started by `run.py`.
//!
//! By the door `own` the authority is what `AZURE_AUTHORITY_HOST` names; by `run` nothing is set but what `bartizan run` sets.

use std::path::PathBuf;
use std::sync::Arc;

use azure_core::credentials::TokenCredential;
use azure_core::http::ClientMethodOptions;
use azure_identity::{
    ClientAssertion, ClientAssertionCredential, ClientSecretCredential, WorkloadIdentityCredential,
    WorkloadIdentityCredentialOptions,
};
use serde_json::{Value, json};

type Fault = Box<dyn std::error::Error>;

const XDR: &str = "https://api.security.microsoft.com";

/// What the suite made, and where the API is.
struct Suite {
    stage: Value,
    tenant: String,
    api: String,
}

/// An assertion that is read from its file whenever the credential needs one.
#[derive(Debug)]
struct FromFile(PathBuf);

#[async_trait::async_trait]
impl ClientAssertion for FromFile {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        std::fs::read_to_string(&self.0).map_err(Into::into)
    }
}

impl Suite {
    fn read(door: &str) -> Result<Self, Fault> {
        let stage = std::fs::read_to_string(std::env::var("BARTIZAN_TEST_STAGE")?)?;
        let api = match door {
            "own" => std::env::var("BARTIZAN_URL")?,
            _ => XDR.to_owned(),
        };
        Ok(Self {
            stage: serde_json::from_str(&stage)?,
            tenant: std::env::var("BARTIZAN_TENANT_ID")?,
            api,
        })
    }

    fn text(&self, pointer: &str) -> Result<String, Fault> {
        let found = self.stage.pointer(pointer).and_then(Value::as_str);
        Ok(found
            .ok_or_else(|| format!("the stage has no {pointer}"))?
            .to_owned())
    }

    fn by_secret(
        &self,
        tenant: &str,
        app: &str,
        secret: String,
    ) -> Result<Arc<ClientSecretCredential>, Fault> {
        let client = self.text(&format!("/{app}/id"))?;
        Ok(ClientSecretCredential::new(
            tenant,
            client,
            secret.into(),
            None,
        )?)
    }

    async fn incidents(&self, token: &str) -> Result<usize, Fault> {
        let url = format!("{}/api/incidents", self.api);
        let answer = reqwest::Client::new()
            .get(url)
            .bearer_auth(token)
            .send()
            .await?;
        let body: Value = answer.error_for_status()?.json().await?;
        Ok(body["value"].as_array().map_or(0, Vec::len))
    }

    /// A daemon's token, again from the credential's cache, and what it says and opens.
    async fn as_daemon(
        &self,
        credential: &dyn TokenCredential,
        proof: &str,
    ) -> Result<String, Fault> {
        let scope = format!("{XDR}/.default");
        let token = credential.get_token(&[&scope], None).await?;
        let again = credential.get_token(&[&scope], None).await?;
        assert_eq!(
            token.token.secret(),
            again.token.secret(),
            "the second call must come from the cache"
        );
        let said = claims(token.token.secret())?;
        assert_eq!(
            json!([said["tid"], said["appid"], said["appidacr"]]),
            json!([self.tenant, self.stage["daemon"]["id"], proof])
        );
        let mut roles: Vec<&str> = said["roles"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        roles.sort_unstable();
        assert_eq!(json!(roles), self.stage["daemon"]["roles"]);
        let count = self.incidents(token.token.secret()).await?;
        assert!(count > 0, "no incident");
        Ok(format!("{count} incidents"))
    }

    async fn case(&self, name: &str) -> Result<String, Fault> {
        let client = self.text("/daemon/id")?;
        match name {
            "secret" => {
                let credential =
                    self.by_secret(&self.tenant, "daemon", self.text("/daemon/secret")?)?;
                self.as_daemon(&*credential, "1").await
            }
            "wrong-secret" => {
                let credential = self.by_secret(&self.tenant, "daemon", "wrong".to_owned())?;
                let refused = credential
                    .get_token(&[&format!("{XDR}/.default")], None)
                    .await;
                let text = refused.expect_err("a token for a wrong secret").to_string();
                assert!(text.contains("AADSTS7000215"), "{text}");
                Ok("AADSTS7000215".to_owned())
            }
            #[cfg(feature = "certificate")]
            "certificate" => {
                let options = azure_identity::ClientCertificateCredentialOptions {
                    password: Some(self.text("/certificate/password")?.into()),
                    ..Default::default()
                };
                let file = std::fs::read(self.text("/certificate/pfx")?)?;
                let credential = azure_identity::ClientCertificateCredential::new(
                    self.tenant.clone(),
                    client,
                    azure_core::credentials::SecretBytes::new(file),
                    Some(options),
                )?;
                self.as_daemon(&*credential, "2").await
            }
            "assertion" => {
                let file = FromFile(self.text("/daemon/tokens/asked")?.into());
                let credential =
                    ClientAssertionCredential::new(self.tenant.clone(), client, file, None)?;
                self.as_daemon(&*credential, "2").await
            }
            "workload" => {
                let options = WorkloadIdentityCredentialOptions {
                    client_id: Some(client),
                    tenant_id: Some(self.tenant.clone()),
                    token_file_path: Some(self.text("/daemon/tokens/kept")?.into()),
                    ..WorkloadIdentityCredentialOptions::default()
                };
                let credential = WorkloadIdentityCredential::new(Some(options))?;
                self.as_daemon(&*credential, "2").await
            }
            "partner" => {
                let customer = self.text("/partner/customer")?;
                let credential =
                    self.by_secret(&customer, "partner", self.text("/partner/secret")?)?;
                let token = credential
                    .get_token(&[&format!("{XDR}/.default")], None)
                    .await?;
                assert_eq!(claims(token.token.secret())?["tid"], customer.as_str());
                assert_eq!(
                    self.incidents(token.token.secret()).await?,
                    0,
                    "incidents of another tenant"
                );
                Ok("the customer's data alone".to_owned())
            }
            _ => Err(format!("no case {name}").into()),
        }
    }
}

/// The payload of a token, unverified.
fn claims(token: &str) -> Result<Value, Fault> {
    let payload = token.split('.').nth(1).ok_or("no JWT")?;
    Ok(serde_json::from_slice(
        &azure_core::base64::decode_url_safe(payload)?,
    )?)
}

#[tokio::main]
async fn main() -> Result<(), Fault> {
    let mut arguments = std::env::args().skip(1);
    let (Some(case), Some(door)) = (arguments.next(), arguments.next()) else {
        return Err("which case, by which door?".into());
    };
    println!("{}", Suite::read(&door)?.case(&case).await?);
    Ok(())
}
