//! A port on 127.0.0.1 whose connections end at a tenant's kube-apiserver, by way of the host's API.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{ListParams, Portforwarder};
use kube::client::UpgradeConnectionError;
use kube::{Api, ResourceExt as _};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use warren_crds::keys;

use crate::cluster::Cluster;
use crate::exit::{Code, Failure};
use crate::hint::{self, Attempt};
use crate::host::Host;
use crate::output::{self, escape};

/// Most connections through one tunnel at a time; more wait. Each costs a WebSocket to the host's API.
const CONNECTIONS: usize = 64;
/// How long to wait after a failed `accept`, which means that file descriptors ran out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// An open tunnel; closed when this is dropped.
pub(crate) struct Tunnel {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Tunnel {
    /// Finds a running control-plane Pod, forwards to it once to see that this is allowed, and listens.
    ///
    /// # Errors
    /// A [`Failure`]: not ready while there is no Pod to forward to; otherwise which permission is missing.
    pub(crate) async fn open(host: &Host, cluster: &Cluster, quiet: bool) -> Result<Self> {
        let way = Arc::new(Way::new(host, cluster, quiet)?);
        let pod = way.find(host, cluster).await?;
        let first = way.pods.portforward(&pod, &[keys::ports::API]).await;
        first
            .map_err(|error| refused(host, &way.namespace, &error))?
            .abort();
        way.remember(&pod);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .context("cannot listen on 127.0.0.1")?;
        let address = listener.local_addr().context("cannot learn the tunnel's port")?;
        Ok(Self {
            address,
            task: tokio::spawn(serve(listener, way)),
        })
    }

    /// The tenant's API as seen through the tunnel.
    pub(crate) fn server(&self) -> String {
        format!("https://{}", self.address)
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Where the tunnel leads.
struct Way {
    pods: Api<Pod>,
    namespace: String,
    selector: String,
    /// The Pod that worked last.
    pod: Mutex<String>,
    /// What was said already: one broken Pod must not fill the screen.
    said: Mutex<BTreeSet<String>>,
    quiet: bool,
}

impl Way {
    fn new(host: &Host, cluster: &Cluster, quiet: bool) -> Result<Self> {
        let (Some(id), Some(namespaces)) = (&cluster.status.cluster_id, &cluster.status.namespaces) else {
            return Err(Failure::new(
                Code::NotReady,
                format!("the operator has not begun with {} yet", cluster.key()),
            )
            .hint(format!(
                "{} get {} -n {}",
                host.program,
                cluster.name(),
                cluster.namespace()
            ))
            .into());
        };
        Ok(Self {
            pods: Api::namespaced(host.client.clone(), &namespaces.system),
            namespace: namespaces.system.clone(),
            selector: format!("{}=control-plane,{}={id}", keys::COMPONENT, keys::CLUSTER),
            pod: Mutex::default(),
            said: Mutex::default(),
            quiet,
        })
    }

    /// A running control-plane Pod, in words fit for the user when there is none.
    async fn find(&self, host: &Host, cluster: &Cluster) -> Result<String> {
        let attempt = Attempt {
            verb: "list",
            resource: "pods",
            namespace: Some(&self.namespace),
        };
        let pod = self
            .running()
            .await
            .map_err(|error| hint::explain(host, attempt, &error))?;
        Ok(pod.ok_or_else(|| {
            Failure::new(
                Code::NotReady,
                format!("no control-plane Pod of {} runs", cluster.key()),
            )
            .hint(format!(
                "kubectl -n {} get pods -l {}",
                self.namespace, self.selector
            ))
        })?)
    }

    async fn running(&self) -> Result<Option<String>, kube::Error> {
        Ok(pick(
            &self
                .pods
                .list(&ListParams::default().labels(&self.selector))
                .await?
                .items,
        ))
    }

    fn remember(&self, pod: &str) {
        pod.clone_into(&mut self.pod.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Forwards to the Pod that worked last, or to another when that one is gone.
    async fn forward(&self) -> Result<Portforwarder, kube::Error> {
        let pod = self.pod.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let first = self.pods.portforward(&pod, &[keys::ports::API]).await;
        if first.is_ok() {
            return first;
        }
        match self.running().await? {
            Some(other) => {
                let second = self.pods.portforward(&other, &[keys::ports::API]).await?;
                self.remember(&other);
                Ok(second)
            }
            None => first,
        }
    }

    fn say(&self, message: &str) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.insert(message.to_owned()) && !self.quiet {
            output::note(&format!("warren: tunnel: {}", escape::line(message)));
        }
    }
}

/// The first Pod by name that is not being deleted and runs, a ready one first: readiness is probed once a second
/// and may lag behind a cluster that says it is Ready.
fn pick(pods: &[Pod]) -> Option<String> {
    let running = pods.iter().filter(|pod| {
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        pod.metadata.deletion_timestamp.is_none() && phase == Some("Running")
    });
    running
        .min_by_key(|pod| (!is_ready(pod), pod.name_any()))
        .map(Pod::name_any)
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    conditions
        .into_iter()
        .any(|c| c.type_ == "Ready" && c.status == "True")
}

async fn serve(listener: TcpListener, way: Arc<Way>) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    // The semaphore is never closed, so this loop ends with the tunnel only.
    while let Ok(slot) = Arc::clone(&slots).acquire_owned().await {
        match listener.accept().await {
            Ok((connection, _)) => {
                let way = Arc::clone(&way);
                tokio::spawn(async move {
                    if let Err(error) = bridge(connection, &way).await {
                        way.say(&error);
                    }
                    drop(slot);
                });
            }
            Err(error) => {
                way.say(&format!("cannot accept a connection: {error}"));
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Joins one local connection with a forwarding of its own until either side is done.
async fn bridge(mut local: TcpStream, way: &Way) -> Result<(), String> {
    // TLS records are small and latency is what one notices.
    let _ = local.set_nodelay(true);
    let mut forward = way.forward().await.map_err(|error| hint::causes(&error))?;
    let mut remote = forward
        .take_stream(keys::ports::API)
        .ok_or("the host opened no stream")?;
    let failed = forward
        .take_error(keys::ports::API)
        .ok_or("the host opened no error stream")?;
    let outcome = tokio::select! {
        // An end of either side, also by a reset, is how connections end.
        _ = copy_bidirectional(&mut local, &mut remote) => Ok(()),
        Some(message) = failed => Err(message),
    };
    forward.abort();
    outcome
}

/// Why the host does not let us forward to a Pod of `namespace`.
fn refused(host: &Host, namespace: &str, error: &kube::Error) -> Failure {
    let code = match error {
        kube::Error::UpgradeConnection(UpgradeConnectionError::ProtocolSwitch(code)) => code.as_u16(),
        kube::Error::Api(status) => status.code,
        _ => 0,
    };
    match code {
        // kube-apiserver asks for `create`, and for WebSockets also for `get`.
        403 => Failure::error(format!("not allowed to tunnel through the host's API into namespace '{namespace}'"))
            .hint("this needs the permissions 'get' and 'create' on 'pods/portforward' there; ask whoever runs the host")
            .hint(format!("check it with: kubectl auth can-i create pods/portforward -n {namespace}"))
            .hint("or have the virtual cluster exposed: spec.access.expose NodePort or LoadBalancer"),
        0 => hint::explain(host, attempt(namespace), error),
        code => Failure::error(format!("the host's API refuses to forward with code {code}: {}", hint::causes(error)))
            .hint(format!("compare with: kubectl -n {namespace} port-forward deployment/control-plane :6443")),
    }
}

fn attempt(namespace: &str) -> Attempt<'_> {
    Attempt {
        verb: "create",
        resource: "pods/portforward",
        namespace: Some(namespace),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(name: &str, phase: &str, ready: &str, deleting: bool) -> Pod {
        let mut pod = json!({
            "metadata": {"name": name},
            "status": {"phase": phase, "conditions": [{"type": "Ready", "status": ready}]},
        });
        if deleting {
            pod["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        }
        serde_json::from_value(pod).unwrap()
    }

    #[test]
    fn running_pods_that_stay_are_tunnelled_to_and_ready_ones_first() {
        let pods = [
            pod("a", "Pending", "False", false),
            pod("b", "Running", "True", true),
            pod("c", "Running", "False", false),
            pod("e", "Running", "True", false),
            pod("d", "Running", "True", false),
        ];
        assert_eq!(pick(&pods).as_deref(), Some("d"));
        assert_eq!(pick(&pods[..3]).as_deref(), Some("c"));
        assert_eq!(pick(&pods[..2]), None);
        assert_eq!(pick(&[Pod::default()]), None);
    }
}
