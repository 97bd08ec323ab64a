//! Conversations from beginning to end, each a promise of the design. What the model finds is
//! kept in `found.rs`.

use crate::common::person::Person;
use crate::common::user::Shown;
use crate::common::world::{Dir, World, heard, returned, told};
use proto::shim::{MessageKind, Style};

#[test]
fn words_go_both_ways_and_the_wire_sees_none() {
    let mut w = World::new();
    w.private();
    w.alice.says("bob", "for bob");
    w.alice.types("bob", MessageKind::Action, "waves");
    w.settle();
    assert_eq!(w.bob.read, ["for bob", "/me waves"]);
    w.bob.say(b"for alice");
    w.bob.say(b"/me nods");
    w.settle();
    assert_eq!(heard(&w.alice.news()), ["for alice", "nods"]);
    assert!(!w.leaked("for bob") && !w.leaked("waves"));
}

#[test]
fn the_first_message_offers_and_the_friend_answers() {
    let mut w = World::new();
    w.alice.says("bob", "hello there");
    assert_eq!(w.alice.out[0].text.len(), "hello there".len() + 32);
    w.settle();
    w.alice.says("bob", "again");
    assert_eq!(w.alice.out[0].text, b"again");
}

#[test]
fn typed_lines_wait_until_the_conversation_is_private() {
    let mut w = World::new();
    w.inward.holds = true;
    w.alice.says("bob", "?OTR?");
    w.alice.says("bob", "one");
    w.alice.says("bob", "two");
    w.settle();
    assert!(w.bob.read.is_empty() && !w.leaked("one"));
    w.let_go(Dir::In);
    w.settle();
    assert_eq!(w.bob.read, ["one", "two"]);
}

#[test]
fn typed_lines_come_back_after_a_minute() {
    let mut w = World::new();
    w.bob_hears = false;
    w.alice.command("start bob");
    w.alice.says("bob", "too late");
    w.settle();
    w.alice.waits(59);
    assert_eq!(returned(&w.alice.news(), "too late"), 0);
    w.alice.waits(2);
    assert_eq!(returned(&w.alice.news(), "too late"), 1);
    assert!(!w.leaked("too late"));
    // The answer that comes then makes the conversation private, without the line.
    w.alice.waits(600);
    assert_eq!(returned(&w.alice.news(), "too late"), 0);
}

#[test]
fn a_changed_key_gets_nothing_until_it_is_trusted() {
    let mut w = World::new();
    w.private();
    w.bob.restart(1);
    w.bob.start();
    w.settle();
    let news = w.alice.news();
    assert!(told(&news, "THE KEY HAS CHANGED"), "{news:?}");
    w.alice.says("bob", "who is there?");
    w.settle();
    assert!(w.bob.read.is_empty());
    w.bob.say(b"me");
    w.settle();
    assert_eq!(heard(&w.alice.news()), ["[UNVERIFIED NEW KEY] me"]);
    w.alice.command("trust bob");
    w.settle();
    assert_eq!(w.bob.read, ["who is there?"]);
    assert!(!w.leaked("who is there?"));
}

#[test]
fn a_changed_key_stays_changed_when_it_comes_again() {
    let mut w = World::new();
    w.private();
    w.bob.restart(1);
    w.bob.start();
    w.settle();
    w.alice.command("finish bob");
    w.settle();
    w.alice.news();
    w.bob.start();
    w.settle();
    assert!(told(&w.alice.news(), "THE KEY HAS CHANGED"));
    // Nor does a restart make it known.
    w.alice.restart_worker();
    w.settle();
    w.alice.says("bob", "not for a stranger");
    w.settle();
    assert!(w.bob.read.is_empty() && !w.leaked("not for a stranger"));
}

#[test]
fn the_session_follows_a_nick_and_the_old_nick_gets_nothing() {
    let mut w = World::new();
    w.trusted();
    w.rename(|w| &mut w.bob, "bobby");
    w.alice.says("bobby", "still you");
    w.settle();
    assert_eq!(w.bob.read, ["still you"]);
    w.mallory.nick = "bob".into();
    w.alice.says("bob", "not for mallory");
    w.alice.types("bob", MessageKind::Notice, "nor this");
    w.settle();
    let news = w.alice.news();
    assert_eq!((returned(&news, "not for mallory"), returned(&news, "nor this")), (1, 1));
    assert!(!w.leaked("not for mallory") && !w.leaked("nor this"));
    // The key is trusted as bob's, not as whoever's nick it comes with.
    assert_eq!(w.alice.known("bobby")[0].1, "");
    assert_eq!(w.alice.known("bob")[0].1, "manual");
    w.mallory.say(b"it is me, bob");
    w.settle();
    assert_eq!(heard(&w.alice.news()), ["[NOT ENCRYPTED] it is me, bob"]);
}

#[test]
fn the_new_nick_is_closed_by_the_reply_where_the_module_did_not_do_it() {
    let mut w = World::new();
    w.trusted();
    w.alice.tells_of_nick("bob", "rob");
    assert!(w.alice.closed("rob") && w.alice.closed("bob"));
    w.alice.command("start carol");
    w.alice.tells_of_nick("carol", "caroline");
    assert!(w.alice.guarded("caroline") && !w.alice.closed("caroline"));
}

#[test]
fn a_stranger_under_the_friends_nick_is_called_a_change() {
    let mut w = World::new();
    w.trusted();
    w.bob_hears = false;
    w.impostor_answers = true;
    w.impostor.start();
    w.settle();
    assert!(told(&w.alice.news(), "THE KEY HAS CHANGED"));
    w.alice.says("bob", "a secret");
    w.impostor.say(b"tell me");
    w.settle();
    assert_eq!(heard(&w.alice.news()), ["[UNVERIFIED NEW KEY] tell me"]);
    assert!(w.impostor.read.is_empty());
    w.alice.waits(61);
    assert_eq!(returned(&w.alice.news(), "a secret"), 1);
}

#[test]
fn the_peer_ends_it_and_nothing_goes_out_until_the_user_does_too() {
    let mut w = World::new();
    w.private();
    w.bob.finish();
    w.settle();
    assert!(told(&w.alice.news(), "They ended"));
    w.alice.says("bob", "held back");
    w.settle();
    assert_eq!(returned(&w.alice.news(), "held back"), 1);
    w.alice.command("finish bob");
    w.alice.says("bob", "in clear");
    w.settle();
    assert!(!w.leaked("held back") && w.leaked("in clear"));
}

#[test]
fn finishing_tells_the_peer() {
    let mut w = World::new();
    w.private();
    w.alice.command("finish BOB");
    w.settle();
    assert!(!w.bob.is_private());
    assert_eq!(w.alice.state("bob"), "plaintext");
    assert!(!w.alice.guarded("bob"));
}

#[test]
fn a_nick_is_the_same_in_all_its_spellings() {
    let mut w = World::new();
    w.bob.nick = "bob[]".into();
    w.alice.command("start BOB{}");
    w.settle();
    assert_eq!(w.alice.state("bob[]"), "encrypted");
    for spelling in ["Bob[]", "bob{]", "BOB{}"] {
        assert!(w.alice.guarded(spelling));
        w.alice.says(spelling, "spelled");
    }
    w.settle();
    assert_eq!((w.bob.read.len(), w.leaked("spelled")), (3, false));
}

#[test]
fn nothing_goes_past_a_private_conversation() {
    let mut w = World::new();
    w.private();
    for kind in [MessageKind::Notice, MessageKind::Ctcp] {
        w.alice.types("bob", kind, "aside");
    }
    w.alice.types("bob", MessageKind::CtcpReply, "VERSION mine");
    w.settle();
    assert_eq!(returned(&w.alice.news(), "aside"), 2);
    assert!(!w.leaked("aside") && !w.leaked("VERSION"));
}

#[test]
fn required_never_leaks() {
    let mut w = World::new();
    w.bob_hears = false;
    w.alice.command("policy bob required");
    w.alice.news();
    w.alice.says("bob", "only private");
    w.settle();
    w.alice.waits(61);
    assert_eq!(returned(&w.alice.news(), "only private"), 1);
    w.alice.types("bob", MessageKind::Notice, "only private too");
    assert_eq!(returned(&w.alice.news(), "only private too"), 1);
    w.alice.irc(false);
    w.alice.says("bob", "offline");
    assert_eq!(returned(&w.alice.news(), "offline"), 1);
    assert!(!w.leaked("only private") && !w.leaked("offline"));
    w.alice.irc(true);
    w.bob_hears = true;
    w.alice.says("bob", "there you are");
    w.settle();
    assert_eq!(w.bob.read, ["there you are"]);
}

#[test]
fn ignore_and_never_are_refused_while_private() {
    let mut w = World::new();
    w.private();
    for command in ["ignore bob", "ignore b*", "policy bob never", "policy * never"] {
        w.alice.command(command);
        assert!(told(&w.alice.news(), "there is a private conversation with bob"), "{command}");
    }
    w.alice.says("bob", "still private");
    w.settle();
    assert_eq!(w.bob.read, ["still private"]);
    w.alice.command("finish bob");
    w.alice.command("ignore bob");
    w.bob.start();
    w.settle();
    assert_eq!(w.alice.state("bob"), "plaintext");
}

#[test]
fn text_that_mentions_otr_is_text() {
    let texts = ["what is ?OTR?", "?OTR", "?OTR:xyz", "?OTRv", "see ?OTR:AAMD. and ?OTRv23?"];
    let mut w = World::new();
    w.alice.command("policy carol manual");
    for text in texts {
        w.alice.says("carol", text);
        w.inject("carol", text.as_bytes());
    }
    w.settle();
    assert_eq!(heard(&w.alice.news()), texts);
    let passed: Vec<&[u8]> =
        w.wire.iter().filter(|s| s.from == "alice").map(|s| s.text.as_slice()).collect();
    assert_eq!(passed, texts.map(str::as_bytes));
    w.private();
    for text in texts {
        w.alice.says("bob", text);
        w.bob.say(text.as_bytes());
    }
    w.settle();
    assert_eq!(w.bob.read, texts);
    assert_eq!(heard(&w.alice.news()), texts);
}

#[test]
fn a_ctcp_inside_otr_is_shown_and_not_answered() {
    let mut w = World::new();
    w.private();
    w.bob.say(b"\x01VERSION\x01");
    w.bob.say(b"\x01ACTION nods\x01");
    w.settle();
    let news = w.alice.news();
    assert!(matches!(&news[..], [
        Shown::Peer { kind: MessageKind::Text, text: version, .. },
        Shown::Peer { kind: MessageKind::Action, text: nods, .. },
    ] if version == "CTCP VERSION" && nods == "nods"));
}

#[test]
fn a_decrypted_text_stays_one_line() {
    let mut w = World::new();
    w.private();
    w.bob.say(b"one\r\nPRIVMSG #c :two\n\x01ACTION x\x01");
    w.settle();
    assert_eq!(heard(&w.alice.news()), ["one PRIVMSG #c :two ACTION x"]);
}

#[test]
fn clear_text_in_a_private_conversation_is_marked() {
    let mut w = World::new();
    w.private();
    w.forge(b"send me the password");
    for kind in
        [MessageKind::Action, MessageKind::Notice, MessageKind::Ctcp, MessageKind::CtcpReply]
    {
        w.alice.hears("bob", kind, b"VERSION");
    }
    let shown = w.alice.news();
    assert_eq!(heard(&shown).len(), 5);
    assert!(heard(&shown).iter().all(|text| text.starts_with("[NOT ENCRYPTED] ")), "{shown:?}");
    let no_ctcp = |one: &Shown| {
        !matches!(one, Shown::Peer { kind: MessageKind::Ctcp | MessageKind::CtcpReply, .. })
    };
    assert!(shown.iter().all(no_ctcp));
    assert!(w.alice.out.is_empty());
}

#[test]
fn what_happens_without_a_module_is_told_later() {
    let mut w = World::new();
    w.bob_hears = false;
    w.alice.command("start bob");
    w.alice.says("bob", "waits");
    w.settle();
    w.alice.disconnect();
    w.alice.waits(61);
    w.alice.connect();
    let news = w.alice.news();
    assert_eq!(returned(&news, "waits"), 1);
    assert!(told(&news, "within 60 seconds"));
}

#[test]
fn a_friend_whose_client_forgot_the_session_is_asked_for_a_new_one() {
    let mut w = World::new();
    w.private();
    w.bob.restart(0);
    w.bob.start();
    w.settle();
    w.alice.says("bob", "here again");
    w.settle();
    assert_eq!(w.bob.read, ["here again"]);
    assert!(!told(&w.alice.news(), "CHANGED"));
}

#[test]
fn authentication_says_who_checked_whom() {
    let mut w = World::new();
    w.private();
    w.alice.command("authq bob [where?] paris");
    w.settle();
    w.bob.answer(b"paris");
    w.settle();
    let news = w.alice.news();
    assert!(told(&news, "Successfully authenticated."));
    assert_eq!(w.alice.known("bob")[0].1, "smp");

    let mut w = World::new();
    w.private();
    w.bob.ask(Some(b"what\r\n is\x02 1+1?"), b"2");
    w.settle();
    assert!(told(&w.alice.news(), "in their words: what   is 1+1?"));
    w.alice.command("auth bob 2");
    w.settle();
    assert!(told(&w.alice.news(), "You have not verified them"));
    assert_eq!(w.alice.known("bob")[0].1, "");
}

#[test]
fn a_failed_authentication_takes_no_trust_away() {
    let mut w = World::new();
    w.trusted();
    w.bob.ask(None, b"one");
    w.settle();
    w.alice.command("auth bob two");
    w.settle();
    let news = w.alice.news();
    assert!(told(&news, "What you trust has not changed"), "{news:?}");
    assert_eq!(w.alice.known("bob")[0].1, "manual");
}

#[test]
fn errors_and_forged_lines_are_quoted_and_change_nothing() {
    let mut w = World::new();
    w.trusted();
    for line in [
        "?OTR Error: \x02send it\x02 in clear",
        "?OTR:AAMDAAAAAAAA.",
        "?OTR|00000100|00000000,00001,00002,abc,",
        "?OTRv?",
    ] {
        w.forge(line.as_bytes());
    }
    let news = w.alice.news();
    assert!(told(&news, "in their words: send it in clear"));
    let marked = |one: &Shown| match one {
        Shown::Otr(style, _) => *style != Style::Good,
        Shown::Peer { text, .. } => text.starts_with("[NOT ENCRYPTED] "),
        _ => false,
    };
    assert!(news.iter().all(marked), "{news:?}");
    w.alice.says("bob", "unharmed");
    w.settle();
    assert_eq!(w.bob.read, ["unharmed"]);
}

#[test]
fn two_conversations_do_not_meet() {
    let mut w = World::new();
    w.private();
    w.alice.command("start carol");
    w.settle();
    w.alice.says("bob", "for bob");
    w.alice.says("carol", "for carol");
    w.settle();
    assert_eq!((w.bob.read, w.carol.read), (vec!["for bob".into()], vec!["for carol".into()]));
}

#[test]
fn the_enemys_own_words_under_his_own_nick_are_his() {
    let mut w = World::new();
    w.mallory = Person::new("mallory");
    w.alice.command("start mallory");
    w.settle();
    w.mallory.say(b"hello");
    w.settle();
    assert!(heard(&w.alice.news()).contains(&"hello"));
}

/// What lasts is counted by a clock that nobody sets.
#[test]
fn a_wall_clock_that_jumps_changes_nothing() {
    let mut w = World::new();
    w.private();
    w.bob_hears = false;
    for wall in [0, u64::MAX, 1, 253_402_300_800, u64::MAX / 2] {
        w.alice.now.wall = wall;
        w.alice.command("start carl");
        w.alice.says("carl", "waits");
        for wall in [u64::MAX - 60, 0] {
            w.alice.now.wall = wall;
            w.alice.waits(29);
            assert_eq!(returned(&w.alice.news(), "waits"), 0);
        }
        w.alice.now.wall = wall.min(u64::MAX - 60);
        w.alice.waits(3);
        assert_eq!(returned(&w.alice.news(), "waits"), 1);
        // Everything that names a day or a time.
        for command in ["info", "info bob", "status", "auth bob secret", "authabort bob"] {
            w.alice.command(command);
        }
    }
    w.bob_hears = true;
    w.alice.now.wall = 0;
    w.alice.says("bob", "as before");
    w.settle();
    assert_eq!(w.bob.read, ["as before"]);
    w.alice.now.wall = u64::MAX;
    w.alice.command("genkey --overwrite");
    w.alice.key_is_made(1);
    assert!(w.alice.files.names().iter().any(|name| name.starts_with("otr.key.")));
}
