//! `externaldata` in each format, over a reader that has its files in memory.

use std::collections::HashMap;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use bartizan_hunting::{
    Engine, EngineSettings, ExternalError, ExternalReader, HuntError, HuntRequest, Limits, NoTables,
};
use bytes::Bytes;
use futures::future::BoxFuture;
use serde_json::{Value, json};

#[derive(Debug, Default)]
pub(crate) struct Files {
    files: HashMap<String, Bytes>,
    reads: AtomicUsize,
}

impl Files {
    pub(crate) fn of(files: &[(&str, &[u8])]) -> Arc<Self> {
        let files = files
            .iter()
            .map(|(name, bytes)| (place(name), Bytes::copy_from_slice(bytes)));
        Arc::new(Self {
            files: files.collect(),
            reads: AtomicUsize::new(0),
        })
    }
}

pub(crate) fn place(name: &str) -> String {
    format!("https://feeds.example/{name}")
}

impl ExternalReader for Files {
    fn read<'a>(
        &'a self,
        location: &'a str,
        most: usize,
    ) -> BoxFuture<'a, Result<Bytes, ExternalError>> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        let end = location.find('?').unwrap_or(location.len());
        let found = self.files.get(&location[..end]).cloned();
        Box::pin(async move {
            match found {
                Some(bytes) if bytes.len() > most => {
                    Err(ExternalError::Failed("it is too long".to_owned()))
                }
                found => found.ok_or(ExternalError::NotAllowed),
            }
        })
    }
}

pub(crate) fn hunt(query: &str, limits: Limits) -> HuntRequest {
    HuntRequest {
        query: query.to_owned(),
        now_ticks: 639_079_632_000_000_000,
        timespan: None,
        limits,
        tables: Arc::new(NoTables),
    }
}

fn run(files: &Arc<Files>, query: &str, limits: Limits) -> Result<Value, HuntError> {
    let engine = Engine::new(EngineSettings {
        threads: 2,
        external: Some(files.clone()),
        ..EngineSettings::default()
    })?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let result = runtime.block_on(engine.run(hunt(query, limits)))?;
    let text = result.to_columns_rows_json();
    let answer: Value = serde_json::from_str(&text).expect("JSON");
    Ok(answer["rows"].clone())
}

fn rows(files: &Arc<Files>, query: &str) -> Value {
    run(files, query, Limits::default()).unwrap_or_else(|error| panic!("{query}: {error}"))
}

/// The rows of one file, in columns of several types.
fn typed(name: &str, bytes: &[u8], with: &str) -> Value {
    let columns = "s:string, n:long, t:datetime, d:dynamic";
    let location = place(name);
    let query = format!("externaldata({columns})['{location}'] {with}");
    rows(&Files::of(&[(name, bytes)]), &query)
}

fn refused(files: &[(&str, &[u8])], query: &str) -> String {
    match run(&Files::of(files), query, Limits::default()) {
        Err(HuntError::Evaluation(text)) => text,
        other => panic!("{query}: {other:?}"),
    }
}

#[test]
fn fields_of_every_delimiter_become_values() {
    let wanted = json!([
        ["a, b", 1, "2026-01-02T03:04:05.0000000Z", {"k": [1]}],
        ["c", null, null, "no json"],
        ["short", 7, null, null]
    ]);
    let csv = "\u{feff}\"a, b\",1,2026-01-02T03:04:05Z,\"{\"\"k\"\":[1]}\"\r\nc,many,never,no json,more\n\nshort,7\n";
    assert_eq!(typed("list.csv", csv.as_bytes(), ""), wanted);
    // Nothing says what it is: it is CSV.
    assert_eq!(typed("list", csv.as_bytes(), ""), wanted);
    assert_eq!(
        typed("list.bin", csv.as_bytes(), "with (format='CSV')"),
        wanted
    );
    for (name, delimiter) in [
        ("x.psv", "|"),
        ("x.scsv", ";"),
        ("x.tsv", "\t"),
        ("x.sohsv", "\u{1}"),
    ] {
        let text = ["a, b", "1", "2026-01-02T03:04:05Z", "{\"k\":[1]}"].join(delimiter);
        let text = if matches!(delimiter, "|" | ";") {
            text.replace("{\"k\":[1]}", "\"{\"\"k\"\":[1]}\"")
        } else {
            text
        };
        assert_eq!(
            typed(name, text.as_bytes(), ""),
            json!([wanted[0]]),
            "{name}"
        );
    }
    let escaped = b"a\\tb\\\\\t5\t\t\nx\\\ty\t6\n";
    assert_eq!(
        typed("x.tsv", escaped, "with (format=tsve)"),
        json!([["a\tb\\", 5, null, null], ["x\ty", 6, null, null]])
    );
    let wide: Vec<u8> = [0xff, 0xfe]
        .into_iter()
        .chain("ä,2\n".encode_utf16().flat_map(u16::to_le_bytes))
        .collect();
    assert_eq!(typed("x.csv", &wide, ""), json!([["ä", 2, null, null]]));
}

#[test]
fn a_header_is_skipped_when_asked() {
    for (name, text) in [
        ("x.csv", &b"s,n\na,1\n"[..]),
        ("x.tsv", b"s\tn\na\t1\n"),
        ("x.json", b"{\"s\":\"header\"}\n{\"s\":\"a\",\"n\":1}"),
    ] {
        let found = typed(name, text, "with (ignoreFirstRecord=true)");
        assert_eq!(found, json!([["a", 1, null, null]]), "{name}");
        let kept = typed(name, text, "with (ignoreFirstRecord=false)");
        assert_eq!(kept.as_array().map(Vec::len), Some(2), "{name}");
    }
    let files = Files::of(&[("x.txt", b"# list\n1.2.3.4\n")]);
    let query =
        "externaldata(a:string)['https://feeds.example/x.txt'] with (ignoreFirstRecord=true)";
    assert_eq!(rows(&files, query), json!([["1.2.3.4"]]));
}

#[test]
fn texts_are_lines_or_one_value() {
    let text = b"first, line\r\n\n\"second\"\n\xff";
    let one = |value: &str| json!([value, null, null, null]);
    assert_eq!(
        typed("x.txt", text, ""),
        json!([one("first, line"), one("\"second\""), one("\u{fffd}")])
    );
    assert_eq!(
        typed("x.raw", b"all\nof it", ""),
        json!([one("all\nof it")])
    );
    let files = Files::of(&[("x.txt", b"{\"a\":1}")]);
    let query = "externaldata(a:dynamic)['https://feeds.example/x.txt'] with (format='raw') | project toint(a.a)";
    assert_eq!(rows(&files, query), json!([[1]]));
}

#[test]
fn json_is_found_by_name() {
    let wanted = json!([
        ["a", 1, "2026-01-02T03:04:05.0000000Z", {"k": [1]}],
        ["{\"x\":2}", null, null, "text"],
        ["", null, null, null]
    ]);
    let records = [
        r#"{"s":"a","n":1,"t":"2026-01-02T03:04:05Z","d":{"k":[1]},"more":0}"#,
        r#"{"s":{"x":2},"n":"many","t":false,"d":"text"}"#,
        r#"{"S":"other case","n":null}"#,
    ];
    for (name, text) in [
        ("x.json", records.join("\n")),
        ("x.multijson", records.join("\n").replace(',', ",\n ")),
        ("y.multijson", format!("[{}]", records.join(",\n"))),
    ] {
        assert_eq!(typed(name, text.as_bytes(), ""), wanted, "{name}");
    }
    let query = "externaldata(a:string)['https://feeds.example/x.json']";
    for (text, says) in [
        ("{\"a\":1}\n{\"a\":", "its record 2 is no JSON object"),
        ("[{\"a\":1}, 7]", "its record 2 is no JSON object"),
        ("[{\"a\":1}", "does not end"),
    ] {
        let error = refused(&[("x.json", text.as_bytes())], query);
        assert!(error.contains(says), "{error}");
        assert!(error.contains("https://feeds.example/x.json"), "{error}");
    }
}

#[test]
fn a_mapping_says_which_value_goes_where() {
    let mapping = r#"[{"Column":"s","Properties":{"Path":"$.user.name"}},
        {"column":"n","path":"$['a list'][1]"},
        {"Column":"t","Properties":{"ConstValue":"2026-01-02"}},
        {"Column":"d","Properties":{"Path":"$"}}]"#;
    let with = format!("with (format='multijson', ingestionMapping=```{mapping}```)");
    let record = json!({"user": {"name": "eve"}, "a list": [1, 2]});
    assert_eq!(
        typed("x.json", record.to_string().as_bytes(), &with),
        json!([["eve", 2, "2026-01-02T00:00:00.0000000Z", record]])
    );
    let with = "with (format='csv', ingestionMapping='[{\"Column\":\"n\",\"Properties\":{\"Ordinal\":\"0\"}},{\"Name\":\"s\",\"Ordinal\":2}]')";
    assert_eq!(
        typed("x.csv", b"5,x,last\n", with),
        json!([["last", 5, null, null]])
    );
    let query = |mapping: &str| {
        format!(
            "externaldata(a:string)['https://feeds.example/x.json'] with (ingestionMapping='{mapping}')"
        )
    };
    for (mapping, says) in [
        ("{", "no JSON array"),
        (
            r#"[{"Column":"b","Properties":{"Path":"$.b"}}]"#,
            "'b', which is no column",
        ),
        (
            r#"[{"Column":"a","Properties":{"Path":"$..b"}}]"#,
            "no path",
        ),
        (
            r#"[{"Column":"a","Properties":{"Transform":"SourceLocation"}}]"#,
            "SourceLocation is not there",
        ),
    ] {
        let error = refused(&[("x.json", b"{}")], &query(mapping));
        assert!(error.contains(says), "{error}");
    }
}

fn parquet() -> Vec<u8> {
    let times = TimestampMicrosecondArray::from(vec![Some(1_767_323_045_000_000), None]);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("n", Arc::new(Int64Array::from(vec![Some(1), None]))),
        ("s", Arc::new(StringArray::from(vec![Some("a"), None]))),
        ("t", Arc::new(times)),
        (
            "d",
            Arc::new(StringArray::from(vec![Some("{\"k\":[1]}"), None])),
        ),
    ];
    let batch = RecordBatch::try_from_iter(columns).expect("a batch");
    let mut file = Vec::new();
    let mut writer =
        parquet::arrow::ArrowWriter::try_new(&mut file, batch.schema(), None).expect("a writer");
    writer.write(&batch).expect("written");
    writer.close().expect("closed");
    file
}

#[test]
fn parquet_is_found_by_name_and_converted() {
    let file = parquet();
    assert_eq!(
        typed("x.parquet", &file, ""),
        json!([
            ["a", 1, "2026-01-02T03:04:05.0000000Z", {"k": [1]}],
            ["", null, null, null]
        ])
    );
    let files = Files::of(&[("x.parquet", &file)]);
    let other = "externaldata(n:string, t:string, s:guid, gone:int, k:int)['https://feeds.example/x.parquet'] with (ingestionMapping='[{\"Column\":\"n\",\"Properties\":{\"Path\":\"$.n\"}},{\"Column\":\"t\",\"Properties\":{\"Field\":\"t\"}},{\"Column\":\"s\",\"Properties\":{\"Path\":\"$.s\"}},{\"Column\":\"k\",\"Properties\":{\"Path\":\"$.d.k[0]\"}}]') | take 1";
    assert_eq!(
        rows(&files, other),
        json!([["1", "2026-01-02T03:04:05.0000000Z", null, null, 1]])
    );
    let error = refused(
        &[("x.parquet", b"PAR1 but no more")],
        "externaldata(a:string)['https://feeds.example/x.parquet']",
    );
    assert!(error.contains("no Parquet file"), "{error}");
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(bytes).expect("written");
    writer.finish().expect("finished")
}

#[test]
fn compressed_files_are_unpacked_within_bounds() {
    let files = Files::of(&[
        ("x.csv.gz", &gzip(b"a,1\n")),
        ("x.zip", &{
            let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
            let options = zip::write::SimpleFileOptions::default();
            for (name, text) in [("one", "h\nb,2\n"), ("two", "h\nc,3")] {
                archive.start_file(name, options).expect("a member");
                archive.write_all(text.as_bytes()).expect("written");
            }
            archive.finish().expect("finished").into_inner()
        }),
        ("bomb.csv.gz", &gzip(&vec![b'x'; 101_000_000])),
        ("y.csv.gz", b"not gzip"),
        ("y.zip", b"not zip"),
    ]);
    let query = |name: &str, with: &str| {
        format!(
            "externaldata(s:string, n:int)['{}?sig=hidden'] {with}",
            place(name)
        )
    };
    assert_eq!(rows(&files, &query("x.csv.gz", "")), json!([["a", 1]]));
    assert_eq!(
        rows(
            &files,
            &query("x.zip", "with (format='csv', ignoreFirstRecord=true)")
        ),
        json!([["b", 2], ["c", 3]])
    );
    for (name, says) in [
        ("bomb.csv.gz", "unpacked it has more than 100000000 bytes"),
        ("y.csv.gz", "no valid gzip data"),
        ("y.zip", "no zip archive"),
    ] {
        let error = run(&files, &query(name, ""), Limits::default()).expect_err(name);
        let error = error.to_string();
        assert!(error.contains(says) && error.contains(name), "{error}");
        assert!(!error.contains("hidden"), "{error}");
    }
}

#[test]
fn what_cannot_be_read_is_told_with_the_remedy() {
    for (query, says) in [
        (
            "['https://feeds.example/other.csv?sig=hidden']",
            "'external-data'",
        ),
        (
            "[h'https://user:hidden@feeds.example/other.csv']",
            "'https://feeds.example/other.csv'",
        ),
        (
            "['https://feeds.example/a.avro']",
            "the format 'avro' cannot be read",
        ),
        ("['https://feeds.example/a.log']", "with (format='txt')"),
        (
            "['https://feeds.example/a.csv'] with (format='orc')",
            "'orc'",
        ),
        (
            "['https://feeds.example/a.csv'] with (ignoreFirstRecord='often')",
            "true or false",
        ),
        (
            "['https://feeds.example/a.csv'] with (speed='high')",
            "'speed' is not known",
        ),
    ] {
        let error = refused(&[], &format!("externaldata(a:string){query}"));
        assert!(error.starts_with("externaldata: "), "{error}");
        assert!(error.contains(says), "{error}");
        assert!(!error.contains("hidden"), "{error}");
    }
}

#[test]
fn a_location_is_read_once_and_joins_like_a_table() {
    let files = Files::of(&[("a.txt", b"x\ny\n"), ("b.txt", b"z\nx\n")]);
    let query = "let bad = externaldata(name:string)['https://feeds.example/a.txt', 'https://feeds.example/b.txt'];
        datatable(name:string, n:int)['x', 1, 'q', 2]
        | where name in (bad)
        | join kind=inner (bad | summarize seen = count() by name) on name
        | project name, n, seen, all = toscalar(bad | count)";
    assert_eq!(rows(&files, query), json!([["x", 1, 2, 4]]));
    assert_eq!(files.reads.load(Ordering::SeqCst), 2);
    assert_eq!(
        rows(
            &files,
            "externaldata(name:string)['https://feeds.example/b.txt'] | as T | extend n = 1"
        ),
        json!([["z", 1], ["x", 1]])
    );
}

#[test]
fn what_is_read_counts_as_memory() {
    let lines = "abcdefgh\n".repeat(500_000);
    let files = Files::of(&[("a.txt", lines.as_bytes())]);
    let query = "externaldata(name:string)['https://feeds.example/a.txt'] | count";
    assert_eq!(rows(&files, query), json!([[500_000]]));
    let limits = Limits {
        memory: 6 << 20,
        ..Limits::default()
    };
    assert!(matches!(
        run(&files, query, limits),
        Err(HuntError::MemoryExhausted)
    ));
}

#[test]
fn a_short_file_cannot_become_a_long_one() {
    let text = "x".repeat(100_000);
    let lines = "line\n".repeat(8192);
    let record = format!("{{\"a\":\"{}\"}}", "x".repeat(1_000_000));
    let files = Files::of(&[
        ("a.txt", lines.as_bytes()),
        ("a.raw", &vec![b'x'; 1_000_000]),
        ("a.json", record.as_bytes()),
        ("commas.csv", &vec![b','; 17 << 20]),
        ("tabs.tsve", &vec![b'\t'; 17 << 20]),
    ]);
    let run = |query: &str| {
        let limits = Limits {
            memory: 64 << 20,
            ..Limits::default()
        };
        run(&files, query, limits)
    };
    let constant = format!(
        "externaldata(a:string)['{}'] with (ingestionMapping='[{{\"Column\":\"a\",\"ConstValue\":\"{text}\"}}]') | where strlen(a) == 100000 | count",
        place("a.txt")
    );
    assert_eq!(run(&constant).expect("rows"), json!([[8192]]));
    let columns = |count: usize| {
        let columns: Vec<String> = (0..count).map(|n| format!("c{n}:string")).collect();
        columns.join(",")
    };
    let mapped = |source: &str| {
        let elements: Vec<String> = (0..200)
            .map(|n| format!("{{\"Column\":\"c{n}\",{source}}}"))
            .collect();
        format!("with (ingestionMapping='[{}]')", elements.join(","))
    };
    for (name, count, with, says) in [
        (
            "a.raw",
            200,
            mapped("\"Ordinal\":0"),
            "too long for so many columns",
        ),
        (
            "a.json",
            200,
            mapped("\"Path\":\"$\""),
            "too long for so many columns",
        ),
        ("commas.csv", 1, String::new(), "more than 16777216 bytes"),
        ("tabs.tsve", 1, String::new(), "more than 16777216 bytes"),
        ("a.txt", 2001, String::new(), "at most 2000 columns"),
    ] {
        let query = format!(
            "externaldata({})['{}'] {with} | count",
            columns(count),
            place(name)
        );
        let error = run(&query).expect_err(name).to_string();
        assert!(error.contains(says), "{name}: {error}");
    }
}

#[test]
fn archives_have_a_bounded_number_of_files() {
    let archive = |members: usize| {
        let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default();
        for n in 0..members {
            archive
                .start_file(n.to_string(), options)
                .expect("a member");
        }
        archive.write_all(b"last").expect("written");
        archive.finish().expect("finished").into_inner()
    };
    // A gzip file may have any number, which are one file together.
    let parts = [gzip(b"a,"), gzip(b""), gzip(b"1\nb"), gzip(b",2\n")].concat();
    let files = Files::of(&[
        ("x.zip", &archive(1000)),
        ("y.zip", &archive(1001)),
        ("x.csv.gz", &parts),
    ]);
    let query = |name: &str| format!("externaldata(s:string, n:int)['{}']", place(name));
    assert_eq!(rows(&files, &query("x.zip")), json!([["last", null]]));
    let error = run(&files, &query("y.zip"), Limits::default()).expect_err("too many");
    assert!(
        error.to_string().contains("more than 1000 files"),
        "{error}"
    );
    assert_eq!(
        rows(&files, &query("x.csv.gz")),
        json!([["a", 1], ["b", 2]])
    );
}

#[test]
fn rows_share_a_text_as_they_do_in_a_parquet_file() {
    let text = "x".repeat(10_000);
    let texts: ArrayRef = Arc::new(StringArray::from_iter_values(std::iter::repeat_n(
        &text, 8192,
    )));
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..8192));
    let batch = RecordBatch::try_from_iter([("n", numbers), ("other", texts)]).expect("a batch");
    for plain in [false, true] {
        let options =
            parquet::arrow::arrow_writer::ArrowWriterOptions::new().with_skip_arrow_metadata(plain);
        let mut file = Vec::new();
        let mut writer =
            parquet::arrow::ArrowWriter::try_new_with_options(&mut file, batch.schema(), options)
                .expect("a writer");
        writer.write(&batch).expect("written");
        writer.close().expect("closed");
        assert!(file.len() < 1_000_000);
        let files = Files::of(&[("x.parquet", &file)]);
        let run = |columns: &str, then: &str| {
            let query = format!("externaldata({columns})['{}'] | {then}", place("x.parquet"));
            let limits = Limits {
                memory: 24 << 20,
                ..Limits::default()
            };
            run(&files, &query, limits).unwrap_or_else(|error| panic!("{query}: {error}"))
        };
        assert_eq!(
            run("n:long", "summarize count(), sum(n)"),
            json!([[8192, 33_550_336]])
        );
        assert_eq!(
            run(
                "other:string, n:long",
                "where strlen(other) == 10000 | summarize count(), sum(n)"
            ),
            json!([[8192, 33_550_336]])
        );
        // No column of the file is wanted: it still has its rows.
        assert_eq!(run("gone:long", "count"), json!([[8192]]));
    }
}
