//! Lists of the spec that server-side apply reads as maps: each key once.

use k8s_openapi::api::core::v1::{ContainerPort, HostAlias, LocalObjectReference};

use super::going::Going;
use crate::name::SECRET;

/// Entries of `/etc/hosts`, one per address with all its names.
pub(super) fn host_aliases(aliases: &[HostAlias]) -> Vec<HostAlias> {
    let mut merged: Vec<HostAlias> = Vec::new();
    for HostAlias { hostnames, ip } in aliases {
        match merged.iter_mut().find(|known| known.ip == *ip) {
            Some(known) => {
                known
                    .hostnames
                    .get_or_insert_default()
                    .extend(hostnames.iter().flatten().cloned());
            }
            None => merged.push(HostAlias {
                hostnames: hostnames.clone(),
                ip: ip.clone(),
            }),
        }
    }
    merged
}

/// Registry credentials under their host names, each once; nameless ones refer to nothing and are left out.
pub(super) fn pull_secrets(going: &Going<'_>, secrets: &[LocalObjectReference]) -> Vec<LocalObjectReference> {
    let mut renamed: Vec<LocalObjectReference> = Vec::new();
    for LocalObjectReference { name } in secrets {
        let reference = LocalObjectReference {
            name: going.references().host_name(SECRET, name).as_str().to_owned(),
        };
        if !name.is_empty() && !renamed.contains(&reference) {
            renamed.push(reference);
        }
    }
    renamed
}

/// Ports without `hostIP`, which has no effect without a host port; host ports themselves are denied elsewhere.
/// Of two entries for the same port and protocol the first stays, with a note.
pub(super) fn ports(going: &mut Going<'_>, path: &str, ports: &[ContainerPort]) -> Vec<ContainerPort> {
    let mut kept: Vec<ContainerPort> = Vec::new();
    for ContainerPort {
        container_port,
        host_ip: _,
        host_port: _,
        name,
        protocol,
    } in ports
    {
        let tcp = |protocol: &Option<String>| protocol.clone().unwrap_or_else(|| "TCP".to_owned());
        let same = |other: &ContainerPort| {
            other.container_port == *container_port && tcp(&other.protocol) == tcp(protocol)
        };
        if kept.iter().any(same) {
            let field = format!("{path}.ports[{container_port}/{}]", tcp(protocol));
            going
                .findings
                .note("DuplicatePort", field, "appears twice: the first entry is used");
            continue;
        }
        kept.push(ContainerPort {
            container_port: *container_port,
            host_ip: None,
            host_port: None,
            name: name.clone(),
            protocol: protocol.clone(),
        });
    }
    kept
}
