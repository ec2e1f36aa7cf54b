//! A host API that knows two subresources and remembers what it was asked.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kube::{Client, Config};
use parking_lot::Mutex;
use serde_json::{Value, json};
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
                let service = service_fn(move |request| {
                    let seen = Arc::clone(&seen);
                    async move { Ok::<_, Infallible>(answer(&seen, request).await) }
                });
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

async fn answer(seen: &Mutex<Vec<Seen>>, mut request: Request<Incoming>) -> Response<Full<Bytes>> {
    let target = request.uri().path_and_query().unwrap().as_str().to_owned();
    seen.lock().push(Seen {
        line: format!("{} {target}", request.method()),
        headers: request
            .headers()
            .keys()
            .map(|name| name.as_str().to_owned())
            .collect(),
    });
    if let Some(review) = review(&target, &mut request).await {
        return Response::new(Full::from(review.to_string()));
    }
    if target.starts_with("/apis/metrics.k8s.io/") {
        let metrics = pod_metrics(&seen.lock());
        return Response::new(Full::from(metrics.to_string()));
    }
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

/// The tenant's reviews: the token `metrics` is a user of that name, who may get `nodes/metrics` and list Pods'
/// metrics in the namespace `ns`.
async fn review(target: &str, request: &mut Request<Incoming>) -> Option<Value> {
    let path = target.split('?').next()?;
    let (kind, decide): (&str, fn(&Value) -> Value) = match path {
        "/apis/authentication.k8s.io/v1/tokenreviews" => ("TokenReview", |spec| {
            let known = spec["token"] == "metrics";
            json!({ "authenticated": known, "user": { "username": "metrics" } })
        }),
        "/apis/authorization.k8s.io/v1/subjectaccessreviews" => ("SubjectAccessReview", |spec| {
            let wanted = &spec["resourceAttributes"];
            let kubelet =
                wanted["subresource"] == "metrics" && wanted["verb"] == "get" && wanted["name"] == "n1";
            let pods = wanted["group"] == "metrics.k8s.io" && wanted["namespace"] == "ns";
            json!({ "allowed": spec["user"] == "metrics" && (kubelet || pods) })
        }),
        _ => return None,
    };
    let body = request.body_mut().collect().await.unwrap().to_bytes();
    let mut review: Value = serde_json::from_slice(&body).unwrap();
    let status = decide(&review["spec"]);
    review["status"] = status;
    review["kind"] = json!(kind);
    review["apiVersion"] = json!(path.trim_start_matches("/apis/").rsplit_once('/').unwrap().0);
    Some(review)
}

/// `PodMetrics` of the Pod that the stories know, and of one that they do not.
fn pod_metrics(seen: &[Seen]) -> Value {
    let line = &seen.last().unwrap().line;
    assert_eq!(line, "GET /apis/metrics.k8s.io/v1beta1/namespaces/wc/pods");
    let pod = |name: &str| {
        json!({
            "metadata": { "namespace": "wc", "name": name },
            "timestamp": "2026-11-21T10:01:00Z", "window": "15s",
            "containers": [
                { "name": "app", "usage": { "cpu": "250m", "memory": "2Mi" } },
                { "name": "injected", "usage": { "cpu": "9", "memory": "9Gi" } },
            ],
        })
    };
    json!({ "items": [pod(&host_pod_name()), pod("somebody-elses")] })
}

/// Host name of `ns/web-0`.
pub(crate) fn host_pod_name() -> String {
    let cluster = super::world::cluster();
    warren_translate::kinds::pod::host_name(&cluster, &warren_translate::TenantKey::new("ns", "web-0"))
        .to_string()
}
