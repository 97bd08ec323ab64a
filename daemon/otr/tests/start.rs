//! Making libotr ready, and refusing to.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::unwrap_used)]

use std::process::Command;

use otr::{DsaCheckError, InitError};

/// This program exports our `gcry_pk_verify` (see build.rs).
#[test]
fn the_check_of_keys_is_in_force_here() {
    otr::init().unwrap();
    otr::init().unwrap();
    otr::warm_up_rng(otr::Randomness::Keys);
    assert_eq!(otr::dsa_check_in_force(), Ok(()));
    assert_eq!(otr::dsa_check_in_force(), Ok(()));
}

/// A program whose `gcry_pk_verify` libotr does not see is told so.
#[test]
fn a_program_that_hides_the_check_is_told() {
    // Tests lie in target/PROFILE/deps.
    let this = std::env::current_exe().unwrap();
    let unchecked = this.ancestors().nth(2).unwrap().join("examples/unchecked");
    let output = Command::new(unchecked).output().expect("run cargo build -p otr --examples first");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("NotResolved"), "{said}");
}

/// Runs one of the two below in a process of its own.
fn alone(test: &str, variable: &str) {
    let this = std::env::current_exe().unwrap();
    let output = Command::new(this)
        .args(["--exact", test, "--ignored", "--nocapture"])
        .env(variable, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
fn fips_mode_is_noticed() {
    alone("in_fips_mode", "LIBGCRYPT_FORCE_FIPS_MODE");
}

#[test]
fn without_init_nothing_is_promised() {
    alone("before_init", "OTR_TEST");
}

#[test]
#[ignore = "run by fips_mode_is_noticed"]
fn in_fips_mode() {
    assert!(matches!(otr::init(), Err(InitError::Fips)));
    assert!(matches!(otr::Otr::new("alice"), Err(otr::NewError::Init(InitError::Fips))));
    let error = otr::generate_key("alice").unwrap_err();
    assert!(error.to_string().contains("FIPS"));
}

#[test]
#[ignore = "run by without_init_nothing_is_promised"]
fn before_init() {
    assert!(matches!(otr::dsa_check_in_force(), Err(DsaCheckError::Probe(_))));
    // Whatever needs it does it.
    assert!(otr::Otr::new("alice").is_ok());
    assert_eq!(otr::dsa_check_in_force(), Ok(()));
}
