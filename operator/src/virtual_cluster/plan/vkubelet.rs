//! Pure: the vkubelet's Deployment.

use k8s_openapi::api::apps::v1::{DeploymentStrategy, RollingUpdateDeployment};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use warren_crds::keys::ports;

use super::agent::Agent;
use super::build::{leaf_files, secret_files};
use super::control_plane_flags::DIRECTORY;
use super::{Addresses, Error, Plan, Settings, Wave, pki};
use crate::virtual_cluster::keyring::Keyring;
use crate::virtual_cluster::names::component;
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
    let agent = Agent {
        name: component::VKUBELET,
        image: &settings.vkubelet_image,
        args: vec![
            format!("--gate-tls={DIRECTORY}/{}", pki::VKUBELET_GATE),
            format!("--gate-port={}", ports::GATE),
            format!(
                "--kubelet-client-ca={DIRECTORY}/{}/ca.crt",
                pki::CA_KUBELET_CLIENT
            ),
            format!("--front-proxy-ca={DIRECTORY}/{}/ca.crt", pki::CA_FRONT_PROXY),
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
        ],
        port: ("gate", ports::GATE),
        tenant_leaf: pki::VKUBELET_TENANT,
        leaves: &[pki::VKUBELET_GATE, pki::VKUBELET_SYNCER, pki::VKUBELET_OPERATOR],
        files: vec![
            // To check who calls, it needs the roots' certificates; the keys stay in the Secrets.
            secret_files(
                pki::CA_KUBELET_CLIENT,
                pki::CA_KUBELET_CLIENT,
                &[("tls.crt", "ca.crt")],
            ),
            secret_files(pki::CA_FRONT_PROXY, pki::CA_FRONT_PROXY, &[("tls.crt", "ca.crt")]),
            // This one it signs with: a serving certificate for each node's address.
            leaf_files(pki::CA_KUBELET_SERVING, pki::CA_KUBELET_SERVING),
        ],
        read_once: None,
        // The gate runs on every replica (the lease is for the Pod loop): a roll interrupts no webhook.
        strategy: DeploymentStrategy {
            type_: Some("RollingUpdate".to_owned()),
            rolling_update: Some(RollingUpdateDeployment {
                max_surge: Some(IntOrString::Int(1)),
                max_unavailable: Some(IntOrString::Int(0)),
            }),
        },
    };
    plan.apply(Wave::Workloads, &agent.deployment(cluster, settings, keys))
}
