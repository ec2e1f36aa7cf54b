//! Messages of conditions that list containers or name gates: only the tenant's.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Pod;

use super::super::gates;

/// What a kubelet writes before a list of containers, in Go's `[a b]`.
const LISTS: [&str; 3] = [
    "containers with unknown status: [",
    "containers with unready status: [",
    "containers with incomplete status: [",
];

/// The message without containers that only the host has, and with the tenant's types of gates; empty when nothing
/// remains to be said. Others stay as they are.
pub(super) fn of_tenant(message: &str, tenant: &Pod) -> String {
    if !LISTS.iter().any(|list| message.contains(list)) {
        return gates::in_tenant_terms(message, tenant);
    }
    let known = names(tenant);
    let parts: Vec<String> = message
        .split(", ")
        .filter_map(|part| part_of_tenant(part, &known))
        .collect();
    parts.join(", ")
}

fn part_of_tenant(part: &str, known: &BTreeSet<&str>) -> Option<String> {
    let Some((list, rest)) = LISTS
        .iter()
        .find_map(|list| part.strip_prefix(list).map(|rest| (list, rest)))
    else {
        return Some(part.to_owned());
    };
    let all = rest.strip_suffix(']')?;
    let kept: Vec<&str> = all.split(' ').filter(|name| known.contains(name)).collect();
    (!kept.is_empty()).then(|| format!("{list}{}]", kept.join(" ")))
}

fn names(tenant: &Pod) -> BTreeSet<&str> {
    let spec = tenant.spec.iter();
    let containers = spec.clone().flat_map(|spec| &spec.containers);
    let init = spec.flat_map(|spec| spec.init_containers.iter().flatten());
    containers
        .chain(init)
        .map(|container| container.name.as_str())
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::object;

    #[test]
    fn containers_of_the_host_are_not_named() {
        let tenant: Pod = object(json!({ "spec": {
            "containers": [{ "name": "web" }, { "name": "log" }], "initContainers": [{ "name": "init" }],
        } }));
        for (message, expected) in [
            (
                "containers with unready status: [web injected log]",
                "containers with unready status: [web log]",
            ),
            (
                "containers with unknown status: [injected], containers with unready status: [web]",
                "containers with unready status: [web]",
            ),
            (
                "containers with incomplete status: [init]",
                "containers with incomplete status: [init]",
            ),
            ("containers with unready status: [injected]", ""),
            ("something else, entirely", "something else, entirely"),
        ] {
            assert_eq!(of_tenant(message, &tenant), expected, "{message}");
        }
    }
}
