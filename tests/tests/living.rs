//! A life with otrd on a Debian with systemd, from the installation to the end. `tests/living` boots
//! the root for this and runs it there: `first` and `second` have the packages in two versions.

use std::fs;
use std::process::Command;

use otrd_tests::{Client, Ircd, Irssi, Way, Wire, World, eventually};

const PORT: u16 = 16_667;
const CONFIG: &str = "/var/lib/znc/configs/znc.conf";

#[test]
#[ignore = "installs and removes packages of a booted root: run tests/living"]
fn a_life_with_otrd() {
    let world = World::new();
    let ircd = Ircd::ngircd(&world);
    let life = Life { wire: Wire::new(&world, ircd.port()), world };
    life.configure_znc();
    // ZNC runs before otrd is there, with the groups that its user has then.
    run("systemctl start znc.service");
    let bob = Irssi::start(&life.world, "bob", ircd.port());

    eprintln!("-- install, load, talk");
    run("apt-get install --quiet=2 --yes ./first/otrd_*.deb ./first/znc-otrd_*.deb");
    life.doctor_finds_nothing();
    let alice = life.alice();
    alice.types_to("*status", "loadmod --type=network otr");
    alice.reads_about("*status", "Loaded module otr");
    alice.has_otr();
    alice.types_to("bob", "?OTR?");
    bob.is_private();
    alice.becomes("bob", "encrypted");
    life.both_read(&alice, &bob, "the key is under the mat");
    life.doctor_finds_nothing();

    eprintln!("-- a restart of ZNC, which nobody told to save its configuration");
    eventually("the module is in ZNC's configuration", || config().contains("LoadModule = otr"));
    run("systemctl restart znc.service");
    let alice = life.alice_is_private();
    life.both_read(&alice, &bob, "after a restart");
    life.doctor_finds_nothing();

    eprintln!("-- another build of ZNC");
    let built =
        fs::read_to_string("/usr/lib/znc/otr.built").expect("what the module was built for");
    life.update_znc();
    let rebuilt =
        fs::read_to_string("/usr/lib/znc/otr.built").expect("what the module was built for");
    assert_ne!(built, rebuilt);
    let alice = life.alice_is_private();
    life.both_read(&alice, &bob, "with another ZNC");
    life.doctor_finds_nothing();
    run("systemctl restart znc.service");
    let alice = life.alice_is_private();
    life.both_read(&alice, &bob, "and again");

    eprintln!("-- the next release of otrd");
    alice.types_to("*otr", "info bob");
    let began = since(&alice);
    let first = otrd_status();
    run("apt-get install --quiet=2 --yes ./second/otrd_*.deb ./second/znc-otrd_*.deb");
    alice.types_to("bob", "in between");
    bob.reads("alice", "in between");
    life.both_read(&alice, &bob, "with another otrd");
    life.wire.never_carried("in between");
    alice.types_to("*otr", "info bob");
    assert_eq!(since(&alice), began);
    let second = otrd_status();
    assert_ne!(second["pid"], first["pid"]);
    assert_ne!(second["version"], first["version"]);
    assert_eq!(second["accounts"][0]["pid"], first["accounts"][0]["pid"], "{second}");
    assert_eq!(second["accounts"][0]["version"], first["version"], "{second}");
    alice.types_to("*status", "updatemod otr");
    alice.reads_about("*status", "Reloading otr");
    alice.has_otr();
    life.both_read(&alice, &bob, "with another module");
    run("otrctl renew --all");
    alice.otr_says("was interrupted; asking for a new session.");
    alice.becomes("bob", "encrypted");
    assert_eq!(otrd_status()["accounts"][0]["version"], second["version"]);
    life.both_read(&alice, &bob, "with another worker");
    life.doctor_finds_nothing();

    eprintln!("-- removal without consent");
    let said = fails("apt-get remove --quiet=2 --yes znc-otrd");
    assert!(said.contains(CONFIG) && said.contains("otrd-module-unload --yes"), "{said}");
    run("systemctl restart znc.service");
    let alice = life.alice_is_private();
    life.both_read(&alice, &bob, "it stayed");
    life.doctor_finds_nothing();

    eprintln!("-- removal with consent, and back");
    run("OTRD_UNLOAD=yes apt-get remove --quiet=2 --yes znc-otrd");
    assert!(!config().contains("LoadModule = otr"));
    run("systemctl restart znc.service");
    let alice = life.alice();
    alice.types_to("*otr", "status");
    alice.reads_about("*status", "No such module");
    run("apt-get install --quiet=2 --yes ./second/znc-otrd_*.deb");
    alice.types_to("*status", "loadmod --type=network otr");
    alice.reads_about("*status", "Loaded module otr");
    alice.types_to("bob", "closed or private");
    alice.has_otr();
    alice.becomes("bob", "encrypted");
    life.both_read(&alice, &bob, "back again");
    life.wire.never_carried("closed or private");
    life.doctor_finds_nothing();

    eprintln!("-- purge");
    run("OTRD_UNLOAD=yes apt-get purge --quiet=2 --yes znc-otrd otrd");
    run("systemctl restart znc.service");
    life.alice();
    assert!(!fs::exists("/var/lib/otrd").expect("a look"));
    assert!(!fs::exists("/usr/lib/znc/otr.so").expect("a look"));
    life.wire.carries(Way::Out, "?OTR");
}

struct Life {
    world: World,
    wire: Wire,
}

impl Life {
    fn configure_znc(&self) {
        let text = format!(
            "Version = 1.8.2\nServerThrottle = 0\nConnectDelay = 0\n<Listener only>\n\tHost = 127.0.0.1\n\
             \tPort = {PORT}\n\tIPv4 = true\n\tIPv6 = false\n\tSSL = false\n</Listener>\n\
             <User alice>\n\tPass = plain#alice\n\tAdmin = true\n\tNick = alice\n\tAltNick = alice_\n\
             \tMultiClients = true\n\t<Network net>\n\t\tServer = 127.0.0.1 {}\n\t\tFloodRate = -1\n\
             \t\tFloodBurst = 1000\n\t\tJoinDelay = 0\n\t</Network>\n</User>\n",
            self.wire.port()
        );
        fs::create_dir_all("/var/lib/znc/configs").expect("ZNC's directory");
        fs::write(CONFIG, text).expect("ZNC's configuration");
        run("chown -R _znc:_znc /var/lib/znc && chmod -R go= /var/lib/znc");
    }

    fn alice(&self) -> Client {
        eventually("ZNC is up", || {
            std::net::TcpStream::connect((std::net::Ipv4Addr::LOCALHOST, PORT)).is_ok()
        });
        let alice = Client::of_znc(&self.world, PORT, "alice/net", &[]);
        alice.sees_numeric("005");
        alice.settled();
        alice
    }

    fn alice_is_private(&self) -> Client {
        let alice = self.alice();
        alice.has_otr();
        alice.becomes("bob", "encrypted");
        alice
    }

    fn both_read(&self, alice: &Client, bob: &Irssi, text: &str) {
        alice.types_to("bob", text);
        bob.reads("alice", text);
        bob.types_to("alice", &format!("{text}, back"));
        alice.reads("bob", &format!("{text}, back"));
        self.wire.never_carried(text);
    }

    fn doctor_finds_nothing(&self) {
        let report = run("otrctl --json doctor");
        let report: serde_json::Value = serde_json::from_str(&report).expect("a report");
        let checks = report["checks"].as_array().expect("checks");
        let bad: Vec<_> = checks.iter().filter(|check| check["state"] != "ok").collect();
        assert!(bad.is_empty(), "{bad:#?}");
    }

    /// Debian's own files, packed again with another revision in them and in their names.
    fn update_znc(&self) {
        let full = run("znc --version | sed -n '1s/^ZNC \\([^ ]*\\).*/\\1/p'");
        let old = full.trim().split_once('+').expect("a revision of Debian's").1.to_owned();
        // As long as before: it is written over the old one in programs, too.
        let new = format!("{}x", &old[..old.len() - 1]);
        for package in ["znc", "znc-dev"] {
            run(&format!(
                "set -e; cd $(mktemp -d); mkdir DEBIAN; \
                 dpkg -L {package} | while read -r file; do [ -d \"$file\" ] || \
                 cp --parents --no-dereference \"$file\" .; done; \
                 grep -rlZ --fixed-strings '{old}' . | xargs -0 -r sed -i 's/{old}/{new}/g'; \
                 dpkg -s {package} | sed '/^Status:/d; s/^Version: .*/&+other1/' >DEBIAN/control; \
                 sed -i '/^Conffiles:/,/^[^ ]/{{/^Conffiles:/d;/^ /d}}' DEBIAN/control; \
                 for script in postinst postrm prerm preinst; do \
                 [ ! -e /var/lib/dpkg/info/{package}.$script ] || \
                 cp /var/lib/dpkg/info/{package}.$script DEBIAN/$script; done; \
                 dpkg-deb --build . /tmp/{package}.deb >/dev/null"
            ));
        }
        run("dpkg -i /tmp/znc.deb /tmp/znc-dev.deb");
        assert!(run("znc --version").contains(&new));
        eventually("ZNC runs", || run_or_not("systemctl is-active --quiet znc.service").0);
    }
}

fn otrd_status() -> serde_json::Value {
    serde_json::from_str(&run("otrctl --json status")).expect("a status")
}

/// Since when alice and bob are private, as `info bob` says it.
fn since(alice: &Client) -> String {
    let line = alice.otr_says("Private with");
    let (since, _) = line.split_once(", for").expect("a time and for how long");
    since.to_owned()
}

fn config() -> String {
    fs::read_to_string(CONFIG).expect("ZNC's configuration")
}

fn run_or_not(line: &str) -> (bool, String) {
    let output = Command::new("bash").args(["-c", line]).output().expect("bash");
    let both = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&both).into_owned())
}

#[track_caller]
fn run(line: &str) -> String {
    let output = Command::new("bash").args(["-c", line]).output().expect("bash");
    let errors = String::from_utf8_lossy(&output.stderr);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{line}\n{said}\n{errors}");
    said
}

#[track_caller]
fn fails(line: &str) -> String {
    let (done, said) = run_or_not(line);
    assert!(!done, "{line}\n{said}");
    said
}
