//! What a message costs, counted: instructions, allocations and system calls do not depend on how
//! busy the machine is. What a change costs on purpose is stored anew with `UPDATE=1`.
// clippy knows test functions, not their helpers.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;

#[test]
fn a_message_costs_no_more_than_it_did() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let built = Path::new(env!("CARGO_TARGET_TMPDIR")).join("counts");
    std::fs::create_dir_all(&built).unwrap();
    let program = format!("{}/shim-lines", built.display());
    let mut make = Command::new("make");
    make.arg("--silent").arg("-C").arg(here.join("bench-module"));
    make.arg(format!("OUT={}", built.display())).arg("CXXFLAGS=-O2").arg(program);
    assert!(make.status().unwrap().success());
    let mut bench = Command::new(env!("CARGO_BIN_EXE_bench"));
    bench.arg("--built").arg(&built).arg("--check").arg(here.join("tests/counts.json"));
    let output = bench.output().unwrap();
    let (said, failed) = (output.stdout, output.stderr);
    let (said, failed) = (String::from_utf8_lossy(&said), String::from_utf8_lossy(&failed));
    println!("{said}");
    assert!(output.status.success(), "{said}\n{failed}");
}
