//! People's passwords: their strength, and hashing away from the threads that answer.

use bartizan_identity::directory::is_obvious;

use crate::error::{ApiError, Kind};
use crate::identity::PasswordGuards;
use crate::seed;

/// Refuses a password that is too weak: 8 to 256 characters of three kinds among small and capital letters, digits and
/// others (page "Password policies and account restrictions in Microsoft Entra ID"), and none of those that everybody
/// tries first. `names` are the account's sign-in name and display name.
pub(super) fn check(password: &str, names: &[&str]) -> Result<(), ApiError> {
    let kinds = [
        password.chars().any(|c| c.is_lowercase()),
        password.chars().any(|c| c.is_uppercase()),
        password.chars().any(|c| c.is_ascii_digit()),
        password.chars().any(|c| !c.is_alphanumeric()),
    ];
    let length = password.chars().count();
    if (8..=256).contains(&length) && kinds.iter().filter(|kind| **kind).count() >= 3 {
        if is_obvious(password, names) {
            return Err(ApiError::new(
                Kind::InvalidInput,
                "The specified password is too easy to guess: it is made of common words, names of the account, years or rows of characters. Please provide a different password.",
            ));
        }
        return Ok(());
    }
    Err(ApiError::new(
        Kind::InvalidInput,
        "The specified password does not comply with password complexity requirements: 8 to 256 characters, of three kinds among small letters, capital letters, digits and symbols. Please provide a different password.",
    ))
}

/// The argon2id hash of a password, made when it is its turn: each takes a core.
pub(super) async fn hash(guards: &PasswordGuards, password: String) -> Result<String, ApiError> {
    let hashed = guards.hash(move || seed::password_hash(&password)).await;
    hashed
        .ok_or_else(|| ApiError::internal("the server stops"))?
        .map_err(ApiError::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_have_a_strength() {
        for (password, fine) in [
            ("Axbyczd1", true),
            ("Abcdefg1", false),
            ("Password1!", false),
            ("abcdefg1", false),
            ("Ab1!", false),
            ("correct horse Battery", true),
        ] {
            assert_eq!(check(password, &[]).is_ok(), fine, "{password}");
        }
    }
}
