//! Pages as a stream of items.

use std::collections::VecDeque;

use futures::Stream;
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::client::Client;
use crate::cloud::Service;
use crate::error::Error;
use crate::pipeline::Call;

/// One page of an OData collection.
#[derive(Debug, Deserialize)]
pub struct Page<T> {
    /// The items.
    #[serde(default = "Vec::new")]
    pub value: Vec<T>,
    /// Where the next page is.
    #[serde(rename = "@odata.nextLink")]
    pub next_link: Option<Url>,
}

struct State<T> {
    client: Client,
    service: Service,
    items: VecDeque<T>,
    next: Option<Url>,
    start: Option<Url>,
}

/// Reads the collection at `url`, page after page, as its items are asked for.
///
/// A `nextLink` that leads to another origin is refused: the token would go with it.
pub fn items<T>(
    client: &Client,
    service: Service,
    url: Result<Url, Error>,
) -> impl Stream<Item = Result<T, Error>> + Send + Unpin + use<T>
where
    T: DeserializeOwned + Send + 'static,
{
    let (first, failed) = match url {
        Ok(url) => (Some(url), None),
        Err(error) => (None, Some(error)),
    };
    let state = State {
        client: client.clone(),
        service,
        items: VecDeque::new(),
        start: first.clone(),
        next: first,
    };
    Box::pin(futures::stream::unfold(
        (state, failed),
        |(mut state, mut failed)| async move {
            if let Some(error) = failed.take() {
                return Some((Err(error), (state, None)));
            }
            loop {
                if let Some(item) = state.items.pop_front() {
                    return Some((Ok(item), (state, None)));
                }
                let url = state.next.take()?;
                let refused = state
                    .start
                    .as_ref()
                    .is_some_and(|start| start.origin() != url.origin());
                if refused {
                    let error =
                        Error::decode(&url, "the next page is on another host; not followed");
                    return Some((Err(error), (state, None)));
                }
                match page::<T>(&state.client, state.service, url).await {
                    Ok(page) => {
                        state.items = page.value.into();
                        state.next = page.next_link;
                    }
                    Err(error) => return Some((Err(error), (state, None))),
                }
            }
        },
    ))
}

async fn page<T: DeserializeOwned>(
    client: &Client,
    service: Service,
    url: Url,
) -> Result<Page<T>, Error> {
    let call = Call {
        service,
        method: Method::GET,
        url,
        body: None,
        headers: HeaderMap::new(),
    };
    client.send(call).await?.json()
}
