//! The load: `wrk`, which posts one of many prepared token requests on each turn.

use std::io::Write as _;
use std::process::Command;
use std::time::Duration;

use crate::{Outcome, processor};

/// Connections held open.
pub(crate) const CONNECTIONS: u32 = 16;

/// A load.
pub(crate) struct Load<'a> {
    /// `http://host:port`
    pub(crate) base: &'a str,
    /// Path and form of each request.
    pub(crate) requests: &'a [(String, String)],
}

/// What came of it.
pub(crate) struct Measured {
    answers: f64,
    wall: f64,
    processor: f64,
}

impl Measured {
    /// Tokens per second by the clock.
    pub(crate) fn per_second(&self) -> f64 {
        self.answers / self.wall
    }

    /// Tokens per second of processor time that the server used.
    pub(crate) fn per_core_second(&self) -> f64 {
        self.answers / self.processor
    }
}

/// `wrk` calls `request` for each; the arguments follow `--`.
const SCRIPT: &str = r#"
local requests = {}
local at = 0
function init(args)
  for line in io.lines(args[1]) do
    local path, body = line:match("^(%S+) (.*)$")
    requests[#requests + 1] = wrk.format("POST", path, { ["Content-Type"] = "application/x-www-form-urlencoded" }, body)
  end
  at = math.random(#requests)
end
function request()
  at = at % #requests + 1
  return requests[at]
end
"#;

impl Load<'_> {
    /// Warms up for two seconds, then loads the process `pid` for `span`.
    pub(crate) fn run(&self, span: Duration, pid: u32) -> Outcome<Measured> {
        let mut script = tempfile::Builder::new().suffix(".lua").tempfile()?;
        script.write_all(SCRIPT.as_bytes())?;
        let mut list = tempfile::NamedTempFile::new()?;
        for (path, body) in self.requests {
            writeln!(list, "{path} {body}")?;
        }
        list.flush()?;
        self.wrk(Duration::from_secs(2), &script, &list)?;
        let before = processor::seconds(pid)?;
        let (answers, wall) = self.wrk(span, &script, &list)?;
        Ok(Measured {
            answers,
            wall,
            processor: processor::seconds(pid)? - before,
        })
    }

    fn wrk(
        &self,
        span: Duration,
        script: &tempfile::NamedTempFile,
        list: &tempfile::NamedTempFile,
    ) -> Outcome<(f64, f64)> {
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
        let line = text
            .lines()
            .find(|line| line.contains(" requests in "))
            .ok_or("wrk printed no figures")?;
        let mut words = line.split_whitespace();
        let answers = words.next().ok_or("wrk printed no figures")?.parse()?;
        Ok((answers, span.as_secs_f64()))
    }
}
