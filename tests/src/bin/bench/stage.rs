//! The bouncers that are compared: ZNC alone, with libotr inside, and with otrd.

use std::path::{Path, PathBuf};

use otrd_tests::{
    Otrd, OtrdBuilder, World, Znc, ZncBuilder, ZncNetwork, ZncUser, children_of, eventually,
};

use crate::conn::Conn;
use crate::far::Far;
use crate::person::{ACCOUNT, Person, key_for};

/// What everything needs: where the comparison programs are, and a key.
pub struct Kit {
    /// `bare`, `inprocess.so`, `beside.so` and `shim-lines`.
    pub built: PathBuf,
    pub key: Vec<u8>,
    /// Counts only.
    pub short: bool,
}

impl Kit {
    pub fn new(built: PathBuf, short: bool) -> Self {
        let key = otrd_tests::key_file(ACCOUNT);
        std::fs::write(built.join("key"), &key).expect("write the key");
        Self { built, key, short }
    }

    /// Runs the comparison program and gives a number of what it prints.
    pub fn bare(&self, words: &[&str], name: &str) -> f64 {
        let mut command = std::process::Command::new(self.built.join("bare"));
        let out = command.args(words).arg(self.built.join("key")).output().expect("bare");
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        let value: serde_json::Value = serde_json::from_slice(&out.stdout).expect("JSON");
        value[name].as_f64().expect("a number")
    }

    /// Lays a key and an instance tag into an account's directory, as an account has that was in
    /// use before.
    pub fn lay_key(&self, world: &World, directory: &Path, account: &str) {
        world.file(&directory.join("otr.key"), key_for(&self.key, account), None);
        world.file(&directory.join("otr.instag"), format!("{account}\tirc\t00beef01\n"), None);
    }
}

/// otrd with the nice value of its units.
pub fn start_otrd(world: &World) -> Otrd {
    OtrdBuilder::new().behind_others().start(world)
}

/// One ZNC of alice's with its server and its client. Its parts end in this order.
pub struct Bouncer {
    pub name: &'static str,
    kind: Kind,
    pub user: Conn,
    pub up: Conn,
    pub znc: Znc,
    pub otrd: Option<Otrd>,
}

/// How a bouncer encrypts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Alone,
    InProcess,
    /// The least that libotr in another process takes.
    Beside,
    /// The same with what is said as JSON-RPC.
    BesideRpc,
    Otrd,
}

impl Bouncer {
    pub fn start(kit: &Kit, kind: Kind) -> Self {
        let world = World::new();
        let far = Far::new(&world);
        let mut network = ZncNetwork::new("net", far.port());
        let mut builder = ZncBuilder::new().user(ZncUser::new("idle"));
        let mut otrd = None;
        let name = match kind {
            Kind::Alone => "ZNC alone",
            Kind::InProcess => {
                builder = builder.file(&kit.built.join("inprocess.so"), "modules/inprocess.so");
                network = network.module("inprocess");
                "libotr in ZNC"
            }
            Kind::Beside | Kind::BesideRpc => {
                builder = builder.file(&kit.built.join("beside.so"), "modules/beside.so");
                let rpc = kind == Kind::BesideRpc;
                network = network.module(if rpc { "beside json" } else { "beside" });
                if rpc { "libotr beside ZNC, JSON-RPC" } else { "libotr beside ZNC" }
            }
            Kind::Otrd => {
                let daemon = start_otrd(&world);
                network = network.otr(&daemon);
                otrd = Some(daemon);
                "otrd"
            }
        };
        let builder = builder.user(ZncUser::new("alice").network(network));
        if let Some(daemon) = &otrd {
            kit.lay_key(&world, &daemon.account(builder.runs_as(), "alice", "net"), "alice");
        }
        let znc = builder.start(&world);
        let up = far.welcomes();
        let mut user = Conn::of_znc(znc.port(), "alice/net");
        if let Some(daemon) = &otrd {
            daemon.worker();
            has_otr(&mut user);
        }
        user.settled();
        Self { name, kind, user, up, znc, otrd }
    }

    /// Makes the conversation with this peer private.
    pub fn goes_private(&mut self, bob: &mut Person) {
        self.user.send(&match self.kind {
            Kind::InProcess => format!("PRIVMSG *inprocess :start {}", bob.nick),
            Kind::Beside | Kind::BesideRpc => format!("PRIVMSG *beside :start {}", bob.nick),
            Kind::Alone | Kind::Otrd => format!("PRIVMSG {} :?OTR?", bob.nick),
        });
        bob.goes_private_behind(&mut self.up, "alice");
        match self.otrd.is_some() {
            true => self.user.sees("conversation is private now"),
            false => self.user.sees("private"),
        }
        self.user.settled();
    }

    /// The processes that do the work.
    pub fn pids(&self) -> Vec<i32> {
        let znc = self.znc.process().pid();
        let mut pids = vec![znc];
        pids.extend(children_of(znc).into_iter().map(|(pid, _)| pid));
        if let Some(otrd) = &self.otrd {
            pids.push(otrd.process().pid());
            pids.extend(otrd.workers());
        }
        pids
    }

    /// CPU of all of them so far, in nanoseconds.
    pub fn cpu(&self) -> f64 {
        self.pids().into_iter().map(crate::procfs::cpu).sum()
    }
}

/// Waits until `*otr` answers.
pub fn has_otr(user: &mut Conn) {
    eventually("*otr answers", || {
        user.send("PRIVMSG *otr :version");
        let line = user.until("an answer of *otr", |line| line.starts_with(b":*otr!"));
        !line.windows(11).any(|window| window == b"not running")
    });
    user.settled();
}

/// Texts that fit into one encrypted line each.
pub fn texts(count: usize) -> Vec<String> {
    (0..count).map(|index| format!("line {index:07} of very many of a talk")).collect()
}

/// The same as the user types them.
pub fn typed(to: &str, count: usize) -> Vec<String> {
    texts(count).into_iter().map(|text| format!("PRIVMSG {to} :{text}")).collect()
}

/// The same as the server says them.
pub fn said(from: &str, texts: impl IntoIterator<Item = String>) -> Vec<String> {
    let line = |text| format!(":{from}!{from}@127.0.0.1 PRIVMSG alice :{text}");
    texts.into_iter().map(line).collect()
}
