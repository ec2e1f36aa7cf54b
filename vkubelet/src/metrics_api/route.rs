//! What a caller of `metrics.k8s.io` wants. Pure.

use form_urlencoded::parse as pairs;
use http::Method;

use super::selector::{Fields, Labels};
use super::{GROUP, VERSION};
use crate::server::review::Attributes;

/// Which kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `NodeMetrics`.
    Nodes,
    /// `PodMetrics`.
    Pods,
}

impl Kind {
    /// Plural in paths.
    pub fn plural(self) -> &'static str {
        match self {
            Self::Nodes => "nodes",
            Self::Pods => "pods",
        }
    }

    /// Kind of an object.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Nodes => "NodeMetrics",
            Self::Pods => "PodMetrics",
        }
    }
}

/// Which objects of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// By label.
    pub labels: Labels,
    /// By field.
    pub fields: Fields,
}

/// What is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// `/healthz`, `/livez`, `/readyz`.
    Health,
    /// `/apis`.
    Groups,
    /// `/apis/metrics.k8s.io`.
    Group,
    /// `/apis/metrics.k8s.io/v1beta1`.
    Resources,
    /// `/openapi/v2`.
    OpenApi2,
    /// `/openapi/v3`.
    OpenApi3,
    /// A list.
    List {
        /// Which kind.
        kind: Kind,
        /// Tenant namespace; empty for all, and for nodes.
        namespace: String,
        /// Which of them.
        selection: Selection,
    },
    /// One object.
    Get {
        /// Which kind.
        kind: Kind,
        /// Tenant namespace; empty for nodes.
        namespace: String,
        /// Its name.
        name: String,
    },
}

/// Why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No such path.
    NotFound,
    /// Nothing is written here, and nothing is watched.
    Method,
    /// The query makes no sense.
    Query(String),
}

impl Route {
    /// What the tenant's authorizer must allow; `None` for what every user may see.
    pub fn attributes(&self) -> Option<Attributes> {
        let (verb, kind, namespace, name) = match self {
            Self::Health | Self::Groups | Self::Group | Self::Resources | Self::OpenApi2 | Self::OpenApi3 => {
                return None;
            }
            Self::List { kind, namespace, .. } => ("list", kind, namespace.clone(), String::new()),
            Self::Get {
                kind,
                namespace,
                name,
            } => ("get", kind, namespace.clone(), name.clone()),
        };
        Some(Attributes {
            verb,
            group: GROUP,
            version: VERSION,
            resource: kind.plural(),
            subresource: "",
            namespace,
            name,
        })
    }

    /// Its name in metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Health => "metrics.k8s.io/health",
            Self::Groups | Self::Group | Self::Resources | Self::OpenApi2 | Self::OpenApi3 => {
                "metrics.k8s.io/discovery"
            }
            Self::List { .. } => "metrics.k8s.io/list",
            Self::Get { .. } => "metrics.k8s.io/get",
        }
    }
}

/// Reads method, path and query.
///
/// # Errors
/// [`Refusal`].
pub fn parse(method: &Method, path: &str, query: Option<&str>) -> Result<Route, Refusal> {
    let segments: Vec<&str> = path
        .strip_prefix('/')
        .ok_or(Refusal::NotFound)?
        .trim_end_matches('/')
        .split('/')
        .collect();
    let query = query.unwrap_or_default();
    let list = |kind, namespace: &str| {
        Ok(Route::List {
            kind,
            namespace: namespace.to_owned(),
            selection: selection(query)?,
        })
    };
    let get = |kind, namespace: &str, name: &str| Route::Get {
        kind,
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    };
    let route = match segments.as_slice() {
        ["healthz" | "livez" | "readyz"] => Route::Health,
        ["openapi", "v2"] => Route::OpenApi2,
        ["openapi", "v3"] => Route::OpenApi3,
        ["apis"] => Route::Groups,
        ["apis", GROUP] => Route::Group,
        ["apis", GROUP, VERSION] => Route::Resources,
        ["apis", GROUP, VERSION, rest @ ..] => match rest {
            ["nodes"] => list(Kind::Nodes, "")?,
            ["nodes", name] => get(Kind::Nodes, "", segment(name)?),
            ["pods"] => list(Kind::Pods, "")?,
            ["namespaces", namespace, "pods"] => list(Kind::Pods, segment(namespace)?)?,
            ["namespaces", namespace, "pods", name] => get(Kind::Pods, segment(namespace)?, segment(name)?),
            _ => return Err(Refusal::NotFound),
        },
        _ => return Err(Refusal::NotFound),
    };
    if method == Method::GET && !watches(query) {
        Ok(route)
    } else {
        Err(Refusal::Method)
    }
}

fn segment(text: &str) -> Result<&str, Refusal> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    if text.is_empty() || !text.bytes().all(plain) {
        return Err(Refusal::NotFound);
    }
    Ok(text)
}

fn watches(query: &str) -> bool {
    pairs(query.as_bytes())
        .any(|(key, value)| key == "watch" && value != "0" && !value.eq_ignore_ascii_case("false"))
}

fn selection(query: &str) -> Result<Selection, Refusal> {
    let mut selection = Selection::default();
    for (key, value) in pairs(query.as_bytes()) {
        match key.as_ref() {
            "labelSelector" => selection.labels = Labels::parse(&value).map_err(Refusal::Query)?,
            "fieldSelector" => selection.fields = Fields::parse(&value).map_err(Refusal::Query)?,
            _ => {}
        }
    }
    Ok(selection)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "/apis/metrics.k8s.io/v1beta1";

    fn get(path: &str, query: &str) -> Result<Route, Refusal> {
        parse(&Method::GET, path, Some(query))
    }

    #[test]
    fn discovery_and_health() {
        assert_eq!(get("/apis", ""), Ok(Route::Groups));
        assert_eq!(get("/apis/", ""), Ok(Route::Groups));
        assert_eq!(get("/apis/metrics.k8s.io", ""), Ok(Route::Group));
        assert_eq!(get(ROOT, "timeout=32s"), Ok(Route::Resources));
        assert_eq!(get("/readyz", ""), Ok(Route::Health));
        assert_eq!(get("/openapi/v2", ""), Ok(Route::OpenApi2));
        assert_eq!(get("/openapi/v3", ""), Ok(Route::OpenApi3));
    }

    #[test]
    fn lists_and_objects_with_what_they_need() {
        let list = get(
            &format!("{ROOT}/namespaces/ns/pods"),
            "labelSelector=app%3Dweb&fieldSelector=metadata.name%3Da",
        )
        .unwrap();
        let Route::List {
            kind,
            namespace,
            selection,
        } = &list
        else {
            panic!("{list:?}")
        };
        assert_eq!((*kind, namespace.as_str()), (Kind::Pods, "ns"));
        assert!(selection.fields.select("ns", "a") && !selection.fields.select("ns", "b"));
        assert!(!selection.labels.select(&[].into()));
        let attributes = list.attributes().unwrap();
        assert_eq!(
            (
                attributes.verb,
                attributes.resource,
                attributes.namespace.as_str()
            ),
            ("list", "pods", "ns")
        );

        let one = get(&format!("{ROOT}/nodes/n1"), "").unwrap();
        let attributes = one.attributes().unwrap();
        assert_eq!(
            (attributes.verb, attributes.resource, attributes.name.as_str()),
            ("get", "nodes", "n1")
        );
        let all = get(&format!("{ROOT}/pods"), "").unwrap();
        assert_eq!(all.attributes().unwrap().namespace, "");
        assert_eq!(get(ROOT, "").unwrap().attributes(), None);
    }

    #[test]
    fn everything_else_is_refused() {
        for path in [
            "",
            "apis",
            "/",
            "/openapi",
            "/openapi/v3/apis/metrics.k8s.io/v1beta1",
            "/api/v1/pods",
            "/apis/metrics.k8s.io/v1",
            "/apis/metrics.k8s.io/v1beta1/namespaces/ns",
            "/apis/metrics.k8s.io/v1beta1/namespaces//pods",
            "/apis/metrics.k8s.io/v1beta1/namespaces/ns/nodes",
            "/apis/metrics.k8s.io/v1beta1/nodes/a%2fb",
            "/apis/metrics.k8s.io/v1beta1/pods/x",
        ] {
            assert_eq!(get(path, ""), Err(Refusal::NotFound), "{path}");
        }
        let pods = format!("{ROOT}/pods");
        assert_eq!(get(&pods, "watch=true"), Err(Refusal::Method));
        assert!(get(&pods, "watch=false").is_ok());
        for method in [Method::POST, Method::DELETE, Method::PUT] {
            assert_eq!(parse(&method, &pods, None), Err(Refusal::Method), "{method}");
        }
        assert!(matches!(
            get(&pods, "labelSelector=a%20b"),
            Err(Refusal::Query(_))
        ));
        assert!(matches!(
            get(&pods, "fieldSelector=spec.x%3D1"),
            Err(Refusal::Query(_))
        ));
    }
}
