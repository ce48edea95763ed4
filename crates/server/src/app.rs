//! What every request and worker shares.

use std::sync::{Arc, OnceLock};

use bartizan_contract::{AppId, TenantId};

use bartizan_hunting::Engine;
use bartizan_hunting::events::EventStore;
use bartizan_store::Store;
use metrics_exporter_prometheus::PrometheusHandle;

use crate::admission::Lanes;
use crate::clock::Clock;
use crate::doors::ca::CertificateAuthority;
use crate::hunt_budget::HuntBudget;
use crate::identity::{Budgets, IssuerKeyCache, Keys, KnownClients, PasswordGuards};
use crate::rate::RateLimits;
use crate::settings::Settings;
use crate::site::Sites;
use crate::trail::Trail;

/// The application whose secret is in the data directory, with every permission in every tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operator {
    /// Its client id.
    pub app: AppId,
    /// Its home, from which tenants are managed.
    pub home: TenantId,
}

/// The server's parts. One per process; tests make as many as they like.
#[derive(Debug)]
pub struct App {
    /// Settings in force.
    pub settings: Settings,
    /// The time.
    pub clock: Clock,
    /// The names that it answers to.
    pub sites: Sites,
    /// Everything in SQL.
    pub store: Store,
    /// Telemetry.
    pub events: Arc<EventStore>,
    /// The engine that hunts in it.
    pub engine: Engine,
    /// The operator's application; set while the server starts.
    pub operator: OnceLock<Operator>,
    /// Signing keys, parsed.
    pub keys: Keys,
    /// What happened: sign-ins, refusals, directory changes.
    pub trail: Trail,
    /// Work under way, and who waits.
    pub lanes: Lanes,
    /// What stands before password checks.
    pub passwords: PasswordGuards,
    /// What networks may cost that have proven nothing.
    pub budgets: Budgets,
    /// Keys of federated issuers, as they were last read.
    pub issuer_keys: IssuerKeyCache,
    /// Applications that got tokens lately.
    pub known_clients: KnownClients,
    /// Calls counted.
    pub rates: RateLimits,
    /// The processor time that tenants' hunts have used.
    pub hunt_budget: HuntBudget,
    /// The measurements.
    pub metrics: PrometheusHandle,
    /// The local certificate authority.
    pub authority: CertificateAuthority,
}
