//! A person's sign-in that took place: the proof that every user grant begins with.

use bartizan_contract::{ObjectId, TenantId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::user::UserFact;

/// Who signed in, when, and how. Kept with codes and refresh tokens, so that what they are
/// redeemed for tells of the same sign-in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authentication {
    /// The user's home tenant.
    pub tenant: TenantId,
    /// The user.
    pub user: ObjectId,
    /// When, seconds since 1970 (`auth_time`).
    pub at: i64,
    /// How: `pwd`, `mfa`, `otp`, `fido` … (`amr`).
    pub methods: Vec<String>,
    /// The browser's session, or one of its own for a sign-in without one (`sid`).
    pub session: Uuid,
    /// The address that the person was at (`ipaddr`), where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

impl Authentication {
    /// Whether a second factor was given.
    #[must_use]
    pub fn is_multi_factor(&self) -> bool {
        self.methods.iter().any(|method| method == "mfa")
    }

    /// Whether it still counts for the user: the sessions were not revoked since, and, where a
    /// password was given, that password is still the user's.
    #[must_use]
    pub fn is_good_for(&self, user: &UserFact) -> bool {
        let by_password = self.methods.iter().any(|method| method == "pwd");
        self.user == user.id
            && self.tenant == user.tenant
            && self.at >= user.sessions_valid_from
            && !(by_password && self.at < user.password_changed)
    }
}
