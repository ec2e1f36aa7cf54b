//! `resourceFieldRef`: a container without a limit reads what its node offers, and that is the virtual Node's.
//!
//! Where the container has a limit, the reference passes: the host's kubelet reads the same limit off the host Pod,
//! also after a resize. What the class adds to the host Pod is not the tenant's: it reads what it would without.

use k8s_openapi::api::core::v1::{Container, ResourceFieldSelector, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use warren_crds::quantity;

use super::super::defaults;
use super::super::going::Going;
use crate::error::{Error, Result};
use crate::name::short_hash;

/// Limits that a kubelet takes from the node where a container has none, by the name in the selector.
const DEFAULTED: [(&str, &str); 3] = [
    ("limits.cpu", "cpu"),
    ("limits.memory", "memory"),
    ("limits.ephemeral-storage", "ephemeral-storage"),
];
/// Prefix of annotations that hold such a limit for a file.
const ANNOTATION: &str = "warren.dev/limit-";
const CPU: &str = "cpu";
/// What a container reads that says no request, whatever the divisor.
const NOTHING: &str = "0";

/// The value for a variable of a container with the resources `own`; `None`: the host's kubelet reads the same.
pub(in crate::kinds::pod) fn in_env(
    going: &Going<'_>,
    own: Option<&ResourceRequirements>,
    selector: &ResourceFieldSelector,
) -> Result<Option<String>> {
    let unset = |resources| Ok(reads_added(going, resources, selector).then(|| NOTHING.to_owned()));
    let resources = match container_name(selector) {
        None => own,
        Some(name) => {
            if let Some(container) = named(&going.spec.containers, name) {
                container.resources.as_ref()
            } else {
                // Init containers are found by name, too, but a kubelet fills in nothing for them.
                let init = going.spec.init_containers.as_deref().unwrap_or_default();
                return named(init, name).map_or(Ok(None), |init| unset(init.resources.as_ref()));
            }
        }
    };
    let Some(resource) = defaulted(selector) else {
        return unset(resources);
    };
    let of_pod = going.spec.resources.as_ref();
    if limit(resources, resource).is_some() || limit(of_pod, resource).is_some() {
        return Ok(None);
    }
    of_node(going, resource, selector).map(Some)
}

/// Whether a kubelet of the host would read a request or limit that the class adds to a container with the resources `own`.
fn reads_added(
    going: &Going<'_>,
    own: Option<&ResourceRequirements>,
    selector: &ResourceFieldSelector,
) -> bool {
    let class = &going.context.policy.container_defaults;
    let added = match selector.resource.split_once('.') {
        Some(("requests", resource)) if !defaults::is_of_pod(going.spec, resource) => {
            defaults::added_request(class, own, resource)
        }
        Some(("limits", resource)) if !defaults::is_of_pod(going.spec, resource) => {
            defaults::added_limit(class, own, resource)
        }
        _ => None,
    };
    added.is_some()
}

/// The annotation that a file reads instead; `None`: the host's kubelet reads the same. Files, unlike variables, know
/// nothing of the Pod's own limits, and fill in limits of init containers, too.
pub(in crate::kinds::pod) fn annotation_for_file(
    going: &Going<'_>,
    selector: &ResourceFieldSelector,
) -> Option<String> {
    let own = of_file(going, selector)?.resources.as_ref();
    let is_unset = match defaulted(selector) {
        Some(resource) => limit(own, resource).is_none(),
        None => reads_added(going, own, selector),
    };
    is_unset.then(|| annotation(selector))
}

/// The value of [`annotation_for_file`]'s annotation at the Pod's start.
pub(in crate::kinds::pod) fn for_file(going: &Going<'_>, selector: &ResourceFieldSelector) -> Result<String> {
    match defaulted(selector) {
        Some(resource) => of_node(going, resource, selector),
        None => Ok(NOTHING.to_owned()),
    }
}

/// The annotation and its value for a file of a container that got its request or limit by a resize, after its file was
/// pointed to the annotation. `None` when it has none.
pub(in crate::kinds::pod) fn resized(
    going: &Going<'_>,
    selector: &ResourceFieldSelector,
) -> Option<(String, String)> {
    let own = of_file(going, selector)?.resources.as_ref()?;
    let (list, resource) = selector.resource.split_once('.')?;
    let amounts = match list {
        "requests" => own.requests.as_ref(),
        _ => own.limits.as_ref(),
    };
    let amount = quantity::parse(amounts?.get(resource)?).filter(|amount| *amount > 0)?;
    let value = divided(resource, amount, selector.divisor.as_ref());
    Some((annotation(selector), value))
}

fn annotation(selector: &ResourceFieldSelector) -> String {
    let divisor = selector
        .divisor
        .as_ref()
        .map(|divisor| divisor.0.as_str())
        .unwrap_or_default();
    let container = container_name(selector).unwrap_or_default();
    let hash = short_hash(&[container, &selector.resource, divisor]);
    format!("{ANNOTATION}{hash}")
}

fn defaulted(selector: &ResourceFieldSelector) -> Option<&'static str> {
    let found = DEFAULTED.iter().find(|(name, _)| *name == selector.resource);
    found.map(|(_, resource)| *resource)
}

fn container_name(selector: &ResourceFieldSelector) -> Option<&str> {
    selector.container_name.as_deref().filter(|name| !name.is_empty())
}

fn of_file<'a>(going: &Going<'a>, selector: &ResourceFieldSelector) -> Option<&'a Container> {
    let name = container_name(selector)?;
    let spec = going.spec;
    named(&spec.containers, name).or_else(|| named(spec.init_containers.as_deref()?, name))
}

fn named<'a>(containers: &'a [Container], name: &str) -> Option<&'a Container> {
    containers.iter().find(|container| container.name == name)
}

/// The limit in billionths; `None` when it is not set, or zero.
fn limit(resources: Option<&ResourceRequirements>, resource: &str) -> Option<i128> {
    let amount = resources?.limits.as_ref()?.get(resource)?;
    quantity::parse(amount).filter(|amount| *amount > 0)
}

fn of_node(going: &Going<'_>, resource: &str, selector: &ResourceFieldSelector) -> Result<String> {
    let Some(allocatable) = going.context.node_allocatable else {
        return Err(Error::NoAllocatable {
            node: going.spec.node_name.clone().unwrap_or_default(),
        });
    };
    let amount = allocatable.get(resource).and_then(quantity::parse).unwrap_or(0);
    Ok(divided(resource, amount, selector.divisor.as_ref()))
}

/// As a kubelet prints it: CPU counts in thousandths, everything else in whole units, and what remains is rounded up.
fn divided(resource: &str, amount: i128, divisor: Option<&Quantity>) -> String {
    let unit = if resource == CPU {
        quantity::ONE / 1000
    } else {
        quantity::ONE
    };
    let divisor = divisor.and_then(quantity::parse).filter(|divisor| *divisor > 0);
    let divisor = divisor.unwrap_or(quantity::ONE);
    let in_units = |amount: i128| rounded_up(amount, unit);
    rounded_up(in_units(amount), in_units(divisor)).to_string()
}

fn rounded_up(amount: i128, by: i128) -> i128 {
    (amount.max(0) + by - 1) / by.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_divided_as_a_kubelet_does() {
        let text = |resource: &str, amount: &str, divisor: Option<&str>| {
            let amount = quantity::parse(&Quantity(amount.to_owned())).unwrap();
            let divisor = divisor.map(|text| Quantity(text.to_owned()));
            divided(resource, amount, divisor.as_ref())
        };
        assert_eq!(text("cpu", "1500m", None), "2");
        assert_eq!(text("cpu", "1500m", Some("0")), "2");
        assert_eq!(text("cpu", "1500m", Some("1m")), "1500");
        assert_eq!(text("memory", "1Gi", None), "1073741824");
        assert_eq!(text("memory", "1Gi", Some("1Mi")), "1024");
        assert_eq!(text("memory", "1025Ki", Some("1Mi")), "2");
        assert_eq!(text("memory", "1500m", Some("1")), "2");
        assert_eq!(text("ephemeral-storage", "0", Some("1Gi")), "0");
    }
}
