//! Pure: flags and configuration files of kube-apiserver, kube-controller-manager and kube-scheduler, by version.

use std::iter;

use serde_json::json;
use warren_crds::keys::ports;

use super::build::text;
use super::{Addresses, admission, kubeconfig, pki};
use crate::virtual_cluster::keyring::TOKEN_KEY;
use crate::virtual_cluster::validate::ValidatedCluster;

/// Where each container finds its keys and configuration.
pub const DIRECTORY: &str = "/etc/warren";
/// Configuration file of kube-apiserver.
pub const AUTHENTICATION: &str = "authentication.yaml";
/// Configuration file of kube-apiserver, where the class has a Pod Security level.
pub const ADMISSION: &str = "admission.yaml";
/// Configuration file of kube-apiserver.
pub const EGRESS: &str = "egress.yaml";
/// Configuration file of kube-scheduler, where the VirtualCluster has profiles.
pub const SCHEDULER: &str = "scheduler.yaml";
/// Port of kube-controller-manager.
pub const CONTROLLER_MANAGER_PORT: u16 = 10257;
/// Port of kube-scheduler.
pub const SCHEDULER_PORT: u16 = 10259;

const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";

/// Controllers that act on what the host owns: volumes (the syncer binds them), node addresses, time to live of
/// kubelets' caches. Exact names: one that does not exist ends the controller-manager at once, and the cloud ones
/// are gone from 1.35 on.
const OFF: [&str; 5] = [
    "persistentvolume-binder-controller",
    "persistentvolume-attach-detach-controller",
    "persistentvolume-expander-controller",
    "node-ipam-controller",
    "ttl-controller",
];
/// Off below 1.35, where they still exist; they would talk to a cloud.
const OFF_BEFORE_35: [&str; 3] = [
    "service-lb-controller",
    "node-route-controller",
    "cloud-node-lifecycle-controller",
];

/// The minor number of `1.37`; 0 for what is no version (a CEL rule of the CRD excludes it).
fn minor(version: &str) -> u32 {
    version
        .split_once('.')
        .and_then(|(_, minor)| minor.parse().ok())
        .unwrap_or(0)
}

/// kube-apiserver's flags, the VirtualCluster's own last.
pub fn api_server(cluster: &ValidatedCluster, addresses: &Addresses) -> Vec<String> {
    let file = |secret: &str, name: &str| format!("{DIRECTORY}/{secret}/{name}");
    let mut flags = vec![
        "--advertise-address=$(POD_IP)".to_owned(),
        format!("--secure-port={}", ports::API),
        format!("--tls-cert-file={}", file(pki::API_SERVING, "tls.crt")),
        format!("--tls-private-key-file={}", file(pki::API_SERVING, "tls.key")),
        format!("--client-ca-file={}", file(pki::CA_CLUSTER, "ca.crt")),
        format!("--authentication-config={}", file("config", AUTHENTICATION)),
        "--authorization-mode=Node,RBAC".to_owned(),
        "--enable-admission-plugins=NodeRestriction".to_owned(),
        // What a Pod may do is decided on the host; a tenant's own apiserver should not refuse with other words.
        "--allow-privileged=true".to_owned(),
        format!("--egress-selector-config-file={}", file("config", EGRESS)),
        "--enable-aggregator-routing=false".to_owned(),
        "--profiling=false".to_owned(),
        format!("--etcd-servers=https://{}:{}", addresses.etcd, ports::ETCD),
        format!("--etcd-cafile={}", file(pki::API_ETCD, "ca.crt")),
        format!("--etcd-certfile={}", file(pki::API_ETCD, "tls.crt")),
        format!("--etcd-keyfile={}", file(pki::API_ETCD, "tls.key")),
        format!(
            "--kubelet-certificate-authority={}",
            file(pki::CA_KUBELET_SERVING, "ca.crt")
        ),
        format!(
            "--kubelet-client-certificate={}",
            file(pki::API_KUBELET, "tls.crt")
        ),
        format!("--kubelet-client-key={}", file(pki::API_KUBELET, "tls.key")),
        "--kubelet-preferred-address-types=InternalIP".to_owned(),
        format!(
            "--proxy-client-cert-file={}",
            file(pki::API_FRONT_PROXY, "tls.crt")
        ),
        format!(
            "--proxy-client-key-file={}",
            file(pki::API_FRONT_PROXY, "tls.key")
        ),
        format!(
            "--requestheader-client-ca-file={}",
            file(pki::API_FRONT_PROXY, "ca.crt")
        ),
        "--requestheader-allowed-names=front-proxy-client".to_owned(),
        "--requestheader-extra-headers-prefix=X-Remote-Extra-".to_owned(),
        "--requestheader-group-headers=X-Remote-Group".to_owned(),
        "--requestheader-username-headers=X-Remote-User".to_owned(),
        format!("--api-audiences={ISSUER}"),
        format!("--service-account-issuer={ISSUER}"),
        // Otherwise the discovery document names the Pod's own address, which no certificate has.
        format!("--service-account-jwks-uri={ISSUER}/openid/v1/jwks"),
        format!("--service-account-key-file={}", file(TOKEN_KEY, "sa.pub")),
        format!("--service-account-signing-key-file={}", file(TOKEN_KEY, "sa.key")),
        format!(
            "--service-cluster-ip-range={}",
            cluster.host.service_cidrs.join(",")
        ),
    ];
    if admission::configuration(cluster.bounds.pod_security).is_some() {
        flags.push(format!(
            "--admission-control-config-file={}",
            file("config", ADMISSION)
        ));
    }
    flags.extend(
        cluster
            .extra_args
            .iter()
            .map(|(name, value)| format!("--{name}={value}")),
    );
    flags
}

/// Who may call without credentials: nobody, but for health, which the kubelet's probes read.
pub fn authentication(cluster: &ValidatedCluster) -> String {
    let version = if minor(&cluster.version) >= 34 {
        "v1"
    } else {
        "v1beta1"
    };
    let paths = ["/livez", "/readyz", "/healthz"].map(|path| json!({ "path": path }));
    text(&json!({
        "apiVersion": format!("apiserver.config.k8s.io/{version}"),
        "kind": "AuthenticationConfiguration",
        "anonymous": { "enabled": true, "conditions": paths },
    }))
}

/// Every outgoing connection but the one to etcd goes through the vkubelet's gate.
pub fn egress(addresses: &Addresses) -> String {
    let file = |name: &str| format!("{DIRECTORY}/{}/{name}", pki::API_EGRESS);
    let gate = json!({
        "proxyProtocol": "HTTPConnect",
        "transport": { "tcp": {
            "url": format!("https://{}:{}", addresses.vkubelet, ports::GATE),
            "tlsConfig": {
                "caBundle": file("ca.crt"),
                "clientCert": file("tls.crt"),
                "clientKey": file("tls.key"),
            },
        }},
    });
    text(&json!({
        "apiVersion": "apiserver.k8s.io/v1beta1",
        "kind": "EgressSelectorConfiguration",
        "egressSelections": [
            { "name": "cluster", "connection": gate },
            { "name": "controlplane", "connection": gate },
            { "name": "etcd", "connection": { "proxyProtocol": "Direct" } },
        ],
    }))
}

/// kube-controller-manager's flags.
pub fn controller_manager(cluster: &ValidatedCluster) -> Vec<String> {
    let root = |name: &str| format!("{DIRECTORY}/{}/{name}", pki::CA_CLUSTER);
    let old: &[&str] = if minor(&cluster.version) < 35 {
        &OFF_BEFORE_35
    } else {
        &[]
    };
    let controllers: Vec<String> = iter::once("*".to_owned())
        .chain(OFF.iter().chain(old).map(|name| format!("-{name}")))
        .collect();
    let mut flags = shared(cluster, CONTROLLER_MANAGER_PORT);
    flags.extend([
        format!("--controllers={}", controllers.join(",")),
        format!("--cluster-signing-cert-file={}", root("tls.crt")),
        format!("--cluster-signing-key-file={}", root("tls.key")),
        format!("--root-ca-file={}", root("tls.crt")),
        format!("--service-account-private-key-file={DIRECTORY}/{TOKEN_KEY}/sa.key"),
        "--use-service-account-credentials=true".to_owned(),
        format!(
            "--service-cluster-ip-range={}",
            cluster.host.service_cidrs.join(",")
        ),
        // The vkubelet tells a dead node at once, so heartbeats are rare: four of them, and longer than a host takes to
        // replace a vkubelet whose own node died (some six minutes).
        "--node-monitor-grace-period=480s".to_owned(),
        // Some thirty controllers ask for a token each at the start; the default of 20 a second shows.
        "--kube-api-qps=100".to_owned(),
        "--kube-api-burst=200".to_owned(),
    ]);
    flags
}

/// kube-scheduler's flags.
pub fn scheduler(cluster: &ValidatedCluster) -> Vec<String> {
    let mut flags = shared(cluster, SCHEDULER_PORT);
    if !cluster.scheduler_profiles.is_empty() {
        flags.push(format!("--config={DIRECTORY}/config/{SCHEDULER}"));
    }
    flags
}

fn shared(cluster: &ValidatedCluster, port: u16) -> Vec<String> {
    let kubeconfig = kubeconfig::path();
    vec![
        format!("--kubeconfig={kubeconfig}"),
        format!("--authentication-kubeconfig={kubeconfig}"),
        format!("--authorization-kubeconfig={kubeconfig}"),
        // Else they read a ConfigMap of the tenant's at the start, and end if its rights are not there yet. Nobody
        // calls them with a client certificate.
        "--authentication-skip-lookup=true".to_owned(),
        format!("--secure-port={port}"),
        "--profiling=false".to_owned(),
        // One replica is replaced, never doubled (strategy Recreate): electing itself would only cost time.
        format!("--leader-elect={}", cluster.replicas > 1),
    ]
}

#[cfg(test)]
mod tests {
    use warren_crds::virtual_cluster_class::PodSecurity;

    use super::*;
    use crate::testing::validated;
    use crate::virtual_cluster::validate::extra_args;

    /// Else a VirtualCluster could take back what its class, or the gate, rests on: the last of two equal flags wins.
    #[test]
    fn no_flag_of_warrens_can_be_given_again_by_a_virtual_cluster() {
        let flags = api_server(&validated(), &crate::testing::addresses());
        assert!(
            flags
                .iter()
                .any(|f| f.starts_with("--admission-control-config-file="))
        );
        for flag in flags {
            let name = flag
                .trim_start_matches("--")
                .split('=')
                .next()
                .unwrap()
                .to_owned();
            let again = [(name, String::new())].into();
            assert!(extra_args::check(&again).is_err(), "{flag}");
        }
    }

    #[test]
    fn a_privileged_class_leaves_admission_as_upstream_has_it() {
        let mut cluster = validated();
        cluster.bounds.pod_security = PodSecurity::Privileged;
        let flags = api_server(&cluster, &crate::testing::addresses());
        assert!(!flags.iter().any(|f| f.contains("admission-control-config-file")));
    }

    #[test]
    fn kube_scheduler_reads_a_file_only_where_there_are_profiles() {
        let mut cluster = validated();
        let reads = |cluster: &ValidatedCluster| {
            scheduler(cluster)
                .iter()
                .any(|flag| flag.starts_with("--config="))
        };
        assert!(!reads(&cluster));
        cluster
            .scheduler_profiles
            .push(warren_crds::scheduler::Profile::default());
        assert!(reads(&cluster));
    }

    #[test]
    fn controllers_go_by_version() {
        let flag = |version: &str| {
            let mut cluster = validated();
            cluster.version = version.to_owned();
            controller_manager(&cluster)
                .into_iter()
                .find(|f| f.starts_with("--controllers="))
                .unwrap()
        };
        assert!(flag("1.34").contains("-service-lb-controller"));
        for version in ["1.35", "1.37"] {
            assert!(!flag(version).contains("cloud"), "{version}");
            assert!(flag(version).ends_with("-ttl-controller"), "{version}");
        }
    }
}
