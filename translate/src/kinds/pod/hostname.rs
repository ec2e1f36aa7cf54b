//! What `hostname` prints inside a Pod: the tenant's name, never the host Pod's.

use super::going::Going;

/// The longest host name a kubelet sets.
const HOSTNAME_MAX: usize = 63;

/// Host names of the host Pod.
pub(super) struct Naming {
    /// Always set: without it the kubelet would take the host Pod's name.
    pub(super) hostname: String,
    /// For names that are not one DNS label.
    pub(super) hostname_override: Option<String>,
}

/// The tenant's host name as its kubelet would set it.
pub(super) fn down(going: &mut Going<'_>) -> Naming {
    let text = |field: &Option<String>| field.clone().filter(|text| !text.is_empty());
    let hostname = text(&going.spec.hostname).unwrap_or_else(|| going.key.name.to_string());
    let hostname = truncated(&hostname);
    if going.spec.host_network == Some(true) {
        // It has the node's name, whatever it asks for.
        return Naming {
            hostname: truncated(&hostname.replace('.', "-")),
            hostname_override: None,
        };
    }
    let subdomain = text(&going.spec.subdomain);
    let explicit = text(&going.spec.hostname_override).map(|name| truncated(&name));
    let hostname_override = match (explicit, subdomain) {
        (Some(name), _) => Some(name),
        (None, Some(subdomain)) if going.spec.set_hostname_as_fqdn == Some(true) => {
            fully_qualified(going, &hostname, &subdomain)
        }
        // The kubelet would append the host's namespace. The name itself is answered by the tenant's DNS; only
        // `hostname --fqdn` shows the short name, and for that no StatefulSet's Pods deserve a Warning each
        // (docs/pod-fields.md says it).
        (None, _) => None,
    };
    // A Pod's name may have dots, `hostname` may not; `hostnameOverride` may.
    let label = hostname.replace('.', "-");
    let hostname_override = hostname_override.or_else(|| (label != hostname).then_some(hostname));
    Naming {
        hostname: truncated(&label),
        hostname_override,
    }
}

fn fully_qualified(going: &mut Going<'_>, hostname: &str, subdomain: &str) -> Option<String> {
    let name = format!(
        "{hostname}.{subdomain}.{}.svc.{}",
        going.key.namespace, going.context.cluster_domain
    );
    if name.len() > HOSTNAME_MAX {
        let why = format!("makes the host name `{name}` of more than {HOSTNAME_MAX} characters");
        going.findings.deny("spec.setHostnameAsFQDN", why);
        return None;
    }
    Some(name)
}

/// As a kubelet truncates: 63 characters, no dash or dot at the end.
fn truncated(name: &str) -> String {
    let end = name
        .char_indices()
        .nth(HOSTNAME_MAX)
        .map_or(name.len(), |(index, _)| index);
    let cut = name.get(..end).unwrap_or(name);
    if cut.len() < name.len() {
        cut.trim_end_matches(['-', '.']).to_owned()
    } else {
        cut.to_owned()
    }
}
