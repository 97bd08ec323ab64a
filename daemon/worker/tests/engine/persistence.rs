//! What lasts: the key and how it comes to be, the files, and what is known after a restart.

use crate::common::key_file;
use crate::common::store::Files;
use crate::common::user::{User, load};
use crate::common::world::{Sent, World, contains, returned, told};
use worker::engine::{Action, Event, Now};
use worker::store::{Store, StoredFile};

#[test]
fn after_a_restart_nothing_goes_out_in_clear_and_a_session_is_asked_for_once() {
    let mut w = World::new();
    w.trusted();
    w.bob_hears = false;
    w.alice.restart_worker();
    w.settle();
    let queries = |w: &World| w.wire.iter().filter(|s| s.text.starts_with(b"?OTRv23?")).count();
    assert_eq!((w.alice.state("bob").as_str(), queries(&w)), ("blocked", 2));
    w.alice.says("bob", "early");
    w.alice.waits(61);
    let news = w.alice.news();
    assert_eq!(returned(&news, "early"), 1);
    w.alice.says("bob", "later");
    assert_eq!(returned(&w.alice.news(), "later"), 1);
    w.alice.irc(false);
    w.alice.irc(true);
    w.settle();
    assert_eq!(queries(&w), 2);
    w.bob_hears = true;
    w.alice.command("start bob");
    w.alice.says("bob", "now");
    w.settle();
    assert_eq!(w.bob.read, ["now"]);
    assert!(!w.leaked("early") && !w.leaked("later"));
}

/// The user does not know that a restart came between, and goes on to type.
#[test]
fn what_was_only_asked_for_is_closed_after_a_restart_too() {
    let mut w = World::new();
    w.bob_hears = false;
    w.alice.command("start bob");
    w.settle();
    w.alice.restart_worker();
    w.settle();
    w.alice.says("bob", "for bob only");
    assert_eq!(w.alice.state("bob"), "blocked");
    w.bob_hears = true;
    w.alice.command("start bob");
    w.settle();
    assert_eq!(w.bob.read, ["for bob only"]);
    assert!(!w.leaked("for bob only"));
    // And what nobody answered in time is open again, then and after a restart.
    w.alice.command("start dave");
    w.alice.waits(61);
    w.alice.restart_worker();
    assert_ne!(w.alice.state("dave"), "blocked");
}

#[test]
fn a_restart_of_the_worker_heals_by_itself() {
    let mut w = World::new();
    w.trusted();
    w.alice.restart_worker();
    w.settle();
    assert_eq!(w.alice.state("bob"), "encrypted");
    assert!(told(&w.alice.news(), "with a key that you trust"));
}

#[test]
fn a_new_key_ends_the_conversations_that_used_the_old() {
    let mut w = World::new();
    w.private();
    w.alice.command("genkey");
    assert!(told(&w.alice.news(), "genkey --overwrite") && w.bob.is_private());
    w.alice.command("genkey --overwrite");
    w.settle();
    assert!(!w.bob.is_private() && w.alice.keygen);
    // A new key is no word that it may go on in clear.
    w.alice.says("bob", "still closed");
    w.settle();
    assert_eq!(returned(&w.alice.news(), "still closed"), 1);
    w.alice.key_is_made(1);
    assert!(told(&w.alice.news(), "Your private key is ready"));
    assert_eq!(w.alice.files.get("otr.key").unwrap(), key_file("alice", 1));
    assert_eq!(w.alice.files.get("otr.key.2026-11-22").unwrap(), key_file("alice", 0));
    w.alice.command("start bob");
    w.settle();
    assert_eq!(w.alice.state("bob"), "encrypted");
}

#[test]
fn a_key_is_made_when_it_is_needed_and_what_waits_goes_on() {
    let mut w = World::with(User::from_disk(Files::default()));
    w.alice.command("start bob");
    w.alice.says("bob", "patience");
    w.settle();
    assert!(w.alice.keygen && w.wire.is_empty());
    w.alice.key_is_made(0);
    w.settle();
    assert_eq!(w.bob.read, ["patience"]);
}

#[test]
fn a_friends_request_waits_for_the_key_too_even_without_a_module() {
    let mut w = World::with(User::from_disk(Files::default()));
    w.bob.start();
    w.settle();
    assert!(w.alice.keygen);
    w.alice.disconnect();
    w.alice.key_is_made(0);
    w.alice.connect();
    w.settle();
    assert!(told(&w.alice.news(), "Your private key is ready"));
    w.bob.start();
    w.settle();
    assert_eq!(w.alice.state("bob"), "encrypted");
}

#[test]
fn a_failed_generation_gives_back_what_waits_for_it() {
    let mut w = World::with(User::from_disk(Files::default()));
    w.alice.command("start bob");
    w.alice.says("bob", "patience");
    w.alice.key_fails();
    assert_eq!(returned(&w.alice.news(), "patience"), 1);
    w.alice.says("bob", "in clear then");
    w.settle();
    assert!(w.leaked("in clear then") && !w.leaked("patience"));
}

/// Half a key, an empty file of keys, somebody else's: whatever came out of the pipe.
#[test]
fn what_is_no_key_of_ours_is_not_taken_for_one() {
    let key = key_file("alice", 0);
    for made in [b"", &key[..key.len() / 2], b"(privkeys)", key_file("bob", 0)] {
        let mut w = World::with(User::from_disk(Files::default()));
        w.alice.command("start bob");
        w.alice.says("bob", "patience");
        w.alice.key_comes(made);
        let news = w.alice.news();
        assert!(told(&news, "Your private key could not be made"), "{news:?}");
        assert_eq!(returned(&news, "patience"), 1);
        assert!(w.alice.files.get("otr.key").is_none());
        w.alice.command("genkey");
        w.alice.key_is_made(0);
        assert!(told(&w.alice.news(), "Your private key is ready"));
    }
}

/// Peers know us by it from the first line on.
#[test]
fn the_instance_tag_is_on_disk_before_anything_is_sent() {
    let mut user = User::new();
    user.says("bob", "hello");
    let tag = user.files.get("otr.instag").unwrap();
    user.restart_worker();
    user.says("bob", "hello again");
    assert_eq!(user.files.get("otr.instag").unwrap(), tag);
}

/// Whoever has the friend's nick cannot make us ask again and again.
#[test]
fn a_lost_session_is_asked_for_once_a_minute() {
    let mut w = World::new();
    w.trusted();
    let hers = |s: &&Sent| s.from == "alice" && s.text.starts_with(b"?OTRv23?");
    let queries = |w: &World| w.wire.iter().filter(hers).count();
    let line = w.bob.sealed(b"of the session before");
    let mut asked = queries(&w);
    for again in [1, 0, 1] {
        w.bob.finish();
        w.settle();
        assert_eq!(w.alice.state("bob"), "finished");
        w.forge(&line);
        asked += again;
        assert_eq!(queries(&w), asked);
        if again == 0 {
            w.alice.waits(60);
            w.bob.start();
            w.settle();
        }
        assert_eq!(w.alice.state("bob"), "encrypted");
    }
}

#[test]
fn a_key_file_that_is_of_no_use_is_never_written_over() {
    let files = Files::default();
    files.put(StoredFile::Key, key_file("bob", 0));
    let mut w = World::with(User::from_disk(files));
    w.bob.start();
    w.alice.command("genkey");
    w.settle();
    assert!(!w.alice.keygen);
    w.alice.command("genkey --overwrite");
    w.alice.key_fails();
    w.bob.start();
    w.settle();
    assert!(!w.alice.keygen, "a failed generation makes the file no better");
    w.alice.command("genkey --overwrite");
    w.alice.key_is_made(0);
    assert_eq!(w.alice.files.get("otr.key").unwrap(), key_file("alice", 0));
    assert_eq!(w.alice.files.get("otr.key.2026-11-22").unwrap(), key_file("bob", 0));
}

#[test]
fn what_could_not_be_saved_is_told() {
    let mut w = World::new();
    w.alice.files.refuse(true);
    w.alice.command("start bob");
    w.settle();
    let news = w.alice.news();
    assert!(told(&news, "Could not save") && told(&news, "which conversations are private"));
    assert_eq!(w.alice.state("bob"), "encrypted");
}

#[test]
fn a_damaged_file_is_kept_and_told() {
    let files = Files::default();
    files.put(StoredFile::Key, b"(privkeys (account");
    files.put(StoredFile::Fingerprints, b"bob\talice\tirc\tnonsense\tmanual\n");
    files.put(StoredFile::Conversations, b"{");
    files.put(StoredFile::Settings, b"{\"ignore\": 1}");
    let mut user = User::from_disk(files);
    let news = user.news();
    for file in ["otr.key", "otr.fp", "conversations.json", "settings.json"] {
        assert!(told(&news, &format!("The file {file} was damaged")), "{file}: {news:?}");
        assert!(user.files.names().contains(&format!("{file}.damaged")));
    }
    // Who knows what was private or required: nothing goes out in clear before the user says so.
    user.says("carol", "in clear?");
    assert_eq!((user.out.len(), returned(&user.news(), "in clear?")), (0, 1));
    user.command("policy * opportunistic");
    user.says("carol", "life goes on");
    assert_eq!(user.out.len(), 1);
    // That stays said.
    user.restart_worker();
    user.says("dave", "also here");
    assert_eq!(user.out.len(), 2);
}

/// Until somebody is told of it, a damaged file is found as it is: an admin's look starts a worker, too.
#[test]
fn a_damaged_key_is_told_whoever_started_the_worker_before_and_no_other_is_made() {
    let files = Files::default();
    files.put(StoredFile::Key, b"(privkeys (account");
    files.put(StoredFile::Fingerprints, b"bob\talice\tirc\tnonsense\tmanual\n");
    for _ in 0..2 {
        let now = Now { mono: std::time::Duration::ZERO, wall: 1_795_305_600 };
        let mut alone = load("alice", &files, now);
        let actions = alone.step(now, Event::Tick);
        let kept = actions.iter().any(|action| matches!(action, Action::KeepDamaged(_)));
        assert!(!kept && alone.linger(false) < alone.linger(true));
        assert_eq!(alone.key_state().word(), "damaged");
    }
    let mut user = User::from_disk(files);
    assert!(told(&user.news(), "Your key file was damaged and set aside"));
    assert!(user.files.get("otr.key").is_none());
    // What it was told once holds in the next worker.
    for _ in 0..2 {
        user.restart_worker();
        assert!(told(&user.news(), "Your key file was damaged and set aside"));
        user.command("start bob");
        assert!(!user.keygen && told(&user.news(), "genkey --overwrite"));
    }
    user.command("genkey --overwrite");
    user.key_is_made(0);
    user.restart_worker();
    assert!(!told(&user.news(), "damaged"));
    assert!(user.files.get("otr.key.damaged").is_some());
}

/// Only their word opens somebody, and a new key is none.
#[test]
fn a_new_key_withdraws_what_was_asked_and_opens_nobody() {
    let mut w = World::new();
    w.bob_hears = false;
    w.alice.command("start bob");
    w.alice.says("bob", "it waits");
    w.settle();
    w.alice.everybody = true;
    w.alice.command("genkey --overwrite");
    w.settle();
    let news = w.alice.news();
    assert!(told(&news, "No longer asking") && returned(&news, "it waits") == 1);
    assert!(w.alice.exempt.is_empty());
    w.alice.key_is_made(1);
    w.alice.restart_worker();
    assert_eq!(w.alice.state("bob"), "", "nobody is asked, nor closed");
    w.alice.command("finish bob");
    assert_eq!(w.alice.exempt, ["bob"]);
}

#[test]
fn what_could_not_be_saved_is_tried_at_the_end_and_the_worker_stays_for_it() {
    let mut w = World::new();
    w.private();
    w.alice.files.refuse(true);
    w.alice.command("trust bob");
    w.settle();
    assert!(told(&w.alice.news(), "Could not save"));
    w.alice.command("genkey --overwrite");
    w.alice.key_fails();
    w.settle();
    let private = w.alice.engine.linger(true);
    assert!(!w.bob.is_private() && w.alice.engine.linger(false) == private);
    w.alice.files.refuse(false);
    let before = w.alice.known("bob");
    w.alice.ends();
    assert_ne!(w.alice.known("bob"), before);
}

#[test]
fn an_old_key_that_cannot_be_kept_is_not_written_over() {
    let mut w = World::new();
    w.alice.files.refuse(true);
    w.alice.command("genkey --overwrite");
    w.alice.key_is_made(1);
    assert!(told(&w.alice.news(), "Could not save your private key"));
    assert_eq!(w.alice.files.get("otr.key").unwrap(), key_file("alice", 0));
    assert_eq!(w.alice.files.names().iter().filter(|name| name.starts_with("otr.key")).count(), 1);
}

#[test]
fn without_its_file_nobody_known_is_written_to_in_clear() {
    let mut w = World::new();
    w.trusted();
    w.alice.files.put(StoredFile::Conversations, b"half of it");
    w.bob_hears = false;
    w.alice.restart_worker();
    assert!(told(&w.alice.news(), "Which conversations were private is not known any more"));
    assert_eq!(w.alice.state("bob"), "blocked");
    w.alice.says("bob", "for bob only");
    w.alice.restart_worker();
    w.alice.says("bob", "for bob only");
    w.settle();
    assert!(!w.leaked("for bob only"));
    // Whom nothing is known of is not concerned.
    w.alice.says("dave", "hello");
    assert_eq!(w.alice.out.len(), 1);
}

/// A server can send a thousand in a second: each one written would hold up what the user types.
#[test]
fn a_flood_of_nicks_is_written_together_and_opens_nobody() {
    let mut w = World::new();
    w.trusted();
    let (before, mut nick) = (w.alice.files.writes(), "bob".to_owned());
    let mut changes = |w: &mut World, count: usize| {
        for _ in 0..count {
            let next = format!("{nick}_").replace("______", "1");
            w.alice.sees_nick(&nick, &next);
            nick = next;
        }
        nick.clone()
    };
    changes(&mut w, 100);
    let at_once = w.alice.files.writes() - before;
    assert!(at_once <= 2 * 8, "{at_once} writes");
    w.alice.waits(1);
    assert_eq!(w.alice.files.writes() - before, at_once + 2);

    // It dies before it has written the last ones: the module knows them.
    let last = changes(&mut w, 20);
    w.alice.restart_worker();
    w.bob_hears = false;
    w.alice.says(&last, "for bob only");
    assert_eq!(w.alice.state(&last), "blocked");
    assert_eq!(returned(&w.alice.news(), "for bob only"), 1);
    assert!(!w.leaked("for bob only"));
}

/// A stranger who comes back under another nick each time makes conversations by the hundred.
#[test]
fn not_all_conversations_ask_at_once_after_a_restart() {
    const MANY: usize = 40;
    let mut w = World::new();
    w.trusted();
    let mut remembered: serde_json::Value =
        serde_json::from_slice(&w.alice.files.get("conversations.json").unwrap()).unwrap();
    let all = remembered["conversations"].as_array_mut().unwrap();
    let bob = all.iter().find(|one| one["nick"] == "bob").unwrap().clone();
    for number in 0..MANY {
        let mut one = bob.clone();
        one["nick"] = format!("a{number:02}").into();
        all.push(one);
    }
    w.alice.files.put(StoredFile::Conversations, remembered.to_string().as_bytes());
    w.bob_hears = false;
    w.alice.restart_worker();
    let asked = |user: &mut User| {
        let lines = std::mem::take(&mut user.out);
        lines
            .iter()
            .filter(|line| contains(&line.text, "?OTRv"))
            .map(|line| line.to.clone())
            .collect()
    };
    let first: Vec<String> = asked(&mut w.alice);
    // Who is trusted is no stranger.
    assert_eq!((first.len(), first[0].as_str()), (8, "bob"), "{first:?}");
    // What the user types does not wait for their turn.
    w.alice.says("a39", "for a39 only");
    assert_eq!(asked(&mut w.alice), ["a39"]);
    let mut later = Vec::new();
    for _ in 0..MANY {
        w.alice.waits(10);
        let asks: Vec<String> = asked(&mut w.alice);
        assert!(asks.len() <= 1, "{asks:?}");
        later.extend(asks);
    }
    assert_eq!(later.len(), MANY + 1 - 8 - 1, "{later:?}");
}

#[test]
fn a_policy_of_never_asks_nobody_anew() {
    let mut w = World::new();
    w.trusted();
    w.alice.irc(false);
    w.alice.command("policy bob never");
    w.bob_hears = false;
    w.alice.restart_worker();
    w.alice.says("bob", "not to be asked");
    let asks = |line: &crate::common::user::Line| contains(&line.text, "?OTRv");
    assert!(!w.alice.out.iter().any(asks));
    assert_eq!(returned(&w.alice.news(), "not to be asked"), 1);
}

#[test]
fn what_was_damaged_and_never_replaced_opens_nobody() {
    let mut w = World::new();
    w.trusted();
    for file in [StoredFile::Settings, StoredFile::Conversations] {
        w.alice.files.put(file, b"half of it");
        w.alice.files.set_aside(file, "damaged").unwrap();
    }
    w.bob_hears = false;
    w.alice.restart_worker();
    let news = w.alice.news();
    assert!(told(&news, "Which conversations were private is not known any more"));
    assert_eq!(w.alice.state("bob"), "blocked");
    w.alice.says("carol", "in clear?");
    assert!(!w.alice.out.iter().any(|line| contains(&line.text, "in clear?")));
}
