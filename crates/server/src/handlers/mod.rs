//! The handlers of operations, one area a folder; the table from row to handler.

pub(crate) mod hunting;
pub(crate) mod security;

use axum::response::Response;
use bartizan_contract::OperationId;
use futures::future::BoxFuture;

use crate::call::Call;
use crate::error::ApiError;

/// Answers one operation.
pub(crate) type Handler = fn(Call) -> BoxFuture<'static, Result<Response, ApiError>>;

/// The handler of a row; `None` for what is not served.
pub(crate) fn of(id: OperationId) -> Option<Handler> {
    Some(match id {
        OperationId::XdrListIncidents => |call| Box::pin(security::incidents::list(call)),
        OperationId::XdrGetIncident => |call| Box::pin(security::incidents::get(call)),
        OperationId::XdrUpdateIncident => |call| Box::pin(security::incidents::update(call)),
        OperationId::MdeListAlerts => |call| Box::pin(security::alerts::list(call)),
        OperationId::MdeGetAlert => |call| Box::pin(security::alerts::get(call)),
        OperationId::MdeListMachines => |call| Box::pin(security::machines::list(call)),
        OperationId::MdeGetMachine => |call| Box::pin(security::machines::get(call)),
        OperationId::XdrRunAdvancedHuntingQuery => |call| Box::pin(hunting::run_xdr(call)),
        OperationId::MdeRunAdvancedQuery => |call| Box::pin(hunting::run_mde(call)),
        OperationId::GraphRunHuntingQuery => |call| Box::pin(hunting::run_graph(call)),
        _ => return None,
    })
}
