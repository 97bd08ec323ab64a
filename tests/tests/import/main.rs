//! Keys and fingerprints of the programs that people come from: each makes them for real, in a
//! conversation with bob's irssi, and takes them back from an export. `tests/import` makes a root
//! with these programs and runs this in it.
//!
//! weechat reads only its script's own format, so what is exported cannot go back there. finch is
//! not here: it reads Pidgin's files, but does not load Pidgin's plugin.

mod bitlbee;
mod desktop;
mod hexchat;
mod pidgin;
mod weechat;

use std::fs;
use std::path::{Path, PathBuf};

use otrd_tests::{Ircd, Irssi, Otrctl, Otrd, World, eventually};
use serde_json::{Value, json};

/// bob, his server, and where all this is.
struct Stage {
    bob: Irssi,
    ircd: Ircd,
    world: World,
}

/// What a program has made, by its own word or bob's.
struct Made {
    /// How otrctl is told of the program.
    program: &'static str,
    /// How otrctl calls it.
    name: &'static str,
    /// Where its files are.
    directory: PathBuf,
    /// Which of them to keep for the ordinary tests.
    files: Vec<PathBuf>,
    /// The fingerprint of its key, as bob saw it.
    fingerprint: String,
    /// How far it trusts bob.
    trust: &'static str,
}

impl Stage {
    fn new() -> Self {
        let world = World::new();
        let ircd = Ircd::ngircd(&world);
        let bob = Irssi::start(&world, "bob", ircd.port());
        Self { bob, ircd, world }
    }

    /// Waits until somebody is on IRC.
    #[track_caller]
    fn waits_for(&self, nick: &str) {
        let watcher = self.ircd.client(&format!("watch-{nick}"));
        eventually(&format!("{nick} is on IRC"), || {
            watcher.send(&format!("ISON {nick}"));
            watcher.sees_numeric("303").text().trim() == nick
        });
    }

    /// bob asks for a private conversation; the fingerprint that he sees then.
    #[track_caller]
    fn bob_meets(&self, nick: &str) -> String {
        self.bob.starts_otr_with(nick);
        let end = format!(" for {nick}");
        let line = self.bob.expect("a private conversation", |line| {
            line.contains("OTR key fingerprint: ") && line.ends_with(&end)
        });
        let (_, fingerprint) = line.split_once(": ").expect("a fingerprint");
        fingerprint.trim_end_matches(&end).to_owned()
    }

    /// The files become data of the ordinary tests, with what was seen of them: `OTRD_TESTS_DATA`
    /// says where they go.
    fn keep(&self, made: &Made) {
        let Some(data) = std::env::var_os("OTRD_TESTS_DATA") else { return };
        let to = PathBuf::from(data).join(made.program);
        fs::create_dir_all(&to).expect("mkdir");
        for file in &made.files {
            fs::copy(file, to.join(file.file_name().expect("a name"))).expect("copy");
        }
        let seen = json!({
            "program": made.name,
            "fingerprint": made.fingerprint,
            "bob": self.bob.fingerprint(),
            "trust": made.trust,
        });
        fs::write(to.join("seen.json"), format!("{seen:#}\n")).expect("seen.json");
    }

    /// What the program has made moves in, with bob and as far as he is trusted. The daemon that
    /// has it.
    #[track_caller]
    fn moves_in(&self, made: &Made) -> Otrd {
        self.keep(made);
        let otrd = Otrd::start(&self.world);
        let import = |words: &[&str]| account(&otrd).arg("import").args(words).arg(&made.directory);
        let would = import(&[made.program, "--dry-run"]).json();
        assert_eq!(would["done"], false);
        // Recognised by its files alone.
        let done = import(&[]).json();
        let one = &done["imports"][0];
        assert_eq!((&done["done"], &one["program"]), (&json!(true), &json!(made.name)), "{done}");
        assert_eq!(one["result"], would["imports"][0]["result"]);
        assert_eq!(one["result"]["key"], "new");
        assert_eq!(one["result"]["fingerprint"], json!(made.fingerprint));
        let fingerprint = self.bob.fingerprint();
        let bob = json!({"nick": "bob", "fingerprint": fingerprint, "trust": made.trust, "outcome": "new"});
        assert_eq!(one["result"]["peers"], Value::from(vec![bob]), "{done}");
        assert!(account(&otrd).arg("fingerprint").does().contains(&made.fingerprint));
        let info = account(&otrd).arg("info").does();
        let line = info.lines().find(|line| line.contains(&fingerprint)).expect("bob's line");
        assert!(line.contains("bob") && line.contains(made.trust), "{info}");
        otrd
    }

    /// The exported key and fingerprints, as another program names their owner.
    #[track_caller]
    fn moves_out(&self, otrd: &Otrd, owner: &str, protocol: &str) -> (String, String) {
        let out = self.world.path().join("exported");
        account(otrd).arg("export").arg(&out).does();
        let read = |file: &str| fs::read_to_string(out.join(file)).expect("a text");
        let key = read("otr.key").replace("(name alice)", &format!("(name \"{owner}\")"));
        let key = key.replace("(protocol irc)", &format!("(protocol {protocol})"));
        let old = "\talice\tirc\t";
        (key, read("otr.fp").replace(old, &format!("\t{owner}\t{protocol}\t")))
    }
}

/// otrctl for the account that takes everything.
fn account(otrd: &Otrd) -> Otrctl {
    let uid = nix::unistd::getuid().to_string();
    Otrctl::new(otrd).args(["--uid", &uid, "-a", "alice/net"])
}

/// Waits until a file holds this.
#[track_caller]
fn holds(file: &Path, text: &str) {
    eventually(&format!("{} holds {text:?}", file.display()), || {
        fs::read_to_string(file).is_ok_and(|content| content.contains(text))
    });
}

#[test]
#[ignore = "needs other people's programs: run tests/import"]
fn irssi() {
    let stage = Stage::new();
    let irene = Irssi::start(&stage.world, "irene", stage.ircd.port());
    let fingerprint = stage.bob_meets("irene");
    irene.is_private();
    irene.trusts("bob");
    irene.sees("Trusting");
    let otr = irene.dir().join("otr");
    holds(&otr.join("otr.fp"), "manual");
    let made = Made {
        program: "irssi",
        name: "irssi",
        directory: irene.dir().to_owned(),
        files: vec![otr.join("otr.key"), otr.join("otr.fp"), otr.join("otr.instag")],
        fingerprint,
        trust: "manual",
    };
    let otrd = stage.moves_in(&made);

    let (key, prints) = stage.moves_out(&otrd, "tests", "IRC");
    let again = Irssi::start_with(&stage.world, "again", stage.ircd.port(), |otr| {
        fs::write(otr.join("otr.key"), &key).expect("otr.key");
        fs::write(otr.join("otr.fp"), &prints).expect("otr.fp");
    });
    assert_eq!(stage.bob_meets("again"), made.fingerprint);
    again.is_private();
    again.types_to("bob", "/otr contexts");
    again.sees("(Manual)");
}
