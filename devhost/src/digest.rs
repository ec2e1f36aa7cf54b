//! SHA-256 of files and bytes, in hex.
use std::{fs::File, io::Read as _, path::Path};

use anyhow::{Context as _, Result};
use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

/// SHA-256 of a file's content, hex.
///
/// # Errors
/// If it cannot be read.
pub(crate) fn file(path: &Path) -> Result<String> {
    let context = || format!("failed to read {}", path.display());
    let mut file = File::open(path).with_context(context)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let length = file.read(&mut buffer).with_context(context)?;
        let Some(part) = buffer.get(..length).filter(|part| !part.is_empty()) else {
            break;
        };
        hash.update(part);
    }
    Ok(HEXLOWER.encode(&hash.finalize()))
}

/// SHA-256 of bytes, hex.
pub(crate) fn bytes(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}
