//! Container logs: a plain stream from the host's API to the caller, as fast as the caller reads.

use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream;
use http::{Request, StatusCode};
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

/// What ends a stream from outside.
pub struct Until {
    /// The Pod is gone.
    pub end: BoxFuture<'static, ()>,
    /// The process ends.
    pub cut: CancellationToken,
}

/// How long the host may take to begin its answer. A kubelet that follows a silent container says nothing at all, not
/// even that it follows, before the first line comes.
pub fn patience(follow: bool) -> Duration {
    if follow { STREAM_IDLE } else { CALL_TIMEOUT }
}

/// Asks the host for `path_and_query` (and waits for `patience`) and streams the answer; `session` ends with the stream.
pub async fn stream(
    host: &Client,
    found: &Found,
    (path_and_query, patience): (String, Duration),
    session: Session,
    mut until: Until,
    scrub: impl Fn(&str) -> String,
) -> Answer {
    let Ok(request) = Request::get(path_and_query).body(HostBody::empty()) else {
        return bad_gateway();
    };
    let answered = tokio::select! {
        answered = timeout(patience, host.send(request)) => answered,
        () = &mut until.end => return text(StatusCode::OK, ""),
        () = until.cut.cancelled() => return bad_gateway(),
    };
    let response = match answered {
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
    let mut answer = Response::new(body(response.into_body(), session, until));
    answer.headers_mut().insert(
        http::header::CONTENT_TYPE,
        http::HeaderValue::from_static("text/plain"),
    );
    answer
}

/// One frame at a time: nothing is read from the host before the caller has taken what was read before.
fn body<B>(from: B, session: Session, until: Until) -> Body
where
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static,
{
    let frames = stream::unfold(Some((from, session, until)), |state| async move {
        let (mut from, session, mut until) = state?;
        let next = tokio::select! {
            next = timeout(STREAM_IDLE, from.frame()) => next,
            () = &mut until.end => return None,
            () = until.cut.cancelled() => return Some((Err(BoxError::from("the node is shutting down")), None)),
        };
        match next {
            Ok(Some(Ok(frame))) => Some((Ok::<Frame<Bytes>, BoxError>(frame), Some((from, session, until)))),
            Ok(Some(Err(error))) => Some((Err(error.into()), None)),
            Ok(None) => None,
            Err(_idle) => Some((Err(BoxError::from("no output for too long")), None)),
        }
    });
    StreamBody::new(frames).boxed_unsync()
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::{StreamExt, future};
    use hyper::server::conn::http1;
    use hyper::service::service_fn;
    use hyper_util::rt::TokioIo;
    use prometheus_client::metrics::gauge::Gauge;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use warren_translate::{HostName, TenantKey};

    use super::super::session::Sessions;
    use super::*;

    const FRAME: usize = 8 * 1024;

    /// A host that has a lot to say, and counts how much of it was taken.
    fn talkative(taken: Arc<AtomicUsize>) -> Body {
        let frames = stream::repeat_with(move || {
            taken.fetch_add(FRAME, Ordering::Relaxed);
            Ok::<_, BoxError>(Frame::data(Bytes::from(vec![b'x'; FRAME])))
        });
        StreamBody::new(frames.take(4096)).boxed_unsync()
    }

    fn never() -> Until {
        Until {
            end: Box::pin(future::pending()),
            cut: CancellationToken::new(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_stalled_reader_stops_the_host_and_not_the_memory() {
        let taken = Arc::new(AtomicUsize::new(0));
        let (mut reader, server) = duplex(FRAME);
        let count = Arc::clone(&taken);
        let service = service_fn(move |_request| {
            let session = Sessions::new(1, Gauge::default()).begin().unwrap();
            let body = body(talkative(Arc::clone(&count)), session, never());
            future::ready(Ok::<_, Infallible>(Response::new(body)))
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(server), service));
        reader
            .write_all(b"GET / HTTP/1.1\r\nHost: n\r\nConnection: close\r\n\r\n")
            .await
            .unwrap();
        // Nobody reads: virtual hours pass, and what was taken from the host stays where it is.
        tokio::time::sleep(Duration::from_mins(1)).await;
        let stalled = taken.load(Ordering::Relaxed);
        assert!(stalled <= 1024 * 1024, "{stalled} bytes in flight");
        tokio::time::sleep(Duration::from_hours(1)).await;
        assert_eq!(taken.load(Ordering::Relaxed), stalled);
        // The reader wakes up: everything comes.
        let mut all = Vec::new();
        reader.read_to_end(&mut all).await.unwrap();
        assert!(all.len() >= 4096 * FRAME);
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_container_is_followed_for_hours_and_read_for_seconds() {
        let service = tower::service_fn(|_request: Request<HostBody>| {
            future::pending::<Result<http::Response<HostBody>, std::io::Error>>()
        });
        let host = Client::new(service, "default");
        let found = Found {
            tenant: TenantKey::new("ns", "p"),
            host: HostName::of(&metadata("p-x")).unwrap(),
            host_uid: "h1".to_owned(),
        };
        let wait = async |follow: bool| {
            let session = Sessions::new(1, Gauge::default()).begin().unwrap();
            let begun = tokio::time::Instant::now();
            let path = ("/log".to_owned(), patience(follow));
            let answer = stream(&host, &found, path, session, never(), str::to_owned).await;
            assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
            begun.elapsed()
        };
        assert!(wait(true).await >= Duration::from_hours(4));
        assert!(wait(false).await <= Duration::from_mins(1));
    }

    fn metadata(name: &str) -> k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta {
        kube::core::ObjectMeta {
            name: Some(name.to_owned()),
            ..kube::core::ObjectMeta::default()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_ends_with_its_pod_and_its_session_with_it() {
        let sessions = Sessions::new(1, Gauge::default());
        let session = sessions.begin().unwrap();
        let silent = StreamBody::new(stream::pending::<Result<Frame<Bytes>, BoxError>>());
        let until = Until {
            end: Box::pin(tokio::time::sleep(Duration::from_secs(3))),
            cut: CancellationToken::new(),
        };
        let collected = body(silent, session, until).collect().await.unwrap();
        assert!(collected.to_bytes().is_empty());
        assert!(sessions.begin().is_some());
    }
}
