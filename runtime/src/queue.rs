//! The work queue of every loop: each key at most once, one worker a key at a time, backoff a key.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet, VecDeque};
use std::fmt::Debug;
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rand::Rng;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::disposition::{Disposed, Disposition};
use crate::limits::{BACKOFF_MAX, BACKOFF_MIN, FULL_PASS, QUEUE_KEYS};
use crate::metrics::{ByController, ByReason, Metrics};

/// So much room is left alone when keys go.
const ROOM: usize = 64;

/// What a round of one key ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Settled; failures of this key are forgotten.
    Done,
    /// Settled for now; look again after this long.
    After(Duration),
    /// Failed; again with this key's backoff.
    Retry,
}

impl Outcome {
    /// Of a round that ended with this error, which is counted and told elsewhere.
    pub fn after_error(error: &impl Disposed) -> Self {
        match error.disposition() {
            Disposition::WaitForChange => Self::After(FULL_PASS),
            Disposition::Retry | Disposition::Fatal => Self::Retry,
        }
    }
}

/// Keys that wait for work. Cheap to clone; all clones are one queue.
pub struct Queue<K> {
    name: &'static str,
    metrics: Metrics,
    state: Arc<Mutex<State<K>>>,
    changed: Arc<Notify>,
}

impl<K> Clone for Queue<K> {
    fn clone(&self) -> Self {
        Self {
            name: self.name,
            metrics: self.metrics.clone(),
            state: Arc::clone(&self.state),
            changed: Arc::clone(&self.changed),
        }
    }
}

struct State<K> {
    urgent: VecDeque<K>,
    ready: VecDeque<K>,
    /// In `urgent` or `ready`.
    queued: HashSet<K>,
    working: HashSet<K>,
    /// Added while being worked on.
    again: HashSet<K>,
    /// Entries that [`Self::delays`] no longer names are dropped when they come up.
    delayed: BinaryHeap<Reverse<(Instant, u64)>>,
    delayed_keys: HashMap<u64, K>,
    /// The one delay of each key: the earliest asked for, as in client-go. Else every round of a key that ends
    /// with a delay would leave one more timer behind.
    delays: HashMap<K, (Instant, u64)>,
    sequence: u64,
    failures: HashMap<K, u32>,
}

impl<K: Clone + Eq + Hash + Debug + Send + Sync + 'static> Queue<K> {
    /// An empty queue; `name` is the controller's in metrics and logs.
    pub fn new(name: &'static str, metrics: Metrics) -> Self {
        let state = State {
            urgent: VecDeque::new(),
            ready: VecDeque::new(),
            queued: HashSet::new(),
            working: HashSet::new(),
            again: HashSet::new(),
            delayed: BinaryHeap::new(),
            delayed_keys: HashMap::new(),
            delays: HashMap::new(),
            sequence: 0,
            failures: HashMap::new(),
        };
        Self {
            name,
            metrics,
            state: Arc::new(Mutex::new(state)),
            changed: Arc::new(Notify::new()),
        }
    }

    /// Adds a key; one that waits already is not added twice, one that is being worked on comes again after.
    pub fn add(&self, key: K) {
        self.insert(key, false);
    }

    /// Adds a key ahead of all that are not urgent: deletes, and what a Pod waits for.
    pub fn add_urgent(&self, key: K) {
        self.insert(key, true);
    }

    /// Adds a key after a delay; of several delays of one key the earliest counts.
    pub fn add_after(&self, key: K, delay: Duration) {
        let at = Instant::now() + delay;
        let mut state = self.state.lock();
        if state.delays.get(&key).is_some_and(|(earlier, _)| *earlier <= at) {
            return;
        }
        let sequence = state.sequence;
        state.sequence += 1;
        state.delayed.push(Reverse((at, sequence)));
        state.delayed_keys.insert(sequence, key.clone());
        if let Some((_later, stale)) = state.delays.insert(key, (at, sequence)) {
            state.delayed_keys.remove(&stale);
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Number of keys that wait now (delayed ones not counted).
    pub fn depth(&self) -> usize {
        self.state.lock().queued.len()
    }

    fn insert(&self, key: K, urgent: bool) {
        let mut state = self.state.lock();
        if state.working.contains(&key) {
            state.again.insert(key);
            return;
        }
        if state.queued.len() >= QUEUE_KEYS {
            drop(state);
            let labels = ByReason {
                controller: self.name,
                reason: "QueueFull",
            };
            self.metrics.limits_reached.get_or_create(&labels).inc();
            return;
        }
        if !state.queued.insert(key.clone()) {
            if urgent && let Some(at) = state.ready.iter().position(|k| *k == key) {
                state.ready.remove(at);
                state.urgent.push_back(key);
            }
            return;
        }
        if urgent {
            state.urgent.push_back(key);
        } else {
            state.ready.push_back(key);
        }
        drop(state);
        self.changed.notify_one();
    }

    /// The next key, when there is one. Every key must be given back with [`Self::done`].
    async fn next(&self) -> K {
        loop {
            let wake = {
                let mut state = self.state.lock();
                state.release_due(Instant::now());
                if let Some(key) = state.urgent.pop_front().or_else(|| state.ready.pop_front()) {
                    state.queued.remove(&key);
                    state.give_back_room();
                    state.working.insert(key.clone());
                    let more = !state.queued.is_empty();
                    self.depth_metric(state.queued.len());
                    drop(state);
                    if more {
                        self.changed.notify_one();
                    }
                    return key;
                }
                state.delayed.peek().map(|Reverse((at, _))| *at)
            };
            match wake {
                None => self.changed.notified().await,
                Some(at) => tokio::select! {
                    () = self.changed.notified() => {}
                    () = sleep_until(at) => {}
                },
            }
        }
    }

    fn done(&self, key: K, outcome: Outcome) {
        let mut state = self.state.lock();
        state.working.remove(&key);
        let again = state.again.remove(&key);
        let delay = match outcome {
            Outcome::Done => {
                state.failures.remove(&key);
                None
            }
            Outcome::After(delay) => {
                state.failures.remove(&key);
                Some(delay)
            }
            Outcome::Retry => {
                let failures = state.failures.entry(key.clone()).or_insert(0);
                *failures += 1;
                Some(backoff(*failures))
            }
        };
        drop(state);
        if again {
            self.add(key.clone());
        }
        if let Some(delay) = delay {
            self.add_after(key, delay);
        }
    }

    fn depth_metric(&self, depth: usize) {
        let depth = i64::try_from(depth).unwrap_or(i64::MAX);
        self.metrics
            .queue_depth
            .get_or_create(&ByController {
                controller: self.name,
            })
            .set(depth);
    }

    /// Works on keys with `workers` tasks until `shutdown`; rounds that run are finished first.
    pub async fn run<F, Fut>(&self, workers: usize, shutdown: CancellationToken, work: F)
    where
        F: Fn(K) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Outcome> + Send,
    {
        let mut tasks = JoinSet::new();
        for _ in 0..workers {
            let queue = self.clone();
            let shutdown = shutdown.clone();
            let work = work.clone();
            tasks.spawn(async move {
                loop {
                    let key = tokio::select! {
                        biased;
                        () = shutdown.cancelled() => return,
                        key = queue.next() => key,
                    };
                    let begun = Instant::now();
                    let outcome = work(key.clone()).await;
                    queue.metrics.round(queue.name, begun.elapsed());
                    queue.done(key, outcome);
                }
            });
        }
        while let Some(ended) = tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(controller = self.name, %error, "worker ended");
            }
        }
    }
}

impl<K: Clone + Eq + Hash> State<K> {
    /// After a burst, the room for all that it raised.
    fn give_back_room(&mut self) {
        if self.queued.is_empty() && self.queued.capacity() > 2 * ROOM {
            self.queued.shrink_to(ROOM);
            self.ready.shrink_to(ROOM);
            self.urgent.shrink_to(ROOM);
        }
    }

    fn release_due(&mut self, now: Instant) {
        while let Some(Reverse((at, sequence))) = self.delayed.peek().copied() {
            if at > now {
                return;
            }
            self.delayed.pop();
            let Some(key) = self.delayed_keys.remove(&sequence) else {
                continue;
            };
            self.delays.remove(&key);
            if self.working.contains(&key) {
                self.again.insert(key);
            } else if self.queued.insert(key.clone()) {
                self.ready.push_back(key);
            }
        }
    }
}

/// Doubles from the minimum to the maximum, with up to a quarter of jitter.
fn backoff(failures: u32) -> Duration {
    let doubled = BACKOFF_MIN.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1)));
    doubled
        .min(BACKOFF_MAX)
        .mul_f64(1.0 + rand::rng().random_range(0.0..0.25))
}

#[cfg(test)]
mod tests;
