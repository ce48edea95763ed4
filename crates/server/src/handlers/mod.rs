//! The handlers of operations, one area a folder; the table from row to handler.

pub(crate) mod batch;
pub(crate) mod directory;
pub(crate) mod hunting;
pub(crate) mod own;
mod rows;
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
        OperationId::BartizanIngestTelemetry => |call| Box::pin(own::ingest::post(call)),
        OperationId::BartizanExplainRefusal | OperationId::BartizanExplainRefusalAtItsShortPath => {
            |call| Box::pin(own::explain::get(call))
        }
        OperationId::GraphListDirectoryAudits => |call| Box::pin(directory::audits::list(call)),
        OperationId::BartizanListTenants => |call| Box::pin(own::tenants::list(call)),
        OperationId::BartizanCreateTenant => |call| Box::pin(own::tenants::create(call)),
        OperationId::BartizanListDetectionRules => |call| Box::pin(own::rules::list(call)),
        OperationId::BartizanCreateOrReplaceDetectionRule => |call| Box::pin(own::rules::put(call)),
        OperationId::BartizanRunDetectionRules => |call| Box::pin(own::rules::run(call)),
        OperationId::BartizanListSigningKeys => |call| Box::pin(own::keys::list(call)),
        OperationId::BartizanRotateSigningKeys => |call| Box::pin(own::keys::rotate(call)),
        OperationId::BartizanResealSigningKeys => |call| Box::pin(own::keys::reseal(call)),
        OperationId::BartizanRevokeSigningKey => |call| Box::pin(own::keys::revoke(call)),
        OperationId::BartizanRetireSigningKey => |call| Box::pin(own::keys::retire(call)),
        OperationId::BartizanListApplicationCredentials => {
            |call| Box::pin(own::credentials::list(call))
        }
        OperationId::GraphSendABatch => |call| Box::pin(batch::post(call)),
        OperationId::GraphListApplications => |call| Box::pin(directory::applications::list(call)),
        OperationId::GraphCreateApplication => {
            |call| Box::pin(directory::applications::create(call))
        }
        OperationId::GraphGetApplication => |call| Box::pin(directory::applications::get(call)),
        OperationId::GraphUpdateApplication => {
            |call| Box::pin(directory::applications::update(call))
        }
        OperationId::GraphDeleteApplication => {
            |call| Box::pin(directory::applications::delete(call))
        }
        OperationId::GraphAddPasswordToApplication => {
            |call| Box::pin(directory::passwords::add(call))
        }
        OperationId::GraphRemovePasswordFromApplication => {
            |call| Box::pin(directory::passwords::remove(call))
        }
        OperationId::GraphAddKeyToApplication => |call| Box::pin(directory::keys::add(call)),
        OperationId::GraphRemoveKeyFromApplication => {
            |call| Box::pin(directory::keys::remove(call))
        }
        OperationId::GraphListFederatedIdentityCredentials => {
            |call| Box::pin(directory::federations::list(call))
        }
        OperationId::GraphCreateFederatedIdentityCredential => {
            |call| Box::pin(directory::federations::create(call))
        }
        OperationId::GraphGetFederatedIdentityCredential => {
            |call| Box::pin(directory::federations::get(call))
        }
        OperationId::GraphUpdateFederatedIdentityCredential => {
            |call| Box::pin(directory::federations::update(call))
        }
        OperationId::GraphDeleteFederatedIdentityCredential => {
            |call| Box::pin(directory::federations::delete(call))
        }
        OperationId::GraphListServicePrincipals => {
            |call| Box::pin(directory::service_principals::list(call))
        }
        OperationId::GraphCreateServicePrincipal => {
            |call| Box::pin(directory::service_principals::create(call))
        }
        OperationId::GraphGetServicePrincipal => {
            |call| Box::pin(directory::service_principals::get(call))
        }
        OperationId::GraphUpdateServicePrincipal => {
            |call| Box::pin(directory::service_principals::update(call))
        }
        OperationId::GraphDeleteServicePrincipal => {
            |call| Box::pin(directory::service_principals::delete(call))
        }
        OperationId::GraphListAppRoleAssignments => {
            |call| Box::pin(directory::assignments::held(call))
        }
        OperationId::GraphGrantAppRoleAssignment => {
            |call| Box::pin(directory::assignments::grant(call))
        }
        OperationId::GraphDeleteAppRoleAssignment => {
            |call| Box::pin(directory::assignments::delete(call))
        }
        OperationId::GraphListAssignmentsOfTheAppRoles => {
            |call| Box::pin(directory::assignments::given(call))
        }
        OperationId::GraphGrantAppRoleOfTheResource => {
            |call| Box::pin(directory::assignments::grant_of_resource(call))
        }
        OperationId::GraphGetOrganization => |call| Box::pin(directory::organization::list(call)),
        other => return rows::of(other),
    })
}
