//! Tokens and validations per second, beside what the machine can sign and verify at all and beside npm's `oidc-provider`,
//! in one run. README.md beside this file says how to run it and how to read it.
//!
//! Linux only: the processor time of server and peer is read from `/proc`, so that the load generator's share does not
//! count.

mod directory;
mod limits;
mod load;
mod peer;
mod processor;

use std::time::{Duration, Instant};

use bartizan_server::Server;
use bartizan_server::clock::Clock;
use bartizan_server::settings::{Partial, Settings};
use tempfile::TempDir;

use directory::Shape;
use load::{Load, Measured, Prepared};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// How long each load lasts.
const SPAN: Duration = Duration::from_secs(10);
/// How long each lasts of those that take turns.
const TURN: Duration = Duration::from_secs(5);
/// How many turns each of them has.
const TURNS: usize = 5;
/// How long it runs before it counts.
const WARM_UP: Duration = Duration::from_secs(2);
/// Of many applications, how many ask again and again.
const SAMPLE: usize = 2_000;
/// How long they take at most to ask once each.
const LONG_WARM_UP: Duration = Duration::from_secs(10);
/// How far the next application is from the one before.
const STRIDE: usize = 7_919;

fn main() -> Outcome<()> {
    // `cargo test --benches` calls with `--test`: a benchmark has nothing to test.
    if std::env::args().any(|argument| argument == "--test") {
        return Ok(());
    }
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(run())
}

async fn run() -> Outcome<()> {
    println!("{}", processor::machine());
    let load = std::fs::read_to_string("/proc/loadavg")?;
    println!("load average at the start: {}", load.trim());
    let limits = limits::measure()?;
    println!("per second of one core, all cores doing the same, no server:");
    println!("  RS256 signatures    {:>8.0}", limits.signatures);
    println!("  claims to tokens    {:>8.0}", limits.tokens);
    println!("  RS256 verifications {:>8.0}", limits.verifications);
    println!(
        "  tokens validated    {:>8.0}: {:.0} % of the verifications",
        limits.validations,
        100.0 * limits.validations / limits.verifications
    );
    println!();
    println!(
        "client_credentials over HTTP/1.1, {} connections, {} s each:",
        load::CONNECTIONS,
        SPAN.as_secs()
    );
    let (small, ratios) = tenants().await?;
    match peer::measure(SPAN).await {
        Ok(peer) => {
            report_tokens("npm oidc-provider, 1 client", &peer);
            println!();
            println!(
                "ratio to oidc-provider: {:.2} by the clock, {:.2} by the share of the signing limit",
                small.per_second() / peer.per_second(),
                small.share_of_signing() / peer.share_of_signing()
            );
        }
        Err(error) => println!("npm oidc-provider was not measured: {error}"),
    }
    println!(
        "ratio of many tenants to one, by the share of the signing limit: {:.2}, the median of {}",
        ratios[ratios.len() / 2],
        ratios
            .iter()
            .map(|r| format!("{r:.2}"))
            .collect::<Vec<_>>()
            .join(", ")
    );
    Ok(())
}

fn report(name: &str, measured: &Measured) {
    println!(
        "  {name:<52} {:>6.0} /s by the clock, {:>6.0} per second of a core ({:.2} cores busy)",
        measured.per_second(),
        measured.per_core_second(),
        measured.cores(),
    );
}

fn report_tokens(name: &str, measured: &Measured) {
    report(name, measured);
    println!(
        "  {:<52} {:>5.0} % of the signing limit",
        "",
        100.0 * measured.share_of_signing()
    );
}

/// Tokens of one application, then of 2,000 of 100,000 applications, in turns, because what the host gives differs from
/// one moment to the next; then calls with one token, and the first token of each of the other applications. Gives the
/// first, and the ratios of many tenants to one of the turns, ascending.
async fn tenants() -> Outcome<(Measured, Vec<f64>)> {
    let one = Served::start(Shape {
        tenants: 1,
        applications: 1,
    })
    .await?;
    let many = Served::start(Shape {
        tenants: 1000,
        applications: 100,
    })
    .await?;
    // From tenant to tenant, as clients come that know nothing of each other: a prime is coprime to the number of them.
    let count = many.requests.len();
    let mixed: Vec<Prepared> = (0..count)
        .map(|at| many.requests[at * STRIDE % count].clone())
        .collect();
    let (sample, rest) = mixed.split_at(SAMPLE);
    let mut warm_up = LONG_WARM_UP;
    let (mut small, mut large) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        small.push(one.load(&one.requests, warm_up, TURN).await?);
        large.push(many.load(sample, warm_up, TURN).await?);
        warm_up = Duration::from_secs(1);
    }
    let pairs = small.iter().zip(&large);
    let ratio = |(small, large): (&Measured, &Measured)| {
        large.share_of_signing() / small.share_of_signing()
    };
    let mut ratios: Vec<f64> = pairs.map(ratio).collect();
    ratios.sort_by(f64::total_cmp);
    let small = Measured::joined(&small);
    report_tokens("bartizan, 1 tenant, 1 application", &small);
    report_tokens(
        "1,000 tenants of 100 applications, 2,000 in turn",
        &Measured::joined(&large),
    );
    let first = many.load(rest, Duration::ZERO, SPAN).await?;
    report_tokens("the same, each request another's first", &first);
    let token = directory::token(&one.server, &one.requests[0]).await?;
    let call = [Prepared::get("/v1.0/organization", &token)];
    let calls = one.load(&call, WARM_UP, SPAN).await?;
    report("GET /v1.0/organization with a token", &calls);
    one.stop().await;
    many.stop().await;
    Ok((small, ratios))
}

/// A server of its own, on a directory of some shape.
struct Served {
    server: Server,
    requests: Vec<Prepared>,
    _data: TempDir,
}

impl Served {
    async fn start(shape: Shape) -> Outcome<Self> {
        let data = tempfile::tempdir()?;
        let any = || Some(std::net::SocketAddr::from(([127, 0, 0, 1], 0)));
        let partial = Partial {
            https: any(),
            http: any(),
            proxy: any(),
            // One caller makes all the calls.
            rate_limits: Some(false),
            ..Partial::default()
        };
        let settings = Settings::resolve(data.path().to_owned(), partial)?;
        let server = Server::start(settings, Clock::system()).await?;
        let started = Instant::now();
        let requests = directory::fill(server.app(), shape).await?;
        if requests.len() > 1 {
            println!(
                "  ({} applications made in {:.0} s)",
                requests.len(),
                started.elapsed().as_secs_f64()
            );
        }
        Ok(Self {
            server,
            requests,
            _data: data,
        })
    }

    /// Loads it, and waits until the sign-ins are written that it made.
    async fn load(
        &self,
        requests: &[Prepared],
        warm_up: Duration,
        span: Duration,
    ) -> Outcome<Measured> {
        let lost = self.lost();
        let base = self.server.http_url();
        let requests = requests.to_vec();
        let (app, runtime) = (self.server.app().clone(), tokio::runtime::Handle::current());
        let measured = tokio::task::spawn_blocking(move || {
            Load {
                base: &base,
                requests: &requests,
                pid: std::process::id(),
                warm_up,
            }
            .run(span, || runtime.block_on(app.trail.flush()))
            .map_err(|error| error.to_string())
        })
        .await??;
        let lost = self.lost() - lost;
        if lost > 0.0 {
            println!("  ({lost} sign-ins were not kept: the queue was full)");
        }
        Ok(measured)
    }

    /// Notes of the trail that were lost so far.
    fn lost(&self) -> f64 {
        let text = self.server.app().metrics.render();
        let lines = text
            .lines()
            .filter(|line| line.starts_with("bartizan_trail_lost_total"));
        let value = |line: &str| line.rsplit(' ').next()?.parse::<f64>().ok();
        lines.filter_map(value).sum()
    }

    async fn stop(self) {
        self.server.stop().await;
    }
}
