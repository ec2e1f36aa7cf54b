//! The baseline level: nothing that reaches the node.

use k8s_openapi::api::core::v1::{
    AppArmorProfile, HTTPGetAction, LifecycleHandler, Pod, PodSpec, Probe, SELinuxOptions, SeccompProfile,
    TCPSocketAction, WindowsSecurityContextOptions,
};

use super::{Checked, in_user_namespace};
use crate::note::Findings;

/// Capabilities that a container may add.
const CAPABILITIES: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];
/// Kernel parameters that a Pod may set: namespaced, and without effect on other Pods.
const SYSCTLS: [&str; 14] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_notsent_lowat",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_slow_start_after_idle",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
];
/// `SELinux` types that a container may have; empty means the runtime's.
const SELINUX_TYPES: [&str; 5] = [
    "",
    "container_t",
    "container_init_t",
    "container_kvm_t",
    "container_engine_t",
];
/// Annotations that set an `AppArmor` profile before there was a field.
const APPARMOR_ANNOTATION: &str = "container.apparmor.security.beta.kubernetes.io/";

pub(super) fn check(findings: &mut Findings, pod: &Pod, spec: &PodSpec, containers: &[Checked<'_>]) {
    let namespaces = [
        ("spec.hostNetwork", spec.host_network),
        ("spec.hostPID", spec.host_pid),
        ("spec.hostIPC", spec.host_ipc),
    ];
    for (field, _) in namespaces.into_iter().filter(|(_, set)| *set == Some(true)) {
        findings.deny(field, "is not allowed: Pods share nothing with the node");
    }
    pod_context(findings, spec);
    app_armor_annotations(findings, pod);
    for checked in containers {
        container(findings, spec, checked);
        host_ports(findings, checked);
        other_hosts(findings, checked);
    }
}

fn pod_context(findings: &mut Findings, spec: &PodSpec) {
    let Some(context) = &spec.security_context else {
        return;
    };
    let at = |field: &str| format!("spec.securityContext.{field}");
    se_linux(findings, context.se_linux_options.as_ref(), &at("seLinuxOptions"));
    seccomp(
        findings,
        context.seccomp_profile.as_ref(),
        &at("seccompProfile.type"),
    );
    app_armor(
        findings,
        context.app_armor_profile.as_ref(),
        &at("appArmorProfile.type"),
    );
    host_process(
        findings,
        context.windows_options.as_ref(),
        &at("windowsOptions.hostProcess"),
    );
    for sysctl in context
        .sysctls
        .iter()
        .flatten()
        .filter(|sysctl| !SYSCTLS.contains(&sysctl.name.as_str()))
    {
        findings.deny(
            at(&format!("sysctls[{}]", sysctl.name)),
            "is not one of the safe kernel parameters",
        );
    }
}

fn container(findings: &mut Findings, spec: &PodSpec, checked: &Checked<'_>) {
    let Some(context) = checked.context() else { return };
    if context.privileged == Some(true) {
        findings.deny(checked.at("privileged"), "is not allowed");
    }
    let added = context
        .capabilities
        .iter()
        .flat_map(|capabilities| capabilities.add.iter().flatten());
    for capability in added.filter(|capability| !CAPABILITIES.contains(&capability.as_str())) {
        findings.deny(
            checked.at("capabilities.add"),
            format!("may not have {capability}"),
        );
    }
    let proc_mount = context.proc_mount.as_deref().unwrap_or("Default");
    if proc_mount != "Default" && !in_user_namespace(spec) {
        findings.deny(
            checked.at("procMount"),
            "may only be Default, unless `spec.hostUsers` is false",
        );
    }
    se_linux(
        findings,
        context.se_linux_options.as_ref(),
        &checked.at("seLinuxOptions"),
    );
    seccomp(
        findings,
        context.seccomp_profile.as_ref(),
        &checked.at("seccompProfile.type"),
    );
    app_armor(
        findings,
        context.app_armor_profile.as_ref(),
        &checked.at("appArmorProfile.type"),
    );
    host_process(
        findings,
        context.windows_options.as_ref(),
        &checked.at("windowsOptions.hostProcess"),
    );
}

fn se_linux(findings: &mut Findings, options: Option<&SELinuxOptions>, path: &str) {
    let Some(SELinuxOptions {
        level: _,
        role,
        type_,
        user,
    }) = options
    else {
        return;
    };
    let type_ = type_.as_deref().unwrap_or_default();
    if !SELINUX_TYPES.contains(&type_) {
        findings.deny(format!("{path}.type"), format!("may not be {type_}"));
    }
    let set = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
    for (field, _) in [("user", set(user)), ("role", set(role))]
        .into_iter()
        .filter(|(_, set)| *set)
    {
        findings.deny(format!("{path}.{field}"), "may not be set");
    }
}

fn seccomp(findings: &mut Findings, profile: Option<&SeccompProfile>, path: &str) {
    let type_ = profile.map(|profile| profile.type_.as_str());
    if !matches!(type_, None | Some("RuntimeDefault" | "Localhost")) {
        findings.deny(path, "must be RuntimeDefault or Localhost");
    }
}

fn app_armor(findings: &mut Findings, profile: Option<&AppArmorProfile>, path: &str) {
    let type_ = profile.map(|profile| profile.type_.as_str());
    if !matches!(type_, None | Some("RuntimeDefault" | "Localhost")) {
        findings.deny(path, "must be RuntimeDefault or Localhost");
    }
}

fn app_armor_annotations(findings: &mut Findings, pod: &Pod) {
    let annotations = pod.metadata.annotations.iter().flatten();
    for (key, value) in annotations.filter(|(key, _)| key.starts_with(APPARMOR_ANNOTATION)) {
        let allowed = value.is_empty() || value == "runtime/default" || value.starts_with("localhost/");
        if !allowed {
            findings.deny(
                format!("metadata.annotations[{key}]"),
                "must be runtime/default or localhost/…",
            );
        }
    }
}

fn host_process(findings: &mut Findings, options: Option<&WindowsSecurityContextOptions>, path: &str) {
    if options.is_some_and(|options| options.host_process == Some(true)) {
        findings.deny(path, "is not allowed");
    }
}

fn host_ports(findings: &mut Findings, checked: &Checked<'_>) {
    for port in checked.container.ports.iter().flatten() {
        if let Some(host_port) = port.host_port.filter(|port| *port != 0) {
            let field = format!("{}.ports[{}].hostPort", checked.path, port.container_port);
            findings.deny(
                field,
                format!("is {host_port}: ports of the node are not offered, use a Service"),
            );
        }
    }
}

/// The kubelet makes these requests from the node's network.
fn other_hosts(findings: &mut Findings, checked: &Checked<'_>) {
    let container = checked.container;
    let probes = [
        ("livenessProbe", container.liveness_probe.as_ref()),
        ("readinessProbe", container.readiness_probe.as_ref()),
        ("startupProbe", container.startup_probe.as_ref()),
    ];
    for (field, probe) in probes {
        let Some(probe) = probe else { continue };
        let Probe {
            exec: _,
            failure_threshold: _,
            grpc: _, // always the Pod's own address
            http_get,
            initial_delay_seconds: _,
            period_seconds: _,
            success_threshold: _,
            tcp_socket,
            termination_grace_period_seconds: _,
            timeout_seconds: _,
        } = probe;
        let path = format!("{}.{field}", checked.path);
        actions(findings, &path, http_get.as_ref(), tcp_socket.as_ref());
    }
    let lifecycle = container.lifecycle.as_ref();
    let handlers = [
        (
            "lifecycle.postStart",
            lifecycle.and_then(|lifecycle| lifecycle.post_start.as_ref()),
        ),
        (
            "lifecycle.preStop",
            lifecycle.and_then(|lifecycle| lifecycle.pre_stop.as_ref()),
        ),
    ];
    for (field, handler) in handlers {
        let Some(LifecycleHandler {
            exec: _,
            http_get,
            sleep: _,
            tcp_socket,
        }) = handler
        else {
            continue;
        };
        let path = format!("{}.{field}", checked.path);
        actions(findings, &path, http_get.as_ref(), tcp_socket.as_ref());
    }
}

fn actions(
    findings: &mut Findings,
    path: &str,
    http_get: Option<&HTTPGetAction>,
    tcp_socket: Option<&TCPSocketAction>,
) {
    let hosts = [
        ("httpGet", http_get.and_then(|action| action.host.as_deref())),
        ("tcpSocket", tcp_socket.and_then(|action| action.host.as_deref())),
    ];
    for (action, _) in hosts
        .into_iter()
        .filter(|(_, host)| host.is_some_and(|host| !host.is_empty()))
    {
        findings.deny(
            format!("{path}.{action}.host"),
            "may not be set: only the Pod itself is asked",
        );
    }
}
