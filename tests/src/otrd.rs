//! The daemon and its workers.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::Once;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::process::{BEHIND, Launch};
use crate::world::ZNC_UID;
use crate::{Manager, Process, Rpc, World, children_of, eventually, programs};

/// A running `otrd`.
pub struct Otrd {
    process: Process,
    setup: OtrdBuilder,
    dir: PathBuf,
    world: World,
    manager: Option<Manager>,
    /// Workers that an otrd before this one has started.
    earlier: Vec<i32>,
}

/// An `otrd` about to be started.
#[derive(Clone, Default)]
pub struct OtrdBuilder {
    uid: Option<u32>,
    variables: Vec<(String, String)>,
    keygen_waits: Option<u32>,
    config: Option<String>,
    descriptors: Option<u32>,
    disk: Option<u32>,
    behind: bool,
    managed: bool,
    refused: Option<(&'static str, Errno)>,
}

impl OtrdBuilder {
    /// One that runs as our own user.
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs as another Unix user; needs root.
    pub fn uid(mut self, uid: u32) -> Self {
        self.uid = Some(uid);
        self
    }

    /// Adds an environment variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With these settings in `otrd.toml`.
    pub fn config(mut self, text: &str) -> Self {
        self.config = Some(text.to_owned());
        self
    }

    /// The process that makes keys gets no randomness for so many seconds.
    pub fn withholds_randomness(mut self, seconds: u32) -> Self {
        self.keygen_waits = Some(seconds);
        self
    }

    /// The front may have so many descriptors open.
    pub fn descriptors(mut self, most: u32) -> Self {
        self.descriptors = Some(most);
        self
    }

    /// Its state directory is a disk of its own, of so many KiB, which nobody else sees; needs
    /// root.
    pub fn disk(mut self, kib: u32) -> Self {
        self.disk = Some(kib);
        self
    }

    /// As its units say: others go first where processor time is scarce, however many workers want some.
    pub fn behind_others(mut self) -> Self {
        self.behind = true;
        self
    }

    /// Something does for it what systemd does: its workers outlive it, until [`Otrd::stop`].
    pub fn managed(mut self) -> Self {
        self.managed = true;
        self
    }

    /// The kernel, or the filter of a container, refuses it and its workers this system call:
    /// `close_range`, `landlock`, `memfd_create` or `mlockall`.
    pub fn refused(mut self, call: &'static str, errno: Errno) -> Self {
        self.refused = Some((call, errno));
        self
    }

    /// Starts it and waits until it accepts on both sockets.
    #[track_caller]
    pub fn start(self, world: &World) -> Otrd {
        let dir = self.prepare(world);
        let manager = self.managed.then(|| Manager::new(&dir));
        let process = self.launch(world, &dir, manager.as_ref(), &[]);
        let world = world.clone();
        let mut otrd = Otrd { process, setup: self, dir, world, manager, earlier: Vec::new() };
        otrd.accepts();
        otrd
    }

    /// Starts it where it cannot run, and tells its exit status.
    #[track_caller]
    pub fn ends(self, world: &World) -> Option<i32> {
        let dir = self.prepare(world);
        self.launch(world, &dir, None, &[]).ends_within(Duration::from_secs(20)).code()
    }

    /// Puts its programs and settings where they are expected; its directory.
    fn prepare(&self, world: &World) -> PathBuf {
        let dir = world.directory("otrd", self.uid);
        // A user without rights to our own target directory must be able to run them.
        world.directory("bin", None);
        let programs =
            [programs::otrd(), programs::worker(), programs::otrctl(), programs::relay()];
        for program in programs {
            let copy = world.path().join("bin").join(program.file_name().expect("a name"));
            if !copy.exists() {
                programs::install(&program, &copy);
            }
        }
        if let Some(text) = &self.config {
            world.file(&dir.join("otrd/otrd.toml"), text, self.uid);
        }
        dir
    }

    fn launch(
        &self,
        world: &World,
        dir: &Path,
        manager: Option<&Manager>,
        words: &[&str],
    ) -> Process {
        let passed = manager.map(Manager::passes);
        let shell = passed.as_ref().map_or(&[][..], |passed| &passed.words);
        let bin = world.path().join("bin");
        let worker = match self.keygen_waits {
            None => bin.join("otrd-worker"),
            Some(seconds) => late_worker(&bin, seconds),
        };
        let mut otrd = vec![bin.join("otrd")];
        if let Some((call, errno)) = self.refused {
            otrd.splice(0..0, programs::refuses(world, call, errno).map(PathBuf::from));
        }
        let without = match self.refused {
            Some(("landlock", _)) => None,
            _ => without_landlock(),
        };
        let mut launch = self
            .wrapped(&dir.join("state"), &otrd, shell)
            .args(words)
            .args(["--state".into(), dir.join("state")])
            .args(["--shim-socket".into(), dir.join("shim.sock")])
            .args(["--admin-socket".into(), dir.join("admin.sock")])
            .args(["--worker".into(), worker])
            .args(self.socket_group())
            .args(self.config.iter().flat_map(|_| ["--config".into(), dir.join("otrd/otrd.toml")]))
            .args(without)
            // Where systemd would put them; empty unless a test says otherwise.
            .env("CREDENTIALS_DIRECTORY", dir.join("credentials"))
            .env("RUST_LOG", "trace")
            .uid(self.uid);
        for (name, value) in &self.variables {
            launch = launch.env(name, value);
        }
        if let Some(manager) = manager {
            launch = launch.env("NOTIFY_SOCKET", manager.socket());
        }
        launch.start(world)
    }
}

impl OtrdBuilder {
    /// The program, behind those that set its limits and its disk up and then become it.
    fn wrapped(&self, state: &Path, otrd: &[PathBuf], shell: &[String]) -> Launch {
        if let [first, words @ ..] = shell {
            return Launch::new("otrd", first).args(words).args(otrd);
        }
        let behind = if self.behind { &BEHIND[..] } else { &[] };
        let behind: Vec<_> = behind.iter().map(PathBuf::from).collect();
        let program = [&behind, otrd].concat();
        if let Some(most) = self.descriptors {
            let limit = format!("--nofile={most}:{most}");
            return Launch::new("otrd", "prlimit").args([limit, "--".into()]).args(program);
        }
        let Some(kib) = self.disk else {
            return Launch::new("otrd", &program[0]).args(&program[1..]);
        };
        fs::create_dir_all(state).expect("mkdir");
        let mount =
            r#"mount -t tmpfs -o "size=$1k,mode=700" otrd-tests "$2" && shift 2 && exec "$@""#;
        Launch::new("otrd", "unshare")
            .args(["--mount", "--propagation", "private", "--", "sh", "-c", mount, "sh"])
            .args([kib.to_string()])
            .args([state])
            .args(program)
    }

    /// As root otrd serves other users, ZNC's among them.
    fn socket_group(&self) -> Vec<PathBuf> {
        match self.uid.is_none() && World::has_other_users() {
            true => vec!["--socket-group".into(), ZNC_UID.to_string().into()],
            false => Vec::new(),
        }
    }
}

/// A worker that makes keys only after so many seconds.
fn late_worker(bin: &Path, seconds: u32) -> PathBuf {
    let copy = bin.join(format!("late-worker-{seconds}"));
    // A former otrd's worker may still be at its end.
    if !copy.exists() {
        programs::install(&programs::late_worker(), &copy);
    }
    copy
}

/// What otrd has to be told on a kernel that cannot confine it to its files. Said once, so that
/// nobody takes such a run for a complete one.
fn without_landlock() -> Option<&'static str> {
    static SAID: Once = Once::new();
    if World::has_landlock() {
        return None;
    }
    SAID.call_once(|| eprintln!("this kernel has no Landlock: workers run less confined"));
    Some("--allow-no-landlock")
}

impl Otrd {
    /// One that runs as our own user.
    #[track_caller]
    pub fn start(world: &World) -> Self {
        OtrdBuilder::new().start(world)
    }

    /// The socket for ZNC's module.
    pub fn shim_socket(&self) -> PathBuf {
        self.dir.join("shim.sock")
    }

    /// The socket for `otrctl`.
    pub fn admin_socket(&self) -> PathBuf {
        self.dir.join("admin.sock")
    }

    /// Runs a shell script where its disk is: `$1` is the state directory.
    #[track_caller]
    pub fn on_its_disk(&self, script: &str) -> String {
        let pid = self.process.pid();
        // Its root, too: all of this may run below another one.
        let output = Command::new("nsenter")
            .args([format!("--mount=/proc/{pid}/ns/mnt"), format!("--root=/proc/{pid}/root")])
            .args(["--", "sh", "-c", script, "sh"])
            .arg(self.state())
            .output()
            .expect("nsenter");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{script}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// A raw connection of another Unix user, in the group of the sockets or not; needs root.
    #[track_caller]
    pub fn connection_of(&self, uid: u32, gid: u32, socket: &Path) -> Rpc {
        Rpc::connect_as(uid, gid, &self.program("relay"), socket)
    }

    /// A copy of one of our programs that every user can run.
    pub fn program(&self, name: &str) -> PathBuf {
        self.world.path().join("bin").join(name)
    }

    /// Writes other settings and has them read, without a restart.
    #[track_caller]
    pub fn reload(&self, text: &str) {
        let before = self.log().matches("settings read again").count();
        self.world.file(&self.dir.join("otrd/otrd.toml"), text, self.setup.uid);
        self.process.signal(Signal::SIGHUP);
        eventually("the settings are read again", || {
            self.log().matches("settings read again").count() > before
        });
    }

    /// Where its accounts lie.
    pub fn state(&self) -> PathBuf {
        self.dir.join("state")
    }

    /// The directory of an account.
    pub fn account(&self, uid: u32, user: &str, network: &str) -> PathBuf {
        self.state().join(uid.to_string()).join(user).join(network)
    }

    /// A raw connection, as a module would make it.
    #[track_caller]
    pub fn shim(&self) -> Rpc {
        Rpc::connect(&self.shim_socket())
    }

    /// A raw connection, as `otrctl` would make it.
    #[track_caller]
    pub fn admin(&self) -> Rpc {
        Rpc::connect(&self.admin_socket())
    }

    /// Its process.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// The pids of its workers.
    pub fn workers(&self) -> Vec<i32> {
        let children = children_of(self.process.pid());
        let workers = children
            .into_iter()
            .filter(|(_, line)| line.contains("otrd-worker") && !line.contains("keygen"));
        let earlier = self.earlier.iter().copied().filter(|pid| is_running(*pid));
        let mut workers: Vec<i32> = workers.map(|(pid, _)| pid).chain(earlier).collect();
        workers.sort_unstable();
        workers.dedup();
        workers
    }

    /// Waits until there is exactly one worker, and tells its pid.
    #[track_caller]
    pub fn worker(&self) -> i32 {
        eventually("one worker runs", || self.workers().len() == 1);
        self.workers()[0]
    }

    /// Has it find these credentials at its next start, and no others.
    pub fn is_given(&self, credentials: &[(&str, &[u8])]) {
        let dir = self.dir.join("credentials");
        let _ = fs::remove_dir_all(&dir);
        for (name, content) in credentials {
            self.world.file(&dir.join(name), content, self.setup.uid);
        }
    }

    /// Sends a signal to one of its workers.
    pub fn signal_worker(&self, worker: i32, signal: Signal) {
        assert!(self.workers().contains(&worker), "{worker} is no worker of ours");
        kill(Pid::from_raw(worker), signal).expect("a signal to a worker");
    }

    /// Ends it as a system would; tells how long that took.
    #[track_caller]
    pub fn stop(&mut self) -> Duration {
        let start = Instant::now();
        let workers = self.workers();
        self.process.signal(Signal::SIGTERM);
        self.process.ends_within(Duration::from_secs(20));
        if let Some(manager) = &self.manager {
            manager.forgets();
        }
        eventually("the workers have ended", || !workers.iter().any(|pid| is_running(*pid)));
        start.elapsed()
    }

    /// Ends it in good order and starts it again, as `systemctl restart` does. Managed, its workers
    /// go on meanwhile.
    #[track_caller]
    pub fn restart(&mut self) {
        self.earlier = self.workers();
        self.process.signal(Signal::SIGTERM);
        self.process.ends_within(Duration::from_secs(20));
        self.starts_again();
    }

    /// A second otrd takes over from it (`--replace`).
    #[track_caller]
    pub fn is_replaced(&mut self) {
        self.earlier = self.workers();
        let next = self.setup.launch(&self.world, &self.dir, None, &["--replace"]);
        self.process.ends_within(Duration::from_secs(20));
        self.process = next;
        self.accepts();
    }

    /// So many want to take over at the same moment; the one that is left serves from now on.
    #[track_caller]
    pub fn is_replaced_by_one_of(&mut self, count: usize) {
        self.earlier = self.workers();
        let launch = || self.setup.launch(&self.world, &self.dir, None, &["--replace"]);
        let mut all: Vec<Process> = (0..count).map(|_| launch()).collect();
        self.process.ends_within(Duration::from_secs(20));
        eventually("one is left", || {
            all.retain_mut(|one| !one.has_ended());
            all.len() == 1
        });
        self.process = all.remove(0);
        self.accepts();
    }

    /// Another one wants to take over, and has to end itself: how.
    #[track_caller]
    pub fn is_not_replaced(&self) -> ExitStatus {
        let mut other = self.setup.launch(&self.world, &self.dir, None, &["--replace"]);
        other.ends_within(Duration::from_secs(20))
    }

    /// It executes its program anew (SIGUSR2), and is still the same process.
    #[track_caller]
    pub fn executes(&mut self) {
        let before = self.log().matches("serving").count();
        self.process.signal(Signal::SIGUSR2);
        eventually("the program runs anew", || self.log().matches("serving").count() > before);
        self.accepts();
    }

    /// Ends it without warning; its workers are left to notice.
    pub fn crash(&mut self) {
        self.earlier = self.workers();
        self.process.kill();
    }

    /// Ends it by a signal that no program catches for itself. The first SIGSEGV that did not come
    /// from a fault is swallowed by Rust's guard against overflowing stacks.
    #[track_caller]
    pub fn dies_of(&mut self, signal: Signal) {
        self.earlier = self.workers();
        let process = &mut self.process;
        eventually("otrd has died", || {
            let ended = process.has_ended();
            if !ended {
                process.signal(signal);
            }
            ended
        });
    }

    /// Starts it again after its end, with the same state.
    #[track_caller]
    pub fn starts_again(&mut self) {
        let (before, manager) = (self.manager.as_ref().map(Manager::ready), self.manager.as_ref());
        self.process = self.setup.launch(&self.world, &self.dir, manager, &[]);
        if let (Some(before), Some(manager)) = (before, manager) {
            eventually("otrd is ready", || manager.ready() > before);
        }
        self.accepts();
    }

    /// What it logged.
    pub fn log(&self) -> String {
        self.world.read_log("otrd")
    }

    #[track_caller]
    fn accepts(&mut self) {
        let (shim, admin) = (self.shim_socket(), self.admin_socket());
        let process = &mut self.process;
        eventually("otrd accepts on both sockets", || {
            assert!(!process.has_ended(), "otrd ended at once");
            UnixStream::connect(&shim).is_ok() && UnixStream::connect(&admin).is_ok()
        });
    }
}

impl Drop for Otrd {
    fn drop(&mut self) {
        // A stopped worker does not notice the end of its front.
        for worker in self.workers() {
            let _ = kill(Pid::from_raw(worker), Signal::SIGKILL);
        }
    }
}

fn is_running(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}
