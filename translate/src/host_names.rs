//! Which host names the class lets tenants serve, whatever kind serves them.

use std::fmt;

use warren_crds::served_host::ServedHost;

use crate::note::Findings;
use crate::policy::TenantPolicy;

/// Reason of the Event on an object one of whose host names another cluster serves.
pub const CONFLICT: &str = "HostnameConflict";

/// Entries of the class that a denial names.
const NAMED: usize = 8;

/// What the class allows.
pub(crate) struct Allowed(Vec<ServedHost>);

impl Allowed {
    pub(crate) fn of(policy: &TenantPolicy) -> Self {
        let entries = policy.allowed_host_names.iter();
        Self(entries.filter_map(|entry| ServedHost::parse(entry)).collect())
    }

    /// Denies `field` unless its text is a host name that is allowed. Empty: requests for every name.
    pub(crate) fn check(&self, findings: &mut Findings, field: &str, host: &str) {
        let Some(host) = served(host) else {
            findings.deny(field, format!("is no host name: {host:?}"));
            return;
        };
        if self.0.iter().any(|entry| entry.allows(&host)) {
            return;
        }
        let what = match &host {
            ServedHost::Any => "takes requests for every host name".to_owned(),
            named => format!("{named} is not offered"),
        };
        findings.deny(field, format!("{what}: {self}"));
    }
}

impl fmt::Display for Allowed {
    /// For the end of a denial: what is allowed, and by whom.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str(
                "the platform allows this cluster no host names (`allowedHostNames` of its VirtualClusterClass)",
            );
        }
        let names: Vec<String> = self.0.iter().take(NAMED).map(ToString::to_string).collect();
        let more = if self.0.len() > NAMED { ", …" } else { "" };
        write!(f, "the platform allows {}{more}", names.join(", "))
    }
}

/// A host name as a field has it: none is every name that nobody serves. `None` for what is no host name.
pub(crate) fn served(host: &str) -> Option<ServedHost> {
    if host.is_empty() {
        Some(ServedHost::Any)
    } else {
        ServedHost::parse(host)
    }
}
