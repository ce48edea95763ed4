//! One tenant's hunting tables, as a query sees them.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use bartizan_contract::hunting::{self, Table};
use bartizan_contract::{KqlType, TenantId};
use bartizan_kql::Scope;
use bartizan_kql::bound::ScalarFn;
use bartizan_kql::types::Type;
use datafusion::catalog::TableProvider;
use datafusion::catalog::view::ViewTable;
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::LogicalPlanBuilder;
use datafusion::prelude::{ident, lit};
use futures::future::BoxFuture;

use crate::error::HuntError;
use crate::events::EventStore;
use crate::functions;
use crate::source::TableSource;

/// Which tables an API reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reach {
    /// Every table: Defender XDR and Graph.
    All,
    /// The tables of devices: Defender for Endpoint (page "Advanced hunting API").
    Endpoint,
}

impl Reach {
    fn includes(self, table: &Table) -> bool {
        match self {
            Self::All => true,
            Self::Endpoint => matches!(table.area, "endpoint" | "vulnerability-management"),
        }
    }

    /// The hunting schema as the binder takes it.
    #[must_use]
    pub fn scope(self) -> Arc<Scope> {
        static ALL: LazyLock<Arc<Scope>> = LazyLock::new(|| schema(Reach::All));
        static ENDPOINT: LazyLock<Arc<Scope>> = LazyLock::new(|| schema(Reach::Endpoint));
        match self {
            Self::All => Arc::clone(&ALL),
            Self::Endpoint => Arc::clone(&ENDPOINT),
        }
    }
}

fn schema(reach: Reach) -> Arc<Scope> {
    let mut scope = Scope::new();
    for table in hunting::TABLES.iter().filter(|table| reach.includes(table)) {
        let columns = table
            .columns
            .iter()
            .map(|c| (c.name.to_owned(), of_contract(c.ty)));
        scope.add_table(table.name, columns.collect());
    }
    Arc::new(scope)
}

/// The language's type of a contract type.
#[must_use]
pub const fn of_contract(ty: KqlType) -> Type {
    match ty {
        KqlType::Bool => Type::Bool,
        KqlType::Int => Type::Int,
        KqlType::Long => Type::Long,
        KqlType::Real => Type::Real,
        KqlType::Decimal => Type::Decimal,
        KqlType::String => Type::String,
        KqlType::DateTime => Type::DateTime,
        KqlType::TimeSpan => Type::TimeSpan,
        KqlType::Guid => Type::Guid,
        KqlType::Dynamic => Type::Dynamic,
    }
}

/// A tenant's tables. The tenant is fixed here, below the query: no name in a query reaches another's rows.
#[derive(Debug)]
pub struct TenantTables {
    events: Arc<EventStore>,
    tenant: TenantId,
    reach: Reach,
    devices: VisibleDevices,
    // One provider per table and query, so that a self-join reads one snapshot.
    providers: Mutex<HashMap<String, Arc<dyn TableProvider>>>,
}

impl TenantTables {
    /// The tables of `tenant` that `reach` includes.
    #[must_use]
    pub fn new(events: Arc<EventStore>, tenant: TenantId, reach: Reach) -> Self {
        Self {
            events,
            tenant,
            reach,
            devices: VisibleDevices::All,
            providers: Mutex::default(),
        }
    }

    /// The same with rows of some devices alone, as far as a table says of which device a row is.
    #[must_use]
    pub fn of_devices(mut self, devices: VisibleDevices) -> Self {
        self.devices = devices;
        self
    }

    fn table(&self, table: &'static Table) -> Result<Arc<dyn TableProvider>, HuntError> {
        let whole = self.events.provider(self.tenant, table);
        let has_device = table.columns.iter().any(|c| c.name == DEVICE_COLUMN);
        let (ids, seen) = match &self.devices {
            VisibleDevices::Only(ids) if has_device => (ids, true),
            VisibleDevices::Except(ids) if has_device => (ids, false),
            _ => return Ok(whole),
        };
        let listed = ids.iter().map(|id| lit(id.as_str())).collect();
        // A null is the empty text here: a row about no device, which no device group holds back.
        let column = (ident(DEVICE_COLUMN), Type::String);
        let device = functions::call(ScalarFn::ToLower, vec![column], Type::String, 0)?;
        let mut condition = device.clone().in_list(listed, !seen);
        if seen {
            condition = condition.or(device.eq(lit("")));
        }
        let plan = LogicalPlanBuilder::scan(table.name, provider_as_source(whole), None)
            .and_then(|scan| scan.filter(condition))
            .and_then(LogicalPlanBuilder::build)
            .map_err(|error| HuntError::Internal(error.to_string()))?;
        Ok(Arc::new(ViewTable::new(plan, None)))
    }
}

/// The column that says of which device a row is.
const DEVICE_COLUMN: &str = "DeviceId";

/// The devices whose rows a hunt sees.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum VisibleDevices {
    /// All.
    #[default]
    All,
    /// These alone; lower case.
    Only(Vec<String>),
    /// All but these; lower case.
    Except(Vec<String>),
}

impl TableSource for TenantTables {
    fn scope(&self) -> Arc<Scope> {
        self.reach.scope()
    }

    fn provider<'a>(
        &'a self,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Arc<dyn TableProvider>, HuntError>> {
        Box::pin(async move {
            let table = hunting::table(name).filter(|table| self.reach.includes(table));
            let table =
                table.ok_or_else(|| HuntError::Internal(format!("no table named {name}")))?;
            let mut providers = self
                .providers
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            if let Some(known) = providers.get(name) {
                return Ok(Arc::clone(known));
            }
            let provider = self.table(table)?;
            providers.insert(name.to_owned(), Arc::clone(&provider));
            Ok(provider)
        })
    }
}
