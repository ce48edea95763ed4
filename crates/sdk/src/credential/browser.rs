//! A person with a browser on this machine: the authorization code grant with PKCE (RFC 6749 section 4.1, RFC 7636) and
//! a redirect to a loopback port (RFC 8252 section 7.3).

use std::fmt::Debug;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use reqwest::StatusCode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use super::person::{SignIn, scope};
use super::{AccessToken, Credential, TokenRequest, post};
use crate::error::{Error, TokenError};

/// How long a person may take to sign in.
const PATIENCE: Duration = Duration::from_secs(600);
/// How long a connection to the loopback port may take to say what it wants.
const REQUEST: Duration = Duration::from_secs(10);
/// How many connections are served at a time; further ones wait in the system's queue.
const CONNECTIONS: usize = 64;
/// The longest request line: a code, a state and some more.
const LONGEST: usize = 16 * 1024;

/// A public client whose person signs in with the browser. The application must have `http://localhost` among the
/// redirect URIs of its public clients; the port may be any. Further resources come by the refresh token of the one
/// sign-in.
pub struct Browser {
    client_id: String,
    open: Box<dyn Fn(&Url) + Send + Sync>,
    sign_in: SignIn,
}

impl Browser {
    /// A credential of this application; `open` shows the person the page.
    pub fn new(client_id: impl Into<String>, open: impl Fn(&Url) + Send + Sync + 'static) -> Self {
        Self {
            client_id: client_id.into(),
            open: Box::new(open),
            sign_in: SignIn::default(),
        }
    }

    async fn ask(
        &self,
        http: &reqwest::Client,
        request: &TokenRequest,
    ) -> Result<AccessToken, Error> {
        let unable = |error: std::io::Error| {
            Error::Configuration(format!("no port for the browser's answer: {error}"))
        };
        let (loopback, port) = Loopback::open().await.map_err(unable)?;
        let redirect = format!("http://localhost:{port}");
        let (verifier, state) = (random()?, random()?);
        let challenge = BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
        let scope = scope(&request.target);
        let mut page = request.at("oauth2/v2.0/authorize")?;
        page.query_pairs_mut()
            .append_pair("client_id", &self.client_id)
            .append_pair("response_type", "code")
            .append_pair("response_mode", "query")
            .append_pair("redirect_uri", &redirect)
            .append_pair("scope", &scope)
            .append_pair("state", &state)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        (self.open)(&page);
        let code = tokio::time::timeout(PATIENCE, answer(&loopback, &state))
            .await
            .map_err(|_| {
                Error::Configuration(
                    "nobody signed in within ten minutes; run the command again".to_owned(),
                )
            })??;
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", self.client_id.as_str()),
            ("code", &code),
            ("redirect_uri", &redirect),
            ("code_verifier", &verifier),
            ("scope", &scope),
        ];
        post(http, &request.at("oauth2/v2.0/token")?, &form).await
    }
}

impl Debug for Browser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Browser")
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

impl Credential for Browser {
    fn token<'a>(
        &'a self,
        http: &'a reqwest::Client,
        request: &'a TokenRequest,
    ) -> BoxFuture<'a, Result<AccessToken, Error>> {
        Box::pin(async move {
            let ask = self.ask(http, request);
            self.sign_in
                .token(http, request, &self.client_id, ask)
                .await
        })
    }
}

/// 256 bits of chance as text.
fn random() -> Result<String, Error> {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes)
        .map_err(|_| Error::Configuration("the system's random source failed".to_owned()))?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

/// Where the browser comes back to. `localhost` is either address, and the port of the other one is not to be another
/// program's.
struct Loopback {
    v4: TcpListener,
    /// None without IPv6, and where the port is taken there.
    v6: Option<TcpListener>,
}

impl Loopback {
    /// On a free port, which it tells.
    async fn open() -> std::io::Result<(Self, u16)> {
        let v4 = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = v4.local_addr()?.port();
        let v6 = TcpListener::bind((Ipv6Addr::LOCALHOST, port)).await.ok();
        Ok((Self { v4, v6 }, port))
    }

    async fn accept(&self) -> std::io::Result<TcpStream> {
        let other = async {
            match &self.v6 {
                Some(listener) => listener.accept().await,
                None => std::future::pending().await,
            }
        };
        let (connection, _) = tokio::select! {
            accepted = self.v4.accept() => accepted?,
            accepted = other => accepted?,
        };
        Ok(connection)
    }
}

/// Waits for the browser to come back with this state. Connections are served side by side: browsers open some that
/// they do not use, and one that says nothing must not keep the answer waiting.
async fn answer(loopback: &Loopback, state: &str) -> Result<String, Error> {
    let mut open = FuturesUnordered::new();
    loop {
        tokio::select! {
            accepted = loopback.accept(), if open.len() < CONNECTIONS => {
                let connection = accepted.map_err(|error| {
                    Error::Configuration(format!("the port for the browser's answer: {error}"))
                })?;
                let served = tokio::time::timeout(REQUEST, serve(connection, state));
                open.push(served);
            }
            Some(served) = open.next() => {
                if let Ok(Some(found)) = served {
                    return found.map_err(|error| Error::Token(Box::new(error)));
                }
            }
        }
    }
}

/// What one connection brings. Whoever comes with another state is sent away: any page can send a browser here.
async fn serve(mut connection: TcpStream, state: &str) -> Option<Result<String, TokenError>> {
    let path = path(&mut connection).await?;
    let found = judge(&path, state);
    let (status, text) = match &found {
        Some(Ok(_)) => (
            "200 OK",
            "You are signed in. Close this page and go back to the terminal.",
        ),
        Some(Err(_)) => (
            "200 OK",
            "The sign-in did not work. The terminal says why; close this page.",
        ),
        None => ("404 Not Found", "There is nothing here."),
    };
    let page = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nCache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nConnection: close\r\n\r\n{text}",
        text.len()
    );
    // A browser that has gone does not matter: what counts has come.
    let _ = connection.write_all(page.as_bytes()).await;
    let _ = connection.shutdown().await;
    found
}

/// The target of a GET request; `None` for what is none.
async fn path(connection: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut chunk = [0; 2048];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let read = connection.read(&mut chunk).await.ok()?;
        if read == 0 || head.len() > LONGEST {
            return None;
        }
        head.extend_from_slice(&chunk[..read]);
    }
    let head = String::from_utf8(head).ok()?;
    let mut words = head.lines().next()?.split(' ');
    (words.next()? == "GET").then_some(words.next()?.to_owned())
}

/// The code, or the refusal; `None` for a request that is not this sign-in's answer.
fn judge(path: &str, state: &str) -> Option<Result<String, TokenError>> {
    let (place, query) = path.split_once('?')?;
    if place != "/" {
        return None;
    }
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    let value = |name: &str| {
        let found = pairs.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.clone())
    };
    if value("state").as_deref() != Some(state) {
        return None;
    }
    if let Some(code) = value("code") {
        return Some(Ok(code));
    }
    Some(Err(TokenError {
        status: StatusCode::BAD_REQUEST,
        error: value("error")?,
        error_description: value("error_description").unwrap_or_default(),
        error_codes: Vec::new(),
        trace_id: None,
        correlation_id: None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn connections_that_say_nothing_do_not_hold_the_answer_up() {
        let (loopback, port) = Loopback::open().await.expect("a port");
        let place = (Ipv4Addr::LOCALHOST, port);
        let browser = async {
            let mut silent = Vec::new();
            for _ in 0..4 {
                silent.push(TcpStream::connect(place).await.expect("a connection"));
            }
            let mut real = TcpStream::connect(place).await.expect("a connection");
            real.write_all(b"GET /?code=c&state=s HTTP/1.1\r\n\r\n")
                .await
                .expect("written");
            let mut page = String::new();
            real.read_to_string(&mut page).await.expect("a page");
            // The silent ones are open until here.
            drop(silent);
            page
        };
        // As long as a single silent one may take: who waits for the first is not done by then.
        let both = futures::future::join(answer(&loopback, "s"), browser);
        let (code, page) = tokio::time::timeout(REQUEST, both).await.expect("in time");
        assert_eq!(code.expect("a code"), "c");
        assert!(page.contains("You are signed in"), "{page}");
    }

    #[test]
    fn only_the_answer_with_the_own_state_counts() {
        let code = judge("/?code=c%2B1&state=s", "s").expect("an answer");
        assert_eq!(code.expect("a code"), "c+1");
        let refused = judge("/?error=access_denied&state=s", "s").expect("an answer");
        assert_eq!(refused.expect_err("a refusal").error, "access_denied");
        for other in [
            "/?code=c&state=t",
            "/?code=c",
            "/favicon.ico",
            "/x?code=c&state=s",
        ] {
            assert!(judge(other, "s").is_none(), "{other}");
        }
    }
}
