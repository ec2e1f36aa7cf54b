//! Reading `VirtualCluster`s from the host.

use anyhow::Result;
use kube::api::{ApiResource, DynamicObject, ListParams};
use kube::{Api, ResourceExt as _};
use warren_crds::virtual_cluster::VirtualClusterStatus;
use warren_crds::{VirtualCluster, condition, virtual_cluster::conditions};

use crate::exit::{Code, Failure};
use crate::hint::{self, Attempt, VIRTUAL_CLUSTERS};
use crate::host::Host;

/// Most names that a "not found" lists.
const SUGGESTED_NAMES: usize = 10;

/// A `VirtualCluster` as the host sent it, so that fields this program does not know survive, and its status.
#[derive(Clone, Debug)]
pub(crate) struct Cluster {
    /// The whole object.
    pub(crate) object: DynamicObject,
    /// Its status; empty until the operator has written one.
    pub(crate) status: VirtualClusterStatus,
}

impl Cluster {
    /// Reads the status out of `object`.
    ///
    /// # Errors
    /// When the status has a form that this program does not know.
    pub(crate) fn new(object: DynamicObject) -> Result<Self> {
        let status = match object.data.get("status").filter(|status| !status.is_null()) {
            Some(status) => serde_json::from_value(status.clone()).map_err(|error| {
                Failure::error(format!(
                    "the status of {} cannot be read: {error}",
                    object.name_any()
                ))
                .hint("this program may be older than the operator; use the one of the same release")
            })?,
            None => VirtualClusterStatus::default(),
        };
        Ok(Self { object, status })
    }

    /// Its name.
    pub(crate) fn name(&self) -> String {
        self.object.name_any()
    }

    /// Its namespace.
    pub(crate) fn namespace(&self) -> String {
        self.object.namespace().unwrap_or_default()
    }

    /// `namespace/name`.
    pub(crate) fn key(&self) -> String {
        format!("{}/{}", self.namespace(), self.name())
    }

    /// Whether somebody asked for its deletion.
    pub(crate) fn is_deleting(&self) -> bool {
        self.object.metadata.deletion_timestamp.is_some()
    }

    /// Whether the condition `Ready` is true for the spec as it is now.
    pub(crate) fn is_ready(&self) -> bool {
        condition::get(&self.status.conditions, conditions::READY)
            .is_some_and(|ready| ready.status == "True" && self.is_current(ready.observed_generation))
    }

    /// Whether something observed at generation `observed` speaks of the spec as it is now.
    pub(crate) fn is_current(&self, observed: Option<i64>) -> bool {
        let observed = observed.or(self.status.observed_generation);
        observed.is_none_or(|observed| self.object.metadata.generation.is_none_or(|now| observed >= now))
    }

    /// A string in the spec, by path: `spec_text(&["access", "expose"])`.
    pub(crate) fn spec_text(&self, path: &[&str]) -> Option<&str> {
        let spec = self.object.data.get("spec")?;
        path.iter().try_fold(spec, |value, key| value.get(key))?.as_str()
    }
}

/// How `VirtualCluster` is addressed.
pub(crate) fn resource() -> ApiResource {
    ApiResource::erase::<VirtualCluster>(&())
}

/// The API of all `VirtualCluster`s in `namespace`, or in all namespaces.
pub(crate) fn api(host: &Host, namespace: Option<&str>) -> Api<DynamicObject> {
    match namespace {
        Some(namespace) => Api::namespaced_with(host.client.clone(), namespace, &resource()),
        None => Api::all_with(host.client.clone(), &resource()),
    }
}

/// The virtual cluster `name` in the host's namespace in use.
///
/// # Errors
/// A [`Failure`] that lists the names there are when `name` is not one of them.
pub(crate) async fn get(host: &Host, name: &str) -> Result<Cluster> {
    match api(host, Some(&host.namespace)).get_opt(name).await {
        Ok(Some(object)) => Cluster::new(object),
        Ok(None) => Err(not_found(host, name).await.into()),
        Err(error) => Err(hint::explain(host, attempt("get", Some(&host.namespace)), &error).into()),
    }
}

/// All virtual clusters in `namespace` (`None`: everywhere), as the host sorts them.
///
/// # Errors
/// A [`Failure`] with what to do.
pub(crate) async fn list(host: &Host, namespace: Option<&str>) -> Result<Vec<Cluster>> {
    let list = api(host, namespace).list(&ListParams::default()).await;
    let list = list.map_err(|error| hint::explain(host, attempt("list", namespace), &error))?;
    // The items of a list do not repeat their kind.
    let types = kube::api::TypeMeta::resource::<VirtualCluster>();
    list.items
        .into_iter()
        .map(|mut object| {
            object.types.get_or_insert_with(|| types.clone());
            Cluster::new(object)
        })
        .collect()
}

/// The failure for a `name` that does not exist; tells a missing CRD from a missing object.
pub(crate) async fn not_found(host: &Host, name: &str) -> Failure {
    let namespace = &host.namespace;
    let failure = Failure::error(format!(
        "there is no virtual cluster '{name}' in namespace '{namespace}'"
    ));
    match list(host, Some(namespace)).await {
        Ok(clusters) if clusters.is_empty() => failure
            .hint(format!(
                "the namespace holds none; look in all of them: {} list -A",
                host.program
            ))
            .hint(format!(
                "or create it: {} create {name} -n {namespace} --wait",
                host.program
            )),
        Ok(clusters) => {
            let names: Vec<String> = clusters.iter().take(SUGGESTED_NAMES).map(Cluster::name).collect();
            let more = if clusters.len() > SUGGESTED_NAMES {
                ", …"
            } else {
                ""
            };
            failure.hint(format!("there are: {}{more}", names.join(", ")))
        }
        // The list says what is wrong when the type itself does not exist.
        Err(error) => match error.downcast::<Failure>() {
            Ok(cause) if cause.message.starts_with("Warren is not installed") => cause,
            _ => Failure::new(Code::Error, failure.message)
                .hint(format!("look in all namespaces: {} list -A", host.program)),
        },
    }
}

/// An [`Attempt`] on `VirtualCluster`s.
pub(crate) fn attempt<'a>(verb: &'a str, namespace: Option<&'a str>) -> Attempt<'a> {
    Attempt {
        verb,
        resource: VIRTUAL_CLUSTERS,
        namespace,
    }
}
