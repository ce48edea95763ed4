//! What Bartizan adds of its own under `/bartizan/v1/`: tenants and their policies, signing keys, credentials, second
//! factors, detection rules, functions of the hunting language, telemetry.

pub(crate) mod credentials;
pub(crate) mod defender_roles;
pub(crate) mod device_groups;
pub(crate) mod explain;
pub(crate) mod functions;
pub(crate) mod ingest;
pub(crate) mod keys;
pub(crate) mod policy;
pub(crate) mod rules;
pub(crate) mod second_factors;
pub(crate) mod tenants;

use crate::app::Operator;
use crate::call::Call;
use crate::error::{ApiError, Kind};

/// Refuses everybody but the operator's application in its own tenant: permissions alone could be granted by an
/// administrator of any tenant. `what` begins the refusal: "Tenants are".
fn operator_only(call: &Call, what: &str) -> Result<(), ApiError> {
    let caller = Operator {
        app: call.caller.app,
        home: call.tenant(),
    };
    if call.app.operator.get() == Some(&caller) {
        return Ok(());
    }
    Err(ApiError::new(
        Kind::Forbidden,
        format!(
            "{what} managed by the operator's application in its own tenant alone; use the profile that the server left in its data directory."
        ),
    ))
}
