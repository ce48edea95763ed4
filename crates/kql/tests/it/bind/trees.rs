//! The shape of bound trees: what becomes of sugar, sharing, literals and casts.

use super::{bound, small};
use bartizan_kql::print::dump_bound;

/// The bound tree of a query without the column lists.
fn tree(query: &str) -> String {
    let bound = bound(query, &small());
    let query = bound
        .query
        .unwrap_or_else(|| panic!("{query}: {:?}", bound.diagnostics));
    let text = dump_bound(&query);
    text.lines()
        .map(|line| line.split(" -> ").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn constants_take_the_type_of_the_column() {
    assert_eq!(
        tree(
            "U | where x == 5 and d.k == 'v' and d.n > 5 and x in (1, 2) and a in~ (dynamic(['p', 'q']))"
        ),
        "filter ((#2 == 5) and (#3[\"k\"]:string == \"v\") and (#3[\"n\"]:real > 5.0) and (#2 in [1, 2]) and \
         (#0 in~ [\"p\", \"q\"]))\n  table U"
    );
    assert!(
        tree("T | where i == 5").contains("(#2 == int(5))"),
        "the column is not widened"
    );
    assert!(tree("T | where i == 5000000000").contains("(#2:long == 5000000000)"));
    assert!(tree("T | where t == '2024-01-01'").contains("(#6 == \"2024-01-01\":datetime)"));
}

#[test]
fn sugar_is_written_with_few_nodes() {
    assert_eq!(
        tree("U | count"),
        "summarize [#4 = Count()] by []\n  table U"
    );
    assert_eq!(
        tree("T | where t > ago(1h) | take 2"),
        "take 2\n  filter (#6 > (Now() - 1h))\n    table T"
    );
    assert_eq!(
        tree("T | where l between (1 .. 2) | where isnotempty(a)"),
        "filter not IsEmpty(#0)\n  filter ((#3 >= 1) and (#3 <= 2))\n    table T"
    );
    assert_eq!(
        tree("T | summarize countif(p), dcountif(a, i > 1)"),
        "summarize [#14 = Count() if #12, #15 = DCount(#0) if (#2 > int(1))] by []\n  table T"
    );
    assert_eq!(
        tree("print x = iff(true, 1, 2.5)"),
        "project #0 = case(true => 1.0, 2.5)\n  unit"
    );
}

#[test]
fn what_is_computed_once_is_shared_and_the_rest_is_not() {
    let twice = tree("let m = materialize(U | where x > 1); union m, (m | take 1)");
    assert_eq!(twice.matches("table U").count(), 1, "{twice}");
    assert_eq!(
        twice.lines().filter(|l| l.trim() == "shared 0").count(),
        3,
        "{twice}"
    );
    let scalar =
        tree("let top_ = toscalar(U | summarize max(x)); T | where l == top_ or n == top_");
    assert_eq!(scalar.matches("scalar of shared 0").count(), 2, "{scalar}");
    let forked = tree("U | where x > 1 | fork A = (count) (take 1) (sort by x)");
    assert_eq!(forked.matches("table U").count(), 1, "{forked}");
    assert_eq!(
        forked,
        "shared 0\n  filter (#2 > 1)\n    table U\ntable \"A\"\n  summarize [#16 = Count()] by []\n    shared 0\n\
         table \"GenericResult_2\"\n  take 1\n    shared 0\n\
         table \"GenericResult_3\"\n  sort #14 desc nulls last\n    shared 0"
    );
    let alone = tree("U | facet by x");
    assert_eq!(alone, "summarize [#4 = Count()] by [#2]\n  table U");
    let plain = tree("let q = U | where x > 1; union q, (q | take 1)");
    assert_eq!(plain.matches("table U").count(), 2, "{plain}");
}

#[test]
fn sorting_is_descending_with_nulls_last_unless_told() {
    assert!(tree("U | sort by x").starts_with("sort #2 desc nulls last"));
    assert!(
        tree("U | sort by x asc, a").starts_with("sort #2 asc nulls first, #0 desc nulls last")
    );
    assert!(tree("U | top 3 by x nulls first").starts_with("top 3 by #2 desc nulls first"));
}

#[test]
fn window_functions_have_a_node_below_the_expressions() {
    assert_eq!(
        tree("U | serialize | extend g = x - prev(x)"),
        "project #5 = (#2 - #4)\n  window #4 = Prev(#2, 1)\n    serialize\n      table U"
    );
}

#[test]
fn columns_that_pass_through_keep_their_ids() {
    assert_eq!(
        tree("U | project-rename y = x | project-away d | project-reorder y"),
        "project\n  project\n    project\n      table U"
    );
}

#[test]
fn a_join_keeps_both_sides_and_lookup_drops_the_right_keys() {
    let columns = |query: &str| {
        let bound = bound(query, &small()).query.unwrap();
        bound
            .plan
            .columns
            .iter()
            .map(|c| c.name.clone())
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(columns("U | join kind=inner V on a"), "a l x d a1 l1 b");
    assert_eq!(columns("U | lookup V on a"), "a l x d l1 b");
    assert!(tree("U | join V on a").starts_with("join InnerUnique on #0 == #4"));
    assert!(
        tree("T | join kind=inner U on $left.i == $right.x")
            .starts_with("join Inner on #2:long == #16")
    );
}

#[test]
fn columns_that_need_no_others_are_computed_in_one_step() {
    let chain: String = (0..55)
        .map(|n| format!(" | extend c{n} = strcat(a, '{n}')"))
        .collect();
    let merged = tree(&format!("U{chain}"));
    assert_eq!(merged.lines().count(), 2, "{merged}");
    let once = |n: usize| format!("c{n} = strcat(a, '{n}')");
    let list = (0..55).map(once).collect::<Vec<_>>().join(", ");
    assert_eq!(merged, tree(&format!("U | extend {list}")));
    // Sixty copies of the chain are few enough.
    let copies = vec!["(t | where a == 'x')"; 60].join(", ");
    let bound = bound(&format!("let t = U{chain}; union {copies}"), &small());
    assert!(bound.query.is_some(), "{:?}", bound.diagnostics);

    for (query, steps) in [
        ("U | extend y = x | extend z = x + 1", 2),
        ("U | project x, y = x + 1 | extend z = x + 1", 2),
        // What is computed is read, replaced or left out, or differs from row to row.
        ("U | extend y = x + 1 | extend z = y + 1", 3),
        (
            "U | extend y = x + 1 | extend z = array_length(pack_array(1, y))",
            3,
        ),
        ("U | extend y = x + 1 | extend y = a", 3),
        ("U | extend y = x + 1 | extend x = 5", 2),
        ("U | extend x = x + 1 | extend z = x", 3),
        ("U | extend y = rand() | extend z = x", 3),
        ("U | extend y = x + 1 | extend z = tostring(new_guid())", 3),
        ("U | extend y = x + 1 | where x > 1 | extend z = x", 4),
        ("U | serialize y = x + 1 | extend z = row_number()", 5),
    ] {
        let tree = tree(query);
        assert_eq!(tree.lines().count(), steps, "{query}\n{tree}");
    }
}

#[test]
fn what_is_bound_later_leaves_nothing_behind() {
    let f = "let f = (name: string) { table(name) };";
    let shared = format!("{f} let gone = union f('Gone'), (materialize(T)); T | project a");
    let query = bound(&shared, &small()).query.expect("a query");
    assert!(query.shared.is_empty(), "{:?}", query.shared);
    let unpacked =
        format!("{f} let gone = union f('Gone'), (T | evaluate bag_unpack(d)); T | project a");
    let bound = bound(&unpacked, &small());
    assert!(bound.query.is_some() && bound.probe.is_none());
    let named = format!(
        "{f} let gone = union f('Gone'), (materialize(T) | as X); union isfuzzy=true T, X | project a"
    );
    let query = super::bound(&named, &small()).query.expect("a query");
    assert!(query.shared.is_empty(), "{:?}", query.shared);
}
