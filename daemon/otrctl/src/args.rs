//! The command line.

use crate::failure::Failure;
use clap::{Args as Group, Parser, Subcommand, ValueEnum};
use proto::account::Name;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// Talks to otrd.
#[derive(Debug, Parser)]
#[command(
    version,
    disable_help_subcommand = true,
    subcommand_required = true,
    after_help = EXAMPLES
)]
pub struct Args {
    /// otrd's admin socket [default: that of the user's own otrd, else the system's].
    #[arg(long, value_name = "PATH", global = true)]
    pub socket: Option<PathBuf>,
    /// Print the result as JSON.
    #[arg(long, global = true)]
    pub json: bool,
    /// Give up after so many seconds. otrd gives up on a worker before, and says why.
    #[arg(long, value_name = "SECS", default_value_t = 40.0, global = true)]
    timeout: f64,
    /// Which account; not needed where there is only one.
    #[arg(short, long, value_name = "USER/NETWORK", global = true)]
    account: Option<String>,
    /// Whose account; not needed where only one Unix user has it.
    #[arg(long, value_name = "N", global = true)]
    pub uid: Option<u32>,
    /// Read the secret of auth or authq from this descriptor, its first line.
    #[arg(long, value_name = "FD", global = true)]
    pub secret_fd: Option<u32>,
    /// The subcommand.
    #[command(subcommand)]
    pub action: Action,
}

/// What `--help` says behind the options. Its first sentence names the commands of `*otr`.
pub const EXAMPLES: &str = "\
Anything else is a line for *otr: help, info, start, refresh, finish, trust, distrust, forget,
fingerprint, auth, authq, authabort, genkey, ignore, enable, policy, listen, mark, status,
version.

Examples:
  otrctl status
  otrctl -a alice/libera info
  otrctl -a alice/libera trust bob
  otrctl -a alice/libera auth bob          asks for the secret without showing it
  echo 'auth bob our secret' | otrctl -a alice/libera -
  otrctl import znc ~/.znc --all

With -a or --uid in front, status and version are *otr's, too. A single - reads the line from standard input,
where no other user of this machine can see it.

Exit status (sysexits.h): 0 done, 64 wrong words, 65 not done as things are, 66 no such files,
67 no such account, 69 no otrd, 70 a bug, 73 files cannot be written, 74 output went nowhere,
75 try again, 77 not allowed, 78 doctor found something that fails; 130 interrupted.";

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// The daemon, and a row for each account.
    Status,
    /// The accounts' names, those without a worker included.
    Accounts,
    /// Private conversations of all accounts.
    Sessions,
    /// Tell what changes, until interrupted. No nick, no text.
    Watch,
    /// Look whether everything is as it should be, and say what to do where it is not.
    Doctor(Doctor),
    /// Take over keys and fingerprints of ZNC's old module, irssi, weechat, Pidgin, HexChat, ….
    Import(Import),
    /// Write key, fingerprints and instance tag into a directory, in libotr's format.
    Export(Export),
    /// Whether files are encrypted on disk, with the master secret that otrd was given.
    Secrets(Secrets),
    /// Have the installed release take the place of an account's worker.
    Renew(Renew),
    /// End an account: its worker ends, its files are set aside.
    ForgetAccount(ForgetAccount),
    /// Take back files of an account that were set aside; the present ones are set aside instead.
    RestoreAccount(RestoreAccount),
    /// The releases of what is installed, of the libraries in it, and of the otrd that runs.
    Version,
    /// Print completions for a shell.
    Completions {
        /// The shell to print completions for.
        shell: clap_complete::Shell,
    },
    /// Print the man page.
    Man,
    /// A line for *otr.
    #[command(external_subcommand)]
    Words(Vec<OsString>),
}

/// `doctor`
#[derive(Debug, Group)]
pub struct Doctor {
    /// otrd's state directory [default: /var/lib/otrd, or $XDG_STATE_HOME/otrd].
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// The worker's program [default: otrd-worker beside otrctl, else in ../lib/otrd].
    #[arg(long, value_name = "PATH")]
    pub worker: Option<PathBuf>,
}

/// `import`
#[derive(Debug, Group)]
pub struct Import {
    /// The program (znc, irssi, weechat, pidgin, finch, hexchat, bitlbee), its directory, or both.
    #[arg(value_name = "PROGRAM|PATH")]
    pub what: Vec<PathBuf>,
    /// Every account of a ZNC directory.
    #[arg(long)]
    pub all: bool,
    /// Whose key and fingerprints, as the program names its account.
    #[arg(long, value_name = "NAME")]
    pub from: Option<String>,
    /// Also in place of what is there, which is kept under a dated name.
    #[arg(long)]
    pub overwrite: bool,
    /// Only say what would be done.
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask.
    #[arg(long, short)]
    pub yes: bool,
}

/// `export`
#[derive(Debug, Group)]
pub struct Export {
    /// Where to; made where it is missing.
    #[arg(value_name = "DIRECTORY")]
    pub directory: PathBuf,
    /// Also in place of files that are there.
    #[arg(long)]
    pub overwrite: bool,
}

/// `secrets`
#[derive(Debug, Group)]
pub struct Secrets {
    /// Encrypt the files of all accounts, or have them lie as libotr writes them.
    #[arg(value_name = "on|off", hide_possible_values = true)]
    pub turn: Option<Turn>,
}

/// `secrets on`, `secrets off`
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Turn {
    /// Encrypted.
    On,
    /// Plain.
    Off,
}

/// `renew`
#[derive(Debug, Group)]
pub struct Renew {
    /// The workers of all accounts.
    #[arg(long)]
    pub all: bool,
}

/// `forget-account`
#[derive(Debug, Group)]
pub struct ForgetAccount {
    /// Remove the files instead of setting them aside.
    #[arg(long)]
    pub remove: bool,
    /// Do not ask.
    #[arg(long, short)]
    pub yes: bool,
}

/// `restore-account`
#[derive(Debug, Group)]
pub struct RestoreAccount {
    /// Which of the directories that `otrctl accounts` lists, where there are several.
    #[arg(value_name = "DIRECTORY")]
    pub directory: Option<String>,
    /// Do not ask.
    #[arg(long, short)]
    pub yes: bool,
}

impl Args {
    /// Whether an account is named.
    pub fn of_an_account(&self) -> bool {
        self.account.is_some() || self.uid.is_some()
    }

    /// How long to wait in all.
    pub fn timeout(&self) -> Result<Duration, Failure> {
        let time = Duration::try_from_secs_f64(self.timeout).ok().filter(|time| !time.is_zero());
        time.ok_or_else(|| Failure::Usage("--timeout: give seconds, such as 10".into()))
    }

    /// The ZNC user and the network of `--account user/network`, if it is given.
    pub fn account(&self) -> Result<Option<(Name, Name)>, Failure> {
        let wrong = || Failure::Usage("--account: give USER/NETWORK, such as alice/libera".into());
        let Some(account) = &self.account else { return Ok(None) };
        let (user, network) = account.split_once('/').ok_or_else(wrong)?;
        let name = |name| Name::new(name).map_err(|_| wrong());
        Ok(Some((name(user)?, name(network)?)))
    }
}
