//! Turns an error of the host's API into words and into what to do about it.

use std::error::Error as _;

use kube::core::Status;
use kube::core::response::{StatusCause, StatusDetails};

use crate::exit::Failure;
use crate::host::Host;

/// What was tried when the error came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt<'a> {
    /// RBAC verb.
    pub(crate) verb: &'a str,
    /// RBAC resource with group, for example `virtualclusters.warren.dev`.
    pub(crate) resource: &'a str,
    /// Namespace; `None` means all of them.
    pub(crate) namespace: Option<&'a str>,
}

/// Plural and group of `VirtualCluster`, as RBAC and kubectl write it.
pub(crate) const VIRTUAL_CLUSTERS: &str = "virtualclusters.warren.dev";

/// Set for the command that `connect` runs, so that a nested `warren` can explain itself.
pub(crate) const CONNECTED: &str = "WARREN_CONNECTED";

/// Puts `error` into words.
pub(crate) fn explain(host: &Host, attempt: Attempt<'_>, error: &kube::Error) -> Failure {
    match error {
        kube::Error::Api(status) => api(host, attempt, status),
        kube::Error::HyperError(_) | kube::Error::Service(_) => transport(host, error),
        kube::Error::Auth(_) => auth(host, &causes(error)),
        kube::Error::SerdeError(_) => {
            Failure::error(format!("the host's answer cannot be read: {}", causes(error))).hint(format!(
                "this program may be older than the operator; compare: {} version",
                host.program
            ))
        }
        other => Failure::error(causes(other)),
    }
}

fn api(host: &Host, attempt: Attempt<'_>, status: &Status) -> Failure {
    let Attempt {
        verb,
        resource,
        namespace,
    } = attempt;
    if is_missing_type(status) {
        return missing_crd(host);
    }
    if status.code == 403 {
        let (place, flag) = match namespace {
            Some(namespace) => (format!("in namespace '{namespace}'"), format!("-n {namespace}")),
            None => ("in all namespaces".to_owned(), "-A".to_owned()),
        };
        return Failure::error(message(status))
            .hint(format!(
                "this needs the permission '{verb}' on '{resource}' {place}; ask whoever runs the host"
            ))
            .hint(format!(
                "check it with: kubectl auth can-i {verb} {resource} {flag}"
            ));
    }
    if status.code == 401 {
        return Failure::error(format!(
            "the host does not accept the credentials of {}",
            host.label()
        ))
        .hint("log in again, or choose another context with --context");
    }
    if status.code == 404 && status.details.as_ref().is_some_and(|d| d.kind == "namespaces") {
        let namespace = namespace.unwrap_or_default();
        return Failure::error(format!("the host has no namespace '{namespace}'"))
            .hint(format!("kubectl create namespace {namespace}"));
    }
    if status.code == 422 {
        return invalid(status);
    }
    Failure::error(message(status))
}

/// 404 without details is the answer for a path that does not exist, as opposed to an object that does not.
///
/// By code: the body is not a `Status` then, and kube's `is_not_found` goes by the reason.
fn is_missing_type(status: &Status) -> bool {
    let names_nothing = |details: &StatusDetails| details.name.is_empty() && details.kind.is_empty();
    status.code == 404 && status.details.as_ref().is_none_or(names_nothing)
}

fn missing_crd(host: &Host) -> Failure {
    let failure = Failure::error(format!("Warren is not installed in {}", host.label()));
    if let Some(cluster) = std::env::var_os(CONNECTED) {
        return failure
            .hint(format!("this shell is connected to the virtual cluster {}; leave it, or name the host's kubeconfig with --kubeconfig", cluster.display()));
    }
    failure
        .hint("helm install warren helm/warren -n warren-system --create-namespace")
        .hint("or choose the right host with --context NAME or --kubeconfig FILE")
}

fn invalid(status: &Status) -> Failure {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let line = |cause: &StatusCause| {
        // A rule over the whole object has the field "<nil>"; its message names the fields.
        match cause.field.as_str() {
            "" | "<nil>" => cause.message.trim_start_matches("Invalid value: ").to_owned(),
            field => format!("{field}: {}", cause.message),
        }
    };
    let lines: Vec<String> = causes.map(line).collect();
    if lines.is_empty() {
        return Failure::error(message(status));
    }
    Failure::error(format!("the host refuses this:\n  {}", lines.join("\n  ")))
}

fn transport(host: &Host, error: &kube::Error) -> Failure {
    let causes = causes(error);
    if has_auth_error(error) {
        return auth(host, &causes);
    }
    let failure = Failure::error(format!("cannot reach the host's API: {}: {causes}", host.label()));
    if causes.contains("certificate") {
        return failure.hint("the kubeconfig's certificate authority is not the one of this server; fetch the kubeconfig again");
    }
    failure.hint(
        "is it running, and is this the right host? choose another with --context NAME or --kubeconfig FILE",
    )
}

fn auth(host: &Host, causes: &str) -> Failure {
    Failure::error(format!("cannot log in to {}: {causes}", host.label())).hint(
        "the kubeconfig's credential plugin failed; `kubectl get namespaces` should fail in the same way",
    )
}

fn has_auth_error(error: &kube::Error) -> bool {
    let mut cause = error.source();
    while let Some(next) = cause {
        if next.is::<kube::client::AuthError>() {
            return true;
        }
        cause = next.source();
    }
    false
}

/// The server's message, without kube's decoration.
pub(crate) fn message(status: &Status) -> String {
    match (status.message.is_empty(), status.reason.is_empty()) {
        (false, _) => status.message.clone(),
        (true, false) => status.reason.clone(),
        (true, true) => format!("the host answered with code {}", status.code),
    }
}

/// The innermost causes of `error`; the outer ones only name kube's layers.
pub(crate) fn causes(error: &kube::Error) -> String {
    if let kube::Error::Api(status) = error {
        return message(status);
    }
    let mut parts: Vec<String> = Vec::new();
    let mut cause = error.source();
    while let Some(next) = cause {
        parts.push(next.to_string());
        cause = next.source();
    }
    // Each layer may repeat the one below; the last two say the most.
    let tail: Vec<String> = parts.iter().rev().take(2).rev().cloned().collect();
    match tail.as_slice() {
        [] => error.to_string(),
        [only] => only.clone(),
        [outer, inner, ..] if outer.contains(inner.as_str()) => outer.clone(),
        [outer, inner, ..] => format!("{outer}: {inner}"),
    }
}

#[cfg(test)]
mod tests;
