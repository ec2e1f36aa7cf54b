//! `/metrics`, `/metrics/slis` and `/configz` of a virtual kubelet: what a tenant may know of it. Pure. The process'
//! own metrics are for the operators of the host and served elsewhere.

use serde_json::{Value, json};

use super::exposition::{Exposition, Family, Line};

const NODE_NAME: Family = Family {
    name: "kubelet_node_name",
    kind: "gauge",
    help: "[ALPHA] The node's name. The count is always 1.",
};
const RUNNING_PODS: Family = Family {
    name: "kubelet_running_pods",
    kind: "gauge",
    help: "[ALPHA] Number of pods that have a running pod sandbox",
};
const HEALTH: Family = Family {
    name: "kubernetes_healthcheck",
    kind: "gauge",
    help: "[STABLE] This metric records the result of a single healthcheck.",
};

/// The checks behind `/healthz`.
pub const CHECKS: [&str; 3] = ["ping", "log", "syncloop"];

/// `/metrics`.
pub fn metrics(node: &str, running_pods: usize) -> String {
    let mut text = Exposition::default();
    let name = Line {
        labels: vec![("node", node)],
        value: 1.0,
        at: None,
    };
    text.family(NODE_NAME, [name]);
    let pods = Line {
        value: f64::from(u32::try_from(running_pods).unwrap_or(u32::MAX)),
        ..Line::default()
    };
    text.family(RUNNING_PODS, [pods]);
    text.text()
}

/// `/metrics/slis`.
pub fn slis() -> String {
    let mut text = Exposition::default();
    let lines = CHECKS.map(|check| Line {
        labels: vec![("name", check), ("type", "healthz")],
        value: 1.0,
        at: None,
    });
    text.family(HEALTH, lines);
    text.text()
}

/// `/configz`: what a tenant could find out by itself, nothing of the host's kubelet.
pub fn configz(cluster_domain: &str, dns: Option<&str>) -> Value {
    json!({ "kubeletconfig": {
        "kind": "KubeletConfiguration",
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "enableServer": true,
        "port": warren_crds::keys::ports::KUBELET,
        "authentication": {
            "anonymous": { "enabled": false },
            "webhook": { "enabled": true, "cacheTTL": "2m0s" },
        },
        "authorization": { "mode": "Webhook" },
        "clusterDomain": cluster_domain,
        "clusterDNS": dns.into_iter().collect::<Vec<_>>(),
        "streamingConnectionIdleTimeout": "4h0m0s",
        "enableDebuggingHandlers": true,
        "enableSystemLogHandler": false,
        "enableProfilingHandler": false,
        "enableDebugFlagsHandler": false,
    } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_little_and_that_well_formed() {
        assert_eq!(
            metrics("n1", 2),
            "# HELP kubelet_node_name [ALPHA] The node's name. The count is always 1.\n\
             # TYPE kubelet_node_name gauge\nkubelet_node_name{node=\"n1\"} 1\n\
             # HELP kubelet_running_pods [ALPHA] Number of pods that have a running pod sandbox\n\
             # TYPE kubelet_running_pods gauge\nkubelet_running_pods 2\n"
        );
        assert!(slis().contains("kubernetes_healthcheck{name=\"syncloop\",type=\"healthz\"} 1\n"));
        let config = configz("cluster.local", Some("10.96.0.5"));
        assert_eq!(config["kubeletconfig"]["clusterDNS"], json!(["10.96.0.5"]));
        assert_eq!(
            config["kubeletconfig"]["authentication"]["anonymous"]["enabled"],
            false
        );
    }
}
