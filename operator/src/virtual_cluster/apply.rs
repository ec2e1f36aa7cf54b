//! I/O: writes a plan to the host, wave by wave, each wave in parallel. Knows nothing of what it writes.

use std::collections::BTreeMap;

use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::Service;
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use tokio::time::{Instant, sleep};
use warren_runtime::act;

use super::plan::{Method, Plan, Planned, Wave};
use crate::limits::{APPLY_CONCURRENCY, GRANT_PATIENCE, GRANT_PAUSE};

/// Owner of the fields that the operator applies.
pub const MANAGER: &str = "warren-operator";

/// Why a plan could not be written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The host said no.
    #[error(transparent)]
    Call(#[from] act::Error),
    /// The host's answer is no Service. Cannot happen; an error is still better than a panic.
    #[error("the host's answer for {what} cannot be read: {source}")]
    Answer {
        /// Which object.
        what: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A root or key exists that this round did not see. The next round reads it.
    #[error("{0} exists already; reading it again")]
    Exists(String),
}

/// What the host answered: the Services, whose addresses the host chose.
#[derive(Debug, Default)]
pub struct Applied {
    /// By name.
    pub services: BTreeMap<String, Service>,
}

/// Writes `plan`.
///
/// # Errors
/// The first failure; what was written stays, and the next round goes on from there.
pub async fn apply(client: &Client, plan: Plan) -> Result<Applied, Error> {
    let mut waves: BTreeMap<Wave, Vec<Planned>> = BTreeMap::new();
    for object in plan.objects {
        waves.entry(object.wave).or_default().push(object);
    }
    let mut applied = Applied::default();
    for (_wave, objects) in waves {
        let written: Vec<Option<Service>> = stream::iter(objects)
            .map(|object| write(client, object))
            .buffer_unordered(APPLY_CONCURRENCY)
            .try_collect()
            .await?;
        let services = written.into_iter().flatten();
        applied
            .services
            .extend(services.map(|s| (s.metadata.name.clone().unwrap_or_default(), s)));
    }
    Ok(applied)
}

/// Writes one object; answers with it if it is a Service.
async fn write(client: &Client, planned: Planned) -> Result<Option<Service>, Error> {
    let api: Api<DynamicObject> = match &planned.namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &planned.resource),
        None => Api::all_with(client.clone(), &planned.resource),
    };
    let begun = Instant::now();
    loop {
        match write_once(&api, &planned).await {
            Ok(Some(answer)) if planned.resource.kind == "Service" => {
                return read_service(&planned, answer).map(Some);
            }
            Ok(_answer) => return Ok(None),
            // The operator's own grant in this namespace was written a moment ago.
            Err(error) if error.code() == Some(403) && begun.elapsed() < GRANT_PATIENCE => {
                sleep(GRANT_PAUSE).await;
            }
            Err(error) if error.is_conflict() && planned.method == Method::Create => {
                return Err(Error::Exists(planned.describe()));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// `None`: nothing is there, as planned.
async fn write_once(
    api: &Api<DynamicObject>,
    planned: &Planned,
) -> Result<Option<DynamicObject>, act::Error> {
    let what = planned.describe();
    match planned.method {
        Method::Apply => {
            let params = PatchParams::apply(MANAGER).force();
            let patch = Patch::Apply(&planned.object);
            act::call(format!("apply {what}"), api.patch(&planned.name, &params, &patch))
                .await
                .map(Some)
        }
        Method::Create => {
            let object: DynamicObject =
                serde_json::from_value(planned.object.clone()).map_err(|source| act::Error::Api {
                    what: format!("create {what}"),
                    source: Box::new(kube::Error::SerdeError(source)),
                })?;
            act::call(
                format!("create {what}"),
                api.create(&PostParams::default(), &object),
            )
            .await
            .map(Some)
        }
        Method::Delete => {
            let params = DeleteParams::background();
            match act::call(format!("delete {what}"), api.delete(&planned.name, &params)).await {
                Ok(_deleted) => Ok(None),
                Err(error) if error.is_not_found() => Ok(None),
                Err(error) => Err(error),
            }
        }
    }
}

fn read_service(planned: &Planned, answer: DynamicObject) -> Result<Service, Error> {
    let what = || planned.describe();
    answer.try_parse().map_err(|error| Error::Answer {
        what: what(),
        source: serde::de::Error::custom(error.to_string()),
    })
}
