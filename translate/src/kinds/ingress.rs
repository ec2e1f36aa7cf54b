//! Ingresses: down with host names that the class allows and the cluster has claimed, Services and Secrets renamed; the
//! load balancer's status up.
//!
//! Which host names an Ingress serves ([`hosts`]) decides what has to be claimed before it may be on the host; who claims
//! is the syncer.

mod down;
pub mod fields;
mod up;

pub use down::down;
pub use up::status;

use std::collections::BTreeSet;

use k8s_openapi::api::networking::v1::Ingress;
use warren_crds::served_host::ServedHost;

use crate::host_names::served;
use crate::meta;

/// How an Ingress named its class before it had a field for it.
const OLD_CLASS: &str = "kubernetes.io/ingress.class";

/// The class that an Ingress names, in its field or as it was done before. `None`: the default one is meant.
pub fn class_of(ingress: &Ingress) -> Option<&str> {
    let spec = ingress.spec.as_ref();
    let field = spec.and_then(|spec| spec.ingress_class_name.as_deref());
    let annotations = ingress.metadata.annotations.as_ref();
    let old = || annotations.and_then(|annotations| annotations.get(OLD_CLASS));
    field
        .or_else(|| old().map(String::as_str))
        .filter(|class| !class.is_empty())
}

/// Every host name that requests for this Ingress may have, of rules and of certificates. What is no host name is left out:
/// [`down`] refuses it.
pub fn hosts(ingress: &Ingress) -> BTreeSet<ServedHost> {
    let Some(spec) = &ingress.spec else {
        return BTreeSet::new();
    };
    let rules = spec.rules.iter().flatten();
    let of_rules = rules.map(|rule| rule.host.as_deref().unwrap_or_default());
    let of_certificates = spec
        .tls
        .iter()
        .flatten()
        .flat_map(|tls| tls.hosts.iter().flatten());
    let mut hosts: BTreeSet<ServedHost> = of_rules
        .chain(of_certificates.map(String::as_str))
        .filter_map(served)
        .collect();
    if spec.default_backend.is_some() {
        hosts.insert(ServedHost::Any);
    }
    hosts
}

/// Names of the Secrets with its certificates.
pub fn secrets(ingress: &Ingress) -> BTreeSet<String> {
    let tls = ingress.spec.iter().flat_map(|spec| spec.tls.iter().flatten());
    tls.filter_map(|tls| tls.secret_name.clone())
        .filter(|name| !name.is_empty())
        .collect()
}

/// True when the host's Ingress is not what it should be.
pub fn needs_update(existing: &Ingress, desired: &Ingress) -> bool {
    existing.spec != desired.spec || meta::needs_update(&existing.metadata, &desired.metadata)
}

#[cfg(test)]
mod tests;
