//! Functions of the documentation that are not there, with the reason; the binder and docs/kql.md say it.

/// Names, and why there is no such function.
pub static MISSING: &[(&[&str], &str)] = &[
    (
        &[
            "all",
            "map",
            "inner_nodes",
            "labels",
            "node_degree_in",
            "node_degree_out",
            "node_id",
        ],
        "it is no function of its own: the patterns of graph-match and graph-shortest-paths have it",
    ),
    (
        &[
            "cluster",
            "database",
            "external_table",
            "materialized_view",
            "stored_query_result",
            "entity_group",
            "graph",
            "current_cluster_endpoint",
            "current_database",
            "current_principal",
            "current_principal_details",
            "current_principal_is_member_of",
            "cursor_after",
            "cursor_before_or_at",
            "cursor_current",
            "extent_id",
            "extent_tags",
            "row_id",
        ],
        "it speaks of an Azure Data Explorer cluster; advanced hunting has none",
    ),
];

/// Why a function of the documentation is not there, or none when the name is not one.
pub fn missing(name: &str) -> Option<&'static str> {
    let found = MISSING.iter().find(|(names, _)| names.contains(&name));
    found.map(|(_, reason)| *reason)
}
