//! Principals that objects of a page are related to, read at once.

use std::collections::HashMap;

use bartizan_contract::{ObjectId, TenantId};

use super::Principal;
use crate::error::StoreError;
use crate::row::Columns as _;
use crate::sql::Sql;
use crate::transaction::ReadTx;

/// How many objects one statement asks about: SQLite joins no more than 500 parts.
const AT_ONCE: usize = 200;

/// A relation of directory objects to principals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// The owners of applications and service principals.
    Owners,
    /// The direct members of groups.
    Members,
}

impl Relation {
    /// The principals of one object in their order, without the limit.
    const fn select(self) -> (&'static str, &'static str) {
        match self {
            Self::Owners => (
                "select object, owner as principal, kind, created from directory_owners where tenant = ",
                " and object = ",
            ),
            Self::Members => (
                "select member_group as object, member as principal, kind, created from group_members where tenant = ",
                " and member_group = ",
            ),
        }
    }
}

/// The principals that each of these objects is related to, the oldest first, at most `top` of each: no more are read.
/// Objects without any are left out.
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::Corrupt`].
pub async fn first_related(
    tx: &mut ReadTx,
    tenant: TenantId,
    relation: Relation,
    objects: &[ObjectId],
    top: u32,
) -> Result<HashMap<ObjectId, Vec<Principal>>, StoreError> {
    let mut found: HashMap<ObjectId, Vec<(i64, Principal)>> = HashMap::new();
    for objects in objects.chunks(AT_ONCE) {
        let (select, of) = relation.select();
        let mut sql = Sql::default();
        for (i, object) in objects.iter().enumerate() {
            sql.push(if i == 0 { "" } else { " union all " })
                .push("select * from (")
                .push(select)
                .bind(tenant)
                .push(of)
                .bind(object.to_string())
                .push(" order by created, principal limit ")
                .bind(i64::from(top))
                .push(") as related");
        }
        for row in &sql.fetch_all(tx).await? {
            let related = (row.int("created")?, Principal::read(row)?);
            found
                .entry(row.parsed("object")?)
                .or_default()
                .push(related);
        }
    }
    let sorted = found.into_iter().map(|(object, mut related)| {
        // A union promises no order.
        related.sort_by_key(|(created, principal)| (*created, principal.id));
        (object, related.into_iter().map(|(_, one)| one).collect())
    });
    Ok(sorted.collect())
}
