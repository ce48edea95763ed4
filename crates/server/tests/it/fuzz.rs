//! Damaged archives, tokens, requests and passkeys: foreign bytes at the server's doors.

#[path = "../../../../tests/fuzz/engine.rs"]
mod engine;

use std::io::Write as _;
use std::ops::ControlFlow;

use bartizan_identity::authorize::AuthorizeRequest;
use bartizan_identity::certificate::Certificate;
use bartizan_identity::issuer::Version;
use bartizan_identity::jwt::Token;
use bartizan_identity::request::TokenRequest;
use bartizan_identity::sign_in::cose::PublicKey;
use bartizan_identity::sign_in::passkey::{Expected, register, verify};
use bartizan_server::ingest::{ReadLimits, Step, read_path, read_stream};
use bartizan_server::timespan;
use base64::prelude::{BASE64_STANDARD as STANDARD, Engine as _};
use engine::{Corpus, run};

const LINES: &[u8] = b"{\"n\":1}\n{\"n\":2}\n\xff\xfe\n{\"n\":3}";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn zip() -> Vec<u8> {
    let mut out = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    // The same bytes at any time.
    let deflated = zip::write::SimpleFileOptions::default()
        .last_modified_time(zip::DateTime::default())
        .compression_method(zip::CompressionMethod::Deflated);
    let stored = deflated.compression_method(zip::CompressionMethod::Stored);
    for (name, options) in [("a.json", stored), ("b/c.jsonl", deflated)] {
        out.start_file(name, options).unwrap();
        out.write_all(LINES).unwrap();
    }
    out.finish().unwrap().into_inner()
}

fn tar() -> Vec<u8> {
    let mut out = tar::Builder::new(Vec::new());
    for name in ["a.json", "b/c.jsonl"] {
        let mut header = tar::Header::new_ustar();
        header.set_size(LINES.len() as u64);
        header.set_mode(0o644);
        out.append_data(&mut header, name, LINES).unwrap();
    }
    out.into_inner().unwrap()
}

#[test]
fn fuzz_archives() {
    let corpus = Corpus {
        seeds: vec![
            LINES.to_vec(),
            gzip(LINES),
            zip(),
            tar(),
            gzip(&tar()),
            gzip(&zip()),
        ],
        words: vec![
            "PK\u{1}\u{2}",
            "PK\u{3}\u{4}",
            "PK\u{5}\u{6}",
            "../",
            "\n",
            "ustar",
            "\0\0\0\0",
        ],
        rounds: 600,
    };
    let limits = ReadLimits {
        record_bytes: 1 << 10,
        total_bytes: 1 << 20,
        ratio_grace: 1 << 16,
        members: 20,
        ..ReadLimits::default()
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("upload");
    run("archives", &corpus, |input| {
        let mut bytes = 0;
        let mut sink = |step: Step<'_>| {
            if let Step::Record { bytes: record, .. } = step {
                assert!(record.len() <= limits.record_bytes + 1);
                bytes += record.len();
            }
            ControlFlow::Continue(())
        };
        let mut stream = input;
        let _ = read_stream("upload", &mut stream, &limits, &mut sink);
        std::fs::write(&path, input).unwrap();
        let _ = read_path(&path, &limits, &mut sink);
        assert!(bytes <= 3 << 20, "{bytes} bytes came out");
    });
}

#[test]
fn fuzz_tokens() {
    let corpus = Corpus {
        seeds: vec![
            b"eyJhbGciOiJSUzI1NiIsImtpZCI6ImEifQ.eyJhdWQiOiJ4IiwiZXhwIjoxfQ.c2ln".to_vec(),
            b"eyJhbGciOiJub25lIn0.e30.".to_vec(),
            b"eyJhIjp7ImIiOlsxLDJdfSwiYSI6MX0.eyJhIjp7ImIiOlsxLDJdfX0.AA".to_vec(),
        ],
        words: vec![".", "=", "-", "_", "eyJ", "e30", "W10", "bnVsbA", "\u{e9}"],
        rounds: 5_000,
    };
    run("tokens", &corpus, |input| {
        let _ = Token::parse(&String::from_utf8_lossy(input));
    });
}

#[test]
fn fuzz_token_requests() {
    let assertion = "client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer&client_assertion=a.b.c";
    let corpus = Corpus {
        seeds: [
            "grant_type=client_credentials&client_id=00000000-0000-0000-0000-000000000001&client_secret=s&scope=x/.default",
            "grant_type=authorization_code&client_id=x&code=c&redirect_uri=https://a/&code_verifier=v",
            "grant_type=refresh_token&client_id=x&refresh_token=r&scope=openid",
            "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion=a.b.c&requested_token_use=on_behalf_of&client_id=x",
            "grant_type=urn:ietf:params:oauth:grant-type:device_code&device_code=d&client_id=x",
            "grant_type=password&username=u&password=p&client_id=x",
            assertion,
        ]
        .iter()
        .map(|s| s.as_bytes().to_vec())
        .collect(),
        words: vec![
            "&", "=", "%", "+", "grant_type=", "client_id=", "client_secret=", "scope=", "resource=", "code=", "assertion=",
            "client_assertion=", "Basic ", "Og==", ":", "\u{e9}", "\0",
        ],
        rounds: 5_000,
    };
    run("token requests", &corpus, |input| {
        let form = pairs(input);
        let authorization = form.first().map(|(_, value)| value.as_str());
        for version in [Version::V1, Version::V2] {
            let _ = TokenRequest::parse(version, &form, authorization);
            let _ = TokenRequest::parse(version, &form, None);
        }
    });
}

/// The pairs of a form that needs no decoding.
fn pairs(input: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(input);
    text.split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

#[test]
fn fuzz_authorization_requests() {
    let corpus = Corpus {
        seeds: [
            "client_id=x&response_type=code&redirect_uri=https://a/b&scope=openid offline_access x/.default&state=s&nonce=n&prompt=consent",
            "client_id=x&response_type=code id_token&response_mode=form_post&scope=User.Read https://graph.microsoft.com/Mail.Read&max_age=0",
            "client_id=x&resource=https://api/&response_type=code&code_challenge=c&code_challenge_method=S256&login_hint=a@b&domain_hint=b",
        ]
        .iter()
        .map(|s| s.as_bytes().to_vec())
        .collect(),
        words: vec![
            "&", "=", " ", "/", "//", "client_id=", "scope=", "prompt=", "none", "login", "max_age=", "-1", "response_type=",
            "token", "id_token", ".default", "openid", "claims={}", "client_info=1", "\u{e9}", "\0",
        ],
        rounds: 5_000,
    };
    run("authorization requests", &corpus, |input| {
        let form = pairs(input);
        for version in [Version::V1, Version::V2] {
            let _ = AuthorizeRequest::kept(&form);
            if let Ok(request) = AuthorizeRequest::parse(version, &form) {
                let _ = (request.response_type(), request.prompt());
                let _ = (request.max_age(), request.scopes());
            }
        }
    });
}

#[test]
fn fuzz_timespans() {
    let corpus = Corpus {
        seeds: [
            "P30D",
            "PT12H30M5.5S",
            "2024-02-01T08:00:00Z/2024-02-15T08:00:00Z",
            "P3D/2024-02-15Z",
            "2024-02-01/PT12H",
        ]
        .iter()
        .map(|s| s.as_bytes().to_vec())
        .collect(),
        words: vec![
            "P",
            "T",
            "D",
            "H",
            "M",
            "S",
            "W",
            "/",
            "-",
            "+",
            ".",
            "0",
            "99999999999",
            "9999-12-31T23:59:59.9999999Z",
        ],
        rounds: 5_000,
    };
    run("timespans", &corpus, |input| {
        let text = String::from_utf8_lossy(input);
        if let Ok((start, end)) = timespan::parse(&text, 638_000_000_000_000_000) {
            assert!(start <= end);
        }
    });
}

/// A passkey's public key, ES256, as an authenticator sends it.
const KEY: [u8; 77] = {
    let mut bytes = [7; 77];
    let head = [0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 0x20];
    let middle = [0x22, 0x58, 0x20];
    let mut at = 0;
    while at < head.len() {
        bytes[at] = head[at];
        at += 1;
    }
    at = 0;
    while at < middle.len() {
        bytes[42 + at] = middle[at];
        at += 1;
    }
    bytes
};

#[test]
fn fuzz_passkeys() {
    // SHA-256 of "localhost", flags, counter, AAGUID, length of the id, id, key.
    let host = [
        0x49, 0x96, 0x0d, 0xe5, 0x88, 0x0e, 0x8c, 0x68, 0x74, 0x34, 0x17, 0x0f, 0x64, 0x76, 0x60,
        0x5b, 0x8f, 0xe4, 0xae, 0xb9, 0xa2, 0x86, 0x32, 0xc7, 0x99, 0x5c, 0xf3, 0xba, 0x83, 0x1d,
        0x97, 0x63,
    ];
    let registration = [
        &host[..],
        &[0x45, 0, 0, 0, 1],
        &[0; 16],
        &[0, 3, 1, 2, 3],
        &KEY,
    ]
    .concat();
    let use_of_it = [&host[..], &[5, 0, 0, 0, 9]].concat();
    let corpus = Corpus {
        seeds: vec![registration, use_of_it, KEY.to_vec()],
        words: vec!["\u{1}\u{3}", "\u{20}\u{59}", "\u{0}", "\u{7f}"],
        rounds: 5_000,
    };
    let expected = Expected {
        challenge: b"abc",
        origin: "https://localhost:8443",
        host: "localhost",
        user_verified: false,
    };
    let data = |kind: &str| {
        format!(
            r#"{{"type":"{kind}","challenge":"YWJj","origin":"https://localhost:8443","crossOrigin":false}}"#
        )
    };
    let (create, get) = (data("webauthn.create"), data("webauthn.get"));
    let key = PublicKey::from_cose(&KEY).expect("a key");
    assert!(register(expected, create.as_bytes(), &corpus.seeds[0]).is_ok());
    run("passkeys", &corpus, |input| {
        let _ = PublicKey::from_cose(input);
        let _ = register(expected, create.as_bytes(), input);
        let _ = register(expected, input, &corpus.seeds[0]);
        let _ = verify(expected, &key, 5, get.as_bytes(), input, input);
    });
}

#[test]
fn fuzz_certificates() {
    let der = include_bytes!("../../../../tests/fuzz/seeds/certificate.der").to_vec();
    let pem = format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        STANDARD.encode(&der)
    );
    let corpus = Corpus {
        seeds: vec![der, pem.into_bytes()],
        words: vec![
            "0\u{7f}",
            "\u{2}\u{1}\0",
            "-----BEGIN CERTIFICATE-----",
            "-----END CERTIFICATE-----",
            "=",
        ],
        rounds: 2_000,
    };
    assert!(Certificate::read(&corpus.seeds[1]).is_ok());
    run("certificates", &corpus, |input| {
        let _ = Certificate::read(input);
    });
}
