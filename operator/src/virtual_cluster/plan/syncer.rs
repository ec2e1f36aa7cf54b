//! Pure: the syncer's Deployment.

use k8s_openapi::api::apps::v1::DeploymentStrategy;
use warren_crds::keys::ports;

use super::agent::Agent;
use super::build::config_files;
use super::control_plane_flags::DIRECTORY;
use super::{Addresses, Error, Plan, Settings, Wave, pki, sync};
use crate::virtual_cluster::keyring::Keyring;
use crate::virtual_cluster::names::{self, component};
use crate::virtual_cluster::validate::ValidatedCluster;

/// Adds the syncer.
///
/// # Errors
/// When an object cannot be serialised.
pub fn plan(
    cluster: &ValidatedCluster,
    settings: &Settings,
    addresses: &Addresses,
    keys: &Keyring,
    plan: &mut Plan,
) -> Result<(), Error> {
    let shared = sync::text(&cluster.shared.sync);
    let mut args = vec![
        format!("--virtual-cluster={}/{}", cluster.namespace, cluster.name),
        format!("--grpc-tls={DIRECTORY}/{}", pki::SYNCER_GRPC),
        format!("--grpc-port={}", ports::SYNCER_GRPC),
        format!("--api-service-ip={}", addresses.api),
        format!("--dns-service-ip={}", addresses.dns),
    ];
    let mut files = Vec::new();
    if shared.is_some() {
        args.push(format!("--sync={DIRECTORY}/sync/{}", sync::FILE));
        files.push(config_files(names::POLICY, "sync", &[(sync::FILE, sync::FILE)]));
    }
    if cluster.shared.export_allowed {
        args.push("--export".to_owned());
    }
    let agent = Agent {
        name: component::SYNCER,
        image: &settings.syncer_image,
        args,
        port: ("grpc", ports::SYNCER_GRPC),
        tenant_leaf: pki::SYNCER_TENANT,
        leaves: &[pki::SYNCER_GRPC],
        files,
        read_once: shared,
        // One at a time; it takes a lease as well, since a partition of nodes can still leave two.
        strategy: DeploymentStrategy {
            type_: Some("Recreate".to_owned()),
            rolling_update: None,
        },
    };
    plan.apply(Wave::Workloads, &agent.deployment(cluster, settings, keys))
}
