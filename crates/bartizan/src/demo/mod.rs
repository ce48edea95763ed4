//! `bartizan demo`: recorded attacks, detection rules and an application, all brought in through the public API.

mod screen;

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::path::Path;

use bartizan_contract::Api;
use bartizan_contract::graph::{
    NewPassword, RequiredResourceAccess, ResourceAccess, ResourceAccessType,
};
use bartizan_contract::permissions::{PermissionKind, RESOURCES};
use bartizan_contract::time::Timestamp;
use bartizan_sdk::cloud::Service;
use bartizan_sdk::{Client, ClientSecret, Cloud};
use bartizan_server::Server;
use bartizan_server::data_dir::write_private;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use reqwest::Method;
use rust_embed::RustEmbed;
use serde_json::{Value, json};

use crate::command::ingest::{Upload, upload};
use crate::exit::Failure;
use crate::profile::{ADMINISTRATOR, Profile};

pub(crate) use screen::plain_screen;

/// Recordings and rules, part of the binary so that it works anywhere.
#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../../demo"]
#[include = "telemetry/otrf/*.zip"]
#[include = "rules/*.toml"]
struct Content;

/// What scripts source.
const ENVIRONMENT: &str = "demo.env";
/// Set in the environment file when everything has been loaded.
const LOADED: &str = "BARTIZAN_DEMO_LOADED";
/// Between the ends of two recordings, in microseconds: a day and a half.
const SPACING: i64 = 36 * 3_600 * 1_000_000;
/// The application's name.
const APPLICATION: &str = "Bartizan demo";

/// Brings the demo's content in, or finds it there, and gives the screen to print.
pub(crate) async fn prepare(server: &Server, data: &Path, quiet: bool) -> Result<String, Failure> {
    let profile = Profile::read(&data.join(ADMINISTRATOR)).map_err(Failure::general)?;
    let operator = operator(server, &profile)?;
    let path = data.join(ENVIRONMENT);
    let mut environment = read_environment(&path);
    addresses(&mut environment, server, &profile);
    if let Some(first) = server.first_start() {
        environment.insert("BARTIZAN_ADMIN_USER".to_owned(), first.user.clone());
        environment.insert("BARTIZAN_ADMIN_PASSWORD".to_owned(), first.password.clone());
    }
    let fresh = !environment.contains_key(LOADED);
    if !environment.contains_key("BARTIZAN_CLIENT_SECRET") {
        let (id, secret) = application(&operator).await?;
        environment.insert("BARTIZAN_CLIENT_ID".to_owned(), id);
        environment.insert("BARTIZAN_CLIENT_SECRET".to_owned(), secret);
    }
    // Written before the loading: a demo that is interrupted does not lose the secret it was given.
    write_environment(&path, &environment)?;
    if fresh {
        load(&operator, server.app().clock.unix_micros(), quiet).await?;
        environment.insert(LOADED.to_owned(), "1".to_owned());
        write_environment(&path, &environment)?;
    }
    let counts = screen::counts(&operator, fresh).await?;
    Ok(screen::demo(&environment, data, &counts, fresh))
}

fn operator(server: &Server, profile: &Profile) -> Result<Client, Failure> {
    let missing = || {
        Failure::general("the operator's profile is incomplete; remove admin.toml and start again")
    };
    let id = profile.client_id.clone().ok_or_else(missing)?;
    let secret = profile.client_secret.clone().ok_or_else(missing)?;
    let tenant = profile.tenant.clone().ok_or_else(missing)?;
    let url = server.loopback_url().parse().map_err(Failure::general)?;
    let authority = server.app().authority.certificate_pem().to_owned();
    Ok(
        Client::builder(Cloud::at(&url), tenant, ClientSecret::new(id, secret))
            .trust(authority)
            .build()?,
    )
}

fn addresses(environment: &mut BTreeMap<String, String>, server: &Server, profile: &Profile) {
    let ca = server
        .app()
        .authority
        .certificate_path()
        .display()
        .to_string();
    let values = [
        ("BARTIZAN_URL", server.url()),
        ("BARTIZAN_HTTP_URL", server.http_url()),
        ("BARTIZAN_PROXY", server.proxy_url()),
        ("BARTIZAN_CA", ca),
        (
            "BARTIZAN_TENANT_ID",
            profile.tenant.clone().unwrap_or_default(),
        ),
    ];
    environment.extend(values.map(|(name, value)| (name.to_owned(), value)));
}

/// Registers the demo's application with the read permissions of the three resources, consented, and a secret.
async fn application(operator: &Client) -> Result<(String, String), Failure> {
    let directory = operator.directory();
    let application = match directory.find(APPLICATION).await? {
        Some(known) => known,
        None => directory.register(APPLICATION, false).await?.0,
    };
    directory
        .require(application.id, &read_permissions())
        .await?;
    let application = directory
        .find(&application.app_id.to_string())
        .await?
        .ok_or_else(|| Failure::general("the demo's application vanished"))?;
    directory.consent(&application).await?;
    let password = NewPassword {
        display_name: Some("demo".to_owned()),
        ..NewPassword::default()
    };
    let password = directory.add_password(application.id, password).await?;
    let secret = password
        .secret_text
        .ok_or_else(|| Failure::general("the server gave no secret"))?;
    Ok((application.app_id.to_string(), secret))
}

/// Application permissions to read the security APIs, and to update incidents as the tour does.
fn read_permissions() -> Vec<RequiredResourceAccess> {
    let wanted = |name: &str| {
        (name.ends_with(".Read.All") || name == "Incident.ReadWrite.All")
            && !name.starts_with("Directory")
    };
    let access = |resource: &bartizan_contract::permissions::Resource| RequiredResourceAccess {
        resource_app_id: resource.app_id,
        resource_access: resource
            .permissions
            .iter()
            .filter(|p| p.kind == PermissionKind::Application && wanted(p.name))
            .map(|p| ResourceAccess {
                id: p.id,
                kind: ResourceAccessType::Role,
            })
            .collect(),
    };
    RESOURCES
        .iter()
        .filter(|resource| resource.api != Api::Bartizan)
        .map(access)
        .collect()
}

async fn load(operator: &Client, now: i64, quiet: bool) -> Result<(), Failure> {
    let recordings: Vec<String> = names("telemetry/");
    let total = recordings
        .iter()
        .filter_map(|name| Content::get(name))
        .map(|f| f.data.len() as u64)
        .sum();
    let bar = Stages::new(total, quiet);
    for (age, name) in recordings.iter().enumerate() {
        let Some(file) = Content::get(name) else {
            continue;
        };
        let short = name.rsplit('/').next().unwrap_or(name);
        bar.say(&format!("{} of {}: {short}", age + 1, recordings.len()));
        // The recordings are years old. They end a day and a half apart, the latest now: inside the look-back of
        // hunts, and far enough from each other to stay incidents of their own.
        let end = Timestamp::from_unix_micros(now - age as i64 * SPACING).to_string();
        let options = Upload {
            name: short,
            table: None,
            end: Some(&end),
        };
        let bytes = file.data.into_owned();
        let size = bytes.len() as u64;
        upload(operator, bytes, &options).await?;
        bar.bar.inc(size);
    }
    bar.say("detection rules");
    for name in names("rules/") {
        let Some(file) = Content::get(&name) else {
            continue;
        };
        let id = name.trim_start_matches("rules/").trim_end_matches(".toml");
        put_rule(operator, id, &file.data).await?;
    }
    bar.say("running the rules over the recordings");
    let path = "/bartizan/v1/rules/run";
    operator
        .raw::<Value>(
            Service::Own,
            Method::POST,
            path,
            Some(&json!({ "lookback": "P30D" })),
        )
        .await?;
    bar.bar.finish_and_clear();
    Ok(())
}

async fn put_rule(operator: &Client, id: &str, source: &[u8]) -> Result<(), Failure> {
    let source = std::str::from_utf8(source).map_err(Failure::general)?;
    let path = format!("/bartizan/v1/rules/{id}");
    let body = json!({ "source": source, "enabled": true });
    operator
        .raw(Service::Own, Method::PUT, &path, Some(&body))
        .await?;
    Ok(())
}

fn names(prefix: &str) -> Vec<String> {
    let mut names: Vec<String> = Content::iter()
        .filter(|name| name.starts_with(prefix))
        .map(|name| name.into_owned())
        .collect();
    names.sort();
    names
}

/// How far the loading is: a bar on a terminal, a line for each stage in a file or a pipe.
struct Stages {
    bar: ProgressBar,
    lines: bool,
}

impl Stages {
    fn new(total: u64, quiet: bool) -> Self {
        Self {
            bar: progress(total, quiet),
            lines: !quiet && !std::io::stderr().is_terminal(),
        }
    }

    fn say(&self, stage: &str) {
        if self.lines {
            eprintln!("loading recorded attacks: {stage}");
        } else {
            self.bar.set_message(stage.to_owned());
        }
    }
}

fn progress(total: u64, quiet: bool) -> ProgressBar {
    let target = if quiet {
        ProgressDrawTarget::hidden()
    } else {
        ProgressDrawTarget::stderr()
    };
    let style = ProgressStyle::with_template(
        "loading recorded attacks {bar:30} {bytes:>9}/{total_bytes} {elapsed:>4} {wide_msg}",
    )
    .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(Some(total), target).with_style(style)
}

fn read_environment(path: &Path) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let pair = |line: &str| {
        let (name, value) = line.trim().trim_start_matches("export ").split_once('=')?;
        Some((name.to_owned(), value.trim_matches('\'').to_owned()))
    };
    text.lines().filter_map(pair).collect()
}

fn write_environment(path: &Path, environment: &BTreeMap<String, String>) -> Result<(), Failure> {
    // No value holds a quote: addresses, ids, a path of ours, and secrets of letters, digits and ~._-
    let lines = environment
        .iter()
        .map(|(name, value)| format!("export {name}='{value}'\n"));
    write_private(path, lines.collect::<String>().as_bytes())?;
    Ok(())
}
