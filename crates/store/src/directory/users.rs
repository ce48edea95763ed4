//! Users: as much of them as an administrator's account needs.

use bartizan_contract::{ObjectId, TenantId};
use serde_json::{Map, Value as Json};
use sqlx::any::AnyRow;

use crate::error::StoreError;
use crate::row::Columns as _;
use crate::sql::Sql;
use crate::transaction::{ReadTx, WriteTx};

/// A user (Graph `user`).
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// Object id.
    pub id: ObjectId,
    /// `userPrincipalName` as it was given; compared in any letter case.
    pub upn: String,
    /// Name.
    pub display_name: String,
    /// Argon2 hash of the password in PHC form; none when there is no password to sign in with.
    pub password_hash: Option<String>,
    /// Whether sign-in works.
    pub enabled: bool,
    /// Given name.
    pub given_name: Option<String>,
    /// Surname.
    pub surname: Option<String>,
    /// E-mail address.
    pub mail: Option<String>,
    /// Whether `userType` is `Guest`; read from the profile, which [`super::people`] writes.
    pub guest: bool,
    /// What was signed in before is revoked (`signInSessionsValidFromDateTime`), microseconds.
    pub sessions_valid_from: i64,
    /// When the password was last set by somebody, microseconds; 0 for the first one.
    pub password_changed: i64,
    /// Whether another password must be set at the next sign-in (`forceChangePasswordNextSignIn`).
    pub change_password: bool,
    /// The same, after a second factor (`forceChangePasswordNextSignInWithMfa`).
    pub change_password_with_mfa: bool,
    /// When it was made, microseconds.
    pub created: i64,
}

impl User {
    /// A user who may sign in and has no password and no further particulars yet.
    #[must_use]
    pub fn new(id: ObjectId, upn: &str, display_name: &str, created: i64) -> Self {
        Self {
            id,
            upn: upn.to_owned(),
            display_name: display_name.to_owned(),
            password_hash: None,
            enabled: true,
            given_name: None,
            surname: None,
            mail: None,
            guest: false,
            sessions_valid_from: 0,
            password_changed: 0,
            change_password: false,
            change_password_with_mfa: false,
            created,
        }
    }

    /// Whether another password must be set before anything else is had for this one.
    #[must_use]
    pub const fn must_change_password(&self) -> bool {
        self.change_password || self.change_password_with_mfa
    }
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Without the hash: it must not get into logs.
        f.debug_struct("User")
            .field("id", &self.id)
            .field("upn", &self.upn)
            .finish_non_exhaustive()
    }
}

/// Makes a user.
///
/// # Errors
/// [`StoreError::Exists`] when the id or, in this tenant, the name is taken;
/// [`StoreError::Missing`] without the tenant.
pub async fn create(tx: &mut WriteTx, tenant: TenantId, user: &User) -> Result<(), StoreError> {
    sqlx::query(
        "insert into users
         (id, tenant, upn, spelling, display_name, password_hash, enabled, created,
          given_name, surname, mail, sessions_valid_from, password_changed, change_password,
          change_password_with_mfa)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
    )
    .bind(user.id.to_string())
    .bind(tenant.to_string())
    .bind(user.upn.to_lowercase())
    .bind(&user.upn)
    .bind(&user.display_name)
    .bind(user.password_hash.clone())
    .bind(i64::from(user.enabled))
    .bind(user.created)
    .bind(user.given_name.clone())
    .bind(user.surname.clone())
    .bind(user.mail.clone())
    .bind(user.sessions_valid_from)
    .bind(user.password_changed)
    .bind(i64::from(user.change_password))
    .bind(i64::from(user.change_password_with_mfa))
    .execute(tx.connection())
    .await
    .map_err(|e| StoreError::on_insert(e, "user"))?;
    Ok(())
}

/// Sets a user's password hash. What was signed in before `now` (microseconds) is revoked by it.
///
/// # Errors
/// [`StoreError::Missing`] when the tenant has no such user.
pub async fn set_password(
    tx: &mut WriteTx,
    tenant: TenantId,
    id: ObjectId,
    hash: &str,
    now: i64,
) -> Result<(), StoreError> {
    let mut sql = Sql::new("update users set password_hash = ");
    sql.bind(hash)
        .push(", password_changed = ")
        .bind(now)
        .push(" where tenant = ")
        .bind(tenant)
        .push(" and id = ")
        .bind(id.to_string());
    match sql.execute(tx).await?.rows_affected() {
        0 => Err(StoreError::Missing("user")),
        _ => Ok(()),
    }
}

/// Says whether a user must set another password at the next sign-in: by the password alone, and after a second factor.
///
/// # Errors
/// [`StoreError::Missing`] when the tenant has no such user.
pub async fn demand_password_change(
    tx: &mut WriteTx,
    tenant: TenantId,
    id: ObjectId,
    (plain, with_mfa): (bool, bool),
) -> Result<(), StoreError> {
    let mut sql = Sql::new("update users set change_password = ");
    sql.bind(i64::from(plain))
        .push(", change_password_with_mfa = ")
        .bind(i64::from(with_mfa))
        .push(" where tenant = ")
        .bind(tenant)
        .push(" and id = ")
        .bind(id.to_string());
    match sql.execute(tx).await?.rows_affected() {
        0 => Err(StoreError::Missing("user")),
        _ => Ok(()),
    }
}

/// Sets the password hash of a user's own choice where `old` is the one that holds; see [`set_password`]. Another one is
/// not demanded any more. False when it was changed meanwhile, or there is no such user.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn replace_password(
    tx: &mut WriteTx,
    tenant: TenantId,
    id: ObjectId,
    (old, new): (&str, &str),
    now: i64,
) -> Result<bool, StoreError> {
    let mut sql = Sql::new("update users set password_hash = ");
    sql.bind(new)
        .push(", password_changed = ")
        .bind(now)
        .push(", change_password = 0, change_password_with_mfa = 0 where password_hash = ")
        .bind(old)
        .push(" and tenant = ")
        .bind(tenant)
        .push(" and id = ")
        .bind(id.to_string());
    Ok(sql.execute(tx).await?.rows_affected() > 0)
}

/// Revokes what a user signed in to before `now`, microseconds (`revokeSignInSessions`).
///
/// # Errors
/// [`StoreError::Missing`] when the tenant has no such user.
pub async fn revoke_sessions(
    tx: &mut WriteTx,
    tenant: TenantId,
    id: ObjectId,
    now: i64,
) -> Result<(), StoreError> {
    let mut sql = Sql::new("update users set sessions_valid_from = ");
    sql.bind(now)
        .push(" where tenant = ")
        .bind(tenant)
        .push(" and id = ")
        .bind(id.to_string());
    match sql.execute(tx).await?.rows_affected() {
        0 => Err(StoreError::Missing("user")),
        _ => Ok(()),
    }
}

/// A tenant's user by object id.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn by_id(
    tx: &mut ReadTx,
    tenant: TenantId,
    id: ObjectId,
) -> Result<Option<User>, StoreError> {
    let mut sql = Sql::new("select * from users where tenant = ");
    sql.bind(tenant).push(" and id = ").bind(id.to_string());
    sql.fetch_all(tx).await?.first().map(read).transpose()
}

/// A tenant's user by principal name, in any letter case.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn by_upn(
    tx: &mut ReadTx,
    tenant: TenantId,
    upn: &str,
) -> Result<Option<User>, StoreError> {
    let mut sql = Sql::new("select * from users where tenant = ");
    sql.bind(tenant)
        .push(" and upn = ")
        .bind(upn.to_lowercase());
    sql.fetch_all(tx).await?.first().map(read).transpose()
}

/// A tenant's users, by name.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn list(tx: &mut ReadTx, tenant: TenantId) -> Result<Vec<User>, StoreError> {
    let mut sql = Sql::new("select * from users where tenant = ");
    sql.bind(tenant).push(" order by upn");
    sql.fetch_all(tx).await?.iter().map(read).collect()
}

/// A row of `users`.
pub(super) fn read(row: &AnyRow) -> Result<User, StoreError> {
    Ok(User {
        id: row.parsed("id")?,
        upn: row.text("spelling")?,
        display_name: row.text("display_name")?,
        password_hash: row.maybe_text("password_hash")?,
        enabled: row.flag("enabled")?,
        given_name: row.maybe_text("given_name")?,
        surname: row.maybe_text("surname")?,
        mail: row.maybe_text("mail")?,
        guest: row.json::<Map<String, Json>>("profile")?.get("userType")
            == Some(&Json::from("Guest")),
        sessions_valid_from: row.int("sessions_valid_from")?,
        password_changed: row.int("password_changed")?,
        change_password: row.flag("change_password")?,
        change_password_with_mfa: row.flag("change_password_with_mfa")?,
        created: row.int("created")?,
    })
}
