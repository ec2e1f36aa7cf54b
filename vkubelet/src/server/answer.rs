//! Answers of the kubelet API: plain text in the kubelet's words, JSON, and the host's refusals without host names.

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full, Limited};
use kube::client::Body as HostBody;
use serde_json::Value;
use tokio::time::timeout;
use warren_runtime::limits::HANDSHAKE_TIMEOUT;

use super::route::Refusal;

/// Error of a body that cannot go on.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
/// Body of an answer.
pub type Body = UnsyncBoxBody<Bytes, BoxError>;
/// An answer.
pub type Answer = Response<Body>;

/// Longest error of the host that is read.
const ERROR_MAX: usize = 64 * 1024;

/// The answer to what is not served.
pub fn refused(refusal: Refusal) -> Answer {
    match refusal {
        Refusal::NotFound => text(StatusCode::NOT_FOUND, "404 page not found"),
        Refusal::Forbidden => text(
            StatusCode::FORBIDDEN,
            "this part of the kubelet API is not available in a virtual cluster",
        ),
        Refusal::Method(allowed) => {
            let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed");
            answer
                .headers_mut()
                .insert(ALLOW, HeaderValue::from_static(allowed));
            answer
        }
        Refusal::Query(message) => text(StatusCode::BAD_REQUEST, &message),
        Refusal::Unprocessable(message) => text(StatusCode::UNPROCESSABLE_ENTITY, &message),
    }
}

/// The host's refusal as the kubelet's own: same code, its message without host names. What the host says about
/// Warren's own rights is Warren's failure.
pub async fn passed_on(response: Response<HostBody>, scrub: impl Fn(&str) -> String) -> Answer {
    let status = response.status();
    if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) || status.is_redirection() {
        tracing::error!(%status, "the host refused a Pod's subresource");
        return bad_gateway();
    }
    let read = Limited::new(response.into_body(), ERROR_MAX).collect();
    let Ok(Ok(body)) = timeout(HANDSHAKE_TIMEOUT, read).await else {
        return bad_gateway();
    };
    let body = body.to_bytes();
    let message = match serde_json::from_slice::<Value>(&body) {
        Ok(status) => status
            .get("message")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
        Err(_plain) => String::from_utf8_lossy(&body).into_owned(),
    };
    text(status, &scrub(&message))
}

/// 502: the host's API cannot be used now.
pub fn bad_gateway() -> Answer {
    text(StatusCode::BAD_GATEWAY, "the Pod's machine cannot be reached now")
}

/// A plain-text answer.
pub fn text(status: StatusCode, message: &str) -> Answer {
    let mut answer = page(message.to_owned(), "text/plain; charset=utf-8");
    *answer.status_mut() = status;
    answer
}

/// A whole page of this media type.
pub fn page(content: String, media_type: &'static str) -> Answer {
    let full = Full::new(Bytes::from(content));
    let mut answer = Response::new(full.map_err(|never| match never {}).boxed_unsync());
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    answer
}

/// No body.
pub fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// A JSON answer.
pub fn json(value: &Value) -> Answer {
    page(value.to_string(), "application/json")
}
