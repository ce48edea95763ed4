//! Names in place of ids, looked up once per batch.

use std::collections::HashMap;

use bartizan_contract::{AppId, ObjectId, TenantId};
use bartizan_store::directory::service_principals;
use bartizan_store::{ReadTx, StoreError, tenants};

/// A service principal, as far as rows name it.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    /// Its object id.
    pub(crate) id: ObjectId,
    /// Its name.
    pub(crate) name: String,
}

/// Look-ups of one batch.
pub(super) struct Names {
    tx: ReadTx,
    tenants: HashMap<String, Option<TenantId>>,
    principals: HashMap<(TenantId, String), Option<Named>>,
}

impl Names {
    /// Names as they are in this transaction.
    pub(super) fn new(tx: ReadTx) -> Self {
        Self {
            tx,
            tenants: HashMap::new(),
            principals: HashMap::new(),
        }
    }

    /// The tenant of an id or domain.
    pub(super) async fn tenant(&mut self, name: &str) -> Result<Option<TenantId>, StoreError> {
        if let Some(known) = self.tenants.get(name) {
            return Ok(*known);
        }
        let found = tenants::resolve(&mut self.tx, name).await?.map(|t| t.id);
        self.tenants.insert(name.to_owned(), found);
        Ok(found)
    }

    /// The presence in a tenant of an application, by its client id.
    pub(super) async fn client(
        &mut self,
        tenant: TenantId,
        client_id: &str,
    ) -> Result<Option<Named>, StoreError> {
        let Ok(id) = client_id.parse::<AppId>() else {
            return Ok(None);
        };
        let key = (tenant, client_id.to_owned());
        if let Some(known) = self.principals.get(&key) {
            return Ok(known.clone());
        }
        let found = service_principals::by_app_id(&mut self.tx, tenant, id).await?;
        let named = found.map(|sp| Named {
            id: sp.id,
            name: sp.display_name,
        });
        self.principals.insert(key, named.clone());
        Ok(named)
    }

    /// The presence in a tenant of a resource, by identifier URI or application id.
    pub(super) async fn resource(
        &mut self,
        tenant: TenantId,
        name: &str,
    ) -> Result<Option<Named>, StoreError> {
        // A name of a resource and a client id live in one map: an application has one presence under both.
        let key = (tenant, name.to_owned());
        if let Some(known) = self.principals.get(&key) {
            return Ok(known.clone());
        }
        let found = service_principals::by_name(&mut self.tx, tenant, name).await?;
        let named = found.map(|sp| Named {
            id: sp.id,
            name: sp.display_name,
        });
        self.principals.insert(key, named.clone());
        Ok(named)
    }
}
