//! Pure: what one request asks of an apiserver.

use std::fmt;

use http::{Method, Uri};

/// Which apiserver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The host's.
    Host,
    /// The tenant's.
    Tenant,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// One object.
    Get,
    /// A collection.
    List,
    /// The changes of a collection.
    Watch,
    /// POST.
    Create,
    /// PUT.
    Update,
    /// PATCH.
    Patch,
    /// DELETE.
    Delete,
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Call {
    /// Which apiserver.
    pub side: Side,
    /// What is asked for.
    pub verb: Verb,
    /// Plural, with the subresource: `services`, `services/status`.
    pub resource: String,
    /// Empty for what is in no namespace, and for collections of all.
    pub namespace: String,
    /// Empty for collections; of a new object what its body says.
    pub name: String,
}

impl Verb {
    /// Whether it changes something.
    pub const fn writes(self) -> bool {
        matches!(self, Self::Create | Self::Update | Self::Patch | Self::Delete)
    }
}

impl Call {
    /// Reads method, path and query. `None` for what is no object's: discovery, health.
    pub fn parse(side: Side, method: &Method, uri: &Uri) -> Option<Self> {
        let mut segments = uri.path().split('/').filter(|segment| !segment.is_empty());
        match segments.next()? {
            "api" => segments.next()?,
            "apis" => segments.nth(1)?,
            _ => return None,
        };
        let rest: Vec<&str> = segments.collect();
        let (namespace, rest) = match rest.as_slice() {
            ["namespaces", namespace, rest @ ..] if !rest.is_empty() && !is_of_namespace(rest) => {
                (*namespace, rest)
            }
            rest => ("", rest),
        };
        let (resource, name) = match rest {
            [resource] => ((*resource).to_owned(), ""),
            [resource, name] => ((*resource).to_owned(), *name),
            [resource, name, subresource] => (format!("{resource}/{subresource}"), *name),
            _ => return None,
        };
        let watches = uri.query().is_some_and(|query| {
            query
                .split('&')
                .any(|pair| matches!(pair, "watch=true" | "watch=1"))
        });
        let verb = match *method {
            Method::GET if watches => Verb::Watch,
            Method::GET if name.is_empty() => Verb::List,
            Method::GET => Verb::Get,
            Method::POST => Verb::Create,
            Method::PUT => Verb::Update,
            Method::PATCH => Verb::Patch,
            Method::DELETE => Verb::Delete,
            _ => return None,
        };
        Some(Self {
            side,
            verb,
            resource,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        })
    }

    /// Whether a sweep counts it: every write but renewals of leases, and all of those of Nodes, which go by the clock,
    /// and Events, which nobody waits for.
    pub fn counts(&self) -> bool {
        let of_nodes = self.namespace == "kube-node-lease";
        let by_the_clock = self.resource == "leases" && (self.verb == Verb::Update || of_nodes);
        self.verb.writes() && !by_the_clock && self.resource != "events"
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            side,
            verb,
            resource,
            namespace,
            name,
        } = self;
        write!(f, "{side:?} {verb:?} {resource} {namespace}/{name}")
    }
}

/// Subresources of a namespace itself.
fn is_of_namespace(rest: &[&str]) -> bool {
    matches!(rest, ["status" | "finalize"])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(method: &Method, uri: &str) -> Option<String> {
        Call::parse(Side::Host, method, &uri.parse().unwrap()).map(|call| call.to_string())
    }

    #[test]
    fn a_request_is_known_by_verb_resource_namespace_and_name() {
        let cases = [
            (Method::GET, "/api/v1/pods?limit=100", "Host List pods /"),
            (
                Method::GET,
                "/api/v1/pods?resourceVersion=4&watch=true",
                "Host Watch pods /",
            ),
            (
                Method::GET,
                "/api/v1/namespaces/kube-system",
                "Host Get namespaces /kube-system",
            ),
            (
                Method::POST,
                "/api/v1/namespaces/a/services",
                "Host Create services a/",
            ),
            (
                Method::PATCH,
                "/api/v1/namespaces/a/services/web/status",
                "Host Patch services/status a/web",
            ),
            (
                Method::PUT,
                "/apis/coordination.k8s.io/v1/namespaces/a/leases/syncer",
                "Host Update leases a/syncer",
            ),
            (
                Method::DELETE,
                "/apis/storage.k8s.io/v1/storageclasses/fast",
                "Host Delete storageclasses /fast",
            ),
        ];
        for (method, uri, read) in cases {
            assert_eq!(parse(&method, uri).as_deref(), Some(read), "{method} {uri}");
        }
    }

    #[test]
    fn what_is_no_objects_is_no_call() {
        for uri in ["/", "/api", "/api/v1", "/apis/apps/v1", "/readyz", "/version"] {
            assert_eq!(parse(&Method::GET, uri), None, "{uri}");
        }
    }

    #[test]
    fn renewals_and_events_are_not_counted_and_a_new_lease_is() {
        let counts = |method: Method, uri: &str| {
            Call::parse(Side::Host, &method, &uri.parse().unwrap())
                .unwrap()
                .counts()
        };
        let leases = "/apis/coordination.k8s.io/v1/namespaces/a/leases";
        assert!(counts(Method::POST, leases));
        assert!(!counts(Method::PUT, &format!("{leases}/syncer")));
        let of_nodes = leases.replace("/a/", "/kube-node-lease/");
        assert!(!counts(Method::PATCH, &format!("{of_nodes}/n1")));
        assert!(!counts(
            Method::POST,
            "/apis/events.k8s.io/v1/namespaces/a/events"
        ));
        assert!(!counts(Method::GET, "/api/v1/services"));
    }
}
