//! Every write: a time limit, an outcome that callers can match, and a UID where the wrong object could be hit.

use std::fmt::Debug;
use std::future::Future;
use std::time::Duration;

use kube::api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::{Api, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use crate::disposition::{Disposed, Disposition};
use crate::limits::CALL_TIMEOUT;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No answer in time; the call may or may not have taken effect.
    #[error("no answer within {} s while trying to {what}", limit.as_secs())]
    Timeout {
        /// What was attempted.
        what: String,
        /// How long it was waited for.
        limit: Duration,
    },
    /// The API said no, or could not be reached.
    #[error("failed to {what}")]
    Api {
        /// What was attempted.
        what: String,
        /// The answer.
        #[source]
        source: Box<kube::Error>,
    },
}

impl Error {
    /// HTTP status code of the answer, if there was one.
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::Timeout { .. } => None,
            Self::Api { source, .. } => match source.as_ref() {
                kube::Error::Api(status) => Some(status.code),
                _ => None,
            },
        }
    }

    /// The API's message, if there was one.
    pub fn message(&self) -> Option<&str> {
        match self {
            Self::Timeout { .. } => None,
            Self::Api { source, .. } => match source.as_ref() {
                kube::Error::Api(status) => Some(&status.message),
                _ => None,
            },
        }
    }

    /// 404.
    pub fn is_not_found(&self) -> bool {
        self.code() == Some(404)
    }

    /// A stale resourceVersion, another object of the name, or it exists already.
    pub fn is_conflict(&self) -> bool {
        self.code() == Some(409) || self.is_another()
    }

    /// A patch with the UID of another object: the API takes that for a change of the UID (*run*: 422).
    fn is_another(&self) -> bool {
        let says_so = |message: &str| message.contains("metadata.uid: Invalid value");
        self.code() == Some(422) && self.message().is_some_and(says_so)
    }
}

impl Disposed for Error {
    fn disposition(&self) -> Disposition {
        match self.code() {
            Some(422) if self.is_another() => Disposition::Retry,
            // The object itself is refused: trying the same again gives the same answer.
            Some(400 | 405 | 413 | 415 | 422) => Disposition::WaitForChange,
            _ => Disposition::Retry,
        }
    }

    fn reason(&self) -> &'static str {
        match (self, self.code()) {
            (Self::Timeout { .. }, _) => "Timeout",
            (_, Some(403)) => "Forbidden",
            (_, Some(404)) => "NotFound",
            (_, Some(409)) => "Conflict",
            (_, Some(422)) if self.is_another() => "Conflict",
            (_, Some(400 | 422)) => "Invalid",
            (_, Some(429)) => "TooManyRequests",
            (_, Some(_)) => "ApiError",
            (_, None) => "Unreachable",
        }
    }
}

/// Runs one call with the time limit; `what` completes "failed to …".
///
/// # Errors
/// [`Error`] with `what`.
pub async fn call<T>(
    what: impl Into<String> + Send,
    future: impl Future<Output = kube::Result<T>> + Send,
) -> Result<T, Error> {
    match timeout(CALL_TIMEOUT, future).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(source)) => Err(Error::Api {
            what: what.into(),
            source: Box::new(source),
        }),
        Err(_elapsed) => Err(Error::Timeout {
            what: what.into(),
            limit: CALL_TIMEOUT,
        }),
    }
}

fn describe<K: Resource<DynamicType = ()>>(verb: &str, object: &K) -> String {
    let namespace = object.namespace().unwrap_or_default();
    format!("{verb} {} {namespace}/{}", K::kind(&()), object.name_any())
}

/// Creates `object`.
///
/// # Errors
/// [`Error`]; 409 when it exists already.
pub async fn create<K>(api: &Api<K>, object: &K) -> Result<K, Error>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Serialize + Send + Sync,
{
    call(
        describe("create", object),
        api.create(&PostParams::default(), object),
    )
    .await
}

/// Server-side apply of `object` by `manager`, taking ownership of what it names.
///
/// # Errors
/// [`Error`].
pub async fn apply<K>(api: &Api<K>, manager: &str, object: &K) -> Result<K, Error>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Serialize + Send + Sync,
{
    let params = PatchParams::apply(manager).force();
    let name = object.name_any();
    call(
        describe("apply", object),
        api.patch(&name, &params, &Patch::Apply(object)),
    )
    .await
}

/// Replaces `object`, which must carry the `resourceVersion` (and so the UID) that was read.
///
/// # Errors
/// [`Error`]; 409 when it changed in between.
pub async fn replace<K>(api: &Api<K>, object: &K) -> Result<K, Error>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Serialize + Send + Sync,
{
    call(
        describe("replace", object),
        api.replace(&object.name_any(), &PostParams::default(), object),
    )
    .await
}

/// Replaces the `status` subresource of `object`, which must carry the `resourceVersion` that was read.
///
/// # Errors
/// [`Error`]; 409 when it changed in between.
pub async fn replace_status<K>(api: &Api<K>, object: &K) -> Result<K, Error>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Serialize + Send + Sync,
{
    call(
        describe("replace status of", object),
        api.replace_status(&object.name_any(), &PostParams::default(), object),
    )
    .await
}

/// JSON merge patch. Put `metadata.uid` into `patch` where only that very object may be hit: another one is a
/// conflict.
///
/// # Errors
/// [`Error`].
pub async fn merge<K>(api: &Api<K>, name: &str, patch: &serde_json::Value) -> Result<K, Error>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    let what = format!("patch {} {name}", K::kind(&()));
    call(
        what,
        api.patch(name, &PatchParams::default(), &Patch::Merge(patch)),
    )
    .await
}

/// JSON merge patch of the `status` subresource.
///
/// # Errors
/// [`Error`].
pub async fn merge_status<K>(api: &Api<K>, name: &str, patch: &serde_json::Value) -> Result<K, Error>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    let what = format!("patch status of {} {name}", K::kind(&()));
    call(
        what,
        api.patch_status(name, &PatchParams::default(), &Patch::Merge(patch)),
    )
    .await
}

/// Strategic merge patch, of `subresource` where one is given. For kinds of Kubernetes itself only; `metadata.uid` as
/// in [`merge`].
///
/// # Errors
/// [`Error`].
pub async fn strategic<K>(
    api: &Api<K>,
    name: &str,
    subresource: Option<&str>,
    patch: &serde_json::Value,
) -> Result<K, Error>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    let params = PatchParams::default();
    let patch = Patch::Strategic(patch);
    match subresource {
        None => {
            call(
                format!("patch {} {name}", K::kind(&())),
                api.patch(name, &params, &patch),
            )
            .await
        }
        Some(subresource) => {
            call(
                format!("patch {subresource} of {} {name}", K::kind(&())),
                api.patch_subresource(subresource, name, &params, &patch),
            )
            .await
        }
    }
}

/// Deletes the object `name` with this very `uid`. One that is gone, or is another object by now, is a success.
///
/// `grace_seconds`: `None` takes the object's own.
///
/// # Errors
/// [`Error`].
pub async fn delete<K>(api: &Api<K>, name: &str, uid: &str, grace_seconds: Option<u32>) -> Result<(), Error>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    let params = DeleteParams {
        grace_period_seconds: grace_seconds,
        preconditions: Some(Preconditions {
            uid: Some(uid.to_owned()),
            resource_version: None,
        }),
        ..DeleteParams::background()
    };
    match delete_with(api, name, &params).await {
        Err(error) if !error.is_not_found() && !error.is_conflict() => Err(error),
        _deleted_or_deleting => Ok(()),
    }
}

/// Deletes an object if it is still as it was seen: with this UID and resourceVersion.
///
/// # Errors
/// [`Error`]; 409 when it has changed.
pub async fn delete_as_seen<K>(api: &Api<K>, name: &str, uid: &str, version: &str) -> Result<(), Error>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    let params = DeleteParams {
        preconditions: Some(Preconditions {
            uid: Some(uid.to_owned()),
            resource_version: Some(version.to_owned()),
        }),
        ..DeleteParams::background()
    };
    match delete_with(api, name, &params).await {
        Err(error) if !error.is_not_found() => Err(error),
        _deleted_or_gone => Ok(()),
    }
}

async fn delete_with<K>(api: &Api<K>, name: &str, params: &DeleteParams) -> Result<(), Error>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    let what = format!("delete {} {name}", K::kind(&()));
    call(what, api.delete(name, params))
        .await
        .map(|_deleted_or_deleting| ())
}
