//! The two clients, as two types: swapping host and tenant does not compile.

use std::path::Path;

use http::{HeaderValue, header};
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy::{self, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kube::client::{ClientBuilder, ConfigExt as _};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use tower::{BoxError, ServiceBuilder};

use crate::limits::{IDLE_CONNECTION, IDLE_CONNECTIONS};

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
    /// An apiserver behind a proxy.
    #[error("the apiserver cannot be reached through a proxy")]
    Proxy,
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

/// As kube builds it, but that connections are not kept for ever: after a burst there would be one for every worker.
/// Without kube's retries, too (they hide latency, up to minutes): every loop has a backoff of its own.
fn build(mut config: Config, user_agent: &str) -> Result<Client, Error> {
    if let Ok(value) = HeaderValue::from_str(user_agent) {
        config.headers.push((header::USER_AGENT, value));
    }
    if config.proxy_url.is_some() {
        return Err(Error::Proxy);
    }
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    let connector = config
        .rustls_https_connector_with_connector(connector)
        .map_err(Error::Build)?;
    let mut connector = TimeoutConnector::new(connector);
    connector.set_connect_timeout(config.connect_timeout);
    connector.set_read_timeout(config.read_timeout);
    connector.set_write_timeout(config.write_timeout);
    connector.set_reset_reader_on_write(config.reset_reader_on_write);
    let client = legacy::Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_CONNECTION)
        .pool_max_idle_per_host(IDLE_CONNECTIONS)
        .build(connector);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer().map_err(Error::Build)?)
        .layer(config.extra_headers_layer().map_err(Error::Build)?)
        .map_err(BoxError::from)
        .service(client);
    Ok(ClientBuilder::new(service, config.default_namespace).build())
}
