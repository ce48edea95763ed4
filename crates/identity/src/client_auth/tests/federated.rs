//! Tokens of other issuers in place of a credential.

use super::*;

fn federated() -> Credentials {
    Credentials {
        federations: vec![FederationFact {
            issuer: ISSUER.to_owned(),
            subject: SUBJECT.to_owned(),
            audience: EXCHANGE.to_owned(),
            key_set: None,
        }],
        issuer_keys: IssuerKeys::Known(Arc::new(json!({"keys": [OTHER.jwk("b"), MINE.jwk("a")]}))),
        ..credentials()
    }
}

fn workload(kid: &str) -> Json {
    json!({"alg": "RS256", "typ": "JWT", "kid": kid})
}

fn workload_claims() -> Json {
    json!({"iss": ISSUER, "sub": SUBJECT, "aud": EXCHANGE, "nbf": NOW, "iat": NOW, "exp": NOW + 300})
}

#[test]
fn a_workload_is_known_by_three_exact_words() {
    let token = |claims: &Json| MINE.jwt(&workload("a"), claims);
    let used = prove(&token(&workload_claims()), &federated());
    assert_eq!(used, Ok(CredentialUsed::Federation(0)));
    let in_list = with(workload_claims(), "aud", json!([EXCHANGE]));
    assert_eq!(prove(&token(&in_list), &federated()), used);
    for (name, value, wanted) in [
        ("iss", "https://token.actions.example.com/", 700_211),
        ("iss", "https://TOKEN.actions.example.com", 700_211),
        ("sub", "repo:contoso/hunts:pull_request", 700_213),
        ("sub", "repo:Contoso/hunts:ref:refs/heads/main", 7_002_138),
        ("aud", "api://azureadtokenexchange", 700_212),
        ("aud", "https://graph.microsoft.com", 700_212),
    ] {
        let claims = with(workload_claims(), name, json!(value));
        assert_eq!(
            code(&token(&claims), &federated()),
            wanted,
            "{name} {value}"
        );
    }
    let late = with(workload_claims(), "exp", json!(NOW - 300));
    assert_eq!(code(&token(&late), &federated()), 700_024);
    assert_eq!(code(&token(&workload_claims()), &credentials()), 700_211);
}

#[test]
fn a_workloads_keys_are_its_issuers() {
    let claims = workload_claims();
    for (attack, assertion, wanted) in [
        ("another key", OTHER.jwt(&workload("a"), &claims), 700_027),
        (
            "an unknown key",
            MINE.jwt(&workload("c"), &claims),
            7_000_272,
        ),
        (
            "no name, and several keys",
            MINE.jwt(&without(workload("a"), "kid"), &claims),
            7_000_272,
        ),
        (
            "PS256",
            MINE.jwt(&with(workload("a"), "alg", json!("PS256")), &claims),
            50_027,
        ),
    ] {
        assert_eq!(code(&assertion, &federated()), wanted, "{attack}");
    }
    let good = MINE.jwt(&workload("a"), &claims);
    let mut down = federated();
    down.issuer_keys = IssuerKeys::Unavailable {
        reason: "no answer".to_owned(),
    };
    assert_eq!(code(&good, &down), 50_166);
    // Keys that the credential keeps are enough, and are the only ones.
    down.federations[0].key_set = Some(Arc::new(json!({"keys": [MINE.jwk("a")]})));
    assert!(prove(&good, &down).is_ok());
    down.federations[0].key_set = Some(Arc::new(
        json!({"keys": [with(MINE.jwk("a"), "use", json!("enc"))]}),
    ));
    assert_eq!(code(&good, &down), 7_000_272);
}

#[test]
fn keys_are_wanted_only_for_a_token_that_fits() {
    let mut known = federated();
    let wanted = |jwt: &str, known: &Credentials| issuer_wanted(&proof(jwt), known);
    let good = MINE.jwt(&workload("a"), &workload_claims());
    let issuer = IssuerWanted {
        issuer: ISSUER.to_owned(),
        kid: Some("a".to_owned()),
    };
    assert_eq!(wanted(&good, &known), Some(issuer));
    // Whoever sends a token must not make the server call where it likes.
    let elsewhere = with(workload_claims(), "iss", json!("https://169.254.169.254"));
    assert_eq!(wanted(&MINE.jwt(&workload("a"), &elsewhere), &known), None);
    assert_eq!(wanted(&msal_python(), &known), None);
    assert_eq!(issuer_wanted(&ClientProof::None, &known), None);
    known.federations[0].key_set = Some(Arc::new(json!({"keys": []})));
    assert_eq!(wanted(&good, &known), None);
}
