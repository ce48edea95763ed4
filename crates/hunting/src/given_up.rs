//! Whether anybody still waits for a hunt. What works for long without coming back looks at this: neither the time limit
//! nor a cancellation reaches a task that is busy.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use datafusion::common::config::{ConfigEntry, ConfigExtension, ConfigOptions, ExtensionOptions};
use datafusion::error::{DataFusionError, Result};

/// Set once nobody waits any more. All clones are one. It goes to functions and steps with the options of the session.
#[derive(Clone, Debug, Default)]
pub(crate) struct GivenUp(Arc<AtomicBool>);

impl GivenUp {
    /// That of the hunt that a session is of; without a hunt one that is never set.
    pub(crate) fn of(options: &ConfigOptions) -> Self {
        options
            .extensions
            .get::<Self>()
            .cloned()
            .unwrap_or_default()
    }

    /// Nobody waits any more.
    pub(crate) fn give_up(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether nobody waits any more.
    pub(crate) fn is_given_up(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// An error when nobody waits any more.
    pub(crate) fn check(&self) -> Result<()> {
        if self.is_given_up() {
            return Err(DataFusionError::Execution("the query was given up".into()));
        }
        Ok(())
    }
}

/// Sets it when nobody waits for the outcome any more.
pub(crate) struct SetOnDrop(pub(crate) GivenUp);

impl Drop for SetOnDrop {
    fn drop(&mut self) {
        self.0.give_up();
    }
}

impl ConfigExtension for GivenUp {
    const PREFIX: &'static str = "bartizan";
}

impl ExtensionOptions for GivenUp {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    /// The same one: copies of a session's options are of the same hunt.
    fn cloned(&self) -> Box<dyn ExtensionOptions> {
        Box::new(self.clone())
    }

    fn set(&mut self, key: &str, _value: &str) -> Result<()> {
        Err(DataFusionError::Configuration(format!(
            "there is no option {key}"
        )))
    }

    fn entries(&self) -> Vec<ConfigEntry> {
        Vec::new()
    }
}
