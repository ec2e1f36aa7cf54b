//! Asks the tenant for the tokens of a Pod: bound to it by UID, with the lifetime and audience it asks for.

use futures::future::try_join_all;
use k8s_openapi::api::authentication::v1::{BoundObjectReference, TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::Api;
use kube::api::PostParams;
use warren_runtime::act;
use warren_translate::identity::{TenantKey, TenantUid};
use warren_translate::kinds::token::{Token, TokenNeed};

use crate::context::Context;
use crate::error::{Error, Result};

/// What the tenant answered.
#[derive(Debug)]
pub enum Requested {
    /// All tokens.
    Issued(Vec<Token>),
    /// The ServiceAccount, or the Pod, does not exist; the tenant's words.
    Absent(String),
}

/// Requests all `needs` of a Pod at once.
///
/// # Errors
/// When the tenant does not answer, or refuses for another reason than something being absent.
pub async fn request(
    ctx: &Context,
    pod: &TenantKey,
    uid: &TenantUid,
    needs: &[TokenNeed],
) -> Result<Requested> {
    let api: Api<ServiceAccount> = ctx.tenant_api(&pod.namespace);
    let issued = try_join_all(needs.iter().map(|need| one(&api, pod, uid, need))).await;
    match issued {
        // An answer without a token is none: the key comes again.
        Ok(tokens) => match tokens.into_iter().collect() {
            Some(tokens) => Ok(Requested::Issued(tokens)),
            None => Err(Error::Stale),
        },
        Err(error) if error.is_not_found() => {
            let words = error.message().unwrap_or("not found").to_owned();
            Ok(Requested::Absent(words))
        }
        Err(error) => Err(error.into()),
    }
}

async fn one(
    api: &Api<ServiceAccount>,
    pod: &TenantKey,
    uid: &TenantUid,
    need: &TokenNeed,
) -> Result<Option<Token>, act::Error> {
    let request = TokenRequest {
        spec: Some(TokenRequestSpec {
            attestations: None,
            // None is the apiserver's own audience.
            audiences: need.audience.clone().map(|audience| vec![audience]),
            expiration_seconds: Some(need.expiration_seconds),
            bound_object_ref: Some(BoundObjectReference {
                api_version: Some("v1".to_owned()),
                kind: Some("Pod".to_owned()),
                name: Some(pod.name.as_str().to_owned()),
                uid: Some(uid.as_str().to_owned()),
            }),
        }),
        ..TokenRequest::default()
    };
    let what = format!("request a token of {}/{}", pod.namespace, need.service_account);
    let params = PostParams::default();
    let issued = act::call(
        what,
        api.create_token_request(&need.service_account, &params, &request),
    )
    .await?;
    let status = issued.status.unwrap_or_default();
    let issued = status.token.zip(status.expiration_timestamp);
    Ok(issued.map(|(token, expires_at)| Token {
        data_key: need.data_key.clone(),
        token,
        expires_at: expires_at.0,
        expiration_seconds: need.expiration_seconds,
    }))
}
