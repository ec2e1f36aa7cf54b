//! An API server in memory: objects by path, with UIDs, versions and the refusals that the syncer meets.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use http::{Method, Request, Response, StatusCode};
use kube::Client;
use kube::client::Body;
use parking_lot::Mutex;
use serde_json::{Value, json};

/// Collections that can be listed, whatever the selector.
const LISTED: [&str; 7] = [
    "/certificates",
    "/gateways",
    "/hostnameclaims",
    "/httproutes",
    "/ingresses",
    "/networkpolicies",
    "/tlsroutes",
];

/// The server.
pub(crate) struct FakeApi {
    state: Mutex<State>,
}

struct State {
    /// Prefix of UIDs: those of host and tenant differ.
    prefix: &'static str,
    objects: BTreeMap<String, Value>,
    version: u64,
    calls: Vec<String>,
    refused: Option<(&'static str, u16)>,
    /// Writes that are still taken; `None`: all.
    room: Option<usize>,
}

impl FakeApi {
    pub(crate) fn new(prefix: &'static str) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                prefix,
                objects: BTreeMap::new(),
                version: 0,
                calls: Vec::new(),
                refused: None,
                room: None,
            }),
        })
    }

    /// A client of it.
    pub(crate) fn client(self: &Arc<Self>) -> Client {
        let api = Arc::clone(self);
        let service = tower::service_fn(move |request: Request<Body>| {
            let api = Arc::clone(&api);
            async move {
                let (parts, body) = request.into_parts();
                let body = body.collect_bytes().await.unwrap();
                let (code, answer) = api.state.lock().answer(&parts.method, parts.uri.path(), &body);
                let code = StatusCode::from_u16(code).unwrap();
                let answer = Body::from(serde_json::to_vec(&answer).unwrap());
                Ok::<_, Infallible>(Response::builder().status(code).body(answer).unwrap())
            }
        });
        Client::new(service, "default")
    }

    /// Puts an object at its path, as somebody else's write.
    pub(crate) fn put(&self, path: &str, object: Value) {
        let mut state = self.state.lock();
        state.store(path.to_owned(), object);
    }

    /// Removes one, as somebody else's delete.
    pub(crate) fn remove(&self, path: &str) {
        self.state.lock().objects.remove(path).unwrap();
    }

    /// The objects under a path.
    pub(crate) fn list(&self, under: &str) -> Vec<Value> {
        let state = self.state.lock();
        let objects = state.objects.iter().filter(|(path, _)| path.starts_with(under));
        objects.map(|(_, object)| object.clone()).collect()
    }

    /// The one object under a path, with its path.
    pub(crate) fn only(&self, under: &str) -> (String, Value) {
        let state = self.state.lock();
        let mut objects = state.objects.iter().filter(|(path, _)| path.starts_with(under));
        let (path, object) = objects.next().unwrap();
        assert!(objects.next().is_none(), "several under {under}");
        (path.clone(), object.clone())
    }

    /// Grows with every change.
    pub(crate) fn version(&self) -> u64 {
        self.state.lock().version
    }

    /// Method and path of every call since the last call of this.
    pub(crate) fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().calls)
    }

    /// Method and plural of every write since the last call of this, for example `POST secrets`, or
    /// `PATCH persistentvolumes/status`.
    pub(crate) fn writes(&self) -> Vec<String> {
        let writes = self.calls().into_iter().filter(|call| !call.starts_with("GET"));
        let short = |call: String| {
            let (method, path) = call.split_once(' ').unwrap();
            let whole = path.strip_suffix("/status");
            let parts: Vec<&str> = whole.unwrap_or(path).split('/').collect();
            let name = usize::from(method != "POST");
            let status = if whole.is_some() { "/status" } else { "" };
            format!("{method} {}{status}", parts[parts.len() - 1 - name])
        };
        writes.map(short).collect()
    }

    /// Takes so many more writes and then none, until told otherwise.
    pub(crate) fn allow_writes(&self, room: Option<usize>) {
        self.state.lock().room = room;
    }

    /// Answers every call of `method` with `code` until told otherwise.
    pub(crate) fn refuse(&self, refused: Option<(&'static str, u16)>) {
        self.state.lock().refused = refused;
    }
}

impl State {
    fn store(&mut self, path: String, mut object: Value) -> Value {
        self.version += 1;
        let uid = format!("{}-{}", self.prefix, self.version);
        let name = path.rsplit('/').next().unwrap().to_owned();
        let metadata = &mut object["metadata"];
        metadata["resourceVersion"] = json!(self.version.to_string());
        if metadata["uid"].is_null() {
            metadata["uid"] = json!(uid);
        }
        metadata["name"] = json!(name);
        self.objects.insert(path, object.clone());
        object
    }

    fn answer(&mut self, method: &Method, path: &str, body: &[u8]) -> (u16, Value) {
        self.calls.push(format!("{method} {path}"));
        let failure = |code: u16| {
            let status = json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code,
                "reason": if code == 404 { "NotFound" } else { "Refused" }, "message": format!("{path} is refused") });
            (code, status)
        };
        if let Some((_, code)) = self.refused.filter(|(refused, _)| *refused == method.as_str()) {
            return failure(code);
        }
        if method != Method::GET {
            match &mut self.room {
                Some(0) => return failure(503),
                Some(room) => *room -= 1,
                None => {}
            }
        }
        let sent = || serde_json::from_slice::<Value>(body).unwrap();
        let of_status = path.ends_with("/status");
        let path = path.strip_suffix("/status").unwrap_or(path);
        match (method, self.objects.get(path).cloned()) {
            (&Method::GET, None) if LISTED.iter().any(|plural| path.ends_with(plural)) => {
                let (group, plural) = path.rsplit_once('/').unwrap();
                let (begins, within) = (format!("{group}/"), format!("/{plural}/"));
                let items = self.objects.iter();
                let items = items.filter(|(path, _)| path.starts_with(&begins) && path.contains(&within));
                let items: Vec<&Value> = items.map(|(_, object)| object).collect();
                (
                    200,
                    json!({ "apiVersion": "v1", "kind": "List", "metadata": {}, "items": items }),
                )
            }
            (&Method::GET, None) if path == "/api/v1/events" => {
                let events = self.objects.iter().filter(|(path, _)| path.contains("/events/"));
                let items: Vec<&Value> = events.map(|(_, event)| event).collect();
                (
                    200,
                    json!({ "apiVersion": "v1", "kind": "EventList", "metadata": {}, "items": items }),
                )
            }
            (&Method::GET | &Method::PUT | &Method::PATCH, None) => failure(404),
            (&Method::GET, Some(found)) => (200, found),
            (&Method::POST, _) if path.ends_with("/token") => (201, token(sent())),
            (&Method::POST, _) => {
                let object = sent();
                let name = object["metadata"]["name"].as_str().map(str::to_owned);
                let name = name.unwrap_or_else(|| format!("generated-{}", self.version));
                let place = format!("{path}/{name}");
                if self.objects.contains_key(&place) {
                    return failure(409);
                }
                (201, self.store(place, object))
            }
            (&Method::PUT, Some(found)) => {
                let mut object = sent();
                // Where there is a path for the status, it is changed by that alone.
                if path.contains("/ingresses/") {
                    object["status"] = found["status"].clone();
                }
                if object["metadata"]["resourceVersion"] != found["metadata"]["resourceVersion"] {
                    return failure(409);
                }
                if of_status {
                    let status = object["status"].take();
                    object = found;
                    object["status"] = status;
                }
                (200, self.store(path.to_owned(), object))
            }
            (&Method::PATCH, Some(found)) => {
                let changes = sent();
                let differs = |field: &str| {
                    let asked = &changes["metadata"][field];
                    !asked.is_null() && *asked != found["metadata"][field]
                };
                if differs("uid") || differs("resourceVersion") {
                    return failure(409);
                }
                let after = patched(&found, changes, of_status, path);
                // As the real one: what changes nothing makes no new version.
                if after == found {
                    return (200, found);
                }
                (200, self.store(path.to_owned(), after))
            }
            (&Method::DELETE, found) => {
                self.version += 1;
                let asked = serde_json::from_slice::<Value>(body).unwrap_or_default();
                let uid = asked["preconditions"]["uid"].as_str();
                if found.is_some_and(|found| uid.is_some_and(|uid| found["metadata"]["uid"] != uid)) {
                    return failure(409);
                }
                self.objects.remove(path);
                (
                    200,
                    json!({ "kind": "Status", "apiVersion": "v1", "status": "Success" }),
                )
            }
            (other, _) => panic!("unexpected {other}"),
        }
    }
}

/// What the tenant issues: for as long as asked from noon on.
fn token(mut request: Value) -> Value {
    let seconds = request["spec"]["expirationSeconds"].as_i64().unwrap();
    let noon: k8s_openapi::jiff::Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
    let end = noon + k8s_openapi::jiff::SignedDuration::from_secs(seconds);
    let text = format!(
        "token for {} bound to {}",
        request["spec"]["audiences"], request["spec"]["boundObjectRef"]["uid"]
    );
    request["status"] = json!({ "token": text, "expirationTimestamp": end.to_string() });
    request
}

/// Of an object with a status of its own, a patch changes either that or the rest.
fn patched(found: &Value, changes: Value, of_status: bool, path: &str) -> Value {
    let mut merged = found.clone();
    merge(&mut merged, changes);
    if of_status {
        let mut rest = found.clone();
        rest["status"] = merged["status"].take();
        return rest;
    }
    if path.contains("/persistentvolume") {
        merged["status"] = found["status"].clone();
    }
    merged
}

fn merge(object: &mut Value, patch: Value) {
    match patch {
        Value::Object(fields) => {
            if !object.is_object() {
                *object = json!({});
            }
            for (key, value) in fields {
                if value.is_null() {
                    object.as_object_mut().unwrap().remove(&key);
                } else {
                    merge(&mut object[key], value);
                }
            }
        }
        other => *object = other,
    }
}
