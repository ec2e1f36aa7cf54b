//! Flags, each also an environment variable `WARREN_*`. The operator writes the Deployment with exactly these.

use std::path::PathBuf;

use clap::Parser;
use warren_crds::keys::ports;
use warren_runtime::telemetry::Format;

/// Flags of the syncer.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "warren-syncer",
    about = "Syncs one virtual cluster with its host, every kind but Pods and Nodes"
)]
pub struct Args {
    /// `status.clusterId` of the `VirtualCluster`
    #[arg(long, env = "WARREN_CLUSTER_ID")]
    pub cluster_id: String,
    /// UID of the `VirtualCluster`
    #[arg(long, env = "WARREN_CLUSTER_UID")]
    pub cluster_uid: String,
    /// Host namespace of the control plane, where the Lease is
    #[arg(long, env = "WARREN_SYSTEM_NAMESPACE")]
    pub system_namespace: String,
    /// Host namespace of the tenant's workloads
    #[arg(long, env = "WARREN_WORKLOAD_NAMESPACE")]
    pub workload_namespace: String,
    /// Kubeconfig of the tenant
    #[arg(long, env = "WARREN_TENANT_KUBECONFIG")]
    pub tenant_kubeconfig: PathBuf,
    /// Kubeconfig of the host, for development; without it the Pod's own `ServiceAccount` is used
    #[arg(long, env = "WARREN_HOST_KUBECONFIG")]
    pub host_kubeconfig: Option<PathBuf>,
    /// The class's bounds, YAML
    #[arg(long, env = "WARREN_POLICY", default_value = "/etc/warren/policy/policy.yaml")]
    pub policy: PathBuf,
    /// Directory with tls.crt, tls.key and the ca.crt that verifies the vkubelet
    #[arg(long, env = "WARREN_GRPC_TLS")]
    pub grpc_tls: PathBuf,
    /// Port of the gRPC service
    #[arg(long, env = "WARREN_GRPC_PORT", default_value_t = ports::SYNCER_GRPC)]
    pub grpc_port: u16,
    /// ClusterIP of the host Service in front of the tenant's apiserver; the tenant's `default/kubernetes` gets it
    #[arg(long, env = "WARREN_API_SERVICE_IP")]
    pub api_service_ip: String,
    /// ClusterIP of the host Service of the tenant's DNS; the tenant's `kube-system/kube-dns` gets it
    #[arg(long, env = "WARREN_DNS_SERVICE_IP")]
    pub dns_service_ip: String,
    /// Port of /livez, /readyz and /metrics
    #[arg(long, env = "WARREN_HEALTH_PORT", default_value_t = ports::HEALTH)]
    pub health_port: u16,
    /// json or text
    #[arg(long, env = "WARREN_LOG_FORMAT", default_value = "json")]
    pub log_format: Format,
    /// Name of this Pod: who holds the Lease
    #[arg(long, env = "POD_NAME", default_value = "syncer")]
    pub pod_name: String,
}
