//! Where a tenant's Pod stands, since when, why, and what would help: a pure function of what was seen of it.
//!
//! A Pod goes through its [`stages`] in order: [`place`] (somebody finds a node), [`bring`] (it is accepted, what it names is
//! there, the host has it), [`run`] (its containers start, hold [`devices`] and are ready), [`end`]. What a tenant reads with `kubectl describe`
//! is what is said here: sentences of conditions and Events are repeated, not made anew. [`help`] adds what would help.

mod bring;
mod devices;
mod end;
mod help;
mod place;
pub(crate) mod render;
mod run;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event, Node, Pod, PodCondition, ResourceQuota};
use serde::Serialize;

/// How far a Pod is in a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum State {
    /// It is through.
    Done,
    /// It is here now.
    Here,
    /// It will not get on by itself.
    Failed,
    /// It has not come so far.
    NotReached,
}

/// One stage of a Pod's life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Stage {
    /// What happens in it.
    #[serde(rename = "stage")]
    pub(crate) name: &'static str,
    /// How far the Pod is in it.
    pub(crate) state: State,
    /// Since when, as far as that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) since: Option<Timestamp>,
    /// Why, or where; empty if there is nothing to say.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) message: String,
    /// What would help.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) help: Vec<String>,
}

impl Stage {
    fn new(name: &'static str, state: State, since: Option<Timestamp>, message: impl Into<String>) -> Self {
        Self {
            name,
            state,
            since,
            message: message.into(),
            help: Vec::new(),
        }
    }

    fn done(name: &'static str, since: Option<Timestamp>, message: impl Into<String>) -> Self {
        Self::new(name, State::Done, since, message)
    }

    fn here(name: &'static str, since: Option<Timestamp>, message: impl Into<String>) -> Self {
        Self::new(name, State::Here, since, message)
    }

    fn failed(name: &'static str, since: Option<Timestamp>, message: impl Into<String>) -> Self {
        Self::new(name, State::Failed, since, message)
    }

    fn not_reached(name: &'static str) -> Self {
        Self::new(name, State::NotReached, None, "")
    }

    fn help(mut self, help: impl IntoIterator<Item = String>) -> Self {
        self.help.extend(help);
        self
    }
}

/// What was seen of a Pod.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// The tenant's Pod.
    pub(crate) pod: Pod,
    /// Events about it in the tenant.
    pub(crate) events: Vec<Event>,
    /// What it names and the tenant has not: `ConfigMap settings`; and claims without a volume.
    pub(crate) missing: Vec<Missing>,
    /// Its claims of devices.
    pub(crate) claimed: Claimed,
    /// The virtual Node that it is bound to.
    pub(crate) node: Option<Node>,
    /// The host's scheduler places the Pods of this cluster.
    pub(crate) placed_by_host: bool,
    /// The host's half.
    pub(crate) host: Host,
}

/// Devices that were allocated for claims, as `DRIVER/POOL/DEVICE`, by the name that the Pod has for the claim.
pub(crate) type Claimed = BTreeMap<String, Vec<String>>;

/// Something that a Pod names and cannot have yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Missing {
    /// Kind and name.
    pub(crate) what: String,
    /// It exists, but has no volume.
    pub(crate) is_unbound: bool,
}

/// What the host shows.
#[derive(Clone, Debug)]
pub(crate) enum Host {
    /// Nothing, and why.
    Hidden(String),
    /// What the caller may read.
    Seen(Box<HostSeen>),
}

impl Default for Host {
    fn default() -> Self {
        Self::Hidden(String::new())
    }
}

/// What the host shows of one Pod.
#[derive(Clone, Debug, Default)]
pub(crate) struct HostSeen {
    /// The host Pod.
    pub(crate) pod: Option<Pod>,
    /// Events about it, in tenant terms.
    pub(crate) events: Vec<Event>,
    /// Quotas of the namespace.
    pub(crate) quotas: Vec<ResourceQuota>,
    /// Agents of the cluster that have not been heard of for too long, with when they were.
    pub(crate) silent: Vec<(String, Timestamp)>,
}

/// The stages of this Pod, in order. Nothing after the one where it stands is reached.
pub(crate) fn stages(seen: &Seen) -> Vec<Stage> {
    let mut stages = Vec::new();
    if !seen.placed_by_host {
        stages.push(place::by_tenant(seen));
    }
    stages.extend(bring::stages(seen));
    stages.push(place::by_host(seen));
    stages.extend(run::stages(seen));
    // What stands still keeps back all that follows it, whatever else is known of that.
    let stands = stages
        .iter()
        .position(|stage| matches!(stage.state, State::Here | State::Failed));
    for stage in stages.iter_mut().skip(stands.map_or(usize::MAX, |at| at + 1)) {
        *stage = Stage::not_reached(stage.name);
    }
    end::apply(seen, &mut stages);
    let metadata = &seen.pod.metadata;
    let name = metadata.name.as_deref().unwrap_or_default();
    let place = format!("{name} -n {}", metadata.namespace.as_deref().unwrap_or_default());
    for help in stages.iter_mut().flat_map(|stage| stage.help.iter_mut()) {
        *help = help.replace(help::POD, &place);
    }
    stages
}

/// Where it stands.
pub(crate) fn current(stages: &[Stage]) -> Option<&Stage> {
    stages
        .iter()
        .find(|stage| matches!(stage.state, State::Here | State::Failed))
}

/// The condition of a Pod.
fn condition<'a>(pod: &'a Pod, type_: &str) -> Option<&'a PodCondition> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    conditions.iter().find(|condition| condition.type_ == type_)
}

fn since(condition: &PodCondition) -> Option<Timestamp> {
    condition.last_transition_time.as_ref().map(|time| time.0)
}

fn message(condition: &PodCondition) -> String {
    condition.message.clone().unwrap_or_default()
}

fn created(pod: &Pod) -> Option<Timestamp> {
    pod.metadata.creation_timestamp.as_ref().map(|time| time.0)
}

fn node_name(pod: &Pod) -> Option<&str> {
    let node = pod.spec.as_ref()?.node_name.as_deref()?;
    (!node.is_empty()).then_some(node)
}

fn phase(pod: &Pod) -> &str {
    pod.status
        .as_ref()
        .and_then(|status| status.phase.as_deref())
        .unwrap_or("Pending")
}

/// The last of these Events with one of these reasons.
fn last<'a>(events: &'a [Event], reasons: &[&str]) -> Option<&'a Event> {
    let with_reason = |event: &&Event| {
        event
            .reason
            .as_deref()
            .is_some_and(|reason| reasons.contains(&reason))
    };
    events
        .iter()
        .filter(with_reason)
        .max_by_key(|event| seen_at(event))
}

/// When an Event was seen last.
pub(crate) fn seen_at(event: &Event) -> Option<Timestamp> {
    crate::wait::events::when(event)
}

fn text(event: &Event) -> String {
    event.message.clone().unwrap_or_default()
}
