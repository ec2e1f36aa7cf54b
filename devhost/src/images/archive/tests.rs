//! Tests of the archive's layout.
use std::{collections::BTreeMap, io::Read as _};

use tempfile::TempDir;

use super::*;

/// A directory with a program in it.
fn program() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("tool");
    fs::write(&source, "program").unwrap();
    (dir, source)
}

fn image(source: &Path) -> Image {
    let layer = Layer::default()
        .text("etc/passwd", "root:x:0:0:::\n")
        .directory("etc", 0o755)
        .link("bin/sh", "/bin/busybox")
        .program("usr/local/bin/tool", source)
        .unwrap();
    Image {
        name: "registry.example/a/tool:v1".into(),
        layers: vec![layer],
        entrypoint: vec!["/usr/local/bin/tool".into()],
        user: "65532:65532".into(),
        ..Image::default()
    }
}

fn files(tar: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut archive = tar::Archive::new(File::open(tar).unwrap());
    let mut files = BTreeMap::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        files.insert(entry.path().unwrap().display().to_string(), content);
    }
    files
}

#[test]
fn every_digest_in_the_archive_is_that_of_its_blob() {
    let (dir, source) = program();
    let archive = build(&image(&source), dir.path()).unwrap();
    let files = files(&archive.path);

    for (path, content) in &files {
        if let Some(digest) = path.strip_prefix("blobs/sha256/") {
            assert_eq!(digest::bytes(content), digest);
        }
    }
    let index: serde_json::Value = serde_json::from_slice(&files["index.json"]).unwrap();
    let manifest = &index["manifests"][0];
    assert_eq!(
        manifest["annotations"]["io.containerd.image.name"],
        "registry.example/a/tool:v1"
    );
    let (name, digest) = archive.image.unwrap();
    assert_eq!(
        (name.as_str(), manifest["digest"].as_str().unwrap()),
        ("registry.example/a/tool:v1", digest.as_str())
    );
    let manifest: serde_json::Value =
        serde_json::from_slice(&files[&format!("blobs/{}", digest.replace(':', "/"))]).unwrap();
    let config = manifest["config"]["digest"].as_str().unwrap().replace(':', "/");
    let config: serde_json::Value = serde_json::from_slice(&files[&format!("blobs/{config}")]).unwrap();
    assert_eq!(config["config"]["User"], "65532:65532");
    assert_eq!(config["rootfs"]["diff_ids"][0], manifest["layers"][0]["digest"]);
}

#[test]
fn directories_come_before_what_is_in_them_and_times_are_left_out() {
    let (dir, source) = program();
    let layer = dir.path().join("layer.tar");
    write_layer(&image(&source).layers[0], &layer).unwrap();
    let mut archive = tar::Archive::new(File::open(&layer).unwrap());
    let mut paths = Vec::new();
    for entry in archive.entries().unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.header().mtime().unwrap(), 0);
        paths.push(entry.path().unwrap().display().to_string());
    }
    assert_eq!(paths, ["bin/sh", "etc/", "etc/passwd", "usr/local/bin/tool"]);
}

#[test]
fn the_key_follows_content_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (dir.path().join("one"), dir.path().join("two"));
    fs::write(&one, "program").unwrap();
    fs::write(&two, "program").unwrap();
    assert_eq!(key(&image(&one)).unwrap(), key(&image(&two)).unwrap());
    fs::write(&two, "changed").unwrap();
    assert_ne!(key(&image(&one)).unwrap(), key(&image(&two)).unwrap());
}

#[test]
fn an_unchanged_image_is_not_packed_again_and_an_old_one_is_removed() {
    let (dir, source) = program();
    let first = build(&image(&source), dir.path()).unwrap();
    fs::write(&first.path, "would be overwritten").unwrap();
    assert_eq!(build(&image(&source), dir.path()).unwrap(), first);
    assert_eq!(fs::read_to_string(&first.path).unwrap(), "would be overwritten");

    fs::write(&source, "changed").unwrap();
    let second = build(&image(&source), dir.path()).unwrap();
    assert_ne!(first.path, second.path);
    assert!(!first.path.exists() && second.path.exists());
}

#[test]
fn an_archive_of_a_similar_name_stays() {
    let dir = tempfile::tempdir().unwrap();
    let other = dir.path().join("a_tool_v1-extra-0123456789ab.tar");
    fs::write(&other, "").unwrap();
    assert!(archives(dir.path(), "a_tool_v1-").is_empty());
    assert_eq!(archives(dir.path(), "a_tool_v1-extra-"), [other]);
}

#[test]
fn pruning_leaves_other_repositories_and_what_is_kept() {
    let (dir, source) = program();
    let named = |name: &str| {
        build(
            &Image {
                name: name.into(),
                ..image(&source)
            },
            dir.path(),
        )
        .unwrap()
    };
    let (old, new, other) = (named("r/tool:1-a"), named("r/tool:1-b"), named("r/tool-two:1-a"));
    prune(dir.path(), "r/tool", std::slice::from_ref(&new));
    assert!(!old.path.exists() && new.path.exists() && other.path.exists());
    assert!(!note(&old.path).exists() && note(&new.path).exists());
}

#[test]
fn an_archive_whose_note_is_lost_is_packed_again_and_pruned() {
    let (dir, source) = program();
    let first = build(&image(&source), dir.path()).unwrap();
    fs::remove_file(note(&first.path)).unwrap();
    assert_eq!(build(&image(&source), dir.path()).unwrap(), first);
    assert!(note(&first.path).exists());

    fs::remove_file(note(&first.path)).unwrap();
    prune(dir.path(), "registry.example/a/tool", &[]);
    assert!(!first.path.exists());
}
