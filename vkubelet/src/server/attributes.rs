//! What a request to a kubelet means to the authorizer: attributes of the Node, by path and method. Pure.

use http::Method;

use super::review::Attributes;

/// Paths by which something is done to a Pod. A kubelet lets WebSocket clients do it with `get`; here it is always
/// `create`, so that nobody who may only read gets a shell.
const DOING: [&str; 4] = ["/exec", "/attach", "/portForward", "/run"];

/// Each of these is enough; the last one is what a kubelet before fine-grained authorization asked.
pub fn of(method: &Method, path: &str, node: &str) -> Vec<Attributes> {
    let verb = if DOING.iter().any(|doing| is_below(path, doing)) {
        "create"
    } else {
        verb(method)
    };
    subresources(path)
        .into_iter()
        .map(|subresource| Attributes {
            verb,
            group: "",
            version: "v1",
            resource: "nodes",
            subresource,
            namespace: String::new(),
            name: node.to_owned(),
        })
        .collect()
}

fn verb(method: &Method) -> &'static str {
    match method.as_str() {
        "POST" => "create",
        "GET" => "get",
        "PUT" => "update",
        "PATCH" => "patch",
        "DELETE" => "delete",
        _ => "",
    }
}

fn subresources(path: &str) -> Vec<&'static str> {
    let fine = [
        ("/pods", "pods"),
        ("/healthz", "healthz"),
        ("/configz", "configz"),
        ("/runningpods", "pods"),
    ];
    let whole = [
        ("/stats", "stats"),
        ("/metrics", "metrics"),
        ("/logs", "log"),
        ("/checkpoint", "checkpoint"),
        ("/statusz", "statusz"),
        ("/flagz", "configz"),
    ];
    let look_up = |table: &[(&str, &'static str)]| {
        table
            .iter()
            .find(|(root, _)| is_below(path, root))
            .map(|(_, subresource)| *subresource)
    };
    let mut subresources: Vec<_> = look_up(&fine).into_iter().collect();
    subresources.push(look_up(&whole).unwrap_or("proxy"));
    subresources
}

/// The path itself, or something below it.
fn is_below(path: &str, root: &str) -> bool {
    path.strip_prefix(root)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A kubelet's words for who may not.
pub fn forbidden(user: &str, wanted: &[Attributes]) -> String {
    let first = wanted.first().cloned().unwrap_or_default();
    let subresources: Vec<_> = wanted.iter().map(|one| one.subresource).collect();
    format!(
        "Forbidden (user={user}, verb={}, resource={}, subresource(s)=[{}])\n",
        first.verb,
        first.resource,
        subresources.join(" ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_a_kubelet_asks_but_stricter_where_something_is_done() {
        let cases: [(&str, &str, &str, &[&str]); 21] = [
            ("GET", "/pods", "get", &["pods", "proxy"]),
            ("GET", "/podsx", "get", &["proxy"]),
            ("GET", "/runningpods/", "get", &["pods", "proxy"]),
            ("GET", "/healthz", "get", &["healthz", "proxy"]),
            ("GET", "/healthz/ping", "get", &["healthz", "proxy"]),
            ("GET", "/configz", "get", &["configz", "proxy"]),
            ("GET", "/stats/summary", "get", &["stats"]),
            ("GET", "/metrics", "get", &["metrics"]),
            ("GET", "/metrics/resource", "get", &["metrics"]),
            ("GET", "/metricsx", "get", &["proxy"]),
            ("GET", "/logs/", "get", &["log"]),
            ("POST", "/checkpoint/ns/p/c", "create", &["checkpoint"]),
            ("GET", "/statusz", "get", &["statusz"]),
            ("GET", "/flagz", "get", &["configz"]),
            ("GET", "/containerLogs/ns/p/c", "get", &["proxy"]),
            ("GET", "/exec/ns/p/c", "create", &["proxy"]),
            ("GET", "/attach/ns/p/c", "create", &["proxy"]),
            ("POST", "/portForward/ns/p", "create", &["proxy"]),
            ("PUT", "/run/ns/p/c", "create", &["proxy"]),
            ("DELETE", "/anything", "delete", &["proxy"]),
            ("OPTIONS", "/anything", "", &["proxy"]),
        ];
        for (method, path, verb, subresources) in cases {
            let wanted = of(&method.parse().unwrap(), path, "n1");
            let found: Vec<_> = wanted.iter().map(|one| one.subresource).collect();
            assert_eq!(found, subresources, "{method} {path}");
            let same = |one: &Attributes| one.verb == verb && one.name == "n1" && one.resource == "nodes";
            assert!(wanted.iter().all(same), "{method} {path}: {wanted:?}");
        }
    }

    #[test]
    fn a_refusal_is_a_kubelets() {
        assert_eq!(
            forbidden("u", &of(&Method::GET, "/pods", "n1")),
            "Forbidden (user=u, verb=get, resource=nodes, subresource(s)=[pods proxy])\n"
        );
    }
}
