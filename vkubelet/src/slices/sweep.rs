//! Where the class shows no devices.

use k8s_openapi::api::resource::v1::ResourceSlice;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use warren_crds::keys;
use warren_runtime::act;
use warren_runtime::limits::BACKOFF_MAX;
use warren_runtime::log::Chain;
use warren_translate::mirrored::is_mirrored;

/// Deletes the slices that an earlier class has shown. There is no watch then: with a class that changes comes another
/// process, so one list at its start is enough, and the tenant may do with the label what it likes.
pub async fn sweep(tenant: &Client, stop: &CancellationToken) {
    loop {
        match once(tenant).await {
            Ok(()) => return,
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "ResourceSlices of an earlier class not deleted");
            }
        }
        tokio::select! {
            () = sleep(BACKOFF_MAX) => {}
            () = stop.cancelled() => return,
        }
    }
}

async fn once(tenant: &Client) -> Result<(), act::Error> {
    let api: Api<ResourceSlice> = Api::all(tenant.clone());
    let own = ListParams::default().labels(keys::FROM_HOST);
    let listed = match act::call("list ResourceSlices", api.list(&own)).await {
        Ok(listed) => listed,
        // A tenant may have this API switched off.
        Err(error) if error.is_not_found() => return Ok(()),
        Err(error) => return Err(error),
    };
    let own = listed.items.iter().filter(|slice| is_mirrored(&slice.metadata));
    for slice in own {
        let uid = slice.metadata.uid.as_deref().unwrap_or_default();
        act::delete(&api, &slice.name_any(), uid, None).await?;
    }
    Ok(())
}
