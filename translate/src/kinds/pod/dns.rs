//! DNS of a Pod: the tenant's, written out, so that the host's kubelet adds nothing of its own.

use k8s_openapi::api::core::v1::{PodDNSConfig, PodDNSConfigOption};

use super::going::Going;

/// More name servers than this are refused by an apiserver.
const NAMESERVERS_MAX: usize = 3;
/// More search domains than this are refused by an apiserver.
const SEARCHES_MAX: usize = 32;
/// Longer lists of search domains, with a space between each, are refused by an apiserver.
const SEARCHES_MAX_CHARS: usize = 2048;

/// DNS of the host Pod.
pub(super) struct Dns {
    pub(super) policy: Option<String>,
    pub(super) config: Option<PodDNSConfig>,
}

/// `Default` (the node's resolver) and `None` pass; everything else asks for the cluster's DNS. A Pod in the node's
/// network asks for that with `ClusterFirstWithHostNet`; `ClusterFirst` means the node's resolver there.
pub(super) fn down(going: &mut Going<'_>) -> Dns {
    let policy = match going.spec.dns_policy.as_deref() {
        None | Some("ClusterFirst") if going.spec.host_network == Some(true) => Some("Default"),
        policy => policy,
    };
    let own = going.spec.dns_config.clone();
    if matches!(policy, Some("Default" | "None")) {
        return Dns {
            policy: policy.map(str::to_owned),
            config: own,
        };
    }
    let PodDNSConfig {
        nameservers,
        options,
        searches,
    } = own.unwrap_or_default();
    let domain = going.context.cluster_domain;
    let namespace = going.key.namespace.clone();
    let cluster_searches = [
        format!("{namespace}.svc.{domain}"),
        format!("svc.{domain}"),
        domain.to_owned(),
    ];
    let nameservers = merged([going.context.dns_service_ip.to_owned()], nameservers);
    let searches = merged(cluster_searches, searches);
    let config = PodDNSConfig {
        nameservers: Some(limited_nameservers(going, nameservers)),
        options: Some(with_ndots(options.unwrap_or_default())),
        searches: Some(limited_searches(going, searches)),
    };
    Dns {
        policy: Some("None".to_owned()),
        config: Some(config),
    }
}

/// The cluster's first, then the Pod's own, each once.
fn merged<const N: usize>(cluster: [String; N], own: Option<Vec<String>>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for entry in cluster.into_iter().chain(own.unwrap_or_default()) {
        if !all.contains(&entry) {
            all.push(entry);
        }
    }
    all
}

/// The Pod's own options win over the kubelet's `ndots:5`; of several with one name the last wins.
fn with_ndots(own: Vec<PodDNSConfigOption>) -> Vec<PodDNSConfigOption> {
    let ndots = PodDNSConfigOption {
        name: Some("ndots".to_owned()),
        value: Some("5".to_owned()),
    };
    let mut options: Vec<PodDNSConfigOption> = vec![ndots];
    for option in own {
        match options.iter_mut().find(|known| known.name == option.name) {
            Some(known) => *known = option,
            None => options.push(option),
        }
    }
    options
}

fn limited_nameservers(going: &mut Going<'_>, mut nameservers: Vec<String>) -> Vec<String> {
    if nameservers.len() > NAMESERVERS_MAX {
        nameservers.truncate(NAMESERVERS_MAX);
        let why =
            format!("has, with the cluster's, more than {NAMESERVERS_MAX} entries: the rest is not used");
        going
            .findings
            .note("DNSConfigTruncated", "spec.dnsConfig.nameservers", why);
    }
    nameservers
}

fn limited_searches(going: &mut Going<'_>, mut searches: Vec<String>) -> Vec<String> {
    let before = searches.len();
    searches.truncate(SEARCHES_MAX);
    while searches.join(" ").len() > SEARCHES_MAX_CHARS {
        searches.pop();
    }
    if searches.len() < before {
        let why = format!(
            "has, with the cluster's, more than {SEARCHES_MAX} entries or {SEARCHES_MAX_CHARS} characters: \
             the rest is not used"
        );
        going
            .findings
            .note("DNSConfigTruncated", "spec.dnsConfig.searches", why);
    }
    searches
}
