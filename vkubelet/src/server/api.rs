//! Answers the requests of one connection to a virtual kubelet.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use k8s_openapi::api::core::v1::Node;
use kube::Client;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use warren_runtime::limits::HANDSHAKE_TIMEOUT;
use warren_runtime::log::Chain;
use warren_runtime::store::Store;
use warren_runtime::tls::common_name;

use super::admit::{Asked, Caller, admit};
use super::answer::{Answer, refused};
use super::ends::Ends;
use super::find::Finder;
use super::pages::Facts;
use super::review::Reviews;
use super::route::{self, Route};
use super::session::Sessions;
use super::tls::Leaves;
use crate::metrics::{ByRoute, Own};
use crate::node::view::HostNode;
use crate::usage::Meter;

/// Between the requests of one connection, as a kubelet's.
const HEADER_WAIT: Duration = Duration::from_secs(90);

/// The kubelet API of all virtual Nodes.
pub struct Kubelet {
    /// The host, for the Pods' subresources.
    pub host: Client,
    /// Which Pod is which.
    pub finder: Finder,
    /// Which host Pods have ended.
    pub ends: Ends,
    /// What Pods use.
    pub meter: Arc<Meter>,
    /// Who callers are and what they may.
    pub reviews: Arc<Reviews>,
    /// What a virtual kubelet says about itself.
    pub facts: Facts,
    /// The tenant's Nodes.
    pub tenant_nodes: Store<Node>,
    /// Serving certificates.
    pub leaves: Arc<Leaves>,
    /// Limits and ends sessions.
    pub sessions: Sessions,
    /// Own metrics.
    pub own: Own,
    /// Connections without a request in flight end when this does.
    pub closing: CancellationToken,
}

impl Kubelet {
    /// Serves one connection as the kubelet of `node`.
    pub async fn serve<S>(self: Arc<Self>, stream: S, node: Arc<HostNode>)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let config = match self.leaves.of(&node) {
            Ok(config) => config,
            Err(error) => {
                tracing::error!(node = node.name, error = %Chain(&error), "no serving certificate");
                return;
            }
        };
        let accepted = timeout(HANDSHAKE_TIMEOUT, TlsAcceptor::from(config).accept(stream)).await;
        let stream = match accepted {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                tracing::info!(node = node.name, %error, "caller refused");
                return;
            }
            Err(_elapsed) => return,
        };
        let (_, tls) = stream.get_ref();
        let name = tls.peer_certificates().map(|chain| {
            // A certificate without a name is a certificate with a name that nobody has.
            chain.first().and_then(common_name).unwrap_or_default()
        });
        let caller = Caller::of(name.as_deref());
        let kubelet = Arc::clone(&self);
        let service = service_fn(move |request| {
            let (kubelet, node) = (Arc::clone(&kubelet), Arc::clone(&node));
            async move { Ok::<_, Infallible>(kubelet.answer(request, &node, caller).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_WAIT)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.closing.cancelled() => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    ended = connection => ended,
                    () = self.sessions.cut.cancelled() => Ok(()),
                }
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "connection to a virtual kubelet ended");
        }
    }

    async fn answer(&self, request: Request<Incoming>, node: &HostNode, caller: Caller) -> Answer {
        let asked = Asked {
            method: request.method(),
            path: request.uri().path(),
            headers: request.headers(),
            node: &node.name,
        };
        let (name, answer) = if let Err(refused) = admit(&self.reviews, caller, &asked).await {
            ("refusedCaller", refused.answer())
        } else {
            let parsed = route::parse(request.method(), request.uri().path(), request.uri().query());
            let name = parsed.as_ref().map_or("refused", Route::name);
            let answer = match parsed {
                // Boxed: only one of many requests is a stream, and its future is large.
                Ok(route) => Box::pin(self.route(request, node, &route)).await,
                Err(refusal) => refused(refusal),
            };
            (name, answer)
        };
        let labels = ByRoute {
            route: name,
            code: answer.status().as_u16(),
        };
        self.own.requests.get_or_create(&labels).inc();
        answer
    }

    async fn route(&self, request: Request<Incoming>, node: &HostNode, route: &Route) -> Answer {
        match self.page(&node.name, route).await {
            Some(page) => page,
            None => self.stream(request, &node.name, route).await,
        }
    }
}
