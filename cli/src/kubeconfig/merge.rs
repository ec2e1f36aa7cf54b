//! Puts a virtual cluster's context into somebody's kubeconfig without touching the rest of it. Pure.

use kube::config::Kubeconfig;

/// What [`merge`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Merged {
    /// The server that a context of the same name pointed to before, when it was another one.
    pub(crate) replaced_server: Option<String>,
    /// The current context before, when it changed.
    pub(crate) previous_context: Option<String>,
}

/// Adds the clusters, users and contexts of `entry` to `into`, in place of those of the same name;
/// makes `entry`'s context the current one only when `switch` is set.
pub(crate) fn merge(into: &mut Kubeconfig, entry: Kubeconfig, switch: bool) -> Merged {
    into.kind.get_or_insert_with(|| "Config".to_owned());
    into.api_version.get_or_insert_with(|| "v1".to_owned());
    let replaced_server = entry.clusters.iter().find_map(|new| {
        let old = into
            .clusters
            .iter()
            .find(|old| old.name == new.name)?
            .cluster
            .as_ref()?
            .server
            .clone()?;
        (new.cluster.as_ref().and_then(|cluster| cluster.server.as_ref()) != Some(&old)).then_some(old)
    });
    for new in entry.clusters {
        put(&mut into.clusters, new, |cluster| &cluster.name);
    }
    for new in entry.auth_infos {
        put(&mut into.auth_infos, new, |user| &user.name);
    }
    for new in entry.contexts {
        put(&mut into.contexts, new, |context| &context.name);
    }
    let mut previous_context = None;
    if switch && into.current_context != entry.current_context {
        previous_context = into.current_context.take().filter(|name| !name.is_empty());
        into.current_context = entry.current_context;
    }
    Merged {
        replaced_server,
        previous_context,
    }
}

/// Replaces the item of the same name where it stands, or appends `new`.
fn put<T>(items: &mut Vec<T>, new: T, name: impl Fn(&T) -> &str) {
    match items
        .iter()
        .position(|item| name(item) == name(&new))
        .and_then(|index| items.get_mut(index))
    {
        Some(slot) => *slot = new,
        None => items.push(new),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubeconfig::Tenant;
    use crate::kubeconfig::tenant::tests::GOOD;
    use crate::output::machine;

    const MINE: &str = "
apiVersion: v1
kind: Config
current-context: prod
clusters:
- name: prod
  cluster: {server: 'https://prod.example', certificate-authority: ca.crt, x-unknown: kept}
users:
- name: prod
  user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: aws, args: [eks, get-token]}}
contexts:
- name: prod
  context: {cluster: prod, user: prod, namespace: shop}
preferences: {}
x-also-unknown: {kept: true}
";

    fn entry(server: &str) -> Kubeconfig {
        Tenant::parse(GOOD)
            .unwrap()
            .to_kubeconfig("warren/demo/ci-42", server)
    }

    #[test]
    fn everything_that_was_there_stays() {
        let mut mine = Kubeconfig::from_yaml(MINE).unwrap();
        let merged = merge(&mut mine, entry("https://10.96.12.7:443"), false);
        assert_eq!(
            merged,
            Merged {
                replaced_server: None,
                previous_context: None
            }
        );
        insta::assert_snapshot!(machine::to_yaml(&mine).unwrap());
    }

    #[test]
    fn the_current_context_changes_only_when_asked() {
        let mut mine = Kubeconfig::from_yaml(MINE).unwrap();
        merge(&mut mine, entry("https://a"), false);
        assert_eq!(mine.current_context.as_deref(), Some("prod"));
        let merged = merge(&mut mine, entry("https://a"), true);
        assert_eq!(mine.current_context.as_deref(), Some("warren/demo/ci-42"));
        assert_eq!(merged.previous_context.as_deref(), Some("prod"));
    }

    #[test]
    fn merging_twice_changes_nothing_more() {
        let mut mine = Kubeconfig::from_yaml(MINE).unwrap();
        merge(&mut mine, entry("https://a"), true);
        let once = machine::to_yaml(&mine).unwrap();
        let merged = merge(&mut mine, entry("https://a"), true);
        assert_eq!(
            merged,
            Merged {
                replaced_server: None,
                previous_context: None
            }
        );
        assert_eq!(machine::to_yaml(&mine).unwrap(), once);
    }

    #[test]
    fn another_cluster_of_the_same_name_is_replaced_and_reported() {
        let mut mine = Kubeconfig::default();
        merge(&mut mine, entry("https://old"), false);
        let merged = merge(&mut mine, entry("https://new"), false);
        assert_eq!(merged.replaced_server.as_deref(), Some("https://old"));
        assert_eq!(
            (mine.clusters.len(), mine.auth_infos.len(), mine.contexts.len()),
            (1, 1, 1)
        );
    }
}
