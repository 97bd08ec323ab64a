//! The fuzz targets, as cargo-fuzz builds them. `daemon/worker/tests/fuzzed.rs` runs the same over
//! the seeds and over all that was found.

#[path = "../../../daemon/worker/tests/common/mod.rs"]
mod common;
#[path = "../../../daemon/worker/tests/common/gcrypt_cache.rs"]
mod gcrypt_cache;
#[path = "targets.rs"]
pub mod targets;
