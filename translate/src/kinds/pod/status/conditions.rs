//! Conditions: the kubelet's from the host, everybody else's from the tenant, Ready from both.

mod ready;

use serde_json::{Map, Value, json};

use super::super::{gates, unplaced};
use super::{Sources, messages};

/// Conditions that a kubelet owns: the host's kubelet speaks.
const KUBELET: [&str; 8] = [
    "AllContainersRestarting",
    "ContainersReady",
    "Initialized",
    "PodReadyToStartContainers",
    "PodResizeInProgress",
    "PodResizePending",
    READY,
    // Older kubelets' name of PodReadyToStartContainers.
    "PodHasNetwork",
];
/// The tenant's scheduler placed the Pod; that the host's did as well says nothing. A kubelet only adds which
/// generation it has seen. Of a Pod that the host's scheduler is to place, it says why it does not.
const SCHEDULED: &str = unplaced::SCHEDULED;
const READY: &str = "Ready";
/// By which controllers know that a Pod did not end by its own doing. Anybody who ends a Pod writes it.
pub(in crate::kinds::pod) const DISRUPTION: &str = "DisruptionTarget";
const OBSERVED_GENERATION: &str = "observedGeneration";

/// A condition that Warren itself has to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnCondition {
    /// Its type.
    pub type_: &'static str,
    /// `True` or `False`.
    pub status: bool,
    /// `PascalCase`.
    pub reason: String,
    /// In tenant terms.
    pub message: String,
}

impl OwnCondition {
    /// Type of the condition that says why Warren did not carry something down; a Pod without it lacks nothing.
    pub const SYNCED: &'static str = "warren.dev/Synced";
    /// Its reason for what the class, or this Warren, does not allow.
    pub const DENIED: &'static str = "Denied";

    /// The condition that says which fields keep a Pod, or a change of it, from the host.
    pub fn denied(message: impl Into<String>) -> Self {
        Self {
            type_: Self::SYNCED,
            status: false,
            reason: Self::DENIED.to_owned(),
            message: message.into(),
        }
    }

    /// As JSON; `previous` is the tenant's condition of this type, whose transition time stays while its status does.
    pub(in crate::kinds::pod) fn tree(&self, previous: Option<&Map<String, Value>>, now: &str) -> Value {
        let status = if self.status { "True" } else { "False" };
        let since = previous
            .filter(|previous| text(previous, "status") == status)
            .and_then(|previous| previous.get("lastTransitionTime")?.as_str())
            .unwrap_or(now);
        json!({
            "type": self.type_, "status": status, "reason": self.reason, "message": self.message,
            "lastTransitionTime": since,
        })
    }
}

/// The conditions that the tenant's Pod should have: what the host says, what others in the tenant (its scheduler,
/// readiness gates, eviction) wrote, and what Warren has to tell. Known ones stay in their order, new ones come last.
pub(super) fn desired(sources: &Sources<'_>, tenant: Option<&Value>, host: Option<&Value>) -> Vec<Value> {
    let tenant = list(tenant);
    let of_tenant = |type_: &str| {
        tenant
            .iter()
            .find(|condition| text(condition, "type") == type_)
            .copied()
    };
    let mut all: Vec<Value> = Vec::new();
    for condition in list(host) {
        let type_ = text(condition, "type");
        if gates::is_of_tenant(type_) {
            continue;
        }
        if type_ == SCHEDULED
            && let Some(waits) = waits_for_host(sources)
        {
            all.push(waits);
        } else if type_ == SCHEDULED {
            let observed = generation(sources, condition);
            all.extend(of_tenant(SCHEDULED).map(|own| with_generation(own, observed, None)));
        } else if type_ == DISRUPTION && of_tenant(type_).is_some_and(|own| text(own, "status") == "True") {
            // Whoever said it first: it is a fact, and it may have been Warren.
            all.extend(of_tenant(type_).cloned().map(Value::Object));
        } else {
            all.push(from_host(sources, condition, of_tenant(type_)));
        }
    }
    for own in sources.own {
        all.retain(|condition| type_of(condition) != own.type_);
        all.push(own.tree(of_tenant(own.type_), sources.now));
    }
    for condition in &tenant {
        let type_ = text(condition, "type");
        let is_others = !KUBELET.contains(&type_) && type_ != OwnCondition::SYNCED;
        if is_others && !all.iter().any(|known| type_of(known) == type_) {
            all.push(Value::Object((*condition).clone()));
        }
    }
    ready::gate(&mut all, &tenant, sources);
    ready::while_taken_away(&mut all, &tenant, sources);
    // In the tenant's order, so that the same conditions in another order are no change.
    let place = |condition: &Value| {
        tenant
            .iter()
            .position(|known| text(known, "type") == type_of(condition))
    };
    all.sort_by_key(|condition| place(condition).unwrap_or(usize::MAX));
    all
}

/// What the tenant reads of a Pod without a node that the host's scheduler does not place.
fn waits_for_host(sources: &Sources<'_>) -> Option<Value> {
    let node = sources
        .typed
        .spec
        .as_ref()
        .and_then(|spec| spec.node_name.as_deref());
    if node.is_some_and(|node| !node.is_empty()) {
        return None;
    }
    let waits = unplaced::unplaced(sources.host)?;
    let since = Some(waits.since.as_str()).filter(|since| !since.is_empty());
    Some(json!({
        "type": SCHEDULED, "status": "False", "reason": waits.reason, "message": waits.message,
        "lastTransitionTime": since.unwrap_or(sources.now),
    }))
}

fn from_host(sources: &Sources<'_>, host: &Map<String, Value>, tenant: Option<&Map<String, Value>>) -> Value {
    let mut condition = with_generation(host, generation(sources, host), tenant);
    if let Some(map) = condition.as_object_mut()
        && let Some(message) = map.get("message").and_then(Value::as_str)
    {
        let message = messages::of_tenant(message, sources.typed);
        if message.is_empty() {
            map.remove("message");
        } else {
            map.insert("message".to_owned(), message.into());
        }
    }
    condition
}

/// The tenant's generation that the host's condition speaks of.
fn generation(sources: &Sources<'_>, host: &Map<String, Value>) -> Option<i64> {
    let observed = host.get(OBSERVED_GENERATION).and_then(Value::as_i64)?;
    sources.generations.of(observed)
}

/// The condition with the tenant's `generation`, which never goes back; without one it keeps what the tenant has: an
/// apiserver does not let it be removed, and asking for it would never end.
fn with_generation(
    condition: &Map<String, Value>,
    generation: Option<i64>,
    tenant: Option<&Map<String, Value>>,
) -> Value {
    let mut condition = condition.clone();
    let own = condition.remove(OBSERVED_GENERATION);
    let known = match tenant {
        Some(tenant) => tenant.get(OBSERVED_GENERATION).and_then(Value::as_i64),
        // It is the tenant's own condition.
        None => own
            .filter(|_| text(&condition, "type") == SCHEDULED)
            .and_then(|own| own.as_i64()),
    };
    if let Some(generation) = known.max(generation) {
        condition.insert(OBSERVED_GENERATION.to_owned(), generation.into());
    }
    Value::Object(condition)
}

fn list(conditions: Option<&Value>) -> Vec<&Map<String, Value>> {
    let conditions = conditions.and_then(Value::as_array);
    conditions
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .collect()
}

fn text<'a>(condition: &'a Map<String, Value>, field: &str) -> &'a str {
    condition.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn type_of(condition: &Value) -> &str {
    condition.get("type").and_then(Value::as_str).unwrap_or_default()
}
