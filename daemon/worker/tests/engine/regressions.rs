//! What the model found, or reading with the model in mind: each broke a promise once.

use crate::common::initial_states::Start;
use crate::common::invariants::run;
use crate::common::key_file;
use crate::common::person::Person;
use crate::common::steps::Op;
use crate::common::steps::Op::{Alice, Casemapping, Hold, Impostor, Rename};
use crate::common::steps::Who;
use crate::common::store::Files;
use crate::common::user::{Shown, User};
use crate::common::user_actions::Own;
use crate::common::user_actions::Own::{Command, LoseReply, Module, Reload, Type, Worker};
use crate::common::world::{Dir, Us, World, heard, returned, told};
use proto::shim::MessageKind;

/// The module guards whatever nick a guarded peer takes; with nothing private there, it must be
/// told that it need not, or the new nick could never be written to again.
#[test]
fn a_nick_that_only_the_module_guards_is_let_go() {
    run(Start::Clear, &[Alice(Type(0, 0)), Alice(Command(12, 0)), Rename(Who::Bob, 2)]);
    let mut w = World::new();
    w.alice.command("policy bob required");
    w.alice.says("bob", "hello");
    w.settle();
    w.alice.command("finish bob");
    w.rename(|w| &mut w.bob, "b2");
    assert!(!w.alice.guarded("b2"));
    w.alice.says("b2", "in clear");
    assert_eq!(w.alice.out.len(), 1);
}

/// The conversation that was only asked for hid the private one behind the same nick, and let
/// text out in clear a minute later.
#[test]
fn two_nicks_that_become_one_stay_closed() {
    run(Start::TwoNicks, &[Casemapping(0), Alice(Worker), Casemapping(1)]);
    run(Start::TwoNicks, &[Alice(Module(false)), Casemapping(0), Alice(Worker), Casemapping(1)]);
    run(Start::TwoNicks, &[Casemapping(0), Rename(Who::Bob, 3), Casemapping(1)]);
    run(
        Start::TwoNicks,
        &[Casemapping(0), Rename(Who::Carol, 0), Alice(Type(0, 0)), Casemapping(1)],
    );
    // All of them are let go, too, where the answer comes when they are two again.
    let both = [Casemapping(0), Alice(LoseReply), Alice(Own::FINISH_ALL), Casemapping(1)];
    run(Start::TwoNicks, &both);
    let mut w = World::new();
    w.alice.casemapping("ascii");
    w.bob.nick = "b[".into();
    w.alice.command("start b[");
    w.settle();
    w.alice.command("start b{");
    w.settle();
    w.alice.casemapping("rfc1459");
    w.alice.waits(61);
    for nick in ["b[", "b{"] {
        w.alice.says(nick, "a secret");
        assert!(w.alice.guarded(nick));
    }
    w.settle();
    assert!(!w.leaked("a secret"));
    w.alice.restart_worker();
    w.alice.casemapping("ascii");
    w.alice.says("b[", "a secret");
    w.settle();
    assert!(!w.leaked("a secret"));
}

/// Somebody with a private conversation under their own nick takes a friend's nick.
#[test]
fn a_session_that_takes_a_friends_nick_is_a_change() {
    let mut w = World::new();
    w.trusted();
    w.alice.command("start mallory");
    w.settle();
    w.alice.command("finish bob");
    w.settle();
    w.bob.nick = "away".into();
    w.alice.news();
    w.rename(|w| &mut w.mallory, "bob");
    assert!(told(&w.alice.news(), "THE KEY HAS CHANGED"));
    w.alice.says("bob", "for bob only");
    w.mallory.say(b"it is me");
    w.settle();
    assert!(w.mallory.read.is_empty() && !w.leaked("for bob only"));
    assert_eq!(heard(&w.alice.news()), ["[UNVERIFIED NEW KEY] it is me"]);
}

/// Before, the second time that a foreign key came it was the known one.
#[test]
fn a_foreign_key_is_a_change_each_time_it_comes() {
    let mut w = World::new();
    w.private();
    w.bob_hears = false;
    w.impostor_answers = true;
    for _ in 0..3 {
        w.impostor.start();
        w.settle();
        assert!(told(&w.alice.news(), "THE KEY HAS CHANGED"));
        w.alice.says("bob", "for bob only");
        w.alice.restart_worker();
        w.settle();
        w.alice.says("bob", "for bob only");
        w.alice.command("finish bob");
        w.settle();
        w.alice.news();
    }
    assert!(w.impostor.read.is_empty() && !w.leaked("for bob only"));
}

/// Old module's files have several keys under one nick: which was first survives folding.
#[test]
fn the_first_key_stays_the_first_when_nicks_are_folded() {
    let mut w = World::new();
    let first = w.bob.otr.own_fingerprint().unwrap().to_hex();
    let second = Person::with_key("bob", 1).otr.own_fingerprint().unwrap().to_hex();
    let lines: String = [&first, &second].map(|key| format!("Bob\talice\tirc\t{key}\t\n")).concat();
    w.alice.files.put(worker::store::StoredFile::Fingerprints, lines.as_bytes());
    w.alice.restart_worker();
    w.alice.casemapping("rfc1459");
    w.alice.command("start bob");
    w.settle();
    assert_eq!(w.alice.state("bob"), "encrypted");
    assert_eq!(w.alice.known("bob")[0].0, first);
    assert!(!told(&w.alice.news(), "CHANGED"));
}

/// The module gave the line back, for its connection was lost over it.
#[test]
fn what_came_back_with_a_lost_connection_is_not_sent_afterwards() {
    let mut w = World::new();
    w.bob_hears = false;
    w.alice.command("start bob");
    w.settle();
    w.alice.lose_next_reply = true;
    w.alice.says("bob", "sent or not?");
    w.alice.waits(5);
    assert_eq!(returned(&w.alice.news(), "sent or not?"), 1);
    w.alice.connect();
    w.bob_hears = true;
    w.alice.command("start bob");
    w.settle();
    assert!(w.bob.is_private() && w.bob.read.is_empty());
}

/// A trusted key that the user distrusts gets nothing more where another key is known.
#[test]
fn a_distrusted_key_is_held_where_another_one_is_known() {
    let mut w = World::new();
    w.private();
    w.bob.restart(1);
    w.bob.start();
    w.settle();
    w.alice.command("trust bob");
    w.alice.says("bob", "trusted");
    w.settle();
    w.alice.command("distrust bob");
    w.alice.says("bob", "not any more");
    w.settle();
    assert_eq!(w.bob.read, ["trusted"]);
    w.alice.command("trust bob");
    w.settle();
    assert_eq!(w.bob.read, ["trusted", "not any more"]);
}

/// What was typed before the peer went to another nick goes to the peer.
#[test]
fn waiting_lines_follow_the_peer_and_not_the_nick() {
    let mut w = World::new();
    w.inward.holds = true;
    w.alice.command("start bob");
    w.alice.says("bob", "wait for me");
    w.settle();
    w.rename(|w| &mut w.bob, "bobby");
    w.mallory.nick = "bob".into();
    w.mallory.start();
    w.inward.held.iter_mut().for_each(|sent| sent.from = "bobby".into());
    w.let_go(Dir::In);
    w.settle();
    assert_eq!(w.bob.read, ["wait for me"]);
    assert!(w.mallory.read.is_empty());
}

/// A full disk is told once, and what could not be written is written when there is room.
#[test]
fn what_could_not_be_saved_is_saved_later() {
    let mut w = World::new();
    w.alice.files.refuse(true);
    w.alice.command("start bob");
    w.settle();
    assert!(told(&w.alice.news(), "which conversations are private"));
    for _ in 0..5 {
        w.alice.waits(61);
    }
    assert!(!told(&w.alice.news(), "Could not save"));
    w.alice.files.refuse(false);
    w.alice.waits(61);
    w.bob_hears = false;
    w.alice.restart_worker();
    w.alice.says("bob", "a secret");
    assert!(w.alice.state("bob") == "blocked" && !w.leaked("a secret"));
    w.settle();
}

/// So is a new key.
#[test]
fn a_key_that_could_not_be_saved_is_saved_later() {
    let mut w = World::with(User::from_disk(Files::default()));
    w.alice.files.refuse(true);
    w.alice.command("genkey");
    w.alice.key_is_made(0);
    assert!(told(&w.alice.news(), "Could not save your private key"));
    w.alice.waits(10);
    w.alice.files.refuse(false);
    w.alice.waits(60);
    assert_eq!(w.alice.files.get("otr.key").unwrap(), key_file("alice", 0));
}

/// What comes under the friend's nick from somebody else is marked, however it comes.
#[test]
fn nothing_is_shown_as_the_friends_after_the_friend_has_gone() {
    let mut w = World::new();
    w.trusted();
    w.alice.sees_quit("bob");
    w.bob.nick = "elsewhere".into();
    w.mallory.nick = "bob".into();
    for kind in [MessageKind::Text, MessageKind::Action, MessageKind::Notice, MessageKind::Ctcp] {
        w.alice.hears("bob", kind, b"hi");
    }
    let marked = |one: &Shown| match one {
        Shown::Peer { text, .. } => text.starts_with("[NOT ENCRYPTED] "),
        _ => true,
    };
    assert!(w.alice.news().iter().all(marked));
}

/// A nick that was left closed stays closed when somebody else takes it who was only asked.
#[test]
fn a_nick_left_behind_stays_closed_when_somebody_else_takes_it() {
    run(
        Start::Clear,
        &[
            Impostor(false, false),
            Rename(Who::Bob, 6),
            Alice(Command(0, 6)),
            Op::Start(Who::Mallory),
            Rename(Who::Mallory, 0),
            Rename(Who::Bob, 5),
        ],
    );
}

/// The reply to `finish` was lost, and the module loaded anew: the user is told late, in words that
/// were shown before for another time.
#[test]
fn an_end_whose_answer_was_lost_is_told_late() {
    let again = [
        Alice(Command(3, 0)),
        Alice(Command(8, 0)),
        Alice(LoseReply),
        Alice(Command(3, 0)),
        Alice(Reload(false)),
    ];
    run(Start::EnemyToo, &again);
}

/// Somebody takes the nick that a private peer left while that peer's line is on its way.
#[test]
fn a_nick_left_stays_guarded_when_it_is_taken() {
    let ops =
        [Hold(Dir::In, true), Rename(Who::Bob, 2), Alice(Command(0, 4)), Rename(Who::Carol, 0)];
    run(Start::Private, &ops);
}

/// A line that only looks like OTR passed, and came again for another module: with a byte in it
/// that no text to a client has, and as if it had not been shown before.
#[test]
fn what_passed_before_is_only_text_and_perhaps_shown() {
    let ops = [Op::Start(Who::Bob), Op::Alter(Us::Alice, 0, 0, 1), Alice(Reload(true))];
    run(Start::NoKey, &ops);
    let mut w = World::new();
    w.inject("bob", b"?OTR is \x01what I use");
    assert_eq!(heard(&w.alice.news()), ["?OTR is \x01what I use"]);
    w.alice.reload(true);
    assert_eq!(heard(&w.alice.news()), ["[perhaps shown before] ?OTR is what I use"]);
}

/// The end of two nicks that the server took for one is told again once it takes them for two.
#[test]
fn an_end_that_is_told_again_is_of_its_time() {
    let ops =
        [Alice(Worker), Casemapping(0), Alice(Command(3, 2)), Casemapping(1), Alice(Reload(true))];
    run(Start::TwoNicks, &ops);
}
