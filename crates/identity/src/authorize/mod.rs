//! The authorization endpoint: what a request asks, which page comes next, and the answer that
//! goes back to the client.
//!
//! [`AuthorizeRequest::parse`] reads, [`decide`] says what comes next. Whoever shows the pages
//! calls [`decide`] again after each, with what was done meanwhile in [`Interactions`]; at the end
//! stands [`Step::Issue`].

mod answer;
mod decide;
mod grant;
mod request;

#[cfg(test)]
pub(crate) mod tests;

pub use answer::{Answer, Redirect, ResponseMode};
pub use decide::{Interactions, Setting, Step, decide, redirect_of};
pub use grant::{AuthorizationGrant, CODE_LIFETIME, CodeDetails};
pub use request::{AuthorizeRequest, Prompt, ResponseType};

pub(crate) use decide::{Session, reachable, signed_in, usable_by};
pub(crate) use grant::client_info;
