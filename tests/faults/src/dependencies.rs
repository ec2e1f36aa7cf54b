//! Who asks the syncer what a Pod needs, as the vkubelet does before it makes the host Pod.

use anyhow::{Context as _, Result};
use tonic::transport::{Channel, Endpoint};
use warren_runtime::limits::CALL_TIMEOUT;
use warren_runtime::proto::sync::dependencies_client::DependenciesClient;
use warren_runtime::proto::sync::{Dependency, EnsureDependenciesRequest};
use warren_runtime::tls::Identity;

use crate::pki::LOOPBACK;

/// The client. The syncer need not run yet.
#[derive(Clone, Debug)]
pub struct Dependencies(DependenciesClient<Channel>);

impl Dependencies {
    /// Of the syncer at this port of loopback.
    ///
    /// # Errors
    /// When the leaf is none.
    pub fn new(port: u16, leaf: &Identity) -> Result<Self> {
        let channel = Endpoint::from_shared(format!("https://{LOOPBACK}:{port}"))
            .and_then(|endpoint| endpoint.timeout(CALL_TIMEOUT).tls_config(leaf.tonic_client()))
            .context("failed to make a client of the syncer")?
            .connect_lazy();
        Ok(Self(DependenciesClient::new(channel)))
    }

    /// Asks once.
    ///
    /// # Errors
    /// When the syncer does not answer, or not yet.
    pub async fn ensure(&self, namespace: &str, name: &str, uid: &str) -> Result<Vec<Dependency>> {
        let request = EnsureDependenciesRequest {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            uid: uid.to_owned(),
        };
        let answer = self.0.clone().ensure_dependencies(request).await;
        let answer = answer.with_context(|| format!("no answer about Pod {namespace}/{name}"))?;
        Ok(answer.into_inner().dependencies)
    }
}
