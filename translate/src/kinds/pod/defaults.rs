//! Requests and limits of containers that set none themselves, as the class has them. On the host only: what the tenant
//! reads of its Pods is what it wrote.

use k8s_openapi::api::core::v1::{PodSpec, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use warren_crds::container_defaults::ContainerDefaults;
use warren_crds::quantity::parse;

/// What the class has defaults for.
const RESOURCES: [&str; 3] = ["cpu", "memory", "ephemeral-storage"];

/// What a container of `spec` that asks for `own` has on the host.
pub(super) fn filled(
    defaults: &ContainerDefaults,
    spec: &PodSpec,
    own: Option<ResourceRequirements>,
) -> Option<ResourceRequirements> {
    let mut added = false;
    let mut filled = own.clone().unwrap_or_default();
    for resource in RESOURCES
        .into_iter()
        .filter(|resource| !is_of_pod(spec, resource))
    {
        if let Some(request) = added_request(defaults, own.as_ref(), resource) {
            let requests = filled.requests.get_or_insert_default();
            requests.insert(resource.to_owned(), request.clone());
            added = true;
        }
        if let Some(limit) = added_limit(defaults, own.as_ref(), resource) {
            let request = filled
                .requests
                .as_ref()
                .and_then(|requests| requests.get(resource));
            let limit = at_least(limit, request).clone();
            filled
                .limits
                .get_or_insert_default()
                .insert(resource.to_owned(), limit);
            added = true;
        }
    }
    if added { Some(filled) } else { own }
}

/// The request that a container gets which asks for `own`; as in Kubernetes a limit without a request is one.
pub(super) fn added_request<'a>(
    defaults: &'a ContainerDefaults,
    own: Option<&ResourceRequirements>,
    resource: &str,
) -> Option<&'a Quantity> {
    let default = defaults
        .requests
        .get(resource)
        .or_else(|| defaults.limits.get(resource));
    let is_set =
        has(own, |own| own.requests.as_ref(), resource) || has(own, |own| own.limits.as_ref(), resource);
    default.filter(|_| !is_set)
}

/// The limit that a container gets which asks for `own`, unless it requests more. A limit of zero is none.
pub(super) fn added_limit<'a>(
    defaults: &'a ContainerDefaults,
    own: Option<&ResourceRequirements>,
    resource: &str,
) -> Option<&'a Quantity> {
    let limits = own.and_then(|own| own.limits.as_ref());
    let is_set = limits
        .and_then(|limits| limits.get(resource))
        .is_some_and(|limit| !is_zero(limit));
    defaults.limits.get(resource).filter(|_| !is_set)
}

/// Whether a limit of so much is none.
pub(super) fn is_zero(limit: &Quantity) -> bool {
    parse(limit) == Some(0)
}

/// Whether the Pod as a whole sets this resource: its containers share it, and no sum of theirs may be above it.
pub(super) fn is_of_pod(spec: &PodSpec, resource: &str) -> bool {
    let own = spec.resources.as_ref();
    has(own, |own| own.requests.as_ref(), resource) || has(own, |own| own.limits.as_ref(), resource)
}

/// The larger one; a limit is never below the request.
pub(super) fn at_least<'a>(limit: &'a Quantity, request: Option<&'a Quantity>) -> &'a Quantity {
    request
        .filter(|request| parse(request) > parse(limit))
        .unwrap_or(limit)
}

type Amounts = std::collections::BTreeMap<String, Quantity>;

fn has(
    own: Option<&ResourceRequirements>,
    list: impl Fn(&ResourceRequirements) -> Option<&Amounts>,
    resource: &str,
) -> bool {
    own.and_then(list)
        .is_some_and(|amounts| amounts.contains_key(resource))
}

#[cfg(test)]
mod tests;
