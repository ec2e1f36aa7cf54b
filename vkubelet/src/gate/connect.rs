//! Serves the gate: HTTP/1.1 `CONNECT` over mTLS, from the tenant's kube-apiserver only.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::Upgraded;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use warren_runtime::limits::{DIAL_TIMEOUT, HANDSHAKE_TIMEOUT, STREAM_IDLE};
use warren_runtime::metrics::{ByReason, Metrics};
use warren_runtime::tls::common_name;

use super::policy::{Decision, decide};
use super::records::Sources;
use super::report::Reporter;
use super::target::parse;
use crate::metrics_api::serve::MetricsApi;
use crate::pump::{Patience, pump};
use crate::server::answer::{Answer, empty, text};
use crate::server::api::Kubelet;
use crate::server::session::{Session, Sessions};

/// Name in metrics.
const CONTROLLER: &str = "gate";
/// Common name of the only caller.
pub const CALLER: &str = "kube-apiserver-egress";
/// How long a connection may stay silent before its `CONNECT`.
const HEADER_WAIT: Duration = Duration::from_secs(10);
/// Kept-alive connections that carry nothing end this soon after a termination signal.
const IDLE_CLOSING: Duration = Duration::from_secs(2);

/// The gate of one process.
pub struct Gate {
    /// What the host knows.
    pub sources: Sources,
    /// Answers for the nodes.
    pub kubelet: Arc<Kubelet>,
    /// Answers for `metrics.k8s.io`.
    pub metrics_api: Arc<MetricsApi>,
    /// Tells of denials.
    pub reporter: Reporter,
    /// Open connections.
    pub connections: Sessions,
    /// Cancelled at the termination signal.
    pub closing: CancellationToken,
    /// Common metrics.
    pub metrics: Metrics,
}

impl Gate {
    /// Accepts connections until the termination signal; those that are open go on.
    pub async fn serve(self: Arc<Self>, listener: TcpListener, tls: Arc<ServerConfig>) {
        let acceptor = TlsAcceptor::from(tls);
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.closing.cancelled() => return,
            };
            let stream = match accepted {
                Ok((stream, _peer)) => stream,
                Err(error) => {
                    // Out of file descriptors, mostly: wait for some to come back.
                    tracing::warn!(%error, "connection not accepted");
                    sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let Some(session) = self.connections.begin() else {
                let labels = ByReason {
                    controller: CONTROLLER,
                    reason: "TooManyConnections",
                };
                self.metrics.limits_reached.get_or_create(&labels).inc();
                continue;
            };
            let (gate, acceptor) = (Arc::clone(&self), acceptor.clone());
            self.connections
                .tasks
                .spawn(async move { gate.connection(stream, acceptor, session).await });
        }
    }

    async fn connection(self: Arc<Self>, stream: TcpStream, acceptor: TlsAcceptor, session: Session) {
        let _best_effort = stream.set_nodelay(true);
        let stream = match timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                tracing::info!(%error, "caller of the gate refused");
                return;
            }
            Err(_elapsed) => return,
        };
        let (_, tls) = stream.get_ref();
        let caller = tls
            .peer_certificates()
            .and_then(|chain| common_name(chain.first()?));
        if caller.as_deref() != Some(CALLER) {
            tracing::warn!(caller, "caller of the gate refused: not the tenant's API server");
            return;
        }
        let session = Arc::new(session);
        let service = service_fn(|request| {
            let (gate, session) = (Arc::clone(&self), Arc::clone(&session));
            async move { Ok::<_, Infallible>(gate.answer(request, session).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_WAIT)
            .keep_alive(false)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        if let Err(error) = connection.await {
            tracing::debug!(%error, "connection to the gate ended");
        }
    }

    async fn answer(self: Arc<Self>, request: Request<Incoming>, session: Arc<Session>) -> Answer {
        if request.method() != Method::CONNECT {
            return text(StatusCode::METHOD_NOT_ALLOWED, "only CONNECT");
        }
        let Some(target) = request
            .uri()
            .authority()
            .and_then(|authority| parse(authority.as_str()))
        else {
            self.reporter.count("Malformed");
            return text(StatusCode::BAD_REQUEST, "CONNECT needs host:port");
        };
        match decide(&target, &self.sources.records()) {
            Decision::Denied(denial) => {
                self.reporter.denied(&target, denial);
                let message = format!(
                    "connection to {target} denied by the egress policy: {}",
                    denial.message()
                );
                text(StatusCode::FORBIDDEN, &message)
            }
            Decision::NotReady => {
                self.reporter.count("NotReady");
                text(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "the egress gate is starting; try again",
                )
            }
            Decision::Kubelet { node } => match self.sources.nodes.get(&node) {
                Some(node) => {
                    self.reporter.count("Kubelet");
                    let kubelet = Arc::clone(&self.kubelet);
                    self.inside(request, session, move |tunnel| kubelet.serve(tunnel, node))
                }
                None => text(StatusCode::SERVICE_UNAVAILABLE, "the node has just gone"),
            },
            Decision::Metrics => {
                self.reporter.count("Metrics");
                let api = Arc::clone(&self.metrics_api);
                self.inside(request, session, move |tunnel| api.serve(tunnel))
            }
            Decision::Dial(address) => self.dial(request, address, session).await,
        }
    }

    /// Agrees, and hands the tunnel to a server in this process.
    fn inside<F>(
        &self,
        request: Request<Incoming>,
        session: Arc<Session>,
        serve: impl FnOnce(TokioIo<Upgraded>) -> F + Send + 'static,
    ) -> Answer
    where
        F: Future<Output = ()> + Send,
    {
        let cut = self.connections.cut.clone();
        self.connections.tasks.spawn(async move {
            let _session = session;
            let served = async {
                match hyper::upgrade::on(request).await {
                    Ok(upgraded) => serve(TokioIo::new(upgraded)).await,
                    Err(error) => tracing::debug!(%error, "tunnel not begun"),
                }
            };
            tokio::select! {
                () = served => {}
                () = cut.cancelled() => {}
            }
        });
        Response::new(empty())
    }

    async fn dial(
        self: Arc<Self>,
        request: Request<Incoming>,
        address: SocketAddr,
        session: Arc<Session>,
    ) -> Answer {
        let upstream = match timeout(DIAL_TIMEOUT, TcpStream::connect(address)).await {
            Ok(Ok(upstream)) => upstream,
            Ok(Err(error)) => {
                self.reporter.count("Unreachable");
                return text(StatusCode::BAD_GATEWAY, &format!("dial {address}: {error}"));
            }
            Err(_elapsed) => {
                self.reporter.count("Unreachable");
                return text(
                    StatusCode::GATEWAY_TIMEOUT,
                    &format!("dial {address}: no answer in time"),
                );
            }
        };
        let _best_effort = upstream.set_nodelay(true);
        self.reporter.count("Dial");
        let gate = Arc::clone(&self);
        self.connections.tasks.spawn(async move {
            let _session = session;
            match hyper::upgrade::on(request).await {
                Ok(upgraded) => {
                    let patience = Patience {
                        idle: STREAM_IDLE,
                        closing: gate.closing.clone(),
                        idle_closing: IDLE_CLOSING,
                    };
                    let copied = pump(TokioIo::new(upgraded), upstream, &patience, &gate.connections.cut).await;
                    tracing::debug!(%address, bytes_up = copied.forth, bytes_down = copied.back, "tunnel ended");
                }
                Err(error) => tracing::debug!(%error, "tunnel not begun"),
            }
        });
        Response::new(empty())
    }
}
