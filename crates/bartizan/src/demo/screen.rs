//! The one screen that a start ends with.

use std::collections::BTreeMap;
use std::path::Path;

use bartizan_sdk::Client;
use bartizan_sdk::client::ListOptions;
use bartizan_sdk::hunting::Wire;
use bartizan_server::Server;
use futures::TryStreamExt as _;

use crate::exit::Failure;
use crate::shell::quoted;

/// The query that the screen proposes, by both ways.
pub(crate) const HUNT: &str =
    "DeviceProcessEvents | summarize Processes = count() by DeviceName | top 5 by Processes";

/// What there is to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Rows of the endpoint tables, when they were counted.
    pub(crate) rows: Option<i64>,
    /// Incidents.
    pub(crate) incidents: usize,
    /// Alerts.
    pub(crate) alerts: usize,
    /// Devices.
    pub(crate) machines: usize,
}

/// Asks the server what it has. Rows are counted after they were loaded: it reads every table, and would make up most
/// of a later start.
pub(crate) async fn counts(client: &Client, with_rows: bool) -> Result<Counts, Failure> {
    let rows = if with_rows {
        let query = "union Device* | count";
        let answer = client.hunting().run(Wire::Xdr, query, None).await?;
        let row = answer.results.first();
        row.and_then(|row| row.values().next()?.as_i64())
    } else {
        None
    };
    let everything = ListOptions::default();
    let incidents: Vec<_> = client.incidents().list(&everything).try_collect().await?;
    let alerts: Vec<_> = client.alerts().list(&everything).try_collect().await?;
    let machines: Vec<_> = client.machines().list(&everything).try_collect().await?;
    Ok(Counts {
        rows,
        incidents: incidents.len(),
        alerts: alerts.len(),
        machines: machines.len(),
    })
}

/// The screen of `bartizan demo`.
#[must_use]
pub(crate) fn demo(
    environment: &BTreeMap<String, String>,
    data: &Path,
    counts: &Counts,
    fresh: bool,
) -> String {
    let get = |name: &str| environment.get(name).map_or("", String::as_str);
    let (url, http, tenant) = (
        get("BARTIZAN_URL"),
        get("BARTIZAN_HTTP_URL"),
        get("BARTIZAN_TENANT_ID"),
    );
    let (id, secret, ca) = (
        get("BARTIZAN_CLIENT_ID"),
        get("BARTIZAN_CLIENT_SECRET"),
        get("BARTIZAN_CA"),
    );
    let program = program();
    let data_text = quoted(&data.display().to_string());
    let hidden = format!("in {}", data.join("demo.env").display());
    let (shown_secret, shown_password) = if fresh {
        (secret, get("BARTIZAN_ADMIN_PASSWORD"))
    } else {
        (hidden.as_str(), hidden.as_str())
    };
    let ca = quoted(ca);
    let token = format!("$({program} token get --data {data_text})");
    let body = serde_json::json!({ "Query": HUNT }).to_string();
    format!(
        "\
Bartizan is ready: {rows}{incidents} incidents, {alerts} alerts, {machines} devices.

  {url}   {http}   proxy {proxy}
  tenant         {tenant}
  client id      {id}
  client secret  {shown_secret}
  administrator  {user}
  password       {shown_password}
  for scripts    (. {env}; COMMAND)

1. A token, as Microsoft's page says it:
   (. {env} && curl --cacert {ca} -d grant_type=client_credentials -d client_id=$BARTIZAN_CLIENT_ID \\
     --data-urlencode client_secret=$BARTIZAN_CLIENT_SECRET \\
     -d scope=https://api.security.microsoft.com/.default {url}/{tenant}/oauth2/v2.0/token)
2. Incidents:
   curl --cacert {ca} -H \"Authorization: Bearer {token}\" {url}/api/incidents
3. A hunt, by curl and by the client:
   curl --cacert {ca} -H \"Authorization: Bearer {token}\" -H 'Content-Type: application/json' \\
     -d '{body}' {url}/api/advancedhunting/run
   {program} hunt --data {data_text} '{HUNT}'
4. A script with Microsoft's hosts in it, unchanged:
   (. {env} && {program} run -- python3 {script})
",
        rows = counts
            .rows
            .map(|rows| format!("{rows} rows of telemetry, "))
            .unwrap_or_default(),
        incidents = counts.incidents,
        alerts = counts.alerts,
        machines = counts.machines,
        proxy = get("BARTIZAN_PROXY"),
        user = get("BARTIZAN_ADMIN_USER"),
        env = quoted(&data.join("demo.env").display().to_string()),
        script = script(),
    )
}

/// The screen of `bartizan serve`.
#[must_use]
pub(crate) fn plain_screen(server: &Server, data: &Path) -> String {
    let mut screen = format!(
        "Bartizan is ready.\n\n  {}   {}   proxy {}\n  profile  {}\n",
        server.url(),
        server.http_url(),
        server.proxy_url(),
        data.join(crate::profile::ADMINISTRATOR).display()
    );
    if let Some(first) = server.first_start() {
        screen.push_str(&format!(
            "  tenant         {}\n  administrator  {}\n  password       {}   (shown this once)\n",
            first.tenant, first.user, first.password
        ));
    }
    screen
}

/// This program as another terminal can call it.
fn program() -> String {
    std::env::current_exe().map_or_else(
        |_| "bartizan".to_owned(),
        |path| quoted(&path.display().to_string()),
    )
}

/// The example script, by its full path when the demo runs in a checkout.
fn script() -> String {
    let path = Path::new("docs/examples/get_token.py");
    match std::path::absolute(path) {
        Ok(full) if full.exists() => quoted(&full.display().to_string()),
        _ => path.display().to_string(),
    }
}
