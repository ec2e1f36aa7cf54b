//! Which tokens a Pod asks for: the `serviceAccountToken` sources of its projected volumes.

use k8s_openapi::api::core::v1::Pod;

/// Lifetime that a projection without `expirationSeconds` has (the apiserver fills it in, too).
pub const DEFAULT_EXPIRATION_SECONDS: i64 = 3600;
/// ServiceAccount of a Pod that names none.
const DEFAULT_SERVICE_ACCOUNT: &str = "default";

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
    let named = spec.service_account_name.clone().filter(|name| !name.is_empty());
    let service_account = named.unwrap_or_else(|| DEFAULT_SERVICE_ACCOUNT.to_owned());
    let mut needs = Vec::new();
    for volume in spec.volumes.iter().flatten() {
        let sources = volume
            .projected
            .iter()
            .flat_map(|projected| projected.sources.iter().flatten());
        for (index, source) in sources.enumerate() {
            let Some(token) = &source.service_account_token else {
                continue;
            };
            needs.push(TokenNeed {
                data_key: data_key(&volume.name, index),
                service_account: service_account.clone(),
                audience: token.audience.clone().filter(|audience| !audience.is_empty()),
                expiration_seconds: token.expiration_seconds.unwrap_or(DEFAULT_EXPIRATION_SECONDS),
                path: token.path.clone(),
            });
        }
    }
    needs
}

/// Key in the host Secret of the token that source `index` of volume `volume` asks for. Volume names are DNS
/// labels, so the dot keeps keys apart.
pub fn data_key(volume: &str, index: usize) -> String {
    format!("{volume}.{index}")
}
