//! Ephemeral containers: added later, held to the same rules, translated as any container.

use k8s_openapi::api::core::v1::{Container, EphemeralContainer};

use super::going::Going;
use super::{container, registry, security};
use crate::error::Result;

/// The ephemeral container as the host gets it. What the class does not allow is in `going`'s findings, and then it
/// must not be added.
pub(super) fn down(going: &mut Going<'_>, tenant: &EphemeralContainer) -> Result<EphemeralContainer> {
    let path = format!("spec.ephemeralContainers[{}]", tenant.name);
    let as_container = as_container(tenant);
    security::check_container(going, &path, &as_container);
    registry::check_container(going, &path, &as_container);
    let host = container::down(going, &path, &as_container)?;
    Ok(as_ephemeral(host, tenant.target_container_name.clone()))
}

/// The same fields, but for the container whose processes it sees.
fn as_container(tenant: &EphemeralContainer) -> Container {
    let EphemeralContainer {
        args,
        command,
        env,
        env_from,
        image,
        image_pull_policy,
        lifecycle,
        liveness_probe,
        name,
        ports,
        readiness_probe,
        resize_policy,
        resources,
        restart_policy,
        restart_policy_rules,
        security_context,
        startup_probe,
        stdin,
        stdin_once,
        target_container_name: _, // a container of the same Pod, see `as_ephemeral`
        termination_message_path,
        termination_message_policy,
        tty,
        volume_devices,
        volume_mounts,
        working_dir,
    } = tenant.clone();
    Container {
        args,
        command,
        env,
        env_from,
        image,
        image_pull_policy,
        lifecycle,
        liveness_probe,
        name,
        ports,
        readiness_probe,
        resize_policy,
        resources,
        restart_policy,
        restart_policy_rules,
        security_context,
        startup_probe,
        stdin,
        stdin_once,
        termination_message_path,
        termination_message_policy,
        tty,
        volume_devices,
        volume_mounts,
        working_dir,
    }
}

fn as_ephemeral(host: Container, target_container_name: Option<String>) -> EphemeralContainer {
    let Container {
        args,
        command,
        env,
        env_from,
        image,
        image_pull_policy,
        lifecycle,
        liveness_probe,
        name,
        ports,
        readiness_probe,
        resize_policy,
        resources,
        restart_policy,
        restart_policy_rules,
        security_context,
        startup_probe,
        stdin,
        stdin_once,
        termination_message_path,
        termination_message_policy,
        tty,
        volume_devices,
        volume_mounts,
        working_dir,
    } = host;
    EphemeralContainer {
        args,
        command,
        env,
        env_from,
        image,
        image_pull_policy,
        lifecycle,
        liveness_probe,
        name,
        ports,
        readiness_probe,
        resize_policy,
        resources,
        restart_policy,
        restart_policy_rules,
        security_context,
        startup_probe,
        stdin,
        stdin_once,
        target_container_name,
        termination_message_path,
        termination_message_policy,
        tty,
        volume_devices,
        volume_mounts,
        working_dir,
    }
}
