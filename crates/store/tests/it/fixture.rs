//! A store of its own for each test, and things to put into it.

use bartizan_contract::{AlertId, AppId, DeviceId, IncidentId, ObjectId, TenantId};
use bartizan_security::alert::AlertDetails;
use bartizan_security::evidence::{Device, Entity, Evidence, User};
use bartizan_security::{
    Alert, AlertStatus, Category, Incident, IncidentStatus, InvestigationState, Severity,
};
use bartizan_store::directory::applications::Application;
use bartizan_store::directory::{RedirectUris, RequiredResourceAccess};
use bartizan_store::tenants::{self, Domain, Tenant};
use bartizan_store::{Store, WriteTx};
use sqlx::Connection as _;
use uuid::Uuid;

/// A store that goes away with the test.
pub(crate) struct Fixture {
    pub(crate) store: Store,
    _folder: Option<tempfile::TempDir>,
}

impl Fixture {
    pub(crate) async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_file(&folder.path().join("store.db"))
            .await
            .unwrap();
        Self {
            store,
            _folder: Some(folder),
        }
    }

    /// A fresh schema; none when no server is named.
    pub(crate) async fn postgres() -> Option<Self> {
        let url = std::env::var("BARTIZAN_TEST_POSTGRES").ok()?;
        let schema = format!("t{}", Uuid::new_v4().simple());
        let mut connection = sqlx::PgConnection::connect(&url).await.unwrap();
        let create = format!("create schema {schema}");
        sqlx::query(sqlx::AssertSqlSafe(create))
            .execute(&mut connection)
            .await
            .unwrap();
        let mark = if url.contains('?') { '&' } else { '?' };
        let store = Store::open(&format!("{url}{mark}options[search_path]={schema}"))
            .await
            .unwrap();
        Some(Self {
            store,
            _folder: None,
        })
    }
}

/// Runs each test on both databases.
macro_rules! on_both_databases {
    ($($test:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $test() {
                super::$test(&$crate::fixture::Fixture::sqlite().await.store).await;
            })+
        }
        mod postgres {
            $(#[tokio::test]
            async fn $test() {
                if let Some(fixture) = $crate::fixture::Fixture::postgres().await {
                    super::$test(&fixture.store).await;
                }
            })+
        }
    };
}
pub(crate) use on_both_databases;

/// A time for everything that needs one.
pub(crate) const NOW: i64 = 1_700_000_000_000_000;

pub(crate) fn tenant_id(n: u128) -> TenantId {
    TenantId(Uuid::from_u128(0x1000 + n))
}

pub(crate) fn tenant(n: u128) -> Tenant {
    let domain = |name: String, is_default| Domain {
        name,
        is_default,
        is_initial: !is_default,
    };
    Tenant {
        id: tenant_id(n),
        display_name: format!("Tenant {n}"),
        region: "EU".to_owned(),
        created: NOW + i64::try_from(n).unwrap(),
        domains: vec![
            domain(format!("t{n}.example.com"), true),
            domain(format!("t{n}.onmicrosoft.com"), false),
        ],
    }
}

/// Makes two tenants and returns a transaction to fill them in.
pub(crate) async fn two_tenants(store: &Store) -> WriteTx {
    let mut tx = store.write().await.unwrap();
    tenants::create(&mut tx, &tenant(1)).await.unwrap();
    tenants::create(&mut tx, &tenant(2)).await.unwrap();
    tx
}

pub(crate) fn application(n: u128, tenant: u128) -> Application {
    Application {
        id: ObjectId(Uuid::from_u128(0x2000 + n)),
        app_id: AppId(Uuid::from_u128(0x3000 + n)),
        tenant: tenant_id(tenant),
        display_name: format!("App {n}"),
        sign_in_audience: "AzureADMyOrg".to_owned(),
        identifier_uris: vec![format!("api://app{n}/")],
        required_resource_access: Vec::<RequiredResourceAccess>::new(),
        app_roles: Vec::new(),
        oauth2_scopes: Vec::new(),
        redirect_uris: RedirectUris::default(),
        requested_access_token_version: Some(2),
        properties: serde_json::Map::new(),
        created: NOW,
    }
}

pub(crate) fn incident(id: i64) -> Incident {
    Incident {
        id: IncidentId(id),
        redirect_to: None,
        name: format!("Incident {id}"),
        severity: Severity::Medium,
        status: IncidentStatus::Active,
        assigned_to: None,
        classification: None,
        determination: None,
        tags: vec!["x".to_owned()],
        comments: Vec::new(),
        created: NOW + id,
        last_update: NOW + id,
        first_activity: NOW,
        last_activity: NOW,
        version: 0,
    }
}

pub(crate) fn alert(id: &str, incident: i64, device: &str, user: &str) -> Alert {
    let entities = [
        Entity::Device(Device {
            device_id: device.to_owned(),
            dns_name: None,
        }),
        Entity::User(User {
            account_name: Some(user.to_owned()),
            ..User::default()
        }),
    ];
    let device = DeviceId::from(device);
    Alert {
        id: AlertId::from(id),
        incident_id: IncidentId(incident),
        rule_id: "rule".to_owned(),
        dedup_key: id.to_owned(),
        title: "Title".to_owned(),
        severity: Severity::High,
        category: Category::Execution,
        status: AlertStatus::New,
        classification: None,
        determination: None,
        assigned_to: None,
        detection_source: "CustomDetection".to_owned(),
        device_id: Some(device.clone()),
        first_activity: NOW,
        last_activity: NOW,
        created: NOW,
        last_update: NOW,
        resolved: None,
        details: AlertDetails {
            description: "Description".to_owned(),
            recommended_action: String::new(),
            mitre_techniques: vec!["T1059".to_owned()],
            device_name: None,
            comments: Vec::new(),
            investigation_state: InvestigationState::Unknown,
            investigation_id: None,
            threat_family: None,
            threat_name: None,
            actor_name: None,
        },
        evidence: entities
            .into_iter()
            .map(|entity| Evidence {
                created: NOW,
                device_id: Some(device.clone()),
                entity,
            })
            .collect(),
        version: 0,
    }
}
