//! Columns for paths in `dynamic` columns and in texts of JSON: large files have them, hunts read them, and find the same as
//! in files without, in memory, and with no optimisation at all.

use bartizan_hunting::events::Location;
use bartizan_hunting::{
    Engine, EngineSettings, HuntRequest, Limits, LocalTables, Reach, TableSource as _,
    TenantTables, VisibleDevices,
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::counted::Counted;
use super::*;

/// Rows from which on a file is large, and some.
const LARGE: i64 = 66_000;

fn cloud() -> &'static Table {
    table("CloudAppEvents").unwrap()
}

/// What a row says of its activity: many keys, some of them rare, and what a path may stumble over.
fn activity(n: i64) -> Option<String> {
    let padding = "x".repeat(300);
    Some(match n % 10 {
        0 => return None,
        1 => {
            format!(r#"{{"Result": null, "Actor": "nobody", "Number": {n}, "Long": "{padding}"}}"#)
        }
        2 => format!(
            r#"{{"Number": {n}.50, "Number": -1, "Actor": {{"Id": "second"}}, "Long": "{padding}"}}"#
        ),
        3 => format!(
            r#"{{"N\u0075mber": {n}, "Actor": {{"Id": "\"q\"", "Name": {{"First": "A\u00e9"}}}}}}"#
        ),
        4 => format!(r#"["Number", {n}]"#),
        5 => format!(r#""Number {n}""#),
        6 if n % 1_000 == 6 => format!(r#"{{"Number": {n}, "Rare": "r{n}"}}"#),
        _ => format!(
            r#"{{"Long": "{padding}", "Result": "ok", "Actor": {{"Id": "a{}", "Name": {{"First": "F", "Last": {{"deep": {n}}}}}, "Roles": ["x", {{"Id": {n}}}]}}, "Number": {n}, "a.b \"c\"": true}}"#,
            n % 7
        ),
    })
}

fn cloud_row(n: i64) -> Row {
    let mut row = Row::empty(cloud());
    let values = [
        (
            "Timestamp",
            Value::DateTime(noon() + n / 2 * TICKS_PER_SECOND),
        ),
        ("ReportId", Value::String(format!("{n}"))),
        ("ActionType", Value::String(format!("action{}", n % 3))),
        (
            "RawEventData",
            activity(n).map_or(Value::Null, Value::Dynamic),
        ),
    ];
    for (column, value) in values {
        assert!(row.set(column, value), "{column}");
    }
    row
}

/// The same in a column of texts, of which some are no JSON.
fn process_row(n: i64) -> Row {
    let mut row = process(n, n / 2);
    let mut text = activity(n).unwrap_or_default();
    match n % 40 {
        7 => text.push('}'),
        8 => text = format!(" {text}\n"),
        9 => text.truncate(text.len() - 1),
        _ => {}
    }
    assert!(row.set("AdditionalFields", Value::String(text)));
    row
}

/// Hunts over `E`, which has its JSON in `J`.
const ASKED: &[&str] = &[
    "summarize n=count() by x=tostring(J.Actor.Id) | sort by x asc",
    "where tostring(J.Actor.Id) == 'a3' | summarize count(), sum(toint(J.Number))",
    "where J.Number == 42 or J.Number == 1002.50 | project Id, J.Number, J.Result | sort by Id asc",
    "where J.Rare startswith 'R' | summarize s=make_set(tostring(J.Rare)) | project array_length(s)",
    "summarize countif(isnull(J.Result)), countif(isempty(tostring(J.Result))), countif(isnotnull(J.Number))",
    "where tostring(J.Result) != 'ok' | summarize count(), max(toreal(J.Number))",
    "summarize n=count() by a=gettype(J.Actor), b=gettype(J.Number), c=gettype(J.Result) | sort by n asc, a asc, b asc, c asc",
    "where J.Actor.Name.First == 'F' and ActionType == 'action1' | count",
    "summarize take_anyif(tostring(J.Actor.Name.First), tostring(J.Actor.Name.First) startswith 'A')",
    "summarize sum(toint(J.Actor.Roles[1].Id)), sum(toint(J.Actor.Name.Last.deep)), dcount(tostring(J.Actor.Roles))",
    "where J['a.b \"c\"'] == true | count",
    "extend A = J.Actor | extend I = A.Id | where I has 'second' | count",
    "extend key = 'Number' | summarize sum(toint(J[key]))",
    "mv-expand r = J.Actor.Roles | where r.Id > 65000 | summarize sum(toint(r.Id))",
    "project J, n = J.Number | where n == 27 | project tostring(J), n",
    "where J has 'nobody' and J.Number < 100 | project Id, J.Actor | sort by Id asc",
    "sort by Timestamp desc, Id asc | take 5 | project Id, J.Number, J.Actor.Id",
    "where ActionType != 'action2' | top 4 by toint(J.Number) desc | project Id, J.Result",
    "where toint(J.Number) between (500 .. 600) | join kind=inner (E | where J.Actor == 'nobody' | project Id, m=J.Number) on Id | summarize sum(toint(m))",
    "union (E | where J.Result == 'ok'), (E | where J.Number == 3) | count",
    "summarize arg_max(toint(J.Number), Id) by a=tostring(J.Actor.Id) | project a, Id | sort by a asc",
    "where iff(ActionType == 'action0', J.Number, J.Result) == 'ok' | count",
    "let t = toscalar(E | summarize max(toint(J.Number))); E | where toint(J.Number) == t | project Id",
    "extend r=tostring(J.Result), f=tostring(J.Actor.Name.First) | distinct r, f | sort by r asc, f asc",
    "where isnotempty(J.Missing) or isnotempty(J.Missing.More) | count",
    "project a=J.Long, b=J.Result, c=J.Number | summarize max(strlen(a)), countif(b == 'ok'), sum(toint(c))",
    "where J.Number > 10 | take 3 | count",
    "where J.Result == 'ok' or J.Actor == 'nobody' | summarize count(), sum(toint(J.Number))",
];

/// A query over one of the tables.
fn over(asked: &str, cloud: bool) -> String {
    let (table, id, json) = if cloud {
        ("CloudAppEvents", "ReportId", "RawEventData")
    } else {
        let json = "parse_json(AdditionalFields)";
        ("DeviceProcessEvents", "ProcessId", json)
    };
    let pipe = if asked.starts_with("let") { "" } else { "E | " };
    format!("let E = {table} | extend Id = {id}, J = {json}; {pipe}{asked}")
}

async fn hunt(events: &Arc<EventStore>, query: String, optimize: bool) -> (String, String) {
    hunt_as(events, VisibleDevices::All, query, optimize).await
}

async fn hunt_as(
    events: &Arc<EventStore>,
    devices: VisibleDevices,
    query: String,
    optimize: bool,
) -> (String, String) {
    let engine = Engine::new(EngineSettings {
        threads: 2,
        optimize,
        ..EngineSettings::default()
    })
    .unwrap();
    let request = || HuntRequest {
        query: query.clone(),
        now_ticks: noon(),
        timespan: None,
        limits: Limits::default(),
        tables: Arc::new(
            TenantTables::new(events.clone(), CONTOSO, Reach::All)
                .of_devices(devices.clone(), Vec::new()),
        ),
    };
    let result = engine.run(request()).await;
    let mut rows = Vec::new();
    let result = result.unwrap_or_else(|error| panic!("{query}: {error}"));
    result.table.write_rows(&mut rows);
    let plan = engine.explain(request()).await.unwrap();
    (String::from_utf8(rows).unwrap(), plan)
}

/// Columns of the largest file of a table.
fn columns_of(place: &Place, table: &Table) -> Vec<String> {
    let mut files = place.files();
    files.retain(|path| {
        let folder = path.parent().and_then(|folder| folder.file_name());
        folder.is_some_and(|f| f == table.name) && path.extension().is_some_and(|e| e == "parquet")
    });
    files.sort_by_key(|path| path.metadata().unwrap().len());
    let file = std::fs::File::open(files.last().unwrap()).unwrap();
    let file = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let fields = file.schema().fields().iter();
    fields.map(|f| f.name().clone()).collect()
}

/// Rows of both tables.
fn rows(numbers: std::ops::Range<i64>) -> Vec<Row> {
    let rows = numbers.flat_map(|n| [cloud_row(n), process_row(n)]);
    rows.collect()
}

/// Appends them in batches, and writes one file for each table.
async fn append_large(events: &Arc<EventStore>) {
    const PARTS: i64 = 6;
    let part = LARGE / PARTS;
    for n in 0..PARTS {
        let id = batch(100 + n as u128);
        let rows = rows(n * part..(n + 1) * part);
        events.append(CONTOSO, id, rows).await.unwrap();
    }
    events.flush().await.unwrap();
}

const CLOUD_PATHS: [&str; 7] = [
    r#"RawEventData["Actor"]["Id"]"#,
    r#"RawEventData["Actor"]["Name"]["First"]"#,
    r#"RawEventData["Actor"]["Name"]["Last"]"#,
    r#"RawEventData["Actor"]["Roles"]"#,
    r#"RawEventData["Number"]"#,
    r#"RawEventData["Result"]"#,
    r#"RawEventData["a.b \"c\""]"#,
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hunts_find_the_same_whether_a_path_has_a_column_or_not() {
    let mut place = Place::new();
    place.settings.compact_files = 2;
    let events = place.open().await;
    // A large file, a small one, and memory.
    append_large(&events).await;
    events
        .append(CONTOSO, batch(2), rows(LARGE..LARGE + 500))
        .await
        .unwrap();
    events.flush().await.unwrap();
    events
        .append(CONTOSO, batch(3), rows(LARGE + 500..LARGE + 700))
        .await
        .unwrap();
    let shredded = columns_of(&place, cloud())[cloud().columns.len()..].to_vec();
    assert_eq!(shredded, CLOUD_PATHS);
    let of_texts = columns_of(&place, processes())[processes().columns.len()..].to_vec();
    assert!(
        of_texts
            .iter()
            .any(|name| name == r#"AdditionalFields["Actor"]["Id"]"#),
        "{of_texts:?}"
    );
    let mut before = Vec::new();
    for cloud in [true, false] {
        for asked in ASKED {
            let query = over(asked, cloud);
            let (found, plan) = hunt(&events, query.clone(), true).await;
            assert!(found.len() > 8, "{query}: {found}");
            assert_eq!(
                found,
                hunt(&events, query.clone(), false).await.0,
                "{query}"
            );
            let reads_columns = plan.contains("path_or_stored");
            // A key that differs from row to row is looked for in the whole; rows in their order are read whole.
            let reads_whole = ["J[key]", "take_any"].iter().any(|w| asked.contains(w));
            assert_eq!(reads_columns, !reads_whole, "{query}\n{plan}");
            before.push((query, found));
        }
    }
    // A hunt may follow more paths than a scan has columns for.
    let many: Vec<String> = (0..40)
        .map(|n| format!("countif(isnotnull(J.k{n}))"))
        .collect();
    let many = over(
        &format!("summarize countif(J.Number > 9), {}", many.join(", ")),
        true,
    );
    let (found, plan) = hunt(&events, many.clone(), true).await;
    assert!(
        plan.contains("path(") && plan.contains("path_or_stored("),
        "{plan}"
    );
    assert_eq!(found, hunt(&events, many, false).await.0);
    // The same files, read as files, have the table's columns alone.
    let mut of_files = LocalTables::new();
    let folder = place.files().into_iter().find_map(|file| {
        let folder = file.parent()?;
        folder.ends_with(cloud().name).then(|| folder.to_owned())
    });
    of_files.add("Files", &folder.unwrap()).unwrap();
    let columns = of_files.scope().table("Files").map(<[_]>::len);
    assert_eq!(columns, Some(cloud().columns.len()));
    // Who sees the rows of some devices sees no others by a path, either.
    let two = || VisibleDevices::Only(vec!["device-3".to_owned(), "device-4".to_owned()]);
    for asked in [
        "summarize n=count() by x=tostring(J.Actor.Id) | sort by x asc",
        "where J.Result == 'ok' | count",
    ] {
        let query = over(asked, false);
        let (found, plan) = hunt_as(&events, two(), query.clone(), true).await;
        assert!(plan.contains("path_or_stored"), "{query}\n{plan}");
        assert_eq!(
            found,
            hunt_as(&events, two(), query.clone(), false).await.0,
            "{query}"
        );
        assert_ne!(found, hunt(&events, query.clone(), true).await.0, "{query}");
    }
    // Merged, large with small; and opened again, without memory.
    events.flush().await.unwrap();
    while events.compact().await.unwrap().to > 0 {}
    drop(events);
    let events = place.open().await;
    assert_eq!(
        columns_of(&place, cloud())[cloud().columns.len()..],
        shredded
    );
    for (query, found) in before {
        assert_eq!(hunt(&events, query.clone(), true).await.0, found, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_path_that_has_a_column_costs_no_reading_of_the_whole_text() {
    let files = Arc::new(Counted::default());
    let mut place = Place::new();
    place.settings.location = Location::Remote(files.clone());
    let events = place.open().await;
    append_large(&events).await;
    let mut read = Vec::new();
    for path in ["J.Actor.Id", "J.Actor.Roles[1].Id", "J.Missing"] {
        let query = format!("summarize n=count() by x=tostring({path}) | count");
        hunt(&events, over(&query, true), true).await;
        files.bytes_since();
        hunt(&events, over(&query, true), true).await;
        read.push(files.bytes_since());
    }
    let [key, further, whole] = read.try_into().unwrap();
    assert!(
        key * 4 < whole && further * 2 < whole,
        "{key} {further} {whole}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_may_be_what_rows_are_grouped_by_and_what_is_walked_in() {
    let place = Place::new();
    let events = place.open().await;
    let said = |n: i64| {
        let mut row = process(n, n);
        let text = format!(r#"{{"Type": "{}"}}"#, ["a", "b", "c"][n as usize % 3]);
        assert!(row.set("AdditionalFields", Value::String(text)));
        row
    };
    // Files without a column for the path, and memory.
    for (part, numbers) in [0..300, 300..500, 500..600].into_iter().enumerate() {
        if part > 0 {
            events.flush().await.unwrap();
        }
        let rows = numbers.map(said).collect();
        events
            .append(CONTOSO, batch(part as u128), rows)
            .await
            .unwrap();
    }
    for (asked, by_numbers) in [
        (
            "where J.Type != 'c' | summarize n=count() by AdditionalFields | sort by strcat(AdditionalFields, '') asc",
            false,
        ),
        (
            "summarize n=count(), t=countif(J.Type == 'a') by AdditionalFields | sort by strcat(AdditionalFields, '') asc",
            false,
        ),
        (
            "where J.Type != 'c' | summarize d=dcount(AdditionalFields) by DeviceName | sort by strcat(DeviceName, '') asc",
            true,
        ),
        (
            "where J.Type != 'c' | summarize n=count() by DeviceName, ActionType | sort by strcat(DeviceName, ActionType) asc",
            true,
        ),
        (
            "summarize n=count() by AdditionalFields | sort by strcat(AdditionalFields, '') asc",
            true,
        ),
    ] {
        let query = over(asked, false);
        let (found, plan) = hunt(&events, query.clone(), true).await;
        assert_eq!(
            plan.contains("DictionaryAggregate"),
            by_numbers,
            "{query}\n{plan}"
        );
        assert!(found.len() > 8, "{query}: {found}");
        assert_eq!(found, hunt(&events, query, false).await.0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sets_of_dynamic_values_hold_their_elements() {
    let place = Place::new();
    let events = place.open().await;
    let rows = (0..300).map(|n| {
        let mut row = cloud_row(n);
        let listed = format!(r#"["{}", {}]"#, n % 2, n % 5);
        assert!(row.set("RawEventData", Value::Dynamic(listed)));
        row
    });
    events
        .append(CONTOSO, batch(1), rows.collect())
        .await
        .unwrap();
    events.flush().await.unwrap();
    let query = "CloudAppEvents | summarize s=make_set(RawEventData) by ActionType \
        | project ActionType, array_length(s) | sort by ActionType asc";
    let (found, plan) = hunt(&events, query.to_owned(), true).await;
    assert!(plan.contains("DictionaryAggregate"), "{plan}");
    assert_eq!(found, hunt(&events, query.to_owned(), false).await.0);
    assert_eq!(found.matches(r#""Column1":7"#).count(), 3, "{found}");
}
