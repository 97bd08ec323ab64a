//! The poll loop: performs what the engine decides, and nothing else.

use crate::control::{Control, Packet};
use crate::engine::{Act, Engine, Input, KeyState, Now};
use crate::limits;
use crate::link::{Health, Link};
use crate::moving;
use crate::parts;
use crate::sandbox::{self, WithoutLandlock};
use crate::store::{Directory, Keys, Locked, Name, Settled, Store, Vault};
use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::resource::{UsageWho, getrusage};
use proto::admin::{Output, WorkerStatus};
use proto::control::{About, AtRest, CommandFailed, Refused, ToFront, ToWorker};
use proto::jsonrpc::{self, Code, Error, Id, Reply, Request};
use proto::moving::{Exported, Imported, Order};
use proto::shim::{Call, Effect, Effects, Hello, Welcome};
use proto::text::Text;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant, SystemTime};
use zeroize::Zeroizing;

/// Longest key file that a key generation may hand over, in bytes. libotr's are about 1.5 kB.
const MAX_KEY: usize = 64 * 1024;

/// The worker: started by `otrd` with the control socket as descriptor 0.
pub fn main() -> Result<()> {
    let control = io::stdin().as_fd().try_clone_to_owned().context("no control socket")?;
    let mut control = Control::new(control);
    match Worker::start(&mut control) {
        Ok(loaded) => {
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
    /// Those files.
    pub store: Vault<Directory>,
    /// What became of files that lay otherwise.
    pub settled: Settled,
    /// How this process is confined, in words.
    pub confinement: String,
}

struct Worker {
    control: Control,
    engine: Engine,
    store: Vault<Directory>,
    confinement: String,
    clock: Clock,
    link: Option<Link>,
    key_pipe: Option<KeyPipe>,
    /// Effects for a module that is not connected.
    backlog: VecDeque<Effect>,
    /// Since when nobody is connected.
    alone_since: Duration,
    idle_said: bool,
    ends: bool,
}

struct KeyPipe {
    pipe: File,
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
            ToWorker::Start { account, allow_no_landlock, site, at_rest },
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
        let confinement =
            sandbox::confine(Some(directory.as_fd()), without).context("not confined")?;
        let keys = match at_rest {
            Some(_) => Some(receive_keys(control).context("no key came")?),
            None => None,
        };
        let mut store = Vault::new(directory, &account, names, keys);
        store.unlock()?;
        let settled = store.settle(at_rest.unwrap_or(AtRest::Plain));
        let now = Clock(Instant::now()).now();
        let mut engine = Engine::load(account, &mut store, now)?;
        engine.set_site(site);
        engine.set_at_rest(store.at_rest());
        Ok(Loaded { engine, store, settled, confinement })
    }

    fn new(control: Control, loaded: Loaded) -> Self {
        let Loaded { engine, store, settled, confinement } = loaded;
        let mut worker = Self {
            control,
            engine,
            store,
            confinement,
            clock: Clock(Instant::now()),
            link: None,
            key_pipe: None,
            backlog: VecDeque::new(),
            alone_since: Duration::ZERO,
            idle_said: false,
            ends: false,
        };
        worker.settled(&settled);
        if matches!(worker.engine.key_state(), KeyState::Damaged(_)) {
            worker.log(About::Key, "otr.key cannot be used: the user is told why".into());
        }
        worker
    }

    fn run(mut self) -> Result<()> {
        while !self.ends {
            let ready = self.wait()?;
            // The link first: a packet of the front may bring another one.
            if ready.link_closed {
                // The module has given back what it held, or hands it over again: what it wrote
                // before it closed must not be done as well.
                self.link_lost();
            } else if ready.link {
                self.read_link();
            }
            if ready.control {
                self.read_control()?;
            }
            if ready.key_pipe {
                self.read_key_pipe();
            }
            self.tick();
            if self.link.as_mut().is_some_and(|link| link.flush() == Health::Dead) {
                self.link_lost();
            }
        }
        // What waits comes back to the user before the end.
        let effects = self.step(Input::Gone);
        self.unasked(effects);
        if let Some(link) = &mut self.link {
            link.bye("otrd ends");
        }
        Ok(())
    }

    fn wait(&mut self) -> Result<Ready> {
        let timeout = self.timeout();
        let mut fds = vec![PollFd::new(self.control.as_fd(), PollFlags::POLLIN)];
        let link = self.link.as_ref().map(|link| {
            let mut flags = PollFlags::empty();
            flags.set(PollFlags::POLLIN, link.may_read());
            flags.set(PollFlags::POLLOUT, link.wants_to_write());
            fds.push(PollFd::new(link.as_fd(), flags));
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
            control: !events(Some(0)).is_empty(),
            link: !events(link).is_empty(),
            link_closed: events(link).intersects(PollFlags::POLLHUP | PollFlags::POLLERR),
            key_pipe: !events(pipe).is_empty(),
        })
    }

    /// Until the next thing that only time brings about.
    fn timeout(&self) -> PollTimeout {
        let now = self.clock.now().mono;
        let alone = match (&self.link, self.idle_said) {
            (None, false) => self.engine.linger().map(|stay| self.alone_since + stay),
            _ => None,
        };
        let next = [alone, self.engine.next_deadline()].into_iter().flatten().min();
        let Some(next) = next else { return PollTimeout::NONE };
        // One more, for poll counts in whole milliseconds and must not wake too early.
        let millis = next.saturating_sub(now).as_millis() + 1;
        i32::try_from(millis)
            .ok()
            .and_then(|m| PollTimeout::try_from(m).ok())
            .unwrap_or(PollTimeout::MAX)
    }

    fn tick(&mut self) {
        let now = self.clock.now().mono;
        if self.engine.next_deadline().is_some_and(|at| at <= now) {
            let effects = self.step(Input::Tick);
            self.unasked(effects);
        }
        let stay = self.engine.linger().filter(|_| self.link.is_none() && !self.idle_said);
        if stay.is_some_and(|stay| now >= self.alone_since + stay) {
            self.idle_said = true;
            self.say(&ToFront::Idle);
        }
    }

    /// One step of the engine; performs everything but the module's effects, and gives those.
    fn step(&mut self, input: Input) -> Vec<Effect> {
        let acts = self.engine.step(self.clock.now(), input);
        self.perform(acts)
    }

    fn perform(&mut self, acts: Vec<Act>) -> Vec<Effect> {
        let mut effects = Vec::new();
        let mut failed = Vec::new();
        for act in acts {
            match act {
                Act::Effect(effect) => effects.push(effect),
                Act::Save(name, content) => {
                    if let Err(error) = self.store.write(name, &content) {
                        self.log(About::Trouble, format!("{} was not saved: {error}", name.file()));
                        failed.push((name, error));
                    }
                }
                Act::SetAside(name, suffix) => self.set_aside(name, &suffix),
                Act::Keygen => self.say(&ToFront::Keygen),
                Act::CancelKeygen => {
                    self.key_pipe = None;
                    self.say(&ToFront::CancelKeygen);
                }
            }
        }
        for (name, error) in failed {
            effects.extend(self.step(Input::NotSaved(name, error.to_string())));
        }
        effects
    }

    fn set_aside(&mut self, name: Name, suffix: &str) {
        match self.store.set_aside(name, suffix) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                self.log(About::Trouble, format!("{} was not set aside: {error}", name.file()))
            }
        }
    }

    /// Effects that no request asked for: at once, or when a module is there again.
    fn unasked(&mut self, effects: Vec<Effect>) {
        if effects.is_empty() {
            return;
        }
        if let Some(link) = &mut self.link {
            return link.notify(effects);
        }
        // What concerns IRC itself is past; hello brings the guards.
        let kept = effects.into_iter().filter(|effect| {
            !matches!(effect, Effect::Send { .. } | Effect::Pass | Effect::Protect { .. })
        });
        for effect in kept {
            if self.backlog.len() >= limits::BACKLOG {
                // The oldest goes, but rather than what was typed, what was said about it.
                let words = |e: &Effect| matches!(e, Effect::Print { .. } | Effect::Table { .. });
                let oldest = self.backlog.iter().position(words).unwrap_or(0);
                self.backlog.remove(oldest);
            }
            self.backlog.push_back(effect);
        }
    }

    fn log(&mut self, about: About, text: String) {
        self.say(&ToFront::Log { about, text });
    }

    fn say(&mut self, message: &ToFront) {
        if let Err(error) = self.control.send(message) {
            eprintln!("otrd-worker: the front does not listen: {error}");
            self.ends = true;
        }
    }
}

/// The most memory that this process has taken, in KiB.
fn memory() -> u64 {
    let usage = getrusage(UsageWho::RUSAGE_SELF);
    usage.ok().and_then(|usage| u64::try_from(usage.max_rss()).ok()).unwrap_or(0)
}

/// The second packet, where files are encrypted.
fn receive_keys(control: &mut Control) -> Result<Keys> {
    match control.receive(false)? {
        Packet::Message(ToWorker::Secret, Some(pipe)) => Ok(Keys::read(File::from(pipe))?),
        _ => bail!("the second packet was no secret: run otrd instead"),
    }
}

/// What poll said.
struct Ready {
    control: bool,
    link: bool,
    link_closed: bool,
    key_pipe: bool,
}

// The front.
impl Worker {
    fn read_control(&mut self) -> Result<()> {
        match self.control.receive(true)? {
            Packet::Nothing => {}
            Packet::Closed => self.ends = true,
            Packet::Message(message, fd) => self.ordered(message, fd),
        }
        Ok(())
    }

    fn ordered(&mut self, message: ToWorker, fd: Option<OwnedFd>) {
        match (message, fd) {
            (ToWorker::Adopt { id, hello, rest }, Some(socket)) => {
                self.adopt(id, hello, &rest, socket)
            }
            (ToWorker::KeyPipe, Some(pipe)) => {
                // The whole key at once: a growing buffer would leave copies behind.
                let content = Zeroizing::new(Vec::with_capacity(MAX_KEY));
                self.key_pipe = Some(KeyPipe { pipe: pipe.into(), content });
            }
            (ToWorker::KeyFailed { why }, _) => {
                self.key_pipe = None;
                let effects = self.step(Input::KeyFailed(why));
                self.unasked(effects);
            }
            (ToWorker::Status { seq }, _) => {
                let sandbox = self.confinement.clone();
                let status = WorkerStatus { sandbox, memory: memory(), ..self.engine.status() };
                self.say(&ToFront::Status { seq, status });
            }
            (ToWorker::Command { seq, text }, _) => self.command(seq, text),
            (ToWorker::Import { seq, order }, Some(files)) => {
                let outcome = self.import(&order, files).map_err(|why| Refused { why });
                self.say(&ToFront::Imported { seq, outcome });
            }
            (ToWorker::Export { seq }, Some(files)) => {
                let outcome = self.export(files).map_err(|why| Refused { why });
                self.say(&ToFront::Exported { seq, outcome });
            }
            (ToWorker::Site(site), _) => {
                self.engine.set_site(site);
                let effects = self.step(Input::Tick);
                self.unasked(effects);
            }
            (ToWorker::AtRest { seq, at_rest }, _) => {
                let settled = self.store.settle(at_rest);
                self.settled(&settled);
                self.engine.set_at_rest(self.store.at_rest());
                let outcome = match settled.failed.is_empty() {
                    true => Ok(at_rest),
                    false => Err(Refused { why: settled.failed.join("; ") }),
                };
                self.say(&ToFront::AtRest { seq, outcome });
            }
            (ToWorker::Shutdown, _) => self.ends = true,
            (ToWorker::Start { .. } | ToWorker::Secret, _)
            | (
                ToWorker::Adopt { .. }
                | ToWorker::KeyPipe
                | ToWorker::Import { .. }
                | ToWorker::Export { .. },
                None,
            ) => {
                self.log(About::Trouble, "a packet of the front made no sense".into());
            }
        }
    }

    /// Says what became of files that lay otherwise.
    fn settled(&mut self, settled: &Settled) {
        if settled.changed > 0 {
            self.log(
                About::AtRest,
                format!("files that lie {} now: {}", self.store.at_rest(), settled.changed),
            );
        }
        for why in &settled.failed {
            self.log(About::Trouble, format!("a file does not lie on disk as it should: {why}"));
        }
    }

    fn import(&mut self, order: &Order, files: OwnedFd) -> Result<Imported, String> {
        let files = moving::read(files).map_err(|error| format!("the files: {error}"))?;
        let (outcome, acts) = self.engine.import(self.clock.now(), &files, order);
        let effects = self.perform(acts);
        self.unasked(effects);
        outcome
    }

    fn export(&mut self, files: OwnedFd) -> Result<Exported, String> {
        moving::write(&mut self.store, files).map_err(|error| format!("the files: {error}"))?;
        Ok(self.engine.exported())
    }

    /// A command of an admin: what it prints is the answer, the rest goes to the module.
    fn command(&mut self, seq: u64, text: Text) {
        let effects = self.step(Input::Command(text));
        let (output, others) = effects
            .into_iter()
            .partition(|effect| matches!(effect, Effect::Print { .. } | Effect::Table { .. }));
        self.unasked(others);
        self.say(&ToFront::Output { seq, outcome: Ok::<_, CommandFailed>(Output { output }) });
    }

    fn read_key_pipe(&mut self) {
        let Some(key) = &mut self.key_pipe else { return };
        let mut buffer = Zeroizing::new([0; 4096]);
        let input = match key.pipe.read(buffer.as_mut_slice()) {
            Ok(0) => Input::KeyMade(std::mem::take(&mut key.content)),
            Ok(length) if key.content.len() + length <= MAX_KEY => {
                key.content.extend_from_slice(buffer.get(..length).unwrap_or_default());
                return;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return,
            Ok(_) | Err(_) => Input::KeyFailed("the key did not arrive whole".into()),
        };
        self.key_pipe = None;
        // The front says why a generation ended without a key.
        if matches!(&input, Input::KeyMade(content) if content.is_empty()) {
            return;
        }
        let effects = self.step(input);
        self.unasked(effects);
    }
}

// The module.
impl Worker {
    fn adopt(&mut self, id: Option<Id>, hello: Hello, rest: &Text, socket: OwnedFd) {
        if let Some(mut old) = self.link.take() {
            old.bye("another connection took this account over");
            let effects = self.step(Input::Gone);
            self.unasked(effects);
        }
        self.idle_said = false;
        let mut link = Link::new(socket, rest.as_bytes());
        let mut effects: Vec<Effect> = self.backlog.drain(..).collect();
        effects.extend(self.step(Input::Hello(hello)));
        if let Some(id) = id {
            let welcome = Welcome {
                version: proto::VERSION,
                daemon: env!("CARGO_PKG_VERSION").into(),
                protect: self.engine.protected(),
            };
            jsonrpc::write_line(link.out(), &Reply { id, outcome: Ok(welcome) });
        }
        self.link = Some(link);
        self.unasked(effects);
        self.serve_lines();
    }

    fn read_link(&mut self) {
        let Some(link) = &mut self.link else { return };
        let health = link.fill();
        self.serve_lines();
        if health == Health::Dead {
            self.link_lost();
        }
    }

    /// Answers every whole line that is there.
    fn serve_lines(&mut self) {
        loop {
            let Some(link) = &mut self.link else { return };
            match link.next_line() {
                Ok(Some(line)) => {
                    let mut out = std::mem::take(link.out());
                    let mut bye = false;
                    let mut room = parts::ROOM;
                    let mut rest = Vec::new();
                    jsonrpc::serve(&line, &mut out, |request| {
                        let mut effects = self.answer(request, &mut bye)?;
                        // Once something is left over, what comes later must not overtake it.
                        let mut none = 0;
                        let room = if rest.is_empty() { &mut room } else { &mut none };
                        let now = parts::first(&mut effects, room);
                        rest.extend(effects);
                        Ok(Effects { effects: now })
                    });
                    if let Some(link) = &mut self.link {
                        *link.out() = out;
                        link.notify(rest);
                    }
                    if bye {
                        return self.link_lost();
                    }
                }
                Ok(None) => return,
                Err(_) => {
                    let reply =
                        Reply::<Effects> { id: Id::Null, outcome: Err(Code::TooLong.into()) };
                    jsonrpc::write_line(link.out(), &reply);
                    return self.link_lost();
                }
            }
        }
    }

    fn answer(&mut self, request: &Request<'_>, bye: &mut bool) -> Result<Vec<Effect>, Error> {
        let call = Call::parse(request)?;
        *bye |= matches!(call, Call::Bye(_));
        Ok(self.step(Input::Call(call)))
    }

    fn link_lost(&mut self) {
        if let Some(mut link) = self.link.take() {
            link.flush();
        }
        self.alone_since = self.clock.now().mono;
        let effects = self.step(Input::Gone);
        self.unasked(effects);
    }
}
