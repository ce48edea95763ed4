//! Every shape in which real clients send an assertion, and the attacks on it, with real keys.

mod federated;

use std::sync::{Arc, LazyLock};

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use serde_json::{Value as Json, json};
use zeroize::Zeroizing;

use super::*;
use crate::certificate::Certificate;
use crate::tenant::TenantPath;

const NOW: i64 = 1_800_000_000;
const CLIENT: &str = "aaaaaaaa-2222-3333-4444-555555555555";
const TENANT: &str = "11111111-2222-3333-4444-555555555555";
const ISSUER: &str = "https://token.actions.example.com";
const SUBJECT: &str = "repo:contoso/hunts:ref:refs/heads/main";
const EXCHANGE: &str = "api://AzureADTokenExchange";

/// A key with its certificate.
struct Holder {
    pair: KeyPair,
    der: Vec<u8>,
}

impl Holder {
    fn new(name: &str) -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let pkcs8: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        let signer = rcgen::KeyPair::try_from(pkcs8.as_ref()).unwrap();
        let params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
        let der = params.self_signed(&signer).unwrap().der().to_vec();
        drop(pkcs8);
        Self { pair, der }
    }

    fn fact(&self) -> CertificateFact {
        CertificateFact {
            der: self.der.clone(),
            start: NOW - 1000,
            end: NOW + 1000,
        }
    }

    #[expect(
        clippy::disallowed_types,
        reason = "the test plays the client, which has randomness of its own"
    )]
    fn sign(&self, alg: &str, message: &str) -> Vec<u8> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        let random = aws_lc_rs::rand::SystemRandom::new();
        let padding: &'static dyn aws_lc_rs::signature::RsaEncoding = match alg {
            "PS256" => &RSA_PSS_SHA256,
            _ => &RSA_PKCS1_SHA256,
        };
        self.pair
            .sign(padding, &random, message.as_bytes(), &mut signature)
            .unwrap();
        signature
    }

    /// Signs as most clients do.
    fn jwt(&self, header: &Json, claims: &Json) -> String {
        let alg = header["alg"].as_str().unwrap_or_default();
        let message = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header.to_string()),
            URL_SAFE_NO_PAD.encode(claims.to_string())
        );
        let signature = URL_SAFE_NO_PAD.encode(self.sign(alg, &message));
        format!("{message}.{signature}")
    }

    fn jwk(&self, kid: &str) -> Json {
        let public = self.pair.public_key();
        let n = public.modulus().big_endian_without_leading_zero();
        let e = public.exponent().big_endian_without_leading_zero();
        json!({"kty": "RSA", "use": "sig", "kid": kid, "n": URL_SAFE_NO_PAD.encode(n), "e": URL_SAFE_NO_PAD.encode(e)})
    }
}

static MINE: LazyLock<Holder> = LazyLock::new(|| Holder::new("mine"));
static OTHER: LazyLock<Holder> = LazyLock::new(|| Holder::new("other"));

fn sha1() -> String {
    URL_SAFE_NO_PAD.encode(Certificate::sha1(&MINE.der))
}

fn sha256() -> String {
    URL_SAFE_NO_PAD.encode(Certificate::sha256(&MINE.der))
}

fn endpoint() -> String {
    format!("https://login.microsoftonline.com/{TENANT}/oauth2/v2.0/token")
}

fn header() -> Json {
    json!({"alg": "PS256", "typ": "JWT", "x5t#S256": sha256()})
}

fn claims() -> Json {
    json!({"aud": endpoint(), "iss": CLIENT, "sub": CLIENT, "jti": "1", "nbf": NOW, "iat": NOW, "exp": NOW + 600})
}

fn with(mut object: Json, name: &str, value: Json) -> Json {
    object[name] = value;
    object
}

fn without(mut object: Json, name: &str) -> Json {
    object.as_object_mut().unwrap().remove(name);
    object
}

fn credentials() -> Credentials {
    Credentials {
        certificates: vec![MINE.fact()],
        ..Credentials::default()
    }
}

fn prove(assertion: &str, credentials: &Credentials) -> Result<CredentialUsed, Refusal> {
    let proof = proof(assertion);
    let path = TenantPath::parse("contoso.com").unwrap();
    let realm = Realm {
        path: &path,
        tenant: Some(TENANT.parse().unwrap()),
        domains: &[
            "contoso.com".to_owned(),
            "contoso.onmicrosoft.com".to_owned(),
        ],
        own_origins: &["https://localhost:8443".to_owned()],
    };
    confidential(CLIENT, &proof, credentials, &realm, NOW)
}

fn proof(assertion: &str) -> ClientProof {
    ClientProof::Assertion {
        kind: JWT_BEARER.to_owned(),
        assertion: Zeroizing::new(assertion.to_owned()),
    }
}

fn code(assertion: &str, credentials: &Credentials) -> u32 {
    prove(assertion, credentials).unwrap_err().code()
}

/// MSAL for Python with a certificate: padded thumbprint, x5c with line ends, decimals.
fn msal_python() -> String {
    let body = STANDARD.encode(&MINE.der);
    let header = json!({
        "alg": "PS256", "typ": "JWT", "x5t#S256": URL_SAFE.encode(Certificate::sha256(&MINE.der)),
        "x5c": [format!("{}\n{}\n", &body[..64], &body[64..])],
    });
    let claims = json!({
        "aud": endpoint(), "iss": CLIENT, "sub": CLIENT, "jti": "1",
        "exp": NOW as f64 + 600.25, "iat": NOW as f64 + 0.25,
    });
    MINE.jwt(&header, &claims)
}

/// MSAL for Python with a thumbprint alone, and azure-identity for Python.
fn msal_python_thumbprint() -> String {
    let header = json!({
        "alg": "RS256", "typ": "JWT", "x5t": URL_SAFE.encode(Certificate::sha1(&MINE.der)),
    });
    MINE.jwt(&header, &with(claims(), "exp", json!(NOW as f64 + 600.5)))
}

/// azure-identity for Python, asynchronous: each segment is padded, and so is what was signed.
fn azure_identity_python_async() -> String {
    let header = json!({
        "alg": "PS256", "typ": "JWT", "x5t#S256": URL_SAFE.encode(Certificate::sha256(&MINE.der)),
    });
    // Claims of any length modulo 3, so that padding does occur.
    let claims = with(claims(), "exp", json!(NOW + 1800));
    let claims = with(claims, "jti", json!("12"));
    let message = format!(
        "{}.{}",
        URL_SAFE.encode(header.to_string()),
        URL_SAFE.encode(claims.to_string())
    );
    let signature = URL_SAFE.encode(MINE.sign("PS256", &message));
    assert!(signature.ends_with('='));
    format!("{message}.{signature}")
}

/// azure_identity for Rust: standard base64, entries of x5c are base64 of PEM, no iat.
fn azure_identity_rust() -> String {
    let pem = format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----",
        STANDARD.encode(&MINE.der)
    );
    let header = json!({
        "alg": "RS256", "typ": "JWT", "x5t": STANDARD.encode(Certificate::sha1(&MINE.der)),
        "x5c": [STANDARD.encode(pem)],
    });
    let claims = with(without(claims(), "iat"), "exp", json!(NOW + 300));
    MINE.jwt(&header, &claims)
}

#[test]
fn every_real_client_is_recognised() {
    let rs256 = json!({"alg": "RS256", "typ": "JWT", "x5t": sha1()});
    for (client, assertion) in [
        ("msal Python, certificate", msal_python()),
        ("msal Python, thumbprint", msal_python_thumbprint()),
        (
            "azure-identity Python, async",
            azure_identity_python_async(),
        ),
        ("msal-node", MINE.jwt(&header(), &claims())),
        ("msal-node, thumbprint", MINE.jwt(&rs256, &claims())),
        ("azure_identity Rust", azure_identity_rust()),
    ] {
        let used = prove(&assertion, &credentials());
        assert_eq!(used, Ok(CredentialUsed::Certificate(0)), "{client}");
        // MSAL sends one assertion with several requests: its jti is not spent.
        assert_eq!(prove(&assertion, &credentials()), used, "{client} again");
    }
    assert_eq!(CredentialUsed::Certificate(0).strength().claim(), "2");
    assert_eq!(CredentialUsed::Federation(0).strength().claim(), "2");
}

#[test]
fn every_spelling_of_the_audience() {
    for (audience, fine) in [
        (endpoint(), true),
        (endpoint().replace("/v2.0", ""), true),
        (endpoint().replace(TENANT, "Contoso.com"), true),
        (endpoint().replace(TENANT, "contoso.onmicrosoft.com"), true),
        (
            format!("https://login.windows.net/{TENANT}/oauth2/token"),
            true,
        ),
        (
            format!("https://login.microsoftonline.com/{TENANT}/v2.0"),
            true,
        ),
        (format!("https://sts.windows.net/{TENANT}/"), true),
        (format!("https://login.microsoftonline.com/{TENANT}"), true),
        (
            format!("https://localhost:8443/{TENANT}/oauth2/v2.0/token"),
            true,
        ),
        (
            endpoint().replace(TENANT, "22222222-2222-3333-4444-555555555555"),
            false,
        ),
        (endpoint().replace(TENANT, "fabrikam.com"), false),
        (endpoint().replace(TENANT, "common"), false),
        (endpoint().replace("https", "http"), false),
        (endpoint().replace("login.", "evil."), false),
        (
            endpoint().replace("://", "://login.microsoftonline.com@evil.example/"),
            false,
        ),
        (
            format!("https://localhost:9443/{TENANT}/oauth2/v2.0/token"),
            false,
        ),
        (format!("https://graph.microsoft.com/{TENANT}"), false),
        (endpoint().replace("token", "authorize"), false),
        (format!("{}?x=1", endpoint()), false),
        (CLIENT.to_owned(), false),
        (String::new(), false),
    ] {
        let assertion = MINE.jwt(&header(), &with(claims(), "aud", json!(audience)));
        let used = prove(&assertion, &credentials()).map_err(|r| r.code());
        let wanted = if fine {
            Ok(CredentialUsed::Certificate(0))
        } else {
            Err(700_023)
        };
        assert_eq!(used, wanted, "{audience}");
    }
    let list = |value: Json| {
        prove(
            &MINE.jwt(&header(), &with(claims(), "aud", value)),
            &credentials(),
        )
    };
    assert!(list(json!([endpoint()])).is_ok());
    assert!(list(json!([endpoint(), endpoint()])).is_err());
}

#[test]
fn attacks_on_the_header() {
    let public = MINE.pair.public_key().as_ref();
    let hs256 = {
        let header = URL_SAFE_NO_PAD.encode(json!({"alg": "HS256", "x5t": sha1()}).to_string());
        let message = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims().to_string()));
        let tag = hmac::sign(
            &hmac::Key::new(hmac::HMAC_SHA256, public),
            message.as_bytes(),
        );
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag))
    };
    let none = {
        let header = URL_SAFE_NO_PAD.encode(json!({"alg": "none", "x5t": sha1()}).to_string());
        format!("{header}.{}.", URL_SAFE_NO_PAD.encode(claims().to_string()))
    };
    let others_x5t = URL_SAFE_NO_PAD.encode(Certificate::sha1(&OTHER.der));
    let embedded = with(header(), "x5c", json!([STANDARD.encode(&OTHER.der)]));
    let elsewhere = with(
        with(header(), "jku", json!("https://evil.example/keys")),
        "x5u",
        json!("https://evil.example/certificate"),
    );
    let jwk = with(header(), "jwk", OTHER.jwk("x"));
    for (attack, assertion, wanted) in [
        ("HS256 with the public key", hs256, 50_027),
        ("alg none", none, 50_027),
        (
            "no thumbprint",
            MINE.jwt(&without(header(), "x5t#S256"), &claims()),
            50_027,
        ),
        (
            "crit",
            MINE.jwt(&with(header(), "crit", json!(["b64"])), &claims()),
            50_027,
        ),
        (
            "another's key under my thumbprint",
            OTHER.jwt(&header(), &claims()),
            700_027,
        ),
        (
            "another's certificate embedded",
            OTHER.jwt(&embedded, &claims()),
            700_027,
        ),
        ("keys elsewhere", OTHER.jwt(&elsewhere, &claims()), 700_027),
        ("a key embedded", OTHER.jwt(&jwk, &claims()), 700_027),
        (
            "a certificate that nobody registered",
            OTHER.jwt(&json!({"alg": "RS256", "x5t": others_x5t}), &claims()),
            700_027,
        ),
        (
            "two thumbprints of which one is wrong",
            MINE.jwt(&with(header(), "x5t", json!(others_x5t)), &claims()),
            700_027,
        ),
        (
            "an algorithm that the signature has not",
            {
                let rs256 = MINE.jwt(&with(header(), "alg", json!("RS256")), &claims());
                let signature = rs256.rsplit_once('.').unwrap().1.to_owned();
                let ps256 = MINE.jwt(&header(), &claims());
                format!("{}.{signature}", ps256.rsplit_once('.').unwrap().0)
            },
            700_027,
        ),
        ("not a JWT", "a.b.c".to_owned(), 50_027),
        ("two parts", "e30.e30".to_owned(), 50_027),
        ("empty", String::new(), 50_027),
    ] {
        assert_eq!(code(&assertion, &credentials()), wanted, "{attack}");
    }
    let wrong_kind = ClientProof::Assertion {
        kind: "urn:ietf:params:oauth:client-assertion-type:saml2-bearer".to_owned(),
        assertion: Zeroizing::new(msal_python()),
    };
    let path = TenantPath::Common;
    let realm = Realm {
        path: &path,
        tenant: None,
        domains: &[],
        own_origins: &[],
    };
    let refused = confidential(CLIENT, &wrong_kind, &credentials(), &realm, NOW);
    assert_eq!(refused.unwrap_err().code(), 50_027);
    let missing = confidential(CLIENT, &ClientProof::None, &credentials(), &realm, NOW);
    assert_eq!(missing.unwrap_err().code(), 7_000_216);
}

#[test]
fn attacks_on_the_claims() {
    let another = "bbbbbbbb-2222-3333-4444-555555555555";
    let of = |claims: &Json| code(&MINE.jwt(&header(), claims), &credentials());
    for (attack, claims, wanted) in [
        (
            "another application",
            with(with(claims(), "iss", json!(another)), "sub", json!(another)),
            700_021,
        ),
        (
            "another subject",
            with(claims(), "sub", json!(another)),
            700_021,
        ),
        (
            "another issuer",
            with(claims(), "iss", json!(another)),
            700_021,
        ),
        ("no issuer", without(claims(), "iss"), 700_021),
        ("no end", without(claims(), "exp"), 50_027),
        (
            "an end in words",
            with(claims(), "exp", json!("1800000600")),
            50_027,
        ),
        (
            "an end beyond all time",
            with(claims(), "exp", json!(1e300)),
            50_027,
        ),
        ("expired", with(claims(), "exp", json!(NOW - 300)), 700_024),
        (
            "not yet good",
            with(claims(), "nbf", json!(NOW + 301)),
            700_024,
        ),
        (
            "from the future",
            with(claims(), "iat", json!(NOW as f64 + 301.5)),
            700_024,
        ),
        ("no audience", without(claims(), "aud"), 700_023),
    ] {
        assert_eq!(of(&claims), wanted, "{attack}");
    }
    // Clocks may differ by five minutes.
    for claims in [
        with(claims(), "exp", json!(NOW - 299)),
        with(claims(), "nbf", json!(NOW + 300)),
    ] {
        assert!(prove(&MINE.jwt(&header(), &claims), &credentials()).is_ok());
    }
}

#[test]
fn certificates_have_their_time_and_any_of_them_will_do() {
    let both = Credentials {
        certificates: vec![OTHER.fact(), MINE.fact()],
        ..Credentials::default()
    };
    assert_eq!(
        prove(&msal_python(), &both),
        Ok(CredentialUsed::Certificate(1))
    );
    for (start, end) in [(NOW - 10, NOW), (NOW + 1, NOW + 10)] {
        let out_of_date = Credentials {
            certificates: vec![CertificateFact {
                start,
                end,
                ..MINE.fact()
            }],
            ..Credentials::default()
        };
        let refusal = prove(&msal_python(), &out_of_date).unwrap_err();
        assert_eq!(refusal.code(), 700_027);
        assert!(refusal.message().contains("out of date"), "{refusal}");
    }
    assert_eq!(code(&msal_python(), &Credentials::default()), 700_027);
}

/// RFC 7518 section 3.5: the salt is as long as the hash. The assertions were made elsewhere, because the library
/// that signs here makes no others.
#[test]
fn the_salt_of_ps256_has_one_length() {
    let der = Certificate::read(include_bytes!("pss/certificate.pem"))
        .unwrap()
        .der;
    let known = Credentials {
        certificates: vec![CertificateFact { der, ..MINE.fact() }],
        ..Credentials::default()
    };
    assert!(prove(include_str!("pss/salt32.jwt").trim(), &known).is_ok());
    for other in [
        include_str!("pss/salt20.jwt"),
        include_str!("pss/salt_longest.jwt"),
    ] {
        assert_eq!(code(other.trim(), &known), 700_027);
    }
}

#[test]
fn a_proof_of_possession_is_by_a_registered_key_and_short() {
    const OBJECT: &str = "99999999-2222-3333-4444-555555555555";
    let claims = json!({
        "aud": "00000002-0000-0000-c000-000000000000", "iss": OBJECT, "nbf": NOW, "exp": NOW + 600,
    });
    let check = |jwt: &str| check_key_proof(jwt, OBJECT, &[MINE.fact()], NOW);
    assert_eq!(check(&MINE.jwt(&header(), &claims)), Ok(()));
    for wrong in [
        MINE.jwt(&header(), &with(claims.clone(), "exp", json!(NOW + 601))),
        MINE.jwt(&header(), &with(claims.clone(), "iss", json!(CLIENT))),
        MINE.jwt(&header(), &with(claims.clone(), "aud", json!("x"))),
        MINE.jwt(&header(), &without(claims.clone(), "nbf")),
        OTHER.jwt(&header(), &claims),
        "x".to_owned(),
    ] {
        assert!(check(&wrong).is_err());
    }
}
