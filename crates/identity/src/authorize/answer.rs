//! Where an answer goes and how it travels (OAuth 2.0 Multiple Response Type Encoding Practices,
//! OAuth 2.0 Form Post Response Mode).

use url::form_urlencoded;

use crate::redirect::Platform;
use crate::refusal::{Refusal, Trace};

/// How an answer travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseMode {
    /// In the query.
    Query,
    /// Behind `#`.
    Fragment,
    /// As a form that the browser posts.
    FormPost,
}

/// Where an answer goes: a registered URI, and only ever that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// As it was sent, or the first registered one.
    pub uri: String,
    /// Which kind of client it is registered for.
    pub platform: Platform,
    /// How the answer travels.
    pub mode: ResponseMode,
    /// Echoed.
    pub state: Option<String>,
}

/// An answer to the client, by way of the browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Where it goes: the action of the form, or what the fields are put behind.
    pub uri: String,
    /// How.
    pub mode: ResponseMode,
    /// What it says.
    pub fields: Vec<(String, String)>,
}

impl Answer {
    /// The `Location` of a redirect; `None` for a form post.
    #[must_use]
    pub fn location(&self) -> Option<String> {
        let mut fields = form_urlencoded::Serializer::new(String::new());
        fields.extend_pairs(&self.fields);
        // Spaces as %20: not every client reads a plus as a space.
        let fields = fields.finish().replace('+', "%20");
        let uri = with_path(&self.uri);
        match self.mode {
            ResponseMode::Query if uri.contains('?') => Some(format!("{uri}&{fields}")),
            ResponseMode::Query => Some(format!("{uri}?{fields}")),
            ResponseMode::Fragment => Some(format!("{uri}#{fields}")),
            ResponseMode::FormPost => None,
        }
    }
}

/// A URI without a path gets one (`http://localhost:7071` becomes `http://localhost:7071/`).
fn with_path(uri: &str) -> String {
    let Some(start) = uri.find("://").map(|at| at + 3) else {
        return uri.to_owned();
    };
    match uri[start..].find(['/', '?']) {
        None => format!("{uri}/"),
        Some(at) if uri[start + at..].starts_with('?') => {
            format!("{}/{}", &uri[..start + at], &uri[start + at..])
        }
        Some(_) => uri.to_owned(),
    }
}

impl Redirect {
    /// An answer with these fields, and the state.
    #[must_use]
    pub fn answer(&self, mut fields: Vec<(String, String)>) -> Answer {
        if let Some(state) = &self.state {
            fields.push(("state".to_owned(), state.clone()));
        }
        Answer {
            uri: self.uri.clone(),
            mode: self.mode,
            fields,
        }
    }

    /// A refusal that goes back to the client.
    #[must_use]
    pub fn refused(&self, refusal: &Refusal, trace: &Trace) -> Answer {
        let (error, _, _) = refusal.error_at("authorize");
        let mut fields = vec![
            ("error".to_owned(), error.to_owned()),
            (
                "error_description".to_owned(),
                trace.description(&refusal.message()),
            ),
            (
                "error_uri".to_owned(),
                format!(
                    "https://login.microsoftonline.com/error?code={}",
                    refusal.code()
                ),
            ),
        ];
        if error == "access_denied" {
            fields.push(("error_subcode".to_owned(), "cancel".to_owned()));
        }
        self.answer(fields)
    }
}
