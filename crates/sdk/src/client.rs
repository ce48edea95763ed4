//! The client: one tenant, one credential, three dialects.

use std::sync::Arc;
use std::time::Duration;

use bartizan_contract::{mde, xdr};
use futures::Stream;
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderValue};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::cloud::{Cloud, Service};
use crate::credential::{AccessToken, Credential, Target, TokenCache, TokenRequest};
use crate::directory::Directory;
use crate::error::{ApiError, Error};
use crate::hunting::Hunting;
use crate::paging;
use crate::people::People;
use crate::pipeline::{Answer, Call, RetryPolicy};

/// A client of one tenant. Cloning is cheap and shares the token cache.
#[derive(Debug, Clone)]
pub struct Client {
    pub(crate) http: reqwest::Client,
    pub(crate) cloud: Arc<Cloud>,
    pub(crate) tenant: Arc<str>,
    pub(crate) credential: Arc<dyn Credential>,
    pub(crate) cache: Arc<TokenCache>,
    pub(crate) retry: RetryPolicy,
}

/// Collects what a [`Client`] needs.
#[derive(Debug)]
pub struct Builder {
    cloud: Cloud,
    tenant: String,
    credential: Arc<dyn Credential>,
    roots: Vec<Vec<u8>>,
    retry: RetryPolicy,
    timeout: Duration,
}

impl Builder {
    /// Trusts a further authority, given as PEM: the one of a Bartizan server.
    #[must_use]
    pub fn trust(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.roots.push(pem.into());
        self
    }

    /// Replaces the retry policy.
    #[must_use]
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// Replaces the time that one try may take (5 minutes: a hunt may run for three).
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Makes the client.
    ///
    /// # Errors
    /// [`Error::Configuration`] when a PEM text is no certificate or TLS cannot be set up.
    pub fn build(self) -> Result<Client, Error> {
        let configuration = |error: reqwest::Error| Error::Configuration(error.to_string());
        let mut http = reqwest::Client::builder()
            .user_agent(concat!("bartizan/", env!("CARGO_PKG_VERSION")))
            .timeout(self.timeout)
            .connect_timeout(Duration::from_secs(10))
            // A redirect would carry the token or the secret to wherever it leads.
            .redirect(reqwest::redirect::Policy::none());
        for pem in &self.roots {
            let root = reqwest::Certificate::from_pem(pem).map_err(configuration)?;
            http = http.add_root_certificate(root);
        }
        if is_loopback(&self.cloud.authority) {
            // A proxy of the surroundings cannot lead to this machine.
            http = http.no_proxy();
        }
        Ok(Client {
            http: http.build().map_err(configuration)?,
            cloud: Arc::new(self.cloud),
            tenant: self.tenant.into(),
            credential: self.credential,
            cache: Arc::default(),
            retry: self.retry,
        })
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

impl Client {
    /// Starts building a client of `tenant` (an id or a domain) in `cloud`.
    pub fn builder(
        cloud: Cloud,
        tenant: impl Into<String>,
        credential: impl Credential + 'static,
    ) -> Builder {
        Builder {
            cloud,
            tenant: tenant.into(),
            credential: Arc::new(credential),
            roots: Vec::new(),
            retry: RetryPolicy::default(),
            timeout: Duration::from_secs(300),
        }
    }

    /// The same application in another tenant, where it must have been consented to.
    #[must_use]
    pub fn for_tenant(&self, tenant: &str) -> Self {
        Self {
            tenant: tenant.into(),
            ..self.clone()
        }
    }

    /// The tenant that this client asks tokens of.
    #[must_use]
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// The cloud that this client talks to.
    #[must_use]
    pub fn cloud(&self) -> &Cloud {
        &self.cloud
    }

    /// Incidents of Defender XDR.
    #[must_use]
    pub fn incidents(&self) -> Incidents<'_> {
        Incidents(self)
    }

    /// Alerts of Defender for Endpoint.
    #[must_use]
    pub fn alerts(&self) -> Alerts<'_> {
        Alerts(self)
    }

    /// Devices of Defender for Endpoint.
    #[must_use]
    pub fn machines(&self) -> Machines<'_> {
        Machines(self)
    }

    /// Advanced hunting, in any of the three dialects.
    #[must_use]
    pub fn hunting(&self) -> Hunting<'_> {
        Hunting(self)
    }

    /// Application registrations, consent and secrets, through Microsoft Graph.
    #[must_use]
    pub fn directory(&self) -> Directory<'_> {
        Directory(self)
    }

    /// People, groups, roles and delegated grants; device groups and Defender roles.
    #[must_use]
    pub fn people(&self) -> People<'_> {
        People(self)
    }

    /// A token for a service, from the cache when it is still good.
    ///
    /// # Errors
    /// [`Error::Token`] and [`Error::Transport`].
    pub async fn token(&self, service: Service) -> Result<AccessToken, Error> {
        let request = self.token_request(service);
        self.cache
            .token(&*self.credential, &self.http, &request)
            .await
    }

    /// A token for anything that either version of the endpoint understands.
    ///
    /// # Errors
    /// [`Error::Token`] and [`Error::Transport`].
    pub async fn token_for(&self, target: Target) -> Result<AccessToken, Error> {
        let request = TokenRequest {
            target,
            ..self.token_request(Service::Xdr)
        };
        self.cache
            .token(&*self.credential, &self.http, &request)
            .await
    }

    /// Fetches a public document of the sign-in host (discovery, keys) without a token.
    ///
    /// # Errors
    /// [`Error::Transport`], [`Error::Api`], [`Error::Decode`].
    pub async fn public_json<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        let url = join(&self.cloud.authority, path)?;
        let broken = |error: reqwest::Error| Error::transport(&url, &error);
        let answer = self.http.get(url.clone()).send().await.map_err(broken)?;
        let status = answer.status();
        let body = answer.bytes().await.map_err(broken)?;
        if !status.is_success() {
            let error = ApiError::read(status, url, None, &body);
            return Err(Error::Api(Box::new(error)));
        }
        serde_json::from_slice(&body).map_err(|error| Error::decode(&url, error))
    }

    /// Any call that this client has no method for. `path` begins with a slash and may carry a query.
    ///
    /// # Errors
    /// Every variant of [`Error`].
    pub async fn raw<B: Serialize + Sync>(
        &self,
        service: Service,
        method: Method,
        path: &str,
        body: Option<&B>,
    ) -> Result<Answer, Error> {
        let url = self.url(service, path)?;
        let body = match body {
            None => None,
            Some(body) => {
                let json = serde_json::to_vec(body)
                    .map_err(|error| Error::Configuration(format!("request body: {error}")))?;
                Some((HeaderValue::from_static("application/json"), json.into()))
            }
        };
        self.send(Call {
            service,
            method,
            url,
            body,
            headers: HeaderMap::new(),
        })
        .await
    }

    /// Like [`Self::raw`] without a body, for GET and DELETE.
    ///
    /// # Errors
    /// Every variant of [`Error`].
    pub async fn raw_empty(
        &self,
        service: Service,
        method: Method,
        path: &str,
    ) -> Result<Answer, Error> {
        self.raw::<()>(service, method, path, None).await
    }

    /// The items of any OData collection, page after page.
    pub fn collection<T: DeserializeOwned + Send + 'static>(
        &self,
        service: Service,
        path: &str,
    ) -> impl Stream<Item = Result<T, Error>> + Send + Unpin + use<T> {
        paging::items(self, service, self.url(service, path))
    }

    pub(crate) fn url(&self, service: Service, path: &str) -> Result<Url, Error> {
        join(self.cloud.base(service), path)
    }

    pub(crate) fn token_request(&self, service: Service) -> TokenRequest {
        TokenRequest {
            authority: self.cloud.authority.clone(),
            tenant: self.tenant.to_string(),
            target: Target::Scope(self.cloud.scope(service)),
        }
    }
}

fn join(base: &Url, path: &str) -> Result<Url, Error> {
    base.join(path)
        .map_err(|error| Error::Configuration(format!("{path}: {error}")))
}

/// OData options of a listing; absent ones are not sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListOptions {
    /// `$filter`
    pub filter: Option<String>,
    /// `$top`: how many items in all; pages follow from it.
    pub top: Option<u32>,
    /// `$skip`
    pub skip: Option<u32>,
    /// `$expand`
    pub expand: Option<String>,
}

impl ListOptions {
    fn path(&self, base: &str) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let numbers = [("$top", self.top), ("$skip", self.skip)];
        for (name, value) in [("$filter", &self.filter), ("$expand", &self.expand)] {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        for (name, value) in numbers {
            if let Some(value) = value {
                query.append_pair(name, &value.to_string());
            }
        }
        let query = query.finish();
        if query.is_empty() {
            base.to_owned()
        } else {
            format!("{base}?{query}")
        }
    }
}

/// Calls about incidents.
#[derive(Debug, Clone, Copy)]
pub struct Incidents<'a>(&'a Client);

impl Incidents<'_> {
    /// Incidents, newest first.
    pub fn list(
        &self,
        options: &ListOptions,
    ) -> impl Stream<Item = Result<xdr::Incident, Error>> + Send + Unpin + use<> {
        self.0
            .collection(Service::Xdr, &options.path("/api/incidents"))
    }

    /// One incident.
    ///
    /// # Errors
    /// Every variant of [`Error`].
    pub async fn get(&self, id: i64) -> Result<xdr::Incident, Error> {
        let path = format!("/api/incidents/{id}");
        self.0
            .raw_empty(Service::Xdr, Method::GET, &path)
            .await?
            .json()
    }

    /// Changes an incident; fields that are absent from `update` stay as they are.
    ///
    /// # Errors
    /// Every variant of [`Error`].
    pub async fn update(
        &self,
        id: i64,
        update: &xdr::IncidentUpdate,
    ) -> Result<xdr::Incident, Error> {
        let path = format!("/api/incidents/{id}");
        self.0
            .raw(Service::Xdr, Method::PATCH, &path, Some(update))
            .await?
            .json()
    }
}

/// Calls about alerts.
#[derive(Debug, Clone, Copy)]
pub struct Alerts<'a>(&'a Client);

impl Alerts<'_> {
    /// Alerts of Defender for Endpoint.
    pub fn list(
        &self,
        options: &ListOptions,
    ) -> impl Stream<Item = Result<mde::Alert, Error>> + Send + Unpin + use<> {
        self.0
            .collection(Service::Mde, &options.path("/api/alerts"))
    }

    /// One alert, with its evidence.
    ///
    /// # Errors
    /// Every variant of [`Error`].
    pub async fn get(&self, id: &str) -> Result<mde::Alert, Error> {
        let path = format!("/api/alerts/{id}");
        self.0
            .raw_empty(Service::Mde, Method::GET, &path)
            .await?
            .json()
    }
}

/// Calls about devices.
#[derive(Debug, Clone, Copy)]
pub struct Machines<'a>(&'a Client);

impl Machines<'_> {
    /// Devices.
    pub fn list(
        &self,
        options: &ListOptions,
    ) -> impl Stream<Item = Result<mde::Machine, Error>> + Send + Unpin + use<> {
        self.0
            .collection(Service::Mde, &options.path("/api/machines"))
    }

    /// One device, by id or DNS name.
    ///
    /// # Errors
    /// Every variant of [`Error`].
    pub async fn get(&self, id: &str) -> Result<mde::Machine, Error> {
        let path = format!("/api/machines/{id}");
        self.0
            .raw_empty(Service::Mde, Method::GET, &path)
            .await?
            .json()
    }
}
