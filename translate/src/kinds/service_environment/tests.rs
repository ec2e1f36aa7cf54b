//! The ConfigMap of service variables.

use serde_json::json;

use super::*;
use crate::testing::{cluster, object};

fn service(namespace: &str, name: &str, ip: &str) -> Service {
    object(json!({
        "metadata": { "name": name, "namespace": namespace },
        "spec": { "clusterIP": ip, "ports": [{ "port": 80 }] },
    }))
}

#[test]
fn it_holds_the_variables_of_its_namespace_and_of_the_apiserver() {
    let all = [
        service("shop", "web", "10.96.0.2"),
        service("other", "db", "10.96.0.3"),
        service("default", "kubernetes", "10.96.0.1"),
    ];
    let all: Vec<&Service> = all.iter().collect();
    let namespace = TenantNamespace::new("shop");
    let host = down(&cluster(), &namespace, &all);
    assert_eq!(
        host.metadata.name.as_deref(),
        Some(host_name(&cluster(), &namespace).as_str())
    );
    let data = host.data.as_ref().unwrap();
    assert_eq!(data["WEB_SERVICE_HOST"], "10.96.0.2");
    assert_eq!(data["KUBERNETES_SERVICE_HOST"], "10.96.0.1");
    assert!(!data.keys().any(|name| name.starts_with("DB_")));
    assert!(!needs_update(&host, &down(&cluster(), &namespace, &all)));
    assert!(needs_update(&host, &down(&cluster(), &namespace, &all[1..])));
    assert!(meta::belongs(&cluster(), &host.metadata));
}

#[test]
fn a_service_called_kubernetes_in_the_namespace_wins_as_in_a_kubelet() {
    let all = [
        service("default", "kubernetes", "10.96.0.1"),
        service("shop", "kubernetes", "10.96.0.9"),
    ];
    for order in [[&all[0], &all[1]], [&all[1], &all[0]]] {
        let variables = service_variables(&TenantNamespace::new("shop"), true, &order);
        let hosts: Vec<_> = variables
            .iter()
            .filter(|(name, _)| name == "KUBERNETES_SERVICE_HOST")
            .collect();
        assert_eq!(
            hosts,
            [&("KUBERNETES_SERVICE_HOST".to_owned(), "10.96.0.9".to_owned())]
        );
    }
}
