//! Documents generated from the compiled tables.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use bartizan_contract::env::VARIABLES;
use bartizan_contract::hunting::TABLES;
use bartizan_contract::identity_errors::ERRORS;
use bartizan_contract::operations::{Api, OPERATIONS, Operation, Rate, SUPPORT_OPERATIONS, all};

use bartizan_contract::remedies;

use crate::workspace::Output;

const MADE_BY: &str = "<!-- Made by `cargo run -p xtask -- status`; do not edit. -->\n\n";

/// The generated documents of the repository at `root`.
#[must_use]
pub fn outputs(root: &Path) -> Vec<Output> {
    let docs = root.join("docs");
    let gaps = fs::read_to_string(docs.join("known-gaps.md")).unwrap_or_default();
    let files = [
        ("STATUS.md", status(&gaps)),
        ("operations.md", operations()),
        ("permissions.txt", permissions()),
        ("environment.md", environment()),
        ("ERRORS.md", errors()),
        ("kql.md", crate::kql::reference(MADE_BY)),
    ];
    files
        .into_iter()
        .map(|(name, text)| Output {
            path: docs.join(name),
            text,
        })
        .collect()
}

/// What is served and what is not, by API and group.
fn status(gaps: &str) -> String {
    let mut out = format!("# Status\n\n{MADE_BY}");
    let served = |rows: &[Operation]| rows.iter().filter(|o| o.served()).count();
    let _ = writeln!(
        out,
        "Bartizan serves **{} of {}** documented security operations, and {} of {} operations of \
         the directory and of its own. The hunting schema has {} tables with {} columns; all of \
         them can be named in a query.\n",
        served(OPERATIONS),
        OPERATIONS.len(),
        served(SUPPORT_OPERATIONS),
        SUPPORT_OPERATIONS.len(),
        TABLES.len(),
        TABLES.iter().map(|t| t.columns.len()).sum::<usize>(),
    );
    out.push_str("| API | group | served | of |\n|---|---|--:|--:|\n");
    let mut groups: BTreeMap<(Api, &str), (usize, usize)> = BTreeMap::new();
    for o in all() {
        let counts = groups.entry((o.api, o.group)).or_default();
        counts.0 += usize::from(o.served());
        counts.1 += 1;
    }
    for ((api, group), (served, of)) in groups {
        let _ = writeln!(out, "| {} | {group} | {served} | {of} |", title(api));
    }
    for (heading, wanted) in [("Served", true), ("Not served yet", false)] {
        let _ = writeln!(out, "\n## {heading}\n");
        for o in all().filter(|o| o.served() == wanted) {
            let _ = writeln!(
                out,
                "- {}: `{} {}` ({})",
                title(o.api),
                o.method,
                o.path,
                o.name
            );
        }
    }
    let gaps = gaps.trim();
    if !gaps.is_empty() {
        // The file stands alone with a heading of its own; here it is a section.
        let body = gaps.strip_prefix("# Known gaps").unwrap_or(gaps).trim();
        let _ = writeln!(out, "\n## Known gaps\n\n{body}");
    }
    out
}

/// The table of operations.
fn operations() -> String {
    let mut out = format!(
        "# Operations\n\n{MADE_BY}Every row of the operation table. A route exists only as such a \
         row. Rates are calls per minute and hour; pages are the default and the largest `$top`.\n"
    );
    for api in [Api::Xdr, Api::Mde, Api::Graph, Api::Bartizan] {
        let _ = writeln!(out, "\n## {}\n", title(api));
        out.push_str("| operation | | application permissions | delegated permissions | rate | page | served |\n");
        out.push_str("|---|---|---|---|---|---|---|\n");
        for o in all().filter(|o| o.api == api) {
            let _ = writeln!(
                out,
                "| {} | `{} {}` | {} | {} | {} | {} | {} |",
                o.name,
                o.method,
                o.path,
                o.app_permissions.join("<br>"),
                o.delegated_permissions.join("<br>"),
                rate(o.rate.as_ref()),
                page(o),
                if o.served() { "yes" } else { "" },
            );
        }
    }
    out
}

fn rate(rate: Option<&Rate>) -> String {
    let Some(rate) = rate else {
        return String::new();
    };
    let parts = [
        rate.per_minute.map(|n| format!("{n}/min")),
        rate.per_10_minutes.map(|n| format!("{n}/10 min")),
        rate.per_hour.map(|n| format!("{n}/h")),
        rate.concurrent.map(|n| format!("{n} at once")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn page(o: &Operation) -> String {
    match (o.page_size, o.max_top) {
        (Some(size), Some(max)) => format!("{size}, {max}"),
        (Some(size), None) => size.to_string(),
        (None, Some(max)) => format!("at most {max}"),
        (None, None) => String::new(),
    }
}

/// The permission matrix: a golden file, so that a changed right shows in a review.
fn permissions() -> String {
    let mut out = String::from(
        "# Made by `cargo run -p xtask -- status`; do not edit.\n\
         # Who may call what: any one of the app roles, or any one of the scopes together with\n\
         # the user's role.\n",
    );
    for o in all() {
        let _ = writeln!(out, "\n{} {} {}", o.api, o.method, o.path);
        let list = |names: &[&str]| {
            if names.is_empty() {
                "-".to_owned()
            } else {
                names.join(" ")
            }
        };
        let _ = writeln!(out, "    roles  {}", list(o.app_permissions));
        let _ = writeln!(out, "    scopes {}", list(o.delegated_permissions));
        let _ = writeln!(out, "    user   {}", user(o));
    }
    out
}

/// What a user needs beside the scope.
fn user(o: &Operation) -> String {
    let groups = if o.device_group_scoped {
        " (device groups apply)"
    } else {
        ""
    };
    let needs: Vec<&str> = o.user_needs.iter().map(|p| p.as_str()).collect();
    match (needs.is_empty(), o.user_roles.is_empty()) {
        (true, true) => "any member".to_owned(),
        (true, false) => o.user_roles.join(", "),
        (false, _) => format!("{}{groups}", needs.join(" ")),
    }
}

/// The environment variables.
fn environment() -> String {
    let mut out = format!(
        "# Environment variables\n\n{MADE_BY}A flag wins over its variable, a variable over the \
         settings file.\n\n| variable | meaning | in `demo.env` |\n|---|---|---|\n"
    );
    for v in VARIABLES {
        let demo = if v.in_demo_env { "yes" } else { "" };
        let _ = writeln!(out, "| `{}` | {} | {demo} |", v.name, v.meaning);
    }
    out
}

/// Every error with its cause and remedy.
fn errors() -> String {
    let mut out = format!(
        "# Errors\n\n{MADE_BY}What each error means and what to do about it. `bartizan explain` says the same for a \
         code, for a whole error body, and for the trace id of a refusal of this server, where it names the fact that \
         is missing and the command that mends it.\n\n## Sign-in and tokens\n\n| code | OAuth error | HTTP | when | \
         what to do |\n|---|---|--:|---|---|\n"
    );
    for e in ERRORS {
        let name = e.name.map(|name| format!("<br>{name}")).unwrap_or_default();
        let _ = writeln!(
            out,
            "| AADSTS{}{name} | `{}` | {} | {} | {} |",
            e.code,
            e.error,
            e.http,
            cell(e.when),
            remedies::of_identity(e.code).map(cell).unwrap_or_default(),
        );
    }
    out.push_str("\n## APIs\n\n| code | when | what to do |\n|---|---|---|\n");
    for (code, cause, remedy) in remedies::APIS {
        let _ = writeln!(out, "| `{code}` | {} | {} |", cell(cause), cell(remedy));
    }
    out
}

/// A text in a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;")
}

fn title(api: Api) -> &'static str {
    match api {
        Api::Xdr => "Defender XDR",
        Api::Mde => "Defender for Endpoint",
        Api::Graph => "Microsoft Graph",
        Api::Bartizan => "Bartizan",
    }
}
