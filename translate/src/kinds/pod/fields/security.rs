//! `spec.securityContext` and `spec.containers[].securityContext`: copied after the check of the class's level.

use super::Class::{Copy, Deny};
use super::{Field, field};

const ROOT: &str = "restricted: not root, unless hostUsers is false";
const SECCOMP: &str = "RuntimeDefault or Localhost; restricted: required";
const SELINUX: &str = "type limited to container types, user and role denied";
const WINDOWS: &str = "hostProcess and credential specs denied";

#[rustfmt::skip] // one row a line
pub(super) const FIELDS: &[Field] = &[
    field("spec.securityContext.appArmorProfile", Copy, "RuntimeDefault or Localhost"),
    field("spec.securityContext.fsGroup", Copy, ""),
    field("spec.securityContext.fsGroupChangePolicy", Copy, ""),
    field("spec.securityContext.runAsGroup", Copy, ""),
    field("spec.securityContext.runAsNonRoot", Copy, ROOT),
    field("spec.securityContext.runAsUser", Copy, ROOT),
    field("spec.securityContext.seLinuxChangePolicy", Copy, ""),
    field("spec.securityContext.seLinuxOptions", Copy, SELINUX),
    field("spec.securityContext.seccompProfile", Copy, SECCOMP),
    field("spec.securityContext.supplementalGroups", Copy, ""),
    field("spec.securityContext.supplementalGroupsPolicy", Copy, ""),
    field("spec.securityContext.sysctls", Copy, "only safe ones"),
    field("spec.securityContext.windowsOptions", Copy, WINDOWS),
    field("spec.containers[].securityContext.allowPrivilegeEscalation", Copy, "restricted: false"),
    field("spec.containers[].securityContext.appArmorProfile", Copy, "RuntimeDefault or Localhost"),
    field("spec.containers[].securityContext.capabilities", Copy, "only the default ones; restricted: drop ALL"),
    field("spec.containers[].securityContext.privileged", Deny, "true"),
    field("spec.containers[].securityContext.procMount", Copy, "Default, unless hostUsers is false"),
    field("spec.containers[].securityContext.readOnlyRootFilesystem", Copy, ""),
    field("spec.containers[].securityContext.runAsGroup", Copy, ""),
    field("spec.containers[].securityContext.runAsNonRoot", Copy, ROOT),
    field("spec.containers[].securityContext.runAsUser", Copy, ROOT),
    field("spec.containers[].securityContext.seLinuxOptions", Copy, SELINUX),
    field("spec.containers[].securityContext.seccompProfile", Copy, SECCOMP),
    field("spec.containers[].securityContext.windowsOptions", Copy, WINDOWS),
];
