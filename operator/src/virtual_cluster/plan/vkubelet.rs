//! Pure: the vkubelet's Deployment.

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment};
use k8s_openapi::api::core::v1::PodSpec;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use warren_crds::keys::ports;

use super::build::{
    config_annotation, config_files, leaf_files, pod, port, projected, secret_files, selector, system_meta,
};
use super::control_plane_flags::DIRECTORY;
use super::syncer::{agent, read_once};
use super::{Addresses, Error, Plan, Settings, Wave, kubeconfig, pki, policy};
use crate::virtual_cluster::keyring::Keyring;
use crate::virtual_cluster::names::{self, component};
use crate::virtual_cluster::validate::ValidatedCluster;

/// Adds the vkubelet.
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
    let name = component::VKUBELET;
    let mut container = agent(cluster, settings, name, &settings.vkubelet_image);
    container.args.get_or_insert_default().extend([
        format!("--gate-tls={DIRECTORY}/{}", pki::VKUBELET_GATE),
        format!("--gate-port={}", ports::GATE),
        format!(
            "--kubelet-client-ca={DIRECTORY}/{}/ca.crt",
            pki::CA_KUBELET_CLIENT
        ),
        format!("--kubelet-serving-ca={DIRECTORY}/{}", pki::CA_KUBELET_SERVING),
        format!("--syncer=https://{}:{}", addresses.syncer, ports::SYNCER_GRPC),
        format!("--syncer-tls={DIRECTORY}/{}", pki::VKUBELET_SYNCER),
        format!(
            "--operator=https://{}:{}",
            settings.operator_address,
            ports::OPERATOR_GRPC
        ),
        format!("--operator-tls={DIRECTORY}/{}", pki::VKUBELET_OPERATOR),
        format!("--dns-service-ip={}", addresses.dns),
        "--cluster-domain=cluster.local".to_owned(),
        format!("--service-cidr={}", cluster.host.service_cidrs.join(",")),
    ]);
    container
        .ports
        .get_or_insert_default()
        .push(port("gate", ports::GATE));

    let leaves = [
        pki::VKUBELET_TENANT,
        pki::VKUBELET_GATE,
        pki::VKUBELET_SYNCER,
        pki::VKUBELET_OPERATOR,
    ];
    let mut sources = kubeconfig::files(kubeconfig::REMOTE, pki::VKUBELET_TENANT);
    sources.extend([
        leaf_files(pki::VKUBELET_GATE, pki::VKUBELET_GATE),
        leaf_files(pki::VKUBELET_SYNCER, pki::VKUBELET_SYNCER),
        leaf_files(pki::VKUBELET_OPERATOR, pki::VKUBELET_OPERATOR),
        // To check who calls, it needs the root's certificate; the key stays in the Secret.
        secret_files(
            pki::CA_KUBELET_CLIENT,
            pki::CA_KUBELET_CLIENT,
            &[("tls.crt", "ca.crt")],
        ),
        // This one it signs with: a serving certificate for each node's address.
        leaf_files(pki::CA_KUBELET_SERVING, pki::CA_KUBELET_SERVING),
        config_files(names::POLICY, "policy", &[(policy::FILE, policy::FILE)]),
    ]);
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
                // The gate runs on every replica (the lease is for the Pod loop): a roll interrupts no webhook.
                strategy: Some(DeploymentStrategy {
                    type_: Some("RollingUpdate".to_owned()),
                    rolling_update: Some(RollingUpdateDeployment {
                        max_surge: Some(IntOrString::Int(1)),
                        max_unavailable: Some(IntOrString::Int(0)),
                    }),
                }),
                template: pod(cluster, settings, name, annotations, spec),
                ..DeploymentSpec::default()
            },
            ..Deployment::default()
        },
    )
}
