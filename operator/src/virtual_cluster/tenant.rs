//! I/O: the tenant's API: a client with a short-lived certificate, a look at what serves, the first objects.

use futures::future::try_join_all;
use http::Request;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{Namespace, Node, ServiceAccount};
use kube::api::ListParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde_json::Value;
use tokio::time::{sleep, timeout};
use warren_crds::keys::ports;
use warren_runtime::clients::TenantClient;

use super::apply::MANAGER;
use super::bootstrap::{self, TenantObject, metrics};
use super::plan::{Addresses, kubeconfig};
use super::validate::ValidatedCluster;
use crate::limits::{OFFER_PAUSE, OFFER_TRIES, TENANT_CERTIFICATE, TENANT_CONNECT, TENANT_TIMEOUT};
use crate::pki::leaf::{self, Wanted};
use crate::pki::{self, Pair};

/// Why the tenant's API cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No certificate.
    #[error(transparent)]
    Pki(#[from] pki::Error),
    /// No client.
    #[error("no client for the tenant's API: {0}")]
    Client(String),
    /// No answer in time.
    #[error("no answer within {} s", TENANT_TIMEOUT.as_secs())]
    Timeout,
    /// Not reached, or it said no.
    #[error("{0}")]
    Call(String),
}

/// What the tenant's API says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// UID of the namespace `kube-system`.
    pub uid: String,
    /// Virtual nodes.
    pub nodes: usize,
    /// Those that are Ready and not cordoned.
    pub ready_nodes: usize,
    /// The controller-manager made the ServiceAccount without which no Pod can be created.
    pub accounts: bool,
}

/// A client that acts as `system:masters`, which no process and no file keeps: for the first objects, and to look.
///
/// # Errors
/// When no certificate can be issued or it is not accepted by the TLS library.
pub async fn client(root: &Pair, addresses: &Addresses, now: Timestamp) -> Result<TenantClient, Error> {
    let lifetime = SignedDuration::try_from(TENANT_CERTIFICATE).map_err(|e| Error::Client(e.to_string()))?;
    let wanted = Wanted::client("warren:operator")
        .in_group("system:masters")
        .living(lifetime);
    let leaf = leaf::issue(root, &wanted, now)?;
    let server = kubeconfig::url(&addresses.api, i32::from(ports::API_SERVICE));
    let text = kubeconfig::inline("tenant", "warren:operator", &server, &leaf);
    let named = |error: &dyn std::error::Error| Error::Client(error.to_string());
    let parsed = Kubeconfig::from_yaml(&text).map_err(|e| named(&e))?;
    let mut config = Config::from_custom_kubeconfig(parsed, &KubeConfigOptions::default())
        .await
        .map_err(|e| named(&e))?;
    config.default_retry = false;
    config.connect_timeout = Some(TENANT_CONNECT);
    Ok(TenantClient::new(
        Client::try_from(config).map_err(|e| named(&e))?,
    ))
}

/// Asks the tenant's API how it is.
///
/// # Errors
/// When it does not answer as it should: it is on its way up, or down.
pub async fn look(tenant: &TenantClient) -> Result<View, Error> {
    let client = tenant.client();
    let ready = Request::get("/readyz")
        .body(Vec::new())
        .map_err(|e| Error::Client(e.to_string()))?;
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let nodes: Api<Node> = Api::all(client.clone());
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), "default");
    // From the API's memory: what it shows is counted, not acted on.
    let remembered = ListParams::default().match_any();
    // First alone: an API that is not ready need not list nodes for nobody. Then all at once: this runs every 200 ms while
    // somebody waits.
    call(client.request_text(ready)).await?;
    let (kube_system, nodes, account) = tokio::try_join!(
        call(namespaces.get("kube-system")),
        call(nodes.list(&remembered)),
        call(accounts.get_opt("default")),
    )?;
    Ok(View {
        uid: kube_system.metadata.uid.unwrap_or_default(),
        nodes: nodes.items.len(),
        ready_nodes: nodes.items.iter().filter(|node| is_ready(node)).count(),
        accounts: account.is_some(),
    })
}

fn is_ready(node: &Node) -> bool {
    let cordoned = node
        .spec
        .as_ref()
        .and_then(|spec| spec.unschedulable)
        .unwrap_or(false);
    let mut conditions = node
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    !cordoned && conditions.any(|c| c.type_ == "Ready" && c.status == "True")
}

/// Puts the first objects into the tenant, or puts them right.
///
/// # Errors
/// The first failure.
pub async fn bootstrap(
    tenant: &TenantClient,
    addresses: &Addresses,
    cluster: &ValidatedCluster,
) -> Result<(), Error> {
    let client = tenant.client();
    let scheduling = cluster.bounds.host_scheduling.as_ref();
    let writes = bootstrap::objects(&addresses.dns, &cluster.shared.sync, scheduling)
        .into_iter()
        .map(|object| write(client.clone(), object));
    try_join_all(writes).await.map(|_written| ())
}

/// Puts `metrics.k8s.io` into the tenant, unless the tenant has its own. A tenant works without it, so a failure is
/// only logged after some tries; the next pass tries again.
pub async fn offer_metrics(tenant: &TenantClient, serving_ca: &str) {
    for _ in 1..OFFER_TRIES {
        if try_offer_metrics(tenant, serving_ca).await.is_ok() {
            return;
        }
        sleep(OFFER_PAUSE).await;
    }
    if let Err(error) = try_offer_metrics(tenant, serving_ca).await {
        tracing::warn!(%error, "metrics.k8s.io not offered to the tenant");
    }
}

async fn try_offer_metrics(tenant: &TenantClient, serving_ca: &str) -> Result<(), Error> {
    let client = tenant.client();
    let path = format!("{}/{}", metrics::API_SERVICES, metrics::API_SERVICE);
    let existing = read(client.clone(), &path).await?;
    if !metrics::may_offer(existing.as_ref()) {
        return Ok(());
    }
    let writes = metrics::objects(serving_ca)
        .into_iter()
        .map(|object| write(client.clone(), object));
    try_join_all(writes).await.map(|_written| ())
}

async fn read(client: Client, path: &str) -> Result<Option<Value>, Error> {
    let request = Request::get(path)
        .body(Vec::new())
        .map_err(|e| Error::Client(e.to_string()))?;
    let answer = async {
        match client.request(request).await {
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
            other => other.map(Some),
        }
    };
    call(answer).await
}

async fn write(client: Client, object: TenantObject) -> Result<(), Error> {
    let TenantObject {
        collection,
        name,
        object,
    } = object;
    let path = format!("{collection}/{name}?fieldManager={MANAGER}&force=true");
    let request = Request::patch(path)
        .header("content-type", "application/apply-patch+yaml")
        .body(object.to_string().into_bytes())
        .map_err(|e| Error::Client(e.to_string()))?;
    call(client.request_text(request)).await.map(|_object| ())
}

async fn call<T>(future: impl Future<Output = kube::Result<T>>) -> Result<T, Error> {
    match timeout(TENANT_TIMEOUT, future).await {
        Err(_elapsed) => Err(Error::Timeout),
        Ok(answer) => answer.map_err(|error| Error::Call(warren_runtime::log::Chain(&error).to_string())),
    }
}
