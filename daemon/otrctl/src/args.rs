//! The command line.

use crate::Failure;
use clap::Parser;
use proto::account::Name;
use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

/// Asks otrd.
#[derive(Debug, Parser)]
#[command(version, disable_help_subcommand = true, after_help = EXAMPLES)]
pub struct Args {
    /// otrd's admin socket [default: /run/otrd/admin.sock, then $XDG_RUNTIME_DIR/otrd/admin.sock].
    #[arg(long, value_name = "PATH")]
    pub socket: Option<PathBuf>,
    /// Print the result as JSON.
    #[arg(long)]
    pub json: bool,
    /// Give up after so many seconds.
    #[arg(long, value_name = "SECS", default_value_t = 10.0)]
    timeout: f64,
    /// Which account; not needed where there is only one.
    #[arg(short, long, value_name = "USER/NETWORK")]
    account: Option<String>,
    /// Whose account; not needed where only one Unix user has it.
    #[arg(long, value_name = "N")]
    pub uid: Option<u32>,
    /// `status`, `accounts`, or what you would say to *otr.
    #[arg(value_name = "WORD")]
    first: OsString,
    /// The other words, such as --all.
    #[arg(value_name = "WORDS", trailing_var_arg = true, allow_hyphen_values = true)]
    others: Vec<OsString>,
}

const EXAMPLES: &str = "\
Examples:
  otrctl status
  otrctl -a alice/libera info
  otrctl -a alice/libera trust bob
  echo 'auth bob our secret' | otrctl -a alice/libera -

With -a or --uid every word goes to *otr, `status` too. A single - reads the line from standard
input, where no other user of this machine can see it.";

/// What is asked.
pub enum Wish {
    /// The daemon's state.
    Status,
    /// The accounts' names.
    Accounts,
    /// A line to `*otr`.
    Command(Vec<u8>),
}

impl Args {
    /// What the words mean.
    pub fn wish(&self) -> Result<Wish, Failure> {
        let of_an_account = self.account.is_some() || self.uid.is_some();
        let words = std::iter::once(&self.first).chain(&self.others);
        let words: Vec<&[u8]> = words.map(|word| word.as_bytes()).collect();
        match (words.as_slice(), of_an_account) {
            ([b"status"], false) => return Ok(Wish::Status),
            ([b"accounts"], false) => return Ok(Wish::Accounts),
            _ => {}
        }
        let line = if words == [b"-"] { from_stdin()? } else { words.join(&b' ') };
        if line.iter().any(|byte| byte.is_ascii_control()) {
            return Err(Failure::Usage("a command is one line without control characters".into()));
        }
        Ok(Wish::Command(line))
    }

    /// How long to wait in all.
    pub fn timeout(&self) -> Result<Duration, Failure> {
        let time = Duration::try_from_secs_f64(self.timeout).ok().filter(|time| !time.is_zero());
        time.ok_or_else(|| Failure::Usage("--timeout: give seconds, such as 10".into()))
    }

    /// What `--account` names.
    pub fn account(&self) -> Result<Option<(Name, Name)>, Failure> {
        let wrong = || Failure::Usage("--account: give USER/NETWORK, such as alice/libera".into());
        let Some(account) = &self.account else { return Ok(None) };
        let (user, network) = account.split_once('/').ok_or_else(wrong)?;
        let name = |name| Name::new(name).map_err(|_| wrong());
        Ok(Some((name(user)?, name(network)?)))
    }
}

fn from_stdin() -> Result<Vec<u8>, Failure> {
    let mut line = String::new();
    let read = io::stdin().read_line(&mut line);
    read.map_err(|error| Failure::Usage(format!("cannot read standard input: {error}")))?;
    Ok(line.trim_end_matches(['\r', '\n']).as_bytes().to_vec())
}
