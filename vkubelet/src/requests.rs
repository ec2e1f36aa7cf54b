//! What a Pod asks for, as the scheduler counts it: the larger of its containers' sum and any init step, plus
//! overhead. Pure.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, PodSpec};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::quantity;

/// Amounts in billionths, by resource name.
pub type Amounts = BTreeMap<String, i128>;

/// Adds `more` to `sum`.
pub fn add(sum: &mut Amounts, more: &Amounts) {
    for (name, amount) in more {
        *sum.entry(name.clone()).or_insert(0) += amount;
    }
}

/// Effective requests of a Pod, the resource `pods` (1) included.
pub fn of(spec: &PodSpec) -> Amounts {
    let mut total = Amounts::new();
    for container in &spec.containers {
        add(&mut total, &of_container(container));
    }
    let mut sidecars = Amounts::new();
    let mut largest_step = Amounts::new();
    for container in spec.init_containers.iter().flatten() {
        let mut step = of_container(container);
        if container.restart_policy.as_deref() == Some("Always") {
            add(&mut sidecars, &step);
            step.clone_from(&sidecars);
        } else {
            add(&mut step, &sidecars);
        }
        raise(&mut largest_step, &step);
    }
    add(&mut total, &sidecars);
    raise(&mut total, &largest_step);
    // Requests of the Pod as a whole replace the sum for the resources that they name.
    total.extend(amounts(
        spec.resources
            .as_ref()
            .and_then(|resources| resources.requests.as_ref()),
    ));
    add(&mut total, &amounts(spec.overhead.as_ref()));
    total.insert("pods".to_owned(), quantity::ONE);
    total
}

fn of_container(container: &Container) -> Amounts {
    amounts(
        container
            .resources
            .as_ref()
            .and_then(|resources| resources.requests.as_ref()),
    )
}

/// Quantities as amounts; what is no quantity counts as nothing.
pub fn amounts(quantities: Option<&BTreeMap<String, Quantity>>) -> Amounts {
    quantities
        .into_iter()
        .flatten()
        .filter_map(|(name, quantity)| Some((name.clone(), quantity::parse(quantity)?)))
        .collect()
}

fn raise(to: &mut Amounts, at_least: &Amounts) {
    for (name, amount) in at_least {
        let entry = to.entry(name.clone()).or_insert(0);
        *entry = (*entry).max(*amount);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn cpu(spec: Value) -> i128 {
        let spec: PodSpec = serde_json::from_value(spec).unwrap();
        of(&spec).get("cpu").copied().unwrap_or(0) * 1000 / quantity::ONE
    }

    fn container(cpu: &str) -> Value {
        json!({ "name": "c", "resources": { "requests": { "cpu": cpu } } })
    }

    #[test]
    fn containers_add_up_and_an_init_step_counts_alone() {
        assert_eq!(
            cpu(json!({ "containers": [container("100m"), container("200m")] })),
            300
        );
        let init =
            json!({ "containers": [container("100m")], "initContainers": [container("1"), container("2")] });
        assert_eq!(cpu(init), 2000);
    }

    #[test]
    fn sidecars_run_beside_containers_and_later_steps() {
        let mut sidecar = container("100m");
        sidecar["restartPolicy"] = json!("Always");
        let spec =
            json!({ "containers": [container("300m")], "initContainers": [sidecar, container("500m")] });
        assert_eq!(cpu(spec), 600);
        let mut sidecar = container("100m");
        sidecar["restartPolicy"] = json!("Always");
        assert_eq!(
            cpu(json!({ "containers": [container("300m")], "initContainers": [sidecar] })),
            400
        );
    }

    #[test]
    fn the_pods_own_requests_replace_the_sum_and_overhead_is_added() {
        let spec = json!({
            "containers": [container("100m")],
            "resources": { "requests": { "cpu": "1" } },
            "overhead": { "cpu": "50m" },
        });
        assert_eq!(cpu(spec), 1050);
    }
}
