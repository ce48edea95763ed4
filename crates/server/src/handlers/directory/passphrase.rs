//! People's passwords: their strength, and hashing away from the threads that answer.

use bartizan_identity::directory::weakness;

use crate::error::{ApiError, Kind};
use crate::identity::PasswordGuards;
use crate::seed;

/// Refuses a password that is too weak. `names` are the account's sign-in name and display name.
pub(super) fn check(password: &str, names: &[&str]) -> Result<(), ApiError> {
    match weakness(password, names) {
        None => Ok(()),
        Some(weakness) => Err(ApiError::new(Kind::InvalidInput, weakness.text())),
    }
}

/// The argon2id hash of a password, made when it is its turn: each takes a core.
pub(super) async fn hash(guards: &PasswordGuards, password: String) -> Result<String, ApiError> {
    let hashed = guards.hash(move || seed::password_hash(&password)).await;
    hashed
        .ok_or_else(|| ApiError::internal("the server stops"))?
        .map_err(ApiError::internal)
}
