//! Tokens and validations per second, beside what the machine can sign at all and beside npm's `oidc-provider`, in one run.
//!
//! `cargo bench -p bartizan-server --bench identity`. Needs `wrk`; Node.js and npm for the peer. Linux only: the
//! processor time of server and peer is read from `/proc`, so that the load generator's share does not count.

mod directory;
mod limits;
mod load;
mod peer;
mod processor;

use std::time::Duration;

use bartizan_server::Server;
use bartizan_server::clock::Clock;
use bartizan_server::settings::{Partial, Settings};

use directory::Shape;
use load::{Load, Measured};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// How long each load lasts.
const SPAN: Duration = Duration::from_secs(10);

fn main() -> Outcome<()> {
    // `cargo test --benches` calls with `--test`: a benchmark has nothing to test.
    if std::env::args().any(|argument| argument == "--test") {
        return Ok(());
    }
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(run())
}

async fn run() -> Outcome<()> {
    let limits = limits::measure()?;
    println!("one core, no server:");
    println!("  RS256 signatures  {:>9.0} /s", limits.signatures);
    println!(
        "  signed tokens     {:>9.0} /s   (claims to text, base64, signature)",
        limits.tokens
    );
    println!("  validated tokens  {:>9.0} /s", limits.validations);
    println!();
    println!(
        "client_credentials over HTTP/1.1, {} connections, {} s each:",
        load::CONNECTIONS,
        SPAN.as_secs()
    );
    let small = served(Shape {
        tenants: 1,
        applications: 1,
    })
    .await?;
    report(
        "bartizan, 1 tenant, 1 application",
        &small,
        limits.signatures,
    );
    let large = served(Shape {
        tenants: 1000,
        applications: 100,
    })
    .await?;
    report(
        "bartizan, 1,000 tenants, 100 applications each",
        &large,
        limits.signatures,
    );
    match peer::measure(SPAN).await {
        Ok(peer) => {
            report("npm oidc-provider, 1 client", &peer, limits.signatures);
            println!();
            println!(
                "ratio to oidc-provider: {:.2} by the clock, {:.2} by processor time",
                small.per_second() / peer.per_second(),
                small.per_core_second() / peer.per_core_second()
            );
        }
        Err(error) => println!("npm oidc-provider was not measured: {error}"),
    }
    println!(
        "ratio of many tenants to one: {:.2} by processor time",
        large.per_core_second() / small.per_core_second()
    );
    Ok(())
}

fn report(name: &str, measured: &Measured, limit: f64) {
    println!(
        "  {name:<48} {:>7.0} /s by the clock, {:>7.0} /s per core of processor time: {:>3.0} % of the signing limit",
        measured.per_second(),
        measured.per_core_second(),
        100.0 * measured.per_core_second() / limit,
    );
}

/// Starts a server of its own on a directory of that shape and loads it.
async fn served(shape: Shape) -> Outcome<Measured> {
    let data = tempfile::tempdir()?;
    let any = || Some(std::net::SocketAddr::from(([127, 0, 0, 1], 0)));
    let partial = Partial {
        https: any(),
        http: any(),
        proxy: any(),
        ..Partial::default()
    };
    let settings = Settings::resolve(data.path().to_owned(), partial)?;
    let server = Server::start(settings, Clock::system()).await?;
    let requests = directory::fill(server.app(), shape).await?;
    let base = server.http_url();
    let measured = tokio::task::spawn_blocking(move || {
        Load {
            base: &base,
            requests: &requests,
        }
        .run(SPAN, std::process::id())
        .map_err(|error| error.to_string())
    })
    .await??;
    server.stop().await;
    Ok(measured)
}
