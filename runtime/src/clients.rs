//! The two clients, as two types: swapping host and tenant does not compile.

use std::path::Path;

use http::{HeaderValue, header};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

/// Why a client could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Not running in a Pod with a ServiceAccount token.
    #[error("failed to read the in-cluster configuration")]
    InCluster(#[source] kube::config::InClusterError),
    /// A kubeconfig cannot be read.
    #[error("failed to read kubeconfig {path}")]
    Kubeconfig {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: kube::config::KubeconfigError,
    },
    /// TLS or HTTP set-up failed.
    #[error("failed to build the client")]
    Build(#[source] kube::Error),
}

/// A client of the host cluster.
#[derive(Clone)]
pub struct HostClient(Client);

/// A client of the tenant cluster.
#[derive(Clone)]
pub struct TenantClient(Client);

impl HostClient {
    /// Names a client that is known to speak to the host.
    pub fn new(client: Client) -> Self {
        Self(client)
    }

    /// With the Pod's own ServiceAccount.
    ///
    /// # Errors
    /// [`Error::InCluster`] outside a Pod, [`Error::Build`] when TLS cannot be set up.
    pub fn in_cluster(user_agent: &str) -> Result<Self, Error> {
        build(Config::incluster().map_err(Error::InCluster)?, user_agent).map(Self)
    }

    /// From a kubeconfig file, for trials outside a cluster.
    ///
    /// # Errors
    /// As [`TenantClient::from_kubeconfig`].
    pub async fn from_kubeconfig(path: &Path, user_agent: &str) -> Result<Self, Error> {
        from_kubeconfig(path, user_agent).await.map(Self)
    }

    /// The kube client.
    pub fn client(&self) -> Client {
        self.0.clone()
    }
}

impl TenantClient {
    /// Names a client that is known to speak to a tenant.
    pub fn new(client: Client) -> Self {
        Self(client)
    }

    /// From a kubeconfig file whose certificates are files beside it.
    ///
    /// Certificates are read once; the operator rolls the Deployment when they are renewed.
    ///
    /// # Errors
    /// [`Error::Kubeconfig`] when the file or a certificate cannot be read, [`Error::Build`] when TLS cannot be
    /// set up.
    pub async fn from_kubeconfig(path: &Path, user_agent: &str) -> Result<Self, Error> {
        from_kubeconfig(path, user_agent).await.map(Self)
    }

    /// The kube client.
    pub fn client(&self) -> Client {
        self.0.clone()
    }
}

async fn from_kubeconfig(path: &Path, user_agent: &str) -> Result<Client, Error> {
    let named = |source| Error::Kubeconfig {
        path: path.display().to_string(),
        source,
    };
    let kubeconfig = Kubeconfig::read_from(path).map_err(named)?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .map_err(named)?;
    build(config, user_agent)
}

/// The client's own retries are off (they hide latency, up to minutes): every loop has a backoff of its own.
fn build(mut config: Config, user_agent: &str) -> Result<Client, Error> {
    config.default_retry = false;
    if let Ok(value) = HeaderValue::from_str(user_agent) {
        config.headers.push((header::USER_AGENT, value));
    }
    Client::try_from(config).map_err(Error::Build)
}
