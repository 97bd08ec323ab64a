//! The front of otrd: it owns the sockets, learns from the kernel who connects, starts one worker
//! per account and hands it the connected socket. It links no libotr and sees no key and no
//! message.
//!
//! Top-down: [`args`], [`config`] and [`log`] with its [`message_id`]s, then [`listen`] gives two
//! sockets. A connection to the first is a module's: [`handshake`] reads its hello, [`hello_rate`]
//! counts it, and [`supervisor`] brings it to its account's worker. [`spawn`] starts that worker,
//! [`channel`] talks to it, [`heartbeat`] notices when it hangs, and [`keygen`] makes keys. A
//! connection to the second is an admin's: [`admin`] with [`admin_lines`] and [`watch`],
//! [`admin_calls`] and [`admin_lists`]. Who may ask what is one table, [`access`]. Account directories are [`state_dir`]'s, and what encrypts their
//! files [`master_secret`]'s; what all tasks share is in [`context`], and [`turns`] and [`token_bucket`]
//! keep one Unix user from taking it all. What the process gives up before
//! it accepts a connection: [`sandbox`].
//!
//! Workers outlive the front. What the next one needs of each is its control socket and a
//! [`record`]; systemd keeps both in its [`fd_store`], or the old front passes them in [`replace`]
//! or [`execute`]. The next one finds them in [`inherited`], and their [`process`]es by that.
#![deny(unsafe_code)]

mod access;
mod admin;
mod admin_calls;
mod admin_lines;
mod admin_lists;
mod args;
mod arrival;
mod channel;
mod config;
mod context;
mod directory_index;
mod execute;
mod fd_store;
mod former_accounts;
mod handshake;
mod heartbeat;
mod hello_rate;
mod identities;
mod identity_file;
mod inherited;
mod keygen;
mod line_io;
mod listen;
mod log;
mod master_secret;
mod memory;
mod message_id;
mod module_connection;
mod notify;
mod pending;
mod process;
mod record;
mod replace;
mod requests;
mod sandbox;
mod spawn;
mod state_dir;
mod supervisor;
mod token_bucket;
mod turns;
mod unconfined;
mod watch;

use crate::args::{Args, Settings, Source};
use crate::config::Config;
use crate::context::Context;
use crate::inherited::Inherited;
use crate::listen::Listeners;
use crate::log::Level;
use crate::master_secret::MasterSecrets;
use anyhow::Context as _;
use clap::Parser;
use confine::landlock::WithoutLandlock;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::alloc::System;
use std::path::Path;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;
use tokio::net::UnixListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::{JoinHandle, LocalSet, spawn_local};
use tokio::time::Instant;
use zeroizing_alloc::ZeroAlloc;

/// Wipes what is freed: the master secret's copies, if there are any, and what an admin's `command` said.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);

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
            if error.is::<sandbox::NoLandlock>() {
                return ExitCode::from(CANNOT_CONFINE); // said already
            }
            tracing::error!(message_id = message_id::FAILED, "{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// `--check-config`: reads the settings, and says what is wrong with them.
fn check(args: &Args) -> anyhow::Result<()> {
    let source = Source::find(args)?;
    source.read()?;
    let found = if source.path.exists() { "is good" } else { "is not there: all is by default" };
    println!("{} {found}", source.path.display());
    Ok(())
}

fn start(args: Args, level: Level) -> anyhow::Result<()> {
    let mut inherited = Inherited::take().context("cannot use what was passed")?;
    let replaces = args.replace && inherited.executed.is_none();
    let program = inherited.executed.as_ref().map(|executed| executed.program.clone());
    let settings = Settings::find(args, program.as_deref())?;
    raise_descriptor_limit();
    let mut predecessor = None;
    if replaces && let Some((taken, before)) = replace::take_over(&settings.admin_socket)? {
        (inherited, predecessor) = (taken, Some(before));
    }
    level.set(&settings.config.log.level);
    let source = settings.source.clone();
    sandbox::keep_memory_private()?;
    let master_secrets = MasterSecrets::passed()?;
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the event loop")?;
    LocalSet::new().block_on(&runtime, async {
        // Before anybody can see the sockets: whoever does may end us in good order.
        let mut signals = Signals::catch()?;
        execute::let_signals_in()?;
        // The lock on the state directory comes next: who holds it may replace stale sockets.
        let state = state_dir::StateDir::open(&settings.state, inherited.state)?;
        let listeners = Listeners::open(&settings, inherited.listeners)?;
        let confined = match inherited.executed {
            None => {
                let without = match settings.allow_no_landlock {
                    false => WithoutLandlock::Refuse,
                    true => WithoutLandlock::Allow,
                };
                let needed = sandbox::Needed {
                    worker: &settings.worker,
                    program: &settings.program,
                    state: &settings.state,
                    settings: &settings.source.path,
                    sockets: listeners.directories().collect(),
                };
                sandbox::confine(without, &needed)
            }
            Some(_) => sandbox::confine_again(),
        };
        if let Err(error) = confined {
            if error.is::<sandbox::NoLandlock>() && predecessor.is_none() {
                tracing::error!(message_id = message_id::FAILED, "{error}");
                unconfined::answer(&listeners, signals.end()).await?;
            }
            return Err(error);
        }
        if let Some(predecessor) = predecessor {
            predecessor.end()?;
        }
        let program = settings.program.clone();
        let context = Rc::new(Context::new(settings, state, master_secrets));
        for name in inherited.broken {
            tracing::warn!(name, "what is left of a worker cannot be used");
            fd_store::forget(&name);
        }
        supervisor::take_up(&context, inherited.workers);
        serve(context, listeners, signals, &program, || reload(&source, &level)).await
    })
}

/// Settings that are wrong change nothing.
fn reload(source: &Source, level: &Level) -> Option<Config> {
    match source.read() {
        Ok(config) => {
            level.set(&config.log.level);
            tracing::info!(message_id = message_id::RELOADED, path = %source.path.display(), "settings read again");
            Some(config)
        }
        Err(error) => {
            tracing::error!(
                message_id = message_id::SETTINGS,
                "the settings stay as they were: {error}"
            );
            None
        }
    }
}

/// What an admin may send.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    reload: Signal,
    execute: Signal,
}

impl Signals {
    fn catch() -> anyhow::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            reload: signal(SignalKind::hangup())?,
            execute: signal(SignalKind::user_defined2())?,
        })
    }

    /// Until one comes that ends this process.
    async fn end(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Serves until a signal ends it.
async fn serve(
    context: Rc<Context>,
    listeners: Listeners,
    mut signals: Signals,
    program: &Path,
    reload: impl Fn() -> Option<Config>,
) -> anyhow::Result<()> {
    let mut accepting = accept(&context, &listeners)?;
    tracing::info!(
        message_id = message_id::STARTED,
        version = env!("CARGO_PKG_VERSION"),
        "serving"
    );
    notify::ready();

    let mut watchdog = tokio::time::interval(notify::watchdog_interval());
    loop {
        tokio::select! {
            _ = signals.terminate.recv() => break,
            _ = signals.interrupt.recv() => break,
            _ = signals.reload.recv() => {
                notify::reloading();
                if let Some(config) = reload() {
                    context.configure(config);
                }
                notify::ready();
            }
            _ = watchdog.tick() => match context.liveness.borrow().is_well(Instant::now()) {
                true => notify::watchdog(),
                false => tracing::error!(message_id = message_id::STUCK, "otrd stopped supervising a worker"),
            },
            _ = signals.execute.recv() => {
                let program = match fd_store::is_there() {
                    true => Err(anyhow::anyhow!("under systemd: systemctl restart otrd")),
                    false => execute::Program::load(program).await,
                };
                match program {
                    Ok(program) => {
                        accepting.iter().for_each(|task| task.abort());
                        let workers = context.freeze().await;
                        context.keygens.end_all();
                        let state = context.state.pass()?;
                        let all = replace::everything(&listeners, &state, &workers);
                        tracing::info!(message_id = message_id::LEAVING, left = workers.len(), "executing the program anew");
                        let error = program.execute(&all);
                        tracing::error!(message_id = message_id::FAILED, "not executed: {error:#}");
                        context.thaw();
                        accepting = accept(&context, &listeners)?;
                    }
                    Err(error) => tracing::error!(message_id = message_id::FAILED, "not executed: {error:#}"),
                }
            }
            () = context.succeeded.notified() => if let Some(channel) = context.successor() {
                accepting.iter().for_each(|task| task.abort());
                let workers = context.freeze().await;
                let state = context.state.pass()?;
                let all = replace::everything(&listeners, &state, &workers);
                match replace::hand_over(channel, &all).await {
                    Ok(()) => {
                        tracing::info!(message_id = message_id::LEAVING, left = workers.len(), "replaced by another otrd");
                        // Nothing is dropped: that would end the workers.
                        std::process::exit(0);
                    }
                    Err(error) => {
                        tracing::error!(message_id = message_id::FAILED, "not replaced by another otrd: {error:#}");
                        context.thaw();
                        accepting = accept(&context, &listeners)?;
                    }
                }
            },
            () = context.changed.notified() => notify::status(&context.summary()),
        }
    }

    notify::stopping();
    accepting.iter().for_each(|task| task.abort());
    if fd_store::is_there() {
        // A restart looks the same from here. After a stop systemd lets go of what it keeps, and
        // the workers see that nobody comes any more.
        let left = context.freeze().await.len();
        tracing::info!(
            message_id = message_id::LEAVING,
            left,
            "ending; systemd keeps the workers while it wants otrd"
        );
        // Nothing is dropped: that would end them.
        std::process::exit(0);
    }
    tracing::info!(message_id = message_id::STOPPING, "stopping");
    listeners.remove();
    if tokio::time::timeout(STOP_TIME, context.stop()).await.is_err() {
        tracing::warn!("some workers did not end in time");
    }
    Ok(())
}

/// Accepts on both sockets until the tasks are aborted. What connects after that waits.
fn accept(context: &Rc<Context>, listeners: &Listeners) -> anyhow::Result<[JoinHandle<()>; 2]> {
    let modules = UnixListener::from_std(listeners.shim.socket.try_clone()?)?;
    let admins = UnixListener::from_std(listeners.admin.socket.try_clone()?)?;
    let (of_modules, of_admins) = (context.clone(), context.clone());
    Ok([
        spawn_local(listen::accept(modules, move |stream, uid| {
            handshake::greet(of_modules.clone(), stream, uid)
        })),
        spawn_local(listen::accept(admins, move |stream, uid| {
            admin::serve(of_admins.clone(), stream, uid)
        })),
    ])
}

/// A worker costs two descriptors here; the usual soft limit of 1024 is meant for `select`.
fn raise_descriptor_limit() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(_, hard)| setrlimit(Resource::RLIMIT_NOFILE, hard.min(65536), hard));
    if let Err(error) = raised {
        tracing::warn!(%error, "cannot raise the limit of open files: few accounts will fit");
    }
}
