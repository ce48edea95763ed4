//! The schema's history: numbered SQL files, embedded, applied in order when a store opens.

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// Number, name and text of each step. A step that was released is never edited.
const STEPS: &[(i64, &str, &str)] = &[
    (
        1,
        "foundation",
        include_str!("../migrations/0001_foundation.sql"),
    ),
    (
        2,
        "event_files",
        include_str!("../migrations/0002_event_files.sql"),
    ),
    (
        3,
        "user_grants",
        include_str!("../migrations/0003_user_grants.sql"),
    ),
    (4, "sign_in", include_str!("../migrations/0004_sign_in.sql")),
    (
        5,
        "application_credentials",
        include_str!("../migrations/0005_application_credentials.sql"),
    ),
    (
        6,
        "refusals",
        include_str!("../migrations/0006_refusals.sql"),
    ),
    (
        7,
        "directory",
        include_str!("../migrations/0007_directory.sql"),
    ),
    (
        8,
        "event_arrivals",
        include_str!("../migrations/0008_event_arrivals.sql"),
    ),
    (9, "owners", include_str!("../migrations/0009_owners.sql")),
    (
        10,
        "refusals_by_correlation",
        include_str!("../migrations/0010_refusals_by_correlation.sql"),
    ),
    (
        11,
        "hunting",
        include_str!("../migrations/0011_hunting.sql"),
    ),
    (
        12,
        "referencing_columns",
        include_str!("../migrations/0012_referencing_columns.sql"),
    ),
    (
        13,
        "password_change",
        include_str!("../migrations/0013_password_change.sql"),
    ),
    (
        14,
        "names_abroad",
        include_str!("../migrations/0014_names_abroad.sql"),
    ),
    (
        15,
        "refusal_shares",
        include_str!("../migrations/0015_refusal_shares.sql"),
    ),
];

/// The steps as sqlx applies them, each in its own transaction.
pub(crate) fn migrator() -> Migrator {
    let steps = STEPS.iter().map(|(number, name, text)| {
        Migration::new(
            *number,
            (*name).into(),
            MigrationType::Simple,
            text.into_sql_str(),
            false,
        )
    });
    Migrator::with_migrations(steps.collect())
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use sqlx::Connection as _;

    use super::*;
    use crate::row::Columns as _;
    use crate::{ReadTx, Store};

    #[test]
    fn steps_are_numbered_in_order_and_portable() {
        for (i, (number, _, text)) in STEPS.iter().enumerate() {
            assert_eq!(*number, i64::try_from(i).unwrap() + 1);
            let statements: Vec<_> = text
                .lines()
                .filter(|l| !l.trim().starts_with("--"))
                .collect();
            let lower = statements.join("\n").to_lowercase();
            for word in [
                " boolean",
                " timestamp",
                " serial",
                " jsonb",
                " autoincrement",
                " blob",
            ] {
                assert!(!lower.contains(word), "step {number} uses{word}");
            }
        }
    }

    #[tokio::test]
    async fn names_abroad_become_those_of_home() {
        let options = sqlx::sqlite::SqliteConnectOptions::new()
            .in_memory(true)
            .foreign_keys(false);
        let mut database = sqlx::SqliteConnection::connect_with(&options)
            .await
            .unwrap();
        let run = |texts: Vec<String>| {
            let text = texts.join("\n");
            sqlx::raw_sql(sqlx::AssertSqlSafe(text))
        };
        let before = STEPS.iter().filter(|(number, ..)| *number < 14);
        let mut texts: Vec<String> = before.map(|(_, _, text)| (*text).to_owned()).collect();
        texts.push("insert into tenant_domains values ('contoso.example', 'home', 1, 1), ('other.example', 'else', 1, 1);".to_owned());
        let principals = [
            ("abroad", "customer", "home"),
            ("at-home", "home", "home"),
            (
                "first-party",
                "another",
                "f8cdef31-a31e-4b4a-93e4-5f571e91255a",
            ),
        ];
        let names = [
            "a-1",
            "api://a-1",
            "api://a-1/x",
            "api://a-10",
            "https://contoso.example",
            "https://contoso.example/x",
            "https://contoso.example.evil",
            "https://other.example/x",
            "https://api.security.microsoft.com",
        ];
        for (id, tenant, owner) in principals {
            texts.push(format!(
                "insert into service_principals values ('{id}', '{tenant}', 'a-1', '', '{owner}', 1, 0, '', '', '', '', 0);"
            ));
            for (i, name) in names.iter().enumerate() {
                // One tenant has a name once; that of the test is told apart by its tenant.
                texts.push(format!(
                    "insert into service_principal_names values ('{id}', '{name}', '{name}', '{id}', {i});"
                ));
            }
        }
        run(texts).execute(&mut database).await.unwrap();
        run(vec![STEPS[13].2.to_owned()])
            .execute(&mut database)
            .await
            .unwrap();
        let mut kept = Vec::new();
        for (id, ..) in principals {
            let query = "select name from service_principal_names where service_principal = ? order by position";
            let of_it: Vec<String> = sqlx::query_scalar(query)
                .bind(id)
                .fetch_all(&mut database)
                .await
                .unwrap();
            kept.push(of_it);
        }
        let of_home = [
            "a-1",
            "api://a-1",
            "api://a-1/x",
            "https://contoso.example",
            "https://contoso.example/x",
        ];
        assert_eq!(kept[0], of_home);
        assert_eq!(kept[1], names);
        assert_eq!(kept[2], names);
    }

    #[test]
    fn what_is_of_a_tenant_goes_with_it() {
        // Deleted by `segments::remove_tenant`, which the event store calls, and by `tenants::delete`.
        let elsewhere = ["event_files", "event_batches", "refusals"];
        let mut seen = 0;
        for (number, _, text) in STEPS {
            for table in text.split("create table ").skip(1) {
                let (name, rest) = table.split_once(" (").unwrap();
                let columns = rest.split_once("\n);").unwrap().0;
                let lines = || columns.lines().map(str::trim);
                let Some(tenant) = lines().find(|line| line.starts_with("tenant ")) else {
                    continue;
                };
                let through = lines().find(|line| line.starts_with("foreign key (tenant, "));
                let reference = through.unwrap_or(tenant);
                let cascades = reference.contains(" references ")
                    && reference
                        .trim_end_matches(',')
                        .ends_with(" on delete cascade");
                assert!(
                    cascades || elsewhere.contains(&name),
                    "{name} of step {number} would keep rows of deleted tenants"
                );
                seen += 1;
            }
        }
        assert!(seen > 30, "only {seen} tables were looked at");
    }

    async fn texts(tx: &mut ReadTx, query: String, column: &str) -> Vec<String> {
        let query = sqlx::query(sqlx::AssertSqlSafe(query));
        let rows = query.fetch_all(tx.connection()).await.unwrap();
        rows.iter().map(|row| row.text(column).unwrap()).collect()
    }

    /// Deleting a row looks up those that refer to it. Tenants are deleted one at a time.
    #[tokio::test]
    async fn columns_that_refer_to_other_rows_lead_an_index() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_file(&folder.path().join("s.db")).await.unwrap();
        let mut tx = store.read().await.unwrap();
        let tables = "select name from sqlite_master where type = 'table'".to_owned();
        let mut looked_at = 0;
        for table in texts(&mut tx, tables, "name").await {
            let mut leading: BTreeSet<String> = BTreeSet::new();
            let indexes = format!("select name from pragma_index_list('{table}')");
            for index in texts(&mut tx, indexes, "name").await {
                let columns = format!(
                    "select coalesce(name, '') as name from pragma_index_info('{index}') order by seqno"
                );
                leading.insert(texts(&mut tx, columns, "name").await.join(" ") + " ");
            }
            let keys = format!(
                "select cast(id as text) || ' ' || \"from\" as key from pragma_foreign_key_list('{table}') where \"table\" <> 'tenants' order by id, seq"
            );
            let mut referring: BTreeMap<String, String> = BTreeMap::new();
            for key in texts(&mut tx, keys, "key").await {
                let (id, column) = key.split_once(' ').unwrap();
                let columns = referring.entry(id.to_owned()).or_default();
                columns.push_str(column);
                columns.push(' ');
            }
            for columns in referring.values() {
                looked_at += 1;
                let led = leading
                    .iter()
                    .any(|index| index.starts_with(columns.as_str()));
                assert!(led, "{table}: {columns}");
            }
        }
        assert!(looked_at > 10, "{looked_at}");
    }
}
