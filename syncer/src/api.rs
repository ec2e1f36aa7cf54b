//! The gRPC service that the vkubelet asks before it creates a host Pod: is everything that the Pod names settled?
//!
//! Only a client whose certificate says `vkubelet` is answered, and only by the process that holds the lease.

mod ensure;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic::codegen::async_trait;
use tonic::transport::Server;
use tonic::{Request, Response, Status};
use warren_runtime::proto::sync::dependencies_server::{Dependencies, DependenciesServer};
use warren_runtime::proto::sync::{EnsureDependenciesRequest, EnsureDependenciesResponse};
use warren_runtime::tls::{Identity, common_name};

use crate::context::Context;

/// Common name of the one client.
const CLIENT: &str = "vkubelet";
/// Longest answer; the vkubelet asks again.
const DEADLINE: Duration = Duration::from_secs(8);
/// A request names one Pod.
const REQUEST_BYTES: usize = 16 * 1024;
/// Requests at once on one connection.
const CONCURRENT: usize = 256;

/// The context, once this process holds the lease and every store is complete.
pub type Active = watch::Receiver<Option<Arc<Context>>>;

/// The service.
pub struct DependencyService {
    active: Active,
}

/// Serves until `shutdown`.
///
/// # Errors
/// When the port cannot be bound, or certificate and key do not fit.
pub async fn serve(
    port: u16,
    identity: Identity,
    active: Active,
    shutdown: CancellationToken,
) -> Result<(), tonic::transport::Error> {
    let service =
        DependenciesServer::new(DependencyService { active }).max_decoding_message_size(REQUEST_BYTES);
    let mut server = Server::builder()
        .tls_config(identity.tonic_server())?
        .concurrency_limit_per_connection(CONCURRENT);
    let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
    server
        .add_service(service)
        .serve_with_shutdown(address, shutdown.cancelled_owned())
        .await
}

#[async_trait]
impl Dependencies for DependencyService {
    async fn ensure_dependencies(
        &self,
        request: Request<EnsureDependenciesRequest>,
    ) -> Result<Response<EnsureDependenciesResponse>, Status> {
        authenticate(&request)?;
        let ctx = self.active.borrow().clone();
        let Some(ctx) = ctx else {
            return Err(Status::unavailable(
                "this syncer is not in charge, or not synced with both clusters yet",
            ));
        };
        let request = request.into_inner();
        match timeout(DEADLINE, Box::pin(ensure::ensure(&ctx, &request))).await {
            Ok(answer) => answer.map(Response::new),
            Err(_elapsed) => Err(Status::unavailable(format!(
                "dependencies of Pod {}/{} are not settled yet",
                request.namespace, request.name
            ))),
        }
    }
}

/// The internal CA signs several clients; this service is for one of them.
fn authenticate<T>(request: &Request<T>) -> Result<(), Status> {
    let certificates = request.peer_certs();
    let leaf = certificates.as_ref().and_then(|chain| chain.first());
    match leaf.and_then(common_name) {
        Some(name) if name == CLIENT => Ok(()),
        Some(name) => Err(Status::permission_denied(format!("client {name} may not ask"))),
        None => Err(Status::unauthenticated("no client certificate")),
    }
}
