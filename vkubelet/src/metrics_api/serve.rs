//! Serves `metrics.k8s.io` on one connection of the tenant's kube-apiserver.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::header::{HeaderValue, WARNING};
use http::{Request, StatusCode};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use k8s_openapi::api::core::v1::Node;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use warren_runtime::clock::SharedClock;
use warren_runtime::limits::HANDSHAKE_TIMEOUT;
use warren_runtime::log::Chain;
use warren_runtime::store::Store;
use warren_runtime::tls::common_name;

use super::route::{self, Kind, Refusal, Route, Selection};
use super::{GROUP, caller, discovery, objects};
use crate::metrics::{ByRoute, Own};
use crate::server::answer::{Answer, json, text};
use crate::server::review::{Attributes, Reviews, User};
use crate::server::tls::{HTTP2, Leaves};
use crate::usage::{Meter, Snapshot};

/// Between the requests of one connection.
const HEADER_WAIT: Duration = Duration::from_secs(90);
/// Requests of one connection at once.
const REQUESTS: u32 = 64;
/// What clients show their users when there is nothing to measure with.
const NOT_MEASURED: &str = "299 warren \"the host of this cluster does not measure Pods now\"";

/// `metrics.k8s.io` of the tenant.
pub struct MetricsApi {
    /// What Pods use.
    pub meter: Arc<Meter>,
    /// What users may.
    pub reviews: Arc<Reviews>,
    /// The tenant's Nodes.
    pub nodes: Store<Node>,
    /// The serving certificate.
    pub leaves: Arc<Leaves>,
    /// Own metrics.
    pub own: Own,
    /// Now.
    pub clock: SharedClock,
    /// Connections without a request in flight end when this does.
    pub closing: CancellationToken,
}

impl MetricsApi {
    /// Serves one connection.
    pub async fn serve<S>(self: Arc<Self>, stream: S)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let config = match self.leaves.of_metrics() {
            Ok(config) => config,
            Err(error) => {
                tracing::error!(error = %Chain(&error), "no serving certificate for metrics.k8s.io");
                return;
            }
        };
        let stream = match timeout(HANDSHAKE_TIMEOUT, TlsAcceptor::from(config).accept(stream)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                tracing::info!(%error, "caller of metrics.k8s.io refused");
                return;
            }
            Err(_elapsed) => return,
        };
        let (_, tls) = stream.get_ref();
        let name = tls
            .peer_certificates()
            .and_then(|chain| common_name(chain.first()?));
        let known = name.as_deref() == Some(caller::FRONT_PROXY);
        let http2 = tls.alpn_protocol() == Some(HTTP2);
        let api = Arc::clone(&self);
        let service = service_fn(move |request| {
            let api = Arc::clone(&api);
            async move { Ok::<_, Infallible>(api.answer(&request, known).await) }
        });
        // What TLS agreed on, not what the first bytes look like: those may be long in coming.
        let builder = if http2 {
            http().http2_only()
        } else {
            http().http1_only()
        };
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.closing.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "connection to metrics.k8s.io ended");
        }
    }

    async fn answer(&self, request: &Request<Incoming>, known: bool) -> Answer {
        let user = caller::user(request.headers()).filter(|_| known);
        let (name, answer) = match user {
            None => (
                "refusedCaller",
                failure(StatusCode::UNAUTHORIZED, "Unauthorized", "Unauthorized"),
            ),
            Some(user) => {
                let uri = request.uri();
                match route::parse(request.method(), uri.path(), uri.query()) {
                    Ok(route) => (route.name(), self.route(&user, &route).await),
                    Err(refusal) => ("refused", refused(refusal)),
                }
            }
        };
        let labels = ByRoute {
            route: name,
            code: answer.status().as_u16(),
        };
        self.own.requests.get_or_create(&labels).inc();
        answer
    }

    async fn route(&self, user: &User, route: &Route) -> Answer {
        if let Some(wanted) = route.attributes() {
            match self.reviews.may(user, &wanted).await {
                Ok(true) => {}
                Ok(false) => return forbidden(user, &wanted),
                Err(error) => {
                    tracing::warn!(error = %Chain(&error), "metrics.k8s.io: access not reviewed");
                    let message = "the access could not be reviewed; try again";
                    return failure(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", message);
                }
            }
        }
        match route {
            Route::Health => text(StatusCode::OK, "ok"),
            Route::Groups => json(&discovery::groups()),
            Route::Group => json(&discovery::group()),
            Route::Resources => json(&discovery::resources()),
            Route::OpenApi2 => json(&discovery::open_api_2()),
            Route::OpenApi3 => json(&discovery::open_api_3()),
            Route::List {
                kind,
                namespace,
                selection,
            } => self.list(*kind, namespace, selection).await,
            Route::Get {
                kind,
                namespace,
                name,
            } => self.get(*kind, namespace, name).await,
        }
    }

    async fn list(&self, kind: Kind, namespace: &str, selection: &Selection) -> Answer {
        let Some(snapshot) = self.meter.now().await else {
            let mut answer = json(&objects::list(kind, Vec::new()));
            answer
                .headers_mut()
                .insert(WARNING, HeaderValue::from_static(NOT_MEASURED));
            return answer;
        };
        let now = self.clock.now();
        let items = match kind {
            Kind::Pods => snapshot
                .pods
                .iter()
                .filter(|pod| namespace.is_empty() || pod.namespace == namespace)
                .filter(|pod| selection.fields.select(&pod.namespace, &pod.name))
                .filter(|pod| selection.labels.select(&pod.labels))
                .map(|pod| objects::pod(pod, now))
                .collect(),
            Kind::Nodes => {
                let nodes = self.labels_of_nodes();
                nodes
                    .iter()
                    .filter(|(name, labels)| {
                        selection.fields.select("", name) && selection.labels.select(labels)
                    })
                    .map(|(name, labels)| objects::node(name, labels, &snapshot.node(name), now))
                    .collect()
            }
        };
        json(&objects::list(kind, items))
    }

    async fn get(&self, kind: Kind, namespace: &str, name: &str) -> Answer {
        let snapshot = self.meter.now().await;
        let found = snapshot.and_then(|snapshot| self.one(&snapshot, kind, namespace, name));
        let Some(object) = found else {
            let full = match kind {
                Kind::Pods => format!("podmetrics.{GROUP} \"{namespace}/{name}\" not found"),
                Kind::Nodes => format!("nodemetrics.{GROUP} {name:?} not found"),
            };
            return failure(StatusCode::NOT_FOUND, "NotFound", &full);
        };
        json(&object)
    }

    fn one(&self, snapshot: &Snapshot, kind: Kind, namespace: &str, name: &str) -> Option<serde_json::Value> {
        let now = self.clock.now();
        match kind {
            Kind::Pods => Some(objects::pod(snapshot.pod(namespace, name)?, now)),
            Kind::Nodes => {
                let nodes = self.labels_of_nodes();
                Some(objects::node(name, nodes.get(name)?, &snapshot.node(name), now))
            }
        }
    }

    /// Labels of the virtual Nodes, by name.
    fn labels_of_nodes(&self) -> BTreeMap<String, BTreeMap<String, String>> {
        let nodes = self.nodes.all();
        nodes
            .iter()
            .filter_map(|node| {
                let meta = &node.metadata;
                Some((meta.name.clone()?, meta.labels.clone().unwrap_or_default()))
            })
            .collect()
    }
}

/// Both versions of HTTP, with their bounds.
fn http() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_WAIT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(REQUESTS);
    builder
}

fn refused(refusal: Refusal) -> Answer {
    match refusal {
        Refusal::NotFound => failure(
            StatusCode::NOT_FOUND,
            "NotFound",
            "the server could not find the requested resource",
        ),
        Refusal::Method => failure(
            StatusCode::METHOD_NOT_ALLOWED,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
        ),
        Refusal::Query(message) => failure(StatusCode::BAD_REQUEST, "BadRequest", &message),
    }
}

fn forbidden(user: &User, wanted: &Attributes) -> Answer {
    let place = if wanted.namespace.is_empty() {
        "at the cluster scope".to_owned()
    } else {
        format!("in the namespace {:?}", wanted.namespace)
    };
    let message = format!(
        "{}.{GROUP} is forbidden: User {:?} cannot {} resource {:?} in API group {GROUP:?} {place}",
        wanted.resource, user.name, wanted.verb, wanted.resource
    );
    failure(StatusCode::FORBIDDEN, "Forbidden", &message)
}

fn failure(code: StatusCode, reason: &str, message: &str) -> Answer {
    let mut answer = json(&objects::status(code, reason, message));
    *answer.status_mut() = code;
    answer
}
