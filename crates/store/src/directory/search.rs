//! Pages of directory objects: filtered, in the order of ids or names, counted.

use bartizan_contract::{ObjectId, TenantId};
use serde::{Deserialize, Serialize};
use sqlx::any::AnyRow;

use crate::error::StoreError;
use crate::listing::{Listing, Page, push_filter, push_limit};
use crate::odata::SqlFilter;
use crate::row::Columns as _;
use crate::sql::Sql;
use crate::transaction::ReadTx;

/// In which order objects are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// By id: the cheapest, and stable.
    #[default]
    Id,
    /// By name in any letter case, then by id.
    Name,
    /// The same backwards.
    NameDescending,
}

/// Where a page of objects continues.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryCursor {
    /// Name of the last object seen; looked at only when names are the order.
    pub name: String,
    /// Its id.
    pub id: ObjectId,
}

/// Which objects of a collection are wanted.
#[derive(Debug, Clone)]
pub struct Search<'a> {
    /// A condition.
    pub filter: Option<&'a SqlFilter>,
    /// The order.
    pub order: Order,
    /// The part.
    pub page: &'a Page<DirectoryCursor>,
}

/// A collection of directory objects: a table with `tenant`, `id` and `display_name`.
pub(super) struct Source {
    /// `select … from table where tenant = `
    pub(super) select: &'static str,
    /// `select count(*) as n from table where tenant = `
    pub(super) count: &'static str,
    /// The table.
    pub(super) table: &'static str,
}

/// A page of a collection.
pub(super) async fn list<T>(
    tx: &mut ReadTx,
    tenant: TenantId,
    source: &Source,
    search: &Search<'_>,
    read: fn(&AnyRow) -> Result<T, StoreError>,
    cursor: fn(&T) -> DirectoryCursor,
) -> Result<Listing<T, DirectoryCursor>, StoreError> {
    let mut sql = Sql::new(source.select);
    sql.bind(tenant);
    push_filter(&mut sql, search.filter, source.table)?;
    if let Some(after) = &search.page.after {
        let id = after.id.to_string();
        match search.order {
            Order::Id => {
                sql.push(" and id > ").bind(id);
            }
            Order::Name | Order::NameDescending => {
                let further = if search.order == Order::Name {
                    " and (lower(display_name) > lower("
                } else {
                    " and (lower(display_name) < lower("
                };
                sql.push(further).bind(after.name.as_str());
                sql.push(") or (lower(display_name) = lower(")
                    .bind(after.name.as_str());
                sql.push(") and id > ").bind(id).push("))");
            }
        }
    }
    sql.push(match search.order {
        Order::Id => " order by id",
        Order::Name => " order by lower(display_name), id",
        Order::NameDescending => " order by lower(display_name) desc, id",
    });
    push_limit(&mut sql, search.page);
    let found = sql.fetch_all(tx).await?;
    let items = found.iter().map(read).collect::<Result<_, _>>()?;
    Ok(Listing::cut(items, search.page.top, cursor))
}

/// How many objects of a collection a filter lets through.
pub(super) async fn count(
    tx: &mut ReadTx,
    tenant: TenantId,
    source: &Source,
    filter: Option<&SqlFilter>,
) -> Result<i64, StoreError> {
    let mut sql = Sql::new(source.count);
    sql.bind(tenant);
    push_filter(&mut sql, filter, source.table)?;
    sql.fetch_one(tx).await?.int("n")
}
