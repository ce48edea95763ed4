//! Accounts of the refusals that people meet.

use bartizan_contract::remedies::calls::{CALLS, Fault};

use super::*;
use crate::explain::{ApiRefused, Check, TokenSeen};

const TENANT: TenantId = TenantId::from_u128(7);
const HOME: TenantId = TenantId::from_u128(8);
const APP: AppId = AppId::from_u128(9);

fn refused(code: u32) -> TokenRefused {
    TokenRefused {
        code,
        message: format!("AADSTS{code}: text"),
        tenant: TENANT.to_string(),
        client_id: Some(APP.to_string()),
        grant: Some("client_credentials".to_owned()),
        resource: Some("https://api.security.microsoft.co".to_owned()),
        scopes: Vec::new(),
        user: None,
        credential: Credential::Secret,
    }
}

fn now() -> Now {
    Now {
        tenant: Some(TENANT),
        login: "https://localhost:8443".to_owned(),
        at: 1_000,
        ..Now::default()
    }
}

fn registered(at_home: bool, secrets: &[i64]) -> Option<ApplicationNow> {
    Some(ApplicationNow {
        app_id: APP,
        home: if at_home { TENANT } else { HOME },
        at_home,
        secrets: secrets.iter().map(|end| ("abc".to_owned(), *end)).collect(),
    })
}

fn commands(account: &Account) -> String {
    let all = account.remedies.iter();
    all.filter_map(|r| r.command.clone().or(r.link.clone()))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn an_unknown_application_by_what_is_missing() {
    let tell = |now: &Now| account(&Refused::Token(refused(700_016)), now);
    let unknown = tell(&now());
    assert!(commands(&unknown).contains(&format!("bartizan app list --tenant {TENANT}")));
    let half = tell(&Now {
        application: registered(true, &[]),
        ..now()
    });
    assert_eq!(
        commands(&half),
        format!("bartizan app consent {APP} --tenant {TENANT}")
    );
    let foreign = tell(&Now {
        application: registered(false, &[]),
        ..now()
    });
    assert_eq!(
        commands(&foreign),
        format!("https://localhost:8443/{TENANT}/adminconsent?client_id={APP}")
    );
    let since = tell(&Now {
        application: registered(true, &[]),
        installed: Some(true),
        ..now()
    });
    assert!(since.mended && since.missing.is_none());
}

#[test]
fn secrets_are_told_apart_and_only_at_home() {
    let tell = |code, credential, now: &Now| {
        let refused = TokenRefused {
            credential,
            ..refused(code)
        };
        account(&Refused::Token(refused), now)
    };
    let here = Now {
        application: registered(true, &[900, 2_000]),
        ..now()
    };
    let wrong = tell(7_000_215, Credential::SecretId, &here);
    assert!(wrong.remedies[0].text.contains("GUID"));
    assert!(wrong.needed[0].value.contains("expired 1970-01-01"));
    assert!(commands(&wrong).contains("bartizan app secret add"));
    let expired = tell(7_000_222, Credential::Secret, &here);
    assert!(expired.missing.expect("a fact").fact.contains("expired"));
    let there = Now {
        application: registered(false, &[]),
        ..now()
    };
    let foreign = tell(7_000_215, Credential::Secret, &there);
    assert_eq!(commands(&foreign), "");
}

#[test]
fn the_nearest_resource_comes_first() {
    let told = account(&Refused::Token(refused(500_011)), &now());
    assert!(
        commands(&told)
            .starts_with("bartizan token get --scope https://api.security.microsoft.com/.default"),
        "{}",
        commands(&told)
    );
}

fn call(status: u16, check: Option<Check>, roles: &[&str]) -> Refused {
    Refused::Api(ApiRefused {
        api: "xdr".to_owned(),
        method: "GET".to_owned(),
        path: "/api/incidents".to_owned(),
        fault: None,
        code: None,
        status,
        message: "text".to_owned(),
        check,
        token: Some(TokenSeen {
            tenant: TENANT.to_string(),
            client_id: APP.to_string(),
            object_id: "o".to_owned(),
            user: false,
            audience: "https://graph.microsoft.com".to_owned(),
            permissions: roles.iter().map(|r| (*r).to_owned()).collect(),
            expires: Some(5),
        }),
    })
}

#[test]
fn a_missing_role_and_a_role_granted_since() {
    let told = account(&call(403, None, &["Alert.Read.All"]), &now());
    assert_eq!(
        commands(&told),
        format!(
            "bartizan app permission add {APP} xdr/Incident.Read.All --tenant {TENANT} && bartizan app consent {APP} --tenant {TENANT}"
        )
    );
    let granted = Now {
        held: vec!["Incident.Read.All".to_owned()],
        ..now()
    };
    assert!(account(&call(403, None, &[]), &granted).mended);
}

#[test]
fn a_missing_role_in_a_customers_tenant_is_the_consent_links() {
    let link = format!("https://localhost:8443/{TENANT}/adminconsent?client_id={APP}");
    let foreign = Now {
        application: registered(false, &[]),
        installed: Some(true),
        ..now()
    };
    let told = account(&call(403, None, &[]), &foreign);
    let add = format!("bartizan app permission add {APP} xdr/Incident.Read.All --tenant {HOME}");
    assert_eq!(commands(&told), format!("{add}\n{link}"));
    let asked = Now {
        asks_for: Some(vec!["Incident.ReadWrite.All".to_owned()]),
        ..foreign
    };
    let told = account(&call(403, None, &[]), &asked);
    assert_eq!(commands(&told), link);
}

#[test]
fn a_scope_that_the_registration_does_not_ask_for_is_named() {
    let refused = TokenRefused {
        resource: Some("https://api.securitycenter.microsoft.com".to_owned()),
        scopes: vec!["Alert.Read".to_owned(), "Machine.Read".to_owned()],
        ..refused(65_001)
    };
    let now = Now {
        application: registered(false, &[]),
        asks_for: Some(vec!["Alert.Read".to_owned()]),
        ..now()
    };
    let told = account(&Refused::Token(refused.clone()), &now);
    let fact = &told.missing.as_ref().expect("a fact").fact;
    assert!(
        fact.contains("Machine.Read") && !fact.contains("Alert.Read"),
        "{fact}"
    );
    let scope = "scope=https://api.securitycenter.microsoft.com/Machine.Read";
    for part in [
        format!("/{TENANT}/v2.0/adminconsent?client_id={APP}&{scope}"),
        format!("/{TENANT}/oauth2/v2.0/authorize?client_id={APP}&{scope}&response_type=code"),
    ] {
        assert!(commands(&told).contains(&part), "{}", commands(&told));
    }
    // What it asks for is consented to as a whole; and nothing that was sent is put into a link unseen.
    for scopes in [vec!["Alert.Read".to_owned()], vec!["x&y".to_owned()]] {
        let told = account(
            &Refused::Token(TokenRefused {
                scopes,
                ..refused.clone()
            }),
            &now,
        );
        let whole = format!("/{TENANT}/adminconsent?client_id={APP}");
        assert!(commands(&told).contains(&whole), "{}", commands(&told));
    }
}

#[test]
fn tokens_that_are_not_good_name_the_token_that_is() {
    for check in [
        Check::Audience,
        Check::Expired,
        Check::Missing,
        Check::Signature,
    ] {
        let told = account(&call(401, Some(check), &[]), &now());
        assert_eq!(
            commands(&told),
            format!(
                "bartizan token get --scope https://api.security.microsoft.com/.default --tenant {TENANT}"
            ),
            "{check:?}"
        );
    }
}

#[test]
fn a_good_token_of_nobody_names_the_account() {
    let Refused::Api(mut refused) = call(401, None, &[]) else {
        unreachable!("a call");
    };
    let token = refused.token.as_mut().expect("a token");
    token.user = true;
    let told = account(&Refused::Api(refused), &now());
    let on = format!("bartizan user update o --enabled true --tenant {TENANT}");
    assert_eq!(commands(&told), on);
    assert!(told.missing.is_some());
}

#[test]
fn what_was_sent_in_the_wrong_place_is_not_kept() {
    let secret = "aB18Q~aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    let sent = TokenRefused {
        message: format!("Application with identifier '{secret}' was not found"),
        client_id: Some(secret.to_owned()),
        resource: Some(format!("https://x/{secret}")),
        user: Some(secret.to_owned()),
        scopes: vec![secret.to_owned()],
        ..refused(700_016)
    };
    let kept = sent.as_kept();
    assert!(!format!("{kept:?}").contains("8Q~"), "{kept:?}");
    for password in [
        "aB3@dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3z",
        "aB3@dE5fG7hJ9kL1mN3pQ5rS7tU9vW1.2024!",
        "aB3@dE5fG7hJ9kL1mN3pQ5rS7tU9vW1.x9",
    ] {
        let password = TokenRefused {
            user: Some(password.to_owned()),
            ..refused(50_126)
        };
        let kept = password.as_kept().user.unwrap_or_default();
        assert!(kept.starts_with("aB3@…") && kept.len() < 9, "{kept}");
    }
    let long = "AnnaMariaElisabethSchmidt2_fabrikam.example@contoso.example";
    let named = TokenRefused {
        user: Some(long.to_owned()),
        ..refused(50_105)
    };
    assert_eq!(named.clone().as_kept(), named);
}

#[test]
fn what_was_not_sent_is_not_said_to_be_wrong() {
    let here = Now {
        application: registered(true, &[2_000]),
        ..now()
    };
    let told = account(&Refused::Token(refused(7_000_216)), &here);
    let fact = told.missing.expect("a fact").fact;
    assert!(fact.contains("neither"), "{fact}");
}

#[test]
fn an_application_that_is_switched_off_is_switched_on() {
    let off = Now {
        installed: Some(false),
        ..now()
    };
    let told = account(&Refused::Token(refused(7_000_112)), &off);
    let on = format!("bartizan sp update {APP} --enabled true --tenant {TENANT}");
    assert_eq!(commands(&told), on);
}

fn wrong(fault: Fault, method: &str, path: &str, code: Option<&str>) -> Account {
    let Refused::Api(mut refused) = call(400, None, &[]) else {
        unreachable!("a call");
    };
    refused.method = method.to_owned();
    refused.path = path.to_owned();
    refused.fault = Some(fault);
    refused.code = code.map(str::to_owned);
    account(&Refused::Api(refused), &now())
}

#[test]
fn calls_that_are_wrong_say_what_the_operation_takes() {
    for row in CALLS {
        for (method, path) in [("GET", "/api/incidents"), ("GET", "/nowhere"), ("?", "?")] {
            let told = wrong(row.fault, method, path, None);
            assert_eq!(told.needed[0].value, row.needed);
            assert_eq!(told.remedies[0].text, row.remedy);
            assert!(!told.mended);
        }
    }
    let told = wrong(Fault::NotFound, "GET", "/api/incidents/{id}", None);
    let list = format!("bartizan incident list --tenant {TENANT}");
    assert_eq!(commands(&told), list);
    assert_eq!(told.missing.expect("a fact").tenant_id, Some(TENANT));
    let told = wrong(Fault::Method, "DELETE", "/api/incidents/{id}", None);
    assert_eq!(
        told.needed[1].value,
        "GET (Get incident); PATCH (Update incident)"
    );
    let told = wrong(Fault::NoOperation, "GET", "/api/incidentz", None);
    assert!(told.needed[1].value.starts_with("GET /api/incidents; "));
    assert_eq!(told.seen[0].value, "GET /api/incidentz");
    // Nothing of the tenant mends a fault of the server.
    let told = wrong(Fault::Server, "GET", "/api/incidents", None);
    assert!(told.remedies[0].text.contains("a fault of the server"));
    assert_eq!((told.remedies.len(), told.missing), (1, None));
    // What the wire says exactly is more than the fault.
    let told = wrong(
        Fault::Request,
        "POST",
        "/v1.0/$batch",
        Some("FailedDependency"),
    );
    assert!(told.remedies[0].text.contains("dependsOn"));
}

/// The wire has one code for hunts that are wrong, that ask for too much, and that read what is not there.
#[test]
fn hunts_that_are_not_wrong_are_not_to_be_corrected() {
    let hunt = |fault, message: &str| {
        let Refused::Api(mut refused) = call(400, None, &[]) else {
            unreachable!("a call");
        };
        refused.method = "POST".to_owned();
        refused.path = "/api/advancedhunting/run".to_owned();
        refused.fault = Some(fault);
        refused.code = Some("BadRequest".to_owned());
        refused.message = message.to_owned();
        account(&Refused::Api(refused), &now())
    };
    let check = "bartizan kql check 'QUERY'";
    let told = hunt(Fault::TooLong, "Query exceeded the timeout period.");
    assert!(told.remedies[0].text.contains("a shorter period"));
    assert!(!commands(&told).contains(check));
    let told = hunt(Fault::Request, "externaldata: 'https://x' did not answer");
    assert!(told.remedies[0].text.contains("Repeat it later"));
    assert!(!commands(&told).contains(check));
    for message in [
        "'Nope' is no table",
        "externaldata: at most 100 locations, not 101",
        "externaldata: the property 'speed' is not known",
    ] {
        let told = hunt(Fault::Request, message);
        assert!(told.remedies[0].text.contains("refused again"), "{message}");
        assert!(commands(&told).contains(check), "{message}");
    }
}

#[test]
fn what_was_kept_before_there_were_faults_is_told_as_it_was() {
    let kept = r#"{"surface":"api","api":"xdr","method":"GET","path":"/api/incidents","status":403,"message":"text","check":null,"token":null}"#;
    let refused: Refused = serde_json::from_str(kept).expect("an old refusal");
    let told = account(&refused, &now());
    assert_eq!(told.seen[0].value, "List incidents (GET /api/incidents)");
}

#[test]
fn what_was_sent_cannot_become_part_of_a_command() {
    assert_eq!(quoted("a-b"), "a-b");
    assert_eq!(quoted("x; rm -rf /"), "'x; rm -rf /'");
    assert_eq!(quoted("a'b$(c)"), "'ab$(c)'");
    assert_eq!(quoted("--url"), "'--url'");
}
