//! Regenerates `src/generated` from `proto/` when `WARREN_CODEGEN=1` is set (needs protoc); otherwise does nothing.

use std::{env, error, fs};

const OUT: &str = "src/generated";

fn main() -> Result<(), Box<dyn error::Error>> {
    println!("cargo:rerun-if-env-changed=WARREN_CODEGEN");
    if env::var_os("WARREN_CODEGEN").is_none() {
        return Ok(());
    }
    tonic_prost_build::configure().out_dir(OUT).compile_protos(
        &[
            "proto/warren/sync/v1/dependencies.proto",
            "proto/warren/nodes/v1/nodes.proto",
        ],
        &["proto"],
    )?;
    // The generator's own `allow`s give no reason, which the workspace's lints ask of every one; `proto.rs`
    // allows for the whole module, with one.
    for entry in fs::read_dir(OUT)? {
        let path = entry?.path();
        let text = fs::read_to_string(&path)?;
        let text = text
            .replace("#[allow(clippy::all)]\n", "")
            .replace("#[allow(non_camel_case_types)]\n", "")
            .replace(
                "clippy::let_unit_value,\n    )]",
                "clippy::let_unit_value,\n        reason = \"generated code\"\n    )]",
            );
        fs::write(path, text)?;
    }
    Ok(())
}
