//! Files as tables, and the window of time.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Int64Array, ListBuilder, RecordBatch, StringArray, StringBuilder,
    TimestampMicrosecondArray, TimestampNanosecondArray,
};
use bartizan_hunting::{
    EngineSettings, HuntError, HuntRequest, Limits, LocalError, LocalTables, TimeWindow,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

use crate::engine::engine;

const DAY: i64 = 864_000_000_000;
/// 2026-03-01T00:00:00Z.
const MARCH: i64 = 639_079_200_000_000_000;
/// The same in microseconds since 1970.
const MARCH_MICROS: i64 = 1_772_323_200_000_000;

fn rows(
    tables: &LocalTables,
    query: &str,
    timespan: Option<TimeWindow>,
) -> Result<String, HuntError> {
    let (engine, runtime) = engine(EngineSettings {
        threads: 2,
        batch_rows: 64,
        ..EngineSettings::default()
    });
    let result = runtime.block_on(engine.run(HuntRequest {
        query: query.to_owned(),
        now_ticks: MARCH + DAY,
        timespan,
        limits: Limits::default(),
        tables: Arc::new(tables.clone()),
    }))?;
    let mut out = Vec::new();
    result.table.write_rows(&mut out);
    Ok(String::from_utf8(out).expect("UTF-8"))
}

fn write_parquet(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let batch = RecordBatch::try_from_iter(columns).expect("a batch");
    let file = fs::File::create(path).expect("a file");
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).expect("a writer");
    writer.write(&batch).expect("written");
    writer.close().expect("closed");
}

#[test]
fn parquet_of_any_origin() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("t.parquet");
    let mut list = ListBuilder::new(StringBuilder::new());
    list.append_value([Some("a"), Some("b")]);
    list.append_null();
    write_parquet(
        &path,
        vec![
            (
                "When",
                Arc::new(
                    TimestampMicrosecondArray::from(vec![MARCH_MICROS + 1, MARCH_MICROS])
                        .with_timezone("UTC"),
                ),
            ),
            (
                "Nanos",
                Arc::new(TimestampNanosecondArray::from(vec![Some(100), None])),
            ),
            ("Text", Arc::new(StringArray::from(vec![Some("x"), None]))),
            ("Number", Arc::new(Int64Array::from(vec![Some(7), None]))),
            ("List", Arc::new(list.finish())),
        ],
    );
    let mut tables = LocalTables::new();
    tables.add("T", &path).expect("a table");
    assert_eq!(
        rows(&tables, "T | sort by When asc", None).expect("rows"),
        r#"[{"When":"2026-03-01T00:00:00.0000000Z","Nanos":null,"Text":"","Number":null,"List":null},{"When":"2026-03-01T00:00:00.0000010Z","Nanos":"1970-01-01T00:00:00.0000001Z","Text":"x","Number":7,"List":["a","b"]}]"#
    );
    assert_eq!(
        rows(
            &tables,
            "T | where Text == '' and When < ago(1h) | project Text, n = array_length(List)",
            None
        )
        .expect("rows"),
        r#"[{"Text":"","n":null}]"#
    );
}

#[test]
fn a_folder_is_read_file_after_file() {
    let folder = tempfile::tempdir().expect("a folder");
    for i in 0..5i64 {
        let values: Int64Array = (0..1000).map(|v| Some(i * 1000 + v)).collect();
        write_parquet(
            &folder.path().join(format!("{i}.parquet")),
            vec![("n", Arc::new(values))],
        );
    }
    let mut tables = LocalTables::new();
    tables.add("T", folder.path()).expect("a table");
    assert_eq!(
        rows(
            &tables,
            "T | summarize c = count(), s = sum(n), d = dcount(n), m = max(n)",
            None
        )
        .expect("rows"),
        r#"[{"c":5000,"s":12497500,"d":5000,"m":4999}]"#
    );
    for _ in 0..5 {
        assert_eq!(
            rows(&tables, "T | where n % 900 == 0 | take 2", None).expect("rows"),
            r#"[{"n":0},{"n":900}]"#,
            "take is the same every time"
        );
    }
}

/// Ten row groups of 3,000 rows, a second apart; `name` is missing in every third.
fn many_row_groups(path: &Path) {
    let rows = 30_000i64;
    let stamps = TimestampMicrosecondArray::from_iter_values(
        (0..rows).map(|i| MARCH_MICROS + i * 1_000_000),
    );
    let names: StringArray = (0..rows)
        .map(|i| (i % 3 != 0).then(|| format!("file-{}.exe", i % 7)))
        .collect();
    let batch = RecordBatch::try_from_iter([
        (
            "Timestamp",
            Arc::new(stamps.with_timezone("UTC")) as ArrayRef,
        ),
        ("name", Arc::new(names)),
        ("n", Arc::new(Int64Array::from_iter_values(0..rows))),
    ])
    .expect("a batch");
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(3_000))
        .build();
    let file = fs::File::create(path).expect("a file");
    let mut writer =
        ArrowWriter::try_new(file, batch.schema(), Some(properties)).expect("a writer");
    writer.write(&batch).expect("written");
    writer.close().expect("closed");
}

#[test]
fn rows_are_the_same_whatever_is_left_out_of_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("t.parquet");
    many_row_groups(&path);
    let mut tables = LocalTables::new();
    tables.add("T", &path).expect("a table");
    let of = |query: &str| rows(&tables, query, None).expect("rows");
    let at = |second: i64| format!("datetime(2026-03-01) + {second}s");
    for (from, to) in [
        (0, 29_999),
        (2_999, 3_000),
        (14_500, 15_600),
        (29_999, 40_000),
        (40_000, 50_000),
    ] {
        let count = (to.min(29_999) - from + 1).max(0);
        assert_eq!(
            of(&format!(
                "T | where Timestamp between (({}) .. ({})) | count",
                at(from),
                at(to)
            )),
            format!(r#"[{{"Count":{count}}}]"#)
        );
    }
    assert_eq!(of("T | where name == '' | count"), r#"[{"Count":10000}]"#);
    assert_eq!(
        of("T | where name in ('', 'x') | count"),
        r#"[{"Count":10000}]"#
    );
    assert_eq!(of("T | where n == 4500 | project n"), r#"[{"n":4500}]"#);
    assert_eq!(
        of("T | where name =~ 'FILE-5.EXE' | top 3 by Timestamp desc | project n"),
        r#"[{"n":29993},{"n":29986},{"n":29972}]"#
    );
    assert_eq!(
        of("T | where name has 'file' | top 2 by Timestamp asc | project n"),
        r#"[{"n":1},{"n":2}]"#
    );
    assert_eq!(
        of("T | top 3 by n desc | project n"),
        r#"[{"n":29999},{"n":29998},{"n":29997}]"#
    );
    assert_eq!(of("T | take 2 | project n"), r#"[{"n":0},{"n":1}]"#);
    assert_eq!(
        of("T | where n > 20000 | take 1 | project n"),
        r#"[{"n":20001}]"#
    );
}

#[test]
fn hunting_tables_have_their_documented_columns_and_the_window_holds() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("events.jsonl");
    let lines = [
        r#"{"Timestamp":"2026-02-27T10:00:00Z","FileName":"old.exe","ProcessId":"17","AdditionalFields":{"a":{"b":5}},"Own":"kept"}"#,
        "",
        r#"{"Timestamp":"2026-03-01T10:00:00.1234567Z","FileName":"new.exe","ProcessId":null}"#,
    ];
    fs::write(&path, lines.join("\n")).expect("written");
    let mut tables = LocalTables::new();
    tables.add("DeviceProcessEvents", &path).expect("a table");
    let query = "DeviceProcessEvents | project Timestamp, FileName, ProcessId, b = toint(parse_json(tostring(AdditionalFields)).a.b), DeviceName, Own | sort by Timestamp asc";
    assert_eq!(
        rows(&tables, query, None).expect("rows"),
        r#"[{"Timestamp":"2026-02-27T10:00:00.0000000Z","FileName":"old.exe","ProcessId":17,"b":5,"DeviceName":"","Own":"kept"},{"Timestamp":"2026-03-01T10:00:00.1234567Z","FileName":"new.exe","ProcessId":null,"b":null,"DeviceName":"","Own":""}]"#
    );
    let window = TimeWindow {
        start: MARCH,
        end: MARCH + DAY,
    };
    assert_eq!(
        rows(
            &tables,
            "DeviceProcessEvents | project FileName",
            Some(window)
        )
        .expect("rows"),
        r#"[{"FileName":"new.exe"}]"#
    );
}

#[test]
fn json_and_csv_types_are_inferred() {
    let folder = tempfile::tempdir().expect("a folder");
    let json = folder.path().join("a.json");
    fs::write(
        &json,
        r#"{"Schema":[],"Results":[{"n":1,"r":1,"m":"x"},{"n":2,"r":2.5,"m":[1]}]}"#,
    )
    .expect("written");
    let csv = folder.path().join("b.csv");
    fs::write(&csv, "n,t,s\n1,2026-03-01T00:00:00Z,\"a,b\"\n,,\n").expect("written");
    let mut tables = LocalTables::new();
    tables.add("A", &json).expect("a table");
    tables.add("B", &csv).expect("a table");
    assert_eq!(
        rows(
            &tables,
            "A | getschema | summarize t = strcat_array(make_list(ColumnType), ',')",
            None
        )
        .expect("rows"),
        r#"[{"t":"long,real,dynamic"}]"#
    );
    assert_eq!(
        rows(&tables, "B", None).expect("rows"),
        r#"[{"n":1,"t":"2026-03-01T00:00:00.0000000Z","s":"a,b"},{"n":null,"t":null,"s":""}]"#
    );
}

#[test]
fn numbers_that_would_change_stay_text() {
    let folder = tempfile::tempdir().expect("a folder");
    let csv = folder.path().join("a.csv");
    fs::write(
        &csv,
        "id,zip,e,n\n12345678901234567890,007,1e5,1.5\n12345678901234567891,100,2,2\n",
    )
    .expect("written");
    let json = folder.path().join("b.jsonl");
    fs::write(
        &json,
        "{\"id\":12345678901234567890}\n{\"id\":12345678901234567891}\n",
    )
    .expect("written");
    let mut tables = LocalTables::new();
    tables.add("A", &csv).expect("a table");
    tables.add("B", &json).expect("a table");
    assert_eq!(
        rows(&tables, "A | where n < 2", None).expect("rows"),
        r#"[{"id":"12345678901234567890","zip":"007","e":"1e5","n":1.5}]"#
    );
    assert_eq!(
        rows(&tables, "B | distinct id | sort by id asc", None).expect("rows"),
        r#"[{"id":"12345678901234567890"},{"id":"12345678901234567891"}]"#
    );
}

#[test]
fn damaged_csv_is_refused_with_its_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let csv = folder.path().join("a.csv");
    let refused = |text: &str| {
        fs::write(&csv, text).expect("written");
        let refused = LocalTables::new().add("T", &csv);
        refused.expect_err("no table").to_string()
    };
    for (text, wanted) in [
        (
            "a,b\n1,2\n\n1\n",
            "a.csv: line 4: 1 fields, where the header has 2",
        ),
        (
            "a,b\n1,2,3\n",
            "a.csv: line 2: 3 fields, where the header has 2",
        ),
        (
            "a,b\n1,2\n1,\"x\n3,4\n",
            "a.csv: line 3: a quote of the record",
        ),
        ("a,b\n\"1,2\n3,4\n", "a.csv: line 2: a quote of the record"),
        ("a,\"b\n1,2\n", "a.csv: line 1: a quote of the record"),
        (
            "a,b,a\n1,2,3\n",
            "a.csv: the header has the column 'a' twice",
        ),
    ] {
        let said = refused(text);
        assert!(said.contains(wanted), "{said}");
    }
    // Quotes inside of fields, doubled quotes and line ends in quotes are in order.
    fs::write(&csv, "\u{feff}a,b\n5\" disk,\"x \"\"y\"\"\nz\"\n").expect("written");
    let mut tables = LocalTables::new();
    tables.add("T", &csv).expect("a table");
    assert_eq!(
        rows(&tables, "T | project n = strlen(b), a", None).expect("rows"),
        r#"[{"n":7,"a":"5\" disk"}]"#
    );
}

#[test]
fn files_that_are_no_tables() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut tables = LocalTables::new();
    let bad = folder.path().join("a.jsonl");
    fs::write(&bad, "{\"a\":1}\n[2]\n").expect("written");
    let error = tables.add("T", &bad).expect_err("no table").to_string();
    assert!(error.contains("line 2: not a JSON object"), "{error}");
    assert!(matches!(
        tables.add("T", &folder.path().join("none.csv")),
        Err(LocalError::Content { .. } | LocalError::Io { .. })
    ));
    assert!(matches!(
        tables.add("T", &folder.path().join("x.txt")),
        Err(LocalError::Format(_))
    ));
}

#[test]
fn a_condition_that_fails_says_why_wherever_it_is_tested() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("t.parquet");
    let at = TimestampMicrosecondArray::from_iter_values((0..500).map(|n| MARCH_MICROS + n));
    let texts = StringArray::from_iter_values((0..500).map(|n| format!("text {n}")));
    write_parquet(
        &path,
        vec![
            ("Timestamp", Arc::new(at.with_timezone("UTC")) as ArrayRef),
            ("s", Arc::new(texts)),
        ],
    );
    let mut tables = LocalTables::new();
    tables.add("T", &path).expect("a table");
    let of = |steps: &str| {
        rows(
            &tables,
            // How large it becomes is known only when it is compiled.
            &format!("T | where s matches regex '(?:a{{1000}}){{1000}}'{steps}"),
            None,
        )
    };
    let plain = of(" | count").expect_err("no expression");
    assert!(matches!(plain, HuntError::Evaluation(_)), "{plain:?}");
    let top = of(" | top 5 by Timestamp desc").expect_err("no expression");
    assert_eq!(format!("{top:?}"), format!("{plain:?}"));
    // The same where it is computed before.
    let top = "T | where s matches regex '(?:a{1000}){1000}' | top 1 by Timestamp desc | project s";
    for query in [
        format!("let m = materialize({top}); m"),
        format!("print a = toscalar({top})"),
        format!("T | where s in (({top})) | count"),
    ] {
        let found = rows(&tables, &query, None).expect_err("no expression");
        assert_eq!(format!("{found:?}"), format!("{plain:?}"), "{query}");
    }
}

#[test]
fn the_least_of_what_is_another_each_time_are_those_that_are_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("t.parquet");
    let at = TimestampMicrosecondArray::from_iter_values((0..20_000).map(|_| MARCH_MICROS));
    write_parquet(
        &path,
        vec![("Timestamp", Arc::new(at.with_timezone("UTC")) as ArrayRef)],
    );
    let mut tables = LocalTables::new();
    tables.add("T", &path).expect("a table");
    let query = "T | extend r = rand() | sort by Timestamp desc, r asc | take 5 | summarize most = max(r) | project few = most < 0.002";
    let found = rows(&tables, query, None).expect("rows");
    assert_eq!(found, r#"[{"few":true}]"#);
}

/// A file with an Arrow schema of whole numbers without bits, over which the library that decodes it panics.
#[test]
fn a_broken_schema_within_a_file_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("t.parquet");
    write_parquet(&path, vec![("n", Arc::new(Int64Array::from(vec![1])))]);
    let whole = fs::read(&path).expect("a file");
    let text = parquet::file::metadata::ParquetMetaDataReader::new()
        .parse_and_finish(&bytes::Bytes::from(whole.clone()))
        .expect("a footer")
        .file_metadata()
        .key_value_metadata()
        .and_then(|all| all.iter().find(|entry| entry.key == "ARROW:schema"))
        .and_then(|entry| entry.value.clone())
        .expect("a schema");
    let schema = BASE64.decode(&text).expect("base64");
    let at = whole
        .windows(text.len())
        .position(|window| window == text.as_bytes())
        .expect("it is in the file");
    let bits = 64_i32.to_le_bytes();
    let mut refused = 0;
    for (place, _) in schema.windows(4).enumerate().filter(|(_, w)| *w == bits) {
        let mut broken = schema.clone();
        broken[place] = 0;
        let mut file = whole.clone();
        file[at..at + text.len()].copy_from_slice(BASE64.encode(broken).as_bytes());
        fs::write(&path, file).expect("written");
        if let Err(error) = LocalTables::new().add("T", &path) {
            refused += usize::from(error.to_string().contains("Arrow schema"));
        }
    }
    assert!(refused > 0);
}
