//! Text that is kept for long and read seldom, made small: compressed against what Pods and their Secrets all say.
//!
//! A Pod has kilobytes of text of which hundreds of bytes are its own. LZ4, because a round reads both sides of a Pod:
//! packing costs about as much as reading the JSON that it is, unpacking far less.

use std::sync::Arc;

use lz4_flex::block::{compress_with_dict, decompress_with_dict};
use serde::Serialize;

/// What Pods, host Pods and their Secrets say, as serde writes it. Only what is here word for word helps; nothing
/// depends on it, because nothing that is packed outlives the process.
const WORDS: &[u8] = include_bytes!("packed/words.txt");

/// A text. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Packed {
    /// Length of the text in bytes; 0 when it is kept as it is.
    length: u32,
    bytes: Arc<[u8]>,
}

impl Packed {
    /// Packs a text. What does not become smaller, or could not be read back, is kept as it is.
    pub fn of(text: &str) -> Self {
        let compressed = compress_with_dict(text.as_bytes(), WORDS);
        let packed = Self {
            length: u32::try_from(text.len()).unwrap_or(0),
            bytes: compressed.into(),
        };
        let is_good = packed.length > 0 && packed.bytes.len() < text.len();
        if is_good && packed.text().as_deref() == Some(text) {
            return packed;
        }
        Self {
            length: 0,
            bytes: text.as_bytes().into(),
        }
    }

    /// Packs a value as JSON.
    pub fn json<T: Serialize>(value: &T) -> Self {
        match serde_json::to_string(value) {
            Ok(text) => Self::of(&text),
            Err(error) => {
                tracing::error!(%error, "a value that cannot be written as JSON");
                Self::of("")
            }
        }
    }

    /// The text; `None` for no text that was packed.
    pub fn text(&self) -> Option<String> {
        let bytes = match self.length {
            0 => self.bytes.to_vec(),
            length => decompress_with_dict(&self.bytes, usize::try_from(length).ok()?, WORDS).ok()?,
        };
        String::from_utf8(bytes).ok()
    }

    /// How many bytes are kept.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

#[cfg(test)]
mod tests;
