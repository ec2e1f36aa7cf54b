//! A stand-in for a host's API (plain HTTP, WebSocket port-forwards) and a TLS server as the tenant's API behind it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};

/// What the stand-in is to do.
#[derive(Clone, Debug, Default)]
pub(crate) struct Setup {
    /// Server in the tenant's kubeconfig; empty: where the tenant really listens.
    pub(crate) server: String,
    /// Refuse port-forwards with 403.
    pub(crate) forbidden: bool,
    /// The first Pod takes this many port-forwards, then it is gone and another one is there.
    pub(crate) first_pod_takes: Option<usize>,
}

/// Both servers; they end with the test's runtime.
pub(crate) struct StandIn {
    host: SocketAddr,
    /// Where the tenant's API listens.
    pub(crate) tenant: SocketAddr,
    state: Arc<State>,
}

struct State {
    setup: Setup,
    tenant: SocketAddr,
    kubeconfig: String,
    forwards: AtomicUsize,
}

impl StandIn {
    /// Starts both.
    pub(crate) async fn start(setup: Setup) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (acceptor, certificate) = tls();
        let tenant_listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tenant = tenant_listener.local_addr().unwrap();
        tokio::spawn(serve_tenant(tenant_listener, acceptor));
        let server = if setup.server.is_empty() {
            format!("https://{tenant}")
        } else {
            setup.server.clone()
        };
        let kubeconfig = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "tenant",
            "clusters": [{"name": "t", "cluster": {"server": server, "certificate-authority-data": base64(certificate.as_bytes())}}],
            "users": [{"name": "u", "user": {"token": "secret"}}],
            "contexts": [{"name": "tenant", "context": {"cluster": "t", "user": "u"}}],
        });
        let state = Arc::new(State {
            setup,
            tenant,
            kubeconfig: kubeconfig.to_string(),
            forwards: AtomicUsize::new(0),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap();
        tokio::spawn(serve_host(listener, Arc::clone(&state)));
        Self { host, tenant, state }
    }

    /// How many port-forwards were opened.
    pub(crate) fn forwards(&self) -> usize {
        self.state.forwards.load(Ordering::SeqCst)
    }

    /// Writes a kubeconfig for the host into `folder`, once.
    pub(crate) fn write_kubeconfig(&self, folder: &Path) -> PathBuf {
        let path = folder.join("host.kubeconfig");
        if !path.exists() {
            let kubeconfig = json!({
                "apiVersion": "v1", "kind": "Config", "current-context": "host",
                "clusters": [{"name": "h", "cluster": {"server": format!("http://{}", self.host)}}],
                "users": [{"name": "me", "user": {"token": "mine"}}],
                "contexts": [{"name": "host", "context": {"cluster": "h", "user": "me"}}],
            });
            std::fs::write(&path, kubeconfig.to_string()).unwrap();
        }
        path
    }
}

async fn serve_host(listener: TcpListener, state: Arc<State>) {
    while let Ok((connection, _)) = listener.accept().await {
        let state = Arc::clone(&state);
        tokio::spawn(async move {
            let path = peek_path(&connection).await;
            if path.contains("/portforward") && !state.is_refused(&path) {
                state.forwards.fetch_add(1, Ordering::SeqCst);
                forward(connection, state.tenant).await;
            } else {
                let (code, body) = state.answer(&path);
                answer(connection, code, &body).await;
            }
        });
    }
}

impl State {
    fn is_refused(&self, path: &str) -> bool {
        self.setup.forbidden || (path.contains("/control-plane-a/") && self.first_pod_is_gone())
    }

    fn first_pod_is_gone(&self) -> bool {
        self.setup
            .first_pod_takes
            .is_some_and(|limit| self.forwards.load(Ordering::SeqCst) >= limit)
    }

    fn answer(&self, path: &str) -> (u16, Value) {
        let conditions = json!([{"type": "Ready", "status": "True", "reason": "Ready", "message": "",
            "observedGeneration": 1, "lastTransitionTime": "2026-01-01T00:00:00Z"}]);
        match path.split('?').next().unwrap_or_default() {
            "/apis/warren.dev/v1alpha1/namespaces/demo/virtualclusters/ci-42" => (
                200,
                json!({
                    "apiVersion": "warren.dev/v1alpha1", "kind": "VirtualCluster",
                    "metadata": {"name": "ci-42", "namespace": "demo", "generation": 1},
                    "status": {"clusterId": "ci-42-abcde", "conditions": conditions,
                        "namespaces": {"system": "wc-ci-42-abcde-system", "workloads": "wc-ci-42-abcde"}},
                }),
            ),
            "/api/v1/namespaces/demo/secrets/ci-42-kubeconfig" => (
                200,
                json!({
                    "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "ci-42-kubeconfig"},
                    "data": {"value": base64(self.kubeconfig.as_bytes())},
                }),
            ),
            "/api/v1/namespaces/wc-ci-42-abcde-system/pods" => {
                // The selector that the operator's labels are for.
                assert!(
                    path.contains("app.kubernetes.io%2Fcomponent%3Dcontrol-plane"),
                    "{path}"
                );
                assert!(path.contains("warren.dev%2Fcluster%3Dci-42-abcde"), "{path}");
                let name = if self.first_pod_is_gone() {
                    "control-plane-b"
                } else {
                    "control-plane-a"
                };
                (
                    200,
                    json!({"apiVersion": "v1", "kind": "PodList", "metadata": {}, "items": [
                        {"metadata": {"name": name}, "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}},
                    ]}),
                )
            }
            path if path.ends_with("/portforward") && self.setup.forbidden => {
                (403, json!({"message": "no", "code": 403}))
            }
            _ => (
                404,
                json!({"message": "not found", "reason": "NotFound", "code": 404}),
            ),
        }
    }
}

/// The path of the HTTP request that `connection` begins with; nothing is consumed.
async fn peek_path(connection: &TcpStream) -> String {
    let mut buffer = [0_u8; 4096];
    loop {
        connection.readable().await.unwrap();
        let length = connection.peek(&mut buffer).await.unwrap();
        let head = String::from_utf8_lossy(&buffer[..length]).into_owned();
        if length == 0 || head.contains("\r\n") {
            return head.split(' ').nth(1).unwrap_or_default().to_owned();
        }
        tokio::task::yield_now().await;
    }
}

/// A kubelet's side of a port-forward over WebSocket: channel 0 is data, 1 is errors, each begins with the port.
#[allow(clippy::result_large_err, reason = "the type is tungstenite's")]
async fn forward(connection: TcpStream, target: SocketAddr) {
    let accept = |_: &Request, mut response: Response| {
        response
            .headers_mut()
            .insert("Sec-WebSocket-Protocol", "v4.channel.k8s.io".parse().unwrap());
        Ok(response)
    };
    let socket = tokio_tungstenite::accept_hdr_async(connection, accept)
        .await
        .unwrap();
    let (mut to_client, mut from_client) = socket.split();
    for channel in [0_u8, 1] {
        let [low, high] = 6443_u16.to_le_bytes();
        to_client
            .send(Message::binary(vec![channel, low, high]))
            .await
            .unwrap();
    }
    let (mut from_tenant, mut to_tenant) = TcpStream::connect(target).await.unwrap().into_split();
    let up = async {
        while let Some(Ok(message)) = from_client.next().await {
            if let Message::Binary(bytes) = message
                && to_tenant.write_all(&bytes[1..]).await.is_err()
            {
                break;
            }
        }
    };
    let down = async {
        let mut buffer = vec![0_u8; 16 * 1024];
        while let Ok(length @ 1..) = from_tenant.read(&mut buffer).await {
            let mut frame = vec![0_u8];
            frame.extend_from_slice(&buffer[..length]);
            if to_client.send(Message::binary(frame)).await.is_err() {
                break;
            }
        }
    };
    tokio::select! { () = up => {}, () = down => {} }
    let _ = to_client.close().await;
}

async fn serve_tenant(listener: TcpListener, acceptor: TlsAcceptor) {
    while let Ok((connection, _)) = listener.accept().await {
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            let Ok(mut stream) = acceptor.accept(connection).await else {
                return;
            };
            let mut buffer = [0_u8; 4096];
            let length = stream.read(&mut buffer).await.unwrap_or(0);
            let is_version = buffer[..length].starts_with(b"GET /version ");
            let (code, body) = if is_version {
                (200, version())
            } else {
                (404, json!({"code": 404, "message": "no"}))
            };
            let _ = stream.write_all(response(code, &body).as_bytes()).await;
            let _ = stream.shutdown().await;
        });
    }
}

fn version() -> Value {
    json!({"major": "1", "minor": "37", "gitVersion": "v1.37.0-tenant", "gitCommit": "", "gitTreeState": "",
        "buildDate": "", "goVersion": "", "compiler": "", "platform": ""})
}

async fn answer(mut connection: TcpStream, code: u16, body: &Value) {
    // The request has no body; its head must be read, or closing resets the connection.
    let mut buffer = [0_u8; 8192];
    let _ = connection.read(&mut buffer).await;
    let _ = connection.write_all(response(code, body).as_bytes()).await;
    let _ = connection.shutdown().await;
}

fn response(code: u16, body: &Value) -> String {
    let body = body.to_string();
    format!(
        "HTTP/1.1 {code} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn tls() -> (TlsAcceptor, String) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), made.cert.pem())
}

/// Base64 by way of the type that Kubernetes has for it.
fn base64(bytes: &[u8]) -> Value {
    serde_json::to_value(k8s_openapi::ByteString(bytes.to_vec())).unwrap()
}
