//! Pure: the allow-list of kube-apiserver flags that a VirtualCluster may set.

use std::collections::BTreeMap;

use super::{Invalid, names};

/// Flags that cannot open a way around the egress gate, change who is trusted, or take a file. Everything else is
/// refused: `--oidc-*`, `--authentication-*`, `--egress-selector-config-file`, `--etcd-*`, `--admission-*`, … either
/// dial past the gate or decide who is whom.
const ALLOWED: [&str; 14] = [
    "default-not-ready-toleration-seconds",
    "default-unreachable-toleration-seconds",
    "default-watch-cache-size",
    "event-ttl",
    "feature-gates",
    "goaway-chance",
    "max-mutating-requests-inflight",
    "max-requests-inflight",
    "min-request-timeout",
    "request-timeout",
    "runtime-config",
    "service-account-max-token-expiration",
    "v",
    "watch-cache-sizes",
];

/// At verbosity 10 an apiserver logs what webhooks answer: with an address of the host as a webhook that would read
/// from it (CVE-2020-8561). The gate closes that way already; a second lock costs nothing.
const MAX_VERBOSITY: u32 = 6;

/// Checks every flag.
///
/// # Errors
/// Names the flag and what is allowed.
pub fn check(args: &BTreeMap<String, String>) -> Result<(), Invalid> {
    for (name, value) in args {
        if !ALLOWED.contains(&name.as_str()) {
            return Err(Invalid::spec(format!(
                "`controlPlane.apiServer.extraArgs['{name}']` is not allowed; allowed are {}",
                names::list(ALLOWED.into_iter())
            )));
        }
        if name == "v" && !value.parse::<u32>().is_ok_and(|v| v <= MAX_VERBOSITY) {
            return Err(Invalid::spec(format!(
                "`controlPlane.apiServer.extraArgs['v']` must be a number no greater than {MAX_VERBOSITY}, not '{value}'"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::ALLOWED;

    #[test]
    fn the_documentation_has_each_flag_and_no_other() {
        let text = include_str!("../../../../docs/virtual-cluster.md");
        let table = text
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split_once(" | "));
        let flags = table.flat_map(|(flags, _)| flags.split(", "));
        let mut documented: Vec<&str> = flags.map(|flag| flag.trim_matches('`')).collect();
        // The first table is of fields, whose names are not flags'.
        documented.retain(|flag| {
            !flag.contains('.') && !["class", "version", "sync", "quota", "deletionPolicy"].contains(flag)
        });
        documented.sort_unstable();
        assert_eq!(documented, ALLOWED);
    }
}
