//! What downward API volumes of the host Pod read from its annotations: the tenant's labels and annotations as a
//! whole, and limits that come from the virtual Node.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{DownwardAPIVolumeFile, Volume};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::downward::resource;
use super::going::Going;
use super::sources;
use crate::error::Result;
use crate::meta::written_by_warren;

/// Annotation: the tenant's labels in the kubelet's file format. Only on Pods that read them.
pub(super) const LABELS: &str = "warren.dev/labels";
/// Annotation: the tenant's annotations in the kubelet's file format. Only on Pods that read them.
pub(super) const ANNOTATIONS: &str = "warren.dev/annotations";
/// What an apiserver allows for all annotations of an object together, in bytes.
const ANNOTATIONS_MAX: usize = 256 * 1024;

/// Writes what the Pod's volumes read into the host Pod's annotations. Denies the Pod when they get too large.
pub(super) fn write(going: &mut Going<'_>, host: &mut ObjectMeta) {
    for (key, text) in mirrored(going) {
        host.annotations
            .get_or_insert_default()
            .insert(key.to_owned(), text);
    }
    let size: usize = host
        .annotations
        .iter()
        .flatten()
        .map(|(key, value)| key.len() + value.len())
        .sum();
    if size > ANNOTATIONS_MAX {
        let why = format!("need {size} bytes on the host, {ANNOTATIONS_MAX} are possible");
        going.findings.deny("metadata.annotations", why);
    }
}

/// Writes the limits that containers without one have from their node, as they are when the Pod starts, and that containers
/// request nothing where only the class does. They stay:
/// what a virtual Node offers changes with every other Pod of its host node, and a file that follows it would be a
/// write each time.
///
/// # Errors
/// [`crate::Error::NoAllocatable`] when a file reads one, and what the node offers is not known.
pub(super) fn write_limits(going: &Going<'_>, host: &mut ObjectMeta) -> Result<()> {
    for selector in all_files(going).filter_map(|file| file.resource_field_ref.as_ref()) {
        if let Some(key) = resource::annotation_for_file(going, selector) {
            let value = resource::for_file(going, selector)?;
            host.annotations.get_or_insert_default().insert(key, value);
        }
    }
    Ok(())
}

/// The amounts that containers got by a resize, where the host Pod's files read them from annotations.
pub(super) fn write_resized(going: &Going<'_>, existing: &ObjectMeta, host: &mut ObjectMeta) {
    let resized = all_files(going)
        .filter_map(|file| file.resource_field_ref.as_ref())
        .filter_map(|selector| resource::resized(going, selector));
    for (key, value) in resized {
        if existing
            .annotations
            .iter()
            .flatten()
            .any(|(known, _)| *known == key)
        {
            host.annotations.get_or_insert_default().insert(key, value);
        }
    }
}

/// The annotations that the Pod's volumes read.
fn mirrored(going: &Going<'_>) -> Vec<(&'static str, String)> {
    let reads = |path: &str| {
        all_files(going).any(|file| {
            file.field_ref
                .as_ref()
                .is_some_and(|field| field.field_path == path)
        })
    };
    let tenant = &going.pod.metadata;
    let mut found = Vec::new();
    if reads("metadata.labels") {
        found.push((LABELS, format_map(tenant.labels.iter().flatten())));
    }
    if reads("metadata.annotations") {
        let annotations = tenant
            .annotations
            .iter()
            .flatten()
            .filter(|(key, _)| !written_by_warren(key));
        found.push((ANNOTATIONS, format_map(annotations)));
    }
    found
}

fn all_files<'a>(going: &Going<'a>) -> impl Iterator<Item = &'a DownwardAPIVolumeFile> {
    going.spec.volumes.iter().flatten().flat_map(files)
}

fn files(volume: &Volume) -> impl Iterator<Item = &DownwardAPIVolumeFile> {
    let own = volume
        .downward_api
        .iter()
        .flat_map(|source| source.items.iter().flatten());
    let projected = sources::of_volume(volume).flat_map(|source| &source.downward_api);
    own.chain(projected.flat_map(|source| source.items.iter().flatten()))
}

/// As a kubelet writes a map into a file: `key="value"` lines in the order of keys, values quoted as in Go.
fn format_map<'a>(map: impl Iterator<Item = (&'a String, &'a String)>) -> String {
    let sorted: BTreeMap<_, _> = map.collect();
    let lines: Vec<String> = sorted
        .iter()
        .map(|(key, value)| format!("{key}={}", quote(value)))
        .collect();
    lines.join("\n")
}

/// Go's `strconv.Quote`.
fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\u{07}' => quoted.push_str("\\a"),
            '\u{08}' => quoted.push_str("\\b"),
            '\u{0c}' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{0b}' => quoted.push_str("\\v"),
            c if printable(c) => quoted.push(c),
            c => quoted.push_str(&escaped(u32::from(c))),
        }
    }
    quoted.push('"');
    quoted
}

fn escaped(code: u32) -> String {
    match code {
        0..0x80 => format!("\\x{code:02x}"),
        0x80..0x1_0000 => format!("\\u{code:04x}"),
        _ => format!("\\U{code:08x}"),
    }
}

/// Go's `unicode.IsPrint`, without its table of unassigned code points: controls, spaces other than the ASCII
/// one, format characters and private use are not printed.
fn printable(c: char) -> bool {
    let format = matches!(c, '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{180e}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' | '\u{e0001}'..='\u{e007f}');
    let private = matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}');
    !(c.is_control() || (c.is_whitespace() && c != ' ') || format || private)
}

#[cfg(test)]
mod tests;
