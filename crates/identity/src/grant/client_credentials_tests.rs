//! What an application gets, and in which order it is refused.

use super::*;
use crate::client_auth::SecretFact;
use crate::directory::secret_hash;
use crate::issuer::IssuerMode;

const NOW: i64 = 1_800_000_000;
const CLIENT: &str = "aaaaaaaa-2222-3333-4444-555555555555";
const HOME: TenantId = TenantId::from_u128(1);
const AWAY: TenantId = TenantId::from_u128(2);
const XDR: &str = "https://api.security.microsoft.com";

fn facts() -> Facts {
    Facts {
        tenant: Some(TenantFact {
            id: HOME,
            region: "WW".to_owned(),
            created: 1_600_000_000,
            domains: vec!["contoso.onmicrosoft.com".to_owned()],
        }),
        application: Some(ApplicationFact {
            app_id: CLIENT.parse().unwrap(),
            home: HOME,
            display_name: "Script".to_owned(),
            multi_tenant: false,
            credentials: Credentials {
                secrets: vec![SecretFact {
                    hash: secret_hash("s3cret"),
                    start: 0,
                    end: NOW + 10,
                }],
                ..Credentials::default()
            },
        }),
        client: Some(PrincipalFact {
            id: ObjectId::from_u128(7),
            enabled: true,
        }),
        resources: vec![resource(
            "8ee8fdad-f234-4243-8f3b-15c294843740",
            &["Incident.Read.All", "AdvancedHunting.Read.All"],
        )],
    }
}

fn resource(app_id: &str, roles: &[&str]) -> ResourceFact {
    ResourceFact {
        app_id: app_id.parse().unwrap(),
        enabled: true,
        assignment_required: false,
        client_is_assigned: !roles.is_empty(),
        roles: roles.iter().map(|r| (*r).to_owned()).collect(),
        access_token_version: None,
    }
}

fn ask(version: Version, name: &str, tenant: &str, facts: &Facts) -> Result<Issuance, Refusal> {
    let pair = |n: &str, v: String| (n.to_owned(), v);
    let form = [
        pair("grant_type", "client_credentials".to_owned()),
        pair("client_id", CLIENT.to_owned()),
        pair("client_secret", "s3cret".to_owned()),
        match version {
            Version::V1 => pair("resource", name.to_owned()),
            Version::V2 => pair("scope", format!("{name}/.default")),
        },
    ];
    let request = TokenRequest::parse(version, &form, None)?;
    let crate::grant::Grant::ClientCredentials(grant) = &request.grant else {
        panic!("another grant was read");
    };
    let issuers = Issuers {
        mode: IssuerMode::Canonical,
        public_origin: "https://localhost:8443".to_owned(),
    };
    let setting = Setting {
        issuers: &issuers,
        lifetimes: Lifetimes::default(),
        own_origins: &["https://localhost:8443".to_owned()],
        now: NOW,
    };
    let tenant = TenantPath::parse(tenant)?;
    decide(&request, grant, &tenant, facts, setting, &[7; 48])
}

fn home() -> String {
    HOME.to_string()
}

fn refused(facts: &Facts) -> u32 {
    ask(Version::V2, XDR, &home(), facts).unwrap_err().code()
}

#[test]
fn the_token_of_the_documentation() {
    let issuance = ask(Version::V2, XDR, &home(), &facts()).unwrap();
    let claims = serde_json::to_value(&issuance.claims).unwrap();
    let oid = "00000000-0000-0000-0000-000000000007";
    let iss = "https://sts.windows.net/00000000-0000-0000-0000-000000000001/";
    for (name, value) in [
        ("aud", serde_json::json!(XDR)),
        ("iss", iss.into()),
        ("idp", iss.into()),
        ("iat", (NOW - 300).into()),
        ("nbf", (NOW - 300).into()),
        ("exp", (NOW + 3600).into()),
        ("appid", CLIENT.into()),
        ("appidacr", "1".into()),
        ("app_displayname", "Script".into()),
        ("idtyp", "app".into()),
        ("oid", oid.into()),
        ("sub", oid.into()),
        ("tid", home().into()),
        ("ver", "1.0".into()),
        ("tenant_region_scope", "WW".into()),
        ("xms_tcdt", 1_600_000_000.into()),
        (
            "roles",
            serde_json::json!(["AdvancedHunting.Read.All", "Incident.Read.All"]),
        ),
    ] {
        assert_eq!(claims[name], value, "{name}");
    }
    assert_eq!(claims["uti"].as_str().unwrap().len(), 22);
    assert!(claims.get("roles_by_resource").is_none());
    assert_eq!(
        issuance.answer("T").to_string(),
        r#"{"token_type":"Bearer","expires_in":3599,"ext_expires_in":3599,"access_token":"T"}"#
    );
}

#[test]
fn the_v1_endpoint_answers_in_strings_and_echoes_the_resource() {
    let resource = format!("{XDR}/");
    let issuance = ask(Version::V1, &resource, &home(), &facts()).unwrap();
    assert_eq!(issuance.claims.aud, resource);
    let answer = issuance.answer("T");
    assert_eq!(answer["expires_in"], "3599");
    assert_eq!(answer["expires_on"], (NOW + 3600).to_string());
    assert_eq!(answer["not_before"], (NOW - 300).to_string());
    assert_eq!(answer["resource"], resource);
}

#[test]
fn a_double_slash_keeps_its_slash() {
    let issuance = ask(Version::V2, &format!("{XDR}/"), &home(), &facts()).unwrap();
    assert_eq!(issuance.claims.aud, format!("{XDR}/"));
}

#[test]
fn the_resource_chooses_the_version() {
    let mut facts = facts();
    let id = "cccccccc-2222-3333-4444-555555555555";
    facts.resources = vec![ResourceFact {
        access_token_version: Some(2),
        ..resource(id, &["Do"])
    }];
    let claims = ask(Version::V1, "api://mine", &home(), &facts)
        .unwrap()
        .claims;
    assert_eq!(claims.ver, "2.0");
    assert_eq!(claims.aud, id);
    assert_eq!(claims.azp, Some(CLIENT.parse().unwrap()));
    assert_eq!((claims.appid, claims.idp), (None, None));
    assert!(claims.iss.ends_with("/v2.0"));
    // An API of one's own has no optional claims.
    assert_eq!(claims.xms_tcdt, None);
}

#[test]
fn nothing_granted_is_a_token_without_roles() {
    let mut facts = facts();
    facts.resources[0].roles.clear();
    facts.resources[0].client_is_assigned = false;
    let claims = ask(Version::V2, XDR, &home(), &facts).unwrap().claims;
    let claims = serde_json::to_value(&claims).unwrap();
    assert!(claims.get("roles").is_none());
    facts.resources[0].assignment_required = true;
    assert_eq!(refused(&facts), 501_051);
}

#[test]
fn an_own_origin_gives_the_roles_of_every_api_kept_apart() {
    let mut facts = facts();
    facts.resources.push(resource(
        "fc780465-2017-40d4-a0c5-307022471b92",
        &["Machine.Read.All"],
    ));
    for origin in ["https://localhost:8443", "https://localhost"] {
        let claims = ask(Version::V2, origin, &home(), &facts).unwrap().claims;
        assert_eq!(claims.aud, origin);
        assert_eq!(
            claims.roles,
            [
                "AdvancedHunting.Read.All",
                "Incident.Read.All",
                "Machine.Read.All"
            ]
        );
        let mde = &claims.roles_by_resource["fc780465-2017-40d4-a0c5-307022471b92"];
        assert_eq!(mde, &["Machine.Read.All"]);
    }
}

#[test]
fn refusals_come_in_order() {
    let no_tenant = Facts::default();
    assert_eq!(refused(&no_tenant), 90_002);
    let word = |tenant| {
        ask(Version::V2, XDR, tenant, &no_tenant)
            .unwrap_err()
            .code()
    };
    assert_eq!(word("common"), 50_059);
    assert_eq!(word("organizations"), 50_059);
    let mut known = facts();
    known.application = None;
    assert_eq!(refused(&known), 700_016);
    let mut known = facts();
    known.client = None;
    assert_eq!(refused(&known), 700_016);
    let mut known = facts();
    known.client = Some(PrincipalFact {
        id: ObjectId::from_u128(7),
        enabled: false,
    });
    assert_eq!(refused(&known), 7_000_112);
    let mut known = facts();
    known.application.as_mut().unwrap().credentials.secrets[0].end = NOW;
    assert_eq!(refused(&known), 7_000_222);
    let mut known = facts();
    known.resources.clear();
    assert_eq!(refused(&known), 500_011);
    let mut known = facts();
    known.resources[0].enabled = false;
    assert_eq!(refused(&known), 50_001);
}

#[test]
fn only_multi_tenant_applications_work_away_from_home() {
    let mut facts = facts();
    facts.tenant.as_mut().unwrap().id = AWAY;
    let away = |facts: &Facts| ask(Version::V2, XDR, &AWAY.to_string(), facts);
    assert_eq!(away(&facts).unwrap_err().code(), 700_016);
    facts.application.as_mut().unwrap().multi_tenant = true;
    let claims = away(&facts).unwrap().claims;
    assert_eq!(claims.tid, AWAY);
    assert!(claims.iss.contains(&AWAY.to_string()));
}

#[test]
fn the_two_dialects_do_not_mix() {
    let form = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        let base = [("grant_type", "client_credentials"), ("client_id", CLIENT)];
        let all = base.iter().chain(pairs);
        all.map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect()
    };
    let both = form(&[("scope", "https://x/.default"), ("resource", "https://x")]);
    let refusal = TokenRequest::parse(Version::V2, &both, None).unwrap_err();
    assert_eq!(refusal.code(), 901_002);
    // v1 ignores the scope.
    assert!(TokenRequest::parse(Version::V1, &both, None).is_ok());
}
