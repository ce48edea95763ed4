//! What the grants of users have in common: facts, decision and effects in one transaction, then the signatures.

use bartizan_contract::AppId;
use bartizan_identity::client_auth::IssuerKeys;
use bartizan_identity::directory::secret_hash;
use bartizan_identity::grant::client_credentials::Setting;
use bartizan_identity::grant::user::{Context, Denial, NewRefreshToken, UserIssuance};
use bartizan_identity::grant::{Lifetimes, TokenEntropy};
use bartizan_identity::refusal::UserRefusal;
use bartizan_identity::request::ClientProof;
use bartizan_identity::{Refusal, TenantPath, TokenRequest};
use bartizan_store::directory::{applications, credentials};
use bartizan_store::tokens::refresh_tokens::{self, Family, RefreshToken};
use bartizan_store::{ReadTx, StoreError, WriteTx};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use uuid::Uuid;

use super::super::client::{self, LastUses};
use super::super::{KnownUser, Request, issuer_keys};
use super::facts::MICROS;
use super::fault;
use super::user_facts::{self, Door, Read};

/// Bytes of chance in a code or a token.
const SECRET: usize = 32;

/// A request on its way.
pub(super) struct Asking<'a> {
    pub(super) request: &'a Request<'a>,
    pub(super) asked: &'a TokenRequest,
    pub(super) path: &'a TenantPath,
    own_origins: Vec<String>,
    entropy: [TokenEntropy; 2],
    /// The address that the request came from.
    address: Option<String>,
    /// What the issuer of the client's token publishes, read before a transaction is held.
    issuer_keys: IssuerKeys,
}

impl<'a> Asking<'a> {
    /// Draws what the decision needs of chance, and asks the issuer of the client's token for its keys.
    pub(super) async fn new(
        request: &'a Request<'a>,
        asked: &'a TokenRequest,
        path: &'a TenantPath,
    ) -> Result<Self, Refusal> {
        let mut entropy: [TokenEntropy; 2] = [[0; 48]; 2];
        for bytes in &mut entropy {
            aws_lc_rs::rand::fill(bytes).map_err(|_| Refusal::Fault)?;
        }
        Ok(Self {
            request,
            asked,
            path,
            own_origins: request.app.sites.own_origins().collect(),
            entropy,
            address: request.source().map(|address| address.to_string()),
            issuer_keys: keys_of_issuer(request, asked).await.map_err(fault)?,
        })
    }

    /// Reads the facts; the client's credentials come with the keys of its issuer.
    pub(super) async fn load(&self, tx: &mut ReadTx, door: Door<'_>) -> Result<Read, Refusal> {
        let read = user_facts::load(self.request, tx, door).await;
        let mut read = read.map_err(fault)?;
        if let Some(client) = &mut read.facts.client {
            client.application.credentials.issuer_keys = self.issuer_keys.clone();
        }
        Ok(read)
    }

    /// The decision's side of it.
    pub(super) fn context<'c>(&'c self, read: &'c Read) -> Context<'c> {
        Context {
            request: self.asked,
            path: self.path,
            facts: &read.facts,
            setting: Setting {
                issuers: self.request.app.keys.issuers(),
                lifetimes: Lifetimes::default(),
                own_origins: &self.own_origins,
                now: self.request.trace.now,
            },
            address: self.address.as_deref(),
            cross_origin: self.request.headers.contains_key(http::header::ORIGIN),
            entropy: &self.entropy[0],
            id_entropy: &self.entropy[1],
        }
    }

    /// Completes a decision: keeps the refresh token, commits, notes the credential's use, signs. A denial commits
    /// what is to be written with it.
    pub(super) async fn complete(
        &self,
        mut tx: WriteTx,
        read: Read,
        decided: Result<UserIssuance, Denial>,
        family: Uuid,
    ) -> Result<Json, Refusal> {
        let issuance = match decided {
            Ok(issuance) => issuance,
            Err(denial) => {
                self.tell_of(&read);
                return Err(self.deny(tx, &read, denial).await);
            }
        };
        let refresh = match &issuance.refresh {
            Some(new) => Some(self.keep(&mut tx, &issuance, new, family).await?),
            None => None,
        };
        tx.commit().await.map_err(fault)?;
        if let (Some(used), Some(home)) = (issuance.credential_used, read.home) {
            let known = LastUses::of(home, &read.credentials);
            client::note_use(self.request, used, &known);
        }
        let keys = &self.request.app.keys;
        let failed = |error| {
            tracing::error!(%error, "token endpoint: signing failed");
            Refusal::Fault
        };
        let token = keys.sign(&issuance.claims).map_err(failed)?;
        let id_token = match &issuance.id_claims {
            Some(claims) => Some(keys.sign_id(claims).map_err(failed)?),
            None => None,
        };
        tracing::debug!(client = %self.asked.client_id, tenant = %issuance.claims.tid, "token issued for a user");
        Ok(issuance.answer(&token, id_token.as_deref(), refresh.as_deref()))
    }

    /// Tells the trail whose code or token it was, in the user's own tenant.
    fn tell_of(&self, read: &Read) {
        let tenant = read.facts.tenant.as_ref().map(|tenant| tenant.id);
        if let Some(user) = read
            .facts
            .user
            .as_ref()
            .filter(|u| Some(u.tenant) == tenant)
        {
            let _ = self.request.known.set(KnownUser {
                id: user.id.to_string(),
                upn: user.upn.clone(),
                name: user.display_name.clone(),
            });
        }
    }

    async fn keep(
        &self,
        tx: &mut WriteTx,
        issuance: &UserIssuance,
        new: &NewRefreshToken,
        family: Uuid,
    ) -> Result<String, Refusal> {
        let token = secret("1.A")?;
        let now = self.request.app.clock.unix_micros();
        let client = issuance.claims.client().ok_or(Refusal::Fault)?;
        let row = RefreshToken {
            hash: secret_hash(&token),
            family: Family {
                id: family,
                tenant: issuance.claims.tid,
                client,
                principal: issuance.claims.oid,
                created: now,
                revoked: None,
            },
            details: to_json(&new.details)?,
            issued: now,
            last_used: None,
            expires: new.expires * MICROS,
        };
        refresh_tokens::insert(tx, &row).await.map_err(fault)?;
        Ok(token)
    }

    async fn deny(&self, mut tx: WriteTx, read: &Read, denial: Denial) -> Refusal {
        if let (Some(family), Some(tenant)) = (denial.revoke_family, &read.facts.tenant) {
            let now = self.request.app.clock.unix_micros();
            let revoked = async {
                refresh_tokens::revoke_family(&mut tx, tenant.id, family, now).await?;
                tx.commit().await
            };
            if let Err(error) = revoked.await {
                return fault(error);
            }
            tracing::warn!(client = %self.asked.client_id, %family, "a code came twice: what it was redeemed for is revoked");
        }
        denial.refusal
    }
}

/// The keys of the issuer whose token the client sent in place of a credential. Outside of any transaction, because
/// another server has to answer.
async fn keys_of_issuer(
    request: &Request<'_>,
    asked: &TokenRequest,
) -> Result<IssuerKeys, StoreError> {
    let (ClientProof::Assertion { .. }, Ok(id)) = (&asked.proof, asked.client_id.parse::<AppId>())
    else {
        return Ok(IssuerKeys::default());
    };
    let mut tx = request.app.store.read().await?;
    let Some(application) = applications::anywhere(&mut tx, id).await? else {
        return Ok(IssuerKeys::default());
    };
    let known = credentials::of(&mut tx, application.tenant, application.id).await?;
    drop(tx);
    let mut known = client::credentials(&known);
    issuer_keys::complete(request.app, asked, &mut known).await;
    Ok(known.issuer_keys)
}

/// A random secret with this beginning.
pub(in crate::identity) fn secret(prefix: &str) -> Result<String, Refusal> {
    let mut bytes = [0; SECRET];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Refusal::Fault)?;
    Ok(format!("{prefix}{}", BASE64_URL_SAFE_NO_PAD.encode(bytes)))
}

/// A row's details. Nothing of ours fails to become JSON.
pub(in crate::identity) fn to_json(details: &impl Serialize) -> Result<Json, Refusal> {
    serde_json::to_value(details).map_err(|_| Refusal::Fault)
}

/// A row's details, read back. A row that another version wrote and this one cannot read counts as unusable.
pub(super) fn from_json<T: DeserializeOwned>(details: Json) -> Result<T, Refusal> {
    serde_json::from_value(details).map_err(|error| {
        tracing::warn!(%error, "the details of a code or token could not be read");
        UserRefusal::GrantInvalid.into()
    })
}

/// A write transaction for a grant: codes and tokens, nothing of the directory.
pub(super) async fn begin(request: &Request<'_>) -> Result<WriteTx, Refusal> {
    let tx: Result<WriteTx, StoreError> = request.app.store.write_aside().await;
    tx.map_err(fault)
}
