//! A person's sign-in: which step comes next, what counts as a proof, when a name is locked.
//!
//! User name, password, second factor where the account has one or must have one, then "stay signed in?". The server
//! keeps the [`Progress`] of each sign-in and asks [`next`] for the page to show; a form that belongs to another step
//! changes nothing.

pub mod cose;
pub mod lockout;
pub mod passkey;
pub mod totp;

use serde::{Deserialize, Serialize};

/// A proof that a person gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// The password.
    Password,
    /// A code of an authenticator app.
    Totp,
    /// A passkey.
    Passkey,
}

impl Method {
    /// Whether it counts as the second factor after a password.
    #[must_use]
    pub const fn is_second(self) -> bool {
        matches!(self, Self::Totp | Self::Passkey)
    }
}

/// The claim `amr` for these proofs (RFC 8176, as Entra spells it).
#[must_use]
pub fn amr(methods: &[Method]) -> Vec<String> {
    let mut values = Vec::new();
    if methods.contains(&Method::Password) {
        values.push("pwd".to_owned());
    }
    if methods.contains(&Method::Passkey) {
        values.push("fido".to_owned());
    }
    if methods.iter().any(|method| method.is_second()) {
        values.push("mfa".to_owned());
    }
    values
}

/// What an account demands of a sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Account {
    /// Whether a second factor is demanded, so that one must be set up where there is none.
    pub second_factor_required: bool,
    /// Whether an authenticator app is set up.
    pub totp: bool,
    /// Whether a passkey is set up that works at this address.
    pub passkey: bool,
    /// Whether any second factor is set up, be it one that works at another address alone.
    pub any_factor: bool,
    /// Whether another password must be set before the sign-in goes on.
    pub new_password: Option<NewPassword>,
}

/// After which proofs another password is set (Graph's `passwordProfile`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewPassword {
    /// After those that the account demands anyway (`forceChangePasswordNextSignIn`).
    Demanded,
    /// After a second factor, which is set up where there is none (`forceChangePasswordNextSignInWithMfa`).
    AfterSecondFactor,
}

impl Account {
    /// Whether proofs that were given suffice: who has a second factor is always asked for it.
    #[must_use]
    pub fn satisfied_by(&self, methods: &[Method]) -> bool {
        let second = self.second_factor_required || self.totp || self.passkey || self.any_factor;
        !methods.is_empty() && (!second || methods.iter().any(|method| method.is_second()))
    }
}

/// How far a sign-in has come.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// Whether a name was given, of an account or not.
    pub named: bool,
    /// What was proven.
    pub methods: Vec<Method>,
    /// The answer to "stay signed in?".
    pub stay: Option<bool>,
}

/// The page to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Who are you?
    UserName,
    /// The password.
    Password,
    /// A code or a passkey.
    SecondFactor,
    /// A second factor must be set up first.
    SetUp,
    /// The second factors that there are work at another address: a further one is not had for a password alone.
    Elsewhere,
    /// Another password must be set.
    NewPassword,
    /// Stay signed in?
    StaySignedIn,
    /// Signed in.
    Done,
}

/// The next step. The account is `None` until a name and a password have been accepted together: before that nothing
/// may depend on whether it exists.
#[must_use]
pub fn next(progress: &Progress, account: Option<&Account>) -> Step {
    if !progress.named {
        return Step::UserName;
    }
    let Some(account) = account.filter(|_| !progress.methods.is_empty()) else {
        return Step::Password;
    };
    let proven_twice = progress.methods.iter().any(|method| method.is_second());
    let second_first = account.new_password == Some(NewPassword::AfterSecondFactor);
    if !account.satisfied_by(&progress.methods) || (second_first && !proven_twice) {
        return if account.totp || account.passkey {
            Step::SecondFactor
        } else if account.any_factor {
            Step::Elsewhere
        } else {
            Step::SetUp
        };
    }
    if account.new_password.is_some() {
        return Step::NewPassword;
    }
    match progress.stay {
        None => Step::StaySignedIn,
        Some(_) => Step::Done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(methods: &[Method], stay: Option<bool>) -> Progress {
        Progress {
            named: true,
            methods: methods.to_vec(),
            stay,
        }
    }

    #[test]
    fn steps_follow_each_other() {
        let plain = Account::default();
        assert_eq!(next(&Progress::default(), None), Step::UserName);
        assert_eq!(next(&progress(&[], None), Some(&plain)), Step::Password);
        let password = progress(&[Method::Password], None);
        assert_eq!(next(&password, Some(&plain)), Step::StaySignedIn);
        let answered = progress(&[Method::Password], Some(false));
        assert_eq!(next(&answered, Some(&plain)), Step::Done);
    }

    #[test]
    fn a_second_factor_is_asked_for_where_there_is_one_and_set_up_where_there_must_be() {
        let required = Account {
            second_factor_required: true,
            ..Account::default()
        };
        let with_app = Account {
            totp: true,
            ..Account::default()
        };
        // An answer to the last question does not skip the one before it.
        let password = progress(&[Method::Password], Some(true));
        assert_eq!(next(&password, Some(&required)), Step::SetUp);
        assert_eq!(next(&password, Some(&with_app)), Step::SecondFactor);
        let both = progress(&[Method::Password, Method::Totp], Some(true));
        assert_eq!(next(&both, Some(&with_app)), Step::Done);
        assert_eq!(next(&both, Some(&required)), Step::Done);
    }

    #[test]
    fn a_new_password_is_set_after_the_proofs_and_before_the_session() {
        let plain = Account {
            new_password: Some(NewPassword::Demanded),
            ..Account::default()
        };
        let password = progress(&[Method::Password], Some(true));
        assert_eq!(next(&password, Some(&plain)), Step::NewPassword);
        let with_app = Account {
            totp: true,
            ..plain
        };
        assert_eq!(next(&password, Some(&with_app)), Step::SecondFactor);
        let both = progress(&[Method::Password, Method::Totp], Some(true));
        assert_eq!(next(&both, Some(&with_app)), Step::NewPassword);
        let after = Account {
            new_password: Some(NewPassword::AfterSecondFactor),
            ..Account::default()
        };
        assert_eq!(next(&password, Some(&after)), Step::SetUp);
        assert_eq!(next(&both, Some(&after)), Step::NewPassword);
        assert_eq!(next(&both, Some(&Account::default())), Step::Done);
    }

    #[test]
    fn who_has_a_factor_elsewhere_sets_up_no_other_with_a_password() {
        let elsewhere = Account {
            any_factor: true,
            ..Account::default()
        };
        let password = progress(&[Method::Password], Some(true));
        assert_eq!(next(&password, Some(&elsewhere)), Step::Elsewhere);
        let both = progress(&[Method::Password, Method::Passkey], Some(true));
        assert_eq!(next(&both, Some(&elsewhere)), Step::Done);
    }

    #[test]
    fn without_a_proof_nothing_is_satisfied() {
        assert!(!Account::default().satisfied_by(&[]));
        let unknown = progress(&[Method::Password], Some(true));
        assert_eq!(next(&unknown, None), Step::Password);
    }

    #[test]
    fn the_claim_names_what_was_proven() {
        assert_eq!(amr(&[Method::Password]), ["pwd"]);
        assert_eq!(amr(&[Method::Password, Method::Totp]), ["pwd", "mfa"]);
        assert_eq!(
            amr(&[Method::Password, Method::Passkey]),
            ["pwd", "fido", "mfa"]
        );
    }
}
