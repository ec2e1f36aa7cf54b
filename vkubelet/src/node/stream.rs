//! Keeps the [`View`] up to date from the operator's `WatchNodes` stream, reconnecting for ever.

use std::time::Duration;

use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint};
use warren_runtime::limits::DIAL_TIMEOUT;
use warren_runtime::log::Chain;
use warren_runtime::proto::nodes::WatchNodesRequest;
use warren_runtime::proto::nodes::nodes_client::NodesClient;
use warren_runtime::tls::Identity;

use super::session::{Changed, Session};
use super::view::View;
use crate::metrics::Own;

/// First and longest pause between two tries.
const PAUSE: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(15));
/// Pings of an idle stream, so that a dead operator is noticed.
const PING: Duration = Duration::from_secs(20);
/// A stream that answered nothing for this long after it began is given up.
const FIRST_EVENT: Duration = Duration::from_secs(30);

/// A channel that connects when it is first used.
///
/// # Errors
/// When `url` is no URL or the certificates cannot be used.
pub fn channel(url: &str, identity: &Identity) -> Result<Channel, tonic::transport::Error> {
    let endpoint = Endpoint::from_shared(url.to_owned())?
        .connect_timeout(DIAL_TIMEOUT)
        .http2_keep_alive_interval(PING)
        .keep_alive_timeout(DIAL_TIMEOUT)
        .keep_alive_while_idle(true)
        .tcp_nodelay(true)
        .tls_config(identity.tonic_client())?;
    Ok(endpoint.connect_lazy())
}

/// Watches until `shutdown`; `on_change` gets every node and slice that changed, and must not block.
pub async fn watch(
    channel: Channel,
    view: View,
    own: Own,
    on_change: impl Fn(Changed) + Send,
    shutdown: CancellationToken,
) {
    let mut pause = PAUSE.0;
    loop {
        let ended = tokio::select! {
            ended = session(&channel, &view, &own, &on_change) => ended,
            () = shutdown.cancelled() => return,
        };
        own.view_stale.set(1);
        match ended {
            Ok(()) => pause = PAUSE.0,
            Err(status) => tracing::warn!(error = %Chain(&status), "node stream failed, retrying"),
        }
        tokio::select! {
            () = sleep(pause) => {}
            () = shutdown.cancelled() => return,
        }
        pause = (pause * 2).min(PAUSE.1);
    }
}

/// One stream; `Ok` when it ended after it had worked.
async fn session(
    channel: &Channel,
    view: &View,
    own: &Own,
    on_change: &(impl Fn(Changed) + Send),
) -> Result<(), tonic::Status> {
    let mut client = NodesClient::new(channel.clone());
    let silent = |_elapsed| tonic::Status::deadline_exceeded("no answer");
    let answer = timeout(FIRST_EVENT, client.watch_nodes(WatchNodesRequest {}))
        .await
        .map_err(silent)??;
    let mut events = answer.into_inner();
    let mut session = Session::new(view.clone());
    let mut first = true;
    loop {
        let next = if first {
            timeout(FIRST_EVENT, events.message()).await.map_err(silent)?
        } else {
            events.message().await
        };
        let Some(message) = (match next {
            Ok(message) => message,
            Err(status) if first => return Err(status),
            Err(status) => {
                tracing::warn!(error = %Chain(&status), "node stream ended");
                return Ok(());
            }
        }) else {
            return if first {
                Err(tonic::Status::unavailable("the stream ended at once"))
            } else {
                Ok(())
            };
        };
        first = false;
        let Some(event) = message.event else { continue };
        match session.apply(event) {
            Ok(changed) => changed.into_iter().for_each(on_change),
            Err(error) => tracing::error!(error = %Chain(&error), "skipped"),
        }
        own.view_stale.set(i64::from(!view.is_ready()));
    }
}
