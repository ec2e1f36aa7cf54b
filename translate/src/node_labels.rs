//! Which labels of a host node its virtual Node has: what a scheduler needs, and nothing that tells how the host is run.

/// Whether virtual Nodes have the label.
pub fn is_shown(key: &str) -> bool {
    let exact = matches!(
        key,
        "kubernetes.io/hostname"
            | "kubernetes.io/os"
            | "kubernetes.io/arch"
            | "node.kubernetes.io/instance-type"
    );
    exact || (key.starts_with("topology.") && key.contains('/'))
}
