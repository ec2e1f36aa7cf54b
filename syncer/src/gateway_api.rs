//! Which kinds of the Gateway API are kept, and in which version: what the host serves at the start. A definition that comes
//! later, or is served in another version, is a new start (`kinds::definition`).

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{Api, Client};
use warren_crds::gateways::{GATEWAYS, HTTP_ROUTES, TLS_ROUTES};
use warren_crds::sync::Custom;
use warren_runtime::act;
use warren_runtime::log::Chain;
use warren_translate::TenantPolicy;
use warren_translate::kinds::{gateway, route};

use crate::stores::customs::Role;

/// A kind that is kept as registered ones are, without anybody's registering it.
#[derive(Clone, Debug)]
pub struct BuiltIn {
    /// As it would be registered; with an empty version while the host does not serve it.
    pub custom: Custom,
    /// What becomes of its objects.
    pub role: Role,
}

const KINDS: [(&str, Role); 3] = [
    (GATEWAYS, Role::Gateway),
    (HTTP_ROUTES, Role::Route),
    (TLS_ROUTES, Role::Route),
];

/// The kinds that a class which offers Gateways takes; none for one that offers none.
pub async fn kinds(host: &Client, policy: &TenantPolicy) -> Vec<BuiltIn> {
    let mut kinds = Vec::new();
    if policy.gateways.is_empty() {
        return kinds;
    }
    for (definition, role) in KINDS {
        let version = served(host, definition).await.unwrap_or_default();
        let custom = if role == Role::Route {
            route::registration(definition, version)
        } else {
            Custom {
                definition: definition.to_owned(),
                version: version.to_owned(),
                ..Custom::default()
            }
        };
        kinds.push(BuiltIn { custom, role });
    }
    kinds
}

/// What cannot be read now its watch will find: that is a new start then.
async fn served(host: &Client, name: &str) -> Option<&'static str> {
    let definitions: Api<CustomResourceDefinition> = Api::all(host.clone());
    let read = act::call(
        format!("read definition {name} of the host"),
        definitions.get_opt(name),
    )
    .await;
    match read {
        Ok(definition) => gateway::version(&definition?),
        Err(error) => {
            tracing::warn!(error = %Chain(&error), "whether the host serves {name} is not known yet");
            None
        }
    }
}
