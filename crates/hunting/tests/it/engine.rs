//! An engine, and a runtime of one thread to run it on.

use bartizan_hunting::{Engine, EngineSettings};
use tokio::runtime::{Builder, Runtime};

pub(crate) fn engine(settings: EngineSettings) -> (Engine, Runtime) {
    let runtime = Builder::new_current_thread().enable_all().build();
    (
        Engine::new(settings).expect("an engine"),
        runtime.expect("a runtime"),
    )
}
