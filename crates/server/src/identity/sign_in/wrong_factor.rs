//! What a second factor that was not right leaves behind: an event of the audit trail, and a sign-in that failed.

use bartizan_store::{StoreError, WriteTx};
use serde_json::json;

use super::{Event, Flow, FlowAccount, client_of, record_event};
use crate::handlers::directory::audits::UNKNOWN;
use crate::identity::{Request, sign_ins};

/// The second factor was not right (AADSTS500121).
pub(super) const WRONG: u32 = 500_121;
/// There were too many that were not (AADSTS50053).
pub(super) const LOCKED: u32 = 50_053;

/// Leaves a trace of a second factor that was not right, or was not looked at after too many: who gets this far knows
/// the password.
pub(super) async fn note(
    request: &Request<'_>,
    tx: &mut WriteTx,
    flow: &Flow,
    account: &FlowAccount,
    (step, code): (&str, u32),
) -> Result<(), StoreError> {
    let Some((tenant, user)) = flow.account else {
        return Ok(());
    };
    sign_ins::of_page(request, flow, (&account.user, None), client_of(flow), code);
    if code == LOCKED {
        // The tries that brought the lock are told already, and more of them may come without end.
        return Ok(());
    }
    let event = Event {
        actor: UNKNOWN.to_owned(),
        target: user.to_string(),
        action: "user.wrongSecondFactor",
        outcome: format!("AADSTS{code}"),
        details: json!({
            "code": code,
            "userPrincipalName": account.user.upn,
            "displayName": account.user.display_name,
            "kind": step,
            "application": flow.app,
            "address": request.source().map(|address| address.to_string()),
        }),
    };
    record_event(request, tx, tenant, event).await
}
