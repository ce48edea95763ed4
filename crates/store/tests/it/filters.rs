//! A filter's SQL against a reading of the same tree in memory, over random rows and filters.

use bartizan_contract::DeviceId;
use bartizan_contract::time::ticks_from_unix_micros;
use bartizan_security::machine::{Machine, Sighting};
use bartizan_security::vocabulary::{HealthStatus, RiskScore};
use bartizan_store::odata::{
    CompareOp, Filter, INCIDENTS_XDR, Literal, MACHINES_MDE, Path, Quantifier, SqlFilter,
    TextFunction, filter, parse_filter,
};
use bartizan_store::{Page, Store, machines};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::fixture::{Fixture, NOW, tenant_id, two_tenants};

const NAMES: [&str; 6] = ["alpha", "Alp%a", "al_pha", "BETA", "it's", ""];

fn machine(n: i64) -> Machine {
    let mut machine = Machine::first_sighting(DeviceId(format!("{n:040x}")), &Sighting::default());
    let pick = |of: usize| usize::try_from(n).unwrap() * 7 % of;
    machine.last_seen = NOW + n % 5;
    machine.dns_name = (n % 4 != 0).then(|| NAMES[pick(6)].to_owned());
    machine.os_platform = NAMES[pick(5)].to_owned();
    machine.rbac_group_id = n % 3;
    machine.health = HealthStatus::ALL[pick(6)];
    machine.risk_score = RiskScore::ALL[pick(5)];
    machine.tags = NAMES
        .iter()
        .take(pick(4))
        .filter(|t| !t.is_empty())
        .map(|t| (*t).to_owned())
        .collect();
    machine
}

fn path(name: &str) -> Path {
    Path {
        name: name.to_owned(),
        position: 0,
    }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        proptest::sample::select(NAMES.to_vec()).prop_map(str::to_owned),
        "[a-bA-B%_!' ]{0,3}",
        Just("l".to_owned()),
    ]
}

fn equality() -> impl Strategy<Value = CompareOp> {
    prop_oneof![Just(CompareOp::Eq), Just(CompareOp::Ne)]
}

fn any_op() -> impl Strategy<Value = CompareOp> {
    proptest::sample::select(vec![
        CompareOp::Eq,
        CompareOp::Ne,
        CompareOp::Gt,
        CompareOp::Ge,
        CompareOp::Lt,
        CompareOp::Le,
    ])
}

fn text_condition(name: &'static str) -> impl Strategy<Value = Filter> {
    let function = proptest::sample::select(vec![
        TextFunction::StartsWith,
        TextFunction::EndsWith,
        TextFunction::Contains,
    ]);
    let value = prop_oneof![4 => text().prop_map(Literal::Text), 1 => Just(Literal::Null)];
    prop_oneof![
        (equality(), value).prop_map(move |(op, value)| Filter::Compare {
            path: path(name),
            op,
            value
        }),
        (function, text()).prop_map(move |(function, text)| Filter::Call {
            function,
            path: path(name),
            text
        }),
        proptest::collection::vec(text().prop_map(Literal::Text), 1..4).prop_map(move |values| {
            Filter::In {
                path: path(name),
                values,
            }
        }),
    ]
}

fn condition() -> impl Strategy<Value = Filter> {
    let lambda = (any::<bool>(), text_condition("t")).prop_map(|(all, body)| Filter::Lambda {
        path: path("machineTags"),
        quantifier: if all {
            Quantifier::All
        } else {
            Quantifier::Any
        },
        body: Some(("t".to_owned(), Box::new(body))),
    });
    // Tenths of a microsecond, so that times between two kept ones are asked for too.
    let time = (any_op(), -2..60_i64).prop_map(|(op, tenths)| Filter::Compare {
        path: path("lastSeen"),
        op,
        value: Literal::DateTime(ticks_from_unix_micros(NOW) + tenths),
    });
    let number = (any_op(), -1..4_i64).prop_map(|(op, n)| Filter::Compare {
        path: path("rbacgroupid"),
        op,
        value: Literal::Int(n),
    });
    let word = (
        equality(),
        proptest::sample::select(RiskScore::ALL.to_vec()),
    )
        .prop_map(|(op, w)| Filter::Compare {
            path: path("riskScore"),
            op,
            value: Literal::Text(w.as_str().to_lowercase()),
        });
    let leaf = prop_oneof![
        text_condition("computerDnsName"),
        text_condition("osPlatform"),
        lambda,
        time,
        number,
        word,
        any::<bool>().prop_map(Filter::Constant),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 2..4).prop_map(Filter::And),
            proptest::collection::vec(inner.clone(), 2..4).prop_map(Filter::Or),
            inner.prop_map(|f| Filter::Not(Box::new(f))),
        ]
    })
}

/// What a property of a row is.
enum Held<'a> {
    Text(Option<&'a str>),
    Number(i64),
}

fn holds(filter: &Filter, get: &dyn Fn(&str) -> Held<'static>, tags: &[String]) -> bool {
    let text_is = |function: Option<TextFunction>, held: &str, wanted: &str| {
        let (held, wanted) = (held.to_ascii_lowercase(), wanted.to_ascii_lowercase());
        match function {
            None => held == wanted,
            Some(TextFunction::StartsWith) => held.starts_with(&wanted),
            Some(TextFunction::EndsWith) => held.ends_with(&wanted),
            Some(TextFunction::Contains) => held.contains(&wanted),
        }
    };
    let equal = |held: &Held<'_>, value: &Literal| match (held, value) {
        (Held::Text(held), Literal::Null) => held.is_none(),
        (Held::Text(Some(held)), Literal::Text(wanted)) => text_is(None, held, wanted),
        (Held::Number(held), Literal::Int(wanted) | Literal::DateTime(wanted)) => held == wanted,
        _ => false,
    };
    match filter {
        Filter::And(parts) => parts.iter().all(|p| holds(p, get, tags)),
        Filter::Or(parts) => parts.iter().any(|p| holds(p, get, tags)),
        Filter::Not(inner) => !holds(inner, get, tags),
        Filter::Constant(value) => *value,
        Filter::Compare { path, op, value } => {
            let held = get(&path.name);
            match (op, &held, value) {
                (CompareOp::Eq, ..) => equal(&held, value),
                (CompareOp::Ne, ..) => !equal(&held, value),
                (op, Held::Number(held), Literal::Int(v) | Literal::DateTime(v)) => match op {
                    CompareOp::Gt => held > v,
                    CompareOp::Ge => held >= v,
                    CompareOp::Lt => held < v,
                    _ => held <= v,
                },
                _ => false,
            }
        }
        Filter::In { path, values } => values.iter().any(|v| equal(&get(&path.name), v)),
        Filter::Call {
            function,
            path,
            text,
        } => match get(&path.name) {
            Held::Text(Some(held)) => text_is(Some(*function), held, text),
            _ => false,
        },
        Filter::Lambda {
            quantifier, body, ..
        } => {
            let body = &body.as_ref().unwrap().1;
            let element = |tag: &String| {
                let tag: &'static str = NAMES.iter().find(|n| *n == tag).unwrap();
                holds(body, &|_| Held::Text(Some(tag)), &[])
            };
            match quantifier {
                Quantifier::Any => tags.iter().any(element),
                Quantifier::All => tags.iter().all(element),
            }
        }
        Filter::Flag(_) => unreachable!("not generated"),
    }
}

fn expected(filter: &Filter, machine: &Machine) -> bool {
    let known = |text: &str| *NAMES.iter().find(|n| **n == text).unwrap();
    let name = machine.dns_name.as_deref().map(known);
    let platform = known(&machine.os_platform);
    let (seen, group, risk) = (
        ticks_from_unix_micros(machine.last_seen),
        machine.rbac_group_id,
        machine.risk_score.as_str(),
    );
    let get = move |field: &str| match field {
        "computerDnsName" => Held::Text(name),
        "osPlatform" => Held::Text(Some(platform)),
        "riskScore" => Held::Text(Some(risk)),
        "rbacgroupid" => Held::Number(group),
        _ => Held::Number(seen),
    };
    holds(filter, &get, &machine.tags)
}

async fn fill(store: &Store) -> Vec<Machine> {
    let mut tx = two_tenants(store).await;
    let machines: Vec<Machine> = (0..30).map(machine).collect();
    for machine in &machines {
        machines::insert(&mut tx, tenant_id(1), machine)
            .await
            .unwrap();
        let other = Machine {
            tags: vec!["alpha".into()],
            ..machine.clone()
        };
        machines::insert(&mut tx, tenant_id(2), &other)
            .await
            .unwrap();
    }
    tx.commit().await.unwrap();
    machines
}

async fn found(store: &Store, filter: &Filter) -> Vec<DeviceId> {
    let condition = SqlFilter::compile(filter, &MACHINES_MDE).unwrap();
    let mut tx = store.read().await.unwrap();
    let listing = machines::list(&mut tx, tenant_id(1), Some(&condition), &Page::first(100))
        .await
        .unwrap();
    listing.items.into_iter().map(|m| m.id).collect()
}

fn check(runtime: &tokio::runtime::Runtime, store: &Store, cases: u32) {
    let rows = runtime.block_on(fill(store));
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new(config)
        .run(&condition(), |filter| {
            let by_sql = runtime.block_on(found(store, &filter));
            let in_memory: Vec<DeviceId> = rows
                .iter()
                .filter(|m| expected(&filter, m))
                .map(|m| m.id.clone())
                .collect();
            prop_assert_eq!(&by_sql, &in_memory, "{}", filter);
            // The printed text means the same.
            let again = parse_filter(&filter.to_string()).unwrap();
            prop_assert_eq!(runtime.block_on(found(store, &again)), in_memory);
            Ok(())
        })
        .unwrap();
}

#[test]
fn sql_agrees_with_memory_on_sqlite() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let fixture = runtime.block_on(Fixture::sqlite());
    check(&runtime, &fixture.store, 300);
}

#[test]
fn sql_agrees_with_memory_on_postgres() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if let Some(fixture) = runtime.block_on(Fixture::postgres()) {
        check(&runtime, &fixture.store, 150);
    }
}

#[test]
fn unknown_things_are_named_with_what_is_known() {
    for (text, says) in [
        (
            "severity eq 'High'",
            "lastUpdateTime, createdTime, status, assignedTo",
        ),
        (
            "status eq 'Open'",
            "Active, InProgress, Resolved, Redirected",
        ),
        ("status gt 'Active'", "eq, ne, in"),
        ("contains(status, 'A')", "eq, ne, in"),
        ("createdTime eq '2020-01-01Z'", "a date without quotes"),
        ("assignedTo eq 5", "a quoted text"),
        ("status", "a quoted word"),
        ("assignedTo/any(t: t eq 'x')", "does not take any and all"),
        ("status eq Active", "'Active' is no value"),
    ] {
        let error = filter(text, &INCIDENTS_XDR).unwrap_err();
        assert!(error.message.contains(says), "{text}: {error}");
    }
    let inner = filter("machineTags/any(t: u eq 'x')", &MACHINES_MDE).unwrap_err();
    assert!(inner.message.contains("these can: t"), "{inner}");
}

#[test]
fn the_widest_filter_still_runs() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let fixture = runtime.block_on(Fixture::sqlite());
    runtime.block_on(fill(&fixture.store));
    let wide = vec!["rbacGroupId eq 1"; 500].join(" or ");
    let deep = format!("{}rbacGroupId eq 1{}", "not (".repeat(25), ")".repeat(25));
    for text in [wide, deep] {
        let parsed = parse_filter(&text).unwrap();
        assert!(!runtime.block_on(found(&fixture.store, &parsed)).is_empty());
    }
}
