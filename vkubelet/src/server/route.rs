//! What a caller of the kubelet API wants. Pure: exact segments, nothing decoded, everything else refused.

use http::Method;

mod query;

pub use query::{Logs, Streams};

/// A container of a Pod, in tenant names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodRef {
    /// Tenant namespace.
    pub namespace: String,
    /// Tenant name.
    pub pod: String,
    /// The Pod's UID, where the path has one.
    pub uid: Option<String>,
}

/// What is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// `/containerLogs/{ns}/{pod}/{container}`.
    Logs {
        /// Which Pod.
        pod: PodRef,
        /// Which container.
        container: String,
        /// Checked query.
        query: Logs,
    },
    /// `/exec/{ns}/{pod}[/{uid}]/{container}`.
    Exec {
        /// Which Pod.
        pod: PodRef,
        /// Which container.
        container: String,
        /// Command and arguments, at least one.
        command: Vec<String>,
        /// Which streams.
        streams: Streams,
    },
    /// `/attach/{ns}/{pod}[/{uid}]/{container}`.
    Attach {
        /// Which Pod.
        pod: PodRef,
        /// Which container.
        container: String,
        /// Which streams.
        streams: Streams,
    },
    /// `/portForward/{ns}/{pod}[/{uid}]`.
    PortForward {
        /// Which Pod.
        pod: PodRef,
        /// Ports (WebSocket only; SPDY names them inside).
        ports: Vec<u16>,
    },
    /// `/pods`: all of this cluster on the node.
    Pods,
    /// `/runningpods/`: those that run.
    RunningPods,
    /// `/healthz`, `/healthz/{ping,log,syncloop}`.
    Healthz,
    /// `/stats/summary`.
    Summary,
    /// `/metrics` and below.
    Metrics(MetricsPage),
    /// `/configz`.
    Configz,
}

/// Which metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricsPage {
    /// `/metrics`: the kubelet's own.
    Own,
    /// `/metrics/resource`.
    Resource,
    /// `/metrics/cadvisor`.
    Cadvisor,
    /// `/metrics/probes`: this kubelet probes nothing itself.
    Probes,
    /// `/metrics/slis`.
    Slis,
}

impl Route {
    /// Its name in metrics and logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Logs { .. } => "containerLogs",
            Self::Exec { .. } => "exec",
            Self::Attach { .. } => "attach",
            Self::PortForward { .. } => "portForward",
            Self::Pods => "pods",
            Self::RunningPods => "runningpods",
            Self::Healthz => "healthz",
            Self::Summary => "stats/summary",
            Self::Metrics(MetricsPage::Own) => "metrics",
            Self::Metrics(MetricsPage::Resource) => "metrics/resource",
            Self::Metrics(MetricsPage::Cadvisor) => "metrics/cadvisor",
            Self::Metrics(MetricsPage::Probes) => "metrics/probes",
            Self::Metrics(MetricsPage::Slis) => "metrics/slis",
            Self::Configz => "configz",
        }
    }
}

/// Why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No such path.
    NotFound,
    /// A path of real kubelets that no tenant gets.
    Forbidden,
    /// The path is there, for these methods.
    Method(&'static str),
    /// The query makes no sense.
    Query(String),
    /// The query can be read, but asks for what cannot be.
    Unprocessable(String),
}

const READ: &str = "GET";
const STREAM: &str = "GET, POST";

/// Paths of real kubelets that would show or do what belongs to the host.
const FORBIDDEN: [&str; 7] = ["run", "logs", "checkpoint", "debug", "flagz", "statusz", "cri"];

/// Reads method, path and query of a request.
///
/// # Errors
/// [`Refusal`].
pub fn parse(method: &Method, path: &str, query: Option<&str>) -> Result<Route, Refusal> {
    let segments: Vec<&str> = path
        .strip_prefix('/')
        .ok_or(Refusal::NotFound)?
        .split('/')
        .collect();
    let query = query.unwrap_or_default();
    let stream =
        |route: Result<Route, Refusal>| allow(method, &[Method::GET, Method::POST], STREAM).and(route);
    let read = |route: Result<Route, Refusal>| allow(method, &[Method::GET], READ).and(route);
    let metrics = |page| Ok(Route::Metrics(page));
    match segments.as_slice() {
        // A kubelet answers these whatever the method.
        ["healthz"] | ["healthz", "ping" | "log" | "syncloop"] => Ok(Route::Healthz),
        ["configz"] => Ok(Route::Configz),
        ["metrics"] => metrics(MetricsPage::Own),
        ["metrics", "resource"] => metrics(MetricsPage::Resource),
        ["metrics", "cadvisor"] => metrics(MetricsPage::Cadvisor),
        ["metrics", "probes"] => metrics(MetricsPage::Probes),
        ["metrics", "slis"] => metrics(MetricsPage::Slis),
        ["stats", "summary"] => stream(Ok(Route::Summary)),
        ["pods"] | ["pods", ""] => read(Ok(Route::Pods)),
        ["runningpods"] | ["runningpods", ""] => read(Ok(Route::RunningPods)),
        ["containerLogs", namespace, pod, container] => {
            read(logs(pod_ref(namespace, pod, None)?, container, query))
        }
        ["exec", namespace, pod, container] => stream(exec(pod_ref(namespace, pod, None)?, container, query)),
        ["exec", namespace, pod, uid, container] => {
            stream(exec(pod_ref(namespace, pod, Some(uid))?, container, query))
        }
        ["attach", namespace, pod, container] => {
            stream(attach(pod_ref(namespace, pod, None)?, container, query))
        }
        ["attach", namespace, pod, uid, container] => {
            stream(attach(pod_ref(namespace, pod, Some(uid))?, container, query))
        }
        ["portForward", namespace, pod] => stream(port_forward(pod_ref(namespace, pod, None)?, query)),
        ["portForward", namespace, pod, uid] => {
            stream(port_forward(pod_ref(namespace, pod, Some(uid))?, query))
        }
        [first, ..] if FORBIDDEN.contains(first) => Err(Refusal::Forbidden),
        _ => Err(Refusal::NotFound),
    }
}

fn allow(method: &Method, allowed: &[Method], header: &'static str) -> Result<(), Refusal> {
    if allowed.contains(method) {
        Ok(())
    } else {
        Err(Refusal::Method(header))
    }
}

fn logs(pod: PodRef, container: &str, query: &str) -> Result<Route, Refusal> {
    let container = segment(container)?;
    Ok(Route::Logs {
        pod,
        container,
        query: Logs::parse(query)?,
    })
}

fn exec(pod: PodRef, container: &str, query: &str) -> Result<Route, Refusal> {
    let container = segment(container)?;
    let command = query::all(query, "command");
    if command.is_empty() {
        return Err(Refusal::Query("you must specify a command".to_owned()));
    }
    Ok(Route::Exec {
        pod,
        container,
        command,
        streams: streams(query)?,
    })
}

fn attach(pod: PodRef, container: &str, query: &str) -> Result<Route, Refusal> {
    Ok(Route::Attach {
        pod,
        container: segment(container)?,
        streams: streams(query)?,
    })
}

fn port_forward(pod: PodRef, query: &str) -> Result<Route, Refusal> {
    Ok(Route::PortForward {
        pod,
        ports: query::ports(query).map_err(Refusal::Query)?,
    })
}

fn streams(query: &str) -> Result<Streams, Refusal> {
    Streams::parse(query).map_err(Refusal::Query)
}

fn pod_ref(namespace: &str, pod: &str, uid: Option<&&str>) -> Result<PodRef, Refusal> {
    let uid = uid.map(|uid| segment(uid)).transpose()?;
    Ok(PodRef {
        namespace: segment(namespace)?,
        pod: segment(pod)?,
        uid,
    })
}

/// A name as the API allows it: no escapes, no empty segment, nothing that a path resolver would act on.
fn segment(text: &str) -> Result<String, Refusal> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    let dots = text.starts_with('.') || text.ends_with('.') || text.contains("..");
    if text.is_empty() || text.len() > 253 || dots || !text.bytes().all(plain) {
        return Err(Refusal::NotFound);
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests;
