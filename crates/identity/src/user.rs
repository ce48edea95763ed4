//! A person of a tenant, as decisions see one.

use bartizan_contract::access::{
    APPLICATION_ADMINISTRATOR, CLOUD_APPLICATION_ADMINISTRATOR, GLOBAL_ADMINISTRATOR,
    PRIVILEGED_ROLE_ADMINISTRATOR,
};
use bartizan_contract::{ObjectId, TenantId};
use uuid::Uuid;

/// A user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserFact {
    /// Object id.
    pub id: ObjectId,
    /// Home tenant.
    pub tenant: TenantId,
    /// `userPrincipalName`.
    pub upn: String,
    /// Name.
    pub display_name: String,
    /// Given name.
    pub given_name: Option<String>,
    /// Surname.
    pub surname: Option<String>,
    /// E-mail address.
    pub mail: Option<String>,
    /// Whether `userType` is `Guest`.
    pub guest: bool,
    /// Whether sign-in works.
    pub enabled: bool,
    /// Templates of the directory roles that the user holds, directly or by a group.
    pub directory_roles: Vec<Uuid>,
    /// What was signed in before is revoked, seconds since 1970.
    pub sessions_valid_from: i64,
    /// When the password was last changed, seconds since 1970; 0 for never.
    pub password_changed: i64,
    /// Whether a sign-in needs a second factor.
    pub second_factor_required: bool,
    /// Whether one is set up.
    pub second_factor_set_up: bool,
}

impl UserFact {
    fn holds(&self, roles: &[Uuid]) -> bool {
        self.directory_roles.iter().any(|role| roles.contains(role))
    }

    /// Whether the user may consent to delegated permissions in everybody's name.
    #[must_use]
    pub fn may_consent_for_all(&self) -> bool {
        self.may_grant_reaching_roles()
            || self.holds(&[CLOUD_APPLICATION_ADMINISTRATOR, APPLICATION_ADMINISTRATOR])
    }

    /// Whether the user may give app roles that reach to roles too ([`crate::consent::reaches_to_roles`]), which the administrators of
    /// applications may not.
    #[must_use]
    pub fn may_grant_reaching_roles(&self) -> bool {
        self.holds(&[GLOBAL_ADMINISTRATOR, PRIVILEGED_ROLE_ADMINISTRATOR])
    }
}
