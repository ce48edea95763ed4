//! Which times the events have that came in: what detection rules have yet to look at.
//!
//! Numbers are given under the tenant's lock, so they become visible in their order: who has read up to a number has
//! missed none below it. Rows must be durable before their arrival is noted, and noted before they are acknowledged.

use std::collections::{BTreeMap, HashMap};

use bartizan_contract::TenantId;
use bartizan_contract::time::unix_micros_from_ticks;
use bartizan_contract::value::Row;
use sqlx::any::AnyRow;

use crate::error::StoreError;
use crate::row::Columns as _;
use crate::sql::Sql;
use crate::tenants;
use crate::transaction::{ReadTx, WriteTx};

/// Times of events, both ends included, microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The earliest.
    pub from: i64,
    /// The latest.
    pub to: i64,
}

impl Span {
    /// The times of rows; `None` when none has one.
    #[must_use]
    pub fn of_rows<'r>(rows: impl IntoIterator<Item = &'r Row>) -> Option<Self> {
        let times = rows.into_iter().filter_map(Row::timestamp);
        times
            .map(unix_micros_from_ticks)
            .map(|at| Self { from: at, to: at })
            .reduce(Self::with)
    }

    /// The shortest span that holds both.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self {
            from: self.from.min(other.from),
            to: self.to.max(other.to),
        }
    }
}

/// What came in since some number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unseen {
    /// The highest number of all.
    pub number: i64,
    /// The times of what came in; `None` when nothing did that is late enough.
    pub span: Option<Span>,
}

/// Tenants whose notes share their statements: databases limit the parameters of one.
const TOGETHER: usize = 250;

/// The last number of a tenant's arrivals, and its times.
#[derive(Debug, Clone, Copy)]
struct Last {
    number: i64,
    span: Span,
}

/// Notes that events of these times came in. What lies wholly before `forget` is forgotten.
///
/// # Errors
/// [`StoreError::Missing`] without the tenant.
pub async fn note(
    tx: &mut WriteTx,
    tenant: TenantId,
    span: Span,
    forget: i64,
) -> Result<(), StoreError> {
    match note_some(tx, &[(tenant, span)], forget).await? {
        0 => Err(StoreError::Missing("tenant")),
        _ => Ok(()),
    }
}

/// The same for many tenants. One that is no more is passed over.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn note_all(
    tx: &mut WriteTx,
    spans: &BTreeMap<TenantId, Span>,
    forget: i64,
) -> Result<(), StoreError> {
    let spans: Vec<(TenantId, Span)> = spans.iter().map(|(id, span)| (*id, *span)).collect();
    for some in spans.chunks(TOGETHER) {
        note_some(tx, some, forget).await?;
    }
    Ok(())
}

/// Gives how many of the tenants there are.
async fn note_some(
    tx: &mut WriteTx,
    spans: &[(TenantId, Span)],
    forget: i64,
) -> Result<usize, StoreError> {
    let ids: Vec<TenantId> = spans.iter().map(|(id, _)| *id).collect();
    let ids = tenants::lock_all(tx, &ids).await?;
    if ids.is_empty() {
        return Ok(0);
    }
    let last = last(tx, &ids).await?;
    let seen = seen(tx, &ids).await?;
    let mut replaced = Vec::new();
    let mut rows = Vec::new();
    for (tenant, span) in spans {
        if ids.binary_search(tenant).is_err() {
            continue;
        }
        let last = last.get(tenant).copied();
        let seen = seen.get(tenant).copied().unwrap_or(0);
        let number = last.map_or(0, |last| last.number).max(seen) + 1;
        // Nobody has looked at the last one: it grows, under a number that nobody has read.
        let grown = last.filter(|last| last.number > seen);
        replaced.extend(grown.map(|last| (*tenant, last.number)));
        rows.push((
            *tenant,
            number,
            grown.map_or(*span, |last| span.with(last.span)),
        ));
    }
    if !replaced.is_empty() {
        let mut sql = Sql::new("delete from event_arrivals where ");
        for (at, (tenant, number)) in replaced.into_iter().enumerate() {
            sql.push(if at > 0 {
                " or (tenant = "
            } else {
                "(tenant = "
            });
            sql.bind(tenant).push(" and number = ").bind(number);
            sql.push(")");
        }
        sql.execute(tx).await?;
    }
    let mut sql = Sql::new("insert into event_arrivals (tenant, number, earliest, latest) values ");
    for (at, (tenant, number, span)) in rows.into_iter().enumerate() {
        sql.push(if at > 0 { ", (" } else { "(" });
        sql.bind(tenant).push(", ").bind(number).push(", ");
        sql.bind(span.from).push(", ").bind(span.to).push(")");
    }
    sql.execute(tx).await?;
    // The last row stays whatever its times: numbers only grow.
    let mut sql = Sql::new("delete from event_arrivals where latest < ");
    sql.bind(forget).push(" and tenant in (");
    sql.bind_list(ids.iter().copied());
    sql.push(
        ") and number < (select max(other.number) from event_arrivals other \
         where other.tenant = event_arrivals.tenant)",
    );
    sql.execute(tx).await?;
    Ok(ids.len())
}

/// Each tenant's last arrival.
async fn last(
    tx: &mut ReadTx,
    tenants: &[TenantId],
) -> Result<HashMap<TenantId, Last>, StoreError> {
    let mut sql = Sql::new(
        "select tenant, number, earliest, latest from event_arrivals one where tenant in (",
    );
    sql.bind_list(tenants.iter().copied());
    sql.push(
        ") and number = (select max(other.number) from event_arrivals other \
         where other.tenant = one.tenant)",
    );
    let rows = sql.fetch_all(tx).await?;
    let last = |row: &AnyRow| {
        let span = Span {
            from: row.int("earliest")?,
            to: row.int("latest")?,
        };
        let number = row.int("number")?;
        Ok((row.parsed("tenant")?, Last { number, span }))
    };
    rows.iter().map(last).collect()
}

/// Up to which arrival some rule of each tenant has looked.
async fn seen(tx: &mut ReadTx, tenants: &[TenantId]) -> Result<HashMap<TenantId, i64>, StoreError> {
    let mut sql = Sql::new(
        "select tenant, max(watermark) as seen from detection_rule_states where tenant in (",
    );
    sql.bind_list(tenants.iter().copied())
        .push(") group by tenant");
    let rows = sql.fetch_all(tx).await?;
    let seen = |row: &AnyRow| Ok((row.parsed("tenant")?, row.int("seen")?));
    rows.iter().map(seen).collect()
}

/// What came in after `number`, as far as it reaches to `since` or later.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn unseen(
    tx: &mut ReadTx,
    tenant: TenantId,
    number: i64,
    since: i64,
) -> Result<Unseen, StoreError> {
    let mut sql =
        Sql::new("select coalesce(max(number), 0) as number from event_arrivals where tenant = ");
    sql.bind(tenant);
    let last = sql.fetch_one(tx).await?.int("number")?;
    let mut sql = Sql::new(
        "select min(earliest) as earliest, max(latest) as latest from event_arrivals where tenant = ",
    );
    sql.bind(tenant).push(" and number > ").bind(number);
    sql.push(" and latest >= ").bind(since);
    let row = sql.fetch_one(tx).await?;
    let span = row.maybe_int("earliest")?.zip(row.maybe_int("latest")?);
    Ok(Unseen {
        number: last.max(number),
        span: span.map(|(from, to)| Span {
            from: from.max(since),
            to,
        }),
    })
}
