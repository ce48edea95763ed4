//! Any order of appends, retries, flushes, merges, sweeps and restarts leaves exactly the rows that
//! a map would hold.

use std::collections::BTreeMap;

use bartizan_contract::hunting::table;
use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Step {
    /// Tenant, batch id, rows.
    Append(bool, u8, u8),
    Flush,
    Compact,
    Sweep,
    /// Dropped without a shutdown: what a crash leaves.
    Restart,
    Shutdown,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (any::<bool>(), 0..12_u8, 0..40_u8).prop_map(|(t, id, rows)| Step::Append(t, id, rows)),
        3 => Just(Step::Flush),
        1 => Just(Step::Compact),
        1 => Just(Step::Sweep),
        2 => Just(Step::Restart),
        1 => Just(Step::Shutdown),
    ]
}

/// Rows of a batch, told apart by its id; every third is of another table.
fn rows_of(id: u8, rows: u8) -> Vec<Row> {
    let row = |n: i64| match n % 3 {
        0 => Row::empty(table("AlertInfo").unwrap()),
        _ => process(i64::from(id) * 1000 + n, n * 37 % 11),
    };
    (0..i64::from(rows)).map(row).collect()
}

async fn check(events: &Arc<EventStore>, model: &BTreeMap<(TenantId, u8), u8>) {
    for tenant in [CONTOSO, FABRIKAM] {
        let mut alerts = 0;
        let mut expected = Vec::new();
        for ((_, id), rows) in model.iter().filter(|((owner, _), _)| *owner == tenant) {
            for row in rows_of(*id, *rows) {
                match row.get("ProcessId").and_then(Value::as_i64) {
                    Some(number) => expected.push(number),
                    None => alerts += 1,
                }
            }
        }
        assert_eq!(numbers(events, tenant, None).await, expected);
        let found = read(events, tenant, table("AlertInfo").unwrap(), None).await;
        assert_eq!(
            found.iter().map(RecordBatch::num_rows).sum::<usize>(),
            alerts
        );
        let totals = events.totals(Some(tenant)).await.unwrap();
        let counted: i64 = totals.iter().map(|total| total.rows).sum();
        assert_eq!(counted as usize, expected.len() + alerts);
    }
}

async fn run(steps: Vec<Step>) {
    let mut place = Place::new();
    place.settings.compact_files = 2;
    place.settings.removed_grace = std::time::Duration::ZERO;
    place.settings.orphan_grace = std::time::Duration::ZERO;
    let mut events = place.open().await;
    let mut model = BTreeMap::new();
    for step in steps {
        match step {
            Step::Append(contoso, id, rows) => {
                let tenant = if contoso { CONTOSO } else { FABRIKAM };
                let known = model.get(&(tenant, id)).copied();
                let appended = events
                    .append(tenant, batch(id.into()), rows_of(id, rows))
                    .await
                    .unwrap();
                assert_eq!(appended.duplicate, known.is_some());
                assert_eq!(appended.rows, usize::from(known.unwrap_or(rows)));
                model.entry((tenant, id)).or_insert(rows);
            }
            Step::Flush => drop(events.flush().await.unwrap()),
            Step::Compact => drop(events.compact().await.unwrap()),
            Step::Sweep => {
                let now = std::time::SystemTime::now()
                    .duration_since(std::time::UNIX_EPOCH)
                    .unwrap()
                    .as_micros() as i64;
                events.sweep(now).await.unwrap();
            }
            Step::Restart => {
                drop(events);
                events = place.open().await;
            }
            Step::Shutdown => {
                events.shutdown().await.unwrap();
                drop(events);
                events = place.open().await;
            }
        }
    }
    check(&events, &model).await;
    drop(events);
    check(&place.open().await, &model).await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn the_store_holds_what_a_map_would(steps in prop::collection::vec(step(), 1..25)) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(run(steps));
    }
}
