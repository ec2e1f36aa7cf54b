//! Flags, each also an environment variable `WARREN_*`. The operator writes the Deployment with exactly these.

use std::path::PathBuf;

use clap::Parser;
use warren_crds::keys::ports;
use warren_runtime::agent::AgentArgs;

/// Flags of the syncer.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "warren-syncer",
    about = "Syncs one virtual cluster with its host, every kind but Pods and Nodes"
)]
pub struct Args {
    /// What every agent is told
    #[command(flatten)]
    pub common: AgentArgs,
    /// Namespace and name of the `VirtualCluster`, as `namespace/name`: what its claims of host names say to people,
    /// and where its exports are
    #[arg(long, env = "WARREN_VIRTUAL_CLUSTER")]
    pub virtual_cluster: String,
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
    /// File with what is shared with the host by name; without it nothing is
    #[arg(long, env = "WARREN_SYNC")]
    pub sync: Option<PathBuf>,
    /// Export Services beside the `VirtualCluster`; without it none are
    #[arg(long, env = "WARREN_EXPORT")]
    pub export: bool,
}
