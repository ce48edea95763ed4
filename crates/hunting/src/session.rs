//! The DataFusion session of one query: its configuration and its own memory pool.

use std::fmt;
use std::sync::Arc;

use datafusion::error::Result as DfResult;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{
    FairSpillPool, GreedyMemoryPool, MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation,
};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::prelude::SessionConfig;
use object_store::local::LocalFileSystem;

use crate::cooperative::CooperativeJoins;
use crate::dictionaries::DictionaryGroups;
use crate::engine::EngineSettings;
use crate::error::HuntError;
use crate::given_up::GivenUp;
use crate::late_tests::LateTests;
use crate::late_values::physical_rules;
use crate::meter::HighWater;
use crate::plan::KqlQueryPlanner;
use crate::read_in_place::ReadInPlace;
use crate::shredded::ShreddedPaths;

/// The memory of one query: a hard limit, and the peak for the statistics. A query that hits the limit goes on in files
/// where its operators can (aggregation, sorting, joins of sorted rows), else it fails alone.
#[derive(Debug)]
pub(crate) struct QueryMemory {
    pool: Box<dyn MemoryPool>,
    limit: usize,
    used: HighWater,
}

impl QueryMemory {
    pub(crate) fn new(limit: usize, attempt: Attempt) -> Self {
        Self {
            pool: match attempt {
                Attempt::Fast | Attempt::InOrder => Box::new(GreedyMemoryPool::new(limit)),
                Attempt::Frugal => Box::new(FairSpillPool::new(limit)),
            },
            limit,
            used: HighWater::default(),
        }
    }

    /// The most that was reserved at one time, in bytes.
    pub(crate) fn peak(&self) -> usize {
        self.used.peak()
    }
}

impl fmt::Display for QueryMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "query memory ({})", self.pool)
    }
}

impl MemoryPool for QueryMemory {
    fn name(&self) -> &str {
        "query memory"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.pool.register(consumer);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.pool.unregister(consumer);
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.pool.grow(reservation, additional);
        self.used.grow(additional);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.pool.shrink(reservation, shrink);
        self.used.shrink(shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> DfResult<()> {
        self.pool.try_grow(reservation, additional)?;
        self.used.grow(additional);
        Ok(())
    }

    fn reserved(&self) -> usize {
        self.pool.reserved()
    }

    fn memory_limit(&self) -> MemoryLimit {
        self.pool.memory_limit()
    }
}

/// How a query is executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// Whoever asks first gets memory, joins keep a hash table of one side in it, and what is newest is read first.
    Fast,
    /// As fast, but rows are read in their order and tested by the steps that say what was wrong.
    InOrder,
    /// What can go on in files shares the memory evenly, and joins sort both sides, which can. Rows are read in their order.
    Frugal,
}

/// Bytes that a sort keeps free to merge its files; with less memory than many sorts would need, a share of it.
fn to_merge_with(limit: usize) -> usize {
    (limit / 16).min(10 << 20)
}

/// A session for one query.
pub(crate) fn session_state(
    settings: &EngineSettings,
    memory: Arc<QueryMemory>,
    attempt: Attempt,
    given_up: GivenUp,
) -> Result<SessionState, HuntError> {
    // The planner sorts for a join only where there are partitions to join one by one.
    let partitions = match attempt {
        Attempt::Fast | Attempt::InOrder => settings.threads.max(1),
        Attempt::Frugal => settings.threads.max(2),
    };
    let mut config = SessionConfig::new()
        .with_target_partitions(partitions)
        .with_batch_size(settings.batch_rows)
        // The partitions of a scan are the provider's choice, and their order is the rows' order.
        .with_round_robin_repartition(false)
        .with_information_schema(false);
    let options = config.options_mut();
    options.extensions.insert(given_up);
    options.execution.parquet.pushdown_filters = false;
    options.execution.collect_statistics = false;
    // Groups of two rows each are hashed a second time for little; and of many groups the first stage takes memory.
    options
        .execution
        .skip_partial_aggregation_probe_ratio_threshold = 0.4;
    // Providers deal the rows of files evenly, after they left some out; the engine would deal files by their bytes again.
    // Without `repartition_file_scans` it would not deal what is in memory, either.
    options.optimizer.repartition_file_min_size = usize::MAX;
    // What conditions are tested on is kept for what comes after them, uncounted: the share is small.
    options.execution.parquet.max_predicate_cache_size = Some(memory.limit / 32 / partitions);
    options.optimizer.prefer_hash_join = attempt != Attempt::Frugal;
    options.execution.sort_spill_reservation_bytes = to_merge_with(memory.limit);
    // It multiplies the limit by ten, whatever the limit is (DataFusion's GroupedTopKAggregateStream).
    options.optimizer.enable_topk_aggregation = false;
    // A partition reads its own files only: `take` gives the same rows every time.
    options.execution.enable_file_stream_work_stealing = false;
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(memory)
        .with_disk_manager_builder(spill(settings))
        .build_arc()?;
    let files = ReadInPlace::new(LocalFileSystem::new());
    runtime.register_object_store(ObjectStoreUrl::local_filesystem().as_ref(), Arc::new(files));
    let mut builder = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(runtime)
        .with_query_planner(Arc::new(KqlQueryPlanner {
            newest_first: attempt == Attempt::Fast,
        }))
        .with_physical_optimizer_rules(physical_rules())
        .with_physical_optimizer_rule(Arc::new(CooperativeJoins));
    builder = if settings.optimize {
        builder
            .with_optimizer_rule(Arc::new(ShreddedPaths))
            .with_optimizer_rule(Arc::new(LateTests))
            .with_physical_optimizer_rule(Arc::new(DictionaryGroups))
    } else {
        // The rules of physical plans stay: some of them make plans right, not only fast.
        builder.with_optimizer_rules(Vec::new())
    };
    let mut state = builder.build();
    // From here on functions are made with this session's options, by which they know their hunt.
    state.mark_start_execution();
    Ok(state)
}

/// Files of one query, deleted when it ends.
fn spill(settings: &EngineSettings) -> DiskManagerBuilder {
    let mode = match &settings.spill_folder {
        _ if settings.spill_bytes == 0 => DiskManagerMode::Disabled,
        Some(folder) => DiskManagerMode::Directories(vec![folder.clone()]),
        None => DiskManagerMode::OsTmpDirectory,
    };
    DiskManagerBuilder::default()
        .with_mode(mode)
        .with_max_temp_directory_size(settings.spill_bytes)
}
