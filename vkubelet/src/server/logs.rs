//! Container logs: a plain stream from the host's API to the caller, as fast as the caller reads.

use bytes::Bytes;
use futures::stream;
use http::Request;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use hyper::Response;
use kube::Client;
use kube::client::Body as HostBody;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use warren_runtime::limits::{CALL_TIMEOUT, STREAM_IDLE};

use super::answer::{Answer, Body, BoxError, bad_gateway, passed_on, text};
use super::find::Found;
use super::session::Session;

/// Asks the host for `path_and_query` and streams the answer; `session` ends with the stream.
pub async fn stream(
    host: &Client,
    found: &Found,
    path_and_query: String,
    session: Session,
    cut: CancellationToken,
    scrub: impl Fn(&str) -> String,
) -> Answer {
    let Ok(request) = Request::get(path_and_query).body(HostBody::empty()) else {
        return bad_gateway();
    };
    let response = match timeout(CALL_TIMEOUT, host.send(request)).await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => {
            tracing::warn!(pod = %found.tenant, %error, "logs not reached");
            return bad_gateway();
        }
        Err(_elapsed) => return bad_gateway(),
    };
    if !response.status().is_success() {
        return passed_on(response, scrub).await;
    }
    let mut answer = Response::new(body(response.into_body(), session, cut));
    answer.headers_mut().insert(
        http::header::CONTENT_TYPE,
        http::HeaderValue::from_static("text/plain"),
    );
    answer
}

/// What the state of a stream is made of: the host's body, the session that it is, and its end from outside.
type State = Option<(HostBody, Session, CancellationToken)>;

fn body(from: HostBody, session: Session, cut: CancellationToken) -> Body {
    let frames = stream::unfold(Some((from, session, cut)), |state: State| async move {
        let (mut from, session, cut) = state?;
        let next = tokio::select! {
            next = timeout(STREAM_IDLE, from.frame()) => next,
            () = cut.cancelled() => return Some((Err(BoxError::from("the node is shutting down")), None)),
        };
        match next {
            Ok(Some(Ok(frame))) => Some((Ok::<Frame<Bytes>, BoxError>(frame), Some((from, session, cut)))),
            Ok(Some(Err(error))) => Some((Err(BoxError::from(error)), None)),
            Ok(None) => None,
            Err(_idle) => Some((Err(BoxError::from("no output for too long")), None)),
        }
    });
    StreamBody::new(frames).boxed_unsync()
}

/// 503: too many sessions.
pub fn too_many() -> Answer {
    text(
        http::StatusCode::SERVICE_UNAVAILABLE,
        "too many sessions on this node; try again later",
    )
}
