//! Pure: kubeconfigs: the users' Secret beside the VirtualCluster, and files for the processes in `-system`.

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Secret, VolumeProjection};
use kube::api::ObjectMeta;
use serde_json::{Value, json};
use warren_crds::keys;
use warren_crds::virtual_cluster::Expose;

use super::build::{config_files, leaf_files, system_meta};
use super::pki::{ADMIN, ADMIN_USER};
use super::{Addresses, Error, Plan, Wave};
use crate::pki::Pair;
use crate::virtual_cluster::keyring::Keyring;
use crate::virtual_cluster::names;
use crate::virtual_cluster::validate::ValidatedCluster;
use warren_crds::keys::ports;

/// In the ConfigMap: for processes in the control-plane Pod itself.
pub const LOCAL: &str = "local.yaml";
/// In the ConfigMap: for processes in other Pods.
pub const REMOTE: &str = "remote.yaml";
/// Where both expect `tls.crt`, `tls.key`, `ca.crt`: files, so that they reload (inline ones never do).
pub const DIRECTORY: &str = "/etc/warren/tenant";
const SUBDIRECTORY: &str = "tenant";
/// Name of the file in [`DIRECTORY`].
pub const FILE: &str = "kubeconfig.yaml";

/// Where a process finds it.
pub fn path() -> String {
    format!("{DIRECTORY}/{FILE}")
}

/// Type of the users' Secret, a convention of Cluster API that Flux, Argo CD and others know.
pub const SECRET_TYPE: &str = "cluster.x-k8s.io/secret";

/// Name of the users' Secret.
pub fn secret_name(cluster: &str) -> String {
    format!("{cluster}-kubeconfig")
}

/// The files of [`DIRECTORY`], for a volume that is mounted at its parent: `config` is [`LOCAL`] or [`REMOTE`], `leaf`
/// the Secret with the client certificate.
pub fn files(config: &str, leaf: &str) -> Vec<VolumeProjection> {
    vec![
        config_files(names::KUBECONFIGS, SUBDIRECTORY, &[(config, FILE)]),
        leaf_files(leaf, SUBDIRECTORY),
    ]
}

/// URL of the tenant's API for users; `None` while the host has not assigned it.
pub fn endpoint(cluster: &ValidatedCluster, addresses: &Addresses) -> Option<String> {
    match cluster.expose {
        Expose::ClusterIP => Some(url(&addresses.api, i32::from(ports::API_SERVICE))),
        Expose::NodePort => Some(url(
            cluster.host.node_addresses.first()?,
            addresses.api_node_port?,
        )),
        Expose::LoadBalancer => Some(url(
            addresses.api_load_balancer.as_ref()?,
            i32::from(ports::API_SERVICE),
        )),
    }
}

/// An HTTPS URL, also for IPv6.
pub fn url(host: &str, port: i32) -> String {
    if host.contains(':') {
        format!("https://[{host}]:{port}")
    } else {
        format!("https://{host}:{port}")
    }
}

/// Adds the kubeconfigs.
///
/// # Errors
/// When an object cannot be serialised.
pub fn plan(
    cluster: &ValidatedCluster,
    addresses: &Addresses,
    keyring: &Keyring,
    plan: &mut Plan,
) -> Result<(), Error> {
    let files = [
        (LOCAL, with_files(&url("127.0.0.1", i32::from(ports::API)))),
        (
            REMOTE,
            with_files(&url(&addresses.api, i32::from(ports::API_SERVICE))),
        ),
    ];
    let mut metadata = system_meta(cluster, names::KUBECONFIGS, names::KUBECONFIGS);
    metadata.labels.get_or_insert_default().remove(keys::COMPONENT);
    plan.apply(
        Wave::Configuration,
        &ConfigMap {
            metadata,
            data: Some(
                files
                    .into_iter()
                    .map(|(name, text)| (name.to_owned(), text))
                    .collect(),
            ),
            ..ConfigMap::default()
        },
    )?;
    let (Some(endpoint), Some(admin)) = (endpoint(cluster, addresses), keyring.leaves.get(ADMIN)) else {
        return Ok(());
    };
    let mut labels = names::labels(&cluster.id);
    labels.insert("cluster.x-k8s.io/cluster-name".to_owned(), cluster.name.clone());
    let mut owner = cluster.owner.clone();
    // Asking for it needs the right to update finalizers of VirtualClusters; the finalizer does that work anyway.
    owner.block_owner_deletion = None;
    let context = format!("warren/{}/{}", cluster.namespace, cluster.name);
    let text = inline(&context, ADMIN_USER, &endpoint, &admin.pair);
    plan.apply(
        Wave::Configuration,
        &Secret {
            metadata: ObjectMeta {
                name: Some(secret_name(&cluster.name)),
                namespace: Some(cluster.namespace.clone()),
                labels: Some(labels),
                owner_references: Some(vec![owner]),
                ..ObjectMeta::default()
            },
            type_: Some(SECRET_TYPE.to_owned()),
            data: Some([(keys::KUBECONFIG_KEY.to_owned(), ByteString(text.into_bytes()))].into()),
            ..Secret::default()
        },
    )
}

fn with_files(server: &str) -> String {
    let file = |name: &str| format!("{DIRECTORY}/{name}");
    kubeconfig(
        "tenant",
        "warren",
        &json!({ "server": server, "certificate-authority": file("ca.crt") }),
        &json!({ "client-certificate": file("tls.crt"), "client-key": file("tls.key") }),
    )
}

/// A kubeconfig with everything in it.
pub fn inline(name: &str, user: &str, server: &str, leaf: &Pair) -> String {
    let encode = |pem: &str| data_encoding::BASE64.encode(pem.as_bytes());
    kubeconfig(
        name,
        user,
        &json!({ "server": server, "certificate-authority-data": encode(&leaf.ca) }),
        &json!({
            "client-certificate-data": encode(&leaf.certificate),
            "client-key-data": encode(&leaf.key),
        }),
    )
}

/// Written as JSON, which every reader of YAML reads.
fn kubeconfig(name: &str, user: &str, cluster: &Value, credentials: &Value) -> String {
    let value = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": name, "cluster": cluster }],
        "users": [{ "name": user, "user": credentials }],
        "contexts": [{ "name": name, "context": { "cluster": name, "user": user } }],
        "current-context": name,
    });
    format!("{value:#}\n")
}
