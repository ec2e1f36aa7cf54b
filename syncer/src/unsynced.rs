//! What cannot be synced, and why: the syncer says it on its Lease, from where the operator takes it into the condition
//! `SyncHealthy`. What lasts no longer than a moment is not said.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use parking_lot::Mutex;
use serde_json::json;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use warren_crds::keys::SYNC_PROBLEMS;
use warren_runtime::act;
use warren_runtime::disposition::Disposed;
use warren_runtime::log::Chain;

use crate::context::Context;
use crate::error::Error;
use crate::key::Key;

/// What lasts this long is said.
const MOMENT: Duration = Duration::from_secs(20);
/// Between two looks.
const LOOK: Duration = Duration::from_secs(5);
/// Failing objects that are remembered; more are only counted by the metrics.
const REMEMBERED: usize = 1024;
/// Problems that are said, the others are counted.
const SAID: usize = 3;
/// Characters of one problem.
const LENGTH: usize = 200;

/// What fails.
#[derive(Debug, Default)]
pub struct Unsynced {
    failing: Mutex<BTreeMap<Key, Failure>>,
    unread: Mutex<BTreeMap<String, Instant>>,
}

#[derive(Debug)]
struct Failure {
    since: Instant,
    why: String,
}

impl Unsynced {
    /// A round of this object failed.
    pub fn failed(&self, ctx: &Context, key: &Key, error: &Error) {
        let why = error
            .told(&ctx.cluster, key)
            .map_or_else(|| error.reason().to_owned(), |(_, note)| note);
        self.note(key, why);
    }

    fn note(&self, key: &Key, why: String) {
        let mut failing = self.failing.lock();
        if let Some(failure) = failing.get_mut(key) {
            failure.why = why;
        } else if failing.len() < REMEMBERED {
            let since = Instant::now();
            failing.insert(key.clone(), Failure { since, why });
        }
    }

    /// A round of this object ended well.
    pub fn settled(&self, key: &Key) {
        self.failing.lock().remove(key);
    }

    /// Every object that fails.
    pub fn failing(&self) -> Vec<Key> {
        self.failing.lock().keys().cloned().collect()
    }

    /// What is to be said now. `unread`: what cannot be read, by name, with its problem.
    fn problems(&self, unread: Vec<(String, String)>) -> Option<String> {
        let now = Instant::now();
        let lasts = |since: Instant| now.duration_since(since) >= MOMENT;
        let mut known = self.unread.lock();
        known.retain(|kind, _| unread.iter().any(|(unread, _)| unread == kind));
        let mut problems: Vec<String> = Vec::new();
        for (kind, problem) in unread {
            if lasts(*known.entry(kind).or_insert(now)) {
                problems.push(problem);
            }
        }
        drop(known);
        let failing = self.failing.lock();
        let lasting = failing.iter().filter(|(_, failure)| lasts(failure.since));
        problems.extend(lasting.map(|(key, failure)| format!("{key}: {}", failure.why)));
        drop(failing);
        let more = problems.len().saturating_sub(SAID);
        let mut said: Vec<String> = problems.iter().take(SAID).map(|text| shortened(text)).collect();
        if more > 0 {
            said.push(format!("and {more} more"));
        }
        (!said.is_empty()).then(|| said.join("; "))
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(LENGTH) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Until `shutdown`: writes what is to be said, when it changes.
pub async fn run(ctx: Arc<Context>, leases: Api<Lease>, lease: &'static str, shutdown: CancellationToken) {
    // What an earlier process said is not known here: the first look writes, also that there is nothing to say.
    let mut said = None;
    loop {
        let areas = ctx.areas();
        let unread = areas
            .iter()
            .filter_map(|area| Some((area.name().to_owned(), area.problem()?)))
            .collect();
        let problems = ctx.unsynced.problems(unread);
        drop(areas);
        if said.as_ref() != Some(&problems) {
            let patch = json!({ "metadata": { "annotations": { SYNC_PROBLEMS: problems } } });
            match act::merge(&leases, lease, &patch).await {
                Ok(_written) => said = Some(problems),
                Err(error) => tracing::warn!(error = %Chain(&error), "problems not written, trying again"),
            }
        }
        tokio::select! {
            () = sleep(LOOK) => {}
            () = shutdown.cancelled() => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;
    use warren_translate::identity::TenantKey;

    use super::*;
    use crate::key::Kind;

    fn key(name: &str) -> Key {
        Key::new(Kind::Service, TenantKey::new("team", name))
    }

    fn unread() -> Vec<(String, String)> {
        vec![(
            "PodDisruptionBudget".to_owned(),
            "cannot be read on the host: Forbidden".to_owned(),
        )]
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_over_within_a_moment_is_not_said() {
        let unsynced = Unsynced::default();
        unsynced.note(&key("web"), "refused".to_owned());
        assert_eq!(unsynced.problems(unread()), None);
        unsynced.settled(&key("web"));
        assert_eq!(unsynced.problems(Vec::new()), None);
        advance(MOMENT).await;
        assert_eq!(unsynced.problems(unread()), None, "it began anew");
    }

    #[tokio::test(start_paused = true)]
    async fn what_lasts_is_said_with_its_latest_reason_until_it_ends() {
        let unsynced = Unsynced::default();
        unsynced.note(&key("web"), "first".to_owned());
        assert_eq!(unsynced.problems(unread()), None);
        advance(MOMENT).await;
        unsynced.note(&key("web"), "last".to_owned());
        assert_eq!(
            unsynced.problems(unread()).unwrap(),
            "cannot be read on the host: Forbidden; Service team/web: last"
        );
        unsynced.settled(&key("web"));
        assert_eq!(
            unsynced.problems(unread()).unwrap(),
            "cannot be read on the host: Forbidden"
        );
        assert_eq!(unsynced.problems(Vec::new()), None);
    }

    #[tokio::test(start_paused = true)]
    async fn of_many_some_are_said_and_the_rest_counted_and_long_ones_are_cut() {
        let unsynced = Unsynced::default();
        for name in ["a", "b", "c", "d", "e"] {
            unsynced.note(&key(name), "x".repeat(4 * LENGTH));
        }
        advance(MOMENT).await;
        let said = unsynced.problems(Vec::new()).unwrap();
        assert!(said.ends_with("; and 2 more"), "{said}");
        assert!(said.chars().count() < SAID * (LENGTH + 3) + 20, "{said}");
    }
}
