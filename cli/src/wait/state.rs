//! What the conditions of a virtual cluster say about how far it is. Pure.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use warren_crds::condition;
use warren_crds::virtual_cluster::conditions;

use crate::cluster::Cluster;

/// The conditions in the order in which they usually become true; `Ready`, the summary, is last.
const ORDER: [&str; 7] = [
    conditions::CERTIFICATES_VALID,
    conditions::DATASTORE_HEALTHY,
    conditions::CONTROL_PLANE_AVAILABLE,
    conditions::SYNC_HEALTHY,
    conditions::NODES_READY,
    conditions::NETWORK_ISOLATED,
    conditions::READY,
];

/// What a command waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    /// The condition `Ready` is true for the present spec.
    Ready,
    /// The object is gone.
    Gone,
}

/// How far one part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// True.
    Done,
    /// Unknown, or true or false for an older spec.
    Waiting,
    /// False: waiting alone will not help, by Warren's conventions.
    Failed,
    /// The operator has not said anything yet.
    Unreported,
}

/// One part of a virtual cluster and how far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// Condition type.
    pub(crate) part: String,
    /// How far.
    pub(crate) mark: Mark,
    /// The condition's reason; empty when unreported.
    pub(crate) reason: String,
    /// The condition's message; may be empty.
    pub(crate) message: String,
}

impl Step {
    /// `Reason: message`, or as much of it as there is.
    pub(crate) fn why(&self) -> String {
        match (self.reason.as_str(), self.message.as_str()) {
            (reason, "") => reason.to_owned(),
            ("", message) => message.to_owned(),
            (reason, message) => format!("{reason}: {message}"),
        }
    }
}

/// The parts of `cluster` that matter for `goal`, in the order to show them.
pub(crate) fn steps(cluster: &Cluster, goal: Goal) -> Vec<Step> {
    let reported = &cluster.status.conditions;
    if goal == Goal::Gone || cluster.is_deleting() {
        let deleting = condition::get(reported, conditions::DELETING);
        return vec![deleting.map_or_else(|| unreported(conditions::DELETING), deleting_step)];
    }
    let extra = reported
        .iter()
        .filter(|c| !ORDER.contains(&c.type_.as_str()) && c.type_ != conditions::DELETING);
    let mut steps: Vec<Step> = extra.map(|c| step(cluster, c)).collect();
    for (position, type_) in ORDER.iter().enumerate() {
        let step = condition::get(reported, type_).map_or_else(|| unreported(type_), |c| step(cluster, c));
        // What this program does not know goes before the summary.
        let at = if *type_ == conditions::READY {
            steps.len()
        } else {
            position
        };
        steps.insert(at, step);
    }
    say_once(&mut steps);
    steps
}

/// `Ready` repeats the reason of the part that it waits for; beside that part once is enough.
fn say_once(steps: &mut [Step]) {
    if let Some((ready, parts)) = steps.split_last_mut()
        && ready.mark != Mark::Done
        && parts
            .iter()
            .any(|part| part.reason == ready.reason && part.message == ready.message)
    {
        ready.reason.clear();
        ready.message.clear();
    }
}

/// Whether the operator refuses the spec: `Ready` is false, and it has not even begun with the parts.
pub(crate) fn is_refused(steps: &[Step]) -> bool {
    steps.split_last().is_some_and(|(ready, parts)| {
        ready.mark == Mark::Failed && parts.iter().all(|part| part.mark == Mark::Unreported)
    })
}

/// Whether `cluster`, which exists, is what was waited for.
pub(crate) fn is_reached(cluster: &Cluster, goal: Goal) -> bool {
    match goal {
        Goal::Ready => cluster.is_ready() && !cluster.is_deleting(),
        Goal::Gone => false,
    }
}

/// The steps of `new` that differ from `old` and say something.
pub(crate) fn changes<'a>(old: &[Step], new: &'a [Step]) -> Vec<&'a Step> {
    new.iter()
        .filter(|step| step.mark != Mark::Unreported && !old.contains(step))
        .collect()
}

fn step(cluster: &Cluster, condition: &Condition) -> Step {
    let mark = match condition.status.as_str() {
        _ if !cluster.is_current(condition.observed_generation) => Mark::Waiting,
        "True" => Mark::Done,
        "False" => Mark::Failed,
        _ => Mark::Waiting,
    };
    Step {
        part: condition.type_.clone(),
        mark,
        reason: condition.reason.clone(),
        message: condition.message.clone(),
    }
}

/// `Deleting=True` means that it goes on, not that it is done.
fn deleting_step(condition: &Condition) -> Step {
    Step {
        part: condition.type_.clone(),
        mark: Mark::Waiting,
        reason: condition.reason.clone(),
        message: condition.message.clone(),
    }
}

fn unreported(type_: &str) -> Step {
    Step {
        part: type_.to_owned(),
        mark: Mark::Unreported,
        reason: String::new(),
        message: String::new(),
    }
}

#[cfg(test)]
pub(crate) mod tests;
