//! Pure: the two host namespaces and their labels.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use warren_crds::keys;

use super::{Error, Plan, Wave};
use crate::virtual_cluster::names;
use crate::virtual_cluster::validate::ValidatedCluster;

/// Adds the namespaces.
///
/// # Errors
/// When an object cannot be serialised.
pub fn plan(cluster: &ValidatedCluster, plan: &mut Plan) -> Result<(), Error> {
    // Nothing in `-system` needs more than `restricted` grants; say so, and the host refuses it if that ever changes.
    plan.apply(
        Wave::Namespaces,
        &namespace(cluster, &cluster.namespaces.system, "system", "restricted"),
    )?;
    let level = cluster.bounds.pod_security.as_str();
    plan.apply(
        Wave::Namespaces,
        &namespace(cluster, &cluster.namespaces.workloads, "workloads", level),
    )
}

fn namespace(cluster: &ValidatedCluster, name: &str, role: &str, pod_security: &str) -> Namespace {
    let mut labels: BTreeMap<String, String> = names::labels(&cluster.id);
    labels.insert(keys::NAMESPACE_ROLE.to_owned(), role.to_owned());
    labels.insert(
        "pod-security.kubernetes.io/enforce".to_owned(),
        pod_security.to_owned(),
    );
    let owner = format!("{}/{}", cluster.namespace, cluster.name);
    Namespace {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            labels: Some(labels),
            annotations: Some([(keys::OWNER.to_owned(), owner)].into()),
            ..ObjectMeta::default()
        },
        ..Namespace::default()
    }
}
