//! Users as the directory shows and changes them: the account with its profile.

use bartizan_contract::{ObjectId, TenantId};
use serde_json::{Map, Value as Json};
use sqlx::any::AnyRow;

use super::search::{self, DirectoryCursor, Search, Source};
use super::users::{self, User};
use crate::error::StoreError;
use crate::listing::Listing;
use crate::odata::SqlFilter;
use crate::row::{Columns as _, to_json};
use crate::sql::Sql;
use crate::transaction::{ReadTx, WriteTx};

/// A user with the rest of the profile.
#[derive(Debug, Clone, PartialEq)]
pub struct Person {
    /// The account.
    pub user: User,
    /// Further properties by Graph's names, as they were given.
    pub profile: Map<String, Json>,
}

const SOURCE: Source = Source {
    select: "select * from users where tenant = ",
    count: "select count(*) as n from users where tenant = ",
    table: "users",
};

/// Makes a user with a profile.
///
/// # Errors
/// As [`users::create`].
pub async fn create(tx: &mut WriteTx, tenant: TenantId, person: &Person) -> Result<(), StoreError> {
    users::create(tx, tenant, &person.user).await?;
    update(tx, tenant, person).await
}

/// Replaces names, profile and whether sign-in works; password and sessions have functions of their own.
///
/// # Errors
/// [`StoreError::Missing`] when the tenant has no such user, [`StoreError::Exists`] when the principal name is taken.
pub async fn update(tx: &mut WriteTx, tenant: TenantId, person: &Person) -> Result<(), StoreError> {
    let user = &person.user;
    let done = sqlx::query(
        "update users set upn = $3, spelling = $4, display_name = $5, enabled = $6, given_name = $7,
         surname = $8, mail = $9, profile = $10 where tenant = $1 and id = $2",
    )
    .bind(tenant.to_string())
    .bind(user.id.to_string())
    .bind(user.upn.to_lowercase())
    .bind(&user.upn)
    .bind(&user.display_name)
    .bind(i64::from(user.enabled))
    .bind(user.given_name.clone())
    .bind(user.surname.clone())
    .bind(user.mail.clone())
    .bind(to_json("profile", &person.profile)?)
    .execute(tx.connection())
    .await
    .map_err(|e| StoreError::on_insert(e, "userPrincipalName"))?;
    match done.rows_affected() {
        0 => Err(StoreError::Missing("user")),
        _ => Ok(()),
    }
}

/// Deletes a user with everything that was granted to, assigned to and issued for the user. False when the tenant has
/// no such user.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn delete(tx: &mut WriteTx, tenant: TenantId, id: ObjectId) -> Result<bool, StoreError> {
    super::forget_principal(tx, tenant, id).await?;
    let mut sql = Sql::new("delete from users where tenant = ");
    sql.bind(tenant).push(" and id = ").bind(id.to_string());
    Ok(sql.execute(tx).await?.rows_affected() > 0)
}

/// A tenant's user by object id or principal name.
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::Corrupt`].
pub async fn find(
    tx: &mut ReadTx,
    tenant: TenantId,
    key: &str,
) -> Result<Option<Person>, StoreError> {
    let mut sql = Sql::new("select * from users where tenant = ");
    sql.bind(tenant);
    match key.parse::<ObjectId>() {
        Ok(id) => sql.push(" and id = ").bind(id.to_string()),
        Err(_) => sql.push(" and upn = ").bind(key.to_lowercase()),
    };
    sql.fetch_all(tx).await?.first().map(read).transpose()
}

/// A tenant's users by object ids, in no order; those that are not there are left out.
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::Corrupt`].
pub async fn by_ids(
    tx: &mut ReadTx,
    tenant: TenantId,
    ids: &[ObjectId],
) -> Result<Vec<Person>, StoreError> {
    let rows = search::by_ids(tx, tenant, &SOURCE, ids).await?;
    rows.iter().map(read).collect()
}

/// A page of a tenant's users.
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::Corrupt`], [`StoreError::WrongFilter`].
pub async fn list(
    tx: &mut ReadTx,
    tenant: TenantId,
    search: &Search<'_>,
) -> Result<Listing<Person, DirectoryCursor>, StoreError> {
    search::list(tx, tenant, &SOURCE, search, read).await
}

/// How many users of a tenant a filter lets through.
///
/// # Errors
/// [`StoreError::Database`], [`StoreError::WrongFilter`].
pub async fn count(
    tx: &mut ReadTx,
    tenant: TenantId,
    filter: Option<&SqlFilter>,
) -> Result<i64, StoreError> {
    search::count(tx, tenant, &SOURCE, filter).await
}

fn read(row: &AnyRow) -> Result<Person, StoreError> {
    Ok(Person {
        user: users::read(row)?,
        profile: row.json("profile")?,
    })
}
