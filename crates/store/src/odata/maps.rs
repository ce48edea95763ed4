//! The filterable fields of each collection, as each API documents them.

use bartizan_security::vocabulary::{
    AlertStatus, Category, Classification, Determination, DeviceValue, ExposureLevel, HealthStatus,
    IncidentStatus, OnboardingStatus, RiskScore, Severity,
};

use super::fields::{Element, Field, FieldKind, FieldMap, Words};

const fn field(name: &'static str, column: &'static str, kind: FieldKind) -> Field {
    Field {
        name,
        column,
        kind,
        nullable: false,
    }
}

const fn nullable(name: &'static str, column: &'static str, kind: FieldKind) -> Field {
    Field {
        name,
        column,
        kind,
        nullable: true,
    }
}

/// The words of a vocabulary that is never null in its column.
macro_rules! words {
    ($name:ident, $vocabulary:ty) => {
        static $name: Words = Words {
            stored: |text| <$vocabulary>::parse(text).map(|word| Some(word.as_str())),
            names: || {
                <$vocabulary>::ALL
                    .iter()
                    .map(|word| word.as_str())
                    .collect()
            },
        };
    };
}

words!(SEVERITY, Severity);
words!(INCIDENT_STATUS, IncidentStatus);
words!(ALERT_STATUS, AlertStatus);
words!(CATEGORY, Category);
words!(DEVICE_VALUE, DeviceValue);
words!(EXPOSURE, ExposureLevel);
words!(HEALTH, HealthStatus);
words!(ONBOARDING, OnboardingStatus);
words!(RISK, RiskScore);

/// Classifications; `unknown` is what Graph prints when there is none.
static CLASSIFICATION: Words = Words {
    stored: |text| match text {
        t if t.eq_ignore_ascii_case("unknown") => Some(None),
        t => Classification::parse(t).map(|word| Some(word.as_str())),
    },
    names: || {
        Classification::ALL
            .iter()
            .map(|word| word.as_str())
            .collect()
    },
};

/// Determinations under all their names; `unknown` is what Graph prints when there is none.
static DETERMINATION: Words = Words {
    stored: |text| match text {
        t if t.eq_ignore_ascii_case("unknown") => Some(None),
        t => Determination::parse_alias(t).map(|word| Some(word.as_str())),
    },
    names: || {
        Determination::ALL
            .iter()
            .map(|word| word.as_str())
            .collect()
    },
};

/// Severities under Graph's names.
static GRAPH_SEVERITY: Words = Words {
    stored: |text| match text {
        t if t.eq_ignore_ascii_case("unknown") => Some(Some(Severity::UnSpecified.as_str())),
        t => Severity::parse(t).map(|word| Some(word.as_str())),
    },
    names: || vec!["unknown", "informational", "low", "medium", "high"],
};

/// `GET /api/incidents` (page "List incidents").
pub static INCIDENTS_XDR: FieldMap = FieldMap {
    table: "incidents",
    fields: &[
        field("lastUpdateTime", "last_update", FieldKind::DateTime),
        field("createdTime", "created", FieldKind::DateTime),
        field("status", "status", FieldKind::Words(&INCIDENT_STATUS)),
        nullable("assignedTo", "assigned_to", FieldKind::Text),
    ],
};

/// `GET /security/incidents` of Graph (page "List incidents").
pub static INCIDENTS_GRAPH: FieldMap = FieldMap {
    table: "incidents",
    fields: &[
        nullable("assignedTo", "assigned_to", FieldKind::Text),
        nullable(
            "classification",
            "classification",
            FieldKind::Words(&CLASSIFICATION),
        ),
        field("createdDateTime", "created", FieldKind::DateTime),
        nullable(
            "determination",
            "determination",
            FieldKind::Words(&DETERMINATION),
        ),
        field("lastUpdateDateTime", "last_update", FieldKind::DateTime),
        field("severity", "severity", FieldKind::Words(&GRAPH_SEVERITY)),
        field("status", "status", FieldKind::Words(&INCIDENT_STATUS)),
    ],
};

/// `GET /api/alerts` (page "List alerts").
pub static ALERTS_MDE: FieldMap = FieldMap {
    table: "alerts",
    fields: &[
        field("alertCreationTime", "created", FieldKind::DateTime),
        field("lastUpdateTime", "last_update", FieldKind::DateTime),
        field("incidentId", "incident", FieldKind::Int),
        nullable("investigationId", "investigation_id", FieldKind::Int),
        field("id", "id", FieldKind::Id),
        nullable("assignedTo", "assigned_to", FieldKind::Text),
        field("detectionSource", "detection_source", FieldKind::Text),
        field("lastEventTime", "last_activity", FieldKind::DateTime),
        field("status", "status", FieldKind::Words(&ALERT_STATUS)),
        field("severity", "severity", FieldKind::Words(&SEVERITY)),
        field("category", "category", FieldKind::Words(&CATEGORY)),
    ],
};

/// `GET /security/alerts_v2` of Graph (page "List alerts_v2").
pub static ALERTS_GRAPH: FieldMap = FieldMap {
    table: "alerts",
    fields: &[
        nullable("assignedTo", "assigned_to", FieldKind::Text),
        nullable(
            "classification",
            "classification",
            FieldKind::Words(&CLASSIFICATION),
        ),
        nullable(
            "determination",
            "determination",
            FieldKind::Words(&DETERMINATION),
        ),
        field("createdDateTime", "created", FieldKind::DateTime),
        field("lastUpdateDateTime", "last_update", FieldKind::DateTime),
        field("severity", "severity", FieldKind::Words(&GRAPH_SEVERITY)),
        field("status", "status", FieldKind::Words(&ALERT_STATUS)),
    ],
};

/// `GET /api/machines` (page "List machines").
pub static MACHINES_MDE: FieldMap = FieldMap {
    table: "machines",
    fields: &[
        nullable("computerDnsName", "dns_name", FieldKind::Text),
        field("id", "id", FieldKind::Id),
        nullable("version", "os_version", FieldKind::Text),
        field(
            "deviceValue",
            "device_value",
            FieldKind::Words(&DEVICE_VALUE),
        ),
        nullable("aadDeviceId", "aad_device_id", FieldKind::Text),
        field("machineTags", "", FieldKind::Collection(&MACHINE_TAGS)),
        field("lastSeen", "last_seen", FieldKind::DateTime),
        field("exposureLevel", "exposure", FieldKind::Words(&EXPOSURE)),
        field(
            "onboardingStatus",
            "onboarding",
            FieldKind::Words(&ONBOARDING),
        ),
        nullable("lastIpAddress", "last_ip", FieldKind::Text),
        field("healthStatus", "health", FieldKind::Words(&HEALTH)),
        field("osPlatform", "os_platform", FieldKind::Text),
        field("riskScore", "risk_score", FieldKind::Words(&RISK)),
        field("rbacGroupId", "rbac_group_id", FieldKind::Int),
    ],
};

static MACHINE_TAGS: Element = Element {
    from: "from machine_tags e where e.tenant = machines.tenant and e.machine = machines.id",
    field: field("machineTags", "e.tag", FieldKind::Text),
};

/// `GET /applications` of Graph (page "application resource type").
pub static APPLICATIONS_GRAPH: FieldMap = FieldMap {
    table: "applications",
    fields: &[
        field("id", "id", FieldKind::Id),
        field("appId", "app_id", FieldKind::Id),
        field("displayName", "display_name", FieldKind::Text),
        field("signInAudience", "sign_in_audience", FieldKind::Text),
        field("createdDateTime", "created", FieldKind::DateTime),
        field(
            "identifierUris",
            "",
            FieldKind::Collection(&IDENTIFIER_URIS),
        ),
        field("tags", "", FieldKind::Collection(&APPLICATION_TAGS)),
    ],
};

static IDENTIFIER_URIS: Element = Element {
    from: "from json_elements[applications.identifier_uris] e where 1 = 1",
    field: field("identifierUris", "e.value", FieldKind::Text),
};

static APPLICATION_TAGS: Element = Element {
    from: "from json_elements[applications.properties/tags] e where 1 = 1",
    field: field("tags", "e.value", FieldKind::Text),
};

/// `GET /servicePrincipals` of Graph (page "servicePrincipal resource type").
pub static SERVICE_PRINCIPALS_GRAPH: FieldMap = FieldMap {
    table: "service_principals",
    fields: &[
        field("id", "id", FieldKind::Id),
        field("appId", "app_id", FieldKind::Id),
        field("displayName", "display_name", FieldKind::Text),
        field("appDisplayName", "display_name", FieldKind::Text),
        field("accountEnabled", "enabled", FieldKind::Bool),
        field(
            "appRoleAssignmentRequired",
            "assignment_required",
            FieldKind::Bool,
        ),
        field("servicePrincipalType", "kind", FieldKind::Text),
        field("appOwnerOrganizationId", "owner_tenant", FieldKind::Id),
        field("createdDateTime", "created", FieldKind::DateTime),
        field(
            "servicePrincipalNames",
            "",
            FieldKind::Collection(&SERVICE_PRINCIPAL_NAMES),
        ),
        field("tags", "", FieldKind::Collection(&SERVICE_PRINCIPAL_TAGS)),
    ],
};

static SERVICE_PRINCIPAL_NAMES: Element = Element {
    from: "from service_principal_names e where e.tenant = service_principals.tenant \
           and e.service_principal = service_principals.id",
    field: field("servicePrincipalNames", "e.spelling", FieldKind::Text),
};

static SERVICE_PRINCIPAL_TAGS: Element = Element {
    from: "from json_elements[service_principals.properties/tags] e where 1 = 1",
    field: field("tags", "e.value", FieldKind::Text),
};

/// `GET /oauth2PermissionGrants` of Graph (page "oAuth2PermissionGrant resource type").
pub static PERMISSION_GRANTS_GRAPH: FieldMap = FieldMap {
    table: "oauth2_permission_grants",
    fields: &[
        field("id", "id", FieldKind::Id),
        field("clientId", "client", FieldKind::Id),
        field("resourceId", "resource", FieldKind::Id),
        nullable("principalId", "principal", FieldKind::Id),
        field(
            "consentType",
            "(case when principal is null then 'AllPrincipals' else 'Principal' end)",
            FieldKind::Text,
        ),
        field("scope", "scope", FieldKind::Text),
    ],
};

/// A text of a user's profile.
macro_rules! profile {
    ($name:literal) => {
        nullable(
            $name,
            concat!("json_text[users.profile/", $name, "]"),
            FieldKind::Text,
        )
    };
}

/// `GET /users` of Graph.
pub static USERS_GRAPH: FieldMap = FieldMap {
    table: "users",
    fields: &[
        field("id", "id", FieldKind::Id),
        field("userPrincipalName", "upn", FieldKind::Text),
        field("displayName", "display_name", FieldKind::Text),
        nullable("givenName", "given_name", FieldKind::Text),
        nullable("surname", "surname", FieldKind::Text),
        nullable("mail", "mail", FieldKind::Text),
        field("accountEnabled", "enabled", FieldKind::Bool),
        field("createdDateTime", "created", FieldKind::DateTime),
        field(
            "userType",
            "coalesce(json_text[users.profile/userType], 'Member')",
            FieldKind::Text,
        ),
        profile!("ageGroup"),
        profile!("city"),
        profile!("companyName"),
        profile!("country"),
        profile!("department"),
        profile!("employeeId"),
        profile!("employeeType"),
        profile!("faxNumber"),
        profile!("jobTitle"),
        profile!("mailNickname"),
        profile!("mobilePhone"),
        profile!("officeLocation"),
        profile!("postalCode"),
        profile!("preferredLanguage"),
        profile!("state"),
        profile!("streetAddress"),
        profile!("usageLocation"),
    ],
};

static GROUP_TYPES: Element = Element {
    from: "from json_elements[directory_groups.properties/groupTypes] e where 1 = 1",
    field: field("groupTypes", "e.value", FieldKind::Text),
};

/// `GET /groups` of Graph.
pub static GROUPS_GRAPH: FieldMap = FieldMap {
    table: "directory_groups",
    fields: &[
        field("id", "id", FieldKind::Id),
        field("displayName", "display_name", FieldKind::Text),
        field("mailNickname", "mail_nickname", FieldKind::Text),
        nullable("description", "description", FieldKind::Text),
        field("securityEnabled", "security", FieldKind::Bool),
        field("mailEnabled", "mail_enabled", FieldKind::Bool),
        field("isAssignableToRole", "role_assignable", FieldKind::Bool),
        nullable(
            "visibility",
            "json_text[directory_groups.properties/visibility]",
            FieldKind::Text,
        ),
        field("groupTypes", "", FieldKind::Collection(&GROUP_TYPES)),
        field("createdDateTime", "created", FieldKind::DateTime),
    ],
};

/// Directory audits as Microsoft Graph filters them.
pub static DIRECTORY_AUDITS_GRAPH: FieldMap = FieldMap {
    table: "audit_events",
    fields: &[
        field("activityDateTime", "occurred", FieldKind::DateTime),
        nullable("correlationId", "request_id", FieldKind::Id),
        field("id", "id", FieldKind::Id),
    ],
};
