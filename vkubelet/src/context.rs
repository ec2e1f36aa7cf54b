//! Builds what the parts share from the flags: clients, certificates, policy, channels.

use std::sync::Arc;

use rustls::ServerConfig;
use tonic::transport::Channel;
use warren_runtime::clients::{self, HostClient, TenantClient};
use warren_runtime::clock::{self, SharedClock};
use warren_runtime::metrics::Metrics;
use warren_runtime::tls::{self, Identity};
use warren_translate::{Cluster, ClusterId, ClusterUid, HostNamespace, TenantPolicy};

use crate::args::Args;
use crate::metrics::Own;
use crate::node::stream::channel;
use crate::server::tls::{Authorities, Error as LeafError, Leaves};

/// Why the process cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A client cannot be built.
    #[error(transparent)]
    Client(#[from] clients::Error),
    /// A certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] tls::Error),
    /// The kubelet certificates cannot be used.
    #[error(transparent)]
    Leaves(#[from] LeafError),
    /// A URL or its certificates cannot be used.
    #[error("failed to set up gRPC to {url}")]
    Channel {
        /// The URL.
        url: String,
        /// Why.
        #[source]
        source: tonic::transport::Error,
    },
    /// The policy cannot be read.
    #[error("failed to read the policy: {0}")]
    Policy(String),
}

/// What the parts share.
pub struct Context {
    /// The host.
    pub host: HostClient,
    /// The tenant.
    pub tenant: TenantClient,
    /// This virtual cluster.
    pub cluster: Cluster,
    /// The class's bounds.
    pub policy: TenantPolicy,
    /// TLS of the gate.
    pub gate_tls: Arc<ServerConfig>,
    /// TLS of the virtual kubelets.
    pub leaves: Arc<Leaves>,
    /// To the syncer.
    pub syncer: Channel,
    /// To the operator.
    pub operator: Channel,
    /// Common metrics.
    pub metrics: Metrics,
    /// Own metrics.
    pub own: Own,
    /// Now.
    pub clock: SharedClock,
}

impl Context {
    /// Reads every file that the flags name.
    ///
    /// # Errors
    /// [`Error`] naming what cannot be used.
    pub async fn build(args: &Args) -> Result<Self, Error> {
        let agent = format!(
            "warren-vkubelet/{} ({})",
            env!("CARGO_PKG_VERSION"),
            args.common.cluster_id
        );
        let host = args.common.host_client(&agent).await?;
        let tenant = args.common.tenant_client(&agent).await?;
        let clock = clock::system();
        let metrics = Metrics::new();
        Ok(Self {
            host,
            tenant,
            cluster: Cluster {
                id: ClusterId::new(&args.common.cluster_id),
                uid: ClusterUid::new(&args.common.cluster_uid),
                workload_namespace: HostNamespace::new(&args.common.workload_namespace),
            },
            policy: policy(args)?,
            gate_tls: Identity::from_dir(&args.gate_tls)?.rustls_server()?,
            leaves: Arc::new(leaves(args, Arc::clone(&clock))?),
            syncer: dial(&args.syncer, &args.syncer_tls)?,
            operator: dial(&args.operator, &args.operator_tls)?,
            own: Own::register(&metrics),
            metrics,
            clock,
        })
    }
}

fn policy(args: &Args) -> Result<TenantPolicy, Error> {
    let text = tls::read(&args.common.policy)?;
    serde_saphyr::from_str(&text).map_err(|error| Error::Policy(error.to_string()))
}

fn leaves(args: &Args, clock: SharedClock) -> Result<Leaves, Error> {
    let certificate = tls::read(&args.kubelet_serving_ca.join("tls.crt"))?;
    let key = tls::read(&args.kubelet_serving_ca.join("tls.key"))?;
    let client_ca = tls::read(&args.kubelet_client_ca)?;
    let front_proxy = tls::read(&args.front_proxy_ca)?;
    let authorities = Authorities {
        serving: &certificate,
        serving_key: &key,
        kubelet_client: &client_ca,
        front_proxy: &front_proxy,
    };
    Ok(Leaves::new(authorities, clock)?)
}

fn dial(url: &str, directory: &std::path::Path) -> Result<Channel, Error> {
    let identity = Identity::from_dir(directory)?;
    channel(url, &identity).map_err(|source| Error::Channel {
        url: url.to_owned(),
        source,
    })
}
