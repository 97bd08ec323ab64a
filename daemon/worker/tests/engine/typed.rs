//! What is said by a typed method does what the line of text does, and `state` gives all there is in
//! pages that fit in a line.

use crate::common::user::{Shown, nick};
use crate::common::world::{World, told};
use proto::command::{
    Command, Digits, FingerprintOf, Finish, Forget, Genkey, MaybePeer, Nothing, Patterns, Peer,
    Policy, PolicyWord, Secret, Smp,
};
use proto::overview::{AccountState, StatePage};
use proto::shim::{self, State};

fn peer() -> Peer {
    Peer { peer: nick("bob") }
}

fn of(peer: Option<&str>, fingerprint: Option<&str>) -> FingerprintOf {
    let digits = |text| Digits::new(text).unwrap();
    FingerprintOf { peer: peer.map(nick), fingerprint: fingerprint.map(digits) }
}

fn pattern(pattern: Option<&str>, remove: bool) -> Patterns {
    Patterns { pattern: pattern.map(str::to_owned), remove }
}

fn policy(pattern: Option<&str>, policy: Option<PolicyWord>) -> Command {
    Command::Policy(Policy { pattern: pattern.map(str::to_owned), policy })
}

fn smp(question: Option<&str>) -> Command {
    let secret = Secret::new("old oak").unwrap();
    Command::Smp(Smp { peer: nick("bob"), secret, question: question.map(Into::into) })
}

/// What is shown to the user, and how bob stands afterwards.
fn shown(w: &mut World, say: impl FnOnce(&mut World)) -> (Vec<Shown>, Option<State>) {
    w.alice.news();
    say(w);
    w.settle();
    let state = w.alice.states.get(&nick("bob")).map(|standing| standing.state);
    (w.alice.news(), state)
}

#[test]
fn a_typed_method_does_what_the_line_does() {
    let own = World::new().alice.overview().key.fingerprint.unwrap();
    for (line, command) in [
        ("start bob", Command::Start(peer())),
        ("refresh bob", Command::Refresh(peer())),
        ("finish bob", Command::Finish(Finish::Peer { peer: nick("bob") })),
        ("finish --all", Command::Finish(Finish::All { all: true })),
        ("trust bob", Command::Trust(of(Some("bob"), None))),
        ("distrust bob", Command::Distrust(of(Some("bob"), None))),
        ("trust 0123456789", Command::Trust(of(Some("0123456789"), None))),
        (
            &format!("forget {own}"),
            Command::Forget(Forget { fingerprint: Digits::new(&own).unwrap(), peer: None }),
        ),
        ("auth bob old oak", smp(None)),
        ("authq bob [which tree?] old oak", smp(Some("which tree?"))),
        ("authabort bob", Command::SmpAbort(peer())),
        ("genkey", Command::Genkey(Genkey { overwrite: false })),
        ("policy", policy(None, None)),
        ("policy bob", policy(Some("bob"), None)),
        ("policy b* required", policy(Some("b*"), Some(PolicyWord::Required))),
        ("policy b* default", policy(Some("b*"), Some(PolicyWord::Default))),
        ("ignore", Command::Ignore(pattern(None, false))),
        ("ignore *bot", Command::Ignore(pattern(Some("*bot"), false))),
        ("ignore --remove *bot", Command::Ignore(pattern(Some("*bot"), true))),
        ("enable", Command::Enable(pattern(None, false))),
        ("enable goodbot", Command::Enable(pattern(Some("goodbot"), false))),
        ("enable --remove goodbot", Command::Enable(pattern(Some("goodbot"), true))),
        ("info bob", Command::Info(MaybePeer { peer: Some(nick("bob")) })),
        ("info", Command::Info(MaybePeer { peer: None })),
        ("fingerprint", Command::Fingerprint(Nothing {})),
    ] {
        for private in [false, true] {
            let world = || {
                let mut w = World::new();
                if private {
                    w.private();
                }
                w
            };
            let typed = shown(&mut world(), |w| w.alice.commands(command.clone()));
            let text = shown(&mut world(), |w| w.alice.command(line));
            // Instance tags are drawn.
            let without_tags = |(news, state): (Vec<Shown>, _)| {
                let drawn =
                    |one: &Shown| matches!(one, Shown::Otr(_, text) if text.contains("tags"));
                (news.into_iter().filter(|one| !drawn(one)).collect::<Vec<_>>(), state)
            };
            let (typed, text) = (without_tags(typed), without_tags(text));
            assert_eq!(typed, text, "{line}, private: {private}");
            assert!(!typed.0.is_empty() || line.starts_with("start"), "{line} says nothing");
        }
    }
}

#[test]
fn a_fingerprint_with_a_peer_is_that_peers_alone() {
    let mut w = World::new();
    w.private();
    let bobs = w.alice.known("bob")[0].0.clone();
    w.alice.commands(Command::Trust(of(Some("carol"), Some(&bobs))));
    assert!(told(&w.alice.news(), "No such fingerprint"));
    assert_eq!(w.alice.known("bob")[0].1, "");
    w.alice.commands(Command::Trust(of(Some("bob"), Some(&bobs[..8]))));
    assert_eq!(w.alice.known("bob")[0].1, "manual");
    w.alice.commands(Command::Distrust(of(None, Some(&bobs))));
    assert_eq!(w.alice.known("bob")[0].1, "");
}

#[test]
fn the_state_says_how_the_account_is() {
    let mut w = World::new();
    let before = w.alice.overview();
    assert_eq!((before.peers.len(), before.next), (0, None));
    assert_eq!(before.key.state, "ready");
    // 44 characters, read by a camera even where a tenth of them is dirty.
    assert_eq!(before.key.qr.map(|code| code.rows().len()), Some(33));
    assert!(before.versions.libgcrypt.is_some_and(|release| release.starts_with("1.")));
    assert!(before.versions.libotr.is_some_and(|release| release.starts_with("4.1.")));
    assert!(w.alice.engine.overview(w.alice.now, StatePage { from: 1 }).key.qr.is_none());
    w.private();
    w.alice.command("trust bob");
    w.alice.command("policy b* required");
    w.alice.command("policy known manual");
    w.alice.command("ignore *bot");
    w.alice.command("enable goodbot");
    let state = w.alice.overview();
    let bob = &state.peers[0];
    assert_eq!((&bob.standing, &bob.rule[..]), (&w.alice.states[&nick("bob")], "policy known"));
    assert_eq!((bob.otr, state.peers.len()), (Some(3), 1));
    let key = &state.fingerprints[0];
    assert_eq!(Some(&key.fingerprint), bob.standing.fingerprint.as_ref());
    assert_eq!((key.trust, key.in_use), (shim::Trust::Manual, true));
    assert_eq!(
        (state.policies[0].pattern.as_str(), state.policies[0].policy.as_str()),
        ("b*", "required")
    );
    assert_eq!(state.known_policy.as_deref(), Some("manual"));
    assert_eq!(
        (&state.ignore[..], &state.enable[..]),
        (&["*bot".to_owned()][..], &["goodbot".to_owned()][..])
    );
    w.alice.command("finish bob");
    let after = w.alice.overview();
    assert_eq!(after.peers[0].standing.state, State::Clear);
    assert!(!after.fingerprints[0].in_use && after.peers[0].since.is_none());
}

#[test]
fn each_page_fits_in_a_line_and_together_they_are_all() {
    let mut w = World::new();
    let long = |list: &str, number: usize| format!("{list}{number:03}{}*", "\\".repeat(110));
    for number in 0..200 {
        w.alice.command(&format!("ignore {}", long("i", number)));
        w.alice.command(&format!("enable {}", long("e", number)));
        w.alice.command(&format!("policy {} manual", long("p", number)));
    }
    let (mut from, mut pages) = (0, Vec::<AccountState>::new());
    loop {
        let page = w.alice.engine.overview(w.alice.now, StatePage { from });
        assert!(serde_json::to_vec(&page).unwrap().len() < proto::MAX_LINE - 4096);
        let next = page.next;
        pages.push(page);
        match next {
            Some(next) => assert!(std::mem::replace(&mut from, next) < next, "no way on"),
            None => break,
        }
    }
    assert!(pages.len() > 2, "only {} pages", pages.len());
    let all =
        |list: fn(&AccountState) -> Vec<String>| pages.iter().flat_map(list).collect::<Vec<_>>();
    let typed = |list: &str| (0..200).map(|number| long(list, number)).collect::<Vec<_>>();
    assert_eq!(all(|page| page.ignore.clone()), typed("i"));
    assert_eq!(all(|page| page.enable.clone()), typed("e"));
    let policies = |page: &AccountState| page.policies.iter().map(|p| p.pattern.clone()).collect();
    assert_eq!(all(policies), typed("p"));
    // From behind the end there is nothing, and nothing more.
    let none = w.alice.engine.overview(w.alice.now, StatePage { from: u64::MAX });
    assert_eq!((none.policies.len(), none.next), (0, None));
}

#[test]
fn when_keys_were_made_and_used_is_known_after_a_restart_too() {
    let mut w = World::new();
    w.trusted();
    let of_bob = |w: &World| {
        let state = w.alice.overview();
        let bob = state.fingerprints.first().expect("bob's fingerprint").clone();
        (bob.first_used, bob.last_used)
    };
    let first = of_bob(&w).0;
    assert!(first.is_some());
    assert_eq!(of_bob(&w), (first, first));

    w.alice.waits(3600);
    w.alice.restart_worker();
    w.settle();
    assert_eq!(w.alice.state("bob"), "encrypted");
    let (again, last) = of_bob(&w);
    assert_eq!(again, first);
    assert_eq!(last, first.map(|first| first + 3600));

    w.alice.command("genkey --overwrite");
    w.alice.key_is_made(1);
    let made = w.alice.overview().key.made;
    assert_eq!(made, last);
    w.alice.restart_worker();
    assert_eq!(w.alice.overview().key.made, made);
}
