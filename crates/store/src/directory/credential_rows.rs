//! What secrets, certificates and federated credentials have in common: rows of an application, by an id of their own,
//! with the time of their last use.

use bartizan_contract::{ObjectId, TenantId};
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::error::StoreError;
use crate::sql::Sql;
use crate::transaction::{ReadTx, WriteTx};

/// A table of credentials.
pub(super) struct Credentials {
    /// Its name.
    pub(super) table: &'static str,
    /// The column of the id by which one is removed.
    pub(super) id: &'static str,
    /// The column by which they are listed: when they began, or were made.
    pub(super) order: &'static str,
}

impl Credentials {
    /// Removes one. False when the application has no such credential.
    pub(super) async fn remove(
        &self,
        tx: &mut WriteTx,
        tenant: TenantId,
        application: ObjectId,
        id: Uuid,
    ) -> Result<bool, StoreError> {
        let mut sql = Sql::new("delete from ");
        sql.push(self.table).push(" where tenant = ").bind(tenant);
        sql.push(" and application = ")
            .bind(application.to_string());
        sql.push(" and ").push(self.id).push(" = ");
        sql.bind(id.to_string());
        Ok(sql.execute(tx).await?.rows_affected() > 0)
    }

    /// Those of a tenant's application, oldest first.
    pub(super) async fn list(
        &self,
        tx: &mut ReadTx,
        tenant: TenantId,
        application: ObjectId,
    ) -> Result<Vec<AnyRow>, StoreError> {
        let mut sql = Sql::new("select * from ");
        sql.push(self.table).push(" where tenant = ").bind(tenant);
        sql.push(" and application = ")
            .bind(application.to_string());
        sql.push(" order by ").push(self.order);
        sql.push(", ").push(self.id);
        sql.fetch_all(tx).await
    }

    /// Notes that one was used, at `now`, microseconds.
    pub(super) async fn touch(
        &self,
        tx: &mut WriteTx,
        tenant: TenantId,
        id: Uuid,
        now: i64,
    ) -> Result<(), StoreError> {
        let mut sql = Sql::new("update ");
        sql.push(self.table).push(" set last_used = ").bind(now);
        sql.push(" where tenant = ").bind(tenant);
        sql.push(" and ").push(self.id).push(" = ");
        sql.bind(id.to_string());
        sql.execute(tx).await?;
        Ok(())
    }
}
