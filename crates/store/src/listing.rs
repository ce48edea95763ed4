//! Pages of a listing. Rows are ordered by values that never change, and a page continues after
//! the last row of the one before, so nothing is lost or doubled while rows are updated.

use crate::error::StoreError;
use crate::odata::SqlFilter;
use crate::sql::Sql;

/// Which part of a listing is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<C> {
    /// Continue after this row.
    pub after: Option<C>,
    /// Rows to leave out first (`$skip`).
    pub skip: u64,
    /// Most rows to return (`$top` or the page size).
    pub top: u32,
}

impl<C> Page<C> {
    /// The first `top` rows.
    #[must_use]
    pub const fn first(top: u32) -> Self {
        Self {
            after: None,
            skip: 0,
            top,
        }
    }

    /// The `top` rows after a cursor.
    #[must_use]
    pub const fn after(cursor: C, top: u32) -> Self {
        Self {
            after: Some(cursor),
            skip: 0,
            top,
        }
    }
}

/// A page of rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing<T, C> {
    /// The rows.
    pub items: Vec<T>,
    /// Where the next page starts; `None` when this is the last.
    pub next: Option<C>,
}

impl<T, C> Listing<T, C> {
    /// Cuts the row that was fetched beyond the page to see whether there are more.
    pub(crate) fn cut(mut items: Vec<T>, top: u32, cursor: impl Fn(&T) -> C) -> Self {
        let top = top as usize;
        let more = items.len() > top;
        items.truncate(top);
        let next = if more { items.last().map(cursor) } else { None };
        Self { items, next }
    }
}

/// Appends a filter made for this table as a further condition.
pub(crate) fn push_filter(
    sql: &mut Sql,
    filter: Option<&SqlFilter>,
    table: &'static str,
) -> Result<(), StoreError> {
    let Some(filter) = filter else { return Ok(()) };
    if filter.table() != table {
        return Err(StoreError::WrongFilter {
            made_for: filter.table(),
            used_on: table,
        });
    }
    sql.push(" and (").append(filter.sql()).push(")");
    Ok(())
}

/// Appends `limit` and `offset`, with one row more than the page.
pub(crate) fn push_limit<C>(sql: &mut Sql, page: &Page<C>) {
    sql.push(" limit ").bind(i64::from(page.top) + 1);
    sql.push(" offset ")
        .bind(i64::try_from(page.skip).unwrap_or(i64::MAX));
}
