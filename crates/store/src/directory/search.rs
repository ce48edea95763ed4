//! Pages of directory objects: filtered, in an order that stays while objects change, counted.

use bartizan_contract::{ObjectId, TenantId};
use serde::{Deserialize, Serialize};
use sqlx::any::AnyRow;

use crate::error::StoreError;
use crate::listing::{Listing, Page, push_filter, push_limit};
use crate::odata::SqlFilter;
use crate::row::Columns as _;
use crate::sql::Sql;
use crate::transaction::ReadTx;

/// By what objects are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Key {
    /// By id: the cheapest.
    #[default]
    Id,
    /// By name in any letter case.
    Name,
    /// By when they were made.
    Created,
    /// Users by the name that they sign in with.
    PrincipalName,
}

/// In which order objects are listed. Those that are equal by the key are in the order of their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Order {
    /// By what.
    pub key: Key,
    /// Whether greater ones come first.
    pub descending: bool,
}

impl Order {
    /// By id.
    pub const ID: Self = Self {
        key: Key::Id,
        descending: false,
    };

    /// By name.
    pub const NAME: Self = Self {
        key: Key::Name,
        descending: false,
    };
}

/// Where a page of objects continues.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryCursor {
    /// The last object's value of the key; of times the number. Empty when ids are the order.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub key: String,
    /// Its id.
    pub id: String,
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

impl<'a> Search<'a> {
    /// All objects by id.
    #[must_use]
    pub const fn all(page: &'a Page<DirectoryCursor>) -> Self {
        Self {
            filter: None,
            order: Order::ID,
            page,
        }
    }
}

/// A collection of directory objects: a table with `tenant` and `id`, and the columns of the keys that it is ordered by
/// (`display_name`, `created`, `upn`).
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
) -> Result<Listing<T, DirectoryCursor>, StoreError> {
    let found = rows(tx, tenant, source, search).await?;
    let items = found.items.iter().map(read).collect::<Result<_, _>>()?;
    Ok(Listing {
        items,
        next: found.next,
    })
}

/// The rows of a page, for objects that take more than a row.
pub(super) async fn rows(
    tx: &mut ReadTx,
    tenant: TenantId,
    source: &Source,
    search: &Search<'_>,
) -> Result<Listing<AnyRow, DirectoryCursor>, StoreError> {
    let Order { key, descending } = search.order;
    let mut sql = Sql::new(source.select);
    sql.bind(tenant);
    push_filter(&mut sql, search.filter, source.table)?;
    if let Some(after) = &search.page.after {
        beyond(&mut sql, search.order, after);
    }
    sql.push(match (key, descending) {
        (Key::Id, false) => " order by id",
        (Key::Id, true) => " order by id desc",
        (Key::Name, false) => " order by lower(display_name), id",
        (Key::Name, true) => " order by lower(display_name) desc, id",
        (Key::Created, false) => " order by created, id",
        (Key::Created, true) => " order by created desc, id",
        (Key::PrincipalName, false) => " order by upn, id",
        (Key::PrincipalName, true) => " order by upn desc, id",
    });
    push_limit(&mut sql, search.page);
    let mut items = sql.fetch_all(tx).await?;
    let top = search.page.top as usize;
    let more = items.len() > top;
    items.truncate(top);
    let last = items.last().filter(|_| more);
    let next = last.map(|row| cursor(row, key)).transpose()?;
    Ok(Listing { items, next })
}

/// Ids in one statement: databases limit parameters.
pub(super) const IDS: usize = 500;

/// The rows of the objects with these ids, in no order; one that is not there is left out.
pub(super) async fn by_ids(
    tx: &mut ReadTx,
    tenant: TenantId,
    source: &Source,
    ids: &[ObjectId],
) -> Result<Vec<AnyRow>, StoreError> {
    let mut rows = Vec::with_capacity(ids.len());
    for ids in ids.chunks(IDS) {
        let mut sql = Sql::new(source.select);
        sql.bind(tenant).push(" and id in (");
        sql.bind_list(ids.iter().map(ObjectId::to_string)).push(")");
        rows.extend(sql.fetch_all(tx).await?);
    }
    Ok(rows)
}

/// The condition that a row comes after the last one seen.
fn beyond(sql: &mut Sql, order: Order, after: &DirectoryCursor) {
    let id = after.id.as_str();
    let (greater, equal) = match (order.key, order.descending) {
        (Key::Id, false) => {
            sql.push(" and id > ").bind(id);
            return;
        }
        (Key::Id, true) => {
            sql.push(" and id < ").bind(id);
            return;
        }
        (Key::Name, false) => (
            "lower(display_name) > lower(",
            "lower(display_name) = lower(",
        ),
        (Key::Name, true) => (
            "lower(display_name) < lower(",
            "lower(display_name) = lower(",
        ),
        (Key::Created, false) => ("created > (", "created = ("),
        (Key::Created, true) => ("created < (", "created = ("),
        (Key::PrincipalName, false) => ("upn > (", "upn = ("),
        (Key::PrincipalName, true) => ("upn < (", "upn = ("),
    };
    let bind = |sql: &mut Sql| {
        match order.key {
            // What is no number is no cursor of ours; it continues at the beginning of time.
            Key::Created => sql.bind(after.key.parse::<i64>().unwrap_or_default()),
            _ => sql.bind(after.key.as_str()),
        };
    };
    sql.push(" and (").push(greater);
    bind(sql);
    sql.push(") or (").push(equal);
    bind(sql);
    sql.push(") and id > ").bind(id).push("))");
}

fn cursor(row: &AnyRow, key: Key) -> Result<DirectoryCursor, StoreError> {
    Ok(DirectoryCursor {
        key: match key {
            Key::Id => String::new(),
            Key::Name => row.text("display_name")?,
            Key::Created => row.int("created")?.to_string(),
            Key::PrincipalName => row.text("upn")?,
        },
        id: row.text("id")?,
    })
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
