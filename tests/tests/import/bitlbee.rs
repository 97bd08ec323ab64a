//! BitlBee with its plugin, which comes to IRC as libpurple does.

use std::path::PathBuf;

use otrd_tests::{Client, Launch, Process, eventually};

use crate::{Made, Stage, holds};

#[test]
#[ignore = "needs other people's programs: run tests/import"]
fn bitlbee() {
    let stage = Stage::new();
    let betty = Bitlbee::start(&stage, "betty");
    betty.asks("account irc on", "Logged in");
    // A request that comes before there is a key is lost.
    betty.asks("otr keygen 0", "otr keygen for betty@127.0.0.1/irc complete");
    stage.waits_for("betty");
    let fingerprint = stage.bob_meets("betty");
    betty.user.expect("bob's fingerprint", |line| line.text().contains("off the record"));
    let trust = format!("otr trust bob {}", stage.bob.fingerprint());
    betty.asks(&trust, "trust set to \"affirmed\"");
    betty.asks("save", "saved");
    let prints = betty.directory.join("betty.otr_fprints");
    holds(&prints, "\taffirmed");
    let made = Made {
        program: "bitlbee",
        name: "BitlBee",
        files: vec![betty.directory.join("betty.otr_keys"), prints],
        directory: betty.directory.clone(),
        fingerprint,
        trust: "manual",
    };
    drop(betty);
    let otrd = stage.moves_in(&made);

    let (key, prints) = stage.moves_out(&otrd, "bella@127.0.0.1", "irc");
    let mut again = Bitlbee::start(&stage, "bella");
    again.asks("save", "saved");
    // It writes its files once more then.
    again.user.send("QUIT");
    again.user.is_disconnected();
    for (file, text) in [("bella.otr_keys", key), ("bella.otr_fprints", prints)] {
        stage.world.file(&again.directory.join(file), text, None);
    }
    // It reads them when its user has said who they are, and is on IRC then, too.
    again.user = Client::of_server(&stage.world, again.port, "bella");
    again.asks("identify secret", "Logged in");
    stage.waits_for("bella");
    assert_eq!(stage.bob_meets("bella"), made.fingerprint);
    let trusted = again.user.expect("a private conversation", |line| {
        line.text().contains("conversation is now off the record")
    });
    assert!(!trusted.text().contains("untrusted"), "{trusted}");
}

struct Bitlbee {
    directory: PathBuf,
    port: u16,
    user: Client,
    _process: Process,
}

impl Bitlbee {
    /// With a registered user, who has an account on IRC.
    fn start(stage: &Stage, nick: &str) -> Self {
        let directory = stage.world.directory(nick, None);
        let port = stage.world.port();
        let config = directory.join("bitlbee.conf");
        stage.world.file(&config, "[settings]\n", None);
        // libpurple's protocols want a process for each user.
        let process = Launch::new(&format!("bitlbee-{nick}"), "bitlbee")
            .args(["-F", "-n", "-i", "127.0.0.1", "-p", &port.to_string(), "-c"])
            .args([&config])
            .args(["-d".into(), format!("{}/", directory.display())])
            .start(&stage.world);
        eventually("BitlBee accepts", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        let user = Client::of_server(&stage.world, port, nick);
        let bitlbee = Self { directory, port, user, _process: process };
        bitlbee.asks("register secret", "successfully created");
        bitlbee.asks(&format!("account add irc {nick}@127.0.0.1 \"\""), "successfully added");
        bitlbee.asks(&format!("account irc set port {}", stage.ircd.port()), "port");
        bitlbee.asks("account irc set ratelimit-interval 0", "ratelimit");
        bitlbee
    }

    /// Says a line to it, and waits for one that contains this.
    #[track_caller]
    fn asks(&self, line: &str, answer: &str) {
        self.user.send(&format!("PRIVMSG &bitlbee :{line}"));
        self.user.expect(answer, |line| line.is("PRIVMSG", "root") && line.text().contains(answer));
    }
}
