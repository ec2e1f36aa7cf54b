//! Logs, exec, attach and port-forward: finds the Pod, begins a session, and leaves the bytes to [`logs`] and
//! [`Tunnel`].

use http::{Request, StatusCode};
use hyper::body::Incoming;
use warren_translate::kinds::pod::scrub;

use super::answer::{Answer, text};
use super::api::Kubelet;
use super::ends::End;
use super::find::{Absent, Found};
use super::logs;
use super::route::{PodRef, Route};
use super::tunnel::Tunnel;

/// What is streamed between caller and Pod.
struct Wanted<'a> {
    node: &'a str,
    pod: &'a PodRef,
    container: Option<&'a str>,
    /// Subresource of the host's Pod.
    subresource: &'static str,
    /// The host API's query.
    query: String,
}

impl Kubelet {
    /// Answers a route that is a stream; others are not for here.
    pub(super) async fn stream(&self, request: Request<Incoming>, node: &str, route: &Route) -> Answer {
        let (pod, container, subresource, query) = match route {
            Route::Logs {
                pod,
                container,
                query,
            } => (pod, Some(container), "log", query.host_query(container)),
            Route::Exec {
                pod,
                container,
                command,
                streams,
            } => (
                pod,
                Some(container),
                "exec",
                streams.host_query(container, command),
            ),
            Route::Attach {
                pod,
                container,
                streams,
            } => (pod, Some(container), "attach", streams.host_query(container, &[])),
            Route::PortForward { pod, ports } => {
                let ports: Vec<String> = ports.iter().map(|port| format!("ports={port}")).collect();
                (pod, None, "portforward", ports.join("&"))
            }
            _ => return text(StatusCode::NOT_FOUND, "404 page not found"),
        };
        let wanted = Wanted {
            node,
            pod,
            container: container.map(String::as_str),
            subresource,
            query,
        };
        if let Route::Logs { query, .. } = route {
            self.logs(&wanted, query.follow).await
        } else {
            self.tunnel(request, &wanted, route.name()).await
        }
    }

    async fn logs(&self, wanted: &Wanted<'_>, follow: bool) -> Answer {
        let (found, end) = match self.find(wanted) {
            Ok(both) => both,
            Err(absent) => return no_logs(absent, wanted),
        };
        let Some(session) = self.sessions.begin() else {
            return too_many();
        };
        let until = logs::Until {
            end: Box::pin(end.of_logs()),
            cut: self.sessions.cut.clone(),
        };
        let path = (self.host_path(&found, wanted), logs::patience(follow));
        let scrub = |text: &str| self.scrub(&found, text);
        logs::stream(&self.host, &found, path, session, until, scrub).await
    }

    async fn tunnel(&self, request: Request<Incoming>, wanted: &Wanted<'_>, route: &'static str) -> Answer {
        let (found, end) = match self.find(wanted) {
            Ok(both) => both,
            Err(absent) => return no_session(absent, wanted),
        };
        let Some(session) = self.sessions.begin() else {
            return too_many();
        };
        let tunnel = Tunnel {
            host: &self.host,
            found: &found,
            route,
            path_and_query: self.host_path(&found, wanted),
            end,
        };
        let scrub = |text: &str| self.scrub(&found, text);
        tunnel
            .open(request, session, &self.sessions, &self.own, scrub)
            .await
    }

    fn find(&self, wanted: &Wanted<'_>) -> Result<(Found, End), Absent> {
        let found = self.finder.find(wanted.node, wanted.pod, wanted.container)?;
        let end = self
            .ends
            .watch(&found.host_uid, || self.finder.host_pod(&found.host));
        Ok((found, end))
    }

    /// Both names come from Warren's own records, so nothing in them needs escaping.
    fn host_path(&self, found: &Found, wanted: &Wanted<'_>) -> String {
        let namespace = &self.finder.cluster.workload_namespace;
        let Wanted {
            subresource, query, ..
        } = wanted;
        let separator = if query.is_empty() { "" } else { "?" };
        format!(
            "/api/v1/namespaces/{namespace}/pods/{}/{subresource}{separator}{query}",
            found.host
        )
    }

    fn scrub(&self, found: &Found, text: &str) -> String {
        scrub(&self.finder.cluster, &found.tenant, &found.host, text)
    }
}

/// A kubelet's words for logs that cannot be.
fn no_logs(absent: Absent, wanted: &Wanted<'_>) -> Answer {
    let (pod, container) = (&wanted.pod.pod, wanted.container.unwrap_or_default());
    match absent {
        Absent::Pod => text(StatusCode::NOT_FOUND, &format!("pod {pod:?} does not exist")),
        Absent::Container => text(
            StatusCode::NOT_FOUND,
            &format!("container {container:?} not found in pod {pod:?}"),
        ),
        Absent::NotStarted => text(
            StatusCode::BAD_REQUEST,
            &format!("container {container:?} in pod {pod:?} is waiting to start: ContainerCreating"),
        ),
        Absent::Ended => text(
            StatusCode::BAD_REQUEST,
            &format!("container {container:?} in pod {pod:?} is not available"),
        ),
    }
}

/// A kubelet's words for a session that cannot be.
fn no_session(absent: Absent, wanted: &Wanted<'_>) -> Answer {
    let message = match (absent, wanted.container) {
        (Absent::Pod, _) => "pod does not exist".to_owned(),
        (_, Some(container)) => {
            format!("container not found ({container:?})")
        }
        (_, None) => {
            format!("pod not found (\"{}_{}\")", wanted.pod.pod, wanted.pod.namespace)
        }
    };
    text(StatusCode::NOT_FOUND, &message)
}

/// 503: too many sessions.
fn too_many() -> Answer {
    text(
        StatusCode::SERVICE_UNAVAILABLE,
        "too many sessions on this node; try again later",
    )
}
