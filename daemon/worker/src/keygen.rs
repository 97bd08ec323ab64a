//! Makes one key: the account's name comes in through descriptor 0, the contents of a key file go
//! out through descriptor 1. It is confined like a worker, but without any files. It runs in
//! its own process, so that only the reader of the pipe blocks. It ends with its front; the next
//! front starts another one.

use crate::sandbox::{self, WithoutLandlock, hardening};
use anyhow::{Context, Result};
use std::io::{Read, Write};

/// `otrd-worker keygen`
pub fn main(without: WithoutLandlock) -> Result<()> {
    hardening::end_with_parent()?;
    sandbox::confine(None, without).context("not confined")?;
    let mut account = String::new();
    std::io::stdin().take(256).read_to_string(&mut account).context("no account name came")?;
    let file = otr::generate_key(account.trim_end_matches('\n'))?;
    let mut out = std::io::stdout().lock();
    out.write_all(&file).and_then(|()| out.flush()).context("the worker does not take the key")?;
    Ok(())
}
