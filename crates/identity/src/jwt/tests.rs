//! Attacks on tokens, each refused at the check that is meant for it.

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::RSA_PSS_SHA256;
use bartizan_contract::Api;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::discovery::key_set;
use crate::issuer::{IssuerMode, Issuers, Version};

const NOW: i64 = 1_800_000_000;
const TENANT: &str = "11111111-2222-3333-4444-555555555555";
const OBJECT: &str = "99999999-2222-3333-4444-555555555555";
const XDR: &str = "https://api.security.microsoft.com";

fn pkcs8() -> Vec<u8> {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    der.as_ref().to_vec()
}

static PRIVATE: LazyLock<Vec<u8>> = LazyLock::new(pkcs8);
static KEY: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::new(&PRIVATE, b"certificate".to_vec()).unwrap());
static OTHER: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::new(&pkcs8(), b"other".to_vec()).unwrap());
static VERIFIER: LazyLock<Verifier> = LazyLock::new(|| {
    Verifier::new(
        [KEY.verifying().unwrap()],
        issuers(),
        vec!["https://localhost:8443".to_owned()],
    )
});

fn issuers() -> Issuers {
    Issuers {
        mode: IssuerMode::Canonical,
        public_origin: "https://localhost:8443".to_owned(),
    }
}

fn header() -> Json {
    json!({"typ": "JWT", "alg": "RS256", "kid": KEY.kid(), "x5t": KEY.kid()})
}

fn claims() -> Json {
    json!({
        "aud": XDR, "iss": format!("https://sts.windows.net/{TENANT}/"), "iat": NOW - 300,
        "nbf": NOW - 300, "exp": NOW + 3600, "appid": "aaaaaaaa-2222-3333-4444-555555555555",
        "appidacr": "1", "idtyp": "app", "oid": OBJECT, "sub": OBJECT, "tid": TENANT, "ver": "1.0",
        "roles": ["Incident.Read.All"], "uti": "x",
    })
}

fn signed(header: &Json, claims: &Json) -> String {
    KEY.forge(&header.to_string(), &claims.to_string())
}

fn with(mut object: Json, name: &str, value: Json) -> Json {
    object[name] = value;
    object
}

fn without(mut object: Json, name: &str) -> Json {
    object.as_object_mut().unwrap().remove(name);
    object
}

fn verify(token: &str) -> Result<Caller, Rejection> {
    VERIFIER.verify(token, Api::Xdr, NOW)
}

fn verify_claims(claims: &Json) -> Result<Caller, Rejection> {
    verify(&signed(&header(), claims))
}

#[test]
fn a_good_token_names_its_caller() {
    let caller = verify_claims(&claims()).unwrap();
    assert_eq!(caller.kind, CallerKind::Application);
    assert_eq!(caller.roles, ["Incident.Read.All"]);
    assert_eq!(caller.tenant.to_string(), TENANT);
    assert_eq!(caller.actor(), "app:aaaaaaaa-2222-3333-4444-555555555555");
    let slash = with(claims(), "aud", json!(format!("{XDR}/")));
    assert!(verify_claims(&slash).is_ok());
}

#[test]
fn version_2_names_the_client_otherwise() {
    let issuer = format!("https://login.microsoftonline.com/{TENANT}/v2.0");
    let v2 = with(with(claims(), "ver", json!("2.0")), "iss", json!(issuer));
    let v2 = with(without(v2, "appid"), "azp", json!(OBJECT));
    assert_eq!(verify_claims(&v2).unwrap().app.to_string(), OBJECT);
}

#[test]
fn the_algorithm_is_pinned() {
    for alg in ["none", "None", "HS256", "PS256", "RS512", "rs256", ""] {
        let token = signed(&with(header(), "alg", json!(alg)), &claims());
        assert_eq!(verify(&token), Err(Rejection::Algorithm), "{alg}");
    }
    let none = with(header(), "alg", json!("none"));
    let parts = [none.to_string(), claims().to_string()].map(|p| URL_SAFE_NO_PAD.encode(p));
    assert_eq!(
        verify(&format!("{}.{}.", parts[0], parts[1])),
        Err(Rejection::Algorithm)
    );
}

#[test]
fn the_public_key_is_no_secret() {
    let hs256 = with(header(), "alg", json!("HS256"));
    for head in [hs256, header()] {
        let message = [head.to_string(), claims().to_string()]
            .map(|p| URL_SAFE_NO_PAD.encode(p))
            .join(".");
        let key = hmac::Key::new(hmac::HMAC_SHA256, KEY.public_der());
        let tag = hmac::sign(&key, message.as_bytes());
        let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag));
        assert!(matches!(
            verify(&token),
            Err(Rejection::Algorithm | Rejection::Signature)
        ));
    }
}

#[test]
fn a_pss_signature_is_not_rs256() {
    let pair = KeyPair::from_pkcs8(&PRIVATE).unwrap();
    let message = [header().to_string(), claims().to_string()]
        .map(|p| URL_SAFE_NO_PAD.encode(p))
        .join(".");
    let mut signature = vec![0; pair.public_modulus_len()];
    let digest = digest(&SHA256, message.as_bytes());
    pair.sign_digest(&RSA_PSS_SHA256, &digest, &mut signature)
        .unwrap();
    let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature));
    assert_eq!(verify(&token), Err(Rejection::Signature));
}

#[test]
fn keys_are_only_looked_up() {
    for kid in [
        json!("../../etc/passwd"),
        json!("' or 1=1"),
        json!(""),
        json!("x".repeat(5000)),
        json!(7),
        json!(OTHER.kid()),
    ] {
        let token = signed(&with(header(), "kid", kid.clone()), &claims());
        assert_eq!(verify(&token), Err(Rejection::UnknownKey), "{kid}");
    }
    let token = signed(&without(header(), "kid"), &claims());
    assert_eq!(verify(&token), Err(Rejection::UnknownKey));
    // Somebody else's key under our key's name, with every hint at it that a header can give.
    let mut hints = header();
    let (n, e) = {
        let jwk = OTHER.jwk(None).unwrap();
        (jwk["n"].clone(), jwk["e"].clone())
    };
    hints["jwk"] = json!({"kty": "RSA", "n": n, "e": e, "kid": KEY.kid()});
    hints["jku"] = json!("https://evil.example/keys");
    hints["x5u"] = json!("https://evil.example/cert");
    hints["x5c"] = json!(["MIIB"]);
    let token = OTHER.forge(&hints.to_string(), &claims().to_string());
    assert_eq!(verify(&token), Err(Rejection::Signature));
    // The hints alone do no harm.
    assert!(verify(&signed(&hints, &claims())).is_ok());
}

#[test]
fn headers_that_must_be_understood_are_refused() {
    let token = signed(&with(header(), "crit", json!(["exp"])), &claims());
    assert_eq!(verify(&token), Err(Rejection::CriticalHeader));
    let token = signed(&with(header(), "typ", json!("at+jwt")), &claims());
    assert!(matches!(verify(&token), Err(Rejection::Malformed(_))));
}

#[test]
fn duplicate_names_are_refused() {
    let twice =
        claims()
            .to_string()
            .replacen('{', "{\"tid\":\"00000000-0000-0000-0000-000000000000\",", 1);
    let token = KEY.forge(&header().to_string(), &twice);
    assert!(matches!(verify(&token), Err(Rejection::Malformed(_))));
    let nested = claims()
        .to_string()
        .replacen('{', "{\"x\":[{\"a\":1,\"a\":2}],", 1);
    let token = KEY.forge(&header().to_string(), &nested);
    assert!(matches!(verify(&token), Err(Rejection::Malformed(_))));
    let head = header().to_string().replacen('{', "{\"alg\":\"none\",", 1);
    let token = KEY.forge(&head, &claims().to_string());
    assert!(matches!(verify(&token), Err(Rejection::Malformed(_))));
}

#[test]
fn changed_or_oddly_encoded_parts_are_refused() {
    let good = signed(&header(), &claims());
    let parts: Vec<&str> = good.split('.').collect();
    let stolen = URL_SAFE_NO_PAD.encode(with(claims(), "roles", json!(["X"])).to_string());
    let changed = format!("{}.{stolen}.{}", parts[0], parts[2]);
    assert_eq!(verify(&changed), Err(Rejection::Signature));
    assert_eq!(
        verify(&format!("{}.{}.", parts[0], parts[1])),
        Err(Rejection::Signature)
    );
    for odd in [
        format!("{good}="),
        format!("{good}.x"),
        format!("{good}\n"),
        good.replacen('.', "..", 1),
        String::new(),
        "a.b.c".to_owned(),
        format!("{}.{}", parts[0], parts[1]),
    ] {
        assert!(
            matches!(verify(&odd), Err(Rejection::Malformed(_))),
            "{odd}"
        );
    }
    // The last character of a 256-byte signature holds 4 bits that mean nothing: all but one of
    // its spellings are refused.
    let last = good.chars().last().unwrap();
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let body = &good[..good.len() - 1];
    for other in alphabet.chars().filter(|c| *c != last) {
        assert!(verify(&format!("{body}{other}")).is_err());
    }
    let large = format!("{}.{}.{}", parts[0], "A".repeat(SIZE_LIMIT), parts[2]);
    assert_eq!(verify(&large), Err(Rejection::TooLarge));
}

#[test]
fn deep_claims_do_not_overflow() {
    let deep = format!("{{\"x\":{}{}}}", "[".repeat(5000), "]".repeat(5000));
    let token = KEY.forge(&header().to_string(), &deep);
    assert!(verify(&token).is_err());
}

#[test]
fn wrong_issuers() {
    for issuer in [
        format!("https://sts.windows.net/{TENANT}"),
        "https://sts.windows.net/00000000-0000-0000-0000-000000000001/".to_owned(),
        format!("https://login.microsoftonline.com/{TENANT}/v2.0"),
        format!("https://sts.windows.net.evil.example/{TENANT}/"),
        format!("https://localhost:8443/{TENANT}/"),
    ] {
        let token = with(claims(), "iss", json!(issuer));
        assert_eq!(verify_claims(&token), Err(Rejection::Issuer), "{issuer}");
    }
    let other_tenant = with(claims(), "tid", json!(OBJECT));
    assert_eq!(verify_claims(&other_tenant), Err(Rejection::Issuer));
    let version = with(claims(), "ver", json!("2.0"));
    assert_eq!(verify_claims(&version), Err(Rejection::Issuer));
}

#[test]
fn wrong_audiences() {
    for audience in [
        "https://api.securitycenter.microsoft.com",
        "https://graph.microsoft.com",
        "https://api.security.microsoft.com.evil.example",
        "https://us.api.security.microsoft.com",
        "x https://api.security.microsoft.com",
        "",
    ] {
        let token = with(claims(), "aud", json!(audience));
        assert!(
            matches!(verify_claims(&token), Err(Rejection::Audience(_))),
            "{audience}"
        );
    }
    let list = with(claims(), "aud", json!([XDR]));
    assert_eq!(verify_claims(&list), Err(Rejection::Claims));
}

#[test]
fn times_have_five_minutes_of_slack() {
    for (name, value, result) in [
        ("exp", json!(NOW - 299), Ok(())),
        ("exp", json!(NOW - 300), Err(Rejection::Expired)),
        ("nbf", json!(NOW + 300), Ok(())),
        ("nbf", json!(NOW + 301), Err(Rejection::NotYetValid)),
        ("exp", json!(NOW as f64 + 0.5), Err(Rejection::Claims)),
        ("exp", json!("2000000000"), Err(Rejection::Claims)),
        ("exp", json!(i64::MIN), Err(Rejection::Expired)),
        ("nbf", json!(i64::MAX), Err(Rejection::NotYetValid)),
    ] {
        let token = with(claims(), name, value.clone());
        assert_eq!(verify_claims(&token).map(|_| ()), result, "{name} {value}");
    }
    assert_eq!(
        verify_claims(&without(claims(), "exp")),
        Err(Rejection::Claims)
    );
}

#[test]
fn whose_token_it_is_decides_what_counts() {
    // A user's roles are the user's; a user's token opens nothing by them.
    let user = with(without(claims(), "idtyp"), "scp", json!("Incident.Read"));
    let caller = verify_claims(&user).unwrap();
    assert_eq!(caller.kind, CallerKind::User);
    assert!(caller.roles.is_empty());
    assert_eq!(caller.scopes, "Incident.Read");
    // Without idtyp, an application's token is one whose subject is its own object.
    let bare = without(claims(), "idtyp");
    assert_eq!(verify_claims(&bare).unwrap().kind, CallerKind::Application);
    let pairwise = with(bare, "sub", json!("pairwise"));
    assert!(verify_claims(&pairwise).unwrap().roles.is_empty());
    let both = with(claims(), "scp", json!("Incident.Read"));
    assert_eq!(verify_claims(&both), Err(Rejection::Claims));
}

#[test]
fn a_token_for_an_own_origin_keeps_the_apis_apart() {
    let own = with(claims(), "aud", json!("https://localhost:8443"));
    let own = with(own, "roles", json!(["User.Read.All", "Incident.Read.All"]));
    let own = with(
        own,
        "roles_by_resource",
        json!({"fc780465-2017-40d4-a0c5-307022471b92": ["User.Read.All"]}),
    );
    let token = signed(&header(), &own);
    let mde = VERIFIER.verify(&token, Api::Mde, NOW).unwrap();
    assert_eq!(mde.roles, ["User.Read.All"]);
    // The same name on Graph would be another permission.
    let graph = VERIFIER.verify(&token, Api::Graph, NOW).unwrap();
    assert!(graph.roles.is_empty());
}

#[test]
fn the_header_holds_one_bearer_token() {
    assert_eq!(bearer(Some("Bearer a.b.c")), Ok("a.b.c"));
    assert_eq!(bearer(Some("bearer  a.b.c ")), Ok("a.b.c"));
    assert_eq!(bearer(None), Err(Rejection::Missing));
    assert_eq!(bearer(Some("Bearer ")), Err(Rejection::Missing));
    for wrong in ["Basic eA==", "a.b.c", "Bearer a b", "Bearer a, Bearer b"] {
        assert_eq!(bearer(Some(wrong)), Err(Rejection::NotBearer), "{wrong}");
    }
    let long = format!("Bearer {}", "a".repeat(SIZE_LIMIT + 100));
    assert_eq!(bearer(Some(&long)), Err(Rejection::TooLarge));
}

#[test]
fn challenges_cannot_be_broken_out_of() {
    let challenge =
        Rejection::Audience("x\", y=\"\r\nSet-Cookie: a".to_owned()).challenge("https://l", None);
    assert_eq!(challenge.matches('"').count(), 6, "{challenge}");
    assert!(!challenge.contains(['\r', '\n']));
    assert!(
        !Rejection::Missing
            .challenge("https://l", None)
            .contains("error=")
    );
}

#[test]
fn published_keys_verify_what_was_signed() {
    let set = key_set(Version::V2, [&*KEY], &issuers()).unwrap();
    let jwk = &set["keys"][0];
    assert_eq!(jwk["kid"], jwk["x5t"]);
    assert_eq!(jwk["kid"], thumbprint(b"certificate"));
    assert_eq!(
        jwk["issuer"],
        "https://login.microsoftonline.com/{tenantid}/v2.0"
    );
    assert_eq!(jwk["e"], "AQAB");
    let text = |name: &str| jwk[name].as_str().unwrap();
    let key = VerifyingKey::from_jwk(text("kid"), text("n"), text("e")).unwrap();
    let reader = Verifier::new([key], issuers(), Vec::new());
    let token = signed(&header(), &claims());
    assert!(reader.verify(&token, Api::Xdr, NOW).is_ok());
    let v1 = key_set(Version::V1, [&*KEY], &issuers()).unwrap();
    assert!(v1["keys"][0].get("issuer").is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_text_is_refused_without_a_panic(token in "\\PC{0,200}") {
        prop_assert!(verify(&token).is_err());
    }

    #[test]
    fn any_claims_are_refused_without_a_panic(name in "[a-z]{1,6}", value in any::<i64>(), at in 0_usize..16) {
        let mut object = claims();
        let names: Vec<String> = object.as_object().unwrap().keys().cloned().collect();
        object[&names[at % names.len()]] = json!(value);
        object[name] = json!(value);
        // Whatever it says, it never becomes a caller of another tenant.
        if let Ok(caller) = verify_claims(&object) {
            prop_assert_eq!(caller.tenant.to_string(), TENANT);
        }
    }

    #[test]
    fn any_flipped_bit_is_refused(at in any::<prop::sample::Index>(), bit in 0_u8..7) {
        let good = signed(&header(), &claims());
        let mut bytes = good.clone().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        prop_assert!(verify(&text).is_err());
    }
}
