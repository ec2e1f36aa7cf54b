//! Flags and environment: what the operator writes into the Deployment.

use std::path::PathBuf;

use clap::Parser;
use ipnet::IpNet;
use warren_runtime::telemetry::Format;

/// Virtual Nodes, their Pods, the kubelet API and the egress gate of one virtual cluster.
#[derive(Clone, Debug, Parser)]
#[command(name = "vkubelet", version)]
pub struct Args {
    /// `status.clusterId` of the `VirtualCluster`.
    #[arg(long, env = "WARREN_CLUSTER_ID")]
    pub cluster_id: String,
    /// UID of the `VirtualCluster`.
    #[arg(long, env = "WARREN_CLUSTER_UID")]
    pub cluster_uid: String,
    /// Host namespace of the control plane; the lease is there.
    #[arg(long, env = "WARREN_SYSTEM_NAMESPACE")]
    pub system_namespace: String,
    /// Host namespace of the tenant's Pods.
    #[arg(long, env = "WARREN_WORKLOAD_NAMESPACE")]
    pub workload_namespace: String,
    /// Kubeconfig of the tenant, with its client certificate as files.
    #[arg(long, env = "WARREN_TENANT_KUBECONFIG")]
    pub tenant_kubeconfig: PathBuf,
    /// The class's bounds (YAML).
    #[arg(long, env = "WARREN_POLICY")]
    pub policy: PathBuf,
    /// Kubeconfig of the host, for trials outside a cluster. Without it: the Pod's ServiceAccount.
    #[arg(long, env = "WARREN_HOST_KUBECONFIG", hide = true)]
    pub host_kubeconfig: Option<PathBuf>,
    /// Directory with the gate's serving leaf; its `ca.crt` verifies the tenant's kube-apiserver.
    #[arg(long, env = "WARREN_GATE_TLS")]
    pub gate_tls: PathBuf,
    /// Port of the egress gate.
    #[arg(long, env = "WARREN_GATE_PORT", default_value_t = warren_crds::keys::ports::GATE)]
    pub gate_port: u16,
    /// PEM file of the CA that the tenant's kube-apiserver proves itself to kubelets with.
    #[arg(long, env = "WARREN_KUBELET_CLIENT_CA")]
    pub kubelet_client_ca: PathBuf,
    /// Directory with certificate and key of the CA that signs the virtual kubelets' serving leaves.
    #[arg(long, env = "WARREN_KUBELET_SERVING_CA")]
    pub kubelet_serving_ca: PathBuf,
    /// URL of the syncer (`https://IP:8133`).
    #[arg(long, env = "WARREN_SYNCER")]
    pub syncer: String,
    /// Directory with the client leaf for the syncer.
    #[arg(long, env = "WARREN_SYNCER_TLS")]
    pub syncer_tls: PathBuf,
    /// URL of the operator's node stream (`https://IP:8134`).
    #[arg(long, env = "WARREN_OPERATOR")]
    pub operator: String,
    /// Directory with the client leaf for the operator.
    #[arg(long, env = "WARREN_OPERATOR_TLS")]
    pub operator_tls: PathBuf,
    /// ClusterIP of the tenant's DNS: the nameserver of tenant Pods.
    #[arg(long, env = "WARREN_DNS_SERVICE_IP")]
    pub dns_service_ip: String,
    /// DNS domain of the tenant's Services.
    #[arg(long, env = "WARREN_CLUSTER_DOMAIN", default_value = "cluster.local")]
    pub cluster_domain: String,
    /// The host's Service ranges, comma separated.
    #[arg(long, env = "WARREN_SERVICE_CIDR", value_delimiter = ',')]
    pub service_cidr: Vec<IpNet>,
    /// `json` or `text`.
    #[arg(long, env = "WARREN_LOG_FORMAT", default_value = "json")]
    pub log_format: Format,
    /// Port of `/livez`, `/readyz` and `/metrics`.
    #[arg(long, env = "WARREN_HEALTH_PORT", default_value_t = warren_crds::keys::ports::HEALTH)]
    pub health_port: u16,
    /// This process's name among its replicas: the Pod's.
    #[arg(long, env = "POD_NAME", default_value = "vkubelet")]
    pub pod_name: String,
}
