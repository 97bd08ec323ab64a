//! The bouncer.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::Signal;

use crate::process::Launch;
use crate::world::ZNC_UID;
use crate::{Client, Otrd, Process, World, eventually, programs, znc_modules};

/// A running ZNC.
pub struct Znc {
    process: Process,
    port: u16,
    dir: PathBuf,
    uid: Option<u32>,
    world: World,
    under: Vec<OsString>,
}

/// A ZNC about to be started.
pub struct ZncBuilder {
    users: Vec<ZncUser>,
    modules: Vec<String>,
    files: Vec<(PathBuf, String)>,
    uid: Option<u32>,
    refuses_unix: Option<Errno>,
    skin: String,
}

/// One of its users. The password is the name.
#[derive(Clone)]
pub struct ZncUser {
    name: String,
    networks: Vec<ZncNetwork>,
    modules: Vec<String>,
    status_prefix: String,
    buffer: u32,
    clear_query_buffer: bool,
    dated: bool,
    admin: bool,
}

/// An IRC network of a user.
#[derive(Clone)]
pub struct ZncNetwork {
    name: String,
    port: u16,
    modules: Vec<String>,
    /// Seconds between lines, and how many go at once before; `-1` where they all do.
    flood: (&'static str, u32),
}

/// Seconds in which ZNC may hear nothing of a server or a client: some of them here are read by
/// nobody for minutes, and with no delay between its attempts ZNC would try to connect without end.
const SILENCE: u32 = 3600;

impl ZncBuilder {
    /// A ZNC without users.
    pub fn new() -> Self {
        let uid = World::has_other_users().then_some(ZNC_UID);
        Self {
            users: Vec::new(),
            modules: Vec::new(),
            files: Vec::new(),
            uid,
            refuses_unix: None,
            skin: String::from("_default_"),
        }
    }

    /// Adds a user.
    pub fn user(mut self, user: ZncUser) -> Self {
        self.users.push(user);
        self
    }

    /// Loads a global module.
    pub fn module(mut self, module: &str) -> Self {
        self.modules.push(module.to_owned());
        self
    }

    /// Shows its web interface in this skin.
    pub fn skin(mut self, skin: &str) -> Self {
        skin.clone_into(&mut self.skin);
        self
    }

    /// Runs as another Unix user; needs root.
    pub fn uid(mut self, uid: u32) -> Self {
        self.uid = Some(uid);
        self
    }

    /// Gets this error where it wants a Unix socket, as from the restrictions of a unit.
    pub fn refuses_unix_sockets(mut self, errno: Errno) -> Self {
        self.refuses_unix = Some(errno);
        self
    }

    /// The Unix user that it will run as.
    pub fn runs_as(&self) -> u32 {
        self.uid.unwrap_or_else(|| nix::unistd::getuid().as_raw())
    }

    /// Puts a copy of a file into its data directory, `modules/x.so` for example.
    pub fn file(mut self, from: &Path, to: &str) -> Self {
        self.files.push((from.to_owned(), to.to_owned()));
        self
    }

    /// Starts it and waits until it accepts clients.
    #[track_caller]
    pub fn start(self, world: &World) -> Znc {
        let port = world.port();
        let dir = world.directory(&format!("znc-{port}"), self.uid);
        world.directory(&format!("znc-{port}/configs"), self.uid);
        world.file(&dir.join("configs/znc.conf"), self.config(port), self.uid);
        if self.needs_shim() {
            let module = fs::read(programs::shim()).expect("otr.so");
            world.file(&dir.join("modules/otr.so"), module, self.uid);
            for part in ["otr", "otr/tmpl", "otr/files"] {
                world.directory(&format!("znc-{port}/modules/{part}"), self.uid);
            }
            for (name, content) in programs::page() {
                world.file(&dir.join("modules/otr").join(name), content, self.uid);
            }
        }
        for (from, to) in &self.files {
            world.file(&dir.join(to), fs::read(from).expect("a file for ZNC"), self.uid);
        }
        let under = self.refuses_unix.map(|errno| programs::refuses(world, "unix", errno));
        let under: Vec<OsString> = under.into_iter().flatten().collect();
        let process = launch(world, &dir, self.uid, &under);
        let znc = Znc { process, port, dir, uid: self.uid, world: world.clone(), under };
        znc.accepts();
        znc
    }

    fn needs_shim(&self) -> bool {
        let networks = self.users.iter().flat_map(|user| &user.networks);
        networks.flat_map(|network| &network.modules).any(|module| is_otr(module))
    }

    fn config(&self, port: u16) -> String {
        let mut text = format!(
            "Version = 1.8.2\n\
             ServerThrottle = 0\n\
             ConnectDelay = 0\n\
             AnonIPLimit = 1000\n\
             MaxBufferSize = 100000\n\
             Skin = {skin}\n\
             <Listener only>\n\
             \tHost = 127.0.0.1\n\
             \tPort = {port}\n\
             \tIPv4 = true\n\
             \tIPv6 = false\n\
             \tSSL = false\n\
             </Listener>\n",
            skin = self.skin,
        );
        for module in &self.modules {
            let _ = writeln!(text, "LoadModule = {module}");
        }
        for user in &self.users {
            text += &user.config();
        }
        text
    }
}

impl Default for ZncBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl ZncUser {
    /// A user without networks.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            networks: Vec::new(),
            modules: Vec::new(),
            status_prefix: String::from("*"),
            buffer: 500,
            clear_query_buffer: true,
            dated: false,
            admin: true,
        }
    }

    /// Adds a network.
    pub fn network(mut self, network: ZncNetwork) -> Self {
        self.networks.push(network);
        self
    }

    /// Loads a module of this user.
    pub fn module(mut self, module: &str) -> Self {
        self.modules.push(module.to_owned());
        self
    }

    /// The sign before the names of modules, `*` as a rule.
    pub fn status_prefix(mut self, prefix: &str) -> Self {
        prefix.clone_into(&mut self.status_prefix);
        self
    }

    /// Keeps query buffers after they were played to a client.
    pub fn keep_query_buffer(mut self) -> Self {
        self.clear_query_buffer = false;
        self
    }

    /// Puts the time in front of what is played to a client without `server-time`, as ZNC does
    /// unless told otherwise.
    pub fn dated(mut self) -> Self {
        self.dated = true;
        self
    }

    /// Does not administer the bouncer.
    pub fn without_admin_rights(mut self) -> Self {
        self.admin = false;
        self
    }

    fn config(&self) -> String {
        let Self { name, status_prefix, buffer, clear_query_buffer, dated, admin, .. } = self;
        let mut text = format!(
            "<User {name}>\n\
             \tPass = plain#{name}\n\
             \tAdmin = {admin}\n\
             \tNick = {name}\n\
             \tAltNick = {name}_\n\
             \tIdent = {name}\n\
             \tRealName = {name}\n\
             \tStatusPrefix = {status_prefix}\n\
             \tNoTrafficTimeout = {SILENCE}\n\
             \tMultiClients = true\n\
             \tBuffer = {buffer}\n\
             \tChanBufferSize = {buffer}\n\
             \tQueryBufferSize = {buffer}\n\
             \tMaxQueryBuffers = 1000\n\
             \tAutoClearQueryBuffer = {clear_query_buffer}\n\
             \tAppendTimestamp = false\n\
             \tPrependTimestamp = {dated}\n\
             \tTimestampFormat = [%H:%M:%S.%f]\n"
        );
        for module in &self.modules {
            let _ = writeln!(text, "\tLoadModule = {module}");
        }
        for network in &self.networks {
            let ZncNetwork { name, port, modules, flood: (rate, burst) } = network;
            let _ = write!(
                text,
                "\t<Network {name}>\n\
                 \t\tServer = 127.0.0.1 {port}\n\
                 \t\tIRCConnectEnabled = true\n\
                 \t\tFloodRate = {rate}\n\
                 \t\tFloodBurst = {burst}\n\
                 \t\tJoinDelay = 0\n"
            );
            for module in modules {
                let _ = writeln!(text, "\t\tLoadModule = {module}");
            }
            text += "\t</Network>\n";
        }
        text + "</User>\n"
    }
}

impl ZncNetwork {
    /// A network whose server is on `port`.
    pub fn new(name: &str, port: u16) -> Self {
        Self { name: name.to_owned(), port, modules: Vec::new(), flood: ("-1", 1000) }
    }

    /// Loads a module of this network.
    pub fn module(mut self, module: &str) -> Self {
        self.modules.push(module.to_owned());
        self
    }

    /// Protects itself from the server's flood limits, as ZNC does unless told otherwise: lines
    /// wait in ZNC for their turn.
    pub fn line_by_line(mut self) -> Self {
        // Up to 0.3 ZNC takes it for none.
        self.flood = ("0.31", 2);
        self
    }

    /// Loads our module, connected to this daemon.
    pub fn otr(self, otrd: &Otrd) -> Self {
        self.otr_at(&otrd.shim_socket())
    }

    /// Loads our module, connected to a daemon that is or will be there.
    pub fn otr_at(self, socket: &Path) -> Self {
        self.module(&format!("otr socket={}", socket.display()))
    }
}

impl Znc {
    /// A new client of a user's network, which is on IRC by then.
    #[track_caller]
    pub fn attach(&self, user: &str, network: &str) -> Client {
        self.attach_with(user, network, &[])
    }

    /// The same with capabilities: `echo-message`, `znc.in/self-message`, `server-time`…
    #[track_caller]
    pub fn attach_with(&self, user: &str, network: &str, caps: &[&str]) -> Client {
        let client = Client::of_znc(&self.world, self.port, &format!("{user}/{network}"), caps);
        client.sees_numeric("005");
        client.settled();
        client
    }

    /// A client of a user without networks: its PINGs measure ZNC's own loop.
    #[track_caller]
    pub fn attach_idle(&self, user: &str) -> Client {
        Client::of_znc(&self.world, self.port, user, &[])
    }

    /// Its process.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Its port for clients, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The Unix user it runs as.
    pub fn uid(&self) -> u32 {
        self.uid.unwrap_or_else(|| nix::unistd::getuid().as_raw())
    }

    /// Its data directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Ends it as a system would, and starts it again.
    #[track_caller]
    pub fn restart(&mut self) {
        self.process.signal(Signal::SIGTERM);
        self.process.ends_within(Duration::from_secs(20));
        self.starts_again();
    }

    /// Ends it without warning.
    pub fn crash(&mut self) {
        self.process.kill();
    }

    /// Starts it again after its end.
    #[track_caller]
    pub fn starts_again(&mut self) {
        self.process = launch(&self.world, &self.dir, self.uid, &self.under);
        self.accepts();
    }

    #[track_caller]
    fn accepts(&self) {
        eventually("ZNC accepts clients", || {
            TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok()
        });
    }
}

fn launch(world: &World, dir: &Path, uid: Option<u32>, under: &[OsString]) -> Process {
    // As `tests/sanitize` does it.
    let sanitizer = std::env::var("OTRD_TESTS_ZNC_UNDER").unwrap_or_default();
    let words = sanitizer.split_whitespace().chain(["znc", "-f", "-n", "-d"]).map(OsString::from);
    let words = under.iter().cloned().chain(words);
    let few_modules = uid.and_then(|uid| znc_modules::words(world, uid));
    // Those words change the user by themselves.
    let uid = uid.filter(|_| few_modules.is_none());
    let words: Vec<OsString> = few_modules.into_iter().flatten().chain(words).collect();
    let launch = Launch::new("znc", &words[0]).args(&words[1..]).args([dir]);
    launch.env("HOME", dir).uid(uid).start(world)
}

fn is_otr(module: &str) -> bool {
    module.split(' ').next() == Some("otr")
}
