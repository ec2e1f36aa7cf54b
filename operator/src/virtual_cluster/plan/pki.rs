//! Pure: which roots and leaves a virtual cluster has, what each leaf says, and the Secrets that hold them.
//!
//! Separate roots, because a tenant is cluster-admin and can get certificates from `ca-cluster` through the
//! `CertificateSigningRequest` API: nothing but the tenant's apiserver may trust that one.

use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::SignedDuration;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use warren_crds::keys;

use super::build::system_meta;
use super::{Addresses, Error, Plan, Wave};
use crate::pki::Pair;
use crate::pki::leaf::{Usage, Wanted};
use crate::virtual_cluster::keyring::{FINGERPRINT, Issuer, Keyring, TOKEN_KEY, WantedLeaf};
use crate::virtual_cluster::names::component;
use crate::virtual_cluster::validate::ValidatedCluster;

/// Client certificates of the tenant's API and its serving certificate. The controller-manager signs with it.
pub const CA_CLUSTER: &str = "ca-cluster";
/// Lets the tenant's apiserver speak for its users to aggregated APIs.
pub const CA_FRONT_PROXY: &str = "ca-front-proxy";
/// etcd and its one client.
pub const CA_ETCD: &str = "ca-etcd";
/// The tenant's apiserver as a client of the kubelet API.
pub const CA_KUBELET_CLIENT: &str = "ca-kubelet-client";
/// Serving certificates of the virtual nodes, minted by the vkubelet.
pub const CA_KUBELET_SERVING: &str = "ca-kubelet-serving";
/// Between the apiserver, the gate and the syncer.
pub const CA_INTERNAL: &str = "ca-internal";

/// All roots.
pub const ROOTS: [&str; 6] = [
    CA_CLUSTER,
    CA_FRONT_PROXY,
    CA_ETCD,
    CA_KUBELET_CLIENT,
    CA_KUBELET_SERVING,
    CA_INTERNAL,
];

/// kube-apiserver's serving certificate.
pub const API_SERVING: &str = "kube-apiserver-serving";
/// kube-apiserver to etcd.
pub const API_ETCD: &str = "kube-apiserver-etcd";
/// kube-apiserver to aggregated APIs.
pub const API_FRONT_PROXY: &str = "kube-apiserver-front-proxy";
/// kube-apiserver to the kubelet API.
pub const API_KUBELET: &str = "kube-apiserver-kubelet";
/// kube-apiserver to the egress gate.
pub const API_EGRESS: &str = "kube-apiserver-egress";
/// etcd's only certificate, for clients and peers.
pub const ETCD: &str = "etcd";
/// The controller-manager in the tenant.
pub const CONTROLLER_MANAGER: &str = "kube-controller-manager";
/// The scheduler in the tenant.
pub const SCHEDULER: &str = "kube-scheduler";
/// The syncer in the tenant.
pub const SYNCER_TENANT: &str = "syncer-tenant";
/// The syncer's gRPC server.
pub const SYNCER_GRPC: &str = "syncer-grpc";
/// The vkubelet in the tenant.
pub const VKUBELET_TENANT: &str = "vkubelet-tenant";
/// The egress gate's server.
pub const VKUBELET_GATE: &str = "vkubelet-gate";
/// The vkubelet at the syncer.
pub const VKUBELET_SYNCER: &str = "vkubelet-syncer";
/// The vkubelet at the operator.
pub const VKUBELET_OPERATOR: &str = "vkubelet-operator";
/// CoreDNS in the tenant.
pub const COREDNS_TENANT: &str = "coredns-tenant";
/// The users' kubeconfig.
pub const ADMIN: &str = "admin";

/// The user of the kubeconfig that Warren hands out.
pub const ADMIN_USER: &str = "warren:admin";

/// Users' certificates cannot be revoked by Kubernetes, so they are short-lived.
const ADMIN_LIFETIME: SignedDuration = SignedDuration::from_hours(7 * 24);

/// All leaves and what they must say.
pub fn wanted(cluster: &ValidatedCluster, addresses: &Addresses) -> Vec<WantedLeaf> {
    let leaf = |secret, root, wanted| WantedLeaf {
        secret,
        issuer: Issuer::Own(root),
        wanted,
    };
    let client = |user: &str| Wanted::client(user);
    let serve =
        |service: &str, address: &str| Wanted::server(service, service_names(cluster, service, address));
    vec![
        leaf(
            API_SERVING,
            CA_CLUSTER,
            Wanted::server("kube-apiserver", api_names(cluster, addresses)),
        ),
        leaf(API_ETCD, CA_ETCD, client("kube-apiserver")),
        leaf(API_FRONT_PROXY, CA_FRONT_PROXY, client("front-proxy-client")),
        leaf(API_KUBELET, CA_KUBELET_CLIENT, client(keys::KUBELET_CLIENT_USER)),
        leaf(API_EGRESS, CA_INTERNAL, client("kube-apiserver-egress")),
        leaf(ETCD, CA_ETCD, etcd(cluster, addresses)),
        leaf(
            CONTROLLER_MANAGER,
            CA_CLUSTER,
            client("system:kube-controller-manager"),
        ),
        leaf(SCHEDULER, CA_CLUSTER, client("system:kube-scheduler")),
        leaf(SYNCER_TENANT, CA_CLUSTER, client(keys::SYNCER_USER)),
        leaf(
            SYNCER_GRPC,
            CA_INTERNAL,
            serve(component::SYNCER, &addresses.syncer),
        ),
        leaf(VKUBELET_TENANT, CA_CLUSTER, client(keys::VKUBELET_USER)),
        leaf(
            VKUBELET_GATE,
            CA_INTERNAL,
            serve(component::VKUBELET, &addresses.vkubelet),
        ),
        leaf(VKUBELET_SYNCER, CA_INTERNAL, client("vkubelet")),
        WantedLeaf {
            secret: VKUBELET_OPERATOR,
            issuer: Issuer::Operator,
            wanted: client(&cluster.id),
        },
        leaf(COREDNS_TENANT, CA_CLUSTER, client(keys::COREDNS_USER)),
        leaf(
            ADMIN,
            CA_CLUSTER,
            client(ADMIN_USER)
                .in_group(keys::TENANT_ADMINS)
                .living(ADMIN_LIFETIME),
        ),
    ]
}

fn service_names(cluster: &ValidatedCluster, service: &str, address: &str) -> Vec<String> {
    vec![
        address.to_owned(),
        service.to_owned(),
        format!("{service}.{}.svc", cluster.namespaces.system),
    ]
}

fn etcd(cluster: &ValidatedCluster, addresses: &Addresses) -> Wanted {
    let mut names = service_names(cluster, component::ETCD, &addresses.etcd);
    names.push(format!(
        "*.{}.{}.svc",
        component::ETCD_PEERS,
        cluster.namespaces.system
    ));
    names.extend(["127.0.0.1".to_owned(), "localhost".to_owned()]);
    Wanted::server("etcd", names).used_as(Usage::Both)
}

/// Everything by which somebody may reach the tenant's API.
fn api_names(cluster: &ValidatedCluster, addresses: &Addresses) -> Vec<String> {
    let mut names = service_names(cluster, component::API, &addresses.api);
    names.extend(
        [
            "127.0.0.1",
            "localhost",
            "kubernetes",
            "kubernetes.default",
            "kubernetes.default.svc",
        ]
        .map(str::to_owned),
    );
    names.push("kubernetes.default.svc.cluster.local".to_owned());
    names.extend(
        cluster
            .host
            .service_cidrs
            .iter()
            .filter_map(|range| first_address(range)),
    );
    if addresses.api_node_port.is_some() {
        names.extend(cluster.host.node_addresses.iter().cloned());
    }
    names.extend(addresses.api_load_balancer.clone());
    names.extend(cluster.extra_names.iter().cloned());
    names
}

/// The first usable address of a range: what `default/kubernetes` has until the syncer changes it.
fn first_address(range: &str) -> Option<String> {
    let (network, _bits) = range.split_once('/')?;
    Some(match network.parse().ok()? {
        IpAddr::V4(v4) => IpAddr::from((u32::from(v4) + 1).to_be_bytes()).to_string(),
        IpAddr::V6(v6) => IpAddr::from((u128::from(v6) + 1).to_be_bytes()).to_string(),
    })
}

/// Adds the Secrets.
///
/// # Errors
/// When an object cannot be serialised.
pub fn plan(cluster: &ValidatedCluster, keys: &Keyring, plan: &mut Plan) -> Result<(), Error> {
    for (name, root) in &keys.roots {
        if root.new {
            plan.create(Wave::Configuration, &tls_secret(cluster, name, &root.pair, None))?;
        }
    }
    if keys.token_key_new {
        let data = [
            ("sa.key", &keys.token_key.private),
            ("sa.pub", &keys.token_key.public),
        ];
        plan.create(Wave::Configuration, &secret(cluster, TOKEN_KEY, "Opaque", &data))?;
    }
    for (name, leaf) in &keys.leaves {
        plan.apply(
            Wave::Configuration,
            &tls_secret(cluster, name, &leaf.pair, Some(&leaf.fingerprint)),
        )?;
    }
    Ok(())
}

fn tls_secret(cluster: &ValidatedCluster, name: &str, pair: &Pair, fingerprint: Option<&str>) -> Secret {
    let data = [
        ("tls.crt", &pair.certificate),
        ("tls.key", &pair.key),
        ("ca.crt", &pair.ca),
    ];
    let mut secret = secret(cluster, name, "kubernetes.io/tls", &data);
    secret.metadata.annotations =
        fingerprint.map(|fingerprint| [(FINGERPRINT.to_owned(), fingerprint.to_owned())].into());
    secret
}

fn secret(cluster: &ValidatedCluster, name: &str, type_: &str, data: &[(&str, &String)]) -> Secret {
    let data: BTreeMap<String, ByteString> = data
        .iter()
        .map(|(key, text)| ((*key).to_owned(), ByteString(text.as_bytes().to_vec())))
        .collect();
    Secret {
        metadata: system_meta(cluster, name, "pki"),
        type_: Some(type_.to_owned()),
        data: Some(data),
        ..Secret::default()
    }
}
