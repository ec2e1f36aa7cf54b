//! Pure: the tenant's CoreDNS, on the host, reading the tenant's API.

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec};
use k8s_openapi::api::core::v1::{Capabilities, ConfigMap, ContainerPort, PodSpec};
use warren_crds::keys::ports::DNS_TARGET;

use super::build::{
    ALIVE, READY_SOON, config_annotation, config_files, container, digest, mount, pod, port, probe,
    projected, selector, system_meta,
};
use super::{Error, Plan, Settings, Wave, kubeconfig, pki};
use crate::virtual_cluster::names::component;
use crate::virtual_cluster::validate::ValidatedCluster;

const HEALTH: u16 = 8080;
const READINESS: u16 = 8181;
const COREFILE: &str = "Corefile";

/// Adds CoreDNS and its configuration.
///
/// # Errors
/// When an object cannot be serialised.
pub fn plan(cluster: &ValidatedCluster, settings: &Settings, plan: &mut Plan) -> Result<(), Error> {
    let text = corefile();
    let digest = digest([text.as_str()]);
    plan.apply(
        Wave::Configuration,
        &ConfigMap {
            metadata: system_meta(cluster, component::COREDNS, component::COREDNS),
            data: Some([(COREFILE.to_owned(), text)].into()),
            ..ConfigMap::default()
        },
    )?;

    let mut coredns = container(cluster, settings, component::COREDNS, &cluster.images.coredns);
    coredns.args = Some(vec!["-conf".to_owned(), format!("/etc/warren/{COREFILE}")]);
    let dns = |name: &str, protocol: &str| ContainerPort {
        protocol: Some(protocol.to_owned()),
        ..port(name, DNS_TARGET)
    };
    coredns.ports = Some(vec![
        dns("dns", "UDP"),
        dns("dns-tcp", "TCP"),
        port("health", HEALTH),
    ]);
    coredns.readiness_probe = Some(probe("HTTP", "/ready", READINESS, READY_SOON));
    coredns.liveness_probe = Some(probe("HTTP", "/health", HEALTH, ALIVE));
    coredns.volume_mounts = Some(vec![mount("config", "/etc/warren")]);
    if let Some(security) = coredns.security_context.as_mut() {
        // Not used (the port is above 1024), but the upstream binary carries it as a file capability, and a file
        // that asks for a capability outside the bounding set cannot be executed at all.
        security.capabilities = Some(Capabilities {
            add: Some(vec!["NET_BIND_SERVICE".to_owned()]),
            drop: Some(vec!["ALL".to_owned()]),
        });
    }

    let mut sources = kubeconfig::files(kubeconfig::REMOTE, pki::COREDNS_TENANT);
    sources.push(config_files(component::COREDNS, "", &[(COREFILE, COREFILE)]));
    let spec = PodSpec {
        containers: vec![coredns],
        volumes: Some(vec![projected("config", sources)]),
        // Names outside the tenant's cluster go to the host's resolver.
        dns_policy: Some("ClusterFirst".to_owned()),
        termination_grace_period_seconds: Some(10),
        ..PodSpec::default()
    };
    plan.apply(
        Wave::Workloads,
        &Deployment {
            metadata: system_meta(cluster, component::COREDNS, component::COREDNS),
            spec: DeploymentSpec {
                // Not before the API answers: started beside it, CoreDNS finds nobody and backs off for seconds.
                replicas: Some(i32::from(cluster.answered)),
                selector: selector(cluster, component::COREDNS),
                template: pod(
                    cluster,
                    settings,
                    component::COREDNS,
                    config_annotation(digest),
                    spec,
                ),
                ..DeploymentSpec::default()
            },
            ..Deployment::default()
        },
    )
}

/// The kubernetes plugin answers for the cluster domain *and all of reverse DNS*, without falling through: the host's
/// resolver would answer for the host's own Services, and their names are none of the tenant's business.
fn corefile() -> String {
    let kubeconfig = kubeconfig::path();
    format!(
        "\
.:{DNS_TARGET} {{
    errors
    health :{HEALTH} {{
        lameduck 3s
    }}
    ready :{READINESS}
    kubernetes cluster.local in-addr.arpa ip6.arpa {{
        kubeconfig {kubeconfig}
        pods insecure
        ttl 30
    }}
    forward . /etc/resolv.conf {{
        max_concurrent 1000
    }}
    cache 30
    loadbalance
}}
"
    )
}
