//! A registry that serves archives to the nodes while somebody needs it: Pods with `imagePullPolicy: Always` ask one,
//! also for an image that the node has.
use std::{
    collections::HashMap,
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    sync::Arc,
    thread::JoinHandle,
};

use anyhow::{Context as _, Result, bail};
use axum::{
    Router,
    body::Body,
    extract::State,
    http::{Method, StatusCode, Uri, header},
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;
use tokio::{
    io::{AsyncReadExt as _, AsyncSeekExt as _},
    sync::oneshot,
};
use tokio_util::io::ReaderStream;

use super::Archive;
use crate::inside;

/// Where the nodes look for it, in the control plane's network. Where nobody listens, they go on as if it were not.
pub(crate) const ADDRESS: &str = "10.88.0.1:5000";

const OCTETS: &str = "application/octet-stream";

/// A registry that answers until this is dropped.
#[derive(Debug)]
pub struct Registry {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What the archives hold.
#[derive(Debug, Default)]
struct Contents {
    /// Digest of the manifest, by the image's full name.
    images: HashMap<String, String>,
    /// Media type of manifests, by digest.
    types: HashMap<String, String>,
    /// By digest.
    blobs: HashMap<String, Blob>,
}

/// Part of an archive.
#[derive(Clone, Debug)]
struct Blob {
    archive: PathBuf,
    offset: u64,
    size: u64,
}

#[derive(Deserialize)]
struct Index {
    manifests: Vec<Descriptor>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: String,
    digest: String,
    #[serde(default)]
    annotations: HashMap<String, String>,
}

impl Registry {
    /// Serves the images of `archives` to all nodes.
    ///
    /// # Errors
    /// If an archive cannot be read, no host runs, or another process serves already.
    pub fn serve(archives: &[Archive]) -> Result<Self> {
        let mut contents = Contents::default();
        for archive in archives {
            contents
                .read(&archive.path)
                .with_context(|| format!("failed to read {}", archive.path.display()))?;
        }
        let (stop, stopped) = oneshot::channel::<()>();
        let (ready, listening) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let told = ready.clone();
            let served = inside::block_on(move || async move {
                let listener = tokio::net::TcpListener::bind(ADDRESS).await.with_context(|| {
                    format!("failed to listen on {ADDRESS}: does another run serve images?")
                })?;
                let _ = told.send(Ok(()));
                let application = Router::new().fallback(answer).with_state(Arc::new(contents));
                axum::serve(listener, application)
                    .with_graceful_shutdown(async {
                        // Dropped is as good as sent.
                        let _ = stopped.await;
                    })
                    .await
                    .context("the registry ended")
            });
            // Whoever started it no longer listens once it has started well.
            let _ = ready.send(served);
        });
        match listening.recv() {
            Ok(Ok(())) => Ok(Self {
                stop: Some(stop),
                thread: Some(thread),
            }),
            Ok(Err(error)) => Err(error),
            Err(_gone) => bail!("the registry ended before it began"),
        }
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It says nothing on its end.
            let _ = thread.join();
        }
    }
}

impl Contents {
    /// Takes in an OCI layout in a tar file.
    fn read(&mut self, path: &Path) -> Result<()> {
        let mut archive = tar::Archive::new(File::open(path)?);
        for entry in archive.entries()? {
            let mut entry = entry?;
            let name = entry.path()?.to_string_lossy().into_owned();
            if name == "index.json" {
                let mut text = String::new();
                entry.read_to_string(&mut text)?;
                self.add(serde_json::from_str(&text)?);
            } else if let Some(digest) = name.strip_prefix("blobs/sha256/") {
                let blob = Blob {
                    archive: path.to_owned(),
                    offset: entry.raw_file_position(),
                    size: entry.size(),
                };
                self.blobs.insert(format!("sha256:{digest}"), blob);
            }
        }
        Ok(())
    }

    fn add(&mut self, index: Index) {
        for Descriptor {
            media_type,
            digest,
            annotations,
        } in index.manifests
        {
            if let Some(name) = annotations.get("io.containerd.image.name") {
                self.images.insert(name.clone(), digest.clone());
            }
            self.types.insert(digest, media_type);
        }
    }

    /// Digest and media type of what a request asks for. `registry` is the one that containerd asks us instead of.
    fn find(&self, path: &str, registry: &str) -> Option<(&str, &str, &Blob)> {
        let rest = path.strip_prefix("/v2/")?;
        let digest = if let Some((repository, reference)) = rest.split_once("/manifests/") {
            if reference.starts_with("sha256:") {
                reference
            } else {
                self.images.get(&format!("{registry}/{repository}:{reference}"))?
            }
        } else {
            rest.split_once("/blobs/")?.1
        };
        let (digest, blob) = self.blobs.get_key_value(digest)?;
        Some((
            digest,
            self.types.get(digest).map_or(OCTETS, String::as_str),
            blob,
        ))
    }
}

async fn answer(State(contents): State<Arc<Contents>>, method: Method, uri: Uri) -> Response {
    if uri.path() == "/v2/" {
        return StatusCode::OK.into_response();
    }
    if method != Method::GET && method != Method::HEAD {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let registry = uri
        .query()
        .and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("ns=")));
    let Some((digest, media_type, blob)) = contents.find(uri.path(), registry.unwrap_or_default()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let body = if method == Method::HEAD {
        Body::empty()
    } else {
        match open(blob).await {
            Ok(body) => body,
            Err(_unreadable) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    };
    let headers = [
        (header::CONTENT_TYPE, media_type.to_owned()),
        (header::CONTENT_LENGTH, blob.size.to_string()),
        (
            header::HeaderName::from_static("docker-content-digest"),
            digest.to_owned(),
        ),
    ];
    (headers, body).into_response()
}

async fn open(blob: &Blob) -> std::io::Result<Body> {
    let mut file = tokio::fs::File::open(&blob.archive).await?;
    file.seek(std::io::SeekFrom::Start(blob.offset)).await?;
    Ok(Body::from_stream(ReaderStream::new(file.take(blob.size))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::{Image, Layer};

    #[test]
    fn an_image_is_found_by_the_registry_it_is_asked_instead_of() {
        let cache = tempfile::tempdir().unwrap();
        let image = Image {
            name: "example.com/a/b:1".to_owned(),
            layers: vec![Layer::default().text("hello", "world")],
            ..Image::default()
        };
        let archive = super::super::archive::build(&image, cache.path()).unwrap();
        let mut contents = Contents::default();
        contents.read(&archive.path).unwrap();

        let (digest, media_type, blob) = contents.find("/v2/a/b/manifests/1", "example.com").unwrap();
        assert_eq!(digest, archive.image.unwrap().1);
        assert!(media_type.contains("manifest"), "{media_type}");
        let mut text = String::new();
        let mut file = File::open(&blob.archive).unwrap();
        std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(blob.offset)).unwrap();
        file.take(blob.size).read_to_string(&mut text).unwrap();
        let manifest: serde_json::Value = serde_json::from_str(&text).unwrap();
        let layer = manifest["layers"][0]["digest"].as_str().unwrap();
        assert!(contents.find(&format!("/v2/a/b/blobs/{layer}"), "").is_some());

        assert!(
            contents
                .find("/v2/a/b/manifests/1", "elsewhere.example.com")
                .is_none()
        );
        assert!(contents.find("/v2/a/b/manifests/2", "example.com").is_none());
        assert!(contents.find("/v2/", "example.com").is_none());
    }
}
