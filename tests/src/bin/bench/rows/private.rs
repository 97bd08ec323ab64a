//! From `?OTR?` to private over a real IRC server, against libotr in the user's own client.

use std::time::Instant;

use otrd_tests::{Ircd, World, ZncBuilder, ZncNetwork, ZncUser, eventually};

use crate::conn::{Conn, word};
use crate::person::Person;
use crate::report::{Goal, Report, Row};
use crate::stage::{Kit, has_otr, start_otrd};

pub fn measure(kit: &Kit, report: &mut Report) {
    let world = World::new();
    let ircd = Ircd::ngircd(&world);
    let otrd = start_otrd(&world);
    let network = ZncNetwork::new("net", ircd.port()).otr(&otrd);
    let builder = ZncBuilder::new().user(ZncUser::new("alice").network(network));
    kit.lay_key(&world, &otrd.account(builder.runs_as(), "alice", "net"), "alice");
    let znc = builder.start(&world);
    let mut alice = Conn::of_znc(znc.port(), "alice/net");
    has_otr(&mut alice);
    let mut watcher = Conn::of_server(ircd.port(), "watcher");
    eventually("ZNC is connected", || {
        watcher.send("ISON alice");
        watcher.until("who is online", |line| word(line, 1) == b"303").ends_with(b"alice")
    });
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for round in 0..if kit.short { 2 } else { 15 } {
        let peer = format!("bob{round}");
        let answering = Answering::start(kit, ircd.port(), &peer);
        let start = Instant::now();
        alice.send(&format!("PRIVMSG {peer} :?OTR?"));
        alice.sees("conversation is private now");
        ours.push(start.elapsed().as_secs_f64() * 1000.0);
        answering.ends();

        let peer = format!("rob{round}");
        let answering = Answering::start(kit, ircd.port(), &peer);
        let mut server = Conn::of_server(ircd.port(), &format!("ann{round}"));
        let mut ann = Person::new("ann", &kit.key);
        let start = Instant::now();
        server.send(&format!("PRIVMSG {peer} :?OTRv23?"));
        while !ann.is_private_with(&peer) {
            let line = server.line();
            ann.answers(&mut server, &line);
        }
        bare.push(start.elapsed().as_secs_f64() * 1000.0);
        answering.ends();
    }
    report.add(
        Row::new("from ?OTR? to private", "ms", ours)
            .against("bare libotr", bare)
            .goal(Goal::RatioAtMost(1.1)),
    );
}

/// A peer in a thread of its own, until it is private.
struct Answering(std::thread::JoinHandle<()>);

impl Answering {
    fn start(kit: &Kit, port: u16, nick: &str) -> Self {
        let mut server = Conn::of_server(port, nick);
        let (nick, key) = (nick.to_owned(), kit.key.clone());
        Self(std::thread::spawn(move || {
            let mut bob = Person::new(&nick, &key);
            loop {
                let line = server.line();
                bob.answers(&mut server, &line);
                let source = String::from_utf8_lossy(&line).into_owned();
                let from = source.trim_start_matches(':').split('!').next().unwrap_or_default();
                if bob.is_private_with(from) {
                    return;
                }
            }
        }))
    }

    fn ends(self) {
        self.0.join().expect("the peer became private");
    }
}
