//! Pure: the syncer's Deployment.

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy};
use k8s_openapi::api::core::v1::{Container, PodSpec};
use warren_crds::keys::ports;

use super::build::{
    ALIVE, READY_SOON, config_annotation, config_files, container, digest, field_env, leaf_files, mount, pod,
    port, probe, projected, selector, system_meta,
};
use super::control_plane_flags::DIRECTORY;
use super::{Addresses, Error, Plan, Settings, Wave, kubeconfig, pki, policy};
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
    let name = component::SYNCER;
    let mut container = agent(cluster, settings, name, &settings.syncer_image);
    container.args.get_or_insert_default().extend([
        format!("--grpc-tls={DIRECTORY}/{}", pki::SYNCER_GRPC),
        format!("--grpc-port={}", ports::SYNCER_GRPC),
        format!("--api-service-ip={}", addresses.api),
        format!("--dns-service-ip={}", addresses.dns),
    ]);
    container
        .ports
        .get_or_insert_default()
        .push(port("grpc", ports::SYNCER_GRPC));

    let leaves = [pki::SYNCER_TENANT, pki::SYNCER_GRPC];
    let mut sources = kubeconfig::files(kubeconfig::REMOTE, pki::SYNCER_TENANT);
    sources.push(leaf_files(pki::SYNCER_GRPC, pki::SYNCER_GRPC));
    sources.push(config_files(
        names::POLICY,
        "policy",
        &[(policy::FILE, policy::FILE)],
    ));
    let spec = PodSpec {
        containers: vec![container],
        volumes: Some(vec![projected("config", sources)]),
        automount_service_account_token: Some(true),
        termination_grace_period_seconds: Some(45),
        ..PodSpec::default()
    };
    let annotations = config_annotation(read_once(cluster, keys, &leaves));
    plan.apply(
        Wave::Workloads,
        &Deployment {
            metadata: system_meta(cluster, name, name),
            spec: DeploymentSpec {
                replicas: Some(1),
                selector: selector(cluster, name),
                // One at a time; it takes a lease as well, since a partition of nodes can still leave two.
                strategy: Some(DeploymentStrategy {
                    type_: Some("Recreate".to_owned()),
                    rolling_update: None,
                }),
                template: pod(cluster, settings, name, annotations, spec),
                ..DeploymentSpec::default()
            },
            ..Deployment::default()
        },
    )
}

/// What syncer and vkubelet have in common: flags, probes, the mount.
pub(super) fn agent(cluster: &ValidatedCluster, settings: &Settings, name: &str, image: &str) -> Container {
    let mut container = container(cluster, settings, name, image);
    container.args = Some(vec![
        format!("--cluster-id={}", cluster.id),
        format!("--cluster-uid={}", cluster.uid),
        format!("--system-namespace={}", cluster.namespaces.system),
        format!("--workload-namespace={}", cluster.namespaces.workloads),
        format!(
            "--tenant-kubeconfig={}/{}",
            kubeconfig::DIRECTORY,
            kubeconfig::FILE
        ),
        format!("--policy={DIRECTORY}/policy/{}", policy::FILE),
        format!("--log-format={}", settings.log_format),
        format!("--health-port={}", ports::HEALTH),
    ]);
    container
        .env
        .get_or_insert_default()
        .push(field_env("POD_NAME", "metadata.name"));
    container.ports = Some(vec![port("health", ports::HEALTH)]);
    container.readiness_probe = Some(probe("HTTP", "/readyz", ports::HEALTH, READY_SOON));
    container.liveness_probe = Some(probe("HTTP", "/livez", ports::HEALTH, ALIVE));
    container.volume_mounts = Some(vec![mount("config", DIRECTORY)]);
    container
}

/// The agents read their certificates and the policy once, so a change of either must roll them.
pub(super) fn read_once(cluster: &ValidatedCluster, keys: &Keyring, leaves: &[&str]) -> String {
    let policy = policy::text(&cluster.bounds);
    digest(
        leaves
            .iter()
            .map(|leaf| keys.leaf_certificate(leaf))
            .chain([policy.as_str()]),
    )
}
