//! Text about OTR is text, and OTR lines that a gateway cut are OTR lines.

use std::time::Duration;

use otrd_tests::Alone;

const MENTIONS: &[&str] = &[
    "have you tried ?OTR? yet",
    "or ?OTRv2? or ?OTRv23?",
    "?OTR is a prefix",
    "?OTR? is what you type",
    "?OTR?? what",
    "?OTRv2 is old",
    "?OTR: is the start of a message",
    "?OTR:AAMD",
    "?OTR,1,2 is a piece",
    "?OTR|x|y,1,2,z,",
    "?OTRv4? will come",
    "?OTRX",
];

#[test]
fn in_clear_both_ways() {
    let scene = Alone::new();
    let carol = scene.ircd.client("carol");
    for text in MENTIONS {
        scene.alice.types_to("carol", text);
        let line = carol.expect(text, |line| line.text().trim_end() == *text);
        assert!(line.is("PRIVMSG", "alice"));
        carol.types_to("alice", text);
        scene.alice.reads("carol", text);
    }
    scene.wire.never_carried("?OTR:AAMC");
    scene.wire.never_carried("?OTRv23? I ask");
}

#[test]
fn in_a_private_conversation_both_ways() {
    let (scene, bob) = Alone::private();
    for text in MENTIONS {
        scene.alice.types_to("bob", text);
        bob.reads("alice", text);
        bob.types_to("alice", text);
        scene.alice.reads("bob", text);
    }
    scene.wire.never_carried("is what you type");
}

#[test]
fn a_line_that_a_gateway_cut_is_joined_and_nothing_else_is_swallowed() {
    let (scene, bob) = Alone::private();
    for text in ["through a gateway", &"a long text ".repeat(30)] {
        let whole = bob.encrypts_for("alice", text.trim_end());
        assert!(whole.len() > 300);
        let (first, rest) = whole.split_at(200);
        bob.sends(&format!("PRIVMSG alice :{first}"));
        // People's words between the pieces, as like to them as words can be.
        for words in ["hello", "hello.", "a/b=c.", "two words"] {
            bob.sends(&format!("PRIVMSG alice :{words}"));
            scene.alice.reads("bob", &format!("[NOT ENCRYPTED] {words}"));
        }
        bob.sends("NOTICE alice :AAAA.");
        scene.alice.reads_notice("bob", "[NOT ENCRYPTED] AAAA.");
        let mut rest = rest;
        while rest.len() > 200 {
            let (piece, behind) = rest.split_at(200);
            bob.sends(&format!("PRIVMSG alice :{piece}"));
            rest = behind;
        }
        bob.sends(&format!("PRIVMSG alice :{rest}"));
        scene.alice.reads_in_pieces("bob", text.trim_end());
    }
    // And the conversation goes on.
    bob.types_to("alice", "not cut");
    scene.alice.reads("bob", "not cut");
    assert!(!scene.alice.texts_from("bob").iter().any(|text| text.contains("?OTR")));
}

#[test]
fn an_end_that_does_not_come_is_not_waited_for_long() {
    let (scene, bob) = Alone::private();
    let whole = bob.encrypts_for("alice", "lost");
    bob.sends(&format!("PRIVMSG alice :{}", &whole[..200]));
    let told = scene.alice.within(Duration::from_secs(60), |line| {
        line.plain_text().contains("[bob] A damaged OTR message came: it cannot be read.")
    });
    assert!(told.is_some(), "nobody said that a message was lost");
    bob.types_to("alice", "the next");
    scene.alice.reads("bob", "the next");
}
