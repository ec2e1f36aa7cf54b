//! Helpers for `status.conditions`: one rule for when `lastTransitionTime` moves.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

/// What a component wants to say about one condition, before times are added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Condition type, positive: `Ready`, `ControlPlaneAvailable`, …
    pub type_: &'static str,
    /// `True`, `False` or `Unknown` (in progress).
    pub status: Status,
    /// CamelCase, for machines.
    pub reason: String,
    /// For people: at most 120 characters where possible, and the next step.
    pub message: String,
}

/// The three values of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It holds.
    True,
    /// It does not hold, and will not by waiting alone.
    False,
    /// Not known yet: in progress.
    Unknown,
}

impl Status {
    /// The word Kubernetes uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// Sets `verdict` in `conditions`; `lastTransitionTime` moves only when the status value changes.
///
/// `now` is used for a new or changed condition only, so applying the same verdict twice changes nothing.
pub fn set(conditions: &mut Vec<Condition>, verdict: &Verdict, observed_generation: Option<i64>, now: &Time) {
    let status = verdict.status.as_str();
    let since = conditions
        .iter()
        .find(|c| c.type_ == verdict.type_ && c.status == status)
        .map_or_else(|| now.clone(), |c| c.last_transition_time.clone());
    let next = Condition {
        type_: verdict.type_.to_owned(),
        status: status.to_owned(),
        reason: verdict.reason.clone(),
        message: verdict.message.clone(),
        observed_generation,
        last_transition_time: since,
    };
    match conditions.iter_mut().find(|c| c.type_ == verdict.type_) {
        Some(slot) => *slot = next,
        None => conditions.push(next),
    }
}

/// The condition of type `type_`, if there is one.
pub fn get<'a>(conditions: &'a [Condition], type_: &str) -> Option<&'a Condition> {
    conditions.iter().find(|c| c.type_ == type_)
}

/// Whether the condition of type `type_` exists and is `True`.
pub fn is_true(conditions: &[Condition], type_: &str) -> bool {
    get(conditions, type_).is_some_and(|c| c.status == "True")
}
