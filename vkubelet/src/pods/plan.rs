//! What to do about one Pod. Pure: the same pair gives the same actions.

use std::time::Duration;

use kube::Resource;
use warren_crds::keys;

use super::memory::Attempt;
use super::pair::{Pair, Place};
use super::refusal::{Refusal, Scheduling};
use crate::raw_pod::RawPod;

/// The host's store may lag behind a create by this much before it is asked directly.
pub const LAG: Duration = Duration::from_secs(2);

/// What an API gives a Pod that is deleted without a word about grace.
const DEFAULT_GRACE_SECONDS: i64 = 30;

/// What remains for a Pod that was deleted by force while another of its name waits.
const SUCCESSOR_GRACE_SECONDS: u32 = 1;

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
        /// Grace period in seconds; `None` takes the host Pod's own.
        grace: Option<u32>,
    },
    /// The tenant has the last status of the host Pod: take the finalizer off.
    Release {
        /// UID on the host.
        uid: String,
    },
    /// It ran and is gone from the host without the tenant asking: fail it, after that was proven.
    Vanished,
    /// The tenant wants it gone and the host has nothing (more): final status, then remove it from the tenant.
    FinishDeletion,
    /// The host cannot place it: fail it as a kubelet would.
    Refuse(Refusal),
    /// The host has placed it: bind the tenant's Pod there.
    Bind {
        /// The node.
        node: String,
    },
    /// The host has not placed it, and would now have to be asked otherwise: take the host Pod back and start anew.
    Withdraw,
}

/// The actions of this round, in order; none when all is as it should be.
pub fn plan(pair: &Pair) -> Vec<Action> {
    match (&pair.tenant, &pair.host) {
        (None, None) => vec![Action::Forget],
        (None, Some(host)) => orphan(host, None),
        (Some(tenant), Some(host)) if pair.origin_uid.as_deref() != Some(tenant.uid()) => {
            orphan(host, Some(successor_grace(pair, host)))
        }
        (Some(tenant), None) => without_host(pair, tenant),
        (Some(tenant), Some(host)) => with_host(pair, tenant, host),
    }
}

/// A host Pod that stands for no Pod of the tenant: it was deleted there by force. A successor of the same name waits
/// until it is gone, since its own host Pod would have the same name: then there is no grace.
fn orphan(host: &RawPod, grace: Option<u32>) -> Vec<Action> {
    let is_faster = grace.is_some_and(|grace| grace == 0 || seconds(host) > grace);
    if host.is_terminating() && !host.is_held() && !is_faster {
        return Vec::new();
    }
    vec![Action::DeleteOrphan {
        uid: host.uid().to_owned(),
        grace,
    }]
}

/// The grace of a predecessor. On a node that is lost nobody would ever take it away: who deletes by force there says
/// that it is dead, as on any cluster.
fn successor_grace(pair: &Pair, host: &RawPod) -> u32 {
    if pair.node_lost && host.is_terminating() {
        0
    } else {
        SUCCESSOR_GRACE_SECONDS
    }
}

fn without_host(pair: &Pair, tenant: &RawPod) -> Vec<Action> {
    let started = tenant.annotation(keys::STARTED).is_some();
    let waits_for_host = pair.placing.is_some();
    if !started && !pair.node_ours && !waits_for_host {
        return Vec::new();
    }
    if tenant.is_terminating() {
        return vec![Action::FinishDeletion];
    }
    if tenant.facts().phase.is_terminal() {
        return Vec::new();
    }
    match (&pair.memory.attempt, started) {
        // Nobody but this process took it away, before it had a node.
        _ if pair.memory.withdrawn && waits_for_host => vec![Action::Start],
        // Seen on the host before, and now not: no lag explains that.
        (_, true) if pair.memory.gone.is_some() => vec![Action::Vanished],
        (Attempt::Created, _) => vec![Action::Vanished],
        // A predecessor of this process asked for it. Without a kubelet's word on it, it was never made, or was gone
        // before it was started, unless the host itself still has it: starting it asks. One that can end cannot have
        // gone unseen: its finalizer is taken off only after its last status was told.
        (Attempt::None, true) if tenant.facts().touched => vec![Action::Vanished],
        _ if pair.node_known || waits_for_host => vec![Action::Start],
        // Bound to a node that this cluster may not use: it waits, as for a kubelet that does not exist.
        _ => Vec::new(),
    }
}

fn with_host(pair: &Pair, tenant: &RawPod, host: &RawPod) -> Vec<Action> {
    let uid = host.uid().to_owned();
    let (tenant_ended, host_ended) = (
        tenant.facts().phase.is_terminal(),
        host.facts().phase.is_terminal(),
    );
    let mut actions = Vec::new();
    if tenant.is_terminating() {
        let grace = deletion_grace(tenant, host);
        actions.extend(grace.map(|grace| Action::DeleteHost {
            uid: uid.clone(),
            grace: Some(grace),
        }));
        actions.push(Action::Sync);
        // No kubelet will say more than it has.
        if host.is_held() && (tenant_ended || (host.is_over() && !host_ended)) {
            actions.push(Action::Release { uid });
        }
        return actions;
    }
    if tenant_ended {
        if host_ended {
            // An end is never overwritten, but what belongs to it may come after it.
            actions.push(Action::Sync);
        } else if !host.is_terminating() {
            // What still runs for a Pod that has ended has no business there.
            let uid = uid.clone();
            actions.push(Action::DeleteHost { uid, grace: None });
        }
        if host.is_held() {
            actions.push(Action::Release { uid });
        }
        return actions;
    }
    if host.is_over() && !host_ended {
        return vec![Action::Vanished];
    }
    let (wanted, has) = (&tenant.facts().node_name, &host.facts().node_name);
    match &pair.scheduling {
        _ if host.is_terminating() && !wanted.is_empty() => vec![Action::Sync],
        _ if wanted.is_empty() => unbound(pair, host),
        _ if !has.is_empty() && wanted != has => vec![Action::Refuse(Refusal::elsewhere())],
        Scheduling::Refused(refusal) => vec![Action::Refuse(refusal.clone())],
        Scheduling::Young(wait) => vec![Action::Sync, Action::Wait(*wait)],
        Scheduling::Open => vec![Action::Sync],
    }
}

/// A Pod that the host's scheduler places. Until the tenant knows its node, nothing is told of what it does there.
fn unbound(pair: &Pair, host: &RawPod) -> Vec<Action> {
    let node = &host.facts().node_name;
    let is = |what: fn(&Place) -> bool| pair.placing.as_ref().is_some_and(what);
    match node.as_str() {
        "" if host.is_terminating() => Vec::new(),
        "" if is(|place| place.is_outdated) => vec![Action::Withdraw],
        "" => vec![Action::Sync],
        _ if is(|place| place.is_known) => vec![Action::Bind { node: node.clone() }],
        // The virtual Node is about to come.
        _ => vec![Action::Wait(LAG)],
    }
}

/// The grace period to delete the host Pod with; `None` when it is being deleted fast enough already.
fn deletion_grace(tenant: &RawPod, host: &RawPod) -> Option<u32> {
    let has_ended = host.facts().phase.is_terminal();
    let wanted = if has_ended { 1 } else { seconds(tenant) };
    // What has ended and is being deleted is in its kubelet's hands: less grace would hurry nobody.
    let is_fast_enough = host.is_terminating() && (has_ended || seconds(host) <= wanted);
    (!is_fast_enough).then_some(wanted)
}

/// Never 0: that takes the object away before its containers have ended.
fn seconds(pod: &RawPod) -> u32 {
    let seconds = pod.meta().deletion_grace_period_seconds;
    u32::try_from(seconds.unwrap_or(DEFAULT_GRACE_SECONDS).max(1)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
