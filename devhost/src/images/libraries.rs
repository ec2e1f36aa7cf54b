//! Finds the shared libraries a program needs, so that an image can carry them.
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::spec::Layer;
use crate::{
    command::{command, output},
    packages::SYSTEM_LIBRARIES,
};

/// A layer with everything that these programs load, at the paths where the loader looks for it.
///
/// Static glibc would be smaller but crashes in name look-ups, because it loads libraries even so.
///
/// # Errors
/// If `ldd` fails or a library cannot be read.
pub async fn shared_libraries(programs: &[&Path]) -> Result<Layer> {
    let mut paths: Vec<PathBuf> = Vec::new();
    for program in programs {
        let list = output(command("ldd").arg(program)).await;
        let list = list.with_context(|| format!("failed to list the libraries of {}", program.display()))?;
        paths.extend(parse(&list));
    }
    // Loaded by name at run time for look-ups, so ldd does not know them.
    let directory = paths
        .iter()
        .find(|path| path.ends_with("libc.so.6"))
        .and_then(|path| path.parent());
    let extra: Vec<PathBuf> = directory
        .into_iter()
        .flat_map(|dir| SYSTEM_LIBRARIES.iter().map(|name| dir.join(name)))
        .filter(|path| path.exists())
        .collect();
    paths.extend(extra);
    paths.sort();
    paths.dedup();
    paths.iter().try_fold(Layer::default(), |layer, path| {
        let inside = path.to_str().context("a library's path must be UTF-8")?;
        layer.program(inside.trim_start_matches('/'), path)
    })
}

/// `name => /path (0x…)` and, for the loader, `/path (0x…)`. A static program has none.
fn parse(list: &str) -> Vec<PathBuf> {
    list.lines()
        .filter_map(|line| {
            let line = line.split_once("=>").map_or(line, |(_, right)| right).trim();
            let path = line.split_ascii_whitespace().next()?;
            path.starts_with('/').then(|| PathBuf::from(path))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_and_the_loader_are_found_and_the_kernel_s_page_is_not() {
        let list = "\tlinux-vdso.so.1 (0x0007)\n\tlibc.so.6 => /lib/x/libc.so.6 (0x0007)\n\t/lib64/ld.so.2 (0x0007)\n";
        assert_eq!(
            parse(list),
            [PathBuf::from("/lib/x/libc.so.6"), PathBuf::from("/lib64/ld.so.2")]
        );
        assert!(parse("\tnot a dynamic executable\n").is_empty());
    }
}
