//! Containers and init containers: every field, one by one.

use k8s_openapi::api::core::v1::{Container, ContainerPort, ResourceRequirements, VolumeMount};

use super::going::Going;
use super::{defaults, devices, env, security};
use crate::error::Result;
use crate::node_resources::without;

/// Containers of the list `spec.<list>`.
pub(super) fn all_down(
    going: &mut Going<'_>,
    list: &str,
    containers: &[Container],
) -> Result<Vec<Container>> {
    containers
        .iter()
        .map(|container| down(going, &format!("spec.{list}[{}]", container.name), container))
        .collect()
}

/// The container at `path`.
pub(super) fn down(going: &mut Going<'_>, path: &str, tenant: &Container) -> Result<Container> {
    let Container {
        args,
        command,
        env: _,      // env.rs
        env_from: _, // env.rs
        image,       // registry.rs checks
        image_pull_policy,
        lifecycle,      // security.rs denies a host in it
        liveness_probe, // as lifecycle
        name,
        ports,
        readiness_probe, // as lifecycle
        resize_policy,
        resources,
        restart_policy,
        restart_policy_rules,
        security_context,
        startup_probe, // as lifecycle
        stdin,
        stdin_once,
        termination_message_path,
        termination_message_policy,
        tty,
        volume_devices,
        volume_mounts,
        working_dir,
    } = tenant;
    let environment = env::down(going, path, tenant)?;
    Ok(Container {
        args: args.clone(),
        command: command.clone(),
        env: environment.env,
        env_from: environment.env_from,
        image: image.clone(),
        image_pull_policy: image_pull_policy.clone(),
        lifecycle: lifecycle.clone(),
        liveness_probe: liveness_probe.clone(),
        name: name.clone(),
        ports: ports
            .as_deref()
            .map(|ports| ports.iter().map(port_down).collect()),
        readiness_probe: readiness_probe.clone(),
        resize_policy: resize_policy.clone(),
        resources: {
            let own = resources.as_ref().map(|own| ResourceRequirements {
                claims: devices::of_container(going, own.claims.as_deref()),
                ..amounts_down(going, path, own)
            });
            defaults::filled(&going.context.policy.container_defaults, going.spec, own)
        },
        restart_policy: restart_policy.clone(),
        restart_policy_rules: restart_policy_rules.clone(),
        security_context: security_context.as_ref().map(security::context_down),
        startup_probe: startup_probe.clone(),
        stdin: *stdin,
        stdin_once: *stdin_once,
        termination_message_path: termination_message_path.clone(),
        termination_message_policy: termination_message_policy.clone(),
        tty: *tty,
        volume_devices: volume_devices.clone(),
        volume_mounts: volume_mounts
            .as_deref()
            .map(|mounts| mounts.iter().map(mount_down).collect()),
        working_dir: working_dir.clone(),
    })
}

/// What the whole Pod asks for.
pub(super) fn pod_resources_down(
    going: &mut Going<'_>,
    resources: &ResourceRequirements,
) -> ResourceRequirements {
    devices::of_whole_pod(going, resources);
    amounts_down(going, "spec", resources)
}

/// How much the container, or at `spec` the whole Pod, asks for.
fn amounts_down(going: &mut Going<'_>, path: &str, resources: &ResourceRequirements) -> ResourceRequirements {
    let ResourceRequirements {
        claims: _, // devices.rs
        limits,
        requests,
    } = resources;
    devices::by_class(going, path, resources);
    ResourceRequirements {
        claims: None,
        limits: without(limits.as_ref(), going.context.own_resources),
        requests: without(requests.as_ref(), going.context.own_resources),
    }
}

fn port_down(port: &ContainerPort) -> ContainerPort {
    let ContainerPort {
        container_port,
        host_ip,   // without effect but beside a host port
        host_port, // baseline.rs denies
        name,
        protocol,
    } = port;
    ContainerPort {
        container_port: *container_port,
        host_ip: host_ip.clone(),
        host_port: *host_port,
        name: name.clone(),
        protocol: protocol.clone(),
    }
}

fn mount_down(mount: &VolumeMount) -> VolumeMount {
    let VolumeMount {
        bind_mount_options,
        mount_path,
        mount_propagation, // Bidirectional needs a privileged container
        name,
        read_only,
        recursive_read_only,
        sub_path,
        sub_path_expr, // reads the container's variables, which are the tenant's
    } = mount;
    VolumeMount {
        bind_mount_options: bind_mount_options.clone(),
        mount_path: mount_path.clone(),
        mount_propagation: mount_propagation.clone(),
        name: name.clone(),
        read_only: *read_only,
        recursive_read_only: recursive_read_only.clone(),
        sub_path: sub_path.clone(),
        sub_path_expr: sub_path_expr.clone(),
    }
}
