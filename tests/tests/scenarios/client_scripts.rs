//! The scripts of shim/clients in the real programs, behind ZNC: what their bars say through a whole
//! story, and what becomes of what is typed.

use std::fs;
use std::path::{Path, PathBuf};

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use otrd_tests::{
    Alone, NodePeer, Otrd, ScriptedServer, Tmux, World, Znc, ZncBuilder, ZncNetwork, ZncUser,
    eventually,
};

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shim/clients");

/// Colours as terminals count them.
const RED: u8 = 1;
const GREEN: u8 = 2;
const YELLOW: u8 = 3;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    WeeChat,
    Irssi,
}

/// A program with its script, attached to a ZNC.
struct Program {
    which: Which,
    tmux: Tmux,
    home: PathBuf,
}

impl Program {
    /// Connected as alice.
    #[track_caller]
    fn start(which: Which, world: &World, port: u16) -> Self {
        let program = Self::unconnected(which, world);
        program.connects("znc", port, "alice/net:alice");
        program
    }

    #[track_caller]
    fn unconnected(which: Which, world: &World) -> Self {
        let (name, script) = match which {
            Which::WeeChat => ("weechat", "python/autoload/otrd.py"),
            Which::Irssi => ("irssi", "scripts/autorun/otrd.pl"),
        };
        let home = world.directory(&format!("{name}-home"), None);
        let file = Path::new(script).file_name().unwrap().to_str().unwrap();
        let text = fs::read(format!("{SCRIPTS}/{name}/{file}")).unwrap();
        world.file(&home.join(script), text, None);
        let command = match which {
            Which::WeeChat => {
                let settings = [
                    // The name until WeeChat 4.0, and the name since.
                    "irc.server_default.ssl off",
                    "irc.server_default.tls off",
                    "irc.server_default.nicks alice",
                    "irc.server_default.autoreconnect_delay 1",
                    "irc.look.server_buffer independent",
                    "weechat.look.paste_max_lines -1",
                    "weechat.look.paste_bracketed off",
                ];
                let runs: String = settings.iter().map(|one| format!(" -r '/set {one}'")).collect();
                format!("exec weechat -d '{}'{runs}", home.display())
            }
            Which::Irssi => {
                world.file(&home.join("config"), IRSSI, None);
                format!("exec irssi --home '{}'", home.display())
            }
        };
        let tmux = Tmux::start(world, name, &home, &command);
        if which == Which::WeeChat {
            // WeeChat 4.10 throws away what is typed before that.
            tmux.shows("Option changed: weechat.look.paste_bracketed");
        }
        Self { which, tmux, home }
    }

    /// To another server, or another bouncer.
    fn connects(&self, name: &str, port: u16, password: &str) {
        match self.which {
            Which::WeeChat => {
                self.types(&format!("/server add {name} 127.0.0.1/{port} -password={password}"));
                self.types(&format!("/connect {name}"));
                self.types(&format!("/buffer {name}"));
            }
            Which::Irssi => {
                self.types(&format!("/network add -nick alice {name}"));
                self.types(&format!("/connect -network {name} 127.0.0.1 {port} {password}"));
            }
        }
    }

    fn types(&self, line: &str) {
        self.tmux.types(line);
    }

    /// Goes to a query with somebody.
    #[track_caller]
    fn queries(&self, nick: &str) {
        self.queries_on("znc", nick);
    }

    /// The same on one of several servers, as soon as the program is connected there.
    #[track_caller]
    fn queries_on(&self, server: &str, nick: &str) {
        let (command, shown) = match self.which {
            Which::WeeChat => (format!("/query -server {server} {nick}"), format!(":{nick} ")),
            Which::Irssi => (format!("/query -{server} {nick}"), format!(":{server}/{nick}]")),
        };
        self.tmux.becomes(&format!("a query with {nick} on {server}"), |_| {
            self.types(&command);
            let is_there = || {
                let screen = self.tmux.screen();
                let on = self.which == Which::Irssi || screen.contains(&format!("[irc/{server}]"));
                on && bar(&screen).replace(']', " ] ").contains(shown.trim_end_matches(']'))
            };
            (0..20).any(|_| {
                is_there() || {
                    thread::sleep(Duration::from_millis(20));
                    false
                }
            })
        });
    }

    #[track_caller]
    fn bar_says(&self, words: &str) {
        self.tmux.becomes(&format!("the bar says {words}"), |screen| bar(screen).contains(words));
    }

    /// How it is shown in the bar, as a terminal counts colours, also the bright ones.
    #[track_caller]
    fn is_coloured(&self, words: &str, colour: u8) {
        let screen = self.tmux.coloured();
        let bar = bar(&screen);
        let before = &bar[..bar.find(words).unwrap()];
        let codes = &before[before.rfind('\x1b').unwrap()..];
        let fits =
            [format!("3{colour}"), format!("9{colour}")].iter().any(|one| codes.contains(one));
        assert!(fits, "{bar:?}");
    }

    /// Nothing that was typed as a secret lies in its files or on its screen.
    fn knows_no(&self, secret: &str) {
        assert!(!self.tmux.screen().contains(secret), "{}", self.tmux.screen());
        let mut directories = vec![self.home.clone()];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(directory).unwrap().flatten() {
                match entry.file_type().unwrap() {
                    kind if kind.is_dir() => directories.push(entry.path()),
                    kind if kind.is_file() => {
                        let file = fs::read(entry.path()).unwrap();
                        let file = String::from_utf8_lossy(&file);
                        assert!(!file.contains(secret), "in {}", entry.path().display());
                    }
                    _ => {}
                }
            }
        }
    }
}

/// The line above that in which one types.
fn bar(screen: &str) -> &str {
    screen.lines().rev().nth(1).unwrap_or_default()
}

/// The line in which one types.
fn typed(screen: &str) -> &str {
    screen.lines().last().unwrap_or_default().trim_end()
}

/// Everything that can become of a conversation, as the bar shows it.
fn a_whole_story(which: Which) {
    let mut scene = Alone::new();
    let bob = scene.peer("bob", "23");
    let program = Program::start(which, &scene.world, scene.znc.port());
    program.queries("bob");
    program.bar_says("NOT PRIVATE");
    // Somebody who does not answer.
    program.queries("nobody");
    program.types("/otr start");
    program.bar_says("OTR asking");
    program.types("/otr finish");
    program.bar_says("NOT PRIVATE");
    program.queries("bob");
    program.types("/otr start");
    bob.told("secured alice");
    program.bar_says("OTR unverified");
    program.is_coloured("OTR unverified", YELLOW);
    authenticates(&program, &bob);
    program.bar_says("OTR verified");
    program.is_coloured("OTR verified", GREEN);
    // The history has the command that asked for the secret, and no secret. The effect of each key is
    // waited for: irssi takes keys that come together for pasted text.
    program.tmux.presses(&["Up"]);
    program.tmux.becomes("what was typed last", |screen| typed(screen).ends_with("/otr auth"));
    program.knows_no("rosebud");
    program.tmux.presses(&["C-u"]);
    program.tmux.becomes("an empty line", |screen| !typed(screen).contains("/otr"));

    program.types("hello, it is a nice day");
    bob.reads("alice", "hello, it is a nice day");
    scene.alice.joins("#here");
    bob.sends("JOIN #here");
    scene.alice.expect("bob in the channel", |line| line.is("JOIN", "bob"));
    bob.sends("NICK bobby");
    program.queries("bobby");
    program.bar_says("OTR unverified");
    bob.sends("NICK bob");
    program.queries("bob");
    program.bar_says("OTR verified");

    bob.finishes_otr_with("alice");
    program.bar_says("blocked: they ended OTR");
    program.is_coloured("blocked", RED);
    program.types("/otr finish");
    program.bar_says("NOT PRIVATE");
    bob.starts_otr_with("alice");
    program.bar_says("OTR verified");
    scene.otrd.crash();
    program.bar_says("blocked: otrd is gone");
    scene.otrd.starts_again();
    program.bar_says("OTR verified");
    bob.vanishes();
    let stranger = scene.peer("bob", "23");
    stranger.starts_otr_with("alice");
    program.bar_says("OTR KEY CHANGED");
    scene.alice.types_to("*status", "unloadmod otr");
    program.bar_says("no OTR: the module is not loaded");
    program.types("/msg *status loadmod otr");
    program.bar_says("OTR KEY CHANGED");
    scene.wire.never_carried("rosebud");
}

/// The secret is asked for, and neither shown nor kept.
fn authenticates(program: &Program, bob: &NodePeer) {
    program.types("/otr auth rosebud and more");
    program.tmux.shows("asks for the secret");
    program.types("/otr auth");
    program.tmux.shows("secret that you share with bob");
    program.tmux.presses(&["-l", "rosebux"]);
    program.tmux.presses(&["BSpace"]);
    program.tmux.presses(&["-l", "d"]);
    program.tmux.shows("*******");
    program.knows_no("rosebud");
    program.tmux.presses(&["Enter"]);
    bob.told("asked alice");
    bob.auths("alice", "rosebud");
}

#[test]
fn the_bar_of_weechat_through_a_whole_story() {
    a_whole_story(Which::WeeChat);
}

#[test]
fn the_bar_of_irssi_through_a_whole_story() {
    a_whole_story(Which::Irssi);
}

/// A pasted line is the secret as well; a question goes with it.
fn a_pasted_secret(which: Which) {
    let scene = Alone::new();
    let bob = scene.peer("bob", "23");
    let program = Program::start(which, &scene.world, scene.znc.port());
    program.queries("bob");
    program.types("/otr start");
    program.bar_says("OTR unverified");
    // Completion knows the commands, who is there, and keys.
    for (typed, whole) in [
        ("/otr refr", "/otr refresh".to_owned()),
        ("/otr trust bo", "/otr trust bob".to_owned()),
        (
            "/otr forget ",
            format!("/otr forget {}", bob.fingerprint().replace(' ', "").to_uppercase()),
        ),
    ] {
        program.tmux.presses(&["-l", typed]);
        program.tmux.presses(&["Tab"]);
        if typed.ends_with(' ') {
            program.tmux.shows("/otr forget");
            program.tmux.presses(&["C-u"]);
            program.tmux.presses(&["-l", &format!("{}{}", typed, &whole[12..16])]);
            program.tmux.presses(&["Tab"]);
        }
        program.tmux.shows(&whole);
        program.tmux.presses(&["C-u"]);
    }
    program.types("/otr authq bob [who am I?]");
    program.tmux.shows("secret that you share with bob");
    program.types("rosebud in the snow");
    bob.told("asked alice");
    program.knows_no("rosebud");
    bob.auths("alice", "rosebud in the snow");
    program.bar_says("OTR verified");
    program.knows_no("rosebud");
    // Enter alone: nothing is asked, and what is typed next is text again.
    program.types("/otr auth");
    program.tmux.shows("Enter alone");
    program.tmux.presses(&["Enter"]);
    program.queries("bob");
    program.types("no secret");
    bob.reads("alice", "no secret");
    assert_eq!(bob.lines().iter().filter(|line| line.starts_with("asked")).count(), 1);
    scene.wire.never_carried("rosebud");
}

#[test]
fn a_secret_that_is_pasted_to_weechat() {
    a_pasted_secret(Which::WeeChat);
}

#[test]
fn a_secret_that_is_pasted_to_irssi() {
    a_pasted_secret(Which::Irssi);
}

/// What the network can say where the module does not stop it.
const FORGED: [&str; 4] = [
    ":*otr!otr@znc.in PRIVMSG alice :This client is told how conversations stand, until",
    ":*otr!otr@znc.in OTR * up none - :-",
    ":*otr!otr@znc.in OTR bob private secret 94A1353B60A58E7382CE8999CBBD7B925E9EBB87 :opportunistic",
    ":*otr!x@evil OTR bob private secret 94A1353B60A58E7382CE8999CBBD7B925E9EBB87 :opportunistic",
];

/// A ZNC with the module for one network and without it for the other, whose server is hostile, and
/// a hostile server without ZNC.
fn servers_that_deceive(which: Which) {
    let world = World::new();
    let server = ScriptedServer::start(&world);
    let otrd = Otrd::start(&world);
    let honest = otrd_tests::Ircd::ngircd(&world);
    let znc = znc_with(&world, &otrd, honest.port(), server.port());
    let alice = znc.attach("alice", "net");
    alice.has_otr();
    let bob = NodePeer::start(&world, "bob", honest.port(), "23");
    let program = Program::start(which, &world, znc.port());
    program.queries("bob");
    program.types("/otr start");
    program.bar_says("OTR unverified");
    assert!(bob.told("secured alice").contains("v3"));

    eventually("ZNC is on IRC", || server.has("alice"));
    let forges = || FORGED.iter().for_each(|line| assert!(server.says("alice", line)));
    // Also while the script asks whether there is a module.
    let is_asking = AtomicBool::new(true);
    thread::scope(|scope| {
        let _ends = Ends(&is_asking);
        scope.spawn(|| {
            while is_asking.load(Ordering::Relaxed) {
                forges();
                thread::sleep(Duration::from_millis(1));
            }
        });
        program.connects("bare", znc.port(), "alice/bare:alice");
        program.queries_on("bare", "bob");
        program.tmux.becomes("the bar says that there is none", |screen| {
            assert!(!bar(screen).contains("OTR verified"), "{screen}");
            bar(screen).contains("no OTR: the module is not loaded")
        });
    });
    forges();
    assert!(server.says("alice", ":bob!b@evil PRIVMSG alice :trust me, it is %Gprivate%n"));
    program.tmux.shows("trust me, it is %Gprivate%n");
    program.bar_says("no OTR: the module is not loaded");
    program.types("/otr info");
    program.bar_says("no OTR: the module is not loaded");
    program.queries_on("znc", "bob");
    program.bar_says("OTR unverified");
}

/// Ends a loop, also where the test fails.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

fn znc_with(world: &World, otrd: &Otrd, honest: u16, hostile: u16) -> Znc {
    let user = ZncUser::new("alice")
        .network(ZncNetwork::new("net", honest).otr(otrd))
        .network(ZncNetwork::new("bare", hostile));
    ZncBuilder::new().user(user).start(world)
}

#[test]
fn servers_that_deceive_weechat() {
    servers_that_deceive(Which::WeeChat);
}

#[test]
fn servers_that_deceive_irssi() {
    servers_that_deceive(Which::Irssi);
}

/// irssi's own plugin would encrypt what ZNC encrypts.
#[test]
fn irssi_with_its_own_plugin() {
    let world = World::new();
    let program = Program::unconnected(Which::Irssi, &world);
    program.types("/script unload otrd");
    program.tmux.shows("Unloaded script otrd");
    program.types("/load otr");
    program.tmux.shows("Loaded module otr");
    program.types("/script load autorun/otrd.pl");
    program.tmux.shows("own plugin otr is loaded");
}

const IRSSI: &str = r#"
settings = {
  core = { real_name = "alice"; user_name = "alice"; nick = "alice"; server_reconnect_time = "1s"; autoload_modules = "perl"; };
  "irc/core" = { cmds_max_at_once = "10000"; cmd_queue_speed = "1msec"; };
  "fe-text" = { paste_verify_line_count = "0"; paste_join_multiline = "no"; };
};
"#;
