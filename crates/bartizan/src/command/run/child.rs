//! The command below `bartizan run`: it hears the signals that this process gets, and its end is this one's.

use std::ffi::OsStr;
use std::process::{Command, ExitStatus};

use crate::exit::Failure;

/// Runs a command to its end; the exit code is its own, or 128 and the number of the signal that ended it.
///
/// # Errors
/// When it cannot be started: exit code 127 where there is no such command, otherwise 126.
pub(super) fn run(command: Command, program: &OsStr) -> Result<u8, Failure> {
    let said = |error: std::io::Error| {
        let program = program.to_string_lossy();
        let text = match error.kind() {
            std::io::ErrorKind::NotFound => format!("{program}: there is no such command"),
            std::io::ErrorKind::PermissionDenied => format!("{program}: it may not be run"),
            _ => format!("{program}: {error}"),
        };
        Failure::not_started(&error, text)
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        // Before the start: a signal that comes at once must not end this process alone.
        let signals = signals::heard()?;
        let mut child = tokio::process::Command::from(command)
            .spawn()
            .map_err(said)?;
        let id = child.id();
        let status = tokio::select! {
            status = child.wait() => status,
            never = signals.forward(id) => match never {},
        };
        Ok(code(status?))
    })
}

fn code(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return u8::try_from(128 + signal).unwrap_or(1);
    }
    status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(1)
}

#[cfg(unix)]
mod signals {
    use std::convert::Infallible;

    use rustix::process::{Pid, Signal, getpgrp, kill_process};
    use tokio::signal::unix::{SignalKind, signal};

    /// The signals that ask a process to end.
    pub(super) struct Heard {
        terminate: tokio::signal::unix::Signal,
        interrupt: Option<tokio::signal::unix::Signal>,
        hang_up: Option<tokio::signal::unix::Signal>,
    }

    /// From now on they are heard, and end this process no more. Those that are ignored already (`nohup`, `&` in a script)
    /// stay so: a handler would take that from the child, too.
    pub(super) fn heard() -> std::io::Result<Heard> {
        Ok(Heard {
            terminate: signal(SignalKind::terminate())?,
            interrupt: unless_ignored(SignalKind::interrupt())?,
            hang_up: unless_ignored(SignalKind::hangup())?,
        })
    }

    type Listener = tokio::signal::unix::Signal;

    fn unless_ignored(kind: SignalKind) -> std::io::Result<Option<Listener>> {
        if is_ignored(kind) {
            return Ok(None);
        }
        signal(kind).map(Some)
    }

    /// Whether this process was started with the signal ignored, where the system tells (proc(5), `SigIgn`).
    fn is_ignored(kind: SignalKind) -> bool {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|l| l.strip_prefix("SigIgn:"));
        let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        let bit = u32::try_from(kind.as_raw_value() - 1).unwrap_or(64);
        mask.unwrap_or_default()
            .checked_shr(bit)
            .unwrap_or_default()
            & 1
            == 1
    }

    async fn next(listener: &mut Option<Listener>) {
        match listener {
            Some(listener) => {
                listener.recv().await;
            }
            None => std::future::pending().await,
        }
    }

    impl Heard {
        /// Passes them on to the child, as long as it is waited for.
        pub(super) async fn forward(mut self, child: Option<u32>) -> Infallible {
            let child = child.and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
            loop {
                let signal = tokio::select! {
                    _ = self.terminate.recv() => Signal::TERM,
                    () = next(&mut self.hang_up) => Signal::HUP,
                    () = next(&mut self.interrupt) => {
                        // Ctrl-C reaches every process of the terminal's foreground, the child among them.
                        if in_the_foreground() {
                            continue;
                        }
                        Signal::INT
                    }
                };
                if let Some(child) = child {
                    // A child that has ended just now is about to be noticed.
                    let _ = kill_process(child, signal);
                }
            }
        }
    }

    fn in_the_foreground() -> bool {
        let terminal = std::fs::File::open("/dev/tty");
        terminal.is_ok_and(|terminal| {
            rustix::termios::tcgetpgrp(&terminal).is_ok_and(|group| group == getpgrp())
        })
    }
}

#[cfg(not(unix))]
mod signals {
    use std::convert::Infallible;

    /// Nothing: the console tells every process of its own.
    pub(super) struct Heard;

    /// Nothing is to be done for it.
    pub(super) fn heard() -> std::io::Result<Heard> {
        Ok(Heard)
    }

    impl Heard {
        /// Waits.
        pub(super) async fn forward(self, _: Option<u32>) -> Infallible {
            std::future::pending().await
        }
    }
}
