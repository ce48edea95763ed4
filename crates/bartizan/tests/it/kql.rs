//! `bartizan kql`: the language without a server, as other programs drive it.

use serde_json::{Value, json};

use crate::process::{Ended, run_with};

fn evaluate(query: &str, more: &[&str]) -> Ended {
    let arguments: Vec<&str> = ["kql", "run", "-"].iter().chain(more).copied().collect();
    run_with(&arguments, &[], query)
}

fn error(ended: Ended) -> Value {
    let err = ended.bad(2);
    let line = err.lines().last().expect("a line");
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {err}"))
}

#[test]
fn a_query_over_nothing_has_columns_and_rows() {
    let answer = evaluate("print x = 1, s = 'a'", &["--format", "json"]).json();
    assert_eq!(
        answer,
        json!({
            "columns": [{ "name": "x", "type": "long" }, { "name": "s", "type": "string" }],
            "rows": [[1, "a"]]
        })
    );
    let table = "datatable(n:int, t:string)[1,'a', 2,'b', 3,'a'] | summarize s = sum(n) by t | sort by t asc";
    assert_eq!(
        evaluate(table, &[]).json()["rows"],
        json!([["a", 4], ["b", 2]])
    );
}

#[test]
fn now_is_what_it_is_told_to_be() {
    let answer = evaluate("print now()", &["--now", "2026-01-02T03:04:05Z"]).json();
    let time = answer["rows"][0][0].as_str().expect("a time");
    assert!(time.starts_with("2026-01-02T03:04:05"), "{time}");
    evaluate("print now()", &["--now", "yesterday"]).bad(2);
}

#[test]
fn tables_come_from_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        path.display().to_string()
    };
    let csv = write(
        "t.csv",
        "name,size\nalpha,1\nbeta,20\n\"with, comma\",300\n",
    );
    let lines = write(
        "t.ndjson",
        "{\"name\":\"alpha\",\"ok\":true}\n{\"name\":\"beta\",\"ok\":false}\n",
    );
    let (a, b) = (format!("A={csv}"), format!("B={lines}"));
    let more = ["--table", a.as_str(), "--table", b.as_str()];
    let query = "A | join kind=inner B on name | project name, size, ok | sort by name asc";
    assert_eq!(
        evaluate(query, &more).json()["rows"],
        json!([["alpha", 1, true], ["beta", 20, false]])
    );
    assert_eq!(evaluate("A | count", &more).json()["rows"], json!([[3]]));
}

#[test]
fn mistakes_are_json_with_a_place() {
    let place = |found: &Value| (found["line"].as_u64(), found["column"].as_u64());
    let found = error(evaluate("print 1\n| where", &[]));
    assert_eq!(found["line"], 2, "{found}");
    assert!(
        found["message"].is_string() && found["code"].is_string(),
        "{found}"
    );
    let found = error(run_with(
        &["kql", "check"],
        &[],
        "DeviceEvents\n| where Nope == 1",
    ));
    assert_eq!(place(&found), (Some(2), Some(9)), "{found}");
    assert!(
        found["message"].as_str().expect("text").contains("Nope"),
        "{found}"
    );
    let found = error(evaluate("NoSuchTable | count", &[]));
    assert!(
        found["message"]
            .as_str()
            .expect("text")
            .contains("NoSuchTable"),
        "{found}"
    );
    error(evaluate("T | count", &["--table", "T=no-such-file.csv"]));
}

#[test]
fn a_good_query_is_checked_against_the_hunting_schema() {
    let answer = run_with(
        &["kql", "check"],
        &[],
        "DeviceProcessEvents | summarize n = count() by DeviceName",
    )
    .json();
    assert_eq!(
        answer["columns"],
        json!([{ "name": "DeviceName", "type": "string" }, { "name": "n", "type": "long" }])
    );
    // Its functions are known, too, as they are to a hunt.
    let query = "DeviceInfo | project DeviceId | invoke SeenBy() | extend n = 1, a = toscalar(AssignedIPAddresses('a') | count)";
    let answer = run_with(&["kql", "check"], &[], query).json();
    let names = answer["columns"].as_array().expect("columns").iter();
    let names: Vec<_> = names.map(|column| column["name"].clone()).collect();
    assert_eq!(names, ["DeviceId", "SeenBy", "n", "a"]);
}

#[test]
fn tables_of_ones_own_are_checked_beside_those_of_the_schema() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("own.csv");
    std::fs::write(&path, "a,b\n1,x\n").expect("written");
    let own = format!("Own={}", path.display());
    let checked = |query: &str, more: &[&str], input: &str| {
        let args = [
            &["kql", "check"],
            more,
            &[query][..usize::from(!query.is_empty())],
        ];
        run_with(&args.concat(), &[], input)
    };
    let columns = json!([{ "name": "a", "type": "long" }, { "name": "n", "type": "string" }]);
    let query = "Own | join kind=inner (DeviceEvents | project b = DeviceName, n = DeviceId) on b | project a, n";
    let answer = checked(query, &["--table", &own], "").json();
    assert_eq!(answer["columns"], columns);
    // A table's name alone is a query where there is such a table.
    let answer = checked("Own", &["--table", &own], "").json();
    assert_eq!(answer["columns"][0], columns[0]);
    let line = json!({ "id": 7, "query": query }).to_string();
    let answer = checked("", &["--io", "jsonl", "--table", &own], &line).json();
    assert_eq!((&answer["id"], &answer["columns"]), (&json!(7), &columns));
    // Without it there is none, and a file that is not there is named.
    assert!(
        error(checked(query, &[], ""))["message"]
            .as_str()
            .expect("text")
            .contains("Own")
    );
    let missing = error(checked(query, &["--table", "Own=no-such-file.csv"], ""));
    assert!(
        missing["message"]
            .as_str()
            .expect("text")
            .contains("no-such-file.csv")
    );
}

#[test]
fn several_tables_come_out_in_every_form() {
    let query = "range n from 1 to 3 step 1 | fork Sums = (summarize s = sum(n)) (where n > 9) | render table";
    let columns = |name: &str| json!([{ "name": name, "type": "long" }]);
    let checked = run_with(&["kql", "check"], &[], query).json();
    assert_eq!(
        checked,
        json!({
            "columns": columns("s"), "name": "Sums",
            "tables": [{ "name": "GenericResult_2", "columns": columns("n") }]
        })
    );
    let answer = json!({
        "columns": columns("s"), "rows": [[6]], "name": "Sums",
        "tables": [{ "name": "GenericResult_2", "columns": columns("n"), "rows": [] }]
    });
    assert_eq!(evaluate(query, &[]).json(), answer);
    let line = json!({ "id": 7, "query": query }).to_string();
    let mut lines = run_with(&["kql", "run", "--io", "jsonl"], &[], &line).json();
    assert_eq!(lines["id"].take(), json!(7));
    lines.as_object_mut().expect("an object").remove("id");
    assert_eq!(lines, answer);

    let of = |format: &str| evaluate(query, &["--format", format]).good();
    let (table, csv) = (of("table"), of("csv"));
    let (sums, other) = (table.find("Sums"), table.find("GenericResult_2"));
    assert!(
        sums.is_some() && sums < other && table.contains('6'),
        "{table}"
    );
    assert_eq!(csv, "Sums\ns\r\n6\r\n\nGenericResult_2\nn\r\n");
    assert_eq!(
        of("jsonl"),
        "{\"name\":\"Sums\",\"rows\":[{\"s\":6}]}\n{\"name\":\"GenericResult_2\",\"rows\":[]}\n"
    );

    let stage = |stage: &str| run_with(&["kql", stage, "-"], &[], query).good();
    for stage in [stage("plan"), stage("bound")] {
        assert!(
            stage.contains("Sums") && stage.contains("GenericResult_2"),
            "{stage}"
        );
    }
    let formatted = stage("fmt");
    assert_eq!(
        run_with(&["kql", "fmt", "-"], &[], &formatted).good(),
        formatted
    );
}

#[test]
fn deep_and_long_queries_end_with_an_error_not_a_crash() {
    let deep = format!("print {}1{}", "(".repeat(100_000), ")".repeat(100_000));
    error(evaluate(&deep, &[]));
    let binary = run_with(&["kql", "check"], &[], "\u{0}\u{1}print\u{7f}");
    binary.bad(2);
}

#[test]
fn editors_ask_what_stands_at_a_place_and_what_could() {
    let ask = |what: &str, at: &str, query: &str| {
        run_with(
            &["kql", what, "-", "--at", at, "--format", "json"],
            &[],
            query,
        )
    };
    let found = ask("complete", "2:13", "DeviceProcessEvents\n| where File");
    let found = found.json();
    let labels: Vec<&str> = found["completions"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|c| c["label"].as_str())
        .collect();
    assert!(labels.contains(&"FileName"), "{found}");
    let first = &found["completions"][0]["replaces"];
    assert_eq!(first["start"], json!({ "line": 2, "column": 9 }));
    let found = ask("hover", "1:9", "print strlen('a')").json();
    assert_eq!(found["hover"]["name"], "strlen", "{found}");
    ask("hover", "9", "print 1").bad(2);
}

/// A server that answers one request with a text.
fn once(text: &'static str) -> std::net::SocketAddr {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("a request");
            head.extend(byte);
        }
        let length = text.len();
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{text}"
        );
        stream.write_all(answer.as_bytes()).expect("answered");
    });
    address
}

#[test]
fn external_data_is_read_where_it_is_allowed() {
    let at = once("a,1\nb,2\n");
    let query = format!("externaldata(name:string, n:int)['http://{at}/lists/x.csv?sig=hidden']");
    let refused = error(evaluate(&query, &[]));
    let text = refused["message"].as_str().unwrap_or_default();
    assert!(text.contains("--external PREFIX"), "{refused}");
    assert!(!refused.to_string().contains("hidden"), "{refused}");
    let prefix = format!("http://{at}/lists/");
    assert_eq!(
        evaluate(&query, &["--external", &prefix]).json()["rows"],
        json!([["a", 1], ["b", 2]])
    );
    evaluate(&query, &["--external", "http://feeds.example/"]).bad(2);
}

#[test]
fn lines_that_are_no_requests_are_answered_and_the_others_go_on() {
    let lines = "{\"id\":1,\"query\":\"print 1\"}\nnonsense\n{\"id\":3}\n{\"id\":4,\"query\":\"print 4\"}\n";
    for command in ["run", "check"] {
        let ended = run_with(&["kql", command, "--io", "jsonl"], &[], lines);
        assert_eq!(ended.code, 2, "{ended:?}");
        let answers: Vec<Value> = ended
            .out
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect();
        let ids: Vec<&Value> = answers.iter().map(|answer| &answer["id"]).collect();
        assert_eq!(json!(ids), json!([1, null, 3, 4]), "{}", ended.out);
        assert_eq!(answers[1]["error"]["code"], "BZ311");
        assert_eq!(answers[2]["error"]["message"], "the line has no query");
        assert!(answers[3]["columns"].is_array(), "{}", ended.out);
    }
}

#[test]
fn the_formatter_keeps_comments() {
    let text = "// head\nT // rows\n| where a == 1 // one\n// end\n";
    assert_eq!(run_with(&["kql", "fmt"], &[], text).good(), text);
}

#[test]
fn what_a_newcomer_types_is_understood_or_explained() {
    let folder = tempfile::tempdir().expect("a folder");
    let csv = folder.path().join("a.csv");
    std::fs::write(&csv, "n\n7\n").expect("written");
    let table = format!("T={}", csv.display());
    let run = |arguments: &[&str]| {
        let all: Vec<&str> = ["kql", "run"].iter().chain(arguments).copied().collect();
        run_with(&all, &[], "")
    };
    assert_eq!(run(&["--table", &table, "T"]).json()["rows"], json!([[7]]));
    let said = run(&["--table", &table, "U"]).bad(2);
    assert!(said.contains("no such file"), "{said}");
    for empty in [run(&[""]), run(&[]), run(&["  // nothing"])] {
        let said = empty.bad(2).to_lowercase();
        assert!(said.contains("the query is empty"), "{said}");
    }
    let found = error(run(&["DeviceProcessEvents | take 1"]));
    let advice = found["suggestion"].as_str().expect("advice");
    assert!(
        advice.contains("--table DeviceProcessEvents=FILE"),
        "{found}"
    );
    assert!(advice.contains("bartizan hunt"), "{found}");
    let said = run_with(&["hunt", "nonexist.kql"], &[], "").bad(2);
    assert!(said.contains("nonexist.kql: no such file"), "{said}");
}

#[test]
fn parquet_files_are_indexed_and_others_are_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let csv = folder.path().join("t.csv");
    std::fs::write(&csv, "a\n1\n").expect("written");
    let index = |path: &std::path::Path| {
        let path = path.display().to_string();
        run_with(&["kql", "index", &path, "--format", "json"], &[], "")
    };
    assert!(index(&csv).bad(2).contains("only .parquet files"));
    assert!(index(folder.path()).bad(2).contains("no .parquet file"));
    index(&folder.path().join("missing.parquet")).bad(2);
}
