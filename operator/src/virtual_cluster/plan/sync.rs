//! Pure: what is shared by name, for the syncer: the file that it reads, and its rights in the host's namespaces.
//!
//! Each RoleBinding is for one kind in one namespace, so that nothing is granted but what is mapped.

use std::collections::BTreeSet;

use k8s_openapi::api::rbac::v1::RoleBinding;
use kube::api::ObjectMeta;
use warren_crds::sync::{FromHost, SyncSpec};

use super::build;
use super::rbac::{role, subject};
use super::{Error, Plan, Wave};
use crate::virtual_cluster::names::{self, component};
use crate::virtual_cluster::validate::ValidatedCluster;

/// Key of the ConfigMap, and name of the file.
pub const FILE: &str = "sync.yaml";
/// The syncer where it reads ConfigMaps that are mapped.
pub const CONFIG_MAPS_ROLE: &str = "warren-agent-syncer-source-configmaps";
/// The syncer where it reads Secrets that are mapped.
pub const SECRETS_ROLE: &str = "warren-agent-syncer-source-secrets";
/// The syncer where it reads Services that are mapped.
pub const SERVICES_ROLE: &str = "warren-agent-syncer-source-services";
/// The syncer in the namespace of the VirtualCluster: the Services that it keeps there.
pub const EXPORT_ROLE: &str = "warren-agent-syncer-export";
/// The syncer in the workload namespace: the custom resources that the chart's values name.
pub const CUSTOM_ROLE: &str = "warren-agent-syncer-custom";

/// The file's text. `None` when nothing is shared: then the syncer has no such file.
pub fn text(sync: &SyncSpec) -> Option<String> {
    (!sync.is_empty()).then(|| build::text(&serde_json::json!(sync)))
}

/// Every role of sharing: a binding to one of them that is not in [`grants`] has to go.
pub const ROLES: [&str; 5] = [
    CONFIG_MAPS_ROLE,
    SECRETS_ROLE,
    SERVICES_ROLE,
    EXPORT_ROLE,
    CUSTOM_ROLE,
];

/// Namespace and role of each grant.
pub fn grants(cluster: &ValidatedCluster) -> BTreeSet<(String, &'static str)> {
    let SyncSpec {
        from_host: FromHost {
            config_maps,
            secrets,
            services,
        },
        to_host: _,
        custom: _,
    } = &cluster.shared.sync;
    let config_maps = config_maps
        .iter()
        .map(|map| (map.namespace.clone(), CONFIG_MAPS_ROLE));
    let secrets = secrets.iter().map(|map| (map.namespace.clone(), SECRETS_ROLE));
    let services = services.iter().map(|map| (map.namespace.clone(), SERVICES_ROLE));
    // These two by what the class allows, not by what is shared now: what was shared has to be taken away, too.
    let export = cluster
        .shared
        .export_allowed
        .then(|| (cluster.namespace.clone(), EXPORT_ROLE));
    let custom = cluster
        .shared
        .custom_allowed
        .then(|| (cluster.namespaces.workloads.clone(), CUSTOM_ROLE));
    let grants = config_maps.chain(secrets).chain(services);
    grants.chain(export).chain(custom).collect()
}

/// Name of the RoleBinding of one of [`grants`]. The chart's admission policy lets the operator write no other outside
/// namespaces of its own.
pub fn binding_name(role: &str, cluster_id: &str) -> String {
    format!("{role}-{cluster_id}")
}

/// Adds the grants.
///
/// # Errors
/// When an object cannot be serialised.
pub fn plan(cluster: &ValidatedCluster, plan: &mut Plan) -> Result<(), Error> {
    for (namespace, role_name) in grants(cluster) {
        plan.apply(
            Wave::Configuration,
            &RoleBinding {
                metadata: ObjectMeta {
                    name: Some(binding_name(role_name, &cluster.id)),
                    namespace: Some(namespace),
                    labels: Some(names::component_labels(&cluster.id, component::SYNCER)),
                    ..ObjectMeta::default()
                },
                role_ref: role(role_name),
                subjects: Some(vec![subject(component::SYNCER, &cluster.namespaces.system)]),
            },
        )?;
    }
    Ok(())
}
