//! Plans for Services whose address is contested.

use serde_json::{Value, json};
use warren_translate::TenantPolicy;
use warren_translate::identity::{ClusterId, ClusterUid, HostNamespace};

use super::*;
use crate::perform::refused;

fn cluster() -> Cluster {
    Cluster {
        id: ClusterId::new("a-12345"),
        uid: ClusterUid::new("cluster-uid"),
        workload_namespace: HostNamespace::new("wc-a-12345"),
    }
}

fn tenant(spec: &Value) -> Service {
    let mut service = json!({
        "metadata": { "namespace": "team", "name": "web", "uid": "t1" },
        "spec": { "selector": { "app": "web" }, "ports": [{ "port": 80, "protocol": "TCP" }] },
    });
    for (field, value) in spec.as_object().unwrap() {
        service["spec"][field] = value.clone();
    }
    serde_json::from_value(service).unwrap()
}

fn desired(tenant: &Service) -> Service {
    let outcome = service::down(&cluster(), &TenantPolicy::default(), tenant).unwrap();
    outcome.translated().unwrap().object
}

fn on_host(mut service: Service, ip: &str) -> Service {
    service.metadata.uid = Some("h1".to_owned());
    service.metadata.resource_version = Some("7".to_owned());
    let spec = service.spec.as_mut().unwrap();
    spec.cluster_ip = Some(ip.to_owned());
    spec.cluster_ips = Some(vec![ip.to_owned()]);
    service
}

#[test]
fn an_update_leaves_the_address_that_the_host_chose() {
    let host = on_host(
        desired(&tenant(&json!({ "clusterIP": "10.96.0.7" }))),
        "10.96.0.99",
    );
    let changed = tenant(&json!({ "clusterIP": "10.96.0.7", "sessionAffinity": "ClientIP" }));
    let plan = plan_kept(&cluster(), desired(&changed), Some(&host));
    let [Action::Replace(object)] = plan.as_slice() else {
        panic!("{plan:?}")
    };
    let spec = object.spec.as_ref().unwrap();
    assert_eq!(spec.cluster_ip.as_deref(), Some("10.96.0.99"));
}

#[test]
fn an_address_that_only_the_host_has_differently_is_no_update() {
    let service = tenant(&json!({ "clusterIP": "10.96.0.7" }));
    let host = on_host(desired(&service), "10.96.0.99");
    assert!(plan_kept(&cluster(), desired(&service), Some(&host)).is_empty());
    assert_eq!(service::up(&service, &host).mismatch.len(), 1);
}

#[test]
fn a_chosen_cluster_ip_makes_the_host_service_anew() {
    let service = tenant(&json!({ "clusterIP": "10.96.0.7" }));
    let host = on_host(desired(&service), "10.96.0.99");
    let mismatch = service::up(&service, &host).mismatch;
    let plan = plan_chosen(&cluster(), &mismatch, desired(&service), Some(&host));
    let [Action::Delete { uid, .. }, Action::Create(object)] = plan.as_slice() else {
        panic!("{plan:?}")
    };
    assert_eq!(uid, "h1");
    let spec = object.spec.as_ref().unwrap();
    assert_eq!(spec.cluster_ip.as_deref(), Some("10.96.0.7"));
}

#[test]
fn a_chosen_node_port_is_changed_in_place() {
    let port = |number: i32| json!([{ "port": 80, "protocol": "TCP", "nodePort": number }]);
    let spec = |number| json!({ "type": "NodePort", "clusterIP": "10.96.0.7", "ports": port(number) });
    let host = on_host(desired(&tenant(&spec(30001))), "10.96.0.7");
    let changed = tenant(&spec(30002));
    let mismatch = service::up(&changed, &host).mismatch;
    let plan = plan_chosen(&cluster(), &mismatch, desired(&changed), Some(&host));
    let [Action::Replace(object)] = plan.as_slice() else {
        panic!("{plan:?}")
    };
    assert_eq!(object.metadata.resource_version.as_deref(), Some("7"));
    let ports = object.spec.as_ref().unwrap().ports.as_ref().unwrap();
    assert_eq!(ports[0].node_port, Some(30002));
}

#[test]
fn a_contested_service_of_somebody_else_is_never_deleted() {
    let service = tenant(&json!({ "clusterIP": "10.96.0.7" }));
    let mut host = on_host(desired(&service), "10.96.0.99");
    host.metadata.labels = None;
    let mismatch = service::up(&service, &host).mismatch;
    let plan = plan_chosen(&cluster(), &mismatch, desired(&service), Some(&host));
    assert_eq!(plan, [Action::Foreign]);
}

#[test]
fn a_chosen_port_for_health_checks_makes_the_host_service_anew() {
    let spec = |port: i32| json!({ "type": "LoadBalancer", "clusterIP": "10.96.0.7", "externalTrafficPolicy": "Local", "healthCheckNodePort": port });
    let host = on_host(desired(&tenant(&spec(31000))), "10.96.0.7");
    let changed = tenant(&spec(31001));
    let mismatch = service::up(&changed, &host).mismatch;
    let plan = plan_chosen(&cluster(), &mismatch, desired(&changed), Some(&host));
    let [Action::Delete { .. }, Action::Create(object)] = plan.as_slice() else {
        panic!("{plan:?}")
    };
    let spec = object.spec.as_ref().unwrap();
    assert_eq!(spec.health_check_node_port, Some(31001));
}

/// What an apiserver says to a port for health checks that somebody has; it calls that an internal error.
#[test]
fn a_taken_port_for_health_checks_is_a_refused_address_and_no_other_internal_error_is() {
    let answer = |code: u16, message: &str| act::Error::Api {
        what: "create".to_owned(),
        source: Box::new(kube::Error::Api(Box::new(kube::core::Status {
            code,
            ..kube::core::Status::failure(message, "InternalError")
        }))),
    };
    let taken = "Internal error occurred: failed to allocate requested HealthCheck NodePort 31000: provided port is \
                 already allocated";
    let name = HostName::of(&desired(&tenant(&json!({}))).metadata).unwrap();
    let Error::Refused { source, .. } = refused(&name, answer(500, taken)) else {
        panic!("not refused")
    };
    assert!(address_refused(&source));
    let other = refused(
        &name,
        answer(500, "Internal error occurred: etcdserver: no leader"),
    );
    assert!(matches!(other, Error::Act(_)));
}
