//! The command line, and where things are when it does not say.

use crate::access::Mode;
use crate::config::{self, Config};
use anyhow::{Context as _, bail};
use clap::Parser;
use proto::{paths, user_database};
use std::path::{Path, PathBuf};

/// OTR encryption for ZNC, outside of ZNC.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Args {
    /// Directory of all keys and settings [default: /var/lib/otrd, or $XDG_STATE_HOME/otrd].
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Socket for ZNC's modules [default: shim.sock in /run/otrd or $XDG_RUNTIME_DIR/otrd].
    #[arg(long, value_name = "PATH")]
    shim_socket: Option<PathBuf>,
    /// Socket for otrctl [default: admin.sock beside it].
    #[arg(long, value_name = "PATH")]
    admin_socket: Option<PathBuf>,
    /// Unix group that may use both sockets, by name or number [default: root alone].
    #[arg(long, value_name = "GROUP", conflicts_with = "user")]
    socket_group: Option<String>,
    /// The worker's program [default: otrd-worker beside otrd, else in ../lib/otrd].
    #[arg(long, value_name = "PATH")]
    worker: Option<PathBuf>,
    /// Run where the kernel has no Landlock: less confined, which `otrctl status` then says.
    #[arg(long)]
    allow_no_landlock: bool,
    /// File of settings [default: /etc/otrd/otrd.toml, or $XDG_CONFIG_HOME/otrd/otrd.toml].
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Take over from an otrd that runs already, with its workers, and start where none does.
    #[arg(long)]
    pub replace: bool,
    /// Only look at the settings, and say what is wrong with them.
    #[arg(long)]
    pub check_config: bool,
    /// Serve every Unix user, each with accounts of their own [default for root].
    #[arg(long, conflicts_with = "user")]
    system: bool,
    /// Serve only the Unix user who starts it [default for all but root].
    #[arg(long)]
    user: bool,
}

/// What the command line came to.
pub struct Settings {
    /// Whether it is the system's daemon or one of a single user.
    pub mode: Mode,
    /// Directory of all accounts.
    pub state: PathBuf,
    /// Path of the socket for ZNC modules.
    pub shim_socket: PathBuf,
    /// Path of the socket for admins.
    pub admin_socket: PathBuf,
    /// Group of both sockets.
    pub socket_group: Option<u32>,
    /// Our own program, where it was started from.
    pub program: PathBuf,
    /// Path of the otrd-worker program.
    pub worker: PathBuf,
    /// Whether to run without Landlock.
    pub allow_no_landlock: bool,
    /// Where the admin's settings are.
    pub source: Source,
    /// And what they are.
    pub config: Config,
}

/// A file of settings.
#[derive(Clone, Debug)]
pub struct Source {
    /// Path of the settings file.
    pub path: PathBuf,
    /// Whether it was asked for, so that it has to be there.
    pub named: bool,
}

impl Source {
    /// The file that is meant.
    pub fn find(args: &Args) -> anyhow::Result<Self> {
        let path = given(args.config.clone(), || config_home(args.is_system()))?;
        Ok(Self { path, named: args.config.is_some() })
    }

    /// What is in it.
    pub fn read(&self) -> Result<Config, config::Error> {
        Config::read(&self.path, self.named)
    }
}

impl Args {
    fn is_system(&self) -> bool {
        self.system || (nix::unistd::geteuid().is_root() && !self.user)
    }
}

impl Settings {
    /// Fills in what was not said.
    pub fn find(args: Args, program: Option<&Path>) -> anyhow::Result<Self> {
        let source = Source::find(&args)?;
        let config = source.read()?;
        let system = args.is_system();
        let own = nix::unistd::geteuid().as_raw();
        let mode = if system { Mode::System } else { Mode::User(own) };
        let state = given(args.state, || state_home(system))?;
        let shim_socket = given(args.shim_socket, || Ok(runtime(system)?.join("shim.sock")))?;
        let admin_socket = given(args.admin_socket, || Ok(runtime(system)?.join("admin.sock")))?;
        let socket_group = args.socket_group.as_deref().map(group).transpose()?;
        let program = match program {
            Some(program) => program.to_owned(),
            None => std::env::current_exe().context("cannot find otrd's own program")?,
        };
        let worker = given(args.worker, || beside(&program))?;
        if !worker.is_file() {
            bail!("no worker at {}: install otrd-worker or give --worker", worker.display());
        }
        let allow_no_landlock = args.allow_no_landlock;
        Ok(Self {
            mode,
            state,
            shim_socket,
            admin_socket,
            socket_group,
            program,
            worker,
            allow_no_landlock,
            source,
            config,
        })
    }
}

fn group(name: &str) -> anyhow::Result<u32> {
    if let Ok(number) = name.parse() {
        return Ok(number);
    }
    let database = user_database::GROUPS;
    let text = std::fs::read(database).with_context(|| format!("cannot read {database}"))?;
    let text = String::from_utf8_lossy(&text);
    let found = user_database::groups(&text).find(|group| group.name == name);
    let hint = || {
        format!(
            "no group {name} in {database}: make it with groupadd --system {name}, or give its number"
        )
    };
    Ok(found.with_context(hint)?.gid)
}

fn given(
    path: Option<PathBuf>,
    otherwise: impl FnOnce() -> anyhow::Result<PathBuf>,
) -> anyhow::Result<PathBuf> {
    let path = path.map_or_else(otherwise, Ok)?;
    // Workers start in `/`.
    std::path::absolute(&path).with_context(|| format!("cannot use {}", path.display()))
}

fn state_home(system: bool) -> anyhow::Result<PathBuf> {
    if system {
        return Ok(paths::SYSTEM_STATE.into());
    }
    paths::user_state(variable).context("neither XDG_STATE_HOME nor HOME is set: give --state")
}

fn config_home(system: bool) -> anyhow::Result<PathBuf> {
    if system {
        return Ok(paths::SYSTEM_CONFIG.into());
    }
    // Nobody's home: nobody's settings.
    Ok(paths::user_config(variable).unwrap_or_else(|| paths::SYSTEM_CONFIG.into()))
}

fn runtime(system: bool) -> anyhow::Result<PathBuf> {
    if system {
        return Ok(paths::SYSTEM_RUNTIME.into());
    }
    let found = paths::user_runtime(variable, nix::unistd::getuid().as_raw());
    // Made by the login, and never by us: otherwise others could have made it.
    if !found.parent().is_some_and(Path::is_dir) {
        bail!("XDG_RUNTIME_DIR is not set: give --shim-socket and --admin-socket");
    }
    Ok(found)
}

fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).map(PathBuf::from)
}

fn beside(own: &Path) -> anyhow::Result<PathBuf> {
    let places = paths::workers(own);
    let found = places.iter().flatten().find(|path| path.is_file());
    let last = || places.iter().flatten().next_back();
    found.or_else(last).cloned().context("no place for otrd-worker: give --worker")
}
