//! Regenerating changes nothing.

use xtask::workspace::{Output, root};
use xtask::{documents, generate};

fn fresh(outputs: &[Output]) {
    let stale: Vec<_> = outputs
        .iter()
        .filter(|o| o.is_stale())
        .map(|o| &o.path)
        .collect();
    assert!(
        stale.is_empty(),
        "stale: {stale:?}; run `cargo run -p xtask -- generate`, then `status`"
    );
}

#[test]
fn tables_are_fresh() {
    fresh(&generate::outputs(&root()).expect("spec files and rustfmt"));
}

#[test]
fn documents_are_fresh() {
    fresh(&documents::outputs(&root()));
}

#[test]
fn the_readme_counts_what_is_served() {
    use bartizan_contract::operations::OPERATIONS;
    let readme = std::fs::read_to_string(root().join("README.md")).expect("the README");
    let served = OPERATIONS.iter().filter(|o| o.served()).count();
    let count = format!("{served} of {} documented", OPERATIONS.len());
    assert!(readme.contains(&count), "README.md does not say '{count}'");
}

#[test]
fn no_row_of_the_spec_is_lost() {
    use bartizan_contract::{hunting, identity_errors, operations, permissions};
    let spec = generate::Spec::read(&root()).expect("spec files");
    assert_eq!(operations::OPERATIONS.len(), spec.endpoints.len());
    assert_eq!(
        operations::SUPPORT_OPERATIONS.len(),
        spec.support.operations.len()
    );
    assert_eq!(hunting::TABLES.len(), spec.hunting.tables.len());
    assert_eq!(hunting::FUNCTIONS.len(), spec.hunting.functions.len());
    assert_eq!(
        identity_errors::ERRORS.len(),
        spec.identity_errors.errors.len()
    );
    let listed: usize = permissions::RESOURCES
        .iter()
        .map(|r| r.permissions.len())
        .sum();
    let documented = spec
        .permissions
        .resources
        .iter()
        .map(|r| r.permissions.len())
        .sum::<usize>();
    let ours = spec
        .support
        .permissions
        .values()
        .map(Vec::len)
        .sum::<usize>()
        + spec
            .support
            .resources
            .iter()
            .map(|r| r.permissions.len())
            .sum::<usize>();
    assert_eq!(documented, 87);
    assert_eq!(listed, documented + ours);
    assert!(spec.entities.entities.len() >= 140 && !spec.entities.graph_enums.is_empty());
}
