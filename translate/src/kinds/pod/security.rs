//! Pod Security Standards, as of Kubernetes 1.37, checked field by field; and the security contexts themselves.
//!
//! The host's own admission enforces the same level by a label on the namespace: two layers. At the privileged level
//! nothing is checked but names that only mean something on the host.

mod baseline;
mod restricted;

use k8s_openapi::api::core::v1::{
    Container, PodSecurityContext, SecurityContext, WindowsSecurityContextOptions,
};
use warren_crds::virtual_cluster_class::PodSecurity;

use super::going::Going;
use crate::note::Findings;

/// Denies what the class's level does not allow.
pub(super) fn check(going: &mut Going<'_>) {
    let spec = going.spec;
    let containers: Vec<Checked<'_>> = [
        ("containers", Some(&spec.containers)),
        ("initContainers", spec.init_containers.as_ref()),
    ]
    .into_iter()
    .flat_map(|(list, containers)| {
        containers
            .into_iter()
            .flatten()
            .map(move |container| (list, container))
    })
    .map(|(list, container)| Checked {
        path: format!("spec.{list}[{}]", container.name),
        container,
    })
    .collect();
    check_containers(going, &containers);
}

/// As [`check`], for one more container, at `path`.
pub(super) fn check_container(going: &mut Going<'_>, path: &str, container: &Container) {
    let checked = Checked {
        path: path.to_owned(),
        container,
    };
    check_containers(going, &[checked]);
}

fn check_containers(going: &mut Going<'_>, containers: &[Checked<'_>]) {
    let (pod, spec) = (going.pod, going.spec);
    let findings = &mut going.findings;
    gmsa(findings, containers, spec.security_context.as_ref());
    match going.context.policy.pod_security {
        PodSecurity::Privileged => {}
        PodSecurity::Baseline => baseline::check(findings, pod, spec, containers),
        PodSecurity::Restricted => {
            baseline::check(findings, pod, spec, containers);
            restricted::check(findings, spec, containers);
        }
    }
}

/// A container and where it is.
struct Checked<'a> {
    path: String,
    container: &'a Container,
}

impl<'a> Checked<'a> {
    fn context(&self) -> Option<&'a SecurityContext> {
        self.container.security_context.as_ref()
    }

    /// Path of a field of its security context.
    fn at(&self, field: &str) -> String {
        format!("{}.securityContext.{field}", self.path)
    }
}

/// In a user namespace root is not root, and the standard asks for less.
fn in_user_namespace(spec: &k8s_openapi::api::core::v1::PodSpec) -> bool {
    spec.host_users == Some(false)
}

/// True for `Some("windows")`: the standard leaves out what only Linux has.
fn on_windows(spec: &k8s_openapi::api::core::v1::PodSpec) -> bool {
    spec.os.as_ref().is_some_and(|os| os.name == "windows")
}

/// Credential specs are objects of the host: a name would resolve there.
fn gmsa(findings: &mut Findings, containers: &[Checked<'_>], pod: Option<&PodSecurityContext>) {
    let mut check = |options: Option<&WindowsSecurityContextOptions>, path: String| {
        let Some(options) = options else { return };
        let WindowsSecurityContextOptions {
            gmsa_credential_spec,
            gmsa_credential_spec_name,
            host_process: _, // baseline.rs
            run_as_user_name: _,
        } = options;
        let why = "is not offered";
        findings.deny_some(
            gmsa_credential_spec.as_ref(),
            format!("{path}.gmsaCredentialSpec"),
            why,
        );
        findings.deny_some(
            gmsa_credential_spec_name.as_ref(),
            format!("{path}.gmsaCredentialSpecName"),
            why,
        );
    };
    check(
        pod.and_then(|pod| pod.windows_options.as_ref()),
        "spec.securityContext.windowsOptions".to_owned(),
    );
    for checked in containers {
        check(
            checked
                .context()
                .and_then(|context| context.windows_options.as_ref()),
            checked.at("windowsOptions"),
        );
    }
}

/// A container's security context. Everything that remains after [`check`] is the tenant's to choose.
pub(super) fn context_down(context: &SecurityContext) -> SecurityContext {
    let SecurityContext {
        allow_privilege_escalation,
        app_armor_profile,
        capabilities,
        privileged,
        proc_mount,
        read_only_root_filesystem,
        run_as_group,
        run_as_non_root,
        run_as_user,
        se_linux_options,
        seccomp_profile,
        windows_options,
    } = context.clone();
    SecurityContext {
        allow_privilege_escalation,
        app_armor_profile,
        capabilities,
        privileged,
        proc_mount,
        read_only_root_filesystem,
        run_as_group,
        run_as_non_root,
        run_as_user,
        se_linux_options,
        seccomp_profile,
        windows_options,
    }
}

/// The Pod's security context, as [`context_down`].
pub(super) fn pod_context_down(context: &PodSecurityContext) -> PodSecurityContext {
    let PodSecurityContext {
        app_armor_profile,
        fs_group,
        fs_group_change_policy,
        run_as_group,
        run_as_non_root,
        run_as_user,
        se_linux_change_policy,
        se_linux_options,
        seccomp_profile,
        supplemental_groups,
        supplemental_groups_policy,
        sysctls,
        windows_options,
    } = context.clone();
    PodSecurityContext {
        app_armor_profile,
        fs_group,
        fs_group_change_policy,
        run_as_group,
        run_as_non_root,
        run_as_user,
        se_linux_change_policy,
        se_linux_options,
        seccomp_profile,
        supplemental_groups,
        supplemental_groups_policy,
        sysctls,
        windows_options,
    }
}
