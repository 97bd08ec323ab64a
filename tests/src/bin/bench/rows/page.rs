//! How late ZNC's loop is while the module's page is loaded in a loop, against a page of ZNC's own.

use std::time::{Duration, Instant};

use otrd_tests::{Web, World, Znc, ZncBuilder, ZncNetwork, ZncUser};

use crate::conn::Conn;
use crate::far::Far;
use crate::helpers::{Pinger, now};
use crate::person::Person;
use crate::report::{Goal, Report, Row};
use crate::stage::{Kit, has_otr, start_otrd};
use crate::stats::quantile;

/// A light page of ZNC's own.
const WEBADMIN: &str = "webadmin's list of users";
const PAGES: [(&str, &str); 2] =
    [(WEBADMIN, "/mods/global/webadmin/listusers"), ("the page", "/mods/network/net/otr/")];

/// What one page came to, a value per round.
#[derive(Default)]
struct Measured {
    late: Vec<Vec<f64>>,
    took: Vec<f64>,
}

pub fn measure(kit: &Kit, report: &mut Report) {
    let length = Duration::from_millis(if kit.short { 300 } else { 10_000 });
    let world = World::new();
    let far = Far::new(&world);
    let otrd = start_otrd(&world);
    let network = ZncNetwork::new("net", far.port()).otr(&otrd);
    let builder = ZncBuilder::new()
        .module("webadmin")
        .user(ZncUser::new("idle"))
        .user(ZncUser::new("alice").network(network));
    kit.lay_key(&world, &otrd.account(builder.runs_as(), "alice", "net"), "alice");
    let znc = builder.start(&world);
    let mut up = far.welcomes();
    let mut user = Conn::of_znc(znc.port(), "alice/net");
    otrd.worker();
    has_otr(&mut user);
    let mut bob = Person::new("bob", &kit.key);
    user.send("PRIVMSG bob :?OTR?");
    bob.goes_private_behind(&mut up, "alice");
    user.sees("conversation is private now");

    let mut measured = PAGES.map(|_| Measured::default());
    for _ in 0..if kit.short { 1 } else { 7 } {
        for ((_, path), measured) in PAGES.iter().zip(&mut measured) {
            one_round(&znc, path, length, measured);
        }
    }
    let [webadmin, page] = &measured;
    let at = |measured: &Measured, part| -> Vec<f64> {
        measured.late.iter().map(|round| quantile(round, part)).collect()
    };
    for (word, part, goal) in [
        ("p50", 0.5, Goal::Nothing),
        ("p99", 0.99, Goal::Nothing),
        ("p99.9", 0.999, Goal::RatioAtMost(1.5)),
        ("max", 1.0, Goal::Nothing),
    ] {
        let name = format!("ZNC's latency, the page loaded in a loop: {word}");
        let row = Row::new(name, "ms", at(page, part));
        report.add(row.against(WEBADMIN, at(webadmin, part)).goal(goal));
    }
    let row = Row::new("time of the page", "ms", page.took.clone());
    report.add(row.against(WEBADMIN, webadmin.took.clone()));
}

/// Loads a page again and again, for so long; each time as soon as the one before has come.
fn one_round(znc: &Znc, path: &str, length: Duration, measured: &mut Measured) {
    let mut web = Web::log_in(znc, "alice");
    let pinger = Pinger::start(znc.port());
    std::thread::sleep(Duration::from_millis(100));
    let (start, begun) = (now(), Instant::now());
    let mut pages = 0;
    while begun.elapsed() < length {
        assert_eq!(web.get(path).status(), 200, "{path}");
        pages += 1;
    }
    let end = now();
    measured.took.push(begun.elapsed().as_secs_f64() * 1e3 / f64::from(pages));
    let inside = pinger.stop().into_iter().filter(|(at, _)| (start..end).contains(at));
    measured.late.push(inside.map(|(_, late)| late).collect());
}
