//! Rules of the directory's objects: what an application may be called and offer, what a secret
//! looks like, which assignment is one.

mod application;
mod assignment;
mod credential;
mod password;
mod secret;

pub use application::{check_api, check_application};
pub use assignment::{Assignee, check_assignment};
pub use credential::{MOST_FEDERATIONS, NewCertificate, check_federation, check_key};
pub use password::{Weakness, weakness};
pub use secret::{SECRET_ENTROPY, client_secret, password_validity, secret_hash, secret_hint};

/// Why a change to the directory is refused. The text is for the caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// A property must be given.
    #[error("A value is required for property '{property}' of resource '{object}'.")]
    Required {
        /// The property.
        property: &'static str,
        /// The kind of object.
        object: &'static str,
    },
    /// A property's value is not allowed.
    #[error("Invalid value specified for property '{property}' of resource '{object}': {reason}.")]
    Invalid {
        /// The property.
        property: &'static str,
        /// The kind of object.
        object: &'static str,
        /// Why.
        reason: String,
    },
    /// The role that is to be assigned is not one of the resource's.
    #[error("Permission being assigned was not found on application '{resource}'.")]
    NoSuchRole {
        /// The resource's name.
        resource: String,
    },
    /// The role is not for such a principal.
    #[error("Permission being assigned is not for principals of type '{principal}'.")]
    RoleNotForPrincipal {
        /// `Application` or `User`.
        principal: &'static str,
    },
    /// It is assigned already.
    #[error("Permission being assigned already exists on the object.")]
    AlreadyAssigned,
}
