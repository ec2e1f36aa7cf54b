//! The host's metrics API. Nothing waits for it: it measures for some seconds before it has anything to say.

/// Objects to apply.
pub const MANIFEST: &str = include_str!("../assets/metrics-server.yaml");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::UPSTREAM;

    #[test]
    fn the_image_is_one_that_the_host_has() {
        let named = |name: &str| MANIFEST.contains(&format!("image: {name}\n"));
        assert!(UPSTREAM.iter().any(|image| image.for_host && named(image.name)));
    }
}
