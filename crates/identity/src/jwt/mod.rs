//! JSON Web Tokens (RFC 7515, RFC 7519), as far as access tokens of this server need them: RS256
//! and nothing else, strict in what is accepted.

mod json;
mod key;
mod rejection;
mod unique;
mod verify;

#[cfg(test)]
mod tests;

pub(crate) use json::Strict;
pub use key::{KeyError, SigningKey, VerifyingKey, thumbprint};
pub use rejection::Rejection;
pub use verify::{Caller, CallerKind, SIZE_LIMIT, Token, Verifier, bearer};
