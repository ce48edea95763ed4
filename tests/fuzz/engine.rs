//! Mutates a saved corpus and hands the result to a target, in any crate's tests (`#[path = …] mod engine`).
//!
//! No crate and no nightly compiler is needed, and a run is repeatable: the same seed gives the same inputs in the same
//! order. By default a target has so many rounds that it takes a second or less. `BARTIZAN_TEST_FUZZ_SECONDS` gives it
//! that many seconds instead, `BARTIZAN_TEST_FUZZ_SEED` another beginning than 1. Names of the tests begin with `fuzz_`,
//! so that `cargo test --workspace fuzz_` runs all of them.
//!
//! What fails is reduced and written to `target/tmp/fuzz/<target>`. Moved to `tests/fuzz/found/<target>` it is tried first in
//! every later run, and the mend has its test.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Inputs longer than this are cut.
const LONGEST: usize = 1 << 16;
/// How often a failing input is made smaller and tried again.
const REDUCTIONS: usize = 1_000;
/// A run for some seconds goes on after a finding, until it has so many.
const FINDINGS: usize = 12;
/// An input that takes this long, in halves of a second, is written down; it may be quadratic.
const SLOW: usize = 4;
/// An input that takes this long, in halves of a second, hangs.
const HANGS: usize = 240;

/// A number from the environment. The pure crates forbid reading one variable by name, for good reason elsewhere.
fn setting(name: &str) -> Option<u64> {
    std::env::vars()
        .find(|(key, _)| key == name)
        .and_then(|(_, value)| value.parse().ok())
}

/// SplitMix64: small, and good enough to choose places.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, 0 when there is none.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end.max(1)).expect("a length");
        usize::try_from(self.next() % end).expect("below a length")
    }

    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}

/// What is mutated, and into what.
pub(crate) struct Corpus {
    /// Inputs that mean something.
    pub(crate) seeds: Vec<Vec<u8>>,
    /// Pieces that the format knows.
    pub(crate) words: Vec<&'static str>,
    /// Rounds without the environment's setting.
    pub(crate) rounds: usize,
}

/// Runs a target over the inputs that once failed, over the seeds, and then over mutations of them.
///
/// # Panics
/// When the target does, with the smallest input found that makes it.
pub(crate) fn run(name: &str, corpus: &Corpus, target: impl Fn(&[u8])) {
    assert!(!corpus.seeds.is_empty(), "{name} has no seeds");
    let seed = setting("BARTIZAN_TEST_FUZZ_SEED").unwrap_or(1);
    let watch = setting("BARTIZAN_TEST_FUZZ_SECONDS").map(|seconds| Watch::start(name, seconds));
    let mut random = Random::new(seed);
    let mut findings = Findings::default();
    for (file, input) in found(name) {
        if let Err(message) = attempt(&watch, &input, &target) {
            panic!("{name} fails for {}: {message}", file.display());
        }
    }
    let mut rounds = 0;
    loop {
        let over = match &watch {
            Some(watch) => watch.is_over(),
            None => rounds >= corpus.rounds + corpus.seeds.len(),
        };
        if over || findings.len() >= FINDINGS {
            break;
        }
        let input = match corpus.seeds.get(rounds) {
            Some(seed) => seed.clone(),
            None => mutated(corpus, &mut random),
        };
        rounds += 1;
        if let Err(message) = attempt(&watch, &input, &target) {
            findings.add(name, &watch, input, &message, &target);
            if watch.is_none() {
                break;
            }
        }
    }
    println!("{name}: {rounds} inputs, seed {seed}");
    findings.report(name);
}

/// Runs the target once; its panic's message is the error.
fn attempt(watch: &Option<Watch>, input: &[u8], target: &impl Fn(&[u8])) -> Result<(), String> {
    if let Some(watch) = watch {
        watch.note(input);
    }
    catch_unwind(AssertUnwindSafe(|| target(input))).map_err(|cause| {
        let text = cause.downcast_ref::<String>().cloned();
        text.or_else(|| cause.downcast_ref::<&str>().map(|text| (*text).to_owned()))
            .unwrap_or_default()
    })
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn folder_of(name: &str) -> String {
    name.to_lowercase().replace(' ', "-")
}

/// The saved inputs of a target that failed once, in the order of their names.
fn found(name: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    let folder = repository().join("tests/fuzz/found").join(folder_of(name));
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| {
            let bytes = fs::read(entry.path()).expect("a saved input");
            (entry.path(), bytes)
        })
        .collect()
}

/// A folder of the target beside the build's results.
fn place(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzz");
    let folder = folder.join(folder_of(name));
    fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// Writes an input there, and gives its place.
fn keep(name: &str, kind: &str, input: &[u8]) -> PathBuf {
    let sum = input.iter().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let path = place(name).join(format!("{kind}-{sum:016x}"));
    fs::write(&path, input).expect("written");
    path
}

/// What failed in a run.
#[derive(Default)]
struct Findings {
    lines: Vec<String>,
    inputs: BTreeSet<Vec<u8>>,
    kinds: BTreeMap<String, usize>,
}

impl Findings {
    fn len(&self) -> usize {
        self.lines.len()
    }

    /// Reduces an input that failed and takes it in, unless there are three of its kind.
    fn add(
        &mut self,
        name: &str,
        watch: &Option<Watch>,
        input: Vec<u8>,
        message: &str,
        target: &impl Fn(&[u8]),
    ) {
        let of_kind = self.kinds.entry(kind(message)).or_default();
        if *of_kind >= 3 {
            return;
        }
        *of_kind += 1;
        keep(name, "whole", &input);
        let (input, message) = reduced(watch, input, message.to_owned(), target);
        if self.inputs.insert(input.clone()) {
            let path = keep(name, "found", &input);
            let (bytes, shown) = (input.len(), input.escape_ascii());
            let path = path.display();
            self.lines
                .push(format!("{bytes} bytes, {path}:\n{shown}\n{message}\n"));
        }
    }

    fn report(self, name: &str) {
        let count = self.lines.len();
        assert!(
            count == 0,
            "{name} fails for {count} inputs\n{}",
            self.lines.join("\n")
        );
    }
}

/// The beginning of a message without its numbers.
fn kind(message: &str) -> String {
    let message = message.chars().filter(|c| !c.is_ascii_digit());
    message.take(60).collect()
}

/// The input with pieces left out, as long as it fails in the same way.
fn reduced(
    watch: &Option<Watch>,
    mut input: Vec<u8>,
    mut message: String,
    target: &impl Fn(&[u8]),
) -> (Vec<u8>, String) {
    let first = kind(&message);
    let (mut piece, mut at) = (input.len().div_ceil(2).max(1), 0);
    for _ in 0..REDUCTIONS {
        if at >= input.len() {
            if piece == 1 {
                break;
            }
            (piece, at) = (piece.div_ceil(2), 0);
            continue;
        }
        let mut smaller = input.clone();
        smaller.drain(at..(at + piece).min(input.len()));
        match attempt(watch, &smaller, target) {
            Err(said) if kind(&said) == first => (input, message) = (smaller, said),
            _ => at += piece,
        }
    }
    (input, message)
}

/// Ends a run after its seconds, and writes down inputs that take long or never end.
struct Watch {
    state: Arc<Watched>,
    /// The input that is tried now.
    last: PathBuf,
    /// Dropped with the run, which ends the thread.
    _stop: mpsc::Sender<()>,
}

#[derive(Default)]
struct Watched {
    over: AtomicBool,
    rounds: AtomicUsize,
    input: Mutex<Vec<u8>>,
}

impl Watch {
    fn start(name: &str, seconds: u64) -> Self {
        let state = Arc::new(Watched::default());
        let (stop, stopped) = mpsc::channel::<()>();
        let (label, watched) = (name.to_owned(), Arc::clone(&state));
        std::thread::Builder::new()
            .spawn(move || watched.watch(&label, seconds * 2, &stopped))
            .expect("a thread");
        Self {
            state,
            last: place(name).join("last"),
            _stop: stop,
        }
    }

    fn is_over(&self) -> bool {
        self.state.over.load(Ordering::Relaxed)
    }

    fn note(&self, input: &[u8]) {
        let mut kept = self
            .state
            .input
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        kept.clear();
        kept.extend_from_slice(input);
        // A stack that overflows ends the process: the input must be there before.
        fs::write(&self.last, input).expect("written");
        self.state.rounds.fetch_add(1, Ordering::Relaxed);
    }
}

impl Watched {
    fn watch(&self, name: &str, halves: u64, stopped: &mpsc::Receiver<()>) {
        let (mut passed, mut round, mut same) = (0, 0, 0);
        while stopped.recv_timeout(Duration::from_millis(500)) == Err(RecvTimeoutError::Timeout) {
            passed += 1;
            if passed >= halves {
                self.over.store(true, Ordering::Relaxed);
            }
            let now = self.rounds.load(Ordering::Relaxed);
            same = if now == round { same + 1 } else { 0 };
            round = now;
            if same == SLOW || same == HANGS {
                let input = self.input.lock().unwrap_or_else(PoisonError::into_inner);
                let kind = if same == SLOW { "slow" } else { "hangs" };
                let path = keep(name, kind, &input);
                eprintln!("{name}: {kind} for {}", path.display());
                if same == HANGS {
                    std::process::abort();
                }
            }
        }
    }
}

/// A seed after one to six changes.
pub(crate) fn mutated(corpus: &Corpus, random: &mut Random) -> Vec<u8> {
    let mut bytes = random.pick(&corpus.seeds).clone();
    for _ in 0..=random.below(6) {
        change(&mut bytes, corpus, random);
    }
    bytes.truncate(LONGEST);
    bytes
}

fn change(bytes: &mut Vec<u8>, corpus: &Corpus, random: &mut Random) {
    let from = random.below(bytes.len() + 1);
    let length = random_length(bytes.len(), random);
    let to = (from + random.below(1 + length)).min(bytes.len());
    match random.below(14) {
        0 if from < bytes.len() => bytes[from] ^= 1 << random.below(8),
        1 if from < bytes.len() => {
            bytes[from] = *random.pick(&[0, 1, 0x7f, 0x80, 0xff, b'"', b'\\', b'\n', b'(', b'|']);
        }
        2 => drop(bytes.drain(from..to)),
        3 => {
            let piece = bytes[from..to].to_vec();
            bytes.splice(from..from, piece);
        }
        4 => {
            let piece = bytes[from..to].repeat(1 + random.below(40));
            bytes.splice(from..to, piece);
        }
        5 => bytes.truncate(from),
        6 => {
            // The beginning of this with the end of another.
            let other = random.pick(&corpus.seeds);
            let at = random.below(other.len() + 1);
            bytes.truncate(from);
            bytes.extend_from_slice(&other[at..]);
        }
        7 | 8 => {
            // Another word in a word's place, often of the same text: it may still mean something.
            let other = random.pick(&corpus.seeds);
            let other = if random.below(3) == 0 { other } else { &*bytes };
            let word = word_at(other, random.below(other.len() + 1));
            let word = other[word].to_vec();
            bytes.splice(word_at(bytes, from), word);
        }
        9 | 10 => {
            // A line of another text, before a line or in its place.
            let other = random.pick(&corpus.seeds);
            let line = line_at(other, random.below(other.len() + 1));
            let mut place = line_at(bytes, from);
            if random.below(3) > 0 {
                place.end = place.start;
            }
            bytes.splice(place, other[line].to_vec());
        }
        _ if !corpus.words.is_empty() => {
            let word = *random.pick(&corpus.words);
            let end = if random.below(2) == 0 { from } else { to };
            bytes.splice(from..end, word.bytes());
        }
        _ => {
            let value = u8::try_from(random.below(256)).expect("a byte");
            bytes.insert(from, value);
        }
    }
}

/// The letters and digits around a place.
fn word_at(bytes: &[u8], at: usize) -> Range<usize> {
    let other = |byte: &u8| !byte.is_ascii_alphanumeric() && *byte != b'_';
    let start = bytes[..at].iter().rposition(other).map_or(0, |p| p + 1);
    let end = bytes[at..].iter().position(other);
    start..end.map_or(bytes.len(), |p| at + p)
}

/// The line around a place, with its end.
fn line_at(bytes: &[u8], at: usize) -> Range<usize> {
    let end_of_line = |byte: &u8| *byte == b'\n';
    let start = bytes[..at]
        .iter()
        .rposition(end_of_line)
        .map_or(0, |p| p + 1);
    let end = bytes[at..].iter().position(end_of_line);
    start..end.map_or(bytes.len(), |p| at + p + 1)
}

/// Mostly short pieces.
fn random_length(most: usize, random: &mut Random) -> usize {
    match random.below(4) {
        0 => most,
        1 => most.min(200),
        _ => most.min(12),
    }
}
