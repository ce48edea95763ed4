//! The directory: applications and their secrets, service principals, app role assignments,
//! users; and the facts that a token decision needs, read in one transaction.
//!
//! The parts of objects (app roles, scopes, required accesses) are kept as the JSON of Microsoft
//! Graph, because Graph's API is how they come and go.

pub mod applications;
pub mod assignments;
pub mod certificates;
mod credential_rows;
pub mod credentials;
pub mod federations;
pub mod groups;
pub mod owners;
pub mod passwords;
pub mod people;
pub mod permission_grants;
mod related;
pub mod roles;
pub mod search;
pub mod service_principals;
pub mod token_facts;
pub mod users;

pub use related::{Relation, first_related};

pub use bartizan_contract::graph::{AppRole, PermissionScope, RequiredResourceAccess};
use bartizan_contract::{ObjectId, TenantId};
use serde::{Deserialize, Serialize};
use sqlx::any::AnyRow;

use crate::error::StoreError;
use crate::row::Columns as _;
use crate::sql::Sql;
use crate::transaction::{ReadTx, WriteTx};

/// Where an application's answers may be sent, by kind of client.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RedirectUris {
    /// Of confidential web applications.
    pub web: Vec<String>,
    /// Of single-page applications.
    pub spa: Vec<String>,
    /// Of native applications.
    pub public_client: Vec<String>,
}

/// What kind of object holds a membership or a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PrincipalKind {
    /// A user.
    User,
    /// A group.
    Group,
    /// A service principal.
    ServicePrincipal,
}

impl PrincipalKind {
    /// The word in the store, and after `#microsoft.graph.` in Graph.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
            Self::ServicePrincipal => "servicePrincipal",
        }
    }

    /// The kind with this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::User, Self::Group, Self::ServicePrincipal]
            .into_iter()
            .find(|kind| kind.as_str() == word)
    }
}

/// An object that holds a membership or a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Principal {
    /// Its object id.
    pub id: ObjectId,
    /// What it is.
    pub kind: PrincipalKind,
}

impl Principal {
    /// From the columns `principal` and `kind`.
    pub(crate) fn read(row: &AnyRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.parsed("principal")?,
            kind: row.word("kind", PrincipalKind::parse)?,
        })
    }
}

/// The user, group or service principal of a tenant with this id.
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::Corrupt`].
pub async fn principal(
    tx: &mut ReadTx,
    tenant: TenantId,
    id: ObjectId,
) -> Result<Option<Principal>, StoreError> {
    let tables = [
        ("select id from users where tenant = ", PrincipalKind::User),
        (
            "select id from directory_groups where tenant = ",
            PrincipalKind::Group,
        ),
        (
            "select id from service_principals where tenant = ",
            PrincipalKind::ServicePrincipal,
        ),
    ];
    for (text, kind) in tables {
        let mut sql = Sql::new(text);
        sql.bind(tenant).push(" and id = ").bind(id.to_string());
        if !sql.fetch_all(tx).await?.is_empty() {
            return Ok(Some(Principal { id, kind }));
        }
    }
    Ok(None)
}

/// Takes away everything that hangs on a principal that is about to be deleted.
async fn forget_principal(
    tx: &mut WriteTx,
    tenant: TenantId,
    id: ObjectId,
) -> Result<(), StoreError> {
    for text in [
        "delete from group_members where member = ",
        "delete from directory_role_assignments where principal = ",
        "delete from defender_role_assignments where principal = ",
        "delete from app_role_assignments where principal = ",
        "delete from directory_owners where owner = ",
    ] {
        let mut sql = Sql::new(text);
        sql.bind(id.to_string()).push(" and tenant = ").bind(tenant);
        sql.execute(tx).await?;
    }
    Ok(())
}
