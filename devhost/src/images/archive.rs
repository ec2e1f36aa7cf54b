//! Packs an image as an OCI layout in a tar file. The same image always gives the same bytes.
use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use data_encoding::HEXLOWER;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tar::{EntryType, Header};

use super::spec::{Content, Entry, Image, Layer};
use crate::{digest, state::create_dir};

const LAYER_TYPE: &str = "application/vnd.oci.image.layer.v1.tar";
const CONFIG_TYPE: &str = "application/vnd.oci.image.config.v1+json";
const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX_TYPE: &str = "application/vnd.oci.image.index.v1+json";
/// Length of the key in file names.
const KEY_LENGTH: usize = 12;

/// An archive in the cache or of a person's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archive {
    /// The tar file.
    pub path: PathBuf,
    /// Name of the image and digest of its manifest, where known: then nodes that have it skip it.
    pub image: Option<(String, String)>,
}

impl Archive {
    /// An archive at a path; archives from the cache are recognised by the note beside them.
    pub fn at(path: &Path) -> Self {
        let note = fs::read_to_string(note(path)).ok();
        let image = note.and_then(|text| {
            text.trim()
                .split_once(' ')
                .map(|(a, b)| (a.to_owned(), b.to_owned()))
        });
        Self {
            path: path.to_owned(),
            image,
        }
    }
}

/// An image's name as part of a file's.
fn flat(name: &str) -> String {
    name.replace(['/', ':'], "_")
}

/// Where name and digest of an archive's image are noted.
fn note(archive: &Path) -> PathBuf {
    archive.with_extension("image")
}

/// Packs `image` into `cache`, unless it is there; older archives of the same name are removed.
pub(super) fn build(image: &Image, cache: &Path) -> Result<Archive> {
    create_dir(cache)?;
    let prefix = format!("{}-", flat(&image.name));
    let path = cache.join(format!("{prefix}{}.tar", key(image)?));
    let cached = Archive::at(&path);
    // Without its note nobody would know the image in a node as one to keep.
    if path.exists() && cached.image.is_some() {
        return Ok(cached);
    }
    let staging =
        tempfile::tempdir_in(cache).with_context(|| format!("failed to write in {}", cache.display()))?;
    let packed = staging.path().join("image.tar");
    let digest =
        pack(image, &packed, staging.path()).with_context(|| format!("failed to pack {}", image.name))?;
    for old in archives(cache, &prefix) {
        // Another run may have been quicker.
        let _ = fs::remove_file(&old);
        let _ = fs::remove_file(note(&old));
    }
    fs::write(note(&path), format!("{} {digest}\n", image.name))
        .context("failed to write the note of an archive")?;
    fs::rename(&packed, &path).with_context(|| format!("failed to write {}", path.display()))?;
    Ok(Archive {
        path,
        image: Some((image.name.clone(), digest)),
    })
}

/// Removes the cached archives of a repository (a name without a tag) that are not among `keep`, and their notes. Of an
/// archive that has lost its note the file's name decides.
pub(super) fn prune(cache: &Path, repository: &str, keep: &[Archive]) {
    let Ok(entries) = fs::read_dir(cache) else { return };
    let prefix = format!("{}_", flat(repository));
    for entry in entries.flatten() {
        let path = entry.path();
        let of_repository = match Archive::at(&path).image {
            Some((name, _)) => name
                .strip_prefix(repository)
                .and_then(|rest| rest.strip_prefix(':'))
                .is_some_and(|tag| !tag.contains('/')),
            None => entry.file_name().to_string_lossy().starts_with(&prefix),
        };
        let stem = path.with_extension("");
        if of_repository && !keep.iter().any(|kept| kept.path.with_extension("") == stem) {
            // Only in the way of the disk's space.
            let _ = fs::remove_file(&path);
        }
    }
}

/// Archives whose name is `prefix` and a key.
fn archives(cache: &Path, prefix: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(cache) else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter(|entry| {
            let name = entry.file_name();
            let key = name.to_string_lossy();
            let key = key
                .strip_prefix(prefix)
                .and_then(|rest| rest.strip_suffix(".tar"));
            key.is_some_and(|key| key.len() == KEY_LENGTH && key.bytes().all(|byte| byte.is_ascii_hexdigit()))
        })
        .map(|entry| entry.path())
        .collect()
}

/// Depends on names, modes and content, not on where the content lies on this machine.
fn key(image: &Image) -> Result<String> {
    let text = serde_json::to_vec(image).context("failed to encode an image")?;
    Ok(digest::bytes(&text).chars().take(KEY_LENGTH).collect())
}

/// Returns the digest of the manifest, `sha256:…`.
fn pack(image: &Image, target: &Path, staging: &Path) -> Result<String> {
    let file = File::create(target).context("failed to create the archive")?;
    let mut archive = tar::Builder::new(BufWriter::new(file));
    append(&mut archive, "oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#)?;

    let mut layers = Vec::new();
    for layer in &image.layers {
        let blob = staging.join("layer.tar");
        let digest = write_layer(layer, &blob)?;
        let size = fs::metadata(&blob).context("failed to measure a layer")?.len();
        let mut header = header(EntryType::Regular, 0o644, 0);
        header.set_size(size);
        let content = File::open(&blob).context("failed to read a layer")?;
        archive.append_data(&mut header, format!("blobs/sha256/{digest}"), content)?;
        layers.push((digest, size));
    }
    let config = config(image, &layers);
    let config = append_blob(&mut archive, &config, CONFIG_TYPE)?;
    let layers: Vec<_> = layers
        .iter()
        .map(|(digest, size)| json!({"mediaType": LAYER_TYPE, "digest": format!("sha256:{digest}"), "size": size}))
        .collect();
    let manifest =
        json!({"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": config, "layers": layers});
    let mut manifest = append_blob(&mut archive, &manifest, MANIFEST_TYPE)?;
    let digest = manifest
        .get("digest")
        .and_then(|value| value.as_str())
        .unwrap_or_default()
        .to_owned();
    let tag = image.name.rsplit(':').next().unwrap_or_default();
    if let Some(fields) = manifest.as_object_mut() {
        let names = json!({"io.containerd.image.name": image.name, "org.opencontainers.image.ref.name": tag});
        fields.insert("annotations".to_owned(), names);
        fields.insert(
            "platform".to_owned(),
            json!({"architecture": architecture(), "os": "linux"}),
        );
    }
    let index = json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [manifest]});
    append(&mut archive, "index.json", index.to_string().as_bytes())?;
    archive
        .into_inner()
        .and_then(|mut file| file.flush())
        .context("failed to end the archive")?;
    Ok(digest)
}

fn config(image: &Image, layers: &[(String, u64)]) -> serde_json::Value {
    let digests: Vec<String> = layers
        .iter()
        .map(|(digest, _)| format!("sha256:{digest}"))
        .collect();
    json!({
        "architecture": architecture(),
        "os": "linux",
        "config": {
            "Entrypoint": image.entrypoint,
            "Cmd": image.cmd,
            "Env": image.env,
            "User": image.user,
            "WorkingDir": "/",
        },
        "rootfs": {"type": "layers", "diff_ids": digests},
    })
}

/// In Go's words, which are the images' words.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// Returns the descriptor of the blob.
fn append_blob<W: Write>(
    archive: &mut tar::Builder<W>,
    value: &serde_json::Value,
    kind: &str,
) -> Result<serde_json::Value> {
    let text = value.to_string();
    let digest = digest::bytes(text.as_bytes());
    append(archive, &format!("blobs/sha256/{digest}"), text.as_bytes())?;
    Ok(json!({"mediaType": kind, "digest": format!("sha256:{digest}"), "size": text.len()}))
}

fn append<W: Write>(archive: &mut tar::Builder<W>, path: &str, content: &[u8]) -> Result<()> {
    let mut header = header(EntryType::Regular, 0o644, 0);
    header.set_size(content.len() as u64);
    archive
        .append_data(&mut header, path, content)
        .with_context(|| format!("failed to pack {path}"))
}

/// Writes a layer uncompressed (it never leaves the machine) and returns the SHA-256 of its tar file, hex.
fn write_layer(layer: &Layer, target: &Path) -> Result<String> {
    let file = File::create(target).context("failed to create a layer")?;
    let mut tar = tar::Builder::new(Hashing {
        inner: BufWriter::new(file),
        hash: Sha256::new(),
    });
    let mut entries: Vec<&Entry> = layer.entries.iter().collect();
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    for Entry {
        path,
        mode,
        owner,
        content,
    } in entries
    {
        let context = || format!("failed to pack {path}");
        match content {
            Content::Directory => {
                let mut header = header(EntryType::Directory, *mode, *owner);
                tar.append_data(&mut header, format!("{path}/"), io::empty())
                    .with_context(context)?;
            }
            Content::Bytes(bytes) => {
                let mut header = header(EntryType::Regular, *mode, *owner);
                header.set_size(bytes.len() as u64);
                tar.append_data(&mut header, path, bytes.as_slice())
                    .with_context(context)?;
            }
            Content::File { source, .. } => {
                let file =
                    File::open(source).with_context(|| format!("failed to read {}", source.display()))?;
                let mut header = header(EntryType::Regular, *mode, *owner);
                header.set_size(file.metadata().with_context(context)?.len());
                tar.append_data(&mut header, path, file).with_context(context)?;
            }
            Content::Link(to) => {
                let mut header = header(EntryType::Symlink, *mode, *owner);
                tar.append_link(&mut header, path, to).with_context(context)?;
            }
        }
    }
    let mut hashing = tar.into_inner().context("failed to end a layer")?;
    hashing.flush().context("failed to end a layer")?;
    Ok(HEXLOWER.encode(&hashing.hash.finalize()))
}

/// No times and no names: they would make equal content look different.
fn header(kind: EntryType, mode: u32, owner: u32) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(owner.into());
    header.set_gid(owner.into());
    header.set_mtime(0);
    header.set_size(0);
    header
}

/// Hashes what is written through it.
struct Hashing<W> {
    inner: W,
    hash: Sha256,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.inner.write(bytes)?;
        self.hash.update(bytes.get(..length).unwrap_or_default());
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests;
