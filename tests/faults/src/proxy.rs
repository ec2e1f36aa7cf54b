//! The proxy in front of one apiserver: plain HTTP from the client, the apiserver's TLS behind.

use std::convert::Infallible;
use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame as BodyFrame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::call::{Call, Side, Verb};
use crate::control::{Asked, Control};
use crate::frames::{Filter, Frame, Lines};
use crate::record::{End, Write};
use crate::rules::{Fault, Hit};
use crate::world::alias;

/// How long a frame waits for one of another object to overtake it.
const PAIR: std::time::Duration = std::time::Duration::from_millis(30);
/// What belongs to one connection, and what is made anew.
const OWN_HEADERS: [&str; 5] = [
    "connection",
    "host",
    "content-length",
    "transfer-encoding",
    "accept-encoding",
];

type Answer = Response<UnsyncBoxBody<Bytes, Cut>>;

/// The connection ends here.
#[derive(Debug)]
struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the connection is cut")
    }
}

impl std::error::Error for Cut {}

/// A running proxy; it ends when this is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    upstream: Upstream,
    task: JoinHandle<()>,
}

/// Where requests go, and in whose name.
#[derive(Clone)]
struct Upstream {
    side: Side,
    client: Client,
    user: HeaderValue,
    control: Control,
}

impl std::fmt::Debug for Upstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upstream")
            .field("side", &self.side)
            .finish_non_exhaustive()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    /// Starts one on a free port. `client` is an administrator's; what passes is done in the name of `user`.
    ///
    /// # Errors
    /// When there is no port, or `user` is no header's value.
    pub async fn start(side: Side, client: Client, user: &str, control: Control) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .context("failed to listen")?;
        let address = listener.local_addr().context("no address")?;
        let upstream = Upstream {
            side,
            client,
            user: user.try_into().context("the user's name")?,
            control,
        };
        let task = tokio::spawn(accept(listener, upstream.clone()));
        Ok(Self {
            address,
            upstream,
            task,
        })
    }

    /// Where clients find it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The list of `resource` as the client would get it now.
    ///
    /// # Errors
    /// When the client has never listed it, or the apiserver does not answer.
    pub async fn snapshot(&self, resource: &str) -> Result<Bytes> {
        let asked = self.upstream.control.asked(self.upstream.side, resource);
        let Asked { path, accept } = asked.with_context(|| format!("{resource} was never listed"))?;
        let mut request = Request::get(path).body(Body::empty()).context("the path")?;
        request
            .headers_mut()
            .extend(accept.map(|accept| (ACCEPT, accept)));
        let response = self.upstream.forward(request).await.context("failed to list")?;
        Ok(response
            .into_body()
            .collect()
            .await
            .context("failed to list")?
            .to_bytes())
    }
}

async fn accept(listener: TcpListener, upstream: Upstream) {
    // All connections end with the proxy.
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let upstream = upstream.clone();
        let service = service_fn(move |request| {
            let upstream = upstream.clone();
            async move { upstream.serve(request).await }
        });
        connections.spawn(async move {
            // The client's end, or a cut.
            let _ended = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
        while connections.try_join_next().is_some() {}
    }
}

impl Upstream {
    async fn serve(&self, request: Request<Incoming>) -> Result<Answer, Cut> {
        if self.control.execute() {
            return Err(Cut);
        }
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map_err(|_gone| Cut)?.to_bytes();
        let mut call = Call::parse(self.side, &parts.method, &parts.uri);
        if let Some(call) = &mut call {
            self.name(call, &body);
        }
        let path = parts
            .uri
            .path_and_query()
            .map_or("/", |path| path.as_str())
            .to_owned();
        let accept = parts.headers.get(ACCEPT).cloned();
        let mut forwarded = Request::builder().method(parts.method).uri(&path);
        if let Some(headers) = forwarded.headers_mut() {
            *headers = without_own(parts.headers);
        }
        let forwarded = forwarded
            .body(Body::from(body.to_vec()))
            .map_err(|_invalid| Cut)?;
        let Some(call) = call else {
            return self.pass(forwarded).await;
        };
        match call.verb {
            Verb::Watch => self.watch(&call, forwarded).await,
            Verb::List => {
                let path = without_page(&path);
                match self.control.list(&call, Asked { path, accept }) {
                    Some(stale) => Ok(answer(StatusCode::OK, stale)),
                    None => self.faulty(call, forwarded).await,
                }
            }
            _ => self.faulty(call, forwarded).await,
        }
    }

    /// Gives a call the name that its object has in every run.
    fn name(&self, call: &mut Call, body: &[u8]) {
        if call.verb == Verb::Create && call.name.is_empty() {
            let object: Value = serde_json::from_slice(body).unwrap_or_default();
            let name = object.pointer("/metadata/name").and_then(Value::as_str);
            name.unwrap_or_default().clone_into(&mut call.name);
            if let Some(alias) = alias(&object) {
                self.control.is_known_as(&call.name, alias);
            }
        }
        call.name = self.control.known_as(&call.name);
    }

    /// In a task of its own: what was forwarded is recorded, although the client may be dead by then.
    async fn faulty(&self, call: Call, request: Request<Body>) -> Result<Answer, Cut> {
        let this = self.clone();
        let done = tokio::spawn(async move { this.disturb(call, request).await });
        done.await.unwrap_or(Err(Cut))
    }

    async fn disturb(&self, call: Call, request: Request<Body>) -> Result<Answer, Cut> {
        let writes = call.verb.writes();
        let hit = self.control.decide(&call);
        let ended = |end| {
            if writes {
                self.control.ended(Write { call, end });
            }
        };
        let Some(Hit { fault, kills }) = hit else {
            let answer = self.pass(request).await?;
            ended(End::Answered(answer.status().as_u16()));
            return Ok(answer);
        };
        match fault {
            Fault::Delay(time) => {
                sleep(time).await;
                let answer = self.pass(request).await?;
                ended(End::Answered(answer.status().as_u16()));
                Ok(answer)
            }
            Fault::Cut => {
                if kills {
                    self.control.kill();
                }
                ended(End::Withheld);
                Err(Cut)
            }
            Fault::Lose => {
                let lost = self.pass(request).await?;
                if kills {
                    self.control.kill();
                }
                ended(End::Lost(lost.status().as_u16()));
                Err(Cut)
            }
            Fault::Deliver => {
                let answer = self.pass(request).await?;
                if kills {
                    self.control.condemn();
                }
                ended(End::Answered(answer.status().as_u16()));
                Ok(answer)
            }
            Fault::Answer(code) => {
                ended(End::Withheld);
                refusal(code)
            }
        }
    }

    /// Forwards and answers with all of the answer.
    async fn pass(&self, request: Request<Body>) -> Result<Answer, Cut> {
        let (parts, body) = self.forward(request).await.map_err(|_gone| Cut)?.into_parts();
        let body = body.collect().await.map_err(|_gone| Cut)?.to_bytes();
        let mut response = answer(parts.status, body);
        *response.headers_mut() = without_own(parts.headers);
        Ok(response)
    }

    async fn forward(&self, mut request: Request<Body>) -> kube::Result<Response<Body>> {
        let name = HeaderName::from_static("impersonate-user");
        request.headers_mut().insert(name, self.user.clone());
        self.client.send(request).await
    }

    async fn watch(&self, call: &Call, request: Request<Body>) -> Result<Answer, Cut> {
        if self.control.is_gone(call) {
            return Ok(gone());
        }
        let filter = Filter::new(call, &self.control.modes().borrow());
        let (parts, body) = self.forward(request).await.map_err(|_gone| Cut)?.into_parts();
        let (out, stream) = mpsc::channel(64);
        tokio::spawn(relay(body, filter, self.control.clone(), out));
        let stream = futures::stream::unfold(stream, |mut stream| async {
            let next: Result<Bytes, Cut> = stream.recv().await?;
            Some((next.map(BodyFrame::data), stream))
        });
        let mut response = Response::new(StreamBody::new(stream).boxed_unsync());
        *response.status_mut() = parts.status;
        *response.headers_mut() = without_own(parts.headers);
        Ok(response)
    }
}

/// One watch, until one of its ends goes, or it is cut.
async fn relay(mut body: Body, mut filter: Filter, control: Control, out: mpsc::Sender<Result<Bytes, Cut>>) {
    let mut lines = Lines::default();
    let mut modes = control.modes();
    loop {
        let seen = tokio::select! {
            () = out.closed() => return,
            chunk = body.frame() => {
                let Some(Ok(chunk)) = chunk else { return };
                let modes = modes.borrow().clone();
                let chunk = chunk.into_data().unwrap_or_default();
                let before = filter.held();
                let frames = lines.split(&chunk).into_iter().filter_map(Frame::parse);
                let seen: Vec<Frame> = frames.flat_map(|frame| filter.frame(frame, &modes)).collect();
                control.holding(filter.held() - before);
                seen
            }
            changed = modes.changed() => {
                if changed.is_err() {
                    return;
                }
                let modes = modes.borrow_and_update().clone();
                if filter.is_cut(&modes) {
                    let _gone = out.send(Err(Cut)).await;
                    return;
                }
                filter.changed(&modes)
            }
            () = sleep(PAIR), if filter.is_waiting() => filter.flush(),
        };
        for Frame { line, .. } in seen {
            if out.send(Ok(line)).await.is_err() {
                return;
            }
        }
    }
}

fn answer(status: StatusCode, body: Bytes) -> Answer {
    let body = Full::new(body).map_err(|never: Infallible| match never {});
    let mut response = Response::new(body.boxed_unsync());
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

fn status(code: u16, reason: &str) -> Value {
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "said by the fault proxy", "reason": reason, "code": code,
    })
}

fn refusal(code: u16) -> Result<Answer, Cut> {
    let reason = match code {
        409 => "Conflict",
        410 => "Expired",
        429 => "TooManyRequests",
        _ => "InternalError",
    };
    let http = StatusCode::from_u16(code).map_err(|_invalid| Cut)?;
    let mut response = answer(http, status(code, reason).to_string().into());
    if code == 429 {
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    Ok(response)
}

/// As an apiserver says it whose history does not go back so far.
fn gone() -> Answer {
    let frame = json!({ "type": "ERROR", "object": status(410, "Expired") });
    answer(StatusCode::OK, format!("{frame}\n").into())
}

/// All of a list, however it was asked for in pieces.
fn without_page(path: &str) -> String {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let kept: Vec<&str> = query
        .split('&')
        .filter(|pair| !pair.starts_with("limit=") && !pair.starts_with("continue="))
        .collect();
    format!("{path}?{}", kept.join("&"))
}

fn without_own(mut headers: HeaderMap) -> HeaderMap {
    for own in OWN_HEADERS {
        headers.remove(own);
    }
    headers
}
