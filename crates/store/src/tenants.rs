//! Tenants and their domain names.

use bartizan_contract::TenantId;
use sqlx::any::AnyRow;

use crate::directory::service_principals;
use crate::error::StoreError;
use crate::row::Columns as _;
use crate::sql::Sql;
use crate::transaction::{Backend, ReadTx, WriteTx};

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// Its name.
    pub display_name: String,
    /// `tenant_region_scope` of its discovery document (`EU`, `NA` …).
    pub region: String,
    /// When it was made, microseconds.
    pub created: i64,
    /// Its domain names, the default one first.
    pub domains: Vec<Domain>,
}

/// A domain name of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Domain {
    /// Lower case.
    pub name: String,
    /// The one that new users get.
    pub is_default: bool,
    /// The one that the tenant was made with (`….onmicrosoft.com`).
    pub is_initial: bool,
}

impl Tenant {
    /// The default domain, else any.
    #[must_use]
    pub fn default_domain(&self) -> Option<&str> {
        self.domains.first().map(|d| d.name.as_str())
    }
}

/// Makes a tenant with its domains and the service principals of Microsoft's resources.
///
/// # Errors
/// [`StoreError::Exists`] when the id or a domain is taken.
pub async fn create(tx: &mut WriteTx, tenant: &Tenant) -> Result<(), StoreError> {
    sqlx::query(
        "insert into tenants (id, display_name, region, created, revision)
         values ($1, $2, $3, $4, 0)",
    )
    .bind(tenant.id.to_string())
    .bind(&tenant.display_name)
    .bind(&tenant.region)
    .bind(tenant.created)
    .execute(tx.connection())
    .await
    .map_err(|e| StoreError::on_insert(e, "tenant"))?;
    for domain in &tenant.domains {
        add_domain(tx, tenant.id, domain).await?;
    }
    service_principals::seed_first_party(tx, tenant.id, tenant.created).await
}

/// Adds a domain name to a tenant.
///
/// # Errors
/// [`StoreError::Exists`] when any tenant has it, [`StoreError::Missing`] without the tenant.
pub async fn add_domain(
    tx: &mut WriteTx,
    tenant: TenantId,
    domain: &Domain,
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into tenant_domains (name, tenant, is_default, is_initial) values ($1, $2, $3, $4)",
    )
    .bind(domain.name.to_ascii_lowercase())
    .bind(tenant.to_string())
    .bind(i64::from(domain.is_default))
    .bind(i64::from(domain.is_initial))
    .execute(tx.connection())
    .await
    .map_err(|e| StoreError::on_insert(e, "domain"))?;
    Ok(())
}

/// The tenant with this id.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn by_id(tx: &mut ReadTx, id: TenantId) -> Result<Option<Tenant>, StoreError> {
    let mut sql = Sql::new("select id, display_name, region, created from tenants where id = ");
    sql.bind(id);
    let rows = sql.fetch_all(tx).await?;
    match rows.first() {
        Some(row) => Ok(Some(with_domains(tx, row).await?)),
        None => Ok(None),
    }
}

/// Whether there is a tenant with this id.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn exists(tx: &mut ReadTx, id: TenantId) -> Result<bool, StoreError> {
    let mut sql = Sql::new("select id from tenants where id = ");
    sql.bind(id);
    Ok(!sql.fetch_all(tx).await?.is_empty())
}

/// The tenant that a path segment names: by id in any letter case or by domain.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn resolve(tx: &mut ReadTx, name: &str) -> Result<Option<Tenant>, StoreError> {
    if name.contains('\0') {
        // PostgreSQL has no such text, and would give up all that is read in this transaction.
        return Ok(None);
    }
    if let Ok(id) = name.parse::<TenantId>() {
        return by_id(tx, id).await;
    }
    let mut sql = Sql::new("select tenant from tenant_domains where name = ");
    sql.bind(name.to_ascii_lowercase());
    match sql.fetch_all(tx).await?.first() {
        Some(row) => by_id(tx, row.parsed("tenant")?).await,
        None => Ok(None),
    }
}

/// All tenants, oldest first: for the operator of the installation, never for a tenant's caller.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn list(tx: &mut ReadTx) -> Result<Vec<Tenant>, StoreError> {
    let sql =
        Sql::new("select id, display_name, region, created from tenants order by created, id");
    let mut tenants = Vec::new();
    for row in sql.fetch_all(tx).await? {
        tenants.push(with_domains(tx, &row).await?);
    }
    Ok(tenants)
}

/// Deletes a tenant with all that SQL keeps of it. Its hunting rows are the event store's. False when there was none.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn delete(tx: &mut WriteTx, id: TenantId) -> Result<bool, StoreError> {
    // Refusals belong to tenants without referring to them.
    let mut sql = Sql::new("delete from refusals where tenant = ");
    sql.bind(id);
    sql.execute(tx).await?;
    let mut sql = Sql::new("delete from tenants where id = ");
    sql.bind(id);
    Ok(sql.execute(tx).await?.rows_affected() > 0)
}

/// Takes the tenant's lock until the transaction ends, so that two workers never correlate the
/// same tenant's alerts at once.
///
/// # Errors
/// [`StoreError::Missing`] without the tenant.
pub async fn lock(tx: &mut WriteTx, id: TenantId) -> Result<(), StoreError> {
    let mut sql = Sql::new("update tenants set revision = revision + 1 where id = ");
    sql.bind(id);
    match sql.execute(tx).await?.rows_affected() {
        0 => Err(StoreError::Missing("tenant")),
        _ => Ok(()),
    }
}

/// Takes the locks of several tenants, always in the same order, so that two servers never wait for each other. Says which
/// of them there are, in the order of their ids.
///
/// # Errors
/// [`StoreError::Database`].
pub(crate) async fn lock_all(
    tx: &mut WriteTx,
    ids: &[TenantId],
) -> Result<Vec<TenantId>, StoreError> {
    let mut sql = Sql::new("select id from tenants where id in (");
    sql.bind_list(ids.iter().copied()).push(") order by id");
    if tx.backend() == Backend::Postgres {
        // SQLite has one writer at a time. The weaker lock is the one that an update takes: rows that refer to the
        // tenant are inserted all the while.
        sql.push(" for no key update");
    }
    let rows = sql.fetch_all(tx).await?;
    let ids: Result<Vec<TenantId>, _> = rows.iter().map(|row| row.parsed("id")).collect();
    // Databases sort texts by their own rules.
    ids.map(|mut ids| {
        ids.sort_unstable();
        ids
    })
}

/// The tenant of a row, with its domains.
pub(crate) async fn with_domains(tx: &mut ReadTx, row: &AnyRow) -> Result<Tenant, StoreError> {
    let id: TenantId = row.parsed("id")?;
    let mut sql =
        Sql::new("select name, is_default, is_initial from tenant_domains where tenant = ");
    sql.bind(id)
        .push(" order by is_default desc, is_initial desc, name");
    let domains = sql.fetch_all(tx).await?;
    let domains = domains
        .iter()
        .map(|d| {
            Ok(Domain {
                name: d.text("name")?,
                is_default: d.flag("is_default")?,
                is_initial: d.flag("is_initial")?,
            })
        })
        .collect::<Result<_, StoreError>>()?;
    Ok(Tenant {
        id,
        display_name: row.text("display_name")?,
        region: row.text("region")?,
        created: row.int("created")?,
        domains,
    })
}
