//! Which rows of the operation table the server implements. The server's router is checked
//! against this list, so neither can run ahead of the other.

use crate::operations::OperationId;

/// The operations that are served.
pub const SERVED: &[OperationId] = &[
    OperationId::XdrListIncidents,
    OperationId::XdrGetIncident,
    OperationId::XdrUpdateIncident,
    OperationId::XdrRunAdvancedHuntingQuery,
    OperationId::MdeListAlerts,
    OperationId::MdeGetAlert,
    OperationId::MdeListMachines,
    OperationId::MdeGetMachine,
    OperationId::MdeRunAdvancedQuery,
    OperationId::GraphRunHuntingQuery,
    OperationId::GraphListApplications,
    OperationId::GraphCreateApplication,
    OperationId::GraphGetApplication,
    OperationId::GraphUpdateApplication,
    OperationId::GraphDeleteApplication,
    OperationId::GraphAddPasswordToApplication,
    OperationId::GraphRemovePasswordFromApplication,
    OperationId::GraphListServicePrincipals,
    OperationId::GraphCreateServicePrincipal,
    OperationId::GraphGetServicePrincipal,
    OperationId::GraphUpdateServicePrincipal,
    OperationId::GraphDeleteServicePrincipal,
    OperationId::GraphListAppRoleAssignments,
    OperationId::GraphGrantAppRoleAssignment,
    OperationId::GraphDeleteAppRoleAssignment,
    OperationId::GraphListAssignmentsOfTheAppRoles,
    OperationId::GraphGrantAppRoleOfTheResource,
    OperationId::GraphGetOrganization,
    OperationId::BartizanIngestTelemetry,
    OperationId::BartizanListTenants,
    OperationId::BartizanCreateTenant,
    OperationId::BartizanListDetectionRules,
    OperationId::BartizanCreateOrReplaceDetectionRule,
    OperationId::BartizanRunDetectionRules,
];
