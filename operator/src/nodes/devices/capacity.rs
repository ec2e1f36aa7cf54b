//! What others leave of the capacities of a device that may have several holders.

use std::collections::BTreeMap;

use k8s_openapi::api::resource::v1::{CapacityRequestPolicy, CapacityRequestPolicyRange, DeviceCapacity};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use warren_runtime::quantity::parse;

use super::amount;
use super::holdings::Consumed;

/// The capacities less what is consumed. `None` when a request that says no amount would not fit any more, though the policy
/// has more for requests that do: no valid policy says so (`validateValidRequestValues` in `pkg/apis/resource/validation`: the
/// default is one of the values, and none is above the capacity).
pub fn left(
    capacities: &BTreeMap<String, DeviceCapacity>,
    consumed: &Consumed,
) -> Option<BTreeMap<String, DeviceCapacity>> {
    let mut left = BTreeMap::new();
    for (name, capacity) in capacities {
        let taken = consumed.get(name).copied().unwrap_or_default();
        let capacity = if taken == 0 {
            capacity.clone()
        } else {
            one(capacity, taken)?
        };
        left.insert(name.clone(), capacity);
    }
    Some(left)
}

fn one(capacity: &DeviceCapacity, taken: i128) -> Option<DeviceCapacity> {
    let DeviceCapacity {
        value: whole,
        request_policy,
    } = capacity;
    let value = amount::less(whole, taken)?;
    let nothing = CapacityRequestPolicy::default();
    let policy = policy(request_policy.as_ref().unwrap_or(&nothing), whole, parse(&value)?)?;
    Some(DeviceCapacity {
        value,
        request_policy: Some(policy),
    })
}

fn policy(policy: &CapacityRequestPolicy, whole: &Quantity, left: i128) -> Option<CapacityRequestPolicy> {
    let CapacityRequestPolicy {
        default,
        valid_range,
        valid_values,
    } = policy;
    // A request that says no amount takes all of it, and all is more than what is left.
    let default = default.clone().unwrap_or_else(|| whole.clone());
    let is_bound = valid_range.is_some() || valid_values.iter().flatten().next().is_some();
    if is_bound && parse(&default)? > left {
        return None;
    }
    let fits = |value: &&Quantity| parse(value).is_some_and(|value| value <= left);
    let values = valid_values
        .as_ref()
        .map(|values| values.iter().filter(fits).cloned().collect());
    let range = match valid_range {
        Some(valid) => Some(range(valid, left)?),
        None => None,
    };
    Some(CapacityRequestPolicy {
        default: Some(default),
        valid_range: range,
        valid_values: values,
    })
}

/// The same steps, ending where one more would be too much. The default is one of them and fits, so there is at least one.
fn range(range: &CapacityRequestPolicyRange, left: i128) -> Option<CapacityRequestPolicyRange> {
    let CapacityRequestPolicyRange { max, min, step } = range;
    let least = parse(min)?;
    let most = max.as_ref().and_then(parse).map_or(left, |most| most.min(left));
    let size = step.as_ref().and_then(parse).filter(|size| *size > 0);
    let Some(size) = size else {
        let max = max.as_ref().map(|max| amount::write(most, max));
        return Some(CapacityRequestPolicyRange {
            max,
            min: min.clone(),
            step: step.clone(),
        });
    };
    let most = least + (most - least).max(0) / size * size;
    let bound = max.as_ref().unwrap_or(min);
    Some(CapacityRequestPolicyRange {
        max: Some(amount::write(most, bound)),
        min: min.clone(),
        // One step above the least has to fit, too.
        step: step.clone().filter(|_| least + size <= left),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use warren_runtime::quantity::ONE;

    use super::*;

    #[test]
    fn a_policy_says_what_the_host_would_still_allocate() {
        let values = json!({ "default": "2", "validValues": ["1", "2", "4"] });
        let steps = json!({ "default": "2", "validRange": { "min": "1", "max": "8", "step": "1" } });
        let open = json!({ "default": "2", "validRange": { "min": "2", "step": "3" } });
        let free = json!({ "default": "2", "validRange": { "min": "1", "max": "8" } });
        let cases = [
            // Without an amount a request takes all of the host's, which is not left.
            (json!(null), 4, Some(("6", json!({ "default": "10" })))),
            (
                json!({ "default": "3" }),
                9,
                Some(("1", json!({ "default": "3" }))),
            ),
            (
                values.clone(),
                7,
                Some(("3", json!({ "default": "2", "validValues": ["1", "2"] }))),
            ),
            (values, 9, None),
            (
                steps.clone(),
                5,
                Some((
                    "5",
                    json!({ "default": "2", "validRange": { "min": "1", "max": "5", "step": "1" } }),
                )),
            ),
            (steps, 9, None),
            (
                open.clone(),
                3,
                Some((
                    "7",
                    json!({ "default": "2", "validRange": { "min": "2", "max": "5", "step": "3" } }),
                )),
            ),
            (
                open,
                7,
                Some((
                    "3",
                    json!({ "default": "2", "validRange": { "min": "2", "max": "2" } }),
                )),
            ),
            (
                free,
                5,
                Some((
                    "5",
                    json!({ "default": "2", "validRange": { "min": "1", "max": "5" } }),
                )),
            ),
        ];
        for (policy, taken, expected) in cases {
            let mut capacity = json!({ "value": "10" });
            if !policy.is_null() {
                capacity["requestPolicy"] = policy.clone();
            }
            let capacities =
                serde_json::from_value(json!({ "memory": capacity, "other": { "value": "1" } })).unwrap();
            let consumed = [("memory".to_owned(), taken * ONE)].into();
            let left = left(&capacities, &consumed).map(|left| serde_json::to_value(left).unwrap());
            let expected = expected.map(|(value, policy): (&str, Value)| {
                json!({ "memory": { "value": value, "requestPolicy": policy }, "other": { "value": "1" } })
            });
            assert_eq!(left, expected, "{policy} less {taken}");
        }
    }
}
