//! Pure: what the Deployments of the agents, syncer and vkubelet, have in common.

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy};
use k8s_openapi::api::core::v1::{Container, PodSpec, VolumeProjection};
use warren_crds::keys::ports;

use super::build::{
    ALIVE, READY_SOON, config_annotation, config_files, container, digest, field_env, leaf_files, mount, pod,
    port, probe, projected, selector, system_meta,
};
use super::control_plane_flags::DIRECTORY;
use super::{Settings, kubeconfig, policy};
use crate::virtual_cluster::keyring::Keyring;
use crate::virtual_cluster::names;
use crate::virtual_cluster::validate::ValidatedCluster;

/// What one agent has of its own.
pub(super) struct Agent<'a> {
    /// Component: name of the Deployment and of its container.
    pub name: &'a str,
    /// Image.
    pub image: &'a str,
    /// Flags beside the common ones.
    pub args: Vec<String>,
    /// Name and number of the port that others dial.
    pub port: (&'a str, u16),
    /// The client certificate for the tenant's API.
    pub tenant_leaf: &'a str,
    /// Other certificates with their keys: each a directory of its name.
    pub leaves: &'a [&'a str],
    /// Other files.
    pub files: Vec<VolumeProjection>,
    /// What of these it reads only once.
    pub read_once: Option<String>,
    /// How a new version takes the place of the old one.
    pub strategy: DeploymentStrategy,
}

impl Agent<'_> {
    /// The Deployment.
    pub(super) fn deployment(
        self,
        cluster: &ValidatedCluster,
        settings: &Settings,
        keys: &Keyring,
    ) -> Deployment {
        let name = self.name;
        let leaves = || self.leaves.iter().copied();
        let annotations = config_annotation(read_once(
            cluster,
            keys,
            [self.tenant_leaf].into_iter().chain(leaves()),
            self.read_once.as_deref(),
        ));
        let mut sources = kubeconfig::files(kubeconfig::REMOTE, self.tenant_leaf);
        sources.extend(leaves().map(|leaf| leaf_files(leaf, leaf)));
        sources.extend(self.files);
        sources.push(config_files(
            names::POLICY,
            "policy",
            &[(policy::FILE, policy::FILE)],
        ));
        let mut container = process(cluster, settings, name, self.image);
        container.args.get_or_insert_default().extend(self.args);
        let (port_name, number) = self.port;
        container
            .ports
            .get_or_insert_default()
            .push(port(port_name, number));
        let spec = PodSpec {
            containers: vec![container],
            volumes: Some(vec![projected("config", sources)]),
            automount_service_account_token: Some(true),
            termination_grace_period_seconds: Some(45),
            ..PodSpec::default()
        };
        Deployment {
            metadata: system_meta(cluster, name, name),
            spec: DeploymentSpec {
                replicas: Some(1),
                selector: selector(cluster, name),
                strategy: Some(self.strategy),
                template: pod(cluster, settings, name, annotations, spec),
                ..DeploymentSpec::default()
            },
            ..Deployment::default()
        }
    }
}

/// The container with the common flags, probes and the mount.
fn process(cluster: &ValidatedCluster, settings: &Settings, name: &str, image: &str) -> Container {
    let mut container = container(cluster, settings, name, image);
    container.args = Some(vec![
        format!("--cluster-id={}", cluster.id),
        format!("--cluster-uid={}", cluster.uid),
        format!("--system-namespace={}", cluster.namespaces.system),
        format!("--workload-namespace={}", cluster.namespaces.workloads),
        format!("--tenant-kubeconfig={}", kubeconfig::path()),
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
fn read_once<'a>(
    cluster: &ValidatedCluster,
    keys: &Keyring,
    leaves: impl Iterator<Item = &'a str>,
    own: Option<&'a str>,
) -> String {
    let policy = policy::text(&cluster.bounds);
    digest(
        leaves
            .map(|leaf| keys.leaf_certificate(leaf))
            .chain([policy.as_str()])
            .chain(own),
    )
}
