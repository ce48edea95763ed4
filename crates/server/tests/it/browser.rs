//! A browser without a screen: keeps cookies, follows redirects within the server, reads the forms of pages and sends
//! them.

use std::collections::HashMap;

use reqwest::header::{HeaderMap, LOCATION, SET_COOKIE};
use reqwest::{Method, RequestBuilder, StatusCode};
use url::Url;

use crate::harness::TestServer;

/// A browser at one server.
pub(crate) struct Browser<'s> {
    server: &'s TestServer,
    origin: String,
    cookies: HashMap<String, String>,
}

/// What the browser shows, or where it was sent away to.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) html: String,
    /// The address outside the server that it was sent to.
    pub(crate) left_for: Option<Url>,
}

/// A form of a page: where it goes and its hidden fields.
#[derive(Debug, Clone)]
pub(crate) struct Form {
    pub(crate) action: String,
    pub(crate) fields: Vec<(String, String)>,
}

impl<'s> Browser<'s> {
    /// A fresh one at the plain listener.
    pub(crate) fn at(server: &'s TestServer) -> Self {
        Self::at_origin(server, server.server.http_url())
    }

    /// A fresh one at one of the server's origins.
    pub(crate) fn at_origin(server: &'s TestServer, origin: String) -> Self {
        Self {
            server,
            origin,
            cookies: HashMap::new(),
        }
    }

    /// The cookies that it keeps.
    pub(crate) fn cookies(&self) -> &HashMap<String, String> {
        &self.cookies
    }

    /// Goes to an address of the server.
    pub(crate) async fn go(&mut self, path: &str) -> Page {
        let request = self.request(Method::GET, path);
        self.follow(request).await
    }

    /// A request with the cookies, for what no page offers.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let request = self
            .server
            .http
            .request(method, format!("{}{path}", self.origin));
        if cookies.is_empty() {
            return request;
        }
        request.header("cookie", cookies.join("; "))
    }

    /// Sends the form of a step with further fields.
    pub(crate) async fn send(&mut self, page: &Page, step: &str, fields: &[(&str, &str)]) -> Page {
        let form = page.form(step);
        self.send_form(&form, fields).await
    }

    /// Sends a form with further fields.
    pub(crate) async fn send_form(&mut self, form: &Form, fields: &[(&str, &str)]) -> Page {
        let mut all: Vec<(&str, &str)> = form
            .fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        all.extend(fields);
        let request = self.request(Method::POST, &form.action).form(&all);
        self.follow(request).await
    }

    /// Sends a request and follows redirects as long as they stay within the server.
    pub(crate) async fn follow(&mut self, mut request: RequestBuilder) -> Page {
        for _ in 0..10 {
            let answer = request.send().await.expect("an answer");
            let (status, headers) = (answer.status(), answer.headers().clone());
            for cookie in headers.get_all(SET_COOKIE) {
                self.keep(cookie.to_str().expect("a cookie"));
            }
            let html = answer.text().await.expect("a body");
            let location = headers
                .get(LOCATION)
                .map(|to| to.to_str().expect("text").to_owned());
            let Some(location) = location else {
                return Page {
                    status,
                    headers,
                    html,
                    left_for: None,
                };
            };
            if !location.starts_with('/') {
                return Page {
                    status,
                    headers,
                    html,
                    left_for: Some(Url::parse(&location).expect("a URL")),
                };
            }
            request = self.request(Method::GET, &location);
        }
        panic!("the server sends the browser in circles");
    }

    fn keep(&mut self, line: &str) {
        assert!(
            line.contains("HttpOnly") && line.contains("SameSite=Lax"),
            "{line}"
        );
        let (pair, rest) = line.split_once(';').expect("attributes");
        let (name, value) = pair.split_once('=').expect("a pair");
        if rest.contains("Max-Age=0") {
            self.cookies.remove(name);
        } else {
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
    }

    /// Signs in on the page that asks for the user name, up to the page after "stay signed in?".
    pub(crate) async fn sign_in(&mut self, page: &Page, name: &str, password: &str) -> Page {
        let page = self.send(page, "user_name", &[("username", name)]).await;
        let page = self
            .send(&page, "password", &[("password", password)])
            .await;
        self.send(&page, "stay", &[("stay", "no")]).await
    }
}

impl Page {
    /// The form of a step.
    pub(crate) fn form(&self, step: &str) -> Form {
        let found = self.forms().into_iter().find(|form| {
            form.fields
                .iter()
                .any(|(name, value)| name == "step" && value == step)
        });
        found.unwrap_or_else(|| panic!("no form '{step}' on {} {}", self.status, self.html))
    }

    /// All forms.
    pub(crate) fn forms(&self) -> Vec<Form> {
        let mut forms = Vec::new();
        for part in self.html.split("<form ").skip(1) {
            let part = part.split("</form>").next().expect("a form");
            let head = part.split('>').next().expect("a tag");
            let inputs = part.split("<input ").skip(1);
            let hidden = inputs
                .map(|input| input.split('>').next().expect("a tag"))
                .filter(|tag| tag.contains("type=\"hidden\""))
                .map(|tag| (attribute(tag, "name"), attribute(tag, "value")));
            forms.push(Form {
                action: attribute(head, "action"),
                fields: hidden.collect(),
            });
        }
        forms
    }

    /// The title.
    pub(crate) fn title(&self) -> &str {
        let after = self.html.split("<h1>").nth(1).unwrap_or_default();
        after.split("</h1>").next().unwrap_or_default()
    }

    /// A parameter of the address that the browser was sent to, in its query or fragment.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let url = self.left_for.as_ref()?;
        let pairs = [url.query(), url.fragment()];
        pairs
            .into_iter()
            .flatten()
            .flat_map(|text| url::form_urlencoded::parse(text.as_bytes()))
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.into_owned())
    }
}

fn attribute(tag: &str, name: &str) -> String {
    let after = tag.split(&format!("{name}=\"")).nth(1).unwrap_or_default();
    let value = after.split('"').next().unwrap_or_default();
    value
        .replace("&#34;", "\"")
        .replace("&#38;", "&")
        .replace("&#39;", "'")
        .replace("&#60;", "<")
        .replace("&#62;", ">")
        .replace("&quot;", "\"")
        .replace("&amp;", "&")
}
