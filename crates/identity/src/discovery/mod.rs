//! What clients read before they ask for a token: pure functions of the settings.

mod documents;
mod instance;
mod keys;
mod realm;

pub use documents::{DocumentTenant, openid_configuration};
pub use instance::{InstanceRequest, instance_discovery};
pub use keys::key_set;
pub use realm::user_realm;
