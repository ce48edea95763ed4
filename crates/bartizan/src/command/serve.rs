//! `bartizan serve`, `demo` and `stop`: the server's process.

mod again;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bartizan_server::clock::Clock;
use bartizan_server::settings::{FILE_NAME, Partial, Settings};
use bartizan_server::{Server, StartError, data_dir, logging};

use crate::args::{Global, Serve};
use crate::demo;
use crate::exit::{Failure, Outcome};
use crate::printer::Printer;
use crate::profile::default_data_dir;
use crate::shell::quoted_path;

/// Set for the child that `--detach` leaves behind.
const DETACHED: &str = "BARTIZAN_DETACHED";
/// The child's last line on standard output before the parent lets go.
const READY: &str = "\u{4}ready";
/// The process id of the running server, for `bartizan stop`.
const PID_FILE: &str = "server.pid";
/// The log of a detached server.
const LOG_FILE: &str = "server.log";
/// How long `bartizan stop` waits for a clean end.
const STOP_PATIENCE: Duration = Duration::from_secs(20);

/// `bartizan serve`
pub(crate) fn serve(args: &Serve, global: &Global) -> Outcome {
    start(args, global, false)
}

/// `bartizan demo`
pub(crate) fn demo(args: &Serve, global: &Global) -> Outcome {
    start(args, global, true)
}

fn start(args: &Serve, global: &Global, with_demo: bool) -> Outcome {
    let settings = settings(args)?;
    if args.detach {
        return detach(&settings.data);
    }
    let detached = std::env::var_os(DETACHED).is_some();
    bartizan_server::data_dir::create_private_folder(&settings.data).map_err(|error| {
        let data = settings.data.display();
        Failure::usage(if settings.data.is_file() {
            format!("{data} is a file; --data names a folder, which is made where there is none")
        } else {
            format!(
                "the data directory {data} cannot be made: {error}; --data DIR names another one"
            )
        })
    })?;
    let log = if detached {
        Some(settings.data.join(LOG_FILE))
    } else {
        None
    };
    logging::start(log.as_deref(), args.log_json, global.verbose).map_err(Failure::general)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let command = again::command(args, &settings.data, with_demo, detached);
    runtime.block_on(run(settings, global, with_demo, detached, &command))
}

async fn run(
    settings: Settings,
    global: &Global,
    with_demo: bool,
    detached: bool,
    command: &str,
) -> Outcome {
    let data = settings.data.clone();
    let server = Server::start(settings, Clock::system())
        .await
        .map_err(|error| not_started(&error))?;
    let pid = data.join(PID_FILE);
    data_dir::write_private(&pid, std::process::id().to_string().as_bytes())?;
    again::note(&data, command)?;
    let ended = until_asked_to_end(&server, &data, global, with_demo, detached).await;
    server.stop().await;
    // A stale file would only name a process that holds no lock; the next start replaces it.
    let _ = std::fs::remove_file(&pid);
    ended
}

/// Why a server did not start, with all causes: the database's own words are the last of them.
fn not_started(error: &StartError) -> Failure {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let part = error.to_string();
        if !text.contains(&part) {
            text.push_str(&format!(": {part}"));
        }
        cause = error.source();
    }
    if let StartError::DataDirectory { path, source } = error
        && source.kind() == std::io::ErrorKind::WouldBlock
    {
        text.push_str(&format!(
            "; stop it with `bartizan stop --data {}` or choose another with --data",
            quoted_path(path)
        ));
    }
    if let StartError::Database { file, .. } = error {
        // The pool of connections tries again until it gives up, and keeps SQLite's words to its log.
        if is_no_database(file) {
            text.push_str(": file is not a database");
        }
        // SQLite's words (SQLITE_CORRUPT, SQLITE_NOTADB).
        if ["malformed", "not a database"]
            .iter()
            .any(|words| text.contains(words))
        {
            text.push_str(&format!(
                "; the database {} is damaged: put the data directory back from a backup (docs/configuration.md)",
                file.display()
            ));
        }
    }
    Failure::usage(text)
}

/// Whether a file begins otherwise than SQLite's do. An empty one becomes a database.
fn is_no_database(file: &Path) -> bool {
    const MAGIC: &[u8] = b"SQLite format 3\0";
    let mut head = Vec::new();
    let opened = std::fs::File::open(file);
    let read = opened.and_then(|file| file.take(MAGIC.len() as u64).read_to_end(&mut head));
    read.is_ok() && !head.is_empty() && head != MAGIC
}

async fn until_asked_to_end(
    server: &Server,
    data: &Path,
    global: &Global,
    with_demo: bool,
    detached: bool,
) -> Outcome {
    let mut signal = std::pin::pin!(signalled());
    let prepared = async {
        if with_demo {
            demo::prepare(server, data, global.quiet).await
        } else {
            Ok(demo::plain_screen(server, data))
        }
    };
    let screen = tokio::select! {
        screen = prepared => screen?,
        () = &mut signal => return Ok(()),
    };
    let mut out = std::io::stdout().lock();
    out.write_all(screen.as_bytes())?;
    if detached {
        writeln!(out, "{READY}")?;
    } else {
        writeln!(out, "\nCtrl-C stops the server.")?;
    }
    out.flush()?;
    drop(out);
    signal.await;
    Ok(())
}

/// Ctrl-C, or the signal of `bartizan stop`.
async fn signalled() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        // Without the handler only Ctrl-C is left, which still ends the server cleanly.
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn settings(args: &Serve) -> Result<Settings, Failure> {
    let data = args.data.clone().unwrap_or_else(default_data_dir);
    let data = std::path::absolute(&data)?;
    let at = |port| Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    let (https, http, proxy) = match args.ports {
        Some(first) if first > u16::MAX - 2 => {
            return Err(Failure::usage(
                "--ports FIRST needs two further ports above it",
            ));
        }
        Some(first) => (at(first), at(first + 1), at(first + 2)),
        None => (args.https, args.http, args.proxy),
    };
    let flags = Partial {
        https,
        http,
        proxy,
        expose: args.expose.then_some(true),
        proxy_pass_through: args.proxy_pass_through.then_some(true),
        public_url: args.public_url.clone(),
        database: args.database.clone(),
        ..Partial::default()
    };
    let file = match &args.config {
        Some(path) => Partial::from_file(path),
        None if data.join(FILE_NAME).exists() => Partial::from_file(&data.join(FILE_NAME)),
        None => Ok(Partial::default()),
    };
    let file = file.map_err(Failure::usage)?;
    Settings::resolve(data, flags.over(file)).map_err(Failure::usage)
}

/// Starts this command again without `--detach`, relays what it says, and returns when it is ready.
fn detach(data: &Path) -> Outcome {
    let mut arguments = std::env::args_os().skip(1).collect::<Vec<_>>();
    arguments.retain(|argument| argument != "--detach");
    let mut child = Command::new(std::env::current_exe()?);
    child
        .args(arguments)
        .env(DETACHED, "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    // Its own group, so that Ctrl-C in this terminal does not reach it later.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut child, 0);
    let mut child = child.spawn()?;
    let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(Failure::general("the server's output could not be read"));
    };
    std::thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            eprintln!("{line}");
        }
    });
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        if line == READY {
            // Whoever read it may be gone; the server runs all the same.
            let _ = writeln!(
                std::io::stdout(),
                "\n`bartizan stop --data {}` stops the server.",
                quoted_path(data)
            );
            return Ok(());
        }
        let _ = writeln!(std::io::stdout(), "{line}");
    }
    let status = child.wait()?;
    // The relaying thread may still hold the last lines.
    pause(Duration::from_millis(100));
    match status.code() {
        Some(code @ 1..) => Err(Failure::reported(u8::try_from(code).unwrap_or(1))),
        _ => Err(Failure::general(format!(
            "the server ended before it was ready; see {}",
            data.join(LOG_FILE).display()
        ))),
    }
}

/// `bartizan stop`
pub(crate) fn stop(data: Option<PathBuf>, printer: &Printer) -> Outcome {
    let data = data.unwrap_or_else(default_data_dir);
    let held = || matches!(data_dir::DataDir::open(&data), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock);
    if !data.exists() || !held() {
        printer.remark(&format!(
            "no server runs on {}{}",
            data.display(),
            again::remark(&data)
        ));
        return Ok(());
    }
    let pid = std::fs::read_to_string(data.join(PID_FILE))
        .map_err(|error| Failure::general(format!("{}: {error}", data.join(PID_FILE).display())))?;
    terminate(pid.trim())?;
    let asked = Instant::now();
    while held() {
        if asked.elapsed() > STOP_PATIENCE {
            return Err(Failure::general(format!(
                "process {} has not ended after {} seconds",
                pid.trim(),
                STOP_PATIENCE.as_secs()
            )));
        }
        pause(Duration::from_millis(20));
    }
    printer.remark(&format!("stopped{}", again::remark(&data)));
    Ok(())
}

#[cfg(unix)]
fn terminate(pid: &str) -> Outcome {
    use rustix::process::{Pid, Signal, kill_process};
    let pid = pid.parse().ok().and_then(Pid::from_raw);
    let pid = pid.ok_or_else(|| Failure::general("the pid file does not hold a process id"))?;
    kill_process(pid, Signal::TERM).map_err(Failure::general)
}

#[cfg(not(unix))]
fn terminate(_: &str) -> Outcome {
    Err(Failure::general(
        "stop the server with Ctrl-C in its own window on this system",
    ))
}

/// Waits in a command that has no runtime and nothing else to do.
#[expect(
    clippy::disallowed_methods,
    reason = "no task is blocked: the process only waits"
)]
fn pause(length: Duration) {
    std::thread::sleep(length);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_the_holder_of_a_directory_is_stopped_can_be_copied() {
        let refused = |kind| {
            not_started(&StartError::DataDirectory {
                path: PathBuf::from("/my data"),
                source: std::io::Error::from(kind),
            })
            .to_string()
        };
        let held = refused(std::io::ErrorKind::WouldBlock);
        assert!(held.contains("`bartizan stop --data '/my data'`"), "{held}");
        let denied = refused(std::io::ErrorKind::PermissionDenied);
        assert!(!denied.contains("bartizan stop"), "{denied}");
    }
}
