//! What the host's Ingress says back: where it is served.

use k8s_openapi::api::networking::v1::{
    Ingress, IngressLoadBalancerIngress, IngressLoadBalancerStatus, IngressPortStatus, IngressStatus,
};
use serde_json::{Value, json};

/// Merge patch for the tenant's `ingresses/<name>/status`; `None` when it says so already. `host` is the object that
/// stands for it; without one it is served nowhere.
pub fn status(tenant: &Ingress, host: Option<&Ingress>) -> Option<Value> {
    let wants: Vec<_> = host
        .map(points)
        .unwrap_or_default()
        .into_iter()
        .map(scrubbed)
        .collect();
    if points(tenant) == wants {
        return None;
    }
    let ingress = if wants.is_empty() {
        Value::Null
    } else {
        json!(wants)
    };
    Some(json!({
        "metadata": { "uid": tenant.metadata.uid },
        "status": { "loadBalancer": { "ingress": ingress } },
    }))
}

fn points(ingress: &Ingress) -> Vec<IngressLoadBalancerIngress> {
    let Some(IngressStatus { load_balancer }) = &ingress.status else {
        return Vec::new();
    };
    let Some(IngressLoadBalancerStatus { ingress }) = load_balancer else {
        return Vec::new();
    };
    ingress.clone().unwrap_or_default()
}

/// Without the text of an error, which the host's controller wrote for the host.
fn scrubbed(point: IngressLoadBalancerIngress) -> IngressLoadBalancerIngress {
    let IngressLoadBalancerIngress { hostname, ip, ports } = point;
    let ports = ports.map(|ports| {
        let ports = ports.into_iter();
        let ports = ports.map(
            |IngressPortStatus {
                 error: _,
                 port,
                 protocol,
             }| IngressPortStatus {
                error: None,
                port,
                protocol,
            },
        );
        ports.collect()
    });
    IngressLoadBalancerIngress { hostname, ip, ports }
}
