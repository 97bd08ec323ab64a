//! The poll loop: performs what the engine decides, and nothing else.
//!
//! * `control_requests`: what the front orders.
//! * `module`: the connection to the ZNC module, and what it says.
//! * `presence`: whether a front is still there.

mod control_requests;
mod module;
mod presence;

use crate::connection::{Connection, ConnectionState};
use crate::control::{Control, Packet};
use crate::engine::messages::Phrase;
use crate::engine::{Action, Engine, Event, KeyState, Now};
use crate::outbox::Outbox;
use crate::own_memory::OwnMemory;
use crate::sandbox::{self, WithoutLandlock, hardening};
use crate::store::{
    Converted, DAMAGED, Directory, EncryptedStore, Keys, Locked, Store, StoredFile, StoredFiles,
};
use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use presence::Presence;
use proto::account::Account;
use proto::admin::import_export::Imported;
use proto::shim::{ByeReason, Effect};
use proto::worker::{AtRest, Here, LogTopic, ToFront, ToWorker, WorkerConfig};
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant, SystemTime};
use zeroize::Zeroizing;

/// Longest key file that a key generation may hand over, in bytes. libotr's are about 1.5 kB.
const MAX_KEY: usize = 64 * 1024;

/// The worker: started by `otrd` with the control socket as descriptor 0.
pub fn main() -> Result<()> {
    hardening::ignore_hangup()?;
    let control = io::stdin().as_fd().try_clone_to_owned().context("no control socket")?;
    let mut control = Control::new(control);
    match Worker::start(&mut control) {
        Ok(loaded) => {
            if loaded.front >= 2 {
                control.send(&ToFront::Here(here(&loaded.account, 0, false)))?;
            }
            control.send(&ToFront::Ready)?;
            serve(control, loaded)
        }
        Err(error) => {
            let why = format!("{error:#}");
            let _ = control.send(&match error.downcast_ref::<Locked>() {
                Some(_) => ToFront::Locked { why },
                None => ToFront::Failed { why },
            });
            Err(error)
        }
    }
}

/// Serves an account until the front lets go of it.
///
/// # Errors
/// Where the front's socket cannot be read.
pub fn serve(control: Control, loaded: Loaded) -> Result<()> {
    Worker::new(control, loaded).run()
}

/// What a start comes to.
pub struct Loaded {
    /// The account, as its files say.
    pub engine: Engine,
    /// The account's files.
    pub store: EncryptedStore<Directory>,
    /// Files that were converted to what the admin set.
    pub converted: Converted,
    /// How this process is confined, in words.
    pub confinement: String,
    /// What this process takes.
    pub memory: OwnMemory,
    /// Whose account it is.
    pub account: Account,
    /// What the admin set.
    pub config: WorkerConfig,
    /// The front's version of the control protocol.
    pub front: u32,
}

fn here(account: &Account, seq: u64, keygen: bool) -> Here {
    let version = env!("CARGO_PKG_VERSION").into();
    Here { seq, control: proto::worker::VERSION, version, account: account.clone(), keygen }
}

struct Worker {
    control: Control,
    engine: Engine,
    store: EncryptedStore<Directory>,
    confinement: String,
    memory: OwnMemory,
    account: Account,
    presence: Presence,
    /// Whether files are to be encrypted on disk, under the keys that a new front is about to send.
    wanted_at_rest: Option<AtRest>,
    clock: Clock,
    connection: Option<Connection>,
    key_pipe: Option<KeyPipe>,
    /// What an import came to, until it is said.
    imported: Option<Result<Imported, String>>,
    /// Files of which a copy is kept before they are written, and its suffix.
    to_keep: BTreeMap<StoredFile, String>,
    /// What goes to the module.
    outbox: Outbox,
    /// Since when nobody is connected.
    alone_since: Duration,
    idle_said: bool,
    ends: bool,
}

struct KeyPipe {
    pipe: File,
    /// The front that started the generation is gone: nobody will say why it failed.
    orphaned: bool,
    content: Zeroizing<Vec<u8>>,
}

struct Clock(Instant);

impl Clock {
    fn now(&self) -> Now {
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Now { mono: self.0.elapsed(), wall: wall.map_or(0, |since| since.as_secs()) }
    }
}

impl Worker {
    /// Receives the account, gives up what is not needed, loads.
    fn start(control: &mut Control) -> Result<Loaded> {
        let Packet::Message(
            ToWorker::Start {
                account,
                files_of,
                allow_no_landlock,
                config,
                at_rest,
                control: front,
            },
            Some(directory),
        ) = control.receive(false)?
        else {
            bail!("the first packet was no start with a directory: run otrd instead");
        };
        let without = match allow_no_landlock {
            true => WithoutLandlock::Allow,
            false => WithoutLandlock::Refuse,
        };
        let directory = Directory::new(directory);
        let names = directory.names().context("cannot list the account's directory")?;
        let memory = OwnMemory::open().context("cannot read /proc/self/status: mount /proc")?;
        let confinement =
            sandbox::confine(Some(directory.as_fd()), without).context("not confined")?;
        let keys = match at_rest {
            Some(_) => Some(receive_keys(control).context("no key came")?),
            None => None,
        };
        let files_of = files_of.as_ref().unwrap_or(&account);
        let mut store = EncryptedStore::new(directory, files_of, names, keys);
        store.unlock()?;
        let converted = store.convert_all(at_rest.unwrap_or(AtRest::Plain));
        let now = Clock(Instant::now()).now();
        let user = files_of.user.clone();
        let files = StoredFiles::read(&mut store);
        let engine = Engine::load(account.clone(), &user, files, now)?;
        Ok(Loaded { engine, store, converted, confinement, memory, account, config, front })
    }

    fn new(control: Control, loaded: Loaded) -> Self {
        let Loaded { engine, store, converted, confinement, memory, account, config, front } =
            loaded;
        let clock = Clock(Instant::now());
        let mut worker = Self {
            control,
            engine,
            store,
            confinement,
            memory,
            account,
            presence: Presence::new(front, clock.now().mono),
            clock,
            wanted_at_rest: None,
            imported: None,
            to_keep: BTreeMap::new(),
            connection: None,
            outbox: Outbox::default(),
            key_pipe: None,
            alone_since: Duration::ZERO,
            idle_said: false,
            ends: false,
        };
        worker.converted(&converted);
        for event in [Event::Config(config), Event::AtRest(worker.store.at_rest())] {
            let effects = worker.step(event);
            worker.unasked(effects);
        }
        if matches!(worker.engine.key_state(), KeyState::Damaged(_)) {
            worker.log(LogTopic::Key, "otr.key cannot be used: the user is told why".into());
        }
        worker
    }

    fn run(mut self) -> Result<()> {
        while !self.ends {
            let ready = self.wait()?;
            // The connection first: a packet of the front may bring another one.
            if ready.connection_closed {
                self.connection_closed();
            } else if ready.connection {
                self.read_connection();
            }
            if ready.control {
                self.read_control()?;
            }
            if let Err(error) = self.control.flush() {
                self.deserted(&error);
            }
            if ready.key_pipe {
                self.read_key_pipe();
            }
            self.tick();
            if self.send() == ConnectionState::Dead {
                self.connection_closed();
            }
        }
        // What waits comes back to the user before the end.
        let effects = self.step(Event::End);
        self.unasked(effects);
        self.bye(ByeReason::Ends);
        Ok(())
    }

    fn wait(&mut self) -> Result<Ready> {
        let timeout = self.timeout();
        let full = self.outbox.is_full();
        let mut flags = PollFlags::POLLIN;
        flags.set(PollFlags::POLLOUT, self.control.wants_to_send());
        let mut fds = vec![PollFd::new(self.control.as_fd(), flags)];
        let connection = self.connection.as_ref().map(|connection| {
            let mut flags = PollFlags::empty();
            flags.set(PollFlags::POLLIN, !full);
            flags.set(PollFlags::POLLOUT, connection.wants_to_write());
            fds.push(PollFd::new(connection.as_fd(), flags));
            fds.len() - 1
        });
        let pipe = self.key_pipe.as_ref().map(|key| {
            fds.push(PollFd::new(key.pipe.as_fd(), PollFlags::POLLIN));
            fds.len() - 1
        });
        match poll(&mut fds, timeout) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error).context("cannot wait for input"),
        }
        let events = |index: Option<usize>| {
            let events = index.and_then(|index| fds.get(index)).and_then(PollFd::revents);
            events.unwrap_or(PollFlags::empty())
        };
        Ok(Ready {
            control: events(Some(0)).intersects(!PollFlags::POLLOUT),
            connection: !events(connection).is_empty(),
            connection_closed: events(connection)
                .intersects(PollFlags::POLLHUP | PollFlags::POLLERR),
            key_pipe: !events(pipe).is_empty(),
        })
    }

    /// Until the next thing that only time brings about.
    fn timeout(&self) -> PollTimeout {
        let now = self.clock.now().mono;
        let alone = match (&self.connection, self.idle_said) {
            (None, false) => self.linger().map(|stay| self.alone_since + stay),
            _ => None,
        };
        let next = [alone, self.engine.next_deadline(), self.presence.look()];
        let next = next.into_iter().flatten().min();
        let Some(next) = next else { return PollTimeout::NONE };
        // One more, for poll counts in whole milliseconds and must not wake too early.
        let millis = next.saturating_sub(now).as_millis() + 1;
        i32::try_from(millis)
            .ok()
            .and_then(|m| PollTimeout::try_from(m).ok())
            .unwrap_or(PollTimeout::MAX)
    }

    /// For how long this worker stays without a module.
    fn linger(&self) -> Option<Duration> {
        self.engine.linger(self.outbox.holds_text())
    }

    fn tick(&mut self) {
        let now = self.clock.now().mono;
        if self.engine.next_deadline().is_some_and(|at| at <= now) {
            let effects = self.step(Event::Tick);
            self.unasked(effects);
        }
        // Only then, for it looks at every conversation.
        let alone = self.connection.is_none() && !self.idle_said;
        let stay = alone.then(|| self.linger()).flatten();
        if stay.is_some_and(|stay| now >= self.alone_since + stay) {
            self.idle_said = true;
            self.say(&ToFront::Idle);
        }
        if self.presence.look().is_none_or(|look| look > now) {
            return;
        }
        let stay = self.linger();
        if self.presence.is_over(now, stay) {
            eprintln!("otrd-worker: no front has come back: ending");
            self.ends = true;
        }
    }

    /// One step of the engine; performs everything but the module's effects, and gives those.
    fn step(&mut self, input: Event) -> Vec<Effect> {
        let actions = self.engine.step(self.clock.now(), input);
        self.perform(actions)
    }

    fn perform(&mut self, actions: Vec<Action>) -> Vec<Effect> {
        let mut effects = Vec::new();
        let mut files = Vec::new();
        let mut damaged = Vec::new();
        for action in actions {
            match action {
                Action::Effect(effect) => effects.push(effect),
                Action::Save(name, content) => files.push((name, content)),
                Action::Replace(name, suffix, content) => {
                    self.to_keep.insert(name, suffix);
                    files.push((name, content));
                }
                Action::KeepDamaged(name) => {
                    let aside = self.store.set_aside(name, DAMAGED);
                    if aside.is_err() {
                        self.to_keep.insert(name, DAMAGED.into());
                    }
                    damaged.push((name, aside.map_err(|error| error.to_string())));
                }
                Action::Imported(outcome) => self.imported = Some(outcome),
                Action::Keygen => self.say(&ToFront::Keygen),
                Action::CancelKeygen => {
                    self.key_pipe = None;
                    self.say(&ToFront::CancelKeygen);
                }
            }
        }
        let failed = self.save(files);
        if let (Some((_, error)), Some(Ok(_))) = (failed.first(), &self.imported) {
            let names: Vec<&str> = failed.iter().map(|(name, _)| name.file()).collect();
            let (files, error) = (names.join(", "), error.to_string());
            self.imported = Some(Err(Phrase::ImportNotSaved { files, error }.into()));
        }
        for (name, error) in failed {
            effects.extend(self.step(Event::NotSaved(name, error.to_string())));
        }
        for (name, aside) in damaged {
            effects.extend(self.step(Event::DamagedKept(name, aside)));
        }
        effects
    }

    /// Writes files, before the module hears of what is in them. Those that were not, and why.
    fn save(
        &mut self,
        mut files: Vec<(StoredFile, Zeroizing<Vec<u8>>)>,
    ) -> Vec<(StoredFile, io::Error)> {
        let mut failed = Vec::new();
        // The old content first: it may be the only key that peers know.
        files.retain(|(name, _)| {
            let Some(suffix) = self.to_keep.get(name) else { return true };
            match self.store.keep_copy(*name, suffix) {
                Ok(()) => drop(self.to_keep.remove(name)),
                Err(error) => failed.push((*name, error)),
            }
            !self.to_keep.contains_key(name)
        });
        failed.extend(self.store.write(&files));
        for (name, error) in &failed {
            self.log(LogTopic::Trouble, format!("{} was not saved: {error}", name.file()));
        }
        failed
    }

    fn log(&mut self, about: LogTopic, text: String) {
        self.say(&ToFront::Log { about, text });
    }

    fn say(&mut self, message: &ToFront) {
        if let Err(error) = self.control.send(message) {
            self.deserted(&error);
        }
    }

    fn deserted(&mut self, error: &io::Error) {
        if !self.ends {
            eprintln!("otrd-worker: the front does not listen: {error}");
        }
        self.ends = true;
    }
}

/// The second packet, where files are encrypted.
fn receive_keys(control: &mut Control) -> Result<Keys> {
    match control.receive(false)? {
        Packet::Message(ToWorker::Secret, Some(pipe)) => Ok(Keys::read(File::from(pipe))?),
        _ => bail!("the second packet was no secret: run otrd instead"),
    }
}

/// What poll(2) reported, by descriptor.
struct Ready {
    control: bool,
    connection: bool,
    connection_closed: bool,
    key_pipe: bool,
}
