//! Keys of federated issuers: read from their discovery documents, kept as long as they say.
//!
//! Only issuers that somebody registered are asked (`bartizan_identity::client_auth::issuer_wanted`), over https alone,
//! without redirects, and only at public addresses unless the setting `issuer-hosts` names the host: the name is resolved
//! first, and the connection goes to the address that was checked.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bartizan_identity::TokenRequest;
use bartizan_identity::client_auth::{Credentials, IssuerKeys, IssuerWanted, issuer_wanted};
use serde_json::Value as Json;
use tokio::sync::Mutex;
use url::Url;

use crate::app::App;
use crate::outbound::{self, BodyError, Reach, Unreachable};

/// The longest document that is read, in bytes.
const SIZE_LIMIT: usize = 256 * 1024;
/// How long one document may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Bounds of how long keys are kept, seconds, and how long when nothing is said.
const KEEP: (i64, i64, i64) = (60, 86_400, 3_600);
/// How long after a reading an unknown key is a reason for another one, and a failure stands: seconds.
const PAUSE: i64 = 60;
/// How many issuers are kept; beyond it the cache starts anew.
const MOST: usize = 1_000;

/// Keys by issuer.
#[derive(Debug, Default)]
pub struct IssuerKeyCache(Mutex<HashMap<String, Arc<Mutex<Option<Kept>>>>>);

#[derive(Debug, Clone)]
struct Kept {
    keys: Result<Arc<Json>, String>,
    read: i64,
    until: i64,
}

impl Kept {
    /// Whether it still answers for a key of that name.
    fn serves(&self, kid: Option<&str>, now: i64) -> bool {
        let known = self.keys.as_ref().is_ok_and(|set| {
            let keys = set["keys"].as_array().map_or(&[][..], Vec::as_slice);
            kid.is_none_or(|kid| keys.iter().any(|key| key["kid"] == kid))
        });
        (known && now < self.until) || now < self.read.saturating_add(PAUSE)
    }
}

/// Completes an application's credentials with the keys of the issuer whose token was sent, when they are needed.
pub(super) async fn complete(app: &App, asked: &TokenRequest, credentials: &mut Credentials) {
    if let Some(wanted) = issuer_wanted(&asked.proof, credentials) {
        credentials.issuer_keys = match app.issuer_keys.of(app, &wanted).await {
            Ok(keys) => IssuerKeys::Known(keys),
            Err(reason) => IssuerKeys::Unavailable { reason },
        };
    }
}

impl IssuerKeyCache {
    async fn of(&self, app: &App, wanted: &IssuerWanted) -> Result<Arc<Json>, String> {
        let slot = {
            let mut slots = self.0.lock().await;
            if slots.len() >= MOST {
                slots.clear();
            }
            Arc::clone(slots.entry(wanted.issuer.clone()).or_default())
        };
        // One reading at a time per issuer; the others wait for it.
        let mut kept = slot.lock().await;
        let now = app.clock.unix_seconds();
        if let Some(kept) = kept
            .as_ref()
            .filter(|k| k.serves(wanted.kid.as_deref(), now))
        {
            return kept.keys.clone();
        }
        let answer = read(app, &wanted.issuer).await;
        if let Err(reason) = &answer {
            tracing::warn!(
                issuer = wanted.issuer,
                reason,
                "a federated issuer's keys could not be read"
            );
        }
        let keep = answer.as_ref().map_or(PAUSE, |(_, keep)| *keep);
        let fresh = Kept {
            keys: answer.map(|(keys, _)| Arc::new(keys)),
            read: now,
            until: now.saturating_add(keep),
        };
        let keys = fresh.keys.clone();
        *kept = Some(fresh);
        keys
    }
}

/// The key set of an issuer, and for how many seconds it may be kept.
async fn read(app: &App, issuer: &str) -> Result<(Json, i64), String> {
    let base = issuer.trim_end_matches('/');
    let url = parse(&format!("{base}/.well-known/openid-configuration"))?;
    let (document, _) = fetch(app, &url).await?;
    if document["issuer"] != issuer {
        return Err("its discovery document names another issuer".to_owned());
    }
    let url = document["jwks_uri"]
        .as_str()
        .ok_or("its discovery document has no jwks_uri")?;
    let (keys, keep) = fetch(app, &parse(url)?).await?;
    if !keys["keys"].is_array() {
        return Err("its key set has no keys".to_owned());
    }
    Ok((keys, keep))
}

fn parse(url: &str) -> Result<Url, String> {
    Url::parse(url)
        .ok()
        .filter(|url| url.scheme() == "https" && url.host().is_some())
        .ok_or_else(|| "its documents must have https URLs".to_owned())
}

async fn fetch(app: &App, url: &Url) -> Result<(Json, i64), String> {
    let reach = if outbound::names(&app.settings.issuer_hosts, url) {
        Reach::Any
    } else {
        Reach::Public
    };
    let addresses = outbound::addresses(url, reach).await;
    let addresses = addresses.map_err(|error| match error {
        Unreachable::Unknown => error.to_string(),
        Unreachable::Private => format!(
            "{} has an address of a private network; the server's setting issuer-hosts would allow it, or keep its keys with the credential",
            url.host_str().unwrap_or_default()
        ),
    })?;
    let mut builder = outbound::client(url, &addresses, TIMEOUT);
    if let Some(path) = &app.settings.issuer_ca {
        let unreadable = |error: &dyn std::fmt::Display| {
            tracing::error!(path = %path.display(), %error, "issuer-ca cannot be read");
            "this server's setting issuer-ca cannot be used".to_owned()
        };
        let pem = std::fs::read(path).map_err(|error| unreadable(&error))?;
        for root in reqwest::Certificate::from_pem_bundle(&pem).map_err(|e| unreadable(&e))? {
            builder = builder.add_root_certificate(root);
        }
    }
    let client = builder
        .build()
        .map_err(|_| "no connection could be prepared")?;
    // The cause may tell about the network here: it goes to the log.
    let failed = |error: reqwest::Error| {
        tracing::info!(%error, "a federated issuer did not answer");
        if error.is_timeout() {
            "it did not answer in time".to_owned()
        } else {
            "no connection, or a certificate that is not trusted".to_owned()
        }
    };
    let answer = client.get(url.clone()).send().await.map_err(failed)?;
    if answer.status() != reqwest::StatusCode::OK {
        return Err(format!(
            "it answered with status {}",
            answer.status().as_u16()
        ));
    }
    let keep = max_age(&answer);
    let body = outbound::body(answer, SIZE_LIMIT).await;
    let body = body.map_err(|error| match error {
        BodyError::Connection(error) => failed(error),
        BodyError::TooLong => format!("its document is longer than {SIZE_LIMIT} bytes"),
    })?;
    let json = serde_json::from_slice(&body).map_err(|_| "its document is not JSON")?;
    Ok((json, keep))
}

/// `Cache-Control: max-age`, within bounds (RFC 9111 section 5.2.2.1).
fn max_age(answer: &reqwest::Response) -> i64 {
    let (least, most, usual) = KEEP;
    let headers = answer.headers().get_all(http::header::CACHE_CONTROL);
    headers
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .find_map(|part| part.trim().strip_prefix("max-age=")?.parse::<i64>().ok())
        .unwrap_or(usual)
        .clamp(least, most)
}
