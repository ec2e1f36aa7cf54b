//! Whom the vkubelet asks, played: an operator that shows one node, and a syncer for which everything is there already.

use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;

use anyhow::{Context as _, Result};
use futures::{Stream, StreamExt as _, stream};
use serde_json::json;
use tokio::task::JoinSet;
use tonic::transport::Server;
use tonic::{Request, Response, Status};
use warren_runtime::proto::nodes::node_event::Event;
use warren_runtime::proto::nodes::nodes_server::{Nodes, NodesServer};
use warren_runtime::proto::nodes::{HostNode, NodeEvent, Synced, WatchNodesRequest};
use warren_runtime::proto::sync::dependencies_server::{Dependencies, DependenciesServer};
use warren_runtime::proto::sync::{EnsureDependenciesRequest, EnsureDependenciesResponse};
use warren_runtime::tls::Identity;

/// The node that there is.
pub const NODE: &str = "n1";

/// Both; they end when this is dropped.
#[derive(Debug)]
pub struct Servers(#[allow(dead_code, reason = "its end is theirs")] JoinSet<()>);

impl Servers {
    /// Starts both at these ports of loopback.
    ///
    /// # Errors
    /// When the leaf is none.
    pub fn start(leaf: &Identity, syncer: u16, operator: u16) -> Result<Self> {
        let server = || {
            Server::builder()
                .tls_config(leaf.tonic_server())
                .context("failed to make a gRPC server")
        };
        let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let syncer = server()?
            .add_service(DependenciesServer::new(Played))
            .serve(at(syncer));
        let operator = server()?
            .add_service(NodesServer::new(Played))
            .serve(at(operator));
        let mut tasks = JoinSet::new();
        // Whoever asks an ended one says so.
        tasks.spawn(async { drop(syncer.await) });
        tasks.spawn(async { drop(operator.await) });
        Ok(Self(tasks))
    }
}

/// Answers the same to everybody.
struct Played;

#[tonic::async_trait]
impl Dependencies for Played {
    async fn ensure_dependencies(
        &self,
        _request: Request<EnsureDependenciesRequest>,
    ) -> Result<Response<EnsureDependenciesResponse>, Status> {
        Ok(Response::new(EnsureDependenciesResponse::default()))
    }
}

#[tonic::async_trait]
impl Nodes for Played {
    type WatchNodesStream = Pin<Box<dyn Stream<Item = Result<NodeEvent, Status>> + Send>>;

    async fn watch_nodes(
        &self,
        _request: Request<WatchNodesRequest>,
    ) -> Result<Response<Self::WatchNodesStream>, Status> {
        let events = [Event::Node(node()), Event::Synced(Synced {})];
        let events = stream::iter(events).map(|event| Ok(NodeEvent { event: Some(event) }));
        // It never changes, and the stream never ends.
        Ok(Response::new(Box::pin(events.chain(stream::pending()))))
    }
}

fn node() -> HostNode {
    let room = json!({ "cpu": "8", "memory": "16Gi", "pods": "110" });
    let node = json!({
        "metadata": { "name": NODE, "labels": { "kubernetes.io/hostname": NODE } },
        "status": {
            "capacity": room, "allocatable": room,
            "addresses": [{ "type": "InternalIP", "address": "10.88.0.11" }, { "type": "Hostname", "address": NODE }],
            "conditions": [{
                "type": "Ready", "status": "True", "reason": "KubeletReady", "message": "ready",
                "lastTransitionTime": "2026-01-02T03:04:05Z", "lastHeartbeatTime": "2026-01-02T03:04:05Z",
            }],
        },
    });
    HostNode {
        name: NODE.to_owned(),
        node_json: node.to_string().into_bytes(),
        free: [("cpu", "8"), ("memory", "16Gi"), ("pods", "110")]
            .map(|(resource, free)| (resource.to_owned(), free.to_owned()))
            .into(),
        own: std::collections::HashMap::default(),
    }
}
