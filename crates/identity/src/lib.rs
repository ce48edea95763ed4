//! The decisions of the authorization server: who may have which token, and whose token is good.
//!
//! Nothing here does I/O, reads a clock or draws randomness: facts, the time and random bytes are
//! parameters, in seconds since 1970 and plain arrays. A token request walks through
//! [`request`] (what was sent), [`resource`] (what it is for), [`client_auth`] (who sends it) and
//! its [`grant`] (what it gets); [`jwt`] signs and verifies.

pub mod authentication;
pub mod authorize;
pub mod certificate;
pub mod claims;
pub mod client_auth;
pub mod consent;
pub mod constant_time;
pub mod directory;
pub mod discovery;
pub mod explain;
pub mod facts;
pub mod grant;
pub mod id_token;
pub mod issuer;
pub mod jwt;
pub mod key_schedule;
pub mod optional_claims;
pub mod pkce;
pub mod redirect;
pub mod refusal;
pub mod request;
pub mod resource;
pub mod scope;
pub mod sign_in;
pub mod tenant;
pub mod user;

pub use issuer::{IssuerMode, Issuers, Version};
pub use jwt::{Caller, CallerKind, Rejection, SigningKey, Verifier};
pub use refusal::{Refusal, Trace, UserRefusal};
pub use request::TokenRequest;
pub use tenant::TenantPath;
