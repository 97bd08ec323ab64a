//! Peers who change their nick, and peers who are forgotten: what libotr holds of them goes along.

use crate::common::user::Shown;
use crate::common::world::{Dir, World, contains, heard, told};
use otr::Smp;
use worker::store::StoredFile;

fn still_talking(w: &mut World) {
    let nick = w.bob.nick.clone();
    w.alice.news();
    w.alice.says(&nick, "to you");
    w.settle();
    assert_eq!(std::mem::take(&mut w.bob.read), ["to you"], "{nick}");
    w.bob.say(b"to me");
    w.settle();
    assert_eq!(heard(&w.alice.news()), ["to me"], "{nick}");
}

/// Whose keys are in the file, in its order.
fn names(w: &World) -> Vec<String> {
    let file = w.alice.files.get("otr.fp").expect("a file");
    let names = file.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let name = |line: &[u8]| line.split(|byte| *byte == b'\t').next().map(<[u8]>::to_vec);
    names.filter_map(name).map(|name| String::from_utf8_lossy(&name).into_owned()).collect()
}

/// A line of the file of fingerprints.
fn known(who: &str, key: &str, trust: &str) -> String {
    format!("{who}\talice\tirc\t{key}\t{trust}\n")
}

/// Rows of `info` with the sign of a key in use.
fn in_use(w: &mut World, nick: &str) -> Vec<bool> {
    w.alice.news();
    w.alice.command(&format!("info {nick}"));
    let rows = w.alice.news().into_iter().filter_map(|one| match one {
        Shown::Row(row) => Some(row[3].contains('*')),
        _ => None,
    });
    rows.collect()
}

/// Sessions of a nick that `info` lists.
fn sessions(w: &mut World, nick: &str) -> usize {
    w.alice.news();
    w.alice.command(&format!("info {nick}"));
    let line = |one: &&Shown| matches!(one, Shown::Otr(_, text) if text.starts_with("Instance"));
    w.alice.news().iter().filter(line).count()
}

#[test]
fn a_session_follows_its_peer_through_many_names() {
    for version in [b"?OTRv2?", b"?OTRv3?"] {
        let mut w = World::new();
        let other = w.mallory.otr.own_fingerprint().unwrap().to_hex();
        let neighbours = ["aaron", "bob_", "zoe"].map(|name| known(name, &other, "")).concat();
        w.alice.files.put(StoredFile::Fingerprints, neighbours.as_bytes());
        w.alice.restart_worker();
        w.bob.out.push_back(version.to_vec());
        w.settle();
        assert!(w.bob.is_private());
        for name in ["bob_away", "a", "zz", "bob__", "B", "bob"] {
            w.rename(|w| &mut w.bob, name);
            still_talking(&mut w);
            let names = names(&w);
            assert!(names.is_sorted(), "{names:?}");
        }
        assert_eq!(w.alice.engine.status().sessions, 1);
        assert_eq!(sessions(&mut w, "bob"), 1);
        assert_eq!(sessions(&mut w, "bob_away"), 0);
    }
}

#[test]
fn trust_stays_with_the_name_under_which_it_was_given() {
    let mut w = World::new();
    let his = w.bob.otr.own_fingerprint().unwrap().to_hex();
    let other = w.mallory.otr.own_fingerprint().unwrap().to_hex();
    let file = [
        known("bob", &his, "manual"),
        known("bob", &other, "smp"),
        known("carol", &other, "manual"),
    ];
    w.alice.files.put(StoredFile::Fingerprints, file.concat().as_bytes());
    w.alice.restart_worker();
    w.private();

    // To a name of which other keys are known: they stay, his is new there.
    w.rename(|w| &mut w.carol, "caroline");
    w.rename(|w| &mut w.bob, "carol");
    assert!(told(&w.alice.news(), "THE KEY HAS CHANGED"));
    let pair = |key: &String, trust: &str| (key.clone(), trust.to_owned());
    assert_eq!(w.alice.known("carol"), [pair(&other, "manual"), pair(&his, "")]);
    assert_eq!(w.alice.known("bob"), [pair(&his, "manual"), pair(&other, "smp")]);
    assert_eq!(in_use(&mut w, "bob"), [false, false]);
    assert_eq!(in_use(&mut w, "carol"), [true, false]);

    // And back.
    w.rename(|w| &mut w.bob, "bob");
    assert_eq!(w.alice.known("bob"), [pair(&his, "manual"), pair(&other, "smp")]);
    assert_eq!(in_use(&mut w, "bob"), [true, false]);
    w.alice.command("trust bob");
    still_talking(&mut w);
}

#[test]
fn a_name_with_a_session_of_its_own_is_not_taken_over() {
    let mut w = World::new();
    w.private();
    w.alice.command("start mallory");
    w.settle();
    assert!(w.mallory.is_private());
    w.alice.sees_nick("mallory", "bob");
    assert!(told(&w.alice.news(), "mallory"));
    assert_eq!(
        (w.alice.state("bob"), w.alice.state("mallory")),
        ("encrypted".into(), "blocked".into())
    );
    still_talking(&mut w);
    // Not a finished one either: it still blocks clear text.
    w.bob.finish();
    w.settle();
    w.alice.sees_nick("mallory", "bob");
    assert_eq!(
        (w.alice.state("bob"), w.alice.state("mallory")),
        ("finished".into(), "blocked".into())
    );
    // But it can itself be followed.
    w.rename(|w| &mut w.bob, "bobby");
    assert_eq!(w.alice.state("bobby"), "finished");
    w.rename(|w| &mut w.mallory, "bob");
    w.alice.news();
    // Her session went along with her.
    w.mallory.say(b"it is me");
    w.settle();
    assert_eq!(heard(&w.alice.news()), ["[UNVERIFIED NEW KEY] it is me"]);
}

#[test]
fn a_key_exchange_under_way_is_followed_and_its_instances_too() {
    let mut w = World::new();
    // The commitment arrives, what follows does not yet.
    w.alice.command("start bob");
    w.inward.holds = true;
    w.settle();
    let commitment = w.inward.held.pop_front().unwrap();
    w.arrive(commitment);
    w.outward.holds = true;
    w.settle();
    w.rename(|w| &mut w.bob, "robert");
    w.outward.held.iter_mut().for_each(|sent| sent.to = "robert".into());
    w.let_go(Dir::Out);
    w.let_go(Dir::In);
    w.settle();
    still_talking(&mut w);

    // His other client, with another key.
    w.impostor.nick = "robert".into();
    w.impostor_answers = true;
    w.alice.command("refresh robert");
    w.settle();
    assert_eq!(sessions(&mut w, "robert"), 2);
    w.impostor.nick = "rob".into();
    w.rename(|w| &mut w.bob, "rob");
    assert_eq!((sessions(&mut w, "rob"), sessions(&mut w, "robert")), (2, 0));
    // Both keys are known of the new name, and neither is forgotten under the old one.
    assert_eq!(w.alice.known("rob"), w.alice.known("robert"));
    assert_eq!(w.alice.known("rob").len(), 2);
}

#[test]
fn names_without_a_session_stay_as_they_are() {
    let mut w = World::new();
    let other = w.mallory.otr.own_fingerprint().unwrap().to_hex();
    let file = known("bob", &other, "manual");
    w.alice.files.put(StoredFile::Fingerprints, file.as_bytes());
    w.alice.restart_worker();
    for (old, new) in [("bob", "carol"), ("nobody", "bob"), ("bob", "bob")] {
        w.alice.sees_nick(old, new);
    }
    assert_eq!(w.alice.files.get("otr.fp").unwrap(), file.as_bytes());
}

#[test]
fn an_smp_run_goes_along() {
    let mut w = World::new();
    w.private();
    w.bob.ask(None, b"s");
    w.settle();
    w.rename(|w| &mut w.bob, "bobby");
    w.bob.smp();
    w.alice.command("auth bobby s");
    w.settle();
    assert!(matches!(w.bob.smp()[..], [_, Smp::Verified(_)]));
    assert!(told(&w.alice.news(), "Successfully authenticated"));
}

#[test]
fn forgetting_keeps_what_is_worth_keeping() {
    let mut w = World::new();
    w.private();
    let flood = |w: &mut World| {
        for number in 0..=worker::limits::IDLE_PEERS {
            w.inject(&format!("stranger{number}"), b"hello");
        }
        w.alice.news();
    };
    flood(&mut w);
    still_talking(&mut w);
    w.alice.command("finish bob");
    w.settle();
    w.bob.finish();
    let known = w.alice.known("bob");
    flood(&mut w);
    assert_eq!((w.alice.known("bob"), known.len()), (known.clone(), 1));
    // And it can begin again.
    w.private();
    still_talking(&mut w);
    assert_eq!(w.alice.known("bob"), known);
}

#[test]
fn a_fingerprint_in_use_is_not_forgotten() {
    let mut w = World::new();
    let his = w.bob.otr.own_fingerprint().unwrap().to_hex();
    let other = w.mallory.otr.own_fingerprint().unwrap().to_hex();
    w.alice.files.put(StoredFile::Fingerprints, known("bob", &other, "").as_bytes());
    w.alice.restart_worker();
    w.alice.command("start bob");
    w.settle();
    assert_eq!(in_use(&mut w, "bob"), [true, false]);
    w.alice.command(&format!("forget {his}"));
    assert!(told(&w.alice.news(), "is in use: say finish bob first"));
    w.alice.command(&format!("forget {other}"));
    assert!(told(&w.alice.news(), "forgotten"));
    assert_eq!(w.alice.known("bob"), [(his.clone(), String::new())]);
    w.alice.command(&format!("forget {other}"));
    assert!(told(&w.alice.news(), "No such fingerprint"));
    w.alice.command("finish bob");
    w.alice.command(&format!("forget {his}"));
    assert!(told(&w.alice.news(), "forgotten"));
    assert_eq!(w.alice.files.get("otr.fp").unwrap(), b"");
    w.alice.command(&format!("trust {his}"));
    assert!(!told(&w.alice.news(), "trusted!"));
    assert_eq!(w.alice.files.get("otr.fp").unwrap(), b"");
}

#[test]
fn a_server_that_changes_its_rule_without_end_costs_few_files() {
    let mut w = World::new();
    w.private();
    let before = w.alice.files.writes();
    for _ in 0..200 {
        w.alice.casemapping("ascii");
        w.alice.casemapping("rfc1459");
    }
    w.alice.casemapping("rfc7613");
    let written = w.alice.files.writes() - before;
    assert!(written < 30, "{written} writes");
    // What it said last holds in the end.
    let settings = |w: &World| w.alice.files.get("settings.json").unwrap();
    assert!(!contains(&settings(&w), "rfc7613"));
    w.alice.waits(15);
    assert!(contains(&settings(&w), "rfc7613"));
    assert_eq!(w.alice.state("bob"), "encrypted");
}
