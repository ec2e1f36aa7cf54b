//! What to do about one Pod. Pure: the same pair gives the same actions.

use std::time::Duration;

use kube::Resource;
use warren_crds::keys;

use super::memory::Attempt;
use super::pair::Pair;
use super::refusal::{Refusal, Scheduling};
use crate::raw_pod::RawPod;

/// The host's store may lag behind a create by this much before it is asked directly.
pub const LAG: Duration = Duration::from_secs(2);

/// What an API gives a Pod that is deleted without a word about grace.
const DEFAULT_GRACE_SECONDS: i64 = 30;

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Both sides are gone: drop what is remembered.
    Forget,
    /// Look again after this long.
    Wait(Duration),
    /// First time on the host: dependencies, translation, marker, create.
    Start,
    /// Status up, changes down.
    Sync,
    /// The tenant wants it gone, or it has no business there any more.
    DeleteHost {
        /// UID on the host.
        uid: String,
        /// Grace period in seconds; `None` takes the host Pod's own.
        grace: Option<u32>,
    },
    /// The tenant's Pod is gone or another one: delete the host Pod, after both were proven.
    DeleteOrphan {
        /// UID on the host.
        uid: String,
    },
    /// It ran and is gone from the host without the tenant asking: fail it, after that was proven.
    Vanished,
    /// The tenant wants it gone and the host has nothing (more): final status, then remove it from the tenant.
    FinishDeletion,
    /// The host cannot place it: fail it as a kubelet would.
    Refuse(Refusal),
}

/// The actions of this round, in order; none when all is as it should be.
pub fn plan(pair: &Pair) -> Vec<Action> {
    match (&pair.tenant, &pair.host) {
        (None, None) => vec![Action::Forget],
        (None, Some(host)) => orphan(host),
        (Some(tenant), Some(host)) if pair.origin_uid.as_deref() != Some(tenant.uid()) => orphan(host),
        (Some(tenant), None) => without_host(pair, tenant),
        (Some(tenant), Some(host)) => with_host(pair, tenant, host),
    }
}

/// A host Pod that stands for no Pod of the tenant. A successor of the same name waits until it is gone: its own
/// host Pod would have the same name.
fn orphan(host: &RawPod) -> Vec<Action> {
    if host.is_terminating() {
        return Vec::new();
    }
    vec![Action::DeleteOrphan {
        uid: host.uid().to_owned(),
    }]
}

fn without_host(pair: &Pair, tenant: &RawPod) -> Vec<Action> {
    let started = tenant.annotation(keys::STARTED).is_some();
    if !started && !pair.node_ours {
        return Vec::new();
    }
    if tenant.is_terminating() {
        return vec![Action::FinishDeletion];
    }
    if tenant.facts().phase.is_terminal() {
        return Vec::new();
    }
    match (&pair.memory.attempt, started) {
        // Seen on the host before, and now not: no lag explains that.
        (_, true) if pair.memory.gone.is_some() => vec![Action::Vanished],
        (Attempt::Created, _) | (Attempt::None, true) => vec![Action::Vanished],
        _ if pair.node_known => vec![Action::Start],
        // Bound to a node that this cluster may not use: it waits, as for a kubelet that does not exist.
        _ => Vec::new(),
    }
}

fn with_host(pair: &Pair, tenant: &RawPod, host: &RawPod) -> Vec<Action> {
    let uid = host.uid().to_owned();
    if tenant.is_terminating() {
        let mut actions = Vec::new();
        if let Some(grace) = deletion_grace(tenant, host) {
            actions.push(Action::DeleteHost {
                uid,
                grace: Some(grace),
            });
        }
        actions.push(Action::Sync);
        return actions;
    }
    if tenant.facts().phase.is_terminal() {
        // An end is never overwritten; what still runs for a Pod that has ended has no business there.
        let runs = !host.facts().phase.is_terminal() && !host.is_terminating();
        return if runs {
            vec![Action::DeleteHost { uid, grace: None }]
        } else {
            Vec::new()
        };
    }
    match &pair.scheduling {
        _ if host.is_terminating() => vec![Action::Sync],
        Scheduling::Refused(refusal) => vec![Action::Refuse(refusal.clone())],
        Scheduling::Young(wait) => vec![Action::Sync, Action::Wait(*wait)],
        Scheduling::Open => vec![Action::Sync],
    }
}

/// The grace period to delete the host Pod with; `None` when it is being deleted fast enough already.
fn deletion_grace(tenant: &RawPod, host: &RawPod) -> Option<u32> {
    // Never 0: that takes the object away before its containers have ended.
    let seconds = |pod: &RawPod| {
        let seconds = pod
            .meta()
            .deletion_grace_period_seconds
            .unwrap_or(DEFAULT_GRACE_SECONDS);
        u32::try_from(seconds.max(1)).unwrap_or(u32::MAX)
    };
    let wanted = if host.facts().phase.is_terminal() {
        1
    } else {
        seconds(tenant)
    };
    let is_fast_enough = host.is_terminating() && seconds(host) <= wanted;
    (!is_fast_enough).then_some(wanted)
}

#[cfg(test)]
mod tests;
