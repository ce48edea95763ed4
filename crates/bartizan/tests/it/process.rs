//! The binary as a process: commands that end, servers that are started, stopped and killed, and calls to them.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::Value;

/// Seconds that a start may take on a machine that is busy with other tests.
const START_LIMIT: Duration = Duration::from_secs(60);
/// The last line of the screen that a server prints in the foreground.
const READY: &str = "Ctrl-C stops the server.";

/// A command that ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Exit code; -1 when a signal ended it.
    pub(crate) code: i32,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
}

impl Ended {
    /// Standard output, of a command that ended well.
    #[track_caller]
    pub(crate) fn good(self) -> String {
        assert_eq!(self.code, 0, "stdout: {}\nstderr: {}", self.out, self.err);
        self.out
    }

    /// The same as JSON.
    #[track_caller]
    pub(crate) fn json(self) -> Value {
        let out = self.good();
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"))
    }

    /// Standard error, of a command that ended with this code.
    #[track_caller]
    pub(crate) fn bad(self, code: i32) -> String {
        assert_eq!(
            self.code, code,
            "stdout: {}\nstderr: {}",
            self.out, self.err
        );
        self.err
    }
}

/// The command, with nothing of the caller's settings in its environment.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bartizan"));
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy().to_lowercase();
        if ["bartizan_", "azure_"]
            .iter()
            .any(|own| text.starts_with(own))
            || text.ends_with("_proxy")
        {
            command.env_remove(&name);
        }
    }
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Runs the command to its end.
pub(crate) fn run(arguments: &[&str]) -> Ended {
    run_with(arguments, &[], "")
}

/// Runs the command with variables and standard input.
pub(crate) fn run_with(arguments: &[&str], environment: &[(&str, &str)], input: &str) -> Ended {
    let mut child = command(arguments)
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    // A command that does not read its input closes it early.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    Ended {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).expect("UTF-8"),
        err: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

/// The first of three ports in a row that nothing listens on.
pub(crate) fn free_ports() -> u16 {
    for _ in 0..100 {
        let probe = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let first = probe.local_addr().expect("its address").port();
        drop(probe);
        let held: Vec<_> = (0..3)
            .map_while(|n| TcpListener::bind(("127.0.0.1", first.checked_add(n)?)).ok())
            .collect();
        if held.len() == 3 {
            return first;
        }
    }
    panic!("no three free ports in a row");
}

/// A data directory and ports for servers that come and go.
pub(crate) struct Home {
    folder: tempfile::TempDir,
    /// The first of its three ports.
    pub(crate) ports: u16,
}

impl Home {
    /// A new one whose servers count no rates and run rules only when told.
    pub(crate) fn new() -> Self {
        let home = Self {
            folder: tempfile::tempdir().expect("a folder"),
            ports: free_ports(),
        };
        let settings = "rate-limits = false\ndetection-interval-seconds = 86400\n";
        std::fs::create_dir(home.data()).expect("a folder");
        std::fs::write(home.data().join("bartizan.toml"), settings).expect("written");
        home
    }

    /// The data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A place for files of the test.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts a server in the foreground and waits until it is ready.
    pub(crate) fn serve(&self) -> Serving {
        let mut serving = self.spawn();
        serving.wait_until_ready();
        serving
    }

    /// Starts a server and does not wait.
    pub(crate) fn spawn(&self) -> Serving {
        let log = std::fs::File::options()
            .append(true)
            .create(true)
            .open(self.file("stderr.log"))
            .expect("a log");
        let mut command = command(&["serve", "--ports", &self.ports.to_string()]);
        command.arg("--data").arg(self.data());
        let child = command
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the binary starts");
        Serving {
            child,
            log: self.file("stderr.log"),
            screen: String::new(),
        }
    }

    /// Runs a command against this data directory.
    pub(crate) fn cli(&self, arguments: &[&str]) -> Ended {
        let data = self.data();
        let data = data.to_str().expect("UTF-8");
        run_with(arguments, &[("BARTIZAN_DATA", data)], "")
    }
}

/// A server's process; it is killed when dropped.
pub(crate) struct Serving {
    child: Child,
    log: PathBuf,
    /// What it printed until it was ready.
    pub(crate) screen: String,
}

impl Serving {
    /// Waits for the last line of the screen.
    #[track_caller]
    pub(crate) fn wait_until_ready(&mut self) {
        let started = Instant::now();
        let mut out = BufReader::new(self.child.stdout.take().expect("a pipe"));
        loop {
            let mut line = String::new();
            let read = out.read_line(&mut line).expect("its output");
            let log = || std::fs::read_to_string(&self.log).unwrap_or_default();
            assert!(read > 0, "the server ended before it was ready: {}", log());
            assert!(
                started.elapsed() < START_LIMIT,
                "the server is not ready: {}",
                log()
            );
            self.screen.push_str(&line);
            if line.trim_end() == READY {
                break;
            }
        }
        // Whatever else it says must not fill the pipe.
        std::thread::spawn(move || {
            let mut rest = Vec::new();
            let _ = out.read_to_end(&mut rest);
        });
    }

    /// SIGKILL, at once.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
    }

    /// Whether it still runs.
    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().expect("its state").is_none()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The operator's connection: what `admin.toml` says.
#[derive(Clone)]
pub(crate) struct Operator {
    /// The server's origin without TLS, which needs no authority.
    pub(crate) url: String,
    /// The tenant.
    pub(crate) tenant: String,
    /// The operator's application.
    pub(crate) client: (String, String),
    /// One client for all calls.
    pub(crate) http: reqwest::Client,
}

impl Operator {
    /// Reads the profile in the data directory.
    pub(crate) fn of(home: &Home) -> Self {
        let profile = profile(&home.data());
        let text = |key: &str| profile[key].as_str().expect("a text").to_owned();
        Self {
            url: format!("http://127.0.0.1:{}", home.ports + 1),
            tenant: text("tenant"),
            client: (text("client-id"), text("client-secret")),
            http: reqwest::Client::builder()
                .no_proxy()
                .build()
                .expect("a client"),
        }
    }

    /// A token for an application, or nothing when the connection broke or the secret is not good.
    pub(crate) async fn token_of(&self, client: (&str, &str), scope: &str) -> Option<String> {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", client.0),
            ("client_secret", client.1),
            ("scope", scope),
        ];
        let url = format!("{}/{}/oauth2/v2.0/token", self.url, self.tenant);
        let answer = self.http.post(url).form(&form).send().await.ok()?;
        let body: Value = answer.json().await.ok()?;
        Some(body["access_token"].as_str()?.to_owned())
    }

    /// The operator's token.
    pub(crate) async fn token(&self, scope: &str) -> String {
        self.token_of((&self.client.0, &self.client.1), scope)
            .await
            .expect("a token")
    }

    /// A call; nothing when no whole answer came, which is what a killed server leaves.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: Body<'_>,
    ) -> Option<(u16, Value)> {
        let request = self
            .http
            .request(method, format!("{}{path}", self.url))
            .bearer_auth(token);
        let request = match body {
            Body::None => request,
            Body::Json(value) => request.json(&value),
            Body::Lines(lines) => request.body(lines.to_owned()),
        };
        let answer = request.send().await.ok()?;
        let status = answer.status().as_u16();
        let bytes = answer.bytes().await.ok()?;
        Some((
            status,
            serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        ))
    }

    /// A call that must be answered well.
    pub(crate) async fn must(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: Body<'_>,
    ) -> Value {
        let (status, value) = self
            .call(method, path, token, body)
            .await
            .expect("an answer");
        assert!((200..300).contains(&status), "{path}: {status} {value}");
        value
    }
}

/// What a call carries.
pub(crate) enum Body<'a> {
    /// Nothing.
    None,
    /// A JSON document.
    Json(Value),
    /// Bytes as they are.
    Lines(&'a str),
}

/// The operator's profile.
pub(crate) fn profile(data: &Path) -> toml::Table {
    let text = std::fs::read_to_string(data.join("admin.toml")).expect("the operator's profile");
    text.parse().expect("TOML")
}
