//! When the host's Service is not what it should be, and what of it is the host's own choice.

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};

use crate::meta;

/// The cluster IP of a headless Service.
pub(super) const HEADLESS: &str = "None";

/// True when the host's Service differs from `desired` in anything but its address and node ports: those are
/// conflicts that [`super::up`] reports, not updates.
pub fn needs_update(existing: &Service, desired: &Service) -> bool {
    let empty = ServiceSpec::default();
    let has = existing.spec.as_ref().unwrap_or(&empty);
    let wants = desired.spec.as_ref().unwrap_or(&empty);
    meta::needs_update(&existing.metadata, &desired.metadata) || spec_differs(has, wants)
}

/// Fields that the apiserver fills in count only where `wants` has them; lists and maps count always.
fn spec_differs(has: &ServiceSpec, wants: &ServiceSpec) -> bool {
    let ServiceSpec {
        allocate_load_balancer_node_ports,
        cluster_ip: _,
        cluster_ips: _,
        external_ips,
        external_name: _,
        external_traffic_policy,
        health_check_node_port: _,
        internal_traffic_policy,
        ip_families: _,
        ip_family_policy,
        load_balancer_class: _,
        load_balancer_ip,
        load_balancer_source_ranges,
        ports,
        publish_not_ready_addresses,
        selector,
        session_affinity,
        session_affinity_config,
        traffic_distribution,
        type_,
    } = wants;
    unlike(
        has.allocate_load_balancer_node_ports.as_ref(),
        allocate_load_balancer_node_ports.as_ref(),
    ) || unlike(
        has.external_traffic_policy.as_ref(),
        external_traffic_policy.as_ref(),
    ) || unlike(
        has.internal_traffic_policy.as_ref(),
        internal_traffic_policy.as_ref(),
    ) || unlike(has.ip_family_policy.as_ref(), ip_family_policy.as_ref())
        || unlike(has.session_affinity.as_ref(), session_affinity.as_ref())
        || unlike(
            has.session_affinity_config.as_ref(),
            session_affinity_config.as_ref(),
        )
        || unlike(has.type_.as_ref(), type_.as_ref())
        || has.external_ips.clone().unwrap_or_default() != external_ips.clone().unwrap_or_default()
        || has.load_balancer_ip.clone().unwrap_or_default() != load_balancer_ip.clone().unwrap_or_default()
        || has.load_balancer_source_ranges.clone().unwrap_or_default()
            != load_balancer_source_ranges.clone().unwrap_or_default()
        || has.publish_not_ready_addresses.unwrap_or(false) != publish_not_ready_addresses.unwrap_or(false)
        || has.selector.clone().unwrap_or_default() != selector.clone().unwrap_or_default()
        || has.traffic_distribution != *traffic_distribution
        || ports_differ(
            has.ports.as_deref().unwrap_or_default(),
            ports.as_deref().unwrap_or_default(),
        )
}

fn unlike<T: PartialEq>(has: Option<&T>, wants: Option<&T>) -> bool {
    wants.is_some() && has != wants
}

fn ports_differ(has: &[ServicePort], wants: &[ServicePort]) -> bool {
    let differ = |has: &ServicePort, wants: &ServicePort| {
        let ServicePort {
            app_protocol,
            name,
            node_port: _,
            port,
            protocol,
            target_port,
        } = wants;
        has.app_protocol != *app_protocol
            || has.name != *name
            || has.port != *port
            || unlike(has.protocol.as_ref(), protocol.as_ref())
            || unlike(has.target_port.as_ref(), target_port.as_ref())
    };
    has.len() != wants.len() || has.iter().zip(wants).any(|(has, wants)| differ(has, wants))
}

/// True when the host's Service cannot become `desired` by an update: it stands for an earlier Service of the
/// same name, is headless where the other is not, or loses its selector. Then it is deleted and created.
///
/// A host keeps the endpoints of a selector that is taken away, and nobody brings them up to date any more: they could
/// come to name Pods of another tenant. With the Service they go.
pub fn must_replace(existing: &Service, desired: &Service) -> bool {
    let uid = |service: &Service| meta::origin(&service.metadata).map(|origin| origin.uid);
    uid(existing) != uid(desired)
        || headless(existing) != headless(desired)
        || (selects(existing) && !selects(desired))
}

/// True for a Service without ClusterIP.
pub(super) fn headless(service: &Service) -> bool {
    service.spec.as_ref().and_then(|spec| spec.cluster_ip.as_deref()) == Some(HEADLESS)
}

/// True for a Service whose endpoints are found by labels.
pub(super) fn selects(service: &Service) -> bool {
    let selector = service.spec.as_ref().and_then(|spec| spec.selector.as_ref());
    selector.is_some_and(|selector| !selector.is_empty())
}

/// Makes `desired` keep the load balancer's class that the host's admission gave: it cannot change.
pub fn keep_class(desired: &mut Service, existing: &Service) {
    let (Some(wants), Some(has)) = (desired.spec.as_mut(), existing.spec.as_ref()) else {
        return;
    };
    if wants.type_ == has.type_ {
        wants.load_balancer_class.clone_from(&has.load_balancer_class);
    }
}

/// What the host has, and for a family that is new to it what the tenant has.
fn with_new_families(has: Option<&Vec<String>>, wants: Option<Vec<String>>) -> Option<Vec<String>> {
    let mut kept = has.cloned().unwrap_or_default();
    kept.extend(wants.unwrap_or_default().into_iter().skip(kept.len()));
    Some(kept).filter(|kept| !kept.is_empty())
}

/// Makes `desired` keep the address and node ports that the host's Service has: for an update while the tenant's
/// own address still differs (the tenant is changed, not the host).
pub fn keep_address(desired: &mut Service, existing: &Service) {
    keep_class(desired, existing);
    let (Some(wants), Some(has)) = (desired.spec.as_mut(), existing.spec.as_ref()) else {
        return;
    };
    wants.cluster_ip.clone_from(&has.cluster_ip);
    wants.cluster_ips = with_new_families(has.cluster_ips.as_ref(), wants.cluster_ips.take());
    wants.ip_families = with_new_families(has.ip_families.as_ref(), wants.ip_families.take());
    let exposed = matches!(wants.type_.as_deref(), Some("NodePort" | "LoadBalancer"));
    if wants.health_check_node_port.is_some() && has.health_check_node_port.is_some() {
        wants.health_check_node_port = has.health_check_node_port;
    }
    for port in wants.ports.iter_mut().flatten().filter(|_| exposed) {
        let same = |other: &&ServicePort| other.port == port.port && other.protocol == port.protocol;
        if let Some(kept) = has
            .ports
            .iter()
            .flatten()
            .find(same)
            .and_then(|other| other.node_port)
        {
            port.node_port = Some(kept);
        }
    }
}

/// `desired` without the addresses and node ports that the tenant chose: for the host to choose when it refused
/// them. Headless stays headless.
pub fn without_address(mut desired: Service) -> Service {
    if let Some(spec) = desired.spec.as_mut() {
        if spec.cluster_ip.as_deref() != Some(HEADLESS) {
            spec.cluster_ip = None;
            spec.cluster_ips = None;
        }
        spec.health_check_node_port = None;
        for port in spec.ports.iter_mut().flatten() {
            port.node_port = None;
        }
    }
    desired
}
