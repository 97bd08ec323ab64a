//! A real otrd in a temporary directory, and those who talk to it.

// clippy knows test functions, not their helpers.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
// Each test program uses its own part of this.
#![allow(dead_code)]

use landlock::{AccessFs, CompatLevel, Compatible, Ruleset, RulesetAttr};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(15);

/// Dies at once, whatever it is asked.
const DEAD: &str = "/bin/false";

/// An otrd; where nothing else is said, one whose workers die at once.
pub struct Otrd {
    directory: TempDir,
    child: Child,
    worker: PathBuf,
}

impl Otrd {
    pub fn start() -> Self {
        Self::start_with(|_| {})
    }

    pub fn start_with(change: impl FnOnce(&mut Command)) -> Self {
        Self::launch(Path::new(DEAD), change)
    }

    /// With the real worker, which a build of the whole workspace leaves beside otrd; nothing,
    /// and a word about it, where it is not built.
    pub fn start_with_worker() -> Option<Self> {
        Self::start_with_worker_and(|_| {})
    }

    pub fn start_with_worker_and(change: impl FnOnce(&mut Command)) -> Option<Self> {
        let worker = Path::new(env!("CARGO_BIN_EXE_otrd")).with_file_name("otrd-worker");
        if !worker.exists() {
            eprintln!("skipped: {} is not built", worker.display());
            return None;
        }
        Some(Self::launch(&worker, change))
    }

    /// With any program in the worker's place.
    pub fn start_with_program(worker: &Path) -> Self {
        Self::launch(worker, |_| {})
    }

    /// The same, started otherwise.
    pub fn start_with_program_and(worker: &Path, change: impl FnOnce(&mut Command)) -> Self {
        Self::launch(worker, change)
    }

    fn launch(worker: &Path, change: impl FnOnce(&mut Command)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut command = command(&directory, worker);
        change(&mut command);
        let child = command.spawn().unwrap();
        let otrd = Self { directory, child, worker: worker.into() };
        otrd.wait_until_it_listens();
        otrd
    }

    /// With both sockets passed as systemd does. A shell puts them where they belong.
    pub fn start_under_systemd(names: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("run")).unwrap();
        let bind = |name: &str| -> OwnedFd {
            UnixListener::bind(directory.path().join("run").join(name)).unwrap().into()
        };
        let (shim, admin) = (bind("shim.sock"), bind("admin.sock"));
        let move_and_run = "exec 3<&0 4<&1 0</dev/null 1>/dev/null; \
             LISTEN_PID=$$ LISTEN_FDS=2 exec \"$@\"";
        let otrd = command(&directory, Path::new(DEAD));
        let mut shell = Command::new("sh");
        shell.args(["-c", move_and_run, "sh"]).arg(otrd.get_program()).args(otrd.get_args());
        shell.env("LISTEN_FDNAMES", names).stdin(shim).stdout(admin);
        let child = shell.spawn().unwrap();
        drop(shell);
        Self { directory, child, worker: DEAD.into() }
    }

    /// Another otrd takes over from it.
    pub fn is_replaced(&mut self) {
        let mut next = command(&self.directory, &self.worker);
        let next = next.arg("--replace").spawn().unwrap();
        assert!(self.wait().success());
        self.child = next;
        self.wait_until_it_listens();
    }

    pub fn restart(&mut self) {
        self.child = command(&self.directory, Path::new(DEAD)).spawn().unwrap();
        self.wait_until_it_listens();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn module(&self) -> Client {
        Client::connect(&self.path("run/shim.sock"))
    }

    pub fn admin(&self) -> Client {
        Client::connect(&self.path("run/admin.sock"))
    }

    pub fn status(&self) -> Value {
        self.admin().ask("status", json!({}))["result"].clone()
    }

    /// A module is still answered, and soon.
    pub fn assert_serves(&self) {
        let start = Instant::now();
        let mut client = self.module();
        client.say(br#"{"jsonrpc":"2.0","id":1,"method":"hello","params":{"version":99}}"#);
        assert_eq!(code(&client.line()), -32003);
        assert!(start.elapsed() < Duration::from_secs(1));
    }

    pub fn wait_for(&self, mut happened: impl FnMut() -> bool) {
        let start = Instant::now();
        while !happened() {
            assert!(start.elapsed() < PATIENCE, "it did not happen");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Another otrd, which refuses to start; what it says.
    pub fn second(&self, state: &Path, sockets: &Path) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_otrd"));
        command.args(["--worker", DEAD, "--state"]).arg(state);
        command.arg("--shim-socket").arg(sockets.join("shim.sock"));
        command.arg("--admin-socket").arg(sockets.join("admin.sock"));
        refusal(command)
    }

    pub fn run(&self, args: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_otrd"));
        command.args(args);
        refusal(command)
    }

    /// A line of its `/proc/PID/status`.
    pub fn proc_status(&self, name: &str) -> String {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let found = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(":\t"));
        found.unwrap().to_owned()
    }

    pub fn signal(&self, name: &str) {
        signal(self.child.id().into(), name);
    }

    pub fn stop(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.wait()
    }

    pub fn wait(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < PATIENCE, "otrd does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for something that may have been over before anybody looked.
    pub fn wait_for_briefly(&self, mut happens: impl FnMut() -> bool) {
        let start = Instant::now();
        while !happens() && start.elapsed() < Duration::from_millis(500) {}
    }

    pub fn pid(&self) -> u64 {
        self.child.id().into()
    }

    fn wait_until_it_listens(&self) {
        self.wait_for(|| UnixStream::connect(self.path("run/admin.sock")).is_ok());
    }
}

impl Drop for Otrd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(directory: &TempDir, worker: &Path) -> Command {
    let path = |name: &str| directory.path().join(name);
    let mut command = Command::new(env!("CARGO_BIN_EXE_otrd"));
    command.arg("--worker").arg(worker).arg("--state").arg(path("state"));
    command.arg("--shim-socket").arg(path("run/shim.sock"));
    command.arg("--admin-socket").arg(path("run/admin.sock"));
    if !has_landlock() {
        command.arg("--allow-no-landlock");
    }
    command.stdin(Stdio::null());
    command
}

/// Can the kernel confine a process to some files?
pub fn has_landlock() -> bool {
    let rules = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
    rules.handle_access(AccessFs::ReadFile).and_then(Ruleset::create).is_ok()
}

fn refusal(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

/// One connection.
pub struct Client(BufReader<UnixStream>);

impl Client {
    fn connect(path: &Path) -> Self {
        let stream = UnixStream::connect(path).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(BufReader::new(stream))
    }

    pub fn raw(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).unwrap();
    }

    pub fn say(&mut self, line: &[u8]) {
        assert!(self.try_say(line));
    }

    /// Fails where the other side has closed.
    pub fn try_say(&mut self, line: &[u8]) -> bool {
        self.0.get_mut().write_all(&[line, b"\n"].concat()).is_ok()
    }

    /// Says a line again and again until nobody takes it.
    pub fn flood(&mut self, line: &[u8]) {
        self.0.get_mut().set_write_timeout(Some(Duration::from_millis(200))).unwrap();
        while self.try_say(line) {}
    }

    pub fn line(&mut self) -> Value {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("no JSON: {line:?}"))
    }

    pub fn ask(&mut self, method: &str, params: Value) -> Value {
        let request = json!({"jsonrpc": "2.0", "id": 5, "method": method, "params": params});
        self.say(request.to_string().as_bytes());
        let answer = self.line();
        assert!(answer["id"] == 5 || answer["id"].is_null());
        answer
    }

    /// Whether the other side closed without another word.
    pub fn is_closed(&mut self) -> bool {
        match self.0.read(&mut [0]) {
            Ok(length) => length == 0,
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
        }
    }
}

/// Signals a process of ours.
pub fn signal(pid: u64, name: &str) {
    let pid = pid.to_string();
    assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
}

/// A module's first line.
pub fn hello(user: &str, network: &str) -> Value {
    let params = json!({"version": 1, "user": user, "network": network});
    json!({"jsonrpc": "2.0", "id": 1, "method": "hello", "params": params})
}

/// An answer's error; 0 for none.
pub fn code(answer: &Value) -> i64 {
    answer["error"]["code"].as_i64().unwrap_or_default()
}

/// Ours.
pub fn uid() -> u32 {
    std::fs::metadata("/proc/self").unwrap().uid()
}
