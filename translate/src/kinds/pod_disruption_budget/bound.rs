//! How many Pods a host budget holds: never all of them, and what it holds back not for ever.
//!
//! The first bound needs no clock: one Pod at least may go. It is not enough where Pods are not healthy and never become
//! so: then a budget that asks for less than all still lets none go. So what has been blocked for [`PATIENCE`], by the
//! host's own controller's clock and count, gives way by one Pod.

use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetStatus};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use k8s_openapi::jiff::{SignedDuration, Timestamp};

/// How long a budget may let no Pod be evicted before it gives way by one.
pub const PATIENCE: SignedDuration = SignedDuration::from_mins(10);
/// Annotation on host budgets: what was to be held before it gave way, to tell a budget that did from an older one.
pub const WANTED: &str = "warren.dev/min-available";

/// What a host budget holds now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bound {
    /// `spec.minAvailable` of the host.
    pub(super) min_available: i32,
    /// When it may have to give way, from now.
    pub(super) again: Option<SignedDuration>,
}

/// What the tenant's controller says must stay, but one Pod fewer than there are at most.
pub(super) fn wanted(status: &PodDisruptionBudgetStatus) -> i32 {
    let desired = status.desired_healthy.unwrap_or_default();
    let expected = status.expected_pods.unwrap_or_default();
    desired.min(expected.saturating_sub(1)).max(0)
}

/// True when the tenant's budget would let no Pod go even if all were healthy.
pub(super) fn holds_all(status: &PodDisruptionBudgetStatus) -> bool {
    let expected = status.expected_pods.unwrap_or_default();
    expected > 0 && status.desired_healthy.unwrap_or_default() >= expected
}

/// The bound of a budget that should hold `wanted` Pods, with the host budget as it is.
pub(super) fn bound(wanted: i32, host: Option<&PodDisruptionBudget>, now: Timestamp) -> Bound {
    let full = |again| Bound {
        min_available: wanted,
        again,
    };
    let Some(host) = host.filter(|_| wanted > 0) else {
        return full(None);
    };
    let Some(status) = &host.status else {
        return full(None);
    };
    let healthy = status.current_healthy.unwrap_or_default();
    if healthy > wanted {
        return full(None);
    }
    let gave_way = given_way(host, wanted);
    let blocked = blocked_since(status).map(|since| now.duration_since(since));
    match blocked {
        Some(blocked) if blocked >= PATIENCE => Bound {
            min_available: gave_way.unwrap_or(wanted).min(healthy.saturating_sub(1)).max(0),
            again: None,
        },
        // One that gave way stays so until enough Pods are healthy again, or whoever drains would find it closed again.
        _ => Bound {
            min_available: gave_way.unwrap_or(wanted),
            again: blocked.map(|blocked| PATIENCE - blocked),
        },
    }
}

/// What the host budget holds, if that is less than the same `wanted` that it was made for.
fn given_way(host: &PodDisruptionBudget, wanted: i32) -> Option<i32> {
    let annotations = host.metadata.annotations.as_ref()?;
    let recorded: i32 = annotations.get(WANTED)?.parse().ok()?;
    match host.spec.as_ref()?.min_available.as_ref()? {
        IntOrString::Int(held) if recorded == wanted && *held < wanted => Some(*held),
        _ => None,
    }
}

/// Since when the host lets no Pod of it be evicted.
fn blocked_since(status: &PodDisruptionBudgetStatus) -> Option<Timestamp> {
    let mut conditions = status.conditions.iter().flatten();
    let allowed = conditions.find(|condition| condition.type_ == "DisruptionAllowed")?;
    (allowed.status == "False").then_some(allowed.last_transition_time.0)
}
