//! News of a node that a scheduler hardly notices. They wait for a while: otherwise each Pod of anybody's would cost a write
//! in every tenant that sees its node.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use parking_lot::Mutex;
use serde_json::Value;
use warren_runtime::quantity;

use super::plan::Step;
use super::view::HostNode;

/// For so long a Node may show slightly more or less than there is.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// Slight is what changes the room for more by at most one part of so many.
const PARTS: i128 = 10;

/// Whether `steps` only change allocatable amounts, and of each resource the room for more by at most a tenth: of what the
/// tenant's Node shows, and of what there is.
pub fn is_slight(steps: &[Step], host: &HostNode, tenant: &Node) -> bool {
    let [Step::PatchStatus(patch)] = steps else {
        return false;
    };
    let Some(fields) = patch["status"].as_object() else {
        return false;
    };
    let shown = tenant
        .status
        .as_ref()
        .and_then(|status| status.allocatable.as_ref());
    let is_slight = |(name, after): (&String, &Value)| {
        let before = shown.and_then(|shown| shown.get(name)).and_then(quantity::parse);
        let after = after.as_str().map(|text| Quantity(text.to_owned()));
        let (Some(before), Some(after), Some(&room)) = (
            before,
            after.as_ref().and_then(quantity::parse),
            host.free.get(name),
        ) else {
            return false;
        };
        let shown_room = room - (after - before);
        (after - before).abs() * PARTS <= room.min(shown_room)
    };
    fields.iter().all(|(field, changes)| {
        let changes = changes.as_object().filter(|_| field == "allocatable");
        changes.is_some_and(|changes| changes.iter().all(is_slight))
    })
}

/// Since when slight news wait, by node. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Waiting(Arc<Mutex<HashMap<String, Timestamp>>>);

impl Waiting {
    /// For how long the news of this node may wait; `None`: they are told now, and later ones wait anew.
    pub fn time_left(&self, node: &str, is_slight: bool, now: Timestamp) -> Option<Duration> {
        let mut waiting = self.0.lock();
        let since = *waiting.entry(node.to_owned()).or_insert(now);
        // A clock that was set back does not prolong it.
        let waited = Duration::try_from(now.duration_since(since)).unwrap_or(PATIENCE);
        let left = PATIENCE
            .checked_sub(waited)
            .filter(|left| is_slight && !left.is_zero());
        if left.is_none() {
            waiting.remove(node);
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use warren_runtime::quantity::ONE;

    use super::*;

    fn step(status: &Value) -> [Step; 1] {
        [Step::PatchStatus(json!({ "status": status }))]
    }

    /// Of a Node that shows 20 processors, while the host has room for `free` more.
    fn slight(free: i128, steps: &[Step]) -> bool {
        let host = HostNode {
            free: [("cpu".to_owned(), free * ONE)].into(),
            ..HostNode::default()
        };
        let tenant = json!({ "status": { "allocatable": { "cpu": "20" } } });
        is_slight(steps, &host, &serde_json::from_value(tenant).unwrap())
    }

    #[test]
    fn slight_is_at_most_a_tenth_of_the_room_on_both_sides() {
        let shows = |cpu: &str| step(&json!({ "allocatable": { "cpu": cpu } }));
        assert!(slight(20, &shows("19")));
        assert!(slight(10, &shows("19")));
        assert!(slight(11, &shows("21")));
        // Of what there is, of what is shown.
        assert!(!slight(9, &shows("19")));
        assert!(!slight(10, &shows("21")));
        assert!(!slight(0, &shows("19")));
    }

    #[test]
    fn only_amounts_are_slight() {
        assert!(!slight(
            20,
            &step(&json!({ "allocatable": { "cpu": "19" }, "conditions": [] }))
        ));
        assert!(!slight(20, &step(&json!({ "allocatable": { "cpu": null } }))));
        // New on the node.
        assert!(!slight(
            20,
            &step(&json!({ "allocatable": { "example.com/gpu": "1" } }))
        ));
        assert!(!slight(20, &[Step::Patch(json!({}))]));
        assert!(!slight(20, &[]));
    }

    #[test]
    fn slight_news_wait_for_the_first_of_them_and_not_longer() {
        let (waiting, at) = (Waiting::default(), |second: i64| {
            Timestamp::from_second(second).unwrap()
        });
        let seconds = |left| Some(Duration::from_secs(left));
        assert_eq!(waiting.time_left("a", true, at(0)), seconds(30));
        assert_eq!(waiting.time_left("a", true, at(4)), seconds(26));
        assert_eq!(waiting.time_left("b", true, at(29)), seconds(30));
        assert_eq!(waiting.time_left("a", true, at(30)), None);
        assert_eq!(waiting.time_left("a", true, at(31)), seconds(30));
        assert_eq!(waiting.time_left("a", false, at(32)), None);
        assert_eq!(waiting.time_left("a", true, at(33)), seconds(30));
    }
}
