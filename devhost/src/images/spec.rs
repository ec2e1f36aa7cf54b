//! What an image consists of, before it is packed.
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::Serialize;

use crate::digest;

/// An image: its layers and how it runs.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Image {
    /// Full name with registry and tag.
    pub name: String,
    /// Layers, lowest first. Images that share their first layers share them on the nodes too.
    pub layers: Vec<Layer>,
    /// Program and leading arguments.
    pub entrypoint: Vec<String>,
    /// Default arguments.
    pub cmd: Vec<String>,
    /// Environment, `NAME=value`.
    pub env: Vec<String>,
    /// Numeric user and group, `65532:65532`; root if empty.
    pub user: String,
}

/// One layer. Entries are packed in the order of their paths.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Layer {
    /// Files, directories, links.
    pub entries: Vec<Entry>,
}

/// One file, directory or link.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// Path in the image, without the leading slash.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
    /// Owner and group.
    pub owner: u32,
    /// What is there.
    pub content: Content,
}

/// Content of an [`Entry`].
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub enum Content {
    /// A directory.
    Directory,
    /// A file with these bytes.
    Bytes(Vec<u8>),
    /// A copy of a file of this machine; symbolic links are followed.
    File {
        /// The file. Not part of the image's key: the same content from elsewhere is the same image.
        #[serde(skip)]
        source: PathBuf,
        /// SHA-256 of the content, hex.
        id: String,
    },
    /// A symbolic link to this path.
    Link(String),
}

impl Layer {
    /// Adds a directory.
    #[must_use]
    pub fn directory(mut self, path: &str, mode: u32) -> Self {
        self.entries.push(Entry {
            path: path.to_owned(),
            mode,
            owner: 0,
            content: Content::Directory,
        });
        self
    }

    /// Adds a directory that belongs to somebody.
    #[must_use]
    pub fn owned_directory(mut self, path: &str, mode: u32, owner: u32) -> Self {
        self.entries.push(Entry {
            path: path.to_owned(),
            mode,
            owner,
            content: Content::Directory,
        });
        self
    }

    /// Adds a small file.
    #[must_use]
    pub fn text(mut self, path: &str, text: &str) -> Self {
        let content = Content::Bytes(text.as_bytes().to_vec());
        self.entries.push(Entry {
            path: path.to_owned(),
            mode: 0o644,
            owner: 0,
            content,
        });
        self
    }

    /// Adds a symbolic link.
    #[must_use]
    pub fn link(mut self, path: &str, target: &str) -> Self {
        let content = Content::Link(target.to_owned());
        self.entries.push(Entry {
            path: path.to_owned(),
            mode: 0o777,
            owner: 0,
            content,
        });
        self
    }

    /// Adds a program of this machine, whose content is hashed now.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn program(self, path: &str, source: &Path) -> Result<Self> {
        let id = digest::file(source)?;
        Ok(self.program_with_id(path, source, id))
    }

    /// Adds a program whose content's SHA-256 is known.
    #[must_use]
    pub fn program_with_id(mut self, path: &str, source: &Path, id: String) -> Self {
        let content = Content::File {
            source: source.to_owned(),
            id,
        };
        self.entries.push(Entry {
            path: path.to_owned(),
            mode: 0o755,
            owner: 0,
            content,
        });
        self
    }
}
