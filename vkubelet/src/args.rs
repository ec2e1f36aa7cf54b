//! Flags and environment: what the operator writes into the Deployment.

use std::path::PathBuf;

use clap::Parser;
use ipnet::IpNet;
use warren_runtime::agent::AgentArgs;

/// Virtual Nodes, their Pods, the kubelet API and the egress gate of one virtual cluster.
#[derive(Clone, Debug, Parser)]
#[command(name = "vkubelet", version)]
pub struct Args {
    /// What every agent is told.
    #[command(flatten)]
    pub common: AgentArgs,
    /// Directory with the gate's serving leaf; its `ca.crt` verifies the tenant's kube-apiserver.
    #[arg(long, env = "WARREN_GATE_TLS")]
    pub gate_tls: PathBuf,
    /// Port of the egress gate.
    #[arg(long, env = "WARREN_GATE_PORT", default_value_t = warren_crds::keys::ports::GATE)]
    pub gate_port: u16,
    /// PEM file of the CA that the tenant's kube-apiserver proves itself to kubelets with.
    #[arg(long, env = "WARREN_KUBELET_CLIENT_CA")]
    pub kubelet_client_ca: PathBuf,
    /// PEM file of the CA that the tenant's kube-apiserver proves itself to aggregated APIs with.
    #[arg(long, env = "WARREN_FRONT_PROXY_CA")]
    pub front_proxy_ca: PathBuf,
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
}
