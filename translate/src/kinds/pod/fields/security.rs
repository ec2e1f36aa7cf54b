//! `spec.securityContext` and `spec.containers[].securityContext`: copied after the check of the class's level. At the
//! privileged level only what names an object of the host is denied.

use super::Class::{Copy, Deny};
use super::{Field, field};

const ROOT: &str = "restricted: not root, unless hostUsers is false";
const SECCOMP: &str = "RuntimeDefault or Localhost; restricted: required";
const APP_ARMOR: &str = "RuntimeDefault or Localhost";
const SELINUX: &str = "type limited to container types, user and role denied";
const GMSA: &str = "an object of the host; at every level";
const HOST_PROCESS: &str = "when true, but at the privileged level";

#[rustfmt::skip] // one row a line
pub(super) const FIELDS: &[Field] = &[
    field("spec.securityContext.appArmorProfile", Copy, APP_ARMOR),
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
    field("spec.securityContext.sysctls[].name", Copy, ""),
    field("spec.securityContext.sysctls[].value", Copy, ""),
    field("spec.securityContext.windowsOptions", Copy, ""),
    field("spec.securityContext.windowsOptions.gmsaCredentialSpec", Deny, GMSA),
    field("spec.securityContext.windowsOptions.gmsaCredentialSpecName", Deny, GMSA),
    field("spec.securityContext.windowsOptions.hostProcess", Deny, HOST_PROCESS),
    field("spec.securityContext.windowsOptions.runAsUserName", Copy, "a user in the image"),
    field("spec.containers[].securityContext.allowPrivilegeEscalation", Copy, "restricted: false"),
    field("spec.containers[].securityContext.appArmorProfile", Copy, APP_ARMOR),
    field("spec.containers[].securityContext.capabilities", Copy, "only the default ones; restricted: drop ALL"),
    field("spec.containers[].securityContext.privileged", Deny, "when true, but at the privileged level"),
    field("spec.containers[].securityContext.procMount", Copy, "Default, unless hostUsers is false"),
    field("spec.containers[].securityContext.readOnlyRootFilesystem", Copy, ""),
    field("spec.containers[].securityContext.runAsGroup", Copy, ""),
    field("spec.containers[].securityContext.runAsNonRoot", Copy, ROOT),
    field("spec.containers[].securityContext.runAsUser", Copy, ROOT),
    field("spec.containers[].securityContext.seLinuxOptions", Copy, SELINUX),
    field("spec.containers[].securityContext.seccompProfile", Copy, SECCOMP),
    field("spec.containers[].securityContext.windowsOptions", Copy, ""),
    field("spec.containers[].securityContext.windowsOptions.gmsaCredentialSpec", Deny, GMSA),
    field("spec.containers[].securityContext.windowsOptions.gmsaCredentialSpecName", Deny, GMSA),
    field("spec.containers[].securityContext.windowsOptions.hostProcess", Deny, HOST_PROCESS),
    field("spec.containers[].securityContext.windowsOptions.runAsUserName", Copy, "a user in the image"),
];
