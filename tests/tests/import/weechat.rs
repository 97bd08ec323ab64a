//! weechat with its script, which speaks OTR by potr.
//!
//! potr was written for PyCrypto. Debian gives it the successor, pycryptodome, with which it can
//! make no key: [`OLD_INTERFACE`] gives it back what it calls. The script's fragments come to just
//! over what weechat itself takes for a line, hence `split_msg_max_length`.

use std::fs;
use std::path::PathBuf;

use otrd_tests::{Launch, Process};

use crate::{Made, Stage, holds};

#[test]
#[ignore = "needs other people's programs: run tests/import"]
fn weechat() {
    let stage = Stage::new();
    let wendy = Weechat::start(&stage, "wendy");
    let fingerprint = stage.bob_meets("wendy");
    let otr = wendy.directory.join("otr");
    let prints = otr.join("wendy@tests.fpr");
    holds(&prints, "bob@tests\twendy@tests\tirc\t");
    wendy.says("core.weechat */otr trust bob tests");
    holds(&prints, "\tverified");
    let made = Made {
        program: "weechat",
        name: "weechat",
        directory: wendy.directory.clone(),
        files: vec![otr.join("wendy@tests.key3"), prints],
        fingerprint,
        trust: "manual",
    };
    stage.moves_in(&made);
}

struct Weechat {
    directory: PathBuf,
    _process: Process,
}

impl Weechat {
    /// On IRC, without a screen.
    fn start(stage: &Stage, nick: &str) -> Self {
        // As weechat's own is called: Gajim's files are named alike.
        let name = format!("{nick}.weechat");
        let directory = stage.world.directory(&name, None);
        let path = directory.display().to_string();
        let scripts = stage.world.directory(&format!("{name}/python/autoload"), None);
        fs::copy("/usr/share/weechat/python/otr.py", scripts.join("otr.py")).expect("the script");
        let potr = stage.world.directory(&format!("{name}/potr"), None);
        stage.world.file(&potr.join("sitecustomize.py"), OLD_INTERFACE, None);
        let commands = [
            format!("/set fifo.file.path {path}/fifo"),
            "/fifo disable".into(),
            "/fifo enable".into(),
            format!("/server add tests 127.0.0.1/{} -nossl -nicks={nick}", stage.ircd.port()),
            "/set irc.server.tests.split_msg_max_length 0".into(),
            "/set irc.server.tests.anti_flood_prio_low 0".into(),
            "/connect tests".into(),
        ];
        let process = Launch::new("weechat", "weechat-headless")
            .args(["--dir", &path])
            .args(commands.iter().flat_map(|command| ["--run-command", command]))
            .env("HOME", &directory)
            .env("PYTHONPATH", &potr)
            .start(&stage.world);
        stage.waits_for(nick);
        Self { directory, _process: process }
    }

    /// Has a line taken as typed.
    fn says(&self, line: &str) {
        fs::write(self.directory.join("fifo"), format!("{line}\n")).expect("weechat reads");
    }
}

const OLD_INTERFACE: &str = r#"
from Cryptodome.Cipher import AES
from Cryptodome.Math.Numbers import Integer
from Cryptodome.PublicKey.DSA import DsaKey
from Cryptodome.Util import Counter

def new(key, mode, counter, new=AES.new):
    first = int.from_bytes(counter(), "big")
    return new(key, mode, counter=Counter.new(128, initial_value=first))

AES.new = new
DsaKey.key = property(lambda key: key)
DsaKey.sign = lambda key, data, k: tuple(map(int, key._sign(Integer.from_bytes(data), Integer(k))))
DsaKey.verify = lambda key, data, pair: key._verify(Integer.from_bytes(data), tuple(map(Integer, pair)))
"#;
