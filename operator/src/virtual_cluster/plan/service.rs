//! Pure: the Services of the `-system` namespace, whose addresses certificates and flags are made of.

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use warren_crds::keys::ports;

use super::build::system_meta;
use super::{Error, Plan, Wave};
use crate::virtual_cluster::names::{self, component};
use crate::virtual_cluster::validate::ValidatedCluster;

/// Adds the Services.
///
/// # Errors
/// When an object cannot be serialised.
pub fn plan(cluster: &ValidatedCluster, plan: &mut Plan) -> Result<(), Error> {
    let one = |name, component, port| service(cluster, name, component, vec![port]);

    let mut api = one(
        component::API,
        component::CONTROL_PLANE,
        port("https", ports::API_SERVICE, ports::API),
    );
    if let Some(spec) = api.spec.as_mut() {
        spec.type_ = Some(cluster.expose.service_type().to_owned());
        // A single replica (never two, see its strategy) listens or it does not; a probe adds only seconds, at the
        // start and after a hiccup. With several, a client must not meet one that does not listen.
        spec.publish_not_ready_addresses = Some(cluster.replicas == 1);
    }
    plan.apply(Wave::Services, &api)?;

    // kube-apiserver retries quickly by itself: it need not wait for a probe of etcd.
    let mut etcd = one(
        component::ETCD,
        component::ETCD,
        port("client", ports::ETCD, ports::ETCD),
    );
    let mut peers = one(
        component::ETCD_PEERS,
        component::ETCD,
        port("peer", ports::ETCD_PEER, ports::ETCD_PEER),
    );
    for service in [&mut etcd, &mut peers] {
        if let Some(spec) = service.spec.as_mut() {
            spec.publish_not_ready_addresses = Some(true);
        }
    }
    if let Some(spec) = peers.spec.as_mut() {
        spec.cluster_ip = Some("None".to_owned());
    }
    plan.apply(Wave::Services, &etcd)?;
    plan.apply(Wave::Services, &peers)?;

    let syncer = port("grpc", ports::SYNCER_GRPC, ports::SYNCER_GRPC);
    plan.apply(Wave::Services, &one(component::SYNCER, component::SYNCER, syncer))?;
    let gate = port("gate", ports::GATE, ports::GATE);
    plan.apply(
        Wave::Services,
        &one(component::VKUBELET, component::VKUBELET, gate),
    )?;

    let udp = ServicePort {
        protocol: Some("UDP".to_owned()),
        ..port("dns", ports::DNS, ports::DNS_TARGET)
    };
    let tcp = port("dns-tcp", ports::DNS, ports::DNS_TARGET);
    plan.apply(
        Wave::Services,
        &service(cluster, component::DNS, component::COREDNS, vec![udp, tcp]),
    )
}

fn service(cluster: &ValidatedCluster, name: &str, component: &str, ports: Vec<ServicePort>) -> Service {
    Service {
        metadata: system_meta(cluster, name, component),
        spec: Some(ServiceSpec {
            selector: Some(names::selector(&cluster.id, component)),
            ports: Some(ports),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}

fn port(name: &str, number: u16, target: u16) -> ServicePort {
    ServicePort {
        name: Some(name.to_owned()),
        port: i32::from(number),
        target_port: Some(IntOrString::Int(i32::from(target))),
        // Said although it is the default: server-side apply takes the protocol as part of a port's key.
        protocol: Some("TCP".to_owned()),
        ..ServicePort::default()
    }
}
