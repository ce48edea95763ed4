//! Every function of the catalogue over damaged texts of every kind that one of them reads.

use std::fmt::Write as _;
use std::fs;
use std::sync::Arc;

use bartizan_hunting::{HuntError, LocalTables};
use bartizan_kql::catalogue::{
    Accepts, Shape, Signature, Target, aggregate_functions, scalar_functions,
};
use bartizan_kql::types::Type;
use bartizan_kql::{Scope, bind, parse};
use serde_json::json;

use crate::fuzz::{engine, request, runtime};
use crate::fuzz_engine::{Corpus, run};

/// So many calls are in one query.
const AT_ONCE: usize = 10;

/// The types that a text is read as: the letter of the column, and the function.
const COLUMNS: [(&str, &str); 9] = [
    ("s", "tostring"),
    ("l", "tolong"),
    ("r", "toreal"),
    ("m", "todecimal"),
    ("t", "todatetime"),
    ("p", "totimespan"),
    ("d", "parse_json"),
    ("g", "toguid"),
    ("b", "tobool"),
];

/// The table with the columns that these calls name: two texts, as the types that are asked for.
fn start(calls: &str) -> String {
    let mut columns = vec!["sa = a".to_owned()];
    for of in ["a", "b"] {
        for (letter, function) in COLUMNS {
            let name = format!("{letter}{of}");
            let mut words = calls.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            if name != "sa" && words.any(|word| word == name) {
                columns.push(format!("{name} = {function}({of})"));
            }
        }
    }
    format!("T | project {}", columns.join(", "))
}

/// An argument of a type: a column, or a constant where a function wants one.
fn argument(accepts: Accepts, at: usize, constant: bool) -> String {
    let name = match accepts {
        Accepts::Only(Type::Bool) => "b",
        Accepts::Only(Type::DateTime) => "t",
        Accepts::Only(Type::Dynamic) | Accepts::Array | Accepts::Bag => "d",
        Accepts::ArrayOrBool | Accepts::IntegerOrArray => "d",
        Accepts::Only(Type::Guid) => "g",
        Accepts::Only(Type::Int | Type::Long) | Accepts::Integer => "l",
        Accepts::Only(Type::Real) | Accepts::Number | Accepts::NumberOrBool => "r",
        Accepts::Only(Type::TimeSpan) => "p",
        Accepts::Only(Type::Decimal) => "m",
        Accepts::Summable | Accepts::Orderable => "l",
        Accepts::TypeLiteral => return "typeof(long)".to_owned(),
        _ => "s",
    };
    match (name, constant) {
        ("s", true) => "'(a+)+b|[^,]*'".to_owned(),
        ("l", true) => "3".to_owned(),
        ("r", true) => "0.5".to_owned(),
        ("p", true) => "1h".to_owned(),
        ("b", true) => "true".to_owned(),
        ("d", true) => "dynamic([1, 2.5, 'x'])".to_owned(),
        _ => format!("{name}{}", if at == 0 { 'a' } else { 'b' }),
    }
}

/// The calls of a signature that the binder takes.
fn calls(name: &str, signature: &Signature, condition: Option<usize>) -> Vec<String> {
    let most = signature.params.len();
    let mut calls = Vec::new();
    for (count, constants) in [(most, 9), (most, 1), (signature.required, 9), (most, 0)] {
        let params = signature.params[..count].iter().enumerate();
        let mut arguments: Vec<String> = params
            .map(|(at, param)| argument(param.accepts, at, at >= constants))
            .collect();
        if let Some(at) = condition {
            arguments.insert(at.min(arguments.len()), "la > 0".to_owned());
        }
        let call = format!("{name}({})", arguments.join(", "));
        if !calls.contains(&call) {
            calls.push(call);
        }
    }
    calls
}

/// A query, and what it calls.
struct Query {
    text: String,
    calls: Vec<String>,
}

/// The query that calls what a line says, or else any one, the same for the same line.
fn chosen<'q>(queries: &'q [Query], line: &str) -> &'q Query {
    let named = queries.iter().find(|q| q.calls.iter().any(|c| c == line));
    let sum: usize = line.bytes().map(usize::from).sum();
    named.unwrap_or(&queries[sum % queries.len()])
}

/// Queries that call everything, some functions each.
fn queries() -> Vec<Query> {
    let mut scope = Scope::new();
    let columns = ["a", "b"].map(|name| (name.to_owned(), Type::String));
    scope.add_table("T", columns.to_vec());
    let binds = |query: &str| bind(&parse(query).query, &scope).query.is_some();
    let scalars = scalar_functions().flat_map(|f| {
        let window = matches!(f.target, Target::Window(_));
        let signatures = f.signatures.iter().filter(move |_| !window);
        signatures.flat_map(|s| calls(f.name, s, None))
    });
    let scalars = scalars.filter(|call| binds(&format!("{} | extend {call}", start(call))));
    let scalars: Vec<String> = scalars.collect();
    let aggregates = aggregate_functions().flat_map(|f| {
        let condition = match f.shape {
            Shape::Filtered(at) => Some(at),
            _ => None,
        };
        let signatures = f.signatures.iter();
        signatures.flat_map(move |s| calls(f.name, s, condition))
    });
    let aggregates =
        aggregates.filter(|call| binds(&format!("{} | summarize {call}", start(call))));
    let aggregates: Vec<String> = aggregates.collect();
    assert!(scalars.len() > 500 && aggregates.len() > 60);
    let mut queries = Vec::new();
    for some in scalars.chunks(AT_ONCE) {
        let mut columns = String::new();
        for (at, call) in some.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            let _ = write!(columns, "{comma}x{at} = {call}");
        }
        queries.push(Query {
            text: format!("{} | project {columns}", start(&columns)),
            calls: some.to_vec(),
        });
    }
    for some in aggregates.chunks(AT_ONCE) {
        let calls = some.join(", ");
        let start = start(&calls);
        queries.push(Query {
            text: format!("{start} | summarize {calls} by strlen(sa) % 3"),
            calls: some.to_vec(),
        });
    }
    queries
}

/// Texts that some function understands.
const TEXTS: [&str; 44] = [
    "",
    "0",
    "-9223372036854775808",
    "9223372036854775807",
    "1.7976931348623157e308",
    "79228162514264337593543950335.5",
    "true",
    "2026-02-28T23:59:59.9999999Z",
    "0001-01-01",
    "Sat, 28 Feb 2026 10:00:00 GMT",
    "1.02:03:04.0000005",
    "-10675199.02:48:05",
    "d1a0c0de-0000-4000-8000-00000000beef",
    "{\"a\":[1,2.5,null,{\"b\":\"x\"}],\"c\":true}",
    "[3,1,2,null,\"x\",1e300,-0.0]",
    "[1,2,3,4,5,6,7,8,9,10,11,12]",
    "[[1,2],[3,4,5]]",
    "<a x=\"1\"><b>t&amp;u</b><b/><!-- c --><![CDATA[d]]></a>",
    "https://user:pw@www.example.com:8443/a/b;c?d=e&f=%41#g",
    "C:\\Windows\\System32\\..\\cmd.exe:stream",
    "\\\\server\\share$\\file.tar.gz",
    "/usr/bin/env",
    "192.168.1.17/24",
    "fe80::1ff:fe23:4567:890a%eth2",
    "::ffff:10.0.0.1/112",
    "[\"10.0.0.0/8\",\"2001:db8::/32\"]",
    "{\"type\":\"Point\",\"coordinates\":[11.5,48.1]}",
    "{\"type\":\"Polygon\",\"coordinates\":[[[0,0],[10,0],[10,10],[0,10],[0,0]],[[2,2],[3,2],[3,3],[2,2]]]}",
    "{\"type\":\"LineString\",\"coordinates\":[[179,10],[-179,20],[0,89.9]]}",
    "{\"type\":\"MultiPolygon\",\"coordinates\":[[[[0,0],[1,0],[1,1],[0,0]]]]}",
    "u281z",
    "8628d8b4fffffff",
    "SGVsbG8gd29ybGQ=",
    "H4sIAAAAAAAA/8tIzcnJBwCGphA2BQAAAA==",
    "cmd.exe /c \"echo ^\"a b^\" & powershell -enc SQBFAFgA\"",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/120.0.0.0 Safari/537.36",
    "a,\"b \"\"c\"\"\",d\r\ne,f,g",
    "k1=v1;k2='v 2';k3",
    "xn--bcher-kva.example",
    "1.2.3.4-beta",
    "yyyy-MM-dd HH:mm:ss.fffffff tt",
    "^(?i)([a-z]+)\\d{2,}(?<n>x)?$",
    "\u{e9}t\u{e9} \u{1f600} stra\u{df}e \u{130}",
    "Europe/Berlin",
];

fn corpus(queries: &[Query]) -> Corpus {
    let texts = TEXTS.join("\n");
    Corpus {
        // The first line chooses the query.
        seeds: queries
            .iter()
            .map(|query| format!("{}\n{texts}", query.calls[0]).into_bytes())
            .collect(),
        words: vec![
            "\n",
            "\n",
            "\"",
            "\\",
            "[",
            "]",
            "{",
            "}",
            ",",
            ":",
            "%",
            "%00",
            "/",
            "//",
            "<",
            ">",
            "&#x",
            "(",
            ")",
            "*",
            "+",
            "?",
            "-",
            ".",
            "0",
            "9",
            "e9",
            "-1",
            "nan",
            "inf",
            "null",
            "::",
            "=",
            "==",
            "\u{e9}",
            "\u{1f600}",
            "\0",
            "\t",
            "99999999999999999999",
            "1e-320",
            "180",
            "-90",
            "PT",
            "Z",
            "GEOMETRYCOLLECTION",
            "\"type\":",
            "\"coordinates\":",
        ],
        rounds: 4,
    }
}

#[test]
fn fuzz_functions() {
    let queries = queries();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("t.jsonl");
    let (engine, runtime) = (engine(), runtime());
    run("functions", &corpus(&queries), |input| {
        let input = String::from_utf8_lossy(input);
        let (line, texts) = input.split_once('\n').unwrap_or((&input, ""));
        let query = &chosen(&queries, line).text;
        let texts: Vec<&str> = texts.split('\n').collect();
        let mut lines = String::new();
        for (at, text) in texts.iter().enumerate() {
            let other = texts[(at * 7 + 3) % texts.len()];
            let _ = writeln!(lines, "{}", json!({"a": text, "b": other}));
        }
        fs::write(&path, lines).expect("written");
        let mut tables = LocalTables::new();
        tables.add("T", &path).expect("a table");
        let answer = runtime.block_on(engine.run(request(query.clone(), Arc::new(tables))));
        match answer {
            Err(HuntError::Internal(message)) => panic!("{message}\n{query}"),
            Err(HuntError::Semantic(problems) | HuntError::Syntax(problems)) => {
                panic!("{problems:?}\n{query}")
            }
            Err(HuntError::Timeout) => panic!("it takes too long\n{query}"),
            _ => {}
        }
    });
}
