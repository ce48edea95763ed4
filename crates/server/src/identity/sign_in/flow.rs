//! One sign-in under way: what it is for and how far the person has come. Kept on the server for a quarter of an hour;
//! the browser holds its name, in the page's address, and the cookie that it is bound to.

use axum::response::Response;
use bartizan_contract::{ObjectId, TenantId};
use bartizan_identity::constant_time;
use bartizan_identity::facts::ClientFact;
use bartizan_identity::sign_in::Progress;
use bartizan_identity::{Refusal, Version};
use bartizan_store::sign_in::pending;
use bartizan_store::{StoreError, WriteTx};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::{HeaderValue, StatusCode, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::cookies::Cookie;
use super::password::sha256_hex;
use crate::identity::Request;
use crate::identity::html::visible;

/// How long a sign-in may take, microseconds.
const PATIENCE: i64 = 15 * 60 * 1_000_000;
/// What may stand in a path segment as it is.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_');

/// What a sign-in is for.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "for", rename_all = "snake_case")]
pub(in crate::identity) enum Purpose {
    /// A request to `/authorize`.
    Authorize {
        /// Of the endpoint.
        v2: bool,
        /// As it came.
        parameters: Vec<(String, String)>,
    },
    /// A request to `/adminconsent`.
    AdminConsent {
        /// Of the endpoint.
        v2: bool,
        /// As it came.
        parameters: Vec<(String, String)>,
    },
    /// Approving a device.
    Device {
        /// SHA-256 of the code that was typed.
        code: Option<String>,
    },
    /// The person's own second factors and sessions.
    SecurityInfo,
    /// Reading why a request was refused.
    Explain {
        /// Its trace id or correlation id.
        trace: String,
    },
}

impl Purpose {
    /// The endpoint's version, of purposes that have one.
    pub(in crate::identity) const fn version(v2: bool) -> Version {
        if v2 { Version::V2 } else { Version::V1 }
    }
}

/// A sign-in under way.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::identity) struct Flow {
    /// Its name; not part of what is kept.
    #[serde(skip)]
    pub(in crate::identity) name: String,
    #[serde(skip)]
    browser: String,
    /// Whether the store has it, or had it.
    #[serde(skip)]
    known: bool,
    /// The tenant's segment of the path where it began.
    pub(in crate::identity) tenant: String,
    pub(in crate::identity) purpose: Purpose,
    /// In every form, so that no other page can send one.
    csrf: String,
    pub(in crate::identity) progress: Progress,
    /// The user name that was typed.
    pub(in crate::identity) typed: String,
    /// The account, once its password was right.
    pub(in crate::identity) account: Option<(TenantId, ObjectId)>,
    /// When the first proof of it was given, microseconds: what revokes sessions revokes a sign-in under way, too.
    pub(in crate::identity) proven: i64,
    /// Whether one of the browser's accounts shall be picked first.
    pub(in crate::identity) pick: bool,
    /// Whether one was picked.
    pub(in crate::identity) picked: bool,
    /// Whether the person consented during this flow.
    pub(in crate::identity) consented: bool,
    /// The application's name, for the first pages.
    pub(in crate::identity) app: Option<String>,
    /// Where its answer may go, for `form-action` of the pages.
    pub(in crate::identity) target: Option<String>,
    /// The session that came out of it or was picked (`sid`).
    pub(in crate::identity) session: Option<Uuid>,
    /// Whether the person signed in during this flow, rather than before.
    pub(in crate::identity) fresh: bool,
    /// The secret of an authenticator app that is being set up, sealed.
    pub(in crate::identity) new_secret: Option<String>,
    /// The challenge that a passkey shall answer.
    pub(in crate::identity) challenge: Option<String>,
    /// Whether a further second factor is being added.
    pub(in crate::identity) adding: bool,
    /// Whether somebody who is signed in sets another password.
    pub(in crate::identity) changing: bool,
    /// Told once on the next page.
    pub(in crate::identity) notice: Option<String>,
}

/// 256 random bits as base64url.
pub(in crate::identity) fn random_name() -> Result<String, Refusal> {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Refusal::Fault)?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

impl Flow {
    /// A new one in the request's browser.
    ///
    /// # Errors
    /// [`Refusal::Fault`] without randomness.
    pub(in crate::identity) fn new(
        request: &Request<'_>,
        tenant: &str,
        purpose: Purpose,
    ) -> Result<Self, Refusal> {
        let browser = match Cookie::Browser.of(request.site, &request.headers) {
            Some(browser) => browser,
            None => random_name()?,
        };
        Ok(Self {
            name: random_name()?,
            browser,
            known: false,
            tenant: tenant.to_owned(),
            purpose,
            csrf: random_name()?,
            progress: Progress::default(),
            typed: String::new(),
            account: None,
            proven: 0,
            pick: false,
            picked: false,
            consented: false,
            app: None,
            target: None,
            session: None,
            fresh: false,
            new_secret: None,
            challenge: None,
            adding: false,
            changing: false,
            notice: None,
        })
    }

    /// The flow that the request names, when it was begun in this browser and has not ended.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(in crate::identity) async fn of(request: &Request<'_>) -> Result<Option<Self>, StoreError> {
        let form = request.form("flow");
        let name = form.or_else(|| request.query("flow")).unwrap_or_default();
        let browser = Cookie::Browser.of(request.site, &request.headers);
        let Some(browser) = browser.filter(|_| !name.is_empty()) else {
            return Ok(None);
        };
        let mut tx = request.app.store.read().await?;
        let now = request.app.clock.unix_micros();
        let (hash, of) = (sha256_hex(name.as_bytes()), sha256_hex(browser.as_bytes()));
        let kept = pending::of_browser(&mut tx, &hash, &of, now).await?;
        // What an older version kept and this one cannot read is over, too.
        let flow = kept.and_then(|kept| serde_json::from_value::<Self>(kept.state).ok());
        Ok(flow.map(|flow| Self {
            name: name.to_owned(),
            browser,
            known: true,
            ..flow
        }))
    }

    /// Keeps it as it is now. One that has ended stays so: a page that was loading meanwhile must not bring it back, or
    /// its form would be taken twice.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(in crate::identity) async fn keep(
        &self,
        request: &Request<'_>,
        tx: &mut WriteTx,
    ) -> Result<(), StoreError> {
        let state = serde_json::to_value(self).unwrap_or_default();
        if self.known {
            pending::advance(tx, &self.hash(), &state).await?;
            return Ok(());
        }
        let sign_in = pending::SignIn {
            hash: self.hash(),
            browser: sha256_hex(self.browser.as_bytes()),
            state,
            expires: request.app.clock.unix_micros() + PATIENCE,
        };
        pending::begin(tx, &sign_in).await
    }

    /// Keeps it, in a transaction of its own.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(in crate::identity) async fn save(&self, request: &Request<'_>) -> Result<(), StoreError> {
        let mut tx = request.app.store.write_aside().await?;
        self.keep(request, &mut tx).await?;
        tx.commit().await
    }

    /// How the store knows it.
    pub(in crate::identity) fn hash(&self) -> String {
        sha256_hex(self.name.as_bytes())
    }

    /// What every form of it carries.
    pub(in crate::identity) fn csrf(&self) -> &str {
        &self.csrf
    }

    /// Where its pages are.
    pub(in crate::identity) fn path(&self) -> String {
        format!("/{}/login", utf8_percent_encode(&self.tenant, SEGMENT))
    }

    /// Sends the browser to the flow's page, with the cookie that binds it.
    pub(in crate::identity) fn go(&self, request: &Request<'_>) -> Response {
        let mut response = redirect(&format!("{}?flow={}", self.path(), self.name));
        // A session cookie: the flow does not outlive the browser.
        if let Some(cookie) = Cookie::Browser.set(request.site, &self.browser, None) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        response
    }

    /// Notes the application that the pages speak of, and the address to which they may send the browser at the end.
    pub(in crate::identity) fn serve(
        &mut self,
        client: Option<&ClientFact>,
        redirect_uri: Option<&str>,
    ) {
        self.app = client.map(|client| visible(&client.application.display_name));
        let registered = || client?.redirect_uris.first().map(|(_, uri)| uri);
        self.target = redirect_uri.or_else(registered).map(str::to_owned);
    }

    /// Forgets who was signing in.
    pub(in crate::identity) fn restart(&mut self) {
        self.progress = Progress::default();
        self.typed = String::new();
        self.account = None;
        self.proven = 0;
        self.pick = false;
        self.picked = false;
        self.consented = false;
        self.session = None;
        self.fresh = false;
        self.new_secret = None;
        self.challenge = None;
        self.adding = false;
        self.changing = false;
    }

    /// Whether a form is ours: its token, and what browsers say about where it was. A browser that sends neither of
    /// the two headers is an old one or none; the token decides.
    pub(in crate::identity) fn sent_form(&self, request: &Request<'_>) -> bool {
        let token = request.form("csrf").unwrap_or_default();
        let same = constant_time::same(self.csrf.as_bytes(), token.as_bytes());
        let here = match (request.header("sec-fetch-site"), request.header("origin")) {
            (Some(place), _) => place == "same-origin",
            (None, Some(origin)) => origin == request.site.base,
            (None, None) => true,
        };
        same && here
    }
}

/// A redirect that turns a POST into a GET (RFC 9110 section 15.4.4). Only for addresses that were checked.
pub(in crate::identity) fn redirect(to: &str) -> Response {
    let mut response = Response::default();
    match HeaderValue::try_from(to) {
        Ok(to) => {
            *response.status_mut() = StatusCode::SEE_OTHER;
            response.headers_mut().insert(header::LOCATION, to);
        }
        // A registered address with a line break in it.
        Err(_) => *response.status_mut() = StatusCode::BAD_REQUEST,
    }
    response
}
