//! Where we answer differently from Microsoft's analyser, on purpose.

use super::{outcome, small};

fn gives(query: &str, expected: &str) {
    assert_eq!(outcome(query, &small()), expected, "{query}");
}

#[test]
fn a_path_into_a_string_parses_it() {
    // The analyser refuses `a.x`; recorded hunts do it with AdditionalFields, which is string in some tables.
    gives(
        "T | project a.x, a['k'], tostring(a[0])",
        "a_x:dynamic, a_k:dynamic, a_0:string",
    );
}

#[test]
fn dynamic_join_keys_are_refused_by_name_too() {
    // The analyser refuses them in `$left.d == $right.d` alone; the service refuses both.
    gives("T | join kind=inner U on d", "error: KS241");
    gives("T | lookup U on d", "error: KS241");
}

#[test]
fn union_inner_keeps_the_common_columns() {
    // As its page says; the analyser shows all columns.
    gives("union kind=inner U, V", "a:string");
}

#[test]
fn rows_must_be_counted_by_constants() {
    // The analyser lets a column through, which has no value there.
    gives("T | take i", "error: KS142");
    gives("T | top i by a", "error: KS142");
}

#[test]
fn parse_replaces_columns_of_the_same_name() {
    // The analyser shows the name twice.
    gives(
        "U | parse a with 'x' l:long *",
        "a:string, x:long, d:dynamic, l:long",
    );
}

#[test]
fn the_source_of_a_union_keeps_its_name() {
    // The analyser shows the name twice.
    gives(
        "union withsource=a U, V | project-keep a*",
        "a:string, a1:string",
    );
}

#[test]
fn a_column_that_exists_has_its_own_type() {
    // The analyser gives column_ifexists the default's type even then.
    gives("T | project column_ifexists('i', '')", "i:int");
}

#[test]
fn window_functions_take_window_functions() {
    // The analyser wants a column's name; the service takes it.
    gives("T | project x = prev(prev(a))", "x:string");
}

#[test]
fn coalesce_mixes_dynamic_with_another_type() {
    gives("T | project x = coalesce(d, a)", "x:string");
}

#[test]
fn a_union_of_missing_tables_alone_is_an_error() {
    gives("union isfuzzy=true Missing, Gone", "error: KS204");
    // So is one that is only left out of unions elsewhere.
    let called = "let f = (name:string) { table(name) }; let gone = f('Gone');";
    gives(&format!("{called} gone | take 1"), "error: KS204");
    gives(&format!("{called} union isfuzzy=true gone"), "error: KS204");
    gives(&format!("{called} T | project a"), "a:string");
}

#[test]
fn materialize_can_begin_a_query() {
    gives("materialize(U | take 5) | count", "Count:long");
}
