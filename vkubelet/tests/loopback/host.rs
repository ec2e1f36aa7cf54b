//! A host API that knows two subresources and remembers what it was asked.

use std::convert::Infallible;
use std::future::ready;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kube::{Client, Config};
use parking_lot::Mutex;
use tokio::io::{copy, split};
use tokio::net::TcpListener;

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) line: String,
    pub(crate) headers: Vec<String>,
}

/// The host.
#[derive(Clone)]
pub(crate) struct Host {
    pub(crate) client: Client,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Host {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let remembered = Arc::clone(&seen);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let seen = Arc::clone(&remembered);
                let service = service_fn(move |request| ready(Ok::<_, Infallible>(answer(&seen, request))));
                let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                tokio::spawn(connection.with_upgrades());
            }
        });
        let client = Client::try_from(Config::new(url.parse().unwrap())).unwrap();
        Self { client, seen }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().clone()
    }
}

fn answer(seen: &Mutex<Vec<Seen>>, mut request: Request<Incoming>) -> Response<Full<Bytes>> {
    let target = request.uri().path_and_query().unwrap().as_str().to_owned();
    seen.lock().push(Seen {
        line: format!("{} {target}", request.method()),
        headers: request
            .headers()
            .keys()
            .map(|name| name.as_str().to_owned())
            .collect(),
    });
    if target.contains("previous=true") {
        let name = target.split('/').nth(6).unwrap_or_default();
        let message = format!("previous terminated container \"app\" in pod \"{name}\" not found");
        let status = serde_json::json!({ "kind": "Status", "code": 400, "message": message }).to_string();
        let mut response = Response::new(Full::from(status));
        *response.status_mut() = StatusCode::BAD_REQUEST;
        return response;
    }
    if target.contains("/log?") {
        return Response::new(Full::from("line 1\nline 2\n"));
    }
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let (mut read, mut write) = split(TokioIo::new(upgrade.await.unwrap()));
        let _closed = copy(&mut read, &mut write).await;
    });
    let response = Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header("Connection", "Upgrade")
        .header("Upgrade", "SPDY/3.1")
        .header("X-Stream-Protocol-Version", "v4.channel.k8s.io");
    response.body(Full::default()).unwrap()
}
