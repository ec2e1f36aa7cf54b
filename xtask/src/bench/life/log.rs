//! Pure: reads requests from a kube-apiserver's log. It writes one line for each when it is done, from verbosity 3 on
//! (`staging/src/k8s.io/apiserver/pkg/server/httplog`).

use anyhow::{Context as _, Result};

/// A request for an object or several.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Request {
    /// `VERB resource/subresource`, with the verbs of the apiserver's metrics (`LIST`, `APPLY`, …).
    pub(super) what: String,
    /// The program that asked.
    pub(super) agent: String,
}

/// The requests between two marks. Watches are left out: they are logged when they end, after minutes; and so is
/// what is not about objects (health, discovery).
pub(super) fn between(log: &str, begin: &str, end: &str) -> Result<Vec<Request>> {
    let at = |mark: &str| log.find(mark).with_context(|| format!("no mark {mark}"));
    let (from, to) = (at(begin)?, at(end)?);
    let part = log.get(from..to).context("the marks are in the wrong order")?;
    Ok(part.lines().filter_map(parse).collect())
}

fn parse(line: &str) -> Option<Request> {
    // What follows are pairs; strings in them are quoted as in Go, and none of these has a quote in it.
    let (_, pairs) = line.split_once(r#"] "HTTP" "#)?;
    let value = |key: &str| Some(pairs.split_once(&format!("{key}=\""))?.1.split_once('"')?.0);
    let verb = value("verb")?;
    if matches!(verb, "WATCH" | "CONNECT") {
        return None;
    }
    Some(Request {
        what: format!("{verb} {}", resource(value("URI")?)?),
        agent: program(value("userAgent")?).to_owned(),
    })
}

/// `resource` or `resource/subresource` of an address; none where it is not about objects.
fn resource(address: &str) -> Option<String> {
    let path = address.split('?').next()?;
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let (["api", _, of_group @ ..] | ["apis", _, _, of_group @ ..]) = parts.as_slice() else {
        return None;
    };
    let plain = match of_group {
        ["namespaces", _, "status" | "finalize"] => of_group,
        ["namespaces", _, rest @ ..] if !rest.is_empty() => rest,
        _ => of_group,
    };
    match plain {
        [resource, _, subresource, ..] => Some(format!("{resource}/{subresource}")),
        [resource, ..] => Some((*resource).to_owned()),
        [] => None,
    }
}

/// `kubelet` of `kubelet/v1.37.0 (linux/amd64) kubernetes/…`.
fn program(agent: &str) -> &str {
    match agent.split(['/', ' ']).next() {
        None | Some("") => "without a name",
        Some(program) => program,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(verb: &str, address: &str, agent: &str) -> String {
        format!(
            "I1121 18:22:51.123456   12345 httplog.go:135] \"HTTP\" verb=\"{verb}\" URI=\"{address}\" \
             latency=\"3.1ms\" userAgent=\"{agent}\" contentType=\"application/json\" audit-ID=\"0a1b\" \
             srcIP=\"10.88.0.11:4242\" apf_pl=\"system\" resp=200\n"
        )
    }

    #[test]
    fn requests_between_the_marks_are_read_with_who_asked() {
        let log = [
            line("DELETE", "/api/v1/namespaces/a/pods/before", "kubelet/v1.37.0"),
            line("GET", "/version?bench=7-idle-begin", "bench"),
            line(
                "PATCH",
                "/api/v1/namespaces/a/pods/p/status",
                "kubelet/v1.37.0 (linux/amd64) kubernetes/$Format",
            ),
            "E1121 18:22:51.2 1 x.go:1] \"Something else\" verb=\"PUT\"\n".to_owned(),
            line("WATCH", "/api/v1/pods?watch=true", "warren-vkubelet/0.1.0"),
            line("LIST", "/apis/coordination.k8s.io/v1/leases?limit=500", ""),
            line("GET", "/readyz", "kube-probe/1.37"),
            line("GET", "/version?bench=7-idle-end", "bench"),
            line("DELETE", "/api/v1/namespaces/a/pods/after", "kubelet/v1.37.0"),
        ]
        .concat();
        let found = between(&log, "/version?bench=7-idle-begin", "/version?bench=7-idle-end").unwrap();
        let found: Vec<_> = found
            .iter()
            .map(|r| (r.what.as_str(), r.agent.as_str()))
            .collect();
        assert_eq!(
            found,
            [
                ("PATCH pods/status", "kubelet"),
                ("LIST leases", "without a name")
            ]
        );
    }

    #[test]
    fn a_log_without_its_marks_is_no_measurement() {
        let log = line("GET", "/version?bench=7-idle-begin", "bench");
        let error = between(&log, "/version?bench=7-idle-begin", "/version?bench=7-idle-end").unwrap_err();
        assert_eq!(error.to_string(), "no mark /version?bench=7-idle-end");
    }

    #[test]
    fn the_resource_is_told_from_names_and_namespaces() {
        for (address, expected) in [
            ("/api/v1/namespaces/a/pods", Some("pods")),
            ("/api/v1/namespaces/a/pods/p?x=/y", Some("pods")),
            ("/api/v1/namespaces/a/pods/p/binding", Some("pods/binding")),
            (
                "/api/v1/namespaces/a/serviceaccounts/s/token",
                Some("serviceaccounts/token"),
            ),
            ("/api/v1/nodes/n/status", Some("nodes/status")),
            ("/api/v1/namespaces", Some("namespaces")),
            ("/api/v1/namespaces/a", Some("namespaces")),
            ("/api/v1/namespaces/a/finalize", Some("namespaces/finalize")),
            ("/apis/events.k8s.io/v1/namespaces/a/events", Some("events")),
            (
                "/apis/authorization.k8s.io/v1/subjectaccessreviews",
                Some("subjectaccessreviews"),
            ),
            ("/apis/apps/v1", None),
            ("/openapi/v3", None),
        ] {
            assert_eq!(resource(address).as_deref(), expected, "{address}");
        }
    }
}
