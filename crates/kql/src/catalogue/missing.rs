//! Functions of the documentation that are not there, with the reason; the binder and docs/kql.md say it.

/// Names, and why there is no such function.
pub static MISSING: &[(&[&str], &str)] = &[
    (
        &["geo_info_from_ip_address"],
        "it needs a data file of places by address, and none comes with the server",
    ),
    (
        &["parse_user_agent"],
        "it needs a collection of patterns of user agents, and none comes with the server",
    ),
    (
        &[
            "geo_point_buffer",
            "geo_line_buffer",
            "geo_polygon_buffer",
            "geo_union_polygons_array",
            "geo_union_lines_array",
            "geo_simplify_polygons_array",
            "geo_intersection_2polygons",
        ],
        "shapes cannot be put together or widened yet",
    ),
    (
        &[
            "geo_polygon_to_h3cells",
            "geo_polygon_to_s2cells",
            "geo_line_to_s2cells",
        ],
        "shapes cannot be covered with cells yet",
    ),
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
