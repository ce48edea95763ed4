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
    use super::*;

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
}
