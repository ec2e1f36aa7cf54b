//! A Service of the tenant under a fixed name on the host, beside its VirtualCluster: selectors do not cross namespaces, so
//! it has none, and its slices are those of the tenant's Service on the host again.

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointSlice};
use k8s_openapi::api::networking::v1::{NetworkPolicyIngressRule, NetworkPolicyPort};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use warren_crds::sync::ExportedService;

use super::endpoint_slice::{MANAGED_BY, MANAGED_BY_WARREN, SERVICE_NAME};
use super::shared_policy::{namespace_peer, target_ports};
use crate::error::Result;
use crate::identity::{Cluster, HostName, HostNamespace, TenantKey, TenantUid, tenant_uid};
use crate::mapping::export_name;
use crate::meta;
use crate::name::short_hash;

/// Where exported Services are, and whose they are.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// The namespace of the VirtualCluster.
    pub namespace: HostNamespace,
    /// The VirtualCluster: what is exported goes with it.
    pub owner: OwnerReference,
}

/// The name of an exported Service.
pub fn host_name(export: &ExportedService) -> HostName {
    HostName::computed(export_name(export))
}

/// The exported Service. It gets an address of its own, unless the tenant's is headless.
///
/// # Errors
/// When the tenant's Service has no name, namespace or UID.
pub fn service(
    cluster: &Cluster,
    place: &Place,
    export: &ExportedService,
    tenant: &Service,
) -> Result<Service> {
    let spec = tenant.spec.as_ref();
    let headless = spec
        .and_then(|spec| spec.cluster_ip.clone())
        .filter(|ip| ip == "None");
    let ports = spec.and_then(|spec| spec.ports.as_deref()).unwrap_or_default();
    let (key, uid) = (TenantKey::of(&tenant.metadata)?, tenant_uid(&tenant.metadata)?);
    Ok(Service {
        metadata: metadata(cluster, place, host_name(export).as_str(), (&key, &uid)),
        spec: Some(ServiceSpec {
            cluster_ip: headless,
            ports: Some(ports.iter().map(port).collect()),
            type_: Some("ClusterIP".to_owned()),
            ..ServiceSpec::default()
        }),
        status: None,
    })
}

fn port(tenant: &ServicePort) -> ServicePort {
    let ServicePort {
        app_protocol,
        name,
        node_port: _,
        port,
        protocol,
        target_port: _, // the slices have it, as a number
    } = tenant;
    ServicePort {
        app_protocol: app_protocol.clone(),
        name: name.clone(),
        node_port: None,
        port: *port,
        protocol: protocol.clone(),
        target_port: Some(IntOrString::Int(*port)),
    }
}

/// The slice of an exported Service that stands for `source`, a slice of the tenant's Service on the host.
pub fn slice(
    cluster: &Cluster,
    place: &Place,
    export: &ExportedService,
    tenant: (&TenantKey, &TenantUid),
    source: &EndpointSlice,
) -> EndpointSlice {
    let EndpointSlice {
        address_type,
        endpoints,
        metadata: source,
        ports,
    } = source;
    let mut metadata = metadata(cluster, place, slice_name(export, source).as_str(), tenant);
    let labels = metadata.labels.get_or_insert_default();
    labels.insert(SERVICE_NAME.to_owned(), export_name(export).to_owned());
    labels.insert(MANAGED_BY.to_owned(), MANAGED_BY_WARREN.to_owned());
    EndpointSlice {
        address_type: address_type.clone(),
        endpoints: Some(endpoints.iter().flatten().map(endpoint).collect()),
        metadata,
        ports: ports.clone(),
    }
}

/// The name of [`slice()`].
pub fn slice_name(export: &ExportedService, source: &ObjectMeta) -> HostName {
    let hash = short_hash(&[export_name(export), source.name.as_deref().unwrap_or_default()]);
    HostName::computed(format!("{}-{hash}", export_name(export)))
}

fn endpoint(source: &Endpoint) -> Endpoint {
    let Endpoint {
        addresses,
        conditions,
        deprecated_topology: _,
        hints: _, // the controller's of the other namespace
        hostname,
        node_name,
        target_ref: _, // a Pod of another namespace
        zone,
    } = source;
    Endpoint {
        addresses: addresses.clone(),
        conditions: conditions.clone(),
        hostname: hostname.clone(),
        node_name: node_name.clone(),
        zone: zone.clone(),
        ..Endpoint::default()
    }
}

fn metadata(
    cluster: &Cluster,
    place: &Place,
    name: &str,
    (key, uid): (&TenantKey, &TenantUid),
) -> ObjectMeta {
    let mut metadata = ObjectMeta {
        name: Some(name.to_owned()),
        namespace: Some(place.namespace.as_str().to_owned()),
        owner_references: Some(vec![place.owner.clone()]),
        ..ObjectMeta::default()
    };
    meta::stamp(cluster, key, uid, None, &mut metadata);
    metadata
}

/// What a host's policy must let in from the namespace of the VirtualCluster, to the Pods of `host`, the tenant's Service
/// on the host.
pub fn ingress(place: &Place, host: &Service) -> NetworkPolicyIngressRule {
    let ports: Vec<NetworkPolicyPort> = target_ports(host);
    NetworkPolicyIngressRule {
        from: Some(vec![namespace_peer(place.namespace.as_str(), None)]),
        ports: Some(ports),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{cluster, object};

    fn place() -> Place {
        Place {
            namespace: HostNamespace::new("team-a"),
            owner: object(
                json!({ "apiVersion": "warren.dev/v1alpha1", "kind": "VirtualCluster", "name": "ci",
                "uid": "v-uid" }),
            ),
        }
    }

    #[test]
    fn an_exported_service_has_no_selector_and_the_slices_of_the_tenants() {
        let export = object(json!({ "namespace": "shop", "name": "web", "toName": "shop" }));
        let tenant: Service = object(
            json!({ "metadata": { "name": "web", "namespace": "shop", "uid": "t-uid" },
            "spec": { "clusterIP": "10.96.1.1", "type": "NodePort", "selector": { "app": "web" },
                "ports": [{ "name": "http", "port": 80, "targetPort": "http", "nodePort": 31000 }] } }),
        );
        let source: EndpointSlice = object(json!({
            "metadata": { "name": "web-abc-x1", "namespace": "wc-ci", "labels": { SERVICE_NAME: "web-abc" } },
            "addressType": "IPv4",
            "endpoints": [{ "addresses": ["10.244.1.7"], "conditions": { "ready": true }, "nodeName": "n1",
                "targetRef": { "kind": "Pod", "name": "web-1-abc" } }],
            "ports": [{ "name": "http", "port": 8080, "protocol": "TCP" }],
        }));
        let key = TenantKey::new("shop", "web");
        let service = service(&cluster(), &place(), &export, &tenant).unwrap();
        let slice = slice(
            &cluster(),
            &place(),
            &export,
            (&key, &TenantUid::new("t-uid")),
            &source,
        );
        insta::assert_yaml_snapshot!((service, slice, ingress(&place(), &tenant)));
    }

    #[test]
    fn a_headless_service_stays_headless() {
        let export = object(json!({ "namespace": "shop", "name": "web" }));
        let tenant: Service = object(
            json!({ "metadata": { "name": "web", "namespace": "shop", "uid": "t-uid" },
            "spec": { "clusterIP": "None" } }),
        );
        let service = service(&cluster(), &place(), &export, &tenant).unwrap();
        assert_eq!(service.spec.unwrap().cluster_ip.as_deref(), Some("None"));
        assert_eq!(service.metadata.name.as_deref(), Some("web"));
    }
}
