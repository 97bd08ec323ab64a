//! The front of otrd: it owns the sockets, learns from the kernel who connects, starts one worker
//! an account and hands it the connected socket. It links no libotr and sees no key and no
//! message.
//!
//! Top-down: [`args`], [`config`] and [`log`] with its [`kind`]s, then [`listen`] gives two sockets. A connection to the first is
//! a module's: [`conn`] reads its hello, [`hello_rate`] counts it, [`keeper`] brings it to its account's worker, which
//! [`spawn`] starts, [`control`] talks to and [`pulse`] minds; [`keygen`] makes keys. A connection
//! to the second is an admin's: [`admin`], with [`passed`] descriptors, and [`watch`]. Who may ask
//! what stands in one table, [`peer`]; what lies on disk, in [`state`], and what it is encrypted
//! with, in [`master`]; what all of them share, in [`front`]. What the process gives up before it accepts anybody: [`confine`].
#![deny(unsafe_code)]

mod admin;
mod args;
mod config;
mod confine;
mod conn;
mod control;
mod crowd;
mod front;
mod hello_rate;
mod keeper;
mod keygen;
mod kind;
mod listen;
mod log;
mod master;
mod notify;
mod passed;
mod peer;
mod pulse;
mod spawn;
mod state;
mod unconfined;
mod watch;
mod wire;

use crate::args::{Args, Settings, Source};
use crate::config::Config;
use crate::front::Front;
use crate::listen::Listeners;
use crate::log::Level;
use crate::master::Masters;
use anyhow::Context;
use clap::Parser;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;
use tokio::net::UnixListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::Instant;

/// Within this time after SIGTERM the front has ended, whatever its workers do.
const STOP_TIME: Duration = Duration::from_millis(1900);

/// EX_CONFIG. The units do not try again after it.
const CANNOT_CONFINE: u8 = 78;

fn main() -> ExitCode {
    let level = log::init();
    let args = Args::parse();
    let done = if args.check_config { check(&args) } else { start(args, level) };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if error.is::<confine::NoLandlock>() {
                return ExitCode::from(CANNOT_CONFINE); // said already
            }
            tracing::error!(message_id = kind::FAILED, "{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// `--check-config`
fn check(args: &Args) -> anyhow::Result<()> {
    let source = Source::find(args)?;
    source.read()?;
    let found = if source.path.exists() { "is good" } else { "is not there: all is by default" };
    println!("{} {found}", source.path.display());
    Ok(())
}

fn start(args: Args, level: Level) -> anyhow::Result<()> {
    let settings = Settings::find(args)?;
    level.set(&settings.config.log.level);
    let source = settings.source.clone();
    confine::keep_memory_private()?;
    let masters = Masters::passed()?;
    raise_descriptor_limit();
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the event loop")?;
    LocalSet::new().block_on(&runtime, async {
        // Before anybody can see the sockets: whoever does may end us in good order.
        let signals = Signals::catch()?;
        // The lock on the state directory comes next: who holds it may replace stale sockets.
        let state = state::State::open(&settings.state)?;
        let listeners = Listeners::open(&settings)?;
        if let Err(error) = confine::confine(&settings, &listeners) {
            if error.is::<confine::NoLandlock>() {
                tracing::error!(message_id = kind::FAILED, "{error}");
                unconfined::answer(&listeners).await?;
            }
            return Err(error);
        }
        let front = Rc::new(Front::new(settings, state, masters));
        serve(front, listeners, signals, || reload(&source, &level)).await
    })
}

/// Settings that are wrong change nothing.
fn reload(source: &Source, level: &Level) -> Option<Config> {
    match source.read() {
        Ok(config) => {
            level.set(&config.log.level);
            tracing::info!(message_id = kind::RELOADED, path = %source.path.display(), "settings read again");
            Some(config)
        }
        Err(error) => {
            tracing::error!(message_id = kind::SETTINGS, "the settings stay as they were: {error}");
            None
        }
    }
}

/// What an admin may send.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    reload: Signal,
}

impl Signals {
    fn catch() -> anyhow::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            reload: signal(SignalKind::hangup())?,
        })
    }
}

/// Serves until a signal ends it.
async fn serve(
    front: Rc<Front>,
    listeners: Listeners,
    mut signals: Signals,
    reload: impl Fn() -> Option<Config>,
) -> anyhow::Result<()> {
    let modules = UnixListener::from_std(listeners.shim.socket.try_clone()?)?;
    let admins = UnixListener::from_std(listeners.admin.socket.try_clone()?)?;
    let accepting = [
        spawn_local(listen::accept(modules, front.clone(), conn::greet)),
        spawn_local(listen::accept(admins, front.clone(), admin::serve)),
    ];
    tracing::info!(message_id = kind::STARTED, version = env!("CARGO_PKG_VERSION"), "serving");
    notify::ready();

    let mut watchdog = tokio::time::interval(notify::watchdog_interval());
    loop {
        tokio::select! {
            _ = signals.terminate.recv() => break,
            _ = signals.interrupt.recv() => break,
            _ = signals.reload.recv() => {
                notify::reloading();
                if let Some(config) = reload() {
                    front.configure(config);
                }
                notify::ready();
            }
            _ = watchdog.tick() => match front.minding.borrow().is_well(Instant::now()) {
                true => notify::watchdog(),
                false => tracing::error!(message_id = kind::STUCK, "a worker is not minded any more"),
            },
            () = front.changed.notified() => notify::status(&front.summary()),
        }
    }

    tracing::info!(message_id = kind::STOPPING, "stopping");
    notify::stopping();
    accepting.iter().for_each(|task| task.abort());
    listeners.remove();
    if tokio::time::timeout(STOP_TIME, front.stop()).await.is_err() {
        tracing::warn!("some workers did not end in time");
    }
    Ok(())
}

/// A worker costs two descriptors here; the usual soft limit of 1024 is meant for `select`.
fn raise_descriptor_limit() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(_, hard)| setrlimit(Resource::RLIMIT_NOFILE, hard.min(65536), hard));
    if let Err(error) = raised {
        tracing::warn!(%error, "cannot raise the limit of open files: few accounts will fit");
    }
}
