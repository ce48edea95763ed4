//! Which times the events have that came in: what detection rules have yet to look at.
//!
//! Numbers are given under the tenant's lock, so they become visible in their order: who has read up to a number has
//! missed none below it. Rows must be durable before their arrival is noted, and noted before they are acknowledged.

use bartizan_contract::TenantId;
use bartizan_contract::time::unix_micros_from_ticks;
use bartizan_contract::value::Row;

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
    pub fn of_rows(rows: &[Row]) -> Option<Self> {
        let times = rows.iter().filter_map(Row::timestamp);
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
    tenants::lock(tx, tenant).await?;
    let mut sql = Sql::new("select number, earliest, latest from event_arrivals where tenant = ");
    sql.bind(tenant).push(" order by number desc limit 1");
    let last = match sql.fetch_all(tx).await?.first() {
        None => None,
        Some(row) => {
            let span = Span {
                from: row.int("earliest")?,
                to: row.int("latest")?,
            };
            Some((row.int("number")?, span))
        }
    };
    let mut sql = Sql::new(
        "select coalesce(max(watermark), 0) as seen from detection_rule_states where tenant = ",
    );
    sql.bind(tenant);
    let seen = sql.fetch_one(tx).await?.int("seen")?;
    let number = last.map_or(0, |(number, _)| number).max(seen) + 1;
    match last {
        Some((known, before)) if known > seen => {
            let span = span.with(before);
            let mut sql = Sql::new("update event_arrivals set number = ");
            sql.bind(number)
                .push(", earliest = ")
                .bind(span.from)
                .push(", latest = ")
                .bind(span.to)
                .push(" where tenant = ")
                .bind(tenant)
                .push(" and number = ")
                .bind(known);
            sql.execute(tx).await?;
        }
        _ => {
            let mut sql =
                Sql::new("insert into event_arrivals (tenant, number, earliest, latest) values (");
            sql.bind(tenant).push(", ").bind(number).push(", ");
            sql.bind(span.from).push(", ").bind(span.to).push(")");
            sql.execute(tx).await?;
        }
    }
    // The last row stays whatever its times: numbers only grow.
    let mut sql = Sql::new("delete from event_arrivals where tenant = ");
    sql.bind(tenant)
        .push(" and latest < ")
        .bind(forget)
        .push(" and number < ")
        .bind(number);
    sql.execute(tx).await?;
    Ok(())
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
