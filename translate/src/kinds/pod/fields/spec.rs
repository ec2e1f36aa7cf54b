//! `spec`.

use super::Class::{Copy, Deny, Drop, Rewrite};
use super::{Field, field};

const DECIDED: &str = "the tenant's scheduler has decided; on the host it would be evaluated a second time";

#[rustfmt::skip] // one row a line
pub(super) const FIELDS: &[Field] = &[
    field("spec.activeDeadlineSeconds", Copy, ""),
    field("spec.affinity", Rewrite, "required node affinity to the node the tenant's scheduler chose"),
    field("spec.automountServiceAccountToken", Rewrite, "false: the token volume is in the spec already"),
    field("spec.containers", Rewrite, "see spec.containers[]"),
    field("spec.dnsConfig", Rewrite, "merged with the tenant's DNS"),
    field("spec.dnsPolicy", Rewrite, "None with the tenant's DNS written out; Default and None as they are"),
    field("spec.enableServiceLinks", Rewrite, "false: the variables are computed from the tenant's Services"),
    field("spec.ephemeralContainers", Deny, "not yet; added later it is noted"),
    field("spec.evictionResponders", Drop, "controllers of the tenant answer evictions in the tenant"),
    field("spec.hostAliases", Copy, "one entry per address"),
    field("spec.hostIPC", Deny, "true"),
    field("spec.hostNetwork", Deny, "true"),
    field("spec.hostPID", Deny, "true"),
    field("spec.hostUsers", Copy, ""),
    field("spec.hostname", Rewrite, "always set, the Pod's name by default: the host Pod has another name"),
    field("spec.hostnameOverride", Rewrite, "also for names with dots and for setHostnameAsFQDN"),
    field("spec.imagePullSecrets", Rewrite, "names"),
    field("spec.initContainers", Rewrite, "see spec.containers[]"),
    field("spec.nodeName", Rewrite, "becomes the required node affinity: the host's scheduler accounts"),
    field("spec.nodeSelector", Drop, DECIDED),
    field("spec.os", Copy, ""),
    field("spec.overhead", Drop, "the host's RuntimeClass adds its own"),
    field("spec.preemptionPolicy", Drop, "the host's PriorityClass says"),
    field("spec.priority", Drop, "the host's PriorityClass says"),
    field("spec.priorityClassName", Rewrite, "the class's; the tenant's counts for the tenant's scheduler"),
    field("spec.readinessGates", Drop, "evaluated on the way up; noted"),
    field("spec.resourceClaims", Deny, "not yet"),
    field("spec.resources", Copy, ""),
    field("spec.restartPolicy", Copy, ""),
    field("spec.runtimeClassName", Rewrite, "the class's; another one is denied"),
    field("spec.schedulerName", Drop, DECIDED),
    field("spec.schedulingGates", Drop, "a bound Pod has none"),
    field("spec.schedulingGroup", Drop, DECIDED),
    field("spec.securityContext", Copy, "checked, see spec.securityContext.*"),
    field("spec.serviceAccount", Drop, "old name of serviceAccountName"),
    field("spec.serviceAccountName", Rewrite, "one without rights and without a token"),
    field("spec.setHostnameAsFQDN", Rewrite, "hostnameOverride; denied over 63 characters"),
    field("spec.shareProcessNamespace", Copy, ""),
    field("spec.subdomain", Drop, "answered by the tenant's DNS; noted"),
    field("spec.terminationGracePeriodSeconds", Copy, ""),
    field("spec.tolerations", Rewrite, "of the node's state and of taints the class allows; others noted"),
    field("spec.topologySpreadConstraints", Drop, DECIDED),
    field("spec.volumes", Rewrite, "see spec.volumes[]"),
];
