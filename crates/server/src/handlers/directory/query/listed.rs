//! What each collection of the directory takes of the query options.

use bartizan_store::directory::search::Key;
use bartizan_store::odata::{
    APPLICATIONS_GRAPH, FieldMap, GROUPS_GRAPH, PERMISSION_GRANTS_GRAPH, SERVICE_PRINCIPALS_GRAPH,
    USERS_GRAPH,
};

/// A collection as its listing knows it.
pub(in crate::handlers::directory) struct Listed {
    /// What `$filter` may name.
    pub(super) fields: &'static FieldMap,
    /// What `$search` looks into.
    pub(super) searched: &'static [&'static str],
    /// What `$orderby` may name.
    pub(super) orders: &'static [(&'static str, Key)],
}

const NAMED: &[(&str, Key)] = &[
    ("displayName", Key::Name),
    ("createdDateTime", Key::Created),
];

/// `/users`
pub(in crate::handlers::directory) static USERS: Listed = Listed {
    fields: &USERS_GRAPH,
    searched: &["displayName", "mail", "userPrincipalName"],
    orders: &[
        ("displayName", Key::Name),
        ("userPrincipalName", Key::PrincipalName),
        ("createdDateTime", Key::Created),
    ],
};

/// `/groups`
pub(in crate::handlers::directory) static GROUPS: Listed = Listed {
    fields: &GROUPS_GRAPH,
    searched: &["displayName", "mailNickname", "description"],
    orders: NAMED,
};

/// `/applications`
pub(in crate::handlers::directory) static APPLICATIONS: Listed = Listed {
    fields: &APPLICATIONS_GRAPH,
    searched: &["displayName"],
    orders: NAMED,
};

/// `/servicePrincipals`
pub(in crate::handlers::directory) static SERVICE_PRINCIPALS: Listed = Listed {
    fields: &SERVICE_PRINCIPALS_GRAPH,
    searched: &["displayName"],
    orders: NAMED,
};

/// `/oauth2PermissionGrants`
pub(in crate::handlers::directory) static PERMISSION_GRANTS: Listed = Listed {
    fields: &PERMISSION_GRANTS_GRAPH,
    searched: &[],
    orders: &[],
};
