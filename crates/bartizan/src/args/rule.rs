//! `bartizan rule`: what may be typed after it.

use std::path::PathBuf;

use clap::Subcommand;

use super::Connection;

/// A duration as rule files take it (`30d`, `12h`, `15m`), in ISO 8601; any other text as it is, for the server to judge.
fn duration(text: &str) -> Result<String, std::convert::Infallible> {
    let number = text.strip_suffix(['d', 'h', 'm']);
    let number = number.filter(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    Ok(match number {
        Some(days) if text.ends_with('d') => format!("P{days}D"),
        Some(_) => format!("PT{}", text.to_ascii_uppercase()),
        None => text.to_owned(),
    })
}

/// `bartizan rule …`
#[derive(Debug, Subcommand)]
pub(crate) enum Rule {
    /// List the tenant's rules and how their last run went.
    List {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
    },
    /// Show a rule with its text.
    Show {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Its id.
        id: String,
    },
    /// Put rules into the tenant, from files; a rule of the same id is replaced.
    Add {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Rule files (TOML).
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Store them without running them.
        #[arg(long)]
        disabled: bool,
    },
    /// Let a stored rule run, or not.
    Update {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Its id.
        id: String,
        /// Whether it runs.
        #[arg(long, action = clap::ArgAction::Set)]
        enabled: bool,
    },
    /// Delete a rule; the alerts that it raised stay.
    Delete {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Its id.
        id: String,
    },
    /// Run every enabled rule now.
    Run {
        /// Connection.
        #[command(flatten)]
        connection: Connection,
        /// Look back at least so far, such as 30d or 12h, or as an ISO 8601 duration: for telemetry that was loaded late.
        #[arg(long, value_name = "DURATION", value_parser = duration)]
        lookback: Option<String>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_of_rule_files_become_iso_8601() {
        for (typed, sent) in [
            ("30d", "P30D"),
            ("12h", "PT12H"),
            ("15m", "PT15M"),
            ("P30D", "P30D"),
            ("d", "d"),
        ] {
            assert_eq!(duration(typed).as_deref(), Ok(sent));
        }
    }
}
