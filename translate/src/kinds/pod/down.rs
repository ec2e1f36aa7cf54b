//! The host Pod of a tenant Pod: every field of the spec, one by one.

use k8s_openapi::api::core::v1::{HostAlias, Pod, PodSpec};
use warren_crds::keys;

use super::context::{PodContext, host_name};
use super::going::Going;
use super::placing::{self, Placement};
use super::stamp::stamp;
use super::{
    container, devices, dns, gates, hostname, lists, mirror, registry, scheduling, security, volume,
};
use crate::error::{Error, Result};
use crate::kinds::{network_policy, pod_certificate};
use crate::meta;
use crate::note::Outcome;

/// Why a Pod cannot have what depends on its node.
const NO_NODE_YET: &str =
    "the node is not known before the host has placed the Pod (`nodes.scheduling: Host`)";
/// Annotation of static Pods. The tenant's admission lets such Pods skip the ServiceAccount checks.
const MIRROR_POD: &str = "kubernetes.io/config.mirror";

/// The host Pod, owned by the anchor: pinned to the host node of the same name as the tenant's, or, if the tenant's Pod is
/// not bound and the host's scheduler is to place it, with the tenant's own constraints.
///
/// # Errors
/// When the Pod has no name, namespace, UID or spec ([`Error::NoName`] …), is not bound to a node that somebody else must
/// find ([`Error::NotBound`]), the tenant's `default/kubernetes` has no address yet ([`Error::NoApiService`]), a claim of it is
/// still to be made ([`Error::ClaimNotMade`]), or a container reads what its node offers and that is not known
/// ([`Error::NoAllocatable`]).
pub fn down(context: &PodContext<'_>, tenant: &Pod) -> Result<Outcome<Pod>> {
    let mut going = Going::new(context, tenant)?;
    let node = going.spec.node_name.as_deref().filter(|node| !node.is_empty());
    let placement = match (node, &context.policy.host_scheduling, &context.placing) {
        (Some(node), ..) => Placement {
            affinity: Some(scheduling::pin(node)),
            ..Placement::default()
        },
        (None, Some(scheduling), Some(placing)) => {
            deny_what_needs_the_node(&mut going);
            placing::down(&mut going, scheduling, placing)
        }
        (None, ..) => {
            return Err(Error::NotBound {
                namespace: going.key.namespace.to_string(),
                name: going.key.name.to_string(),
            });
        }
    };
    security::check(&mut going);
    registry::check(&mut going);
    if tenant
        .metadata
        .annotations
        .as_ref()
        .is_some_and(|annotations| annotations.contains_key(MIRROR_POD))
    {
        going.findings.deny(
            format!("metadata.annotations[{MIRROR_POD}]"),
            "is for static Pods of a kubelet",
        );
    }
    let object = match host_pod(&mut going, placement) {
        Err(Error::NoAllocatable { .. }) if node.is_none() => {
            let why =
                format!("of a container without that limit is the node's, and {NO_NODE_YET}: set the limit");
            going.findings.deny("spec.containers[].resourceFieldRef", why);
            Pod::default()
        }
        object => object?,
    };
    Ok(going.findings.outcome(object))
}

/// What a kubelet, or somebody for it, must know the node for before the host's scheduler has chosen one.
fn deny_what_needs_the_node(going: &mut Going<'_>) {
    for need in pod_certificate::needs(going.pod) {
        let (volume, index) = (&need.volume, need.index);
        let field = format!("spec.volumes[{volume}].projected.sources[{index}].podCertificate");
        let why = format!("is issued for a Pod on its node, and {NO_NODE_YET}");
        going.findings.deny(field, why);
    }
}

fn host_pod(going: &mut Going<'_>, placement: Placement) -> Result<Pod> {
    let context = going.context;
    let is_placed_by_host = going.spec.node_name.as_ref().is_none_or(String::is_empty);
    let spec = spec_down(going, placement)?;
    let name = host_name(context.cluster, &going.key);
    let mut metadata = meta::host_meta(context.cluster, context.policy, &name, &going.pod.metadata)?;
    let labels = metadata.labels.get_or_insert_default();
    labels.extend(network_policy::open_labels(context.isolation));
    mirror::write_limits(going, &mut metadata)?;
    mirror::write(going, &mut metadata);
    stamp(going.spec, &spec, &mut metadata);
    if let (true, Some(scheduling), Some(placing)) = (
        is_placed_by_host,
        &context.policy.host_scheduling,
        &context.placing,
    ) {
        let hash = placing::placing_hash(scheduling, placing.closed);
        let annotations = metadata.annotations.get_or_insert_default();
        annotations.insert(placing::PLACING.to_owned(), hash);
    }
    metadata.owner_references = context.owner().map(|owner| vec![owner]);
    Ok(Pod {
        metadata,
        spec: Some(spec),
        status: None,
    })
}

fn spec_down(going: &mut Going<'_>, placement: Placement) -> Result<PodSpec> {
    let Placement {
        affinity,
        node_selector,
        scheduler_name,
        topology_spread_constraints,
    } = placement;
    let PodSpec {
        active_deadline_seconds,
        affinity: _,                        // placing.rs
        automount_service_account_token: _, // the tenant's admission has made the volume already
        containers,
        dns_config: _,           // dns.rs
        dns_policy: _,           // dns.rs
        enable_service_links: _, // env.rs
        ephemeral_containers: _, // ephemeral.rs, afterwards: no Pod is created with any
        eviction_responders: _,  // answered by controllers of the tenant
        host_aliases,
        host_ipc,     // baseline.rs denies
        host_network, // baseline.rs denies
        host_pid,     // baseline.rs denies
        host_users,
        hostname: _,          // hostname.rs
        hostname_override: _, // hostname.rs
        image_pull_secrets,
        init_containers,
        node_name: _,     // a pin, never a binding: the host's scheduler must account for the Pod
        node_selector: _, // placing.rs
        os,
        overhead: _,            // the host's RuntimeClass adds its own
        preemption_policy: _,   // the host's PriorityClass says
        priority: _,            // as preemption_policy
        priority_class_name: _, // scheduling.rs
        readiness_gates,
        resource_claims: _, // devices.rs
        resources,
        restart_policy,
        runtime_class_name: _, // scheduling.rs
        scheduler_name: _,     // the tenant's has done its work, or it is for the host's
        scheduling_gates: _,   // a Pod that has any stays in the tenant
        scheduling_group: _,   // placing.rs
        security_context,
        service_account: _,      // old name of the next
        service_account_name: _, // replaced by one without rights
        set_hostname_as_fqdn: _, // hostname.rs
        share_process_namespace,
        subdomain: _, // hostname.rs
        termination_grace_period_seconds,
        tolerations,
        topology_spread_constraints: _, // placing.rs
        volumes,
    } = going.spec;
    let resource_claims = devices::of_pod(going)?;
    let host_naming = hostname::down(going);
    let dns = dns::down(going);
    Ok(PodSpec {
        active_deadline_seconds: *active_deadline_seconds,
        affinity,
        automount_service_account_token: Some(false),
        containers: container::all_down(going, "containers", containers)?,
        dns_config: dns.config,
        dns_policy: dns.policy,
        enable_service_links: Some(false),
        host_aliases: host_aliases
            .as_deref()
            .map(|aliases| aliases.iter().map(alias_down).collect()),
        host_ipc: *host_ipc,
        host_network: *host_network,
        host_pid: *host_pid,
        host_users: *host_users,
        hostname: Some(host_naming.hostname),
        hostname_override: host_naming.hostname_override,
        image_pull_secrets: image_pull_secrets
            .as_deref()
            .map(|secrets| lists::pull_secrets(going, secrets)),
        init_containers: match init_containers {
            Some(containers) => Some(container::all_down(going, "initContainers", containers)?),
            None => None,
        },
        node_selector,
        os: os.clone(),
        priority_class_name: scheduling::priority_class(going),
        readiness_gates: readiness_gates.as_deref().map(gates::down),
        resource_claims,
        resources: resources
            .as_ref()
            .map(|resources| container::pod_resources_down(going, resources)),
        restart_policy: restart_policy.clone(),
        runtime_class_name: scheduling::runtime_class(going),
        scheduler_name,
        security_context: security_context.as_ref().map(security::pod_context_down),
        service_account_name: Some(keys::WORKLOAD_SERVICE_ACCOUNT.to_owned()),
        share_process_namespace: *share_process_namespace,
        termination_grace_period_seconds: *termination_grace_period_seconds,
        tolerations: scheduling::tolerations(going, tolerations.as_deref()),
        topology_spread_constraints,
        volumes: volumes.as_deref().map(|volumes| volume::all_down(going, volumes)),
        ..PodSpec::default()
    })
}

fn alias_down(alias: &HostAlias) -> HostAlias {
    let HostAlias { hostnames, ip } = alias;
    HostAlias {
        hostnames: hostnames.clone(),
        ip: ip.clone(),
    }
}
