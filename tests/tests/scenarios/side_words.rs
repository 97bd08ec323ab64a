//! What is not plain words: actions, notices, CTCP, HTML, and clear text in a private conversation.

use otrd_tests::{Alone, NodePeer, Way};

#[test]
fn an_action_stays_one_both_ways_in_either_spelling() {
    let (scene, bob) = Alone::private();
    scene.alice.acts_to("bob", "waves");
    bob.reads("alice", "/me waves");
    bob.types_to("alice", "/me waves back");
    scene.alice.reads_action("bob", "waves back");
    bob.types_to("alice", "\u{1}ACTION waves again\u{1}");
    scene.alice.reads_action("bob", "waves again");
    scene.wire.never_carried("ACTION waves");
}

#[test]
fn notices_and_ctcp_requests_are_held_back_with_a_word() {
    let (scene, _bob) = Alone::private();
    let alice = &scene.alice;
    alice.notices("bob", "a note");
    alice.otr_says("[bob] Not sent (notices and CTCP requests cannot be encrypted, and this conversation is private): a note");
    alice.types_to("bob", "\u{1}PING 12345\u{1}");
    alice.otr_says("): PING 12345");
    alice.types_to("bob", "\u{1}DCC SEND secret.txt 1 2 3\u{1}");
    alice.otr_says("): DCC SEND secret.txt 1 2 3");
    // What clients answer by themselves goes nowhere.
    alice.notices("bob", "\u{1}VERSION my client\u{1}");
    alice.otr_says("An automatic CTCP answer of your client was held back");
    alice.settled();
    for text in ["a note", "PING 12345", "secret.txt", "my client"] {
        scene.wire.never_carried(text);
    }
}

#[test]
fn clear_text_from_the_peer_is_shown_and_marked() {
    let (scene, bob) = Alone::private();
    says_everything_in_clear(&bob);
    let alice = &scene.alice;
    alice.reads("bob", "[NOT ENCRYPTED] clear words");
    alice.reads_action("bob", "[NOT ENCRYPTED] clear waves");
    alice.reads_notice("bob", "[NOT ENCRYPTED] clear note");
    // As text: no client answers it.
    alice.reads("bob", "[NOT ENCRYPTED] CTCP VERSION");
    alice.reads_notice("bob", "[NOT ENCRYPTED] CTCP TIME noon");
    alice.settled();
    assert_eq!(scene.wire.count(Way::Out, "NOTICE"), 0);
    // The private conversation goes on.
    bob.types_to("alice", "private words");
    alice.reads("bob", "private words");
}

#[test]
fn nobody_can_type_a_mark_of_ours() {
    let (scene, bob) = Alone::private();
    let alice = &scene.alice;
    bob.types_to("alice", "[NOT ENCRYPTED] as if");
    alice.reads("bob", "\\[NOT ENCRYPTED] as if");
    bob.types_to("alice", "/me [perhaps shown before] waves");
    alice.reads_action("bob", "\\[perhaps shown before] waves");
    bob.sends("PRIVMSG alice :[NOT ENCRYPTED] twice");
    alice.reads("bob", "[NOT ENCRYPTED] \\[NOT ENCRYPTED] twice");
    // Nor who has no private conversation.
    let carol = scene.peer("carol", "23");
    carol.sends("PRIVMSG alice :[UNVERIFIED NEW KEY] it is me");
    alice.reads("carol", "\\[UNVERIFIED NEW KEY] it is me");
    // Nor what only looks like one.
    for words in ["\x02[NOT\x0f ENCRYPTED] bold", "[not encrypted] small", "［NОT ENCRYPTED] alien"]
    {
        bob.types_to("alice", words);
        alice.reads("bob", &format!("\\{words}"));
        carol.sends(&format!("PRIVMSG alice :{words}"));
        alice.reads("carol", &format!("\\{words}"));
    }
    carol.sends("PRIVMSG alice :a [NOT ENCRYPTED] inside");
    alice.reads("carol", "a [NOT ENCRYPTED] inside");
}

#[test]
fn clear_text_from_the_peer_is_kept_for_a_detached_user() {
    let (scene, bob) = Alone::private();
    scene.alice.send("QUIT");
    scene.alice.is_disconnected();
    says_everything_in_clear(&bob);
    bob.types_to("alice", "private words");
    scene.wire.carries(Way::In, "TIME noon");
    let back = scene.znc.attach("alice", "net");
    back.reads("bob", "[NOT ENCRYPTED] clear words");
    back.reads_action("bob", "[NOT ENCRYPTED] clear waves");
    back.reads_notice("bob", "[NOT ENCRYPTED] clear note");
    back.reads("bob", "[NOT ENCRYPTED] CTCP VERSION");
    back.reads("bob", "private words");
    assert_eq!(scene.wire.count(Way::Out, "NOTICE"), 0);
}

#[test]
fn a_ctcp_request_inside_is_shown_as_text() {
    let (scene, bob) = Alone::private();
    let alice = &scene.alice;
    bob.types_to("alice", "\u{1}VERSION\u{1}");
    alice.reads("bob", "CTCP VERSION");
    bob.types_to("alice", "\u{1}DCC SEND x 1 2 3\u{1}");
    alice.reads("bob", "CTCP DCC SEND x 1 2 3");
    bob.types_to("alice", "one\r\nPRIVMSG #room :two\u{1}");
    alice.reads("bob", "one PRIVMSG #room :two");
    assert_eq!(scene.wire.count(Way::Out, "NOTICE"), 0);
}

#[test]
fn html_becomes_plain_text_and_what_was_typed_stays() {
    let (scene, bob) = Alone::private();
    for (sent, shown) in [
        ("<b>bold</b> &amp; <FONT COLOR=\"red\">red</FONT>", "bold & red"),
        ("one<br>two<br/>three", "one two three"),
        ("1 &lt; 2 &gt; 0 &quot;x&quot; &#39;y&#39;", "1 < 2 > 0 \"x\" 'y'"),
        ("<a href=\"http://x.org/\">here</a>", "here [http://x.org/]"),
        ("&lt;b&gt;", "<b>"),
        ("a < b, <bob> said <3 & Vec<b>", "a < b, <bob> said <3 & Vec<b>"),
    ] {
        bob.types_to("alice", sent);
        scene.alice.reads("bob", shown);
    }
    // Ours goes out as it was typed.
    scene.alice.types_to("bob", "a < b & <b>c</b>");
    bob.reads("alice", "a < b & <b>c</b>");
}

#[test]
fn a_decrypted_text_ends_after_16_kib() {
    let (scene, bob) = Alone::private();
    let words: String = (0..4000).map(|number| format!("{number:04} ")).collect();
    bob.types_to("alice", &words);
    scene.alice.otr_says("longer than 16 KiB: its end is not shown");
    let shown = scene.alice.texts_from("bob");
    assert!(shown.len() > 30, "{} lines", shown.len());
    assert_eq!(shown.join(" "), words[..16 * 1024].trim_end());
}

fn says_everything_in_clear(bob: &NodePeer) {
    bob.sends("PRIVMSG alice :clear words");
    bob.sends("PRIVMSG alice :\u{1}ACTION clear waves\u{1}");
    bob.sends("NOTICE alice :clear note");
    bob.sends("PRIVMSG alice :\u{1}VERSION\u{1}");
    bob.sends("NOTICE alice :\u{1}TIME noon\u{1}");
}
