//! Writes kubeconfig files with the certificates embedded.
use std::path::Path;

use anyhow::Result;
use data_encoding::BASE64;

use super::{Authority, Leaf};
use crate::state::write_private;

pub(super) fn write(path: &Path, server: &str, ca: &Authority, user: &Leaf) -> Result<()> {
    let authority = BASE64.encode(ca.certificate_pem.as_bytes());
    let certificate = BASE64.encode(user.certificate_pem.as_bytes());
    let key = BASE64.encode(user.key_pem.as_bytes());
    let text = format!(
        "apiVersion: v1
kind: Config
current-context: warren-host
clusters:
- name: warren-host
  cluster:
    server: {server}
    certificate-authority-data: {authority}
users:
- name: warren-host
  user:
    client-certificate-data: {certificate}
    client-key-data: {key}
contexts:
- name: warren-host
  context:
    cluster: warren-host
    user: warren-host
"
    );
    write_private(path, &text)
}
