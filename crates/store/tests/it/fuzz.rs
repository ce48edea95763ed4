//! Damaged `$filter` texts: each is a condition or is refused with a place.

#[path = "../../../../tests/fuzz/engine.rs"]
mod engine;

use bartizan_store::odata::{ALERTS_GRAPH, INCIDENTS_XDR, MACHINES_MDE, USERS_GRAPH, filter};
use engine::{Corpus, run};

#[test]
fn fuzz_odata_filters() {
    let seeds = [
        "severity eq 'high' and status ne 'resolved'",
        "createdDateTime ge 2026-01-01T00:00:00Z and createdDateTime lt 2026-02-01T00:00:00Z",
        "not (startswith(displayName, 'a') or endswith(mail,'b''c'))",
        "evidence/any(e: e/deviceId eq 'x' and contains(e/name, 'y'))",
        "id in ('1','2','3')",
        "lastSeen gt 2026-01-01T00:00:00Z and healthStatus eq 'Active' and riskScore eq null",
        "((((accountEnabled eq true))))",
        "userPrincipalName eq 'a@b.c' or proxyAddresses/any(p: startswith(p,'smtp:'))",
        "status eq 'Active' and assignedTo eq 'x' and lastUpdateTime ge 2026-01-01T00:00:00.1234567Z",
    ];
    let corpus = Corpus {
        seeds: seeds.iter().map(|s| s.as_bytes().to_vec()).collect(),
        words: vec![
            "(",
            ")",
            "'",
            ",",
            "/",
            ":",
            " and ",
            " or ",
            " not ",
            " eq ",
            " ne ",
            " gt ",
            " in (",
            "null",
            "true",
            "any(e:",
            "all(e:",
            "contains(",
            "tolower(",
            "2026-01-01T00:00:00Z",
            "9999-99-99",
            "-1",
            "1.5",
            "%27",
            "\u{e9}",
            "\0",
            "duration'P1D'",
        ],
        rounds: 5_000,
    };
    run("OData filters", &corpus, |input| {
        let text = String::from_utf8_lossy(input);
        for map in [&ALERTS_GRAPH, &INCIDENTS_XDR, &MACHINES_MDE, &USERS_GRAPH] {
            let _ = filter(&text, map);
        }
    });
}
