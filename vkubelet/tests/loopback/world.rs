//! One gate with one node and one Pod, and callers of it.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Node;
use kube::Client;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;
use warren_crds::keys;
use warren_runtime::clock;
use warren_runtime::metrics::Metrics;
use warren_runtime::store::{ObjectKey, Store};
use warren_runtime::tls::{Identity, certificates, private_key, roots};
use warren_translate::kinds::pod::host_name;
use warren_translate::{Cluster, ClusterId, ClusterUid, HostName, HostNamespace, TenantKey};
use warren_vkubelet::events::Events;
use warren_vkubelet::gate::connect::Gate;
use warren_vkubelet::gate::records::Sources;
use warren_vkubelet::gate::report::Reporter;
use warren_vkubelet::metrics::Own;
use warren_vkubelet::metrics_api::serve::MetricsApi;
use warren_vkubelet::node::view::{HostNode, View};
use warren_vkubelet::raw_pod::RawPod;
use warren_vkubelet::server::api::Kubelet;
use warren_vkubelet::server::ends::Ends;
use warren_vkubelet::server::find::Finder;
use warren_vkubelet::server::pages::Facts;
use warren_vkubelet::server::review::Reviews;
use warren_vkubelet::server::session::Sessions;
use warren_vkubelet::server::tls::{Authorities, Leaves};
use warren_vkubelet::usage::Meter;

use super::host::Host;
use super::pki::Pki;

/// Everything.
pub(crate) struct World {
    pub(crate) pki: Pki,
    pub(crate) host: Host,
    pub(crate) gate: Arc<Gate>,
    pub(crate) closing: CancellationToken,
    pub(crate) host_name: HostName,
    pub(crate) ends: Ends,
    host_pods: Store<RawPod>,
    port: u16,
}

impl World {
    pub(crate) async fn start() -> Self {
        let _installed_by_another_test = rustls::crypto::ring::default_provider().install_default();
        let (pki, host) = (Pki::new(), Host::start().await);
        let cluster = cluster();
        let host_name = host_name(&cluster, &TenantKey::new("ns", "web-0"));
        let (tenant_pods, host_pods) = (pods_of_tenant(), pods_of_host(host_name.as_str()));
        let view = view();
        let (closing, own, metrics) = (CancellationToken::new(), Own::default(), Metrics::new());
        let authorities = Authorities {
            serving: &pki.kubelet_serving.certificate,
            serving_key: &pki.kubelet_serving.key,
            kubelet_client: &pki.kubelet_client.certificate,
            front_proxy: &pki.front_proxy.certificate,
        };
        let leaves = Arc::new(Leaves::new(authorities, clock::system()).unwrap());
        let meter = Arc::new(Meter::new(
            host.client.clone(),
            cluster.clone(),
            host_pods.clone(),
            tenant_pods.clone(),
            clock::system(),
        ));
        // One process plays both clusters' APIs: their paths differ.
        let reviews = Arc::new(Reviews::new(host.client.clone()));
        let ends = Ends::default();
        let metrics_api = MetricsApi {
            meter: Arc::clone(&meter),
            reviews: Arc::clone(&reviews),
            nodes: nodes_of_tenant(),
            leaves: Arc::clone(&leaves),
            own: own.clone(),
            clock: clock::system(),
            closing: closing.clone(),
        };
        let kubelet = Kubelet {
            host: host.client.clone(),
            finder: Finder {
                cluster: cluster.clone(),
                tenant_pods,
                host_pods: host_pods.clone(),
            },
            ends: ends.clone(),
            meter,
            reviews,
            facts: Facts {
                cluster_domain: "cluster.local".to_owned(),
                dns: None,
            },
            tenant_nodes: nodes_of_tenant(),
            leaves,
            sessions: Sessions::new(8, own.sessions.clone()),
            own: own.clone(),
            closing: closing.clone(),
        };
        let services = Store::default();
        services.replace(HashMap::new());
        let events = Events::spawn(Client::clone(&host.client), "test".to_owned(), metrics.clone());
        let gate = Arc::new(Gate {
            sources: Sources {
                cluster,
                nodes: view,
                pods: host_pods.clone(),
                services,
                dns: "10.96.0.53".parse().ok(),
                cluster_domain: "cluster.local".to_owned(),
                service_ranges: Vec::new(),
            },
            kubelet: Arc::new(kubelet),
            metrics_api: Arc::new(metrics_api),
            reporter: Reporter::new(events, own.clone()),
            connections: Sessions::new(8, own.gate_open.clone()),
            closing: closing.clone(),
            metrics,
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let tls = pki.internal.leaf("gate", &["127.0.0.1"]).rustls_server().unwrap();
        tokio::spawn(Arc::clone(&gate).serve(listener, tls));
        Self {
            pki,
            host,
            gate,
            closing,
            host_name,
            ends,
            host_pods,
            port,
        }
    }

    /// The head of the gate's answer to a `CONNECT`, with the tunnel behind it.
    async fn connect_to(
        &self,
        client: Option<&Identity>,
        target: &str,
    ) -> io::Result<(String, TlsStream<TcpStream>)> {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
        let connector = connector(&self.pki.internal.certificate, client);
        let mut stream = connector
            .connect(ServerName::try_from("127.0.0.1").unwrap(), stream)
            .await?;
        let request = format!("CONNECT {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let head = head(&mut stream).await;
        if head.is_empty() {
            Err(io::ErrorKind::UnexpectedEof.into())
        } else {
            Ok((head, stream))
        }
    }

    pub(crate) async fn connect_as(
        &self,
        client: Option<&Identity>,
        target: &str,
    ) -> io::Result<TlsStream<TcpStream>> {
        let (head, stream) = self.connect_to(client, target).await?;
        if head.starts_with("HTTP/1.1 200") {
            Ok(stream)
        } else {
            Err(io::Error::other(head))
        }
    }

    fn apiserver(&self) -> Identity {
        self.pki.internal.leaf("kube-apiserver-egress", &[])
    }

    pub(crate) async fn connect(&self, target: &str) -> io::Result<TlsStream<TcpStream>> {
        self.connect_as(Some(&self.apiserver()), target).await
    }

    pub(crate) async fn connect_head(&self, target: &str) -> String {
        self.connect_to(Some(&self.apiserver()), target).await.unwrap().0
    }

    async fn kubelet_as(
        &self,
        client: Option<&Identity>,
        target: &str,
    ) -> io::Result<TlsStream<TlsStream<TcpStream>>> {
        let address = target.rsplit_once(':').unwrap().0;
        self.tls_in_tunnel(client, target, address).await
    }

    /// A connection to `metrics.k8s.io` as the front proxy's, by HTTP/2.
    pub(crate) async fn metrics_http2(&self) -> io::Result<TlsStream<TlsStream<TcpStream>>> {
        let proxy = self.pki.front_proxy.leaf("front-proxy-client", &[]);
        let tunnel = self.connect("metrics.warren.internal:443").await?;
        let mut config = config(&self.pki.kubelet_serving.certificate, Some(&proxy));
        config.alpn_protocols = vec![b"h2".to_vec()];
        let name = ServerName::try_from("warren-metrics.kube-system.svc").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, tunnel).await
    }

    /// TLS in the tunnel to `target`, with a server that must prove itself as `name`.
    pub(crate) async fn tls_in_tunnel(
        &self,
        client: Option<&Identity>,
        target: &str,
        name: &str,
    ) -> io::Result<TlsStream<TlsStream<TcpStream>>> {
        let tunnel = self.connect(target).await?;
        let connector = connector(&self.pki.kubelet_serving.certificate, client);
        let name = ServerName::try_from(name.to_owned()).unwrap();
        connector.connect(name, tunnel).await
    }

    /// A connection to the kubelet API as the tenant's API server has it: TLS in TLS, verified by address.
    pub(crate) async fn kubelet(&self, target: &str) -> io::Result<TlsStream<TlsStream<TcpStream>>> {
        let client = self.pki.kubelet_client.leaf(keys::KUBELET_CLIENT_USER, &[]);
        self.kubelet_as(Some(&client), target).await
    }

    /// Head and body of a plain request.
    pub(crate) async fn get(&self, path: &str) -> (String, String) {
        let mut kubelet = self.kubelet("10.88.0.11:10250").await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n");
        kubelet.write_all(request.as_bytes()).await.unwrap();
        let head = head(&mut kubelet).await;
        let mut body = String::new();
        let _closed_without_a_word = kubelet.read_to_string(&mut body).await;
        (head, body)
    }

    /// The head of the answer to another caller; `None` when the handshake fails.
    pub(crate) async fn ask_as(&self, client: &Identity, path: &str) -> Option<String> {
        let mut kubelet = self.kubelet_as(Some(client), "10.88.0.11:10250").await.ok()?;
        Some(ask(&mut kubelet, &format!("GET {path}"), "").await.0)
    }

    /// Head and body of the answer to a caller without a certificate, with this header line.
    pub(crate) async fn ask_with(&self, line: &str, header: &str) -> (String, String) {
        let mut kubelet = self.kubelet_as(None, "10.88.0.11:10250").await.unwrap();
        ask(&mut kubelet, line, header).await
    }

    /// Head and body of `metrics.k8s.io` for the front proxy, which speaks for `user`.
    pub(crate) async fn metrics(&self, path: &str, user: &str) -> (String, String) {
        let proxy = self.pki.front_proxy.leaf("front-proxy-client", &[]);
        let mut api = self.metrics_as(Some(&proxy)).await.unwrap();
        ask(
            &mut api,
            &format!("GET {path}"),
            &format!("X-Remote-User: {user}"),
        )
        .await
    }

    pub(crate) async fn metrics_as(
        &self,
        client: Option<&Identity>,
    ) -> io::Result<TlsStream<TlsStream<TcpStream>>> {
        let (target, name) = ("metrics.warren.internal:443", "warren-metrics.kube-system.svc");
        self.tls_in_tunnel(client, target, name).await
    }

    /// An echo server on an address of this machine that is not special, as an own Pod's; `None` without one.
    pub(crate) async fn own_pod_listener(&self) -> Option<String> {
        let probe = std::net::UdpSocket::bind("0.0.0.0:0").ok()?;
        probe.connect("192.0.2.1:9").ok()?;
        let address = probe.local_addr().ok()?.ip();
        let listener = TcpListener::bind((address, 0)).await.ok()?;
        let target = listener.local_addr().ok()?.to_string();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (mut read, mut write) = stream.split();
            let _closed = tokio::io::copy(&mut read, &mut write).await;
        });
        put_host_pod(&self.host_pods, "echo", &address.to_string());
        Some(target)
    }
}

/// Head and body of the answer to one request.
pub(crate) async fn ask<S>(stream: &mut S, line: &str, header: &str) -> (String, String)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let header = if header.is_empty() {
        String::new()
    } else {
        format!("{header}\r\n")
    };
    let request = format!("{line} HTTP/1.1\r\nHost: n\r\n{header}Connection: close\r\n\r\n");
    let _may_hang_up_at_once = stream.write_all(request.as_bytes()).await;
    let head = head(stream).await;
    let mut body = String::new();
    let _closed_without_a_word = stream.read_to_string(&mut body).await;
    (head, body)
}

/// Everything up to the empty line; empty when the other side hangs up first.
pub(crate) async fn head<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => bytes.push(byte),
            Err(_hung_up) => return String::new(),
        }
    }
    String::from_utf8(bytes).unwrap()
}

fn connector(ca: &str, client: Option<&Identity>) -> TlsConnector {
    TlsConnector::from(Arc::new(config(ca, client)))
}

fn config(ca: &str, client: Option<&Identity>) -> ClientConfig {
    let roots: RootCertStore = roots(ca).unwrap();
    let builder = ClientConfig::builder().with_root_certificates(roots);
    match client {
        None => builder.with_no_client_auth(),
        Some(identity) => builder
            .with_client_auth_cert(
                certificates(&identity.certificate).unwrap(),
                private_key(&identity.key).unwrap(),
            )
            .unwrap(),
    }
}

/// The only virtual cluster.
pub(crate) fn cluster() -> Cluster {
    Cluster {
        id: ClusterId::new("c-12345"),
        uid: ClusterUid::new("vc"),
        workload_namespace: HostNamespace::new("wc"),
    }
}

fn view() -> View {
    let view = View::default();
    let node = json!({ "metadata": { "name": "n1" }, "status": { "addresses": [
        { "type": "InternalIP", "address": "10.88.0.11" }, { "type": "Hostname", "address": "n1" },
    ] } });
    view.put(HostNode {
        name: "n1".to_owned(),
        node: serde_json::from_value(node).unwrap(),
        ..HostNode::default()
    });
    view.set_ready();
    view
}

fn nodes_of_tenant() -> Store<Node> {
    let store = Store::default();
    store.replace(HashMap::new());
    let node = json!({ "metadata": { "name": "n1", "labels": { "zone": "a" } } });
    store.put(ObjectKey::new("", "n1"), serde_json::from_value(node).unwrap());
    store
}

fn pods_of_tenant() -> Store<RawPod> {
    let store = Store::default();
    store.replace(HashMap::new());
    let pod = json!({
        "metadata": { "namespace": "ns", "name": "web-0", "uid": "t1" },
        "spec": { "nodeName": "n1", "containers": [{ "name": "app" }] },
    });
    store.put(
        ObjectKey::new("ns", "web-0"),
        serde_json::from_value(pod).unwrap(),
    );
    store
}

fn pods_of_host(name: &str) -> Store<RawPod> {
    let store = Store::default();
    store.replace(HashMap::new());
    put_host_pod(&store, name, "192.0.2.1");
    store
}

fn put_host_pod(store: &Store<RawPod>, name: &str, address: &str) {
    let pod = json!({
        "metadata": {
            "namespace": "wc", "name": name, "uid": "h1",
            "labels": { keys::CLUSTER: "c-12345" },
            "annotations": { keys::ORIGIN_NAMESPACE: "ns", keys::ORIGIN_NAME: "web-0", keys::ORIGIN_UID: "t1" },
        },
        "spec": { "nodeName": "n1", "containers": [{ "name": "app" }] },
        "status": { "phase": "Running", "podIPs": [{ "ip": address }] },
    });
    store.put(ObjectKey::new("wc", name), serde_json::from_value(pod).unwrap());
}
