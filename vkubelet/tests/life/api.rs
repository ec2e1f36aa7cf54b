//! An apiserver for Pods in memory: what a kube-apiserver does with the requests of the Pod loop, as far as it matters
//! here, and a log of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{Method, Request, Response};
use http_body_util::BodyExt;
use kube::Client;
use kube::client::Body;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::merge;

/// Subresources that have a patch of their own.
const SUBRESOURCES: [&str; 3] = ["status", "resize", "ephemeralcontainers"];

/// One cluster. Clones are one.
#[derive(Clone)]
pub(crate) struct Api {
    state: Arc<Mutex<State>>,
    /// An Event has come.
    told: Arc<Notify>,
    /// Requests that still take effect; the last one's answer comes too late.
    pub(crate) left: Arc<AtomicUsize>,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Value>,
    log: Vec<String>,
    /// Reason and note of each Event.
    events: Vec<String>,
    /// Requests that are refused when they are about spec or status, with code and message.
    refused: BTreeMap<String, (u16, String)>,
    /// Fields of a Pod's status that this version does not know.
    unknown: Vec<String>,
    /// The same of a spec.
    unknown_spec: Vec<String>,
    version: u64,
}

impl Api {
    pub(crate) fn new(left: Arc<AtomicUsize>) -> Self {
        Self {
            state: Arc::default(),
            told: Arc::default(),
            left,
        }
    }

    pub(crate) fn client(&self) -> Client {
        let api = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let api = api.clone();
            async move {
                let (head, body) = request.into_parts();
                let bytes = body.collect().await.unwrap().to_bytes();
                let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
                let (code, answer) = api.answer(&head.method, head.uri.path(), &body);
                Response::builder()
                    .status(code)
                    .body(Body::from(answer.to_string().into_bytes()))
            }
        });
        Client::new(service, "default")
    }

    /// Puts an object there as it is, but for its resourceVersion.
    pub(crate) fn put(&self, path: &str, mut object: Value) {
        let mut state = self.state.lock();
        state.version += 1;
        object["metadata"]["resourceVersion"] = json!(state.version.to_string());
        state.objects.insert(path.to_owned(), object);
    }

    /// Changes an object as somebody else does it.
    pub(crate) fn change(&self, path: &str, change: impl FnOnce(&mut Value)) {
        let mut object = self.get(path).unwrap();
        change(&mut object);
        self.put(path, object);
    }

    pub(crate) fn remove(&self, path: &str) {
        self.state.lock().objects.remove(path);
    }

    pub(crate) fn get(&self, path: &str) -> Option<Value> {
        self.state.lock().objects.get(path).cloned()
    }

    /// Refuses `request` (method and path) from now on.
    pub(crate) fn refuse(&self, request: &str, code: u16, message: &str) {
        let answer = (code, message.to_owned());
        self.state.lock().refused.insert(request.to_owned(), answer);
    }

    /// Refuses nothing any more.
    pub(crate) fn allow(&self) {
        self.state.lock().refused.clear();
    }

    /// What was asked since the last look, without Events.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().log)
    }

    /// The Events, once there are `count`.
    pub(crate) async fn events(&self, count: usize) -> Vec<String> {
        loop {
            let events = self.state.lock().events.clone();
            if events.len() >= count {
                return events;
            }
            self.told.notified().await;
        }
    }

    /// Drops `field` of a Pod's status from now on, as an older version does.
    pub(crate) fn forget(&self, field: &str) {
        self.state.lock().unknown.push(field.to_owned());
    }

    /// As [`Self::forget`], of the spec.
    pub(crate) fn forget_spec(&self, field: &str) {
        self.state.lock().unknown_spec.push(field.to_owned());
    }

    fn answer(&self, method: &Method, path: &str, body: &Value) -> (u16, Value) {
        if path.ends_with("/events") || path.contains("/events/") {
            let text = |field: &str| body[field].as_str().unwrap_or_default().to_owned();
            let event = format!("{}: {}", text("reason"), text("note"));
            self.state.lock().events.push(event);
            self.told.notify_one();
            return (201, body.clone());
        }
        let one_less = |left: usize| left.checked_sub(1);
        let left = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less);
        let Ok(left) = left else {
            return failure(500, "dead");
        };
        let answer = self.state.lock().act(method, path, body);
        // What it asked last took effect, but it never knew.
        if left == 1 { failure(500, "dead") } else { answer }
    }
}

impl State {
    fn act(&mut self, method: &Method, path: &str, body: &Value) -> (u16, Value) {
        let state = self;
        let request = format!("{method} {path}");
        state.log.push(request.clone());
        let is_wish = !body["spec"].is_null() || !body["status"].is_null();
        if let Some((code, message)) = state.refused.get(&request).filter(|_| is_wish) {
            return failure(*code, message);
        }
        match *method {
            Method::GET => match state.objects.get(path) {
                Some(object) => (200, object.clone()),
                None => state.list(path),
            },
            Method::PUT => state.replace(path, body),
            Method::POST => match path.strip_suffix("/binding") {
                Some(pod) => state.bind(pod, body),
                None => state.create(path, body),
            },
            Method::PATCH => state.patch(path, body),
            Method::DELETE => state.delete(path, body),
            _ => failure(405, "not here"),
        }
    }

    fn create(&mut self, path: &str, body: &Value) -> (u16, Value) {
        let path = format!("{path}/{}", body["metadata"]["name"].as_str().unwrap());
        if self.objects.contains_key(&path) {
            return failure(409, "already exists");
        }
        let mut object = body.clone();
        object["metadata"]["uid"] = json!("host-uid");
        object["metadata"]["generation"] = json!(1);
        object["status"] = json!({ "phase": "Pending" });
        (201, self.store(&path, object))
    }

    /// Of ResourceSlices, the one kind that is listed here; its selector is not looked at.
    fn list(&self, path: &str) -> (u16, Value) {
        if !path.ends_with("/resourceslices") {
            return failure(404, "not found");
        }
        let prefix = format!("{path}/");
        let all = self.objects.iter().filter(|(path, _)| path.starts_with(&prefix));
        let items: Vec<&Value> = all.map(|(_, object)| object).collect();
        let answer = json!({
            "apiVersion": "resource.k8s.io/v1", "kind": "ResourceSliceList", "metadata": {}, "items": items,
        });
        (200, answer)
    }

    fn replace(&mut self, path: &str, body: &Value) -> (u16, Value) {
        let Some(before) = self.objects.get(path) else {
            return failure(404, "not found");
        };
        let is_same = |field: &str| body["metadata"][field] == before["metadata"][field];
        if !is_same("uid") || !is_same("resourceVersion") {
            return failure(409, "it has changed");
        }
        (200, self.store(path, body.clone()))
    }

    fn bind(&mut self, pod: &str, binding: &Value) -> (u16, Value) {
        let Some(mut object) = self.objects.get(pod).cloned() else {
            return failure(404, "not found");
        };
        let uid = &binding["metadata"]["uid"];
        let is_bound = object["spec"]["nodeName"].is_string();
        if *uid != object["metadata"]["uid"] || is_bound || !object["metadata"]["deletionTimestamp"].is_null()
        {
            return failure(409, "another one, bound, or going");
        }
        object["spec"]["nodeName"] = binding["target"]["name"].clone();
        let scheduled = json!({ "conditions": [{ "type": "PodScheduled", "status": "True" }] });
        let mut status = object["status"].clone();
        merge::strategic(&mut status, &scheduled);
        for condition in status["conditions"].as_array_mut().unwrap() {
            if condition["type"] == "PodScheduled" {
                *condition = json!({ "type": "PodScheduled", "status": "True" });
            }
        }
        object["status"] = status;
        let pod = pod.to_owned();
        self.store(&pod, object);
        (
            201,
            json!({ "kind": "Status", "apiVersion": "v1", "status": "Success", "metadata": {} }),
        )
    }

    fn patch(&mut self, request: &str, patch: &Value) -> (u16, Value) {
        let (object, subresource) = match request.rsplit_once('/') {
            Some((pod, last)) if SUBRESOURCES.contains(&last) => (pod, Some(last)),
            _ => (request, None),
        };
        let Some(before) = self.objects.get(object).cloned() else {
            return failure(404, "not found");
        };
        let is_other = |field: &str| {
            let wanted = &patch["metadata"][field];
            !wanted.is_null() && *wanted != before["metadata"][field]
        };
        if is_other("uid") {
            return failure(422, "metadata.uid: Invalid value: field is immutable");
        }
        if is_other("resourceVersion") {
            return failure(409, "another one");
        }
        let mut patched = before.clone();
        merge::strategic(&mut patched, patch);
        // What a subresource is not for stays.
        let kept: &[&str] = match subresource {
            None => &["status"],
            Some("status") => &["spec"],
            Some(_) => &["metadata", "status"],
        };
        for field in kept {
            patched[*field] = before[*field].clone();
        }
        if patched["spec"] != before["spec"] {
            let generation = before["metadata"]["generation"].as_i64().unwrap_or(1);
            patched["metadata"]["generation"] = json!(generation + 1);
        }
        if patched == before {
            return (200, before);
        }
        let held = patched["metadata"]["finalizers"]
            .as_array()
            .is_some_and(|held| !held.is_empty());
        if patched["metadata"]["deletionGracePeriodSeconds"] == 0 && !held {
            self.objects.remove(object);
            return (200, patched);
        }
        let object = object.to_owned();
        (200, self.store(&object, patched))
    }

    fn delete(&mut self, path: &str, options: &Value) -> (u16, Value) {
        let Some(mut object) = self.objects.get(path).cloned() else {
            return failure(404, "not found");
        };
        let uid = &options["preconditions"]["uid"];
        if !uid.is_null() && *uid != object["metadata"]["uid"] {
            return failure(409, "another one");
        }
        let version = &options["preconditions"]["resourceVersion"];
        if !version.is_null() && *version != object["metadata"]["resourceVersion"] {
            return failure(409, "it has changed");
        }
        let grace = options["gracePeriodSeconds"].as_i64().unwrap_or(30);
        let placed = object["spec"]["nodeName"]
            .as_str()
            .is_some_and(|node| !node.is_empty());
        let ended = matches!(object["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
        // Nothing but a Pod needs time to end.
        let lives = path.contains("/pods/") && placed && !ended;
        let grace = if lives { grace } else { 0 };
        let held = object["metadata"]["finalizers"]
            .as_array()
            .is_some_and(|held| !held.is_empty());
        if grace == 0 && !held {
            self.objects.remove(path);
            return (200, object);
        }
        if object["metadata"]["deletionTimestamp"].is_null()
            && let Some(generation) = object["metadata"]["generation"].as_i64()
        {
            object["metadata"]["generation"] = json!(generation + 1);
        }
        object["metadata"]["deletionTimestamp"] = json!("2026-11-21T12:00:00Z");
        object["metadata"]["deletionGracePeriodSeconds"] = json!(grace);
        let path = path.to_owned();
        (200, self.store(&path, object))
    }

    fn store(&mut self, path: &str, mut object: Value) -> Value {
        let conditions = object.pointer_mut("/status/conditions");
        let conditions = conditions.and_then(Value::as_array_mut);
        for condition in conditions.into_iter().flatten() {
            let times = condition.as_object_mut().unwrap();
            times.entry("lastProbeTime").or_insert(json!(null));
            times.entry("lastTransitionTime").or_insert(json!(null));
        }
        for field in &self.unknown_spec {
            object["spec"].as_object_mut().and_then(|spec| spec.remove(field));
        }
        for field in &self.unknown {
            object["status"]
                .as_object_mut()
                .and_then(|status| status.remove(field));
        }
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.objects.insert(path.to_owned(), object.clone());
        object
    }
}

fn failure(code: u16, message: &str) -> (u16, Value) {
    let reason = match code {
        404 => "NotFound",
        409 => "Conflict",
        403 => "Forbidden",
        _ => "Invalid",
    };
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "reason": reason, "code": code,
        "metadata": {},
    });
    (code, status)
}
