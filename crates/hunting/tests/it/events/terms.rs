//! Terms beside files: they are written, used, ignored when they are not those of the file, and go with it.

use std::path::PathBuf;

use bartizan_hunting::events::Location;
use bartizan_hunting::{
    Engine, EngineSettings, HuntRequest, Limits, LocalTables, Reach, TableSource, TenantTables,
};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::lit;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaDataReader};

use super::counted::Counted;
use super::scans::{named, plan, units};
use super::*;

/// More than half of the rows from which on a file has terms.
const HALF: i64 = 33_000;

fn is(name: String) -> Expr {
    let value = ScalarValue::Utf8View(Some(name));
    named("FileName").eq(Expr::Literal(value, None))
}

/// All of one day, whose files are merged.
fn processes_of_a_day(numbers: std::ops::Range<i64>) -> Vec<Row> {
    numbers.map(|n| process(n, n / 2)).collect()
}

fn terms(place: &Place) -> Vec<PathBuf> {
    let mut files = place.files();
    files.retain(|path| path.extension().is_some_and(|e| e == "terms"));
    files
}

/// Checks that the terms are, or are not used, and that hunts find the same.
async fn check(place: &Place, used: bool) -> Arc<EventStore> {
    let events = place.open().await;
    // Between the least and the greatest of the names, so that statistics say nothing.
    let nowhere = is("a rather long file name 5 nowhere.exe".to_owned());
    let read = units(&plan(&events, nowhere.clone(), 2).await);
    assert_eq!(read == 0, used, "{read} parts are read");
    assert!(numbers(&events, CONTOSO, Some(nowhere)).await.is_empty());
    for number in [0, 1, 2_047, 2_048, 4_095, HALF - 1, HALF, 2 * HALF - 1] {
        let found = is(format!("a rather long file name {number}.exe"));
        assert_eq!(numbers(&events, CONTOSO, Some(found)).await, [number]);
    }
    events
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_files_have_terms_as_long_as_they_live() {
    let mut place = Place::new();
    place.settings.compact_files = 2;
    place.settings.removed_grace = std::time::Duration::ZERO;
    let events = place.open().await;
    for half in 0..2 {
        let rows = processes_of_a_day(half * HALF..(half + 1) * HALF);
        let id = batch(half as u128);
        events.append(CONTOSO, id, rows).await.unwrap();
        events.flush().await.unwrap();
    }
    assert_eq!(terms(&place).len(), 0, "small files have none");
    events.compact().await.unwrap();
    let [written] = terms(&place).try_into().unwrap();
    let data = written.with_extension("");
    assert!(data.is_file());
    #[cfg(unix)]
    for path in [&data, &written] {
        let mode = std::os::unix::fs::PermissionsExt::mode(&path.metadata().unwrap().permissions());
        assert_eq!(mode & 0o077, 0, "nobody else reads {path:?}");
    }
    drop(events);
    drop(check(&place, true).await);

    // Those of nothing go, those of a file stay.
    let orphan = written.with_file_name("00000000-0000-0000-0000-000000000000.parquet.terms");
    std::fs::copy(&written, &orphan).unwrap();
    place.settings.orphan_grace = std::time::Duration::ZERO;
    drop(check(&place, true).await);
    assert!(!orphan.exists() && written.exists());

    let good = std::fs::read(&written).unwrap();
    let mut bad = good.clone();
    bad[good.len() / 2] ^= 4;
    for wrong in [Some(&bad[..]), Some(&good[..good.len() / 2]), None] {
        match wrong {
            Some(wrong) => std::fs::write(&written, wrong).unwrap(),
            None => std::fs::remove_file(&written).unwrap(),
        }
        drop(check(&place, false).await);
    }
    std::fs::write(&written, &good).unwrap();
    let events = check(&place, true).await;
    events.delete_tenant(CONTOSO).await.unwrap();
    events.sweep(i64::MAX / 2).await.unwrap();
    assert_eq!(place.files(), Vec::<PathBuf>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flush_of_many_rows_writes_terms_too() {
    let place = Place::new();
    let events = place.open().await;
    for half in 0..2 {
        let rows = processes_of_a_day(half * HALF..(half + 1) * HALF);
        let id = batch(half as u128);
        events.append(CONTOSO, id, rows).await.unwrap();
    }
    events.flush().await.unwrap();
    assert_eq!(terms(&place).len(), 1);
    drop(events);
    check(&place, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn terms_of_files_that_statistics_leave_out_are_not_read() {
    let files = Arc::new(Counted::default());
    let mut place = Place::new();
    place.settings.location = Location::Remote(files.clone());
    let events = place.open().await;
    for half in 0..4 {
        let rows = processes_of_a_day(half * HALF..(half + 1) * HALF);
        let id = batch(half as u128);
        events.append(CONTOSO, id, rows).await.unwrap();
        if half % 2 == 1 {
            events.flush().await.unwrap();
        }
    }
    let name = || is("a rather long file name 7.exe".to_owned());
    let early = named("ProcessId").lt(lit(100_i64));
    let found = numbers(&events, CONTOSO, Some(name().and(early))).await;
    // What is in a file, then what of it is asked for.
    assert_eq!((found, files.reads(".terms")), (vec![7], 2));
    let found = numbers(&events, CONTOSO, Some(name())).await;
    assert_eq!((found, files.reads(".terms")), (vec![7], 4));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_long_texts_are_about_as_long_as_blocks_of_terms() {
    let place = Place::new();
    let events = place.open().await;
    let mut rows = processes_of_a_day(0..HALF);
    for (number, row) in rows.iter_mut().enumerate() {
        let line = format!("{number} {}", "all of the lines differ, ".repeat(6));
        assert!(row.set("ProcessCommandLine", Value::String(line)));
    }
    events.append(CONTOSO, batch(1), rows).await.unwrap();
    events.flush().await.unwrap();
    let [file] = place.files().try_into().unwrap();
    let file = std::fs::File::open(file).unwrap();
    let mut reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Required);
    reader.try_parse(&file).unwrap();
    let metadata = reader.finish().unwrap();
    let pages = |column: &str| {
        let columns = metadata.file_metadata().schema_descr();
        let mut columns = columns.columns().iter();
        let index = columns.position(|c| c.name() == column).unwrap();
        let pages = metadata.offset_index().unwrap()[0][index].page_locations();
        pages
            .iter()
            .map(|page| page.first_row_index)
            .collect::<Vec<_>>()
    };
    // Behind what stands in a dictionary, which is little.
    let lines = pages("ProcessCommandLine");
    assert!(lines[1] <= 4_096, "{lines:?}");
    let lengths = lines.windows(2).skip(2).map(|pair| pair[1] - pair[0]);
    assert!(lengths.clone().count() > 5);
    assert!(lengths.clone().all(|rows| rows == 2_048), "{lines:?}");
    assert!(pages("ActionType").len() < 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn terms_go_when_their_file_goes() {
    let mut place = Place::new();
    place.settings.compact_files = 2;
    place.settings.retention = Some(std::time::Duration::from_secs(86_400));
    let events = place.open().await;
    for rows in [0..HALF, HALF..2 * HALF, 2 * HALF..2 * HALF + 10] {
        let (id, is_file) = (batch(rows.start as u128), rows.start > 0);
        let rows = processes_of_a_day(rows);
        events.append(CONTOSO, id, rows).await.unwrap();
        if is_file {
            events.flush().await.unwrap();
        }
    }
    assert_eq!(terms(&place).len(), 1);
    let later = i64::MAX / 2;
    // Merging puts both files out of use.
    assert_eq!(events.compact().await.unwrap().to, 1);
    assert_eq!(terms(&place).len(), 2);
    events.sweep(later).await.unwrap();
    let [written] = terms(&place).try_into().unwrap();
    assert_eq!(place.files().len(), 2);

    // A process that ended before the catalogue knew what it had written leaves both; one that ended between the two
    // writes, or between the two deletions, leaves the file alone.
    let data = written.with_extension("");
    for name in ["0", "1"] {
        let left =
            data.with_file_name(format!("00000000-0000-0000-0000-00000000000{name}.parquet"));
        std::fs::copy(&data, &left).unwrap();
        if name == "0" {
            std::fs::copy(&written, left.with_added_extension("terms")).unwrap();
        }
    }
    assert_eq!(events.sweep(later).await.unwrap().orphans, 3);
    assert_eq!(place.files().len(), 2);

    assert_eq!(events.expire(later).await.unwrap(), 1);
    std::fs::remove_file(&written).unwrap();
    events.sweep(later).await.unwrap();
    assert_eq!(place.files(), Vec::<PathBuf>::new());
}

/// What stands where between ordinary command lines: at the borders of blocks, alone in them, with letters of all kinds.
const SPECIAL: [(i64, &str); 8] = [
    (0, "first Bob"),
    (2_047, "net user Bob /add"),
    (2_048, "NET.exe localgroup ADMINS"),
    (4_095, "C:\\Straße\\日本.exe É \u{212A}elvin"),
    (4_096, "telnet users"),
    (20_000, ""),
    (40_000, "powershell -enc AAAA=="),
    (2 * HALF - 1, "net last"),
];

/// The command line of a row: words that so many rows have that their rows are known stand between the special ones.
fn command_line(number: i64) -> String {
    if let Some((_, text)) = SPECIAL.iter().find(|(at, _)| *at == number) {
        return (*text).to_owned();
    }
    match number % 2_000 {
        1_000 => "runs Nightly backup".to_owned(),
        1_500 => "runs nightly; then weekly".to_owned(),
        700 => "RUNS WEEKLY bob".to_owned(),
        _ => "an ordinary command line".to_owned(),
    }
}

/// What hunts ask of the rows, in the middle of `DeviceProcessEvents | … | project ProcessId`.
const ASKED: &[&str] = &[
    "where ProcessCommandLine has 'net'",
    "where ProcessCommandLine has 'net user'",
    "where ProcessCommandLine has 'USER bob'",
    "where ProcessCommandLine has '-enc'",
    "where ProcessCommandLine has 'AAAA=='",
    "where ProcessCommandLine has ' /add'",
    "where ProcessCommandLine has 'exe localgroup'",
    "where ProcessCommandLine has_cs 'NET'",
    "where ProcessCommandLine has 'straße'",
    "where ProcessCommandLine has 'STRASSE'",
    "where ProcessCommandLine has '日本'",
    "where ProcessCommandLine has 'é' or ProcessCommandLine has 'É'",
    "where ProcessCommandLine has 'kelvin' or ProcessCommandLine contains 'elvin'",
    "where ProcessCommandLine has ''",
    "where ProcessCommandLine contains 'lnet u'",
    r"where ProcessCommandLine contains @'\日本.'",
    "where ProcessCommandLine contains 'elln' or ProcessCommandLine contains 'elnet'",
    "where ProcessCommandLine startswith 'net user b'",
    "where ProcessCommandLine endswith 'lnet USERS'",
    "where ProcessCommandLine hasprefix 'local'",
    "where ProcessCommandLine hassuffix 'et user bob'",
    "where ProcessCommandLine has_any ('bob', 'enc')",
    "where ProcessCommandLine has_any ('bob', '')",
    "where ProcessCommandLine has_all ('net', 'add')",
    "where ProcessCommandLine == 'telnet users'",
    "where ProcessCommandLine == ''",
    "where ProcessCommandLine =~ 'TELNET USERS'",
    "where ProcessCommandLine in ('telnet users', '')",
    "where ProcessCommandLine in~ ('TELNET users', 'net last')",
    "where isempty(ProcessCommandLine)",
    r"where ProcessCommandLine matches regex @'(?i)net\s+user\s'",
    "where ProcessCommandLine matches regex '(?i) (user|localgroup) '",
    "where ProcessCommandLine !has 'ordinary'",
    "where ProcessCommandLine !contains 'ordinary' and ProcessCommandLine !has 'bob'",
    "where ProcessCommandLine !in~ ('an ordinary command line', 'net last')",
    "where ProcessCommandLine != 'an ordinary command line'",
    "where not(ProcessCommandLine has 'ordinary')",
    "where not(ProcessCommandLine has 'ordinary' or ProcessCommandLine has 'bob')",
    "where not(ProcessCommandLine !has 'bob' and ProcessCommandLine !has 'enc')",
    "where (ProcessCommandLine has 'ordinary') == false",
    "where ProcessCommandLine has 'bob' or ProcessId == 50000",
    "where ProcessCommandLine has 'bob' or FileName has '40000'",
    "where ProcessCommandLine has 'bob' and FileName has '2047'",
    "where ProcessCommandLine has 'enc' and FileName has '2047'",
    "where ProcessCommandLine has 'bob' or FileName !has 'rather'",
    "where iff(ProcessId == 30000, 'bob', ProcessCommandLine) has 'bob'",
    "where strcat(ProcessCommandLine, iff(ProcessId > 65990, ' bob', '')) has 'bob'",
    "where case(ProcessId == 30000, true, ProcessCommandLine has 'bob')",
    "extend ProcessCommandLine = strcat(FileName, ' bob') | where ProcessCommandLine has 'bob' and ProcessId > 65990",
    "extend FileName = ProcessCommandLine | where FileName has 'bob'",
    "extend FileName = ProcessCommandLine, ProcessCommandLine = FileName | where ProcessCommandLine has '40000'",
    "where tolower(ProcessCommandLine) has_cs 'bob'",
    "where * has 'telnet'",
    "where ProcessCommandLine has 'bob' | union (DeviceProcessEvents | where ProcessCommandLine has 'enc')",
    "join kind=leftanti (DeviceProcessEvents | where ProcessCommandLine has 'ordinary') on ProcessId",
    "where ProcessId < 3000 | join kind=leftouter (DeviceProcessEvents | where ProcessCommandLine has 'bob') on ProcessId | where isnull(ProcessId1) | where ProcessId > 2040 and ProcessId < 2050",
    "where ProcessCommandLine has 'bob' | top 1 by Timestamp desc",
    "where ProcessCommandLine has 'net' | take 2 | sort by ProcessId asc",
    "where ProcessCommandLine has 'nightly'",
    "where ProcessCommandLine has 'NIGHTLY' | count | project ProcessId = Count",
    "where ProcessCommandLine has 'nightly' | summarize by ProcessId, FileName | where FileName has '5'",
    "where ProcessCommandLine has 'nightly' and ProcessCommandLine has 'weekly'",
    "where ProcessCommandLine has 'nightly' or ProcessCommandLine has 'weekly' | count | project ProcessId = Count",
    "where ProcessCommandLine has 'nightly' or ProcessCommandLine has 'bob'",
    "where ProcessCommandLine has_any ('nightly', 'bob', 'nowhere') | count | project ProcessId = Count",
    "where ProcessCommandLine has_any ('nightly', 'weekly') and FileName has '1500'",
    "where ProcessCommandLine has_all ('nightly', 'weekly', 'runs') | count | project ProcessId = Count",
    "where ProcessCommandLine has 'runs' and ProcessCommandLine !has 'weekly'",
    "where ProcessCommandLine has 'runs' and ProcessCommandLine has_cs 'nightly'",
    "where ProcessCommandLine has_cs 'Nightly'",
    "where ProcessCommandLine has 'nightly backup'",
    "where ProcessCommandLine == 'runs Nightly backup'",
    "where ProcessCommandLine has 'weekly' and (ProcessCommandLine has 'nowhere' or FileName has '700')",
    "where ProcessCommandLine has 'nightly' and Timestamp > datetime(2020-01-01) and ProcessId < 30000",
    "where ProcessCommandLine has 'nightly' | where ProcessCommandLine endswith 'backup' | project ProcessId, ProcessCommandLine | where ProcessId > 30000",
    "where ProcessCommandLine has 'nightly' | summarize n = count(), m = max(ProcessId), dcount(ProcessCommandLine) | project ProcessId = n * 1000000 + m",
    "where ProcessCommandLine has 'nightly' | top 3 by ProcessId desc",
    "where ProcessCommandLine has 'runs' | top 500 by Timestamp desc",
    "where ProcessCommandLine has 'nightly' | project ProcessId, ProcessCommandLine, FileName | where FileName !has '1500'",
    "where ProcessCommandLine has 'nightly' | summarize n = dcount(FileName), make_set(ProcessCommandLine) by ActionType, AccountName | project ProcessId = n",
    "where ProcessCommandLine has 'nightly' or ProcessCommandLine has 'NIGHTLY'",
    "where (ProcessCommandLine has 'runs' and ProcessCommandLine has 'bob') or (ProcessCommandLine has 'runs' and ProcessCommandLine has 'weekly')",
    "where (ProcessCommandLine has 'runs') == true and ProcessCommandLine has 'bob'",
    "where ProcessCommandLine has 'nightly' | take 1000 | summarize ProcessId = count()",
    "where ProcessCommandLine has 'nightly' | take 5 | summarize ProcessId = count()",
    "summarize ProcessId = countif(ProcessCommandLine has 'nightly')",
    "extend ProcessCommandLine = tostring(parse_json(AdditionalFields).Tags) | where ProcessCommandLine has 'nightly'",
    "where ProcessCommandLine has 'nightly' | where tostring(parse_json(AdditionalFields).a) == '' | count | project ProcessId = Count",
    "where not(ProcessCommandLine has 'nightly') | summarize ProcessId = count()",
    "where ProcessCommandLine has 'weekly' | join kind=inner (DeviceProcessEvents | where ProcessCommandLine has 'nightly') on ProcessId",
    "where ProcessCommandLine has 'bob' | union (DeviceProcessEvents | where ProcessCommandLine has 'weekly') | summarize ProcessId = count()",
];

/// Hunts whose columns are made of several: what `has` finds, `contains` does here, too.
const MADE: &[&str] = &[
    "where ProcessCommandLine has 'weekly' | project Timestamp, X = strcat(FileName, ' ', AccountName)",
    "where ProcessCommandLine has 'weekly' | project L = ProcessCommandLine, Timestamp",
    "where ProcessCommandLine has 'weekly' | project L = ProcessCommandLine, T = Timestamp + 1h, FileName",
    "where ProcessCommandLine has 'nightly' or ProcessCommandLine has 'bob' | project Timestamp, FileName",
    "where ProcessCommandLine has 'weekly' | top 1000 by Timestamp desc | project Timestamp, ProcessCommandLine",
    "where ProcessCommandLine has 'weekly' | top 7 by ProcessId desc | project Timestamp, ProcessCommandLine",
    "where ProcessCommandLine has 'weekly' | summarize arg_max(Timestamp, FileName, ProcessCommandLine) by AccountName",
    "where ProcessCommandLine has 'weekly' | extend D = bin(Timestamp, 1h) | summarize count() by D, ActionType, ProcessCommandLine",
    "where ProcessCommandLine has 'weekly' | join kind=inner (DeviceProcessEvents | where ProcessCommandLine has 'nightly' | project ProcessId, L = ProcessCommandLine, T = Timestamp) on ProcessId",
];

async fn rows(engine: &Engine, tables: &Arc<dyn TableSource>, query: String) -> String {
    let result = engine.run(HuntRequest {
        query: query.clone(),
        now_ticks: noon(),
        timespan: None,
        limits: Limits::default(),
        tables: tables.clone(),
    });
    let result = result
        .await
        .unwrap_or_else(|error| panic!("{query}: {error}"));
    let mut rows = Vec::new();
    result.table.write_rows(&mut rows);
    String::from_utf8(rows).unwrap()
}

async fn asked(engine: &Engine, tables: impl TableSource + 'static) -> Vec<String> {
    let tables: Arc<dyn TableSource> = Arc::new(tables);
    for made in MADE {
        let with = format!("DeviceProcessEvents | {made}");
        let sorted = |rows: String| {
            let rows: Vec<serde_json::Value> = serde_json::from_str(&rows).unwrap();
            let mut rows: Vec<String> = rows.iter().map(ToString::to_string).collect();
            rows.sort();
            rows
        };
        let without = with.replace(" has ", " contains ");
        let with = sorted(rows(engine, &tables, with).await);
        assert!(!with.is_empty(), "{made}");
        assert_eq!(with, sorted(rows(engine, &tables, without).await), "{made}");
    }
    let mut answers = Vec::new();
    for asked in ASKED {
        let query =
            format!("DeviceProcessEvents | {asked} | project ProcessId | sort by ProcessId asc");
        answers.push(rows(engine, &tables, query).await);
    }
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hunts_find_the_same_with_terms_and_without() {
    let place = Place::new();
    let events = place.open().await;
    let fill = async |number: u128, numbers: std::ops::Range<i64>| {
        let mut rows = some_processes(numbers.clone());
        for (row, number) in rows.iter_mut().zip(numbers) {
            assert!(row.set("ProcessCommandLine", Value::String(command_line(number))));
        }
        events.append(CONTOSO, batch(number), rows).await.unwrap();
    };
    fill(0, 0..HALF).await;
    fill(1, HALF..2 * HALF).await;
    events.flush().await.unwrap();
    let [written] = terms(&place).try_into().unwrap();
    let [one, engine] = [1, 2].map(|threads| {
        let settings = EngineSettings {
            threads,
            ..EngineSettings::default()
        };
        Engine::new(settings).unwrap()
    });
    let of_store = |events| TenantTables::new(events, CONTOSO, Reach::All);
    // Nothing is read but rows of which all is known.
    asked(&engine, of_store(events.clone())).await;
    let tables: Arc<dyn TableSource> = Arc::new(of_store(events.clone()));
    for (limited, count) in [
        ("take 5 | sort by Timestamp desc", 5),
        ("take 5 | top 10 by Timestamp desc", 5),
        (
            "project Timestamp, FileName | take 3 | top 10 by Timestamp",
            3,
        ),
        ("top 4 by Timestamp desc | take 6", 4),
        ("sort by Timestamp desc | take 7", 7),
    ] {
        let query = format!(
            "DeviceProcessEvents | where ProcessCommandLine has 'weekly' | {limited} | project Timestamp"
        );
        // With more threads another step has the limit.
        let found = rows(&one, &tables, query).await;
        assert_eq!(found.matches("Timestamp").count(), count, "{limited}");
    }
    drop(tables);
    // A file that is so small that it has none.
    fill(2, 2 * HALF..2 * HALF + 1_600).await;
    events.flush().await.unwrap();
    let of_files = || {
        let mut tables = LocalTables::new();
        let folder = written.parent().unwrap();
        tables.add("DeviceProcessEvents", folder).unwrap();
        tables
    };
    let files_with = asked(&engine, of_files()).await;
    // Some rows are in no file yet.
    fill(3, 2 * HALF + 1_600..2 * HALF + 2_900).await;
    let with = asked(&engine, of_store(events.clone())).await;
    drop(events);
    std::fs::remove_file(&written).unwrap();
    let without = asked(&engine, of_store(place.open().await)).await;
    let files_without = asked(&engine, of_files()).await;
    for (at, asked) in ASKED.iter().enumerate() {
        assert_eq!(with[at], without[at], "{asked}");
        assert_eq!(files_with[at], files_without[at], "{asked} (files)");
    }
    assert_eq!(with[1], r#"[{"ProcessId":2047}]"#);
    assert_eq!(with[10], r#"[{"ProcessId":4095}]"#);
    let count = |query: &str| {
        let at = ASKED.iter().position(|asked| asked.contains(query));
        [&with, &files_with].map(|answers| answers[at.unwrap()].clone())
    };
    let counts = |rows: [u32; 2]| rows.map(|rows| format!(r#"[{{"ProcessId":{rows}}}]"#));
    assert_eq!(count("has 'NIGHTLY' | count"), counts([68, 68]));
    assert_eq!(
        count("or ProcessCommandLine has 'weekly' | count"),
        counts([103, 102])
    );
}
