//! The load: `wrk`, which sends one of many prepared requests on each turn.

use std::io::Write as _;
use std::process::Command;
use std::time::Duration;

use crate::{Outcome, limits, processor};

/// Connections held open.
pub(crate) const CONNECTIONS: u32 = 16;

/// A request. None of its parts has a tab or a line's end in it.
#[derive(Clone)]
pub(crate) struct Prepared {
    method: &'static str,
    path: String,
    /// One header, name and value.
    header: (&'static str, String),
    body: String,
}

impl Prepared {
    /// A form that is posted.
    pub(crate) fn form(path: String, form: String) -> Self {
        Self {
            method: "POST",
            path,
            header: (
                "Content-Type",
                "application/x-www-form-urlencoded".to_owned(),
            ),
            body: form,
        }
    }

    /// Path and body.
    pub(crate) fn target(&self) -> (&str, &str) {
        (&self.path, &self.body)
    }

    /// A GET with a bearer token.
    pub(crate) fn get(path: &str, token: &str) -> Self {
        Self {
            method: "GET",
            path: path.to_owned(),
            header: ("Authorization", format!("Bearer {token}")),
            body: String::new(),
        }
    }
}

/// What came of a load.
pub(crate) struct Measured {
    answers: f64,
    wall: f64,
    processor: f64,
    signatures: f64,
}

impl Measured {
    /// Several loads as one; what a core could sign is weighed by the processor time of each.
    pub(crate) fn joined(turns: &[Self]) -> Self {
        let sum = |of: fn(&Self) -> f64| turns.iter().map(of).sum::<f64>();
        let processor = sum(|turn| turn.processor);
        Self {
            answers: sum(|turn| turn.answers),
            wall: sum(|turn| turn.wall),
            processor,
            signatures: sum(|turn| turn.signatures * turn.processor) / processor,
        }
    }

    /// Answers per second by the clock.
    pub(crate) fn per_second(&self) -> f64 {
        self.answers / self.wall
    }

    /// Answers per second of processor time that the server used.
    pub(crate) fn per_core_second(&self) -> f64 {
        self.answers / self.processor
    }

    /// The share of the signatures that a core could have made in that processor time, as measured right before and
    /// after.
    pub(crate) fn share_of_signing(&self) -> f64 {
        self.per_core_second() / self.signatures
    }

    /// How many cores the server kept busy.
    pub(crate) fn cores(&self) -> f64 {
        self.processor / self.wall
    }
}

/// `wrk` calls `request` for each; the argument follows `--`.
const SCRIPT: &str = r#"
local requests = {}
local at = 0
function init(args)
  for line in io.lines(args[1]) do
    local method, path, name, value, body = line:match("^([^\t]*)\t([^\t]*)\t([^\t]*)\t([^\t]*)\t([^\t]*)$")
    if body == "" then body = nil end
    requests[#requests + 1] = wrk.format(method, path, { [name] = value }, body)
  end
end
function request()
  at = at % #requests + 1
  return requests[at]
end
"#;

/// A load on a server whose processor time counts.
pub(crate) struct Load<'a> {
    /// `http://host:port`
    pub(crate) base: &'a str,
    /// The requests, in turn.
    pub(crate) requests: &'a [Prepared],
    /// The server's process.
    pub(crate) pid: u32,
    /// How long the same load runs before it counts; zero for requests that are to be the first of their kind.
    pub(crate) warm_up: Duration,
}

impl Load<'_> {
    /// Loads for `span`. What `settle` waits for counts as well: work that was put off is work.
    pub(crate) fn run(&self, span: Duration, settle: impl FnOnce()) -> Outcome<Measured> {
        let mut script = tempfile::Builder::new().suffix(".lua").tempfile()?;
        script.write_all(SCRIPT.as_bytes())?;
        let mut list = tempfile::NamedTempFile::new()?;
        for request in self.requests {
            let (name, value) = &request.header;
            writeln!(
                list,
                "{}\t{}\t{name}\t{value}\t{}",
                request.method, request.path, request.body
            )?;
        }
        list.flush()?;
        if !self.warm_up.is_zero() {
            self.wrk(self.warm_up, &script, &list)?;
        }
        let signatures = limits::signatures()?;
        let before = processor::seconds(self.pid)?;
        let answers = self.wrk(span, &script, &list)?;
        settle();
        let processor = processor::seconds(self.pid)? - before;
        Ok(Measured {
            answers,
            wall: span.as_secs_f64(),
            processor,
            signatures: (signatures + limits::signatures()?) / 2.0,
        })
    }

    /// Runs it once; the number of answers.
    fn wrk(
        &self,
        span: Duration,
        script: &tempfile::NamedTempFile,
        list: &tempfile::NamedTempFile,
    ) -> Outcome<f64> {
        let output = Command::new("wrk")
            .args([
                "-t1",
                &format!("-c{CONNECTIONS}"),
                &format!("-d{}s", span.as_secs()),
                "-s",
            ])
            .arg(script.path())
            .arg(self.base)
            .arg("--")
            .arg(list.path())
            .output()
            .map_err(|error| {
                format!("wrk could not be started ({error}); on Debian: apt-get install wrk")
            })?;
        let text = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() || text.contains("Non-2xx") || text.contains("Socket errors") {
            return Err(format!(
                "the load did not go well:\n{text}{}",
                String::from_utf8_lossy(&output.stderr)
            )
            .into());
        }
        // "  15532 requests in 10.00s, 31.2MB read"
        let line = text.lines().find(|line| line.contains(" requests in "));
        let number = line.and_then(|line| line.split_whitespace().next());
        Ok(number.ok_or("wrk printed no figures")?.parse()?)
    }
}
