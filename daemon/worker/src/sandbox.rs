//! What this process gives up before it reads a byte that a peer can influence.

use anyhow::{Context, Result};
use nix::sys::resource::{Resource, setrlimit};

/// No core file, no debugger, no new privileges.
pub fn harden_process() -> Result<()> {
    setrlimit(Resource::RLIMIT_CORE, 0, 0).context("cannot switch core files off")?;
    nix::sys::prctl::set_dumpable(false).context("cannot switch dumping off")?;
    nix::sys::prctl::set_no_new_privs().context("cannot give up new privileges")?;
    Ok(())
}
