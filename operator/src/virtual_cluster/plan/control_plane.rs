//! Pure: the Deployment with kube-apiserver, kube-controller-manager and kube-scheduler as three containers; where the
//! host's scheduler places the tenant's Pods, without the last.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment};
use k8s_openapi::api::core::v1::{ConfigMap, Container, PodSpec, Volume, VolumeProjection};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use warren_crds::keys::ports;

use super::build::{
    ALIVE, READY, STARTING, config_annotation, config_files, container, digest, field_env, leaf_files, mount,
    pod, port, probe, projected, secret_files, selector, system_meta,
};
use super::control_plane_flags::{self as flags, ADMISSION, AUTHENTICATION, DIRECTORY, EGRESS};
use super::{Addresses, Error, Plan, Settings, Wave, admission, kubeconfig, pki, scheduler};
use crate::virtual_cluster::keyring::{Keyring, TOKEN_KEY};
use crate::virtual_cluster::names::{self, component};
use crate::virtual_cluster::validate::ValidatedCluster;

/// A container and the one volume with everything it reads.
struct Part {
    container: Container,
    volume: Volume,
}

/// Adds the Deployment and kube-apiserver's configuration.
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
    let mut config: BTreeMap<String, String> = [
        (AUTHENTICATION.to_owned(), flags::authentication(cluster)),
        (EGRESS.to_owned(), flags::egress(addresses)),
    ]
    .into();
    config.extend(
        admission::configuration(cluster.bounds.pod_security).map(|text| (ADMISSION.to_owned(), text)),
    );
    let files: Vec<String> = config.keys().cloned().collect();
    let profiles = scheduler::configuration(&cluster.scheduler_profiles, cluster.replicas > 1);
    // Read once at the start, so a change must roll the Pods: the files, and the certificate for the gate. All
    // other certificates are reloaded from their files.
    let read_once = digest(
        config
            .values()
            .map(String::as_str)
            .chain([keys.leaf_certificate(pki::API_EGRESS)])
            .chain(profiles.as_deref()),
    );
    plan.apply(
        Wave::Configuration,
        &ConfigMap {
            metadata: system_meta(cluster, names::API_SERVER_CONFIG, component::CONTROL_PLANE),
            data: Some(config),
            ..ConfigMap::default()
        },
    )?;

    // Also without profiles, and then empty: the operator may not delete ConfigMaps.
    plan.apply(
        Wave::Configuration,
        &ConfigMap {
            metadata: system_meta(cluster, names::SCHEDULER_CONFIG, component::CONTROL_PLANE),
            data: profiles.map(|text| [(flags::SCHEDULER.to_owned(), text)].into()),
            ..ConfigMap::default()
        },
    )?;

    // kube-apiserver is a sidecar: the others are started when its startup probe succeeds. Side by side they end, or
    // back off for seconds, while it is on its way up, and take the processor from it.
    let mut server = api_server(cluster, settings, addresses, &files);
    server.container.restart_policy = Some("Always".to_owned());
    let mut clients = vec![controller_manager(cluster, settings)];
    if cluster.bounds.host_scheduling.is_none() {
        clients.push(kube_scheduler(cluster, settings));
    }
    let mut spec = PodSpec {
        termination_grace_period_seconds: Some(30),
        ..PodSpec::default()
    };
    spec.init_containers = Some(vec![server.container]);
    let mut volumes = vec![server.volume];
    for part in clients {
        spec.containers.push(part.container);
        volumes.push(part.volume);
    }
    spec.volumes = Some(volumes);
    plan.apply(
        Wave::Workloads,
        &Deployment {
            metadata: system_meta(cluster, component::CONTROL_PLANE, component::CONTROL_PLANE),
            spec: DeploymentSpec {
                replicas: Some(cluster.replicas),
                selector: selector(cluster, component::CONTROL_PLANE),
                strategy: Some(strategy(cluster.replicas)),
                template: pod(
                    cluster,
                    settings,
                    component::CONTROL_PLANE,
                    config_annotation(read_once),
                    spec,
                ),
                ..DeploymentSpec::default()
            },
            ..Deployment::default()
        },
    )
}

/// A single replica runs without leader election, so two must never run side by side.
fn strategy(replicas: i32) -> DeploymentStrategy {
    if replicas == 1 {
        return DeploymentStrategy {
            type_: Some("Recreate".to_owned()),
            rolling_update: None,
        };
    }
    DeploymentStrategy {
        type_: Some("RollingUpdate".to_owned()),
        rolling_update: Some(RollingUpdateDeployment {
            max_surge: Some(IntOrString::Int(1)),
            max_unavailable: Some(IntOrString::Int(0)),
        }),
    }
}

fn api_server(
    cluster: &ValidatedCluster,
    settings: &Settings,
    addresses: &Addresses,
    files: &[String],
) -> Part {
    let name = component::API_SERVER;
    let mut container = container(cluster, settings, name, &cluster.images.kube_apiserver);
    container.command = Some(vec![format!("/usr/local/bin/{name}")]);
    container.args = Some(flags::api_server(cluster, addresses));
    container
        .env
        .get_or_insert_default()
        .push(field_env("POD_IP", "status.podIP"));
    container.ports = Some(vec![port("https", ports::API)]);
    container.startup_probe = Some(probe("HTTPS", "/readyz", ports::API, STARTING));
    container.readiness_probe = Some(probe("HTTPS", "/readyz", ports::API, READY));
    // Without etcd: where that is slow or away, an API that starts anew asks more of it and serves nobody meanwhile.
    container.liveness_probe = Some(probe("HTTPS", "/livez?exclude=etcd", ports::API, ALIVE));
    container.volume_mounts = Some(vec![mount(name, DIRECTORY)]);

    let pair = |secret| secret_files(secret, secret, &[("tls.crt", "tls.crt"), ("tls.key", "tls.key")]);
    // Of roots only the certificate: the keys sign, and kube-apiserver does not.
    let root = |secret| secret_files(secret, secret, &[("tls.crt", "ca.crt")]);
    let files: Vec<(&str, &str)> = files.iter().map(|file| (file.as_str(), file.as_str())).collect();
    let sources = vec![
        root(pki::CA_CLUSTER),
        root(pki::CA_KUBELET_SERVING),
        pair(pki::API_SERVING),
        pair(pki::API_KUBELET),
        leaf_files(pki::API_ETCD, pki::API_ETCD),
        leaf_files(pki::API_FRONT_PROXY, pki::API_FRONT_PROXY),
        leaf_files(pki::API_EGRESS, pki::API_EGRESS),
        secret_files(
            TOKEN_KEY,
            TOKEN_KEY,
            &[("sa.key", "sa.key"), ("sa.pub", "sa.pub")],
        ),
        config_files(names::API_SERVER_CONFIG, "config", &files),
    ];
    Part {
        container,
        volume: projected(name, sources),
    }
}

fn controller_manager(cluster: &ValidatedCluster, settings: &Settings) -> Part {
    let client = Client {
        name: component::CONTROLLER_MANAGER,
        image: &cluster.images.kube_controller_manager,
        flags: flags::controller_manager(cluster),
        port: ("manager", flags::CONTROLLER_MANAGER_PORT),
        leaf: pki::CONTROLLER_MANAGER,
        // The one key of a root that any container of the tenant's gets: see `pki`.
        files: vec![
            secret_files(
                pki::CA_CLUSTER,
                pki::CA_CLUSTER,
                &[("tls.crt", "tls.crt"), ("tls.key", "tls.key")],
            ),
            secret_files(TOKEN_KEY, TOKEN_KEY, &[("sa.key", "sa.key")]),
        ],
    };
    client.part(cluster, settings)
}

fn kube_scheduler(cluster: &ValidatedCluster, settings: &Settings) -> Part {
    let client = Client {
        name: component::SCHEDULER,
        image: &cluster.images.kube_scheduler,
        flags: flags::scheduler(cluster),
        port: ("scheduler", flags::SCHEDULER_PORT),
        leaf: pki::SCHEDULER,
        files: if cluster.scheduler_profiles.is_empty() {
            Vec::new()
        } else {
            let file = (flags::SCHEDULER, flags::SCHEDULER);
            vec![config_files(names::SCHEDULER_CONFIG, "config", &[file])]
        },
    };
    client.part(cluster, settings)
}

/// A container that is a client of the kube-apiserver beside it.
struct Client<'a> {
    name: &'static str,
    image: &'a str,
    flags: Vec<String>,
    port: (&'static str, u16),
    leaf: &'static str,
    /// Beside the leaf: keys, or a configuration file.
    files: Vec<VolumeProjection>,
}

impl Client<'_> {
    fn part(self, cluster: &ValidatedCluster, settings: &Settings) -> Part {
        let Client {
            name,
            image,
            flags,
            port: (port_name, number),
            leaf,
            files,
        } = self;
        let mut container = container(cluster, settings, name, image);
        container.command = Some(vec![format!("/usr/local/bin/{name}")]);
        container.args = Some(flags);
        container.ports = Some(vec![port(port_name, number)]);
        container.startup_probe = Some(probe("HTTPS", "/healthz", number, STARTING));
        container.readiness_probe = Some(probe("HTTPS", "/healthz", number, READY));
        container.liveness_probe = Some(probe("HTTPS", "/healthz", number, ALIVE));
        container.volume_mounts = Some(vec![mount(name, DIRECTORY)]);
        let mut sources = kubeconfig::files(kubeconfig::LOCAL, leaf);
        sources.extend(files);
        Part {
            container,
            volume: projected(name, sources),
        }
    }
}
