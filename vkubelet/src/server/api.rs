//! Answers the requests of one connection to a virtual kubelet.

use std::sync::Arc;
use std::time::Duration;

use http::{Request, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use kube::Client;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use warren_crds::keys::KUBELET_CLIENT_USER;
use warren_runtime::limits::HANDSHAKE_TIMEOUT;
use warren_runtime::log::Chain;
use warren_runtime::tls::common_name;
use warren_translate::kinds::pod::scrub;

use super::answer::{Answer, json, refused, text};
use super::find::{Finder, Found};
use super::logs;
use super::route::{self, PodRef, Route};
use super::session::Sessions;
use super::tls::Leaves;
use super::tunnel::Tunnel;
use crate::metrics::{ByRoute, Own};
use crate::node::view::HostNode;

/// Between the requests of one connection, as a kubelet's.
const HEADER_WAIT: Duration = Duration::from_secs(90);

/// The kubelet API of all virtual Nodes.
pub struct Kubelet {
    /// The host, for the Pods' subresources.
    pub host: Client,
    /// Which Pod is which.
    pub finder: Finder,
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
        let caller = tls
            .peer_certificates()
            .and_then(|chain| common_name(chain.first()?));
        let known = caller.as_deref() == Some(KUBELET_CLIENT_USER);
        let kubelet = Arc::clone(&self);
        let service = service_fn(move |request| {
            let (kubelet, node) = (Arc::clone(&kubelet), Arc::clone(&node));
            async move { Ok::<_, std::convert::Infallible>(kubelet.answer(request, &node.name, known).await) }
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

    async fn answer(&self, request: Request<Incoming>, node: &str, known: bool) -> Answer {
        let (name, answer) = if known {
            let parsed = route::parse(request.method(), request.uri().path(), request.uri().query());
            let name = parsed.as_ref().map_or("refused", Route::name);
            let answer = match parsed {
                Ok(route) => self.route(request, node, route).await,
                Err(refusal) => refused(refusal),
            };
            (name, answer)
        } else {
            ("unknownCaller", text(StatusCode::UNAUTHORIZED, "Unauthorized"))
        };
        let labels = ByRoute {
            route: name,
            code: answer.status().as_u16(),
        };
        self.own.requests.get_or_create(&labels).inc();
        answer
    }

    async fn route(&self, request: Request<Incoming>, node: &str, route: Route) -> Answer {
        match route {
            Route::Healthz => text(StatusCode::OK, "ok"),
            Route::Pods => json(&self.finder.list(node, false)),
            Route::RunningPods => json(&self.finder.list(node, true)),
            Route::Logs {
                pod,
                container,
                query,
            } => {
                let query = query.host_query(&container);
                self.logs(node, &pod, &container, &query).await
            }
            Route::Exec {
                pod,
                container,
                command,
                streams,
            } => {
                let query = streams.host_query(&container, &command);
                self.tunnel(request, node, &pod, Some(&container), ("exec", "exec"), &query)
                    .await
            }
            Route::Attach {
                pod,
                container,
                streams,
            } => {
                let query = streams.host_query(&container, &[]);
                self.tunnel(
                    request,
                    node,
                    &pod,
                    Some(&container),
                    ("attach", "attach"),
                    &query,
                )
                .await
            }
            Route::PortForward { pod, ports } => {
                let ports: Vec<String> = ports.iter().map(|port| format!("ports={port}")).collect();
                self.tunnel(
                    request,
                    node,
                    &pod,
                    None,
                    ("portForward", "portforward"),
                    &ports.join("&"),
                )
                .await
            }
        }
    }

    async fn logs(&self, node: &str, pod: &PodRef, container: &str, query: &str) -> Answer {
        let found = match self.finder.find(node, pod, Some(container)) {
            Ok(found) => found,
            Err(message) => return text(StatusCode::NOT_FOUND, &message),
        };
        let Some(session) = self.sessions.begin() else {
            return logs::too_many();
        };
        let path = self.host_path(&found, "log", query);
        let scrub = |text: &str| self.scrub(&found, text);
        logs::stream(
            &self.host,
            &found,
            path,
            session,
            self.sessions.cut.clone(),
            scrub,
        )
        .await
    }

    async fn tunnel(
        &self,
        request: Request<Incoming>,
        node: &str,
        pod: &PodRef,
        container: Option<&str>,
        (route, subresource): (&'static str, &str),
        query: &str,
    ) -> Answer {
        let found = match self.finder.find(node, pod, container) {
            Ok(found) => found,
            Err(message) => return text(StatusCode::NOT_FOUND, &message),
        };
        let Some(session) = self.sessions.begin() else {
            return logs::too_many();
        };
        let path_and_query = self.host_path(&found, subresource, query);
        let tunnel = Tunnel {
            host: &self.host,
            found: &found,
            route,
            path_and_query,
        };
        let scrub = |text: &str| self.scrub(&found, text);
        tunnel
            .open(request, session, &self.sessions, &self.own, scrub)
            .await
    }

    /// Both names come from Warren's own records, so nothing in them needs escaping.
    fn host_path(&self, found: &Found, subresource: &str, query: &str) -> String {
        let namespace = &self.finder.cluster.workload_namespace;
        let separator = if query.is_empty() { "" } else { "?" };
        format!(
            "/api/v1/namespaces/{namespace}/pods/{}/{subresource}{separator}{query}",
            found.host
        )
    }

    fn scrub(&self, found: &Found, text: &str) -> String {
        scrub(&self.finder.cluster, &found.tenant, &found.host, text)
    }
}
