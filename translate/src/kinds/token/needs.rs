//! Which tokens a Pod asks for: the `serviceAccountToken` sources of its projected volumes.

use k8s_openapi::api::core::v1::Pod;

use crate::kinds::pod::sources;

/// Lifetime that a projection without `expirationSeconds` has (the apiserver fills it in, too).
pub const DEFAULT_EXPIRATION_SECONDS: i64 = 3600;

/// One token that a Pod asks for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenNeed {
    /// Key in the host Secret: `<volume>.<index of the source>`.
    pub data_key: String,
    /// ServiceAccount of the Pod, in the Pod's namespace.
    pub service_account: String,
    /// Audience asked for. `None`: the tenant apiserver's own, so the TokenRequest names none.
    pub audience: Option<String>,
    /// Lifetime asked for, in seconds. 3607 goes to the apiserver literally (it has a meaning there).
    pub expiration_seconds: i64,
    /// File that the token appears in, relative to the volume.
    pub path: String,
}

/// The tokens of a Pod, in the order of its volumes; empty when it mounts none.
pub fn needs(pod: &Pod) -> Vec<TokenNeed> {
    let Some(spec) = &pod.spec else { return Vec::new() };
    let service_account = sources::service_account(spec);
    let tokens = sources::projected(spec).filter_map(|(volume, index, source)| {
        let token = source.service_account_token.as_ref()?;
        Some(TokenNeed {
            data_key: data_key(volume, index),
            service_account: service_account.clone(),
            audience: token.audience.clone().filter(|audience| !audience.is_empty()),
            expiration_seconds: token.expiration_seconds.unwrap_or(DEFAULT_EXPIRATION_SECONDS),
            path: token.path.clone(),
        })
    });
    tokens.collect()
}

/// Key in the host Secret of the token that source `index` of volume `volume` asks for.
pub fn data_key(volume: &str, index: usize) -> String {
    sources::word(volume, index)
}
