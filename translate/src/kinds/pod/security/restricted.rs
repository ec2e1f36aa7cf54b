//! The restricted level, on top of baseline: not root, no privileges to gain.

use k8s_openapi::api::core::v1::PodSpec;

use super::{Checked, in_user_namespace, on_windows};
use crate::note::Findings;

pub(super) fn check(findings: &mut Findings, spec: &PodSpec, containers: &[Checked<'_>]) {
    for checked in containers {
        proc_mount(findings, checked);
        if !on_windows(spec) {
            privilege_escalation(findings, checked);
            capabilities(findings, checked);
        }
    }
    if !on_windows(spec) {
        seccomp(findings, spec, containers);
    }
    if !in_user_namespace(spec) {
        non_root(findings, spec, containers);
        user(findings, spec, containers);
    }
}

fn privilege_escalation(findings: &mut Findings, checked: &Checked<'_>) {
    let allowed = checked
        .context()
        .and_then(|context| context.allow_privilege_escalation);
    if allowed != Some(false) {
        findings.deny(checked.at("allowPrivilegeEscalation"), "must be false");
    }
}

fn capabilities(findings: &mut Findings, checked: &Checked<'_>) {
    let capabilities = checked
        .context()
        .and_then(|context| context.capabilities.as_ref());
    let dropped = capabilities
        .and_then(|capabilities| capabilities.drop.as_deref())
        .unwrap_or_default();
    if !dropped.iter().any(|capability| capability == "ALL") {
        findings.deny(checked.at("capabilities.drop"), "must have ALL");
    }
    let added = capabilities
        .and_then(|capabilities| capabilities.add.as_deref())
        .unwrap_or_default();
    if added.iter().any(|capability| capability != "NET_BIND_SERVICE") {
        findings.deny(checked.at("capabilities.add"), "may only have NET_BIND_SERVICE");
    }
}

/// Unlike baseline, also in a user namespace.
fn proc_mount(findings: &mut Findings, checked: &Checked<'_>) {
    let proc_mount = checked
        .context()
        .and_then(|context| context.proc_mount.as_deref());
    if !matches!(proc_mount, None | Some("Default")) {
        findings.deny(checked.at("procMount"), "may only be Default");
    }
}

/// Values other than the allowed ones are baseline's; here it must be set, on the Pod or on every container.
fn seccomp(findings: &mut Findings, spec: &PodSpec, containers: &[Checked<'_>]) {
    let pod = spec
        .security_context
        .as_ref()
        .and_then(|context| context.seccomp_profile.as_ref());
    if pod.is_some() {
        return;
    }
    for checked in containers {
        if checked
            .context()
            .and_then(|context| context.seccomp_profile.as_ref())
            .is_none()
        {
            findings.deny(
                checked.at("seccompProfile.type"),
                "must be RuntimeDefault or Localhost",
            );
        }
    }
}

fn non_root(findings: &mut Findings, spec: &PodSpec, containers: &[Checked<'_>]) {
    let pod = spec
        .security_context
        .as_ref()
        .and_then(|context| context.run_as_non_root);
    if pod == Some(false) {
        findings.deny("spec.securityContext.runAsNonRoot", "must be true");
    }
    for checked in containers {
        let own = checked.context().and_then(|context| context.run_as_non_root);
        if own.or(pod) != Some(true) {
            findings.deny(
                checked.at("runAsNonRoot"),
                "must be true, here or for the whole Pod",
            );
        }
    }
}

fn user(findings: &mut Findings, spec: &PodSpec, containers: &[Checked<'_>]) {
    if spec
        .security_context
        .as_ref()
        .and_then(|context| context.run_as_user)
        == Some(0)
    {
        findings.deny("spec.securityContext.runAsUser", "may not be 0");
    }
    for checked in containers {
        if checked.context().and_then(|context| context.run_as_user) == Some(0) {
            findings.deny(checked.at("runAsUser"), "may not be 0");
        }
    }
}
