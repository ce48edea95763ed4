//! What the messages say, where they point, and what they suggest.

use super::{bound, hunting, small};
use bartizan_kql::{Scope, line_column};

/// Every error as `line:column code message [suggestion]`.
fn errors(query: &str, scope: &Scope) -> Vec<String> {
    let bound = bound(query, scope);
    assert!(bound.query.is_none(), "{query} should be refused");
    let show = |d: &bartizan_kql::Diagnostic| {
        let (line, column) = line_column(query, d.span.start);
        let near = d
            .suggestion
            .as_ref()
            .map(|s| format!(" [{s}]"))
            .unwrap_or_default();
        format!("{line}:{column} {} {}{near}", d.code, d.message)
    };
    bound
        .diagnostics
        .iter()
        .filter(|d| d.is_error())
        .map(show)
        .collect()
}

#[test]
fn unknown_names_say_which_operator_wanted_them_and_what_is_near() {
    let query = "DeviceProcesEvents\n| take 5";
    assert_eq!(
        errors(query, &hunting()),
        [
            "1:1 KS204 Failed to resolve table or column expression named 'DeviceProcesEvents' [DeviceProcessEvents]"
        ]
    );
    let query = "DeviceProcessEvents\n| where FileNam == 'x'\n| project Devicename, x";
    assert_eq!(
        errors(query, &hunting()),
        [
            "2:9 KS142 'where' operator: Failed to resolve scalar expression named 'FileNam' [FileName]",
            "3:11 KS142 'project' operator: Failed to resolve scalar expression named 'Devicename' [DeviceName]",
            "3:23 KS142 'project' operator: Failed to resolve scalar expression named 'x'",
        ]
    );
}

#[test]
fn misspelt_functions_and_types_are_suggested() {
    assert_eq!(
        errors("T | extend x = tostrin(a), y = dcuont(a)", &small()),
        [
            "1:16 KS211 Unknown function: 'tostrin' [tostring]",
            "1:32 KS211 Unknown function: 'dcuont'"
        ]
    );
    assert_eq!(
        errors("T | summarize dcuont(a)", &small()),
        ["1:15 KS211 Unknown function: 'dcuont' [dcount]"]
    );
    assert_eq!(
        errors("T | mv-expand d to typeof(strng)", &small()),
        ["1:27 KS160 The name 'strng' is not a valid type [string]"]
    );
    let function = "let shout = (s:string) { toupper(s) }; T | extend x = shuot(a)";
    assert_eq!(
        errors(function, &small()),
        ["1:55 KS211 Unknown function: 'shuot' [shout]"]
    );
}

#[test]
fn a_mistake_is_reported_once_and_not_where_its_result_is_used() {
    let query = "T | extend x = zz + 1 | where x > 5 | summarize max(x) by x | project max_x";
    assert_eq!(
        errors(query, &small()),
        ["1:16 KS142 'extend' operator: Failed to resolve scalar expression named 'zz'"]
    );
    assert_eq!(
        errors("Nowhere | where a == 1 | project b | sort by c", &small()).len(),
        2,
        "the columns of an unknown table are not known, those of project are"
    );
    let twice = "let f = (x:string) { x + zz }; T | extend a = f(a), b = f(b)";
    assert_eq!(
        errors(twice, &small()),
        ["1:26 KS142 Failed to resolve scalar expression named 'zz'"]
    );
}

#[test]
fn types_that_do_not_fit_are_named() {
    assert_eq!(
        errors("T | where a > 5 and i has 'x'", &small()),
        [
            "1:13 KS106 'where' operator: The operator '>' is not defined for the operand types string and long \
             [Convert the text with tolong(…) or todouble(…), or write the number without quotes]",
            "1:23 KS106 'where' operator: The operator 'has' is not defined for the operand types int and string \
             [Convert it with tostring(…)]",
        ]
    );
    assert_eq!(
        errors("T | summarize sum(a), make_set(b) by d", &small()),
        [
            "1:19 KS138 'summarize' operator: The argument must be a number, timespan or datetime, this one is string \
             [Convert it with tolong(…) or todouble(…)]",
            "1:38 KS116 'summarize' operator: The value of type 'dynamic' is not allowed in this context: \
             cast it first, for example with tostring()",
        ]
    );
    assert_eq!(
        errors("T | join U on l", &small()),
        [
            "1:15 KS227 'join' operator: The column 'l' must have the same type on both sides, not long and string"
        ]
    );
}

#[test]
fn numbers_of_arguments() {
    assert_eq!(
        errors(
            "T | extend x = strlen(), y = iff(p, 1), z = case(p, 1, 2, 3), w = substring(a)",
            &small()
        ),
        [
            "1:16 KS119 'extend' operator: The function 'strlen' expects 1 argument, not 0",
            "1:30 KS119 'extend' operator: The function 'iff' expects 3 arguments, not 2",
            "1:45 KS121 'extend' operator: The function 'case' expects another number of arguments, not 4",
            "1:67 KS119 'extend' operator: The function 'substring' expects between 2 and 3 arguments, not 1",
        ]
    );
}

#[test]
fn what_cannot_be_run_yet_is_said_once_and_the_rest_is_checked() {
    assert_eq!(
        errors(
            "externaldata(h:string)['https://x'] | where h == zz",
            &small()
        ),
        [
            "1:50 KS142 'where' operator: Failed to resolve scalar expression named 'zz' [Text stands in quotes: \"zz\"]"
        ]
    );
    assert_eq!(
        errors(
            "T | evaluate python(typeof(*), 'x') | where anything > 5",
            &small()
        ),
        ["1:14 BZ101 The plugin 'python' is not supported yet"]
    );
    assert_eq!(
        errors("T | evaluate pivott(a)", &small()),
        ["1:14 KS124 The plug-in function 'pivott' is not defined [pivot]"]
    );
    // Columns that depend on the data are no mistakes before it is asked.
    let open = bound("T | evaluate pivot(a) | where anything > 5", &small());
    assert!(open.query.is_some() && open.probe.is_some());
}

#[test]
fn a_warning_does_not_stop_a_query() {
    for (query, code) in [
        ("T | extend x = a.b", "BZ201"),
        // The language takes a name before a condition, which compares nothing.
        ("T | where p = true", "BZ202"),
        // When rows were taken in is not kept, and a condition on it would be silent.
        ("T | where ingestion_time() > ago(1h)", "BZ203"),
    ] {
        let bound = bound(query, &small());
        assert!(bound.query.is_some());
        let codes: Vec<_> = bound.diagnostics.iter().map(|d| d.code).collect();
        assert_eq!(codes, [code], "{query}");
    }
}

#[test]
fn wrong_regular_expressions_are_told_at_their_place() {
    let mut scope = small();
    let query = "T | where a matches regex 'bad'";
    assert!(
        bound(query, &scope).query.is_some(),
        "nobody says what is wrong"
    );
    scope.check_expressions(|text| text.contains("bad").then(|| "it is bad".to_owned()));
    let told = "The regular expression is not valid: it is bad";
    assert_eq!(
        errors(query, &scope),
        [format!("1:27 BZ109 'where' operator: {told}")]
    );
    for (query, place) in [
        ("print x = extract('bad', 1, 'a')", "1:19"),
        ("print x = extract_all(@'bad', 'a')", "1:23"),
        ("print x = replace_regex('a', 'bad', '')", "1:30"),
        ("print x = replace('bad', '', 'a')", "1:19"),
        ("print x = trim_start('bad', 'a')", "1:22"),
        (
            "let wanted = 'bad'; T | where a matches regex wanted",
            "1:47",
        ),
        ("T | parse kind=regex a with 'b' x 'bad'", "1:35"),
        (
            "T | parse-kv a as (k:string) with (regex='bad (a) (b)')",
            "1:42",
        ),
    ] {
        let told = errors(query, &scope);
        assert_eq!(told.len(), 1, "{query}");
        assert!(told[0].starts_with(&format!("{place} BZ109")), "{told:?}");
    }
    for query in [
        "T | where a matches regex 'good' and a has 'bad'",
        "T | where a matches regex strcat('bad', a)",
        "T | parse a with 'bad' x",
        "print countof('a', 'bad', 'regex'), indexof_regex('a', 'bad'), extract('good', 1, 'bad')",
    ] {
        assert!(bound(query, &scope).query.is_some(), "{query}");
    }
}

#[test]
fn a_regular_expression_is_looked_at_once() {
    thread_local! {
        static LOOKED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
    }
    let mut scope = small();
    scope.check_expressions(|_| {
        LOOKED.with(|looked| looked.set(looked.get() + 1));
        None
    });
    let query = "let f = (x: string) { x matches regex 'a+' }; T | where f(a) and f(b) | extend c = extract('a+', 0, a)";
    assert!(bound(query, &scope).query.is_some());
    assert_eq!(LOOKED.with(std::cell::Cell::get), 1);
}

#[test]
fn window_functions_do_not_stand_beside_aggregates() {
    let message = |name: &str| {
        format!("'summarize' operator: The window function '{name}' is not allowed here")
    };
    for (items, place, name) in [
        ("x = row_number()", 33, "row_number"),
        ("x = row_number() + count()", 33, "row_number"),
        ("x = row_cumsum(count()) by a", 33, "row_cumsum"),
    ] {
        let query = format!("T | sort by t | summarize {items}");
        let wanted = format!("1:{} KS144 {}", place - 2, message(name));
        assert_eq!(errors(&query, &small()), [wanted], "{query}");
    }
    for query in [
        "T | sort by t | summarize max(row_number())",
        "T | sort by t | summarize count() by row_number() / 10",
    ] {
        assert!(bound(query, &small()).query.is_some(), "{query}");
    }
}

#[test]
fn a_single_equals_sign_is_advised_about_where_it_is_the_mistake() {
    let codes = |query: &str| -> Vec<_> {
        let bound = bound(query, &small());
        bound.diagnostics.iter().map(|d| d.code).collect()
    };
    assert_eq!(codes("T | where a = (b == 'x')"), ["BZ202"]);
    // What follows is no condition, for a reason that was told before or is not known.
    assert_eq!(
        codes("T | evaluate bag_unpack(d) | where a = zz"),
        Vec::<&str>::new()
    );
    let told = errors(
        "let f = (x: string) { toscalar(T | where x | count) }; T | where a = (f('y') > 1)",
        &small(),
    );
    assert!(
        told.len() == 1 && !told[0].contains("single ="),
        "the mistake is elsewhere: {told:?}"
    );
}

#[test]
fn literal_tables_have_no_times_of_today() {
    assert_eq!(
        errors("datatable(t:datetime)[datetime(09:00)]", &small()),
        ["1:23 BZ101 A datetime without a day in a datatable is not supported yet"]
    );
}

#[test]
fn a_source_has_a_name() {
    assert_eq!(
        errors("union withsource=\"\" T, U", &small()),
        ["1:18 KS006 Missing name"]
    );
}

#[test]
fn steps_may_assign_to_columns_that_only_the_data_tell() {
    let step = "scan with (step s: true => zz = 2;)";
    let unpacked = format!("T | evaluate bag_unpack(d) | {step}");
    assert!(bound(&unpacked, &small()).query.is_some());
    let told = errors(&format!("T | {step}"), &small());
    assert!(told[0].contains("KS142"), "{told:?}");
}

#[test]
fn what_is_no_column_is_warned_of_in_prev_and_next() {
    let places = |query: &str| -> Vec<u32> {
        let bound = bound(query, &small());
        assert!(bound.query.is_some(), "{query}");
        let warned = bound.diagnostics.iter().filter(|d| d.code == "KS109");
        warned.map(|d| d.span.start).collect()
    };
    assert_eq!(places("T | extend x = prev(a), y = next(['i'], 1)"), []);
    assert_eq!(places("T | extend x = prev(tostring(a))"), [20]);
    assert_eq!(
        places("T | extend x = prev(i + 1, 1, 0), y = next((i))"),
        [20, 43]
    );
    assert_eq!(places("let c = 1; T | extend x = prev(c)"), [31]);
}

#[test]
fn a_text_without_a_result_is_refused() {
    assert_eq!(
        errors("let x = 5;", &small()),
        ["1:11 BZ104 The query has no result: a tabular expression is missing"]
    );
    assert!(!errors("", &small()).is_empty());
}

#[test]
fn several_tables_are_a_result_and_nothing_else() {
    let nowhere_else = "Several tables can be the result of a query, but not of a subquery, a let statement or a function";
    for (query, place) in [
        ("print toscalar(T | fork (count) (take 1))", "1:20"),
        ("let t = T | facet by a; t", "1:13"),
        ("let f = () { T | facet by a }; f()", "1:18"),
        ("T | where a in (T | facet by a)", "1:21"),
        ("union T, (T | facet by a)", "1:15"),
        ("T | join kind=inner (T | facet by a) on a", "1:26"),
        ("materialize(T | facet by a) | take 1", "1:17"),
        ("(T | facet by a)", "1:6"),
        ("T | facet by a with (facet by a)", "1:22"),
        ("T | partition by a (facet by a)", "1:21"),
    ] {
        let found = errors(query, &small());
        let operator = if query.contains("fork") {
            "fork"
        } else {
            "facet"
        };
        let expected =
            format!("{place} BZ106 '{operator}' operator: {nowhere_else} [end the query with it]");
        assert_eq!(found, [expected], "{query}");
    }
    assert_eq!(
        errors(
            "T | fork (count) (take 1) | render table | as X | take 1",
            &small()
        ),
        [
            "1:44 BZ106 'as' operator: The tables of 'fork' are the result as they are, only 'render' can follow",
            "1:51 BZ106 'take' operator: The tables of 'fork' are the result as they are, only 'render' can follow",
        ]
    );
    assert_eq!(
        errors(
            "T | fork (union U) (where nope > 1 | getschema) (where nope)",
            &small()
        ),
        [
            "1:11 KS177 The query operator 'union' is not allowed in a branch of 'fork'",
            "1:38 KS177 The query operator 'getschema' is not allowed in a branch of 'fork'",
            "1:56 KS142 'where' operator: Failed to resolve scalar expression named 'nope'",
        ]
    );
    assert_eq!(
        errors("T | facet by a, nope, d", &small()),
        [
            "1:17 KS142 'facet' operator: Failed to resolve scalar expression named 'nope'",
            "1:23 KS116 'facet' operator: The value of type 'dynamic' is not allowed in this context: cast it first, for example with tostring()",
        ]
    );
}

#[test]
fn graphs_say_what_their_patterns_lack() {
    let made = "T | make-graph a --> b with U on a | ";
    for (asked, said) in [
        (
            "graph-match (v)-[e]->(w) where e.ll > 1 project v.y",
            vec![
                "1:71 KS142 'graph-match' operator: 'e' has no property named 'll'",
                "1:88 KS142 'graph-match' operator: 'v' has no property named 'y'",
            ],
        ),
        (
            "graph-match (v)-[e]->(w)-[e]->(v) project v.x",
            vec![
                "1:64 BZ112 'graph-match' operator: The name 'e' is there twice: only a node may occur again",
            ],
        ),
        (
            "graph-match (v)-[e*5..2]->(w) project v.x",
            vec!["1:57 BZ112 The least number of edges is greater than the most"],
        ),
        (
            "graph-match (v)-[e*1..3]->(w) where all(f, l > 1) project node_degree_in(e)",
            vec![
                "1:74 BZ112 'graph-match' operator: The first argument of 'all' is an edge of the pattern, or inner_nodes of one",
                "1:96 BZ112 'graph-match' operator: The argument of 'node_degree_in' is a node of the pattern; it is left out inside of all, any or map of inner_nodes",
            ],
        ),
        (
            "graph-to-table nodes, edges as E; E",
            vec!["1:38 KS273 Multiple graph outputs require aliases"],
        ),
    ] {
        assert_eq!(errors(&format!("{made}{asked}"), &small()), said, "{asked}");
    }
}

#[test]
fn named_arguments_name_parameters_once_and_in_order() {
    let f = "let f = (a: long, b: long = 2, c: long = 3) { print x = a + b + c }; ";
    for (call, wanted) in [
        (
            "f(1, zz=5)",
            "KS196 The argument name 'zz' does not refer to a declared parameter of 'f' [Its parameters: a, b, c]",
        ),
        (
            "f(1, B=5)",
            "KS196 The argument name 'B' does not refer to a declared parameter of 'f' [b]",
        ),
        (
            "f(1, a=5)",
            "BZ121 The function 'f' gets the parameter 'a' twice",
        ),
        (
            "f(1, b=5, b=6)",
            "BZ121 The function 'f' gets the parameter 'b' twice",
        ),
        (
            "f(1, c=5, 6)",
            "KS195 All arguments after an unordered named argument must be named",
        ),
        ("f(b=1)", "KS197 The argument for parameter 'a' is missing"),
    ] {
        let found = errors(&format!("{f}{call}"), &small());
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].ends_with(wanted), "{found:?}");
    }
    for call in [
        "f(a=1, 2)",
        "f(1, c=5, b=6)",
        "f(b=1, a=2)",
        "f('x')",
        "f(1, 2, c=3)",
    ] {
        let query = bound(&format!("{f}{call}"), &small());
        assert!(query.query.is_some(), "{call}: {:?}", query.diagnostics);
    }
    let piped =
        "let g = (T: (a: long), b: long = 2) { T | extend x = b }; datatable(a: long)[1] | invoke ";
    let found = errors(&format!("{piped}g(zz=4)"), &small());
    assert!(found[0].contains("KS196"), "{found:?}");
    let found = errors(&format!("{piped}g(T=4)"), &small());
    assert!(found[0].contains("BZ121"), "{found:?}");
    assert!(bound(&format!("{piped}g(b=4)"), &small()).query.is_some());
}

#[test]
fn habits_of_other_languages_are_met_with_advice() {
    let scope = hunting();
    let start = "DeviceProcessEvents\n| where ";
    for (rest, wanted) in [
        (
            "FileName == 'a' && FileName == 'b'",
            "2:25 KS002 Unexpected: && [Write 'and']",
        ),
        (
            "FileName == 'a' || FileName == 'b'",
            "2:25 KS176 Unexpected: || [Write 'or'; before an operator stands one |]",
        ),
        (
            "FileName = 'a'",
            "2:9 KS141 'where' operator: The expression must have the type bool, this one is string: a single = compares nothing [Compare with ==]",
        ),
        (
            "FileName = 'a' and ProcessId = 2",
            "2:9 KS141 The expression must have the type bool: a single = compares nothing [Compare with ==]",
        ),
        (
            "FileName = 'a' or ProcessId = 2",
            "2:9 KS141 The expression must have the type bool: a single = compares nothing [Compare with ==]",
        ),
        (
            "FileName == 'a' AND FileName == 'b'",
            "2:25 KS005 Unexpected: AND [Words of the language are in lower case: and]",
        ),
        (
            "true like 'a'",
            "2:14 KS005 Unexpected: like [Compare with has, contains, startswith or matches regex]",
        ),
        (
            "Timestamp > '2026-01-01'",
            "2:19 KS106 'where' operator: The operator '>' is not defined for the operand types datetime and string [Write a moment as datetime(2026-01-31)]",
        ),
        (
            "TimeGenerated > ago(1h)",
            "2:9 KS142 'where' operator: Failed to resolve scalar expression named 'TimeGenerated' [Timestamp]",
        ),
        (
            "FileName == cmd.exe",
            "2:21 KS142 'where' operator: Failed to resolve scalar expression named 'cmd' [Text stands in quotes: \"cmd.exe\"]",
        ),
    ] {
        assert_eq!(errors(&format!("{start}{rest}"), &scope), [wanted]);
    }
    let sql = errors("SELECT * FROM DeviceInfo", &scope);
    assert!(
        sql[0].ends_with("[This is KQL, not SQL: DeviceInfo | where … | project …]"),
        "{sql:?}"
    );
    let none = errors("search 'x'", &Scope::new());
    assert_eq!(none, ["1:1 KS204 There are no tables to search"]);
    let none = errors("// nothing", &Scope::new());
    assert_eq!(none, ["1:11 BZ104 The query is empty"]);
}
