//! Aggregations by columns that files keep as dictionaries: the same answers as by their texts, and how they are planned.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use bartizan_hunting::{Engine, EngineSettings, HuntRequest, Limits, LocalTables};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

use crate::engine::engine;

/// Rows of a file; three row groups, so that texts stand in dictionaries of several orders.
const ROWS: i64 = 18_000;

/// `Host` and `User` as dictionaries, the latter with rows without a text; `Line` is different in every row, `Late` begins as
/// a dictionary and goes on as texts.
fn write(path: &Path, first: i64) {
    let rows = first..first + ROWS;
    let texts = |of: &dyn Fn(i64) -> Option<String>| -> ArrayRef {
        Arc::new(rows.clone().map(of).collect::<StringArray>())
    };
    let columns = [
        (
            "Host",
            texts(&|n| Some(format!("host-{}.corp.example", n * 7 % 211))),
        ),
        (
            "User",
            texts(&|n| {
                (n % 5 > 0).then(|| {
                    if n % 3 == 0 {
                        String::new()
                    } else {
                        format!("user{}", n / 9_000)
                    }
                })
            }),
        ),
        (
            "Zone",
            texts(&|n| (n % 4 > 0).then(|| format!("zone {}", n % 11))),
        ),
        ("Image", texts(&|n| Some(format!("image-{}.exe", n % 83)))),
        (
            "Line",
            texts(&|n| Some(format!("a command line that is long enough {n}"))),
        ),
        (
            "Late",
            texts(&|n| {
                Some(format!(
                    "{:0>40}",
                    if n % ROWS < 10_000 { n % 3 } else { n }
                ))
            }),
        ),
        (
            "Bytes",
            Arc::new(Int64Array::from_iter_values(rows.clone().map(|n| n % 17))),
        ),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns
            .into_iter()
            .map(|(name, column)| (name, column, true)),
    )
    .expect("a batch");
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(7_000))
        .set_dictionary_page_size_limit(20_000);
    let file = File::create(path).expect("a file");
    let mut writer =
        ArrowWriter::try_new(file, batch.schema(), Some(properties.build())).expect("a writer");
    writer.write(&batch).expect("written");
    writer.close().expect("closed");
}

fn tables(folder: &Path) -> LocalTables {
    write(&folder.join("1.parquet"), 0);
    write(&folder.join("2.parquet"), 1_000_000);
    let mut tables = LocalTables::new();
    tables.add("T", folder).expect("a table");
    tables
}

fn request(tables: &LocalTables, query: &str) -> HuntRequest {
    HuntRequest {
        query: query.to_owned(),
        now_ticks: 639_079_200_000_000_000,
        timespan: None,
        limits: Limits::default(),
        tables: Arc::new(tables.clone()),
    }
}

/// Queries, and whether they group by numbers.
const QUERIES: &[(&str, bool)] = &[
    ("T | summarize n = count() by Host", true),
    ("T | summarize n = count() by User", true),
    (
        "T | summarize n = count(), d = dcount(Image), s = sum(Bytes) by Host, User",
        true,
    ),
    (
        "T | summarize d = dcount(User), e = dcount(Host) by Host",
        true,
    ),
    (
        "T | where Bytes < 2 | summarize d = dcount(Line), p = percentile(Bytes, 50) by Host",
        true,
    ),
    (
        "T | summarize d = dcountif(Host, Bytes > 3), m = max(Line) by User",
        true,
    ),
    (
        "T | where Bytes > 3 and Line has '7' | summarize d = dcount(Host) by Image",
        true,
    ),
    (
        "T | extend Short = strlen(Line) | where Short > 36 | summarize n = count(), d = dcount(Host) by User",
        true,
    ),
    (
        "T | project-rename Computer = Host | where Bytes == 2 | summarize s = make_set(Bytes) by Computer",
        true,
    ),
    (
        "T | summarize d = dcount(Zone), e = dcount(User) by Host",
        true,
    ),
    ("T | summarize d = dcount(Zone) by Zone, Image, Host", false),
    (
        "T | summarize s = make_set(Image), t = make_set(User) by Host | project Host, array_sort_asc(s), array_sort_asc(t)",
        true,
    ),
    (
        "T | summarize s = make_set(Zone), d = dcount(Zone), n = make_set(Bytes) by User | project User, d, array_sort_asc(s), array_sort_asc(n)",
        true,
    ),
    (
        "T | summarize s = make_set_if(Host, Bytes > 3, 4) by Image | project Image, array_length(s)",
        true,
    ),
    (
        "T | summarize n = count(), d = dcount(Bytes) by Host, Image, User",
        true,
    ),
    (
        "T | join kind=inner (T | summarize n = count() by Host) on Host | summarize n = max(n) by Image",
        true,
    ),
    (
        "T | summarize n = count() by Host | top 3 by Host asc",
        true,
    ),
    (
        "T | where Bytes > 3 | summarize n = count() by Host, Zone | sort by Host asc, Zone asc",
        true,
    ),
    ("T | distinct Host, Image", true),
    ("T | distinct Host, Image, User", true),
    ("union T, T | summarize n = count() by Host", true),
    (
        "union withsource = From T, (T | where Bytes > 5) | summarize n = count() by Host",
        true,
    ),
    (
        "T | summarize n = count() by Host | summarize m = count() by n",
        true,
    ),
    // What is not kept as a dictionary, is wanted for something else, or is no text.
    ("T | summarize n = count() by Line", false),
    ("T | summarize n = count() by Late", false),
    (
        "T | where Host has '17' | summarize n = count() by Host",
        false,
    ),
    ("T | summarize m = max(Host) by Host", false),
    (
        "T | summarize n = countif(Host endswith '7') by Host",
        false,
    ),
    ("T | summarize n = count() by Bytes, Host", false),
    ("T | summarize n = count() by tolower(Host)", false),
    (
        "T | extend Long = strlen(Host) | summarize m = max(Long) by Host",
        false,
    ),
    ("T | summarize n = count(), d = dcount(Host)", false),
];

#[test]
fn groups_by_numbers_are_those_by_texts() {
    let folder = tempfile::tempdir().expect("a folder");
    let tables = tables(folder.path());
    let with = |threads, batch_rows, optimize| {
        engine(EngineSettings {
            threads,
            batch_rows,
            optimize,
            ..EngineSettings::default()
        })
    };
    let (plain, runtime) = with(2, 8_192, false);
    let others = [with(2, 8_192, true).0, with(3, 1_000, true).0];
    for (query, by_numbers) in QUERIES {
        let rows = |engine: &Engine| {
            let found = runtime.block_on(engine.run(request(&tables, query)));
            let mut out = Vec::new();
            found.expect(query).table.write_rows(&mut out);
            let rows: Vec<serde_json::Value> = serde_json::from_slice(&out).expect("rows");
            let mut rows: Vec<String> = rows.iter().map(ToString::to_string).collect();
            rows.sort();
            rows
        };
        let wanted = rows(&plain);
        assert!(!wanted.is_empty(), "{query}");
        for other in &others {
            let plan = runtime.block_on(other.explain(request(&tables, query)));
            let plan = plan.expect(query);
            assert_eq!(
                plan.contains("DictionaryAggregate"),
                *by_numbers,
                "{query}\n{plan}"
            );
            assert_eq!(rows(other), wanted, "{query}");
        }
    }
}
