//! One tenant's hunting tables, as a query sees them.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use bartizan_contract::hunting::{self, Table};
use bartizan_contract::{KqlType, TenantId};
use bartizan_kql::bound::ScalarFn;
use bartizan_kql::types::Type;
use bartizan_kql::{SavedFunction, Scope, hunting_functions, saved};
use datafusion::catalog::TableProvider;
use datafusion::catalog::view::ViewTable;
use datafusion::common::Column;
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{Expr, JoinType, LogicalPlanBuilder};
use datafusion::prelude::{ident, lit};
use futures::future::BoxFuture;

use crate::error::HuntError;
use crate::events::EventStore;
use crate::functions::{self, expression_problem};
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
    hunting_functions::declare(&mut scope);
    scope.check_expressions(expression_problem);
    Arc::new(scope)
}

/// A tenant's own function, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionText {
    /// Its name.
    pub name: String,
    /// Its parameters, without the brackets.
    pub parameters: String,
    /// Its body.
    pub body: String,
}

/// A scope with those of a tenant's functions that a query needs, the ones that they call included. What a query does not
/// name costs it nothing; a function whose text is no longer valid is left out, and is not known then.
#[must_use]
pub fn with_functions(scope: Arc<Scope>, query: &str, functions: &[FunctionText]) -> Arc<Scope> {
    if functions.is_empty() {
        return scope;
    }
    let by_name: HashMap<&str, &FunctionText> =
        functions.iter().map(|f| (f.name.as_str(), f)).collect();
    let mut needed: HashMap<&str, SavedFunction> = HashMap::new();
    let mut texts = vec![query];
    while let Some(text) = texts.pop() {
        for word in saved::words(text) {
            let Some(found) = by_name
                .get(word)
                .filter(|f| !needed.contains_key(f.name.as_str()))
            else {
                continue;
            };
            if let Ok(function) = SavedFunction::parse(&found.parameters, &found.body) {
                needed.insert(&found.name, function);
                texts.extend([found.parameters.as_str(), found.body.as_str()]);
            }
        }
    }
    if needed.is_empty() {
        return scope;
    }
    let mut scope = Scope::clone(&scope);
    for (name, function) in needed {
        scope.add_function(name, function);
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
    scope: Arc<Scope>,
    devices: VisibleDevices,
    hidden_alerts: Vec<String>,
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
            scope: reach.scope(),
            devices: VisibleDevices::All,
            hidden_alerts: Vec::new(),
            providers: Mutex::default(),
        }
    }

    /// The same with rows of some devices alone, as far as a table says of which device a row is; of alerts that are known
    /// to be about others nothing is seen either, whether or not rows tell it.
    #[must_use]
    pub fn of_devices(mut self, devices: VisibleDevices, hidden_alerts: Vec<String>) -> Self {
        self.devices = devices;
        self.hidden_alerts = hidden_alerts;
        self
    }

    /// The same with those of the tenant's own functions that a query calls.
    #[must_use]
    pub fn with_functions(mut self, query: &str, functions: &[FunctionText]) -> Self {
        self.scope = with_functions(self.scope, query, functions);
        self
    }

    fn table(&self, table: &'static Table) -> Result<Arc<dyn TableProvider>, HuntError> {
        let whole = self.events.provider(self.tenant, table);
        let plan = |whole| LogicalPlanBuilder::scan(table.name, provider_as_source(whole), None);
        let seen = match (self.seen()?, hunting::table(EVIDENCE)) {
            (None, _) => return Ok(whole),
            (Some(seen), _) if table.columns.iter().any(|c| c.name == DEVICE_COLUMN) => {
                plan(whole).and_then(|scan| scan.filter(seen))
            }
            // An alert is about devices by what it points at; alerts from elsewhere are known by their rows alone.
            (Some(seen), Some(evidence)) if table.name == ALERTS => {
                let evidence = self.events.provider(self.tenant, evidence);
                let hidden = LogicalPlanBuilder::scan(EVIDENCE, provider_as_source(evidence), None)
                    .and_then(|scan| scan.filter(seen.is_not_true()))
                    .and_then(|rows| rows.project([ident(ALERT_COLUMN).alias("hidden")]))
                    .and_then(LogicalPlanBuilder::build);
                hidden.and_then(|hidden| {
                    let on = [ALERT_COLUMN, "hidden"].map(|name| vec![Column::from_name(name)]);
                    let [left, right] = on;
                    let hidden_too = self.hidden_alerts.iter().map(|id| lit(id.as_str()));
                    let others = ident(ALERT_COLUMN).in_list(hidden_too.collect(), true);
                    plan(whole)?.filter(others)?.join(
                        hidden,
                        JoinType::LeftAnti,
                        (left, right),
                        None,
                    )
                })
            }
            _ => return Ok(whole),
        };
        let plan = seen
            .and_then(LogicalPlanBuilder::build)
            .map_err(|error| HuntError::Internal(error.to_string()))?;
        Ok(Arc::new(ViewTable::new(plan, None)))
    }

    /// Whether a row is one of a device that the caller sees; `None` when that is true of all.
    fn seen(&self) -> Result<Option<Expr>, HuntError> {
        let (ids, seen) = match &self.devices {
            VisibleDevices::All => return Ok(None),
            VisibleDevices::Only(ids) => (ids, true),
            VisibleDevices::Except(ids) => (ids, false),
        };
        let listed = ids.iter().map(|id| lit(id.as_str())).collect();
        // A null is the empty text here: a row about no device, which no device group holds back.
        let column = (ident(DEVICE_COLUMN), Type::String);
        let device = functions::call(ScalarFn::ToLower, vec![column], Type::String, 0)?;
        let mut condition = device.clone().in_list(listed, !seen);
        if seen {
            condition = condition.or(device.eq(lit("")));
        }
        Ok(Some(condition))
    }
}

/// The table of alerts, which says nothing of devices, and the one of what they point at, which does.
const ALERTS: &str = "AlertInfo";
const EVIDENCE: &str = "AlertEvidence";
/// The column that says of which alert a row is.
const ALERT_COLUMN: &str = "AlertId";
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
        Arc::clone(&self.scope)
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
