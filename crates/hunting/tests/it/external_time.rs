//! `externaldata` and time: what counts as used, and locations that do not answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bartizan_hunting::{Engine, EngineSettings, ExternalError, ExternalReader, HuntError, Limits};
use bytes::Bytes;
use futures::future::BoxFuture;

use crate::external::{Files, hunt, place};
use crate::time_used::least_and_greatest;

#[test]
fn what_is_taken_apart_counts_as_time_used_and_waiting_does_not() {
    /// Files that take a second to come.
    #[derive(Debug)]
    struct Slow(Arc<Files>);
    impl ExternalReader for Slow {
        fn read<'a>(
            &'a self,
            location: &'a str,
            most: usize,
        ) -> BoxFuture<'a, Result<Bytes, ExternalError>> {
            Box::pin(async move {
                tokio::time::sleep(Duration::from_secs(1)).await;
                self.0.read(location, most).await
            })
        }
    }
    let records: Vec<String> = (0..20_000)
        .map(|n| format!("{{\"n\":{n},\"s\":\"{n}\"}}"))
        .collect();
    let files = Files::of(&[
        ("small.json", b"{}"),
        ("large.json", records.join("\n").as_bytes()),
    ]);
    let engine = Engine::new(EngineSettings {
        threads: 2,
        external: Some(Arc::new(Slow(files))),
        ..EngineSettings::default()
    })
    .expect("an engine");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let used = |name: &str| {
        let query = format!("externaldata(n:long, s:string)['{}'] | count", place(name));
        let (result, used) = runtime.block_on(engine.measured(hunt(&query, Limits::default())));
        assert!(result.is_ok(), "{result:?}");
        used
    };
    let (small, large) = least_and_greatest(|| used("small.json"), || used("large.json"));
    assert!(small < Duration::from_millis(500), "{small:?}");
    assert!(large > small * 5, "{large:?} for {small:?}");
}

#[test]
fn a_location_that_hangs_holds_nobody_up() {
    /// A location that never answers, and how many wait for it.
    #[derive(Debug, Default)]
    struct Hanging(Arc<AtomicUsize>);
    struct Waiting(Arc<AtomicUsize>);
    impl Drop for Waiting {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }
    impl ExternalReader for Hanging {
        fn read<'a>(
            &'a self,
            _location: &'a str,
            _most: usize,
        ) -> BoxFuture<'a, Result<Bytes, ExternalError>> {
            self.0.fetch_add(1, Ordering::SeqCst);
            let waiting = Waiting(self.0.clone());
            Box::pin(async move {
                let _waiting = waiting;
                std::future::pending().await
            })
        }
    }
    let waiting = Arc::new(AtomicUsize::new(0));
    let engine = Engine::new(EngineSettings {
        threads: 1,
        external: Some(Arc::new(Hanging(waiting.clone()))),
        ..EngineSettings::default()
    })
    .expect("an engine");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let query = format!("externaldata(a:string)['{}']", place("a.csv"));
    let limits = Limits {
        timeout: Duration::from_millis(300),
        ..Limits::default()
    };
    let ended = || {
        for _ in 0..100 {
            if waiting.load(Ordering::SeqCst) == 0 {
                return;
            }
            runtime.block_on(async { tokio::time::sleep(Duration::from_millis(50)).await });
        }
        panic!("the location is still waited for");
    };
    let result = runtime.block_on(engine.run(hunt(&query, limits)));
    assert!(matches!(result, Err(HuntError::Timeout)), "{result:?}");
    ended();
    runtime.block_on(async {
        let run = engine.run(hunt(&query, Limits::default()));
        let given_up = tokio::time::timeout(Duration::from_millis(300), run).await;
        assert!(given_up.is_err());
        // The only thread was never busy.
        let other = engine.run(hunt("print 1", Limits::default())).await;
        assert!(other.is_ok(), "{other:?}");
    });
    ended();
}
