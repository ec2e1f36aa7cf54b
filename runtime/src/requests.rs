//! Pure: what a Pod takes from its node, by the scheduler's rules.
//!
//! The operator says what is free on a node (every Pod there subtracted), the vkubelet adds its own tenant's Pods back:
//! the sum is right only if both read a Pod alike.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, Pod, PodSpec};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::quantity::parse;

/// Amounts by resource name, in billionths.
pub type Amounts = BTreeMap<String, i128>;

/// The resource that counts Pods.
pub const PODS: &str = "pods";

/// What `pod` takes, itself counted; nothing once it has ended.
pub fn of(pod: &Pod) -> Amounts {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    let (Some(spec), false) = (&pod.spec, matches!(phase, Some("Succeeded" | "Failed"))) else {
        return Amounts::new();
    };
    let mut amounts = of_containers(pod, spec);
    // A request of the whole Pod takes the place of its containers' sum.
    if let Some(requests) = spec
        .resources
        .as_ref()
        .and_then(|resources| resources.requests.as_ref())
    {
        amounts.extend(read(requests));
    }
    if let Some(overhead) = &spec.overhead {
        add(&mut amounts, &read(overhead));
    }
    amounts.insert(PODS.to_owned(), crate::quantity::ONE);
    amounts
}

/// Sidecars run beside all that start after them; other init containers run alone, one by one.
fn of_containers(pod: &Pod, spec: &PodSpec) -> Amounts {
    let mut sidecars = Amounts::new();
    let mut starting = Amounts::new();
    for container in spec.init_containers.iter().flatten() {
        let mut own = of_container(pod, container);
        if container.restart_policy.as_deref() == Some("Always") {
            add(&mut sidecars, &own);
            own = sidecars.clone();
        } else {
            add(&mut own, &sidecars);
        }
        at_least(&mut starting, &own);
    }
    let mut running = sidecars;
    for container in &spec.containers {
        add(&mut running, &of_container(pod, container));
    }
    at_least(&mut running, &starting);
    running
}

/// What is asked for; while a resize is under way also what the kubelet has set aside, and what the container has still.
fn of_container(pod: &Pod, container: &Container) -> Amounts {
    let requests = container
        .resources
        .as_ref()
        .and_then(|resources| resources.requests.as_ref());
    let mut amounts = requests.map(read).unwrap_or_default();
    let mut statuses = pod.status.iter().flat_map(|status| {
        let sidecars = status.init_container_statuses.iter().flatten();
        sidecars.chain(status.container_statuses.iter().flatten())
    });
    let Some(status) = statuses.find(|status| status.name == container.name) else {
        return amounts;
    };
    let actuated = status
        .resources
        .as_ref()
        .and_then(|resources| resources.requests.as_ref());
    for held in [status.allocated_resources.as_ref(), actuated]
        .into_iter()
        .flatten()
    {
        at_least(&mut amounts, &read(held));
    }
    amounts
}

/// The readable ones of `quantities`: the API accepts no others.
pub fn read(quantities: &BTreeMap<String, Quantity>) -> Amounts {
    quantities
        .iter()
        .filter_map(|(name, quantity)| Some((name.clone(), parse(quantity)?)))
        .collect()
}

/// Adds `more` to `amounts`.
pub fn add(amounts: &mut Amounts, more: &Amounts) {
    for (name, amount) in more {
        *amounts.entry(name.clone()).or_default() += amount;
    }
}

fn at_least(amounts: &mut Amounts, other: &Amounts) {
    for (name, amount) in other {
        let own = amounts.entry(name.clone()).or_default();
        *own = (*own).max(*amount);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::quantity::format;

    fn cpu(pod: &Value) -> String {
        let pod: Pod = serde_json::from_value(pod.clone()).unwrap();
        of(&pod)
            .get("cpu")
            .map_or_else(|| "none".to_owned(), |amount| format(*amount).0)
    }

    fn container(name: &str, cpu: &str) -> Value {
        json!({ "name": name, "resources": { "requests": { "cpu": cpu } } })
    }

    fn sidecar(cpu: &str) -> Value {
        json!({ "name": "s", "restartPolicy": "Always", "resources": { "requests": { "cpu": cpu } } })
    }

    #[test]
    fn follows_the_schedulers_rules() {
        assert_eq!(
            cpu(&json!({ "spec": { "containers": [container("a", "1"), container("b", "500m")] } })),
            "1500m"
        );
        let init =
            |list: &Value| json!({ "spec": { "containers": [container("a", "1")], "initContainers": list } });
        assert_eq!(cpu(&init(&json!([container("i", "3")]))), "3");
        assert_eq!(cpu(&init(&json!([sidecar("2"), container("i", "3")]))), "5");
        assert_eq!(cpu(&init(&json!([container("i", "2"), sidecar("2")]))), "3");
        assert_eq!(
            cpu(&init(&json!([container("i", "1"), container("j", "2")]))),
            "2"
        );
        assert_eq!(cpu(&init(&json!([sidecar("100m")]))), "1100m");
        assert_eq!(
            cpu(&json!({ "spec": { "containers": [container("a", "1")], "overhead": { "cpu": "250m" } } })),
            "1250m"
        );
        assert_eq!(
            cpu(
                &json!({ "spec": { "containers": [container("a", "1")], "resources": { "requests": { "cpu": "4" } } } })
            ),
            "4"
        );
        let both = json!({ "spec": {
            "containers": [container("a", "100m")],
            "resources": { "requests": { "cpu": "1" } },
            "overhead": { "cpu": "50m" },
        } });
        assert_eq!(cpu(&both), "1050m");
    }

    #[test]
    fn what_a_resize_still_holds_counts_and_ended_pods_do_not() {
        let resized = json!({
            "spec": { "containers": [container("a", "1")] },
            "status": { "containerStatuses": [{ "name": "a", "image": "", "imageID": "", "ready": true,
                "restartCount": 0, "allocatedResources": { "cpu": "2" } }] },
        });
        assert_eq!(cpu(&resized), "2");
        let mut shrinking = resized;
        shrinking["status"]["containerStatuses"][0]["allocatedResources"]["cpu"] = json!("1");
        shrinking["status"]["containerStatuses"][0]["resources"] = json!({ "requests": { "cpu": "3" } });
        assert_eq!(cpu(&shrinking), "3");
        let ended =
            json!({ "spec": { "containers": [container("a", "1")] }, "status": { "phase": "Failed" } });
        assert_eq!(cpu(&ended), "none");
    }
}
