//! The host's cluster DNS, so that names work in ordinary Pods of the host.

/// Objects to apply.
pub const MANIFEST: &str = include_str!("../assets/coredns.yaml");
/// Namespace and name of the Deployment to wait for.
pub const DEPLOYMENT: (&str, &str) = ("kube-system", "coredns");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::DNS_ADDRESS;

    #[test]
    fn the_service_has_the_address_that_the_kubelets_hand_out() {
        assert!(MANIFEST.contains(&format!("clusterIP: {DNS_ADDRESS}\n")));
    }
}
