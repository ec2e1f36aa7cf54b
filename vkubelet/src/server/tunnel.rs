//! exec, attach and port-forward: an opaque tunnel of upgraded bytes to the host Pod's subresource, SPDY and
//! WebSocket alike. None of the caller's credentials go through.

use std::time::Duration;

use http::header::{CONNECTION, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use kube::Client;
use kube::client::Body as HostBody;
use tokio::time::timeout;
use warren_runtime::limits::STREAM_IDLE;

use super::answer::{Answer, bad_gateway, empty, passed_on, text};
use super::ends::End;
use super::find::Found;
use super::session::{Session, Sessions};
use crate::metrics::Own;
use crate::pump::{Patience, pump};

/// The host's answer to the upgrade; a kubelet may have to wait for its runtime.
const HANDSHAKE: Duration = Duration::from_secs(30);
/// Subprotocols that carry a bearer token.
const TOKEN_PROTOCOL: &str = "base64url.bearer.authorization.k8s.io.";

/// Headers that belong to the protocol inside; everything else, credentials first, stays here.
fn is_passed(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "connection"
            | "upgrade"
            | "x-stream-protocol-version"
            | "x-accept-stream-protocol-version"
            | "sec-websocket-key"
            | "sec-websocket-version"
            | "sec-websocket-protocol"
            | "sec-websocket-extensions"
            | "sec-websocket-accept"
    )
}

fn passed(headers: &HeaderMap) -> HeaderMap {
    let mut kept = HeaderMap::new();
    for (name, value) in headers.iter().filter(|(name, _)| is_passed(name)) {
        if name == SEC_WEBSOCKET_PROTOCOL {
            if let Some(value) = without_token(value) {
                kept.append(name, value);
            }
        } else {
            kept.append(name, value.clone());
        }
    }
    // Only the upgrade itself: other names listed in `Connection` are not passed either.
    kept.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    kept
}

fn without_token(protocols: &HeaderValue) -> Option<HeaderValue> {
    let protocols = protocols.to_str().ok()?.split(',').map(str::trim);
    let kept: Vec<&str> = protocols
        .filter(|protocol| !protocol.starts_with(TOKEN_PROTOCOL))
        .collect();
    (!kept.is_empty())
        .then(|| HeaderValue::from_str(&kept.join(", ")).ok())
        .flatten()
}

/// One session to be opened.
pub struct Tunnel<'a> {
    /// The host's API.
    pub host: &'a Client,
    /// Which Pod.
    pub found: &'a Found,
    /// `exec`, `attach` or `portForward`.
    pub route: &'static str,
    /// Path and query on the host.
    pub path_and_query: String,
    /// The end of the Pod, which ends the session.
    pub end: End,
}

impl Tunnel<'_> {
    /// Passes the upgrade on and, when the host agrees, copies bytes until one side ends.
    pub async fn open(
        self,
        mut request: Request<Incoming>,
        session: Session,
        sessions: &Sessions,
        own: &Own,
        scrub: impl Fn(&str) -> String,
    ) -> Answer {
        if !request.headers().contains_key(UPGRADE) {
            return text(StatusCode::BAD_REQUEST, "Upgrade request required");
        }
        let caller = hyper::upgrade::on(&mut request);
        let outgoing = Request::builder()
            .method(request.method())
            .uri(&self.path_and_query);
        let Ok(mut outgoing) = outgoing.body(HostBody::empty()) else {
            return bad_gateway();
        };
        *outgoing.headers_mut() = passed(request.headers());
        let response = match timeout(HANDSHAKE, self.host.send(outgoing)).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => {
                tracing::warn!(pod = %self.found.tenant, route = self.route, %error, "host not reached");
                return bad_gateway();
            }
            Err(_elapsed) => {
                return text(
                    StatusCode::GATEWAY_TIMEOUT,
                    "the Pod's machine did not answer in time",
                );
            }
        };
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return passed_on(response, scrub).await;
        }
        let mut answer = Response::new(empty());
        *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        *answer.headers_mut() = passed(response.headers());
        let (route, pod, node_bytes, cut) = (
            self.route,
            self.found.tenant.clone(),
            own.session_bytes.clone(),
            sessions.cut.child_token(),
        );
        let end = self.end;
        sessions.tasks.spawn(async move {
            let _session = session;
            let (caller, host) = match tokio::try_join!(caller, hyper::upgrade::on(response)) {
                Ok(both) => both,
                Err(error) => {
                    tracing::warn!(%pod, route, %error, "session not upgraded");
                    return;
                }
            };
            let patience = Patience::same(STREAM_IDLE);
            let copied = {
                let copying = pump(TokioIo::new(caller), TokioIo::new(host), &patience, &cut);
                let mut copying = std::pin::pin!(copying);
                tokio::select! {
                    copied = copying.as_mut() => copied,
                    () = end.of_pod() => {
                        cut.cancel();
                        copying.await
                    }
                }
            };
            node_bytes.inc_by(copied.forth + copied.back);
            tracing::info!(%pod, route, bytes_up = copied.forth, bytes_down = copied.back, end = ?copied.end, "session ended");
        });
        tracing::info!(pod = %self.found.tenant, route = self.route, "session opened");
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_stay_and_protocol_headers_pass() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("authorization", "Bearer secret"),
            ("cookie", "secret"),
            ("impersonate-user", "admin"),
            ("x-remote-user", "admin"),
            ("x-remote-group", "system:masters"),
            ("connection", "Upgrade, Authorization"),
            ("upgrade", "SPDY/3.1"),
            ("x-stream-protocol-version", "v5.channel.k8s.io"),
            ("x-stream-protocol-version", "v4.channel.k8s.io"),
            (
                "sec-websocket-protocol",
                "v4.channel.k8s.io, base64url.bearer.authorization.k8s.io.c2VjcmV0",
            ),
        ] {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let kept = passed(&headers);
        let mut names: Vec<_> = kept.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "connection",
                "sec-websocket-protocol",
                "upgrade",
                "x-stream-protocol-version"
            ]
        );
        assert_eq!(kept.get_all("x-stream-protocol-version").iter().count(), 2);
        assert_eq!(kept["connection"], "Upgrade");
        assert_eq!(kept["sec-websocket-protocol"], "v4.channel.k8s.io");
    }
}
