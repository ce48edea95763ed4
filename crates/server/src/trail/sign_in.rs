//! Sign-ins as rows of `EntraIdSpnSignInEvents` and `EntraIdSignInEvents`. docs/activity.md documents the columns.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use bartizan_contract::TenantId;
use bartizan_contract::hunting::table;
use bartizan_contract::time::ticks_from_unix_micros;
use bartizan_contract::value::Row;
use bartizan_hunting::events::NewBatch;
use bartizan_store::StoreError;
use bartizan_store::arrivals::Span;
use bartizan_telemetry::row::RowBuilder;
use uuid::Uuid;

use super::names::{Named, Names};
use super::{Arrived, append, lost};
use crate::app::App;

/// The longest text of a request that is kept in a row, in characters.
const TEXT: usize = 256;
/// Failed sign-ins of one tenant that are written in one batch; anybody can make failures.
const FAILURES: usize = 1_024;

/// Where a sign-in came from.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    /// The request's id: `trace_id` of a refusal.
    pub(crate) trace: Uuid,
    /// The client's own id of it.
    pub(crate) correlation: Uuid,
    /// When, microseconds.
    pub(crate) occurred: i64,
    /// The address that the person or application is at.
    pub(crate) address: Option<IpAddr>,
    /// `User-Agent`
    pub(crate) user_agent: Option<String>,
}

/// Who signs in.
#[derive(Debug, Clone)]
pub(crate) enum Subject {
    /// An application in its own name.
    Application,
    /// A user, as far as the request tells.
    User {
        /// The object id.
        id: Option<String>,
        /// The principal name.
        upn: Option<String>,
        /// The display name.
        name: Option<String>,
        /// Whether the person was at the keyboard: pages and passwords, not refresh tokens.
        interactive: bool,
        /// Whether a second factor was asked for.
        multi_factor: bool,
        /// The session, where there is one.
        session: Option<String>,
        /// What was called, in the words of the table: `OAuth2:Token`, `OAuth2:Authorize`, `Login:login` …
        endpoint: &'static str,
    },
}

/// Who took part in a sign-in, where the decision knew: nothing is looked up again.
#[derive(Debug, Clone)]
pub(crate) struct Parties {
    /// The tenant.
    pub(crate) tenant: TenantId,
    /// The application's presence in it.
    pub(crate) client: Named,
    /// The resource's, where it is one.
    pub(crate) resource: Option<Named>,
}

/// One sign-in, done or refused.
#[derive(Debug, Clone)]
pub(crate) struct SignIn {
    /// The tenant, by id or domain, as the request names it. One that does not exist has no rows.
    pub(crate) tenant: String,
    /// The client id, as sent.
    pub(crate) client_id: Option<String>,
    /// Whether the client proved who it is.
    pub(crate) confidential: bool,
    /// Who.
    pub(crate) subject: Subject,
    /// What for: identifier URI or application id.
    pub(crate) resource: Option<String>,
    /// The AADSTS code; 0 when it was done.
    pub(crate) code: u32,
    /// Where from.
    pub(crate) origin: Origin,
    /// Names that are known already.
    pub(crate) parties: Option<Arc<Parties>>,
}

/// How many tenants' rows are written together.
const TOGETHER: usize = 1_024;

/// Writes sign-ins, one batch per tenant. What cannot be written is counted as lost.
pub(super) async fn write(app: &Arc<App>, sign_ins: Vec<SignIn>, arrived: &mut Arrived) {
    let batches = match batches(app, &sign_ins).await {
        Ok(batches) => batches,
        Err(error) => {
            let count = sign_ins.len() as u64;
            lost("sign-in", count);
            tracing::error!(%error, count, "sign-ins could not be written");
            return;
        }
    };
    let mut batches = batches.into_iter();
    loop {
        let some: Vec<NewBatch> = batches.by_ref().take(TOGETHER).collect();
        if some.is_empty() {
            return;
        }
        let told = |batch: &NewBatch| (batch.tenant, batch.rows.len(), Span::of_rows(&batch.rows));
        let told: Vec<_> = some.iter().map(told).collect();
        for (kept, (tenant, size, span)) in append(app, some).await.into_iter().zip(told) {
            match kept {
                Ok(rows) => {
                    arrived.add(tenant, span);
                    metrics::counter!("bartizan_sign_ins_total").increment(rows as u64);
                }
                Err(error) => {
                    lost("sign-in", size as u64);
                    tracing::error!(%error, size, "sign-ins could not be written");
                }
            }
        }
    }
}

/// The rows of sign-ins by tenant.
async fn batches(app: &Arc<App>, sign_ins: &[SignIn]) -> Result<Vec<NewBatch>, StoreError> {
    let mut names = Names::new(app.store.read().await?);
    let mut by_tenant: BTreeMap<TenantId, (Vec<Row>, usize)> = BTreeMap::new();
    for sign_in in sign_ins {
        let tenant = match &sign_in.parties {
            Some(parties) => Some(parties.tenant),
            None => names.tenant(&sign_in.tenant).await?,
        };
        let Some(tenant) = tenant else { continue };
        let (rows, failures) = by_tenant.entry(tenant).or_default();
        if sign_in.code != 0 {
            *failures += 1;
            if *failures > FAILURES {
                lost("sign-in", 1);
                continue;
            }
        }
        rows.extend(row(sign_in, tenant, &mut names).await?);
    }
    let batch = |(tenant, (rows, _))| NewBatch {
        tenant,
        // What may have been written is never tried again.
        id: None,
        rows,
    };
    Ok(by_tenant.into_iter().map(batch).collect())
}

async fn row(
    sign_in: &SignIn,
    tenant: TenantId,
    names: &mut Names,
) -> Result<Option<Row>, StoreError> {
    let of_application = matches!(sign_in.subject, Subject::Application);
    let name = if of_application {
        "EntraIdSpnSignInEvents"
    } else {
        "EntraIdSignInEvents"
    };
    let Some(table) = table(name) else {
        return Ok(None);
    };
    let client_id = sign_in.client_id.as_deref().map(short);
    let asked = sign_in.resource.as_deref().map(short);
    let parties = sign_in.parties.as_deref();
    let client = match (parties, &client_id) {
        (Some(parties), _) => Some(parties.client.clone()),
        (None, Some(id)) => names.client(tenant, id).await?,
        (None, None) => None,
    };
    let resource = match (parties, &asked) {
        (Some(parties), _) => parties.resource.clone(),
        (None, Some(name)) => names.resource(tenant, name).await?,
        (None, None) => None,
    };
    let origin = &sign_in.origin;
    let trace = origin.trace.to_string();
    let mut row = RowBuilder::of(table);
    row.time("Timestamp", Some(ticks_from_unix_micros(origin.occurred)))
        .maybe("Application", client.as_ref().map(|c| c.name.as_str()))
        .maybe("ApplicationId", client_id.as_deref())
        .number("ErrorCode", Some(i64::from(sign_in.code)))
        .text("CorrelationId", origin.correlation.to_string())
        .text("RequestId", &trace)
        .text("ReportId", &trace)
        .maybe(
            "ResourceDisplayName",
            resource
                .as_ref()
                .map(|r| r.name.as_str())
                .or(asked.as_deref()),
        )
        .maybe(
            "ResourceId",
            resource.as_ref().map(|r| r.id.to_string()).as_deref(),
        )
        .text("ResourceTenantId", tenant.to_string())
        .maybe(
            "IPAddress",
            origin.address.map(|a| a.to_string()).as_deref(),
        );
    match &sign_in.subject {
        Subject::Application => {
            row.flag("IsManagedIdentity", Some(false))
                .maybe(
                    "ServicePrincipalName",
                    client.as_ref().map(|c| c.name.as_str()),
                )
                .maybe(
                    "ServicePrincipalId",
                    client.as_ref().map(|c| c.id.to_string()).as_deref(),
                );
        }
        Subject::User {
            id,
            upn,
            name,
            interactive,
            multi_factor,
            session,
            endpoint,
        } => {
            let (kind, app_used) = if *interactive {
                ("[\"interactiveUser\"]", "Browser")
            } else {
                (
                    "[\"nonInteractiveUser\"]",
                    "Mobile Apps and Desktop clients",
                )
            };
            let factor = if *multi_factor {
                "multiFactorAuthentication"
            } else {
                "singleFactorAuthentication"
            };
            row.text("LogonType", kind)
                .text("ClientAppUsed", app_used)
                .text("AuthenticationRequirement", factor)
                .text("EndpointCall", endpoint)
                .maybe("SessionId", session.as_deref())
                .maybe("AccountObjectId", id.as_deref())
                .maybe("AccountUpn", upn.as_deref().map(short).as_deref())
                .maybe("AccountDisplayName", name.as_deref())
                .maybe(
                    "UserAgent",
                    origin.user_agent.as_deref().map(short).as_deref(),
                )
                .flag("IsConfidentialClient", Some(sign_in.confidential))
                .number("IsExternalUser", Some(0))
                .flag("IsGuestUser", Some(false))
                .number("TokenIssuerType", Some(0));
        }
    }
    Ok(Some(row.finish()))
}

fn short(text: &str) -> String {
    text.chars().take(TEXT).collect()
}
