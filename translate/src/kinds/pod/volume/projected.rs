//! Projected volumes: tokens come from the Pod's token Secret, everything else is renamed.

use k8s_openapi::api::core::v1::{
    ConfigMapProjection, DownwardAPIProjection, KeyToPath, ProjectedVolumeSource, SecretProjection,
    ServiceAccountTokenProjection, VolumeProjection,
};

use super::files_down;
use crate::kinds::pod::going::Going;
use crate::kinds::token;
use crate::name::{CONFIG_MAP, SECRET};

/// Mode of a token file where the group makes it readable for the containers.
const TOKEN_MODE: i32 = 0o600;

/// The projected volume `volume`.
pub(super) fn down(
    going: &mut Going<'_>,
    volume: &str,
    source: &ProjectedVolumeSource,
) -> ProjectedVolumeSource {
    let ProjectedVolumeSource {
        default_mode,
        default_user,
        sources,
    } = source;
    let sources = sources.as_ref().map(|sources| {
        let sources = sources.iter().enumerate();
        sources
            .map(|(index, source)| source_down(going, volume, index, source))
            .collect()
    });
    ProjectedVolumeSource {
        default_mode: *default_mode,
        default_user: *default_user,
        sources,
    }
}

fn source_down(
    going: &mut Going<'_>,
    volume: &str,
    index: usize,
    source: &VolumeProjection,
) -> VolumeProjection {
    let VolumeProjection {
        cluster_trust_bundle,
        config_map,
        downward_api,
        pod_certificate,
        secret,
        service_account_token,
    } = source;
    let path = format!("spec.volumes[{volume}].projected.sources[{index}]");
    let later = "is not supported yet";
    going.findings.deny_some(
        cluster_trust_bundle.as_ref(),
        format!("{path}.clusterTrustBundle"),
        later,
    );
    going
        .findings
        .deny_some(pod_certificate.as_ref(), format!("{path}.podCertificate"), later);
    let mut host = VolumeProjection {
        config_map: config_map.as_ref().map(|source| config_map_down(going, source)),
        secret: secret.as_ref().map(|source| secret_down(going, source)),
        ..VolumeProjection::default()
    };
    if let Some(DownwardAPIProjection { items }) = downward_api {
        let path = format!("{path}.downwardAPI");
        let items = items.as_ref().map(|items| files_down(going, &path, items));
        host.downward_api = Some(DownwardAPIProjection { items });
    }
    if let Some(source) = service_account_token {
        host.secret = Some(token_down(going, volume, index, source));
    }
    host
}

fn config_map_down(going: &Going<'_>, source: &ConfigMapProjection) -> ConfigMapProjection {
    let ConfigMapProjection {
        items,
        name,
        optional,
    } = source;
    let mut name = name.clone();
    going.references().rewrite(CONFIG_MAP, &mut name);
    ConfigMapProjection {
        items: items.clone(),
        name,
        optional: *optional,
    }
}

fn secret_down(going: &Going<'_>, source: &SecretProjection) -> SecretProjection {
    let SecretProjection {
        items,
        name,
        optional,
    } = source;
    let mut name = name.clone();
    going.references().rewrite(SECRET, &mut name);
    SecretProjection {
        items: items.clone(),
        name,
        optional: *optional,
    }
}

/// The token's key in the Pod's token Secret. A kubelet gives token files mode 0600 when the Pod has an `fsGroup`
/// (which then opens them to the group); without one the volume's default mode keeps them readable for a
/// container that does not run as root, because a Secret cannot be given to a user.
fn token_down(
    going: &Going<'_>,
    volume: &str,
    index: usize,
    source: &ServiceAccountTokenProjection,
) -> SecretProjection {
    let ServiceAccountTokenProjection {
        audience: _,
        expiration_seconds: _,
        path,
        user,
    } = source;
    let has_group = going
        .spec
        .security_context
        .as_ref()
        .is_some_and(|context| context.fs_group.is_some());
    let item = KeyToPath {
        key: token::data_key(volume, index),
        mode: has_group.then_some(TOKEN_MODE),
        path: path.clone(),
        user: *user,
    };
    let name = token::secret_name(going.context.cluster, &going.key, &going.uid);
    SecretProjection {
        items: Some(vec![item]),
        name: name.as_str().to_owned(),
        optional: Some(false),
    }
}
