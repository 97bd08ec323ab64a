//! Who is whom: changed nicks, comings and goings, and letters that are the same letter.

use otrd_tests::{Alone, Casemapping, Ircd, NodePeer, Scene, Way, ZncUser};

#[test]
fn the_conversation_follows_the_peers_nick() {
    let (scene, bob) = Alone::private();
    together(&scene, &bob);
    let alice = &scene.alice;
    bob.sends("NICK robert");
    alice.otr_says("bob is now known as robert; the private conversation goes on there.");
    alice.types_to("robert", "to the new name");
    bob.reads("alice", "to the new name");
    bob.types_to("alice", "from the new name");
    alice.reads("robert", "from the new name");
    alice.types_to("bob", "to the old name");
    alice.otr_says("to the old name");

    // Somebody takes the old one, and gets nothing.
    let carol = scene.ircd.client("bob");
    carol.types_to("alice", "I am bob");
    alice.reads("bob", "[NOT ENCRYPTED] I am bob");
    alice.types_to("bob", "for the real one");
    alice.acts_to("bob", "is mistaken");
    alice.otr_says("is mistaken");
    carol.settled();
    carol.never_saw("PRIVMSG");

    // Until the user says finish.
    alice.otr("finish bob");
    alice.otr_says("[bob] The private conversation is finished.");
    alice.types_to("bob", "hello, stranger");
    carol.expect("her words", |line| line.text().trim_end() == "hello, stranger");
    alice.types_to("robert", "still private");
    bob.reads("alice", "still private");
    for text in ["the new name", "the old name", "the real one", "mistaken", "still private"] {
        scene.wire.never_carried(text);
    }
}

#[test]
fn there_and_back_again() {
    let (scene, bob) = Alone::private();
    together(&scene, &bob);
    bob.sends("NICK bob_");
    scene.alice.otr_says("bob is now known as bob_");
    bob.sends("NICK bob");
    scene.alice.otr_says("bob_ is now known as bob");
    scene.alice.types_to("bob", "welcome back");
    bob.reads("alice", "welcome back");
    scene.alice.types_to("bob_", "left behind");
    scene.alice.otr_says("left behind");
    scene.wire.never_carried("welcome back");
    scene.wire.never_carried("left behind");
}

#[test]
fn who_leaves_and_comes_back_finds_the_conversation() {
    let (scene, bob) = Alone::private();
    // Of their own will, and by a netsplit.
    together(&scene, &bob);
    for words in ["good bye", "one.example.net two.example.net"] {
        bob.quits(words);
        scene.alice.otr_says("[bob] They left IRC. The private conversation stays.");
        scene.alice.becomes("bob", "encrypted");
        bob.comes_back();
        enters(&scene, &bob);
        scene.alice.otr_says("[bob] This nick is back. The private conversation stays");
        scene.alice.types_to("bob", "the same keys");
        bob.reads("alice", "the same keys");
        bob.types_to("alice", "as before");
        scene.alice.reads("bob", "as before");
    }
    scene.wire.never_carried("the same keys");
}

#[test]
fn rfc1459_takes_brackets_and_braces_for_one() {
    let (scene, bob) = private_with(on_inspircd(Casemapping::Rfc1459), "b[o\\b]");
    for nick in ["b{o|b}", "B[O\\B]", "B{o\\B}"] {
        scene.alice.types_to(nick, &format!("to {nick}"));
        bob.reads("alice", &format!("to {nick}"));
        scene.wire.never_carried(&format!(":to {nick}"));
    }
    scene.alice.otr("info B{O|B}");
    scene.alice.otr_says("Private with OTRv3");
}

#[test]
fn ascii_does_not() {
    let (scene, bob) = private_with(on_inspircd(Casemapping::Ascii), "b[b");
    scene.alice.types_to("B[B", "to himself");
    bob.reads("alice", "to himself");
    scene.wire.never_carried("to himself");
    // Another person, but by the rules of another server the same nick: which rules hold is what the
    // server says, so it is closed for as long as the first one is.
    let other = scene.ircd.client("b{b");
    scene.alice.types_to("b{b", "too early");
    scene.alice.otr_says("finish b[b first");
    scene.wire.never_carried("too early");
    scene.alice.otr("finish b[b");
    scene.alice.otr_says("[b[b] The private conversation is finished.");
    scene.alice.types_to("b{b", "hello");
    other.expect("alice's words", |line| line.text().trim_end() == "hello");
}

#[test]
fn rfc1459_strict_leaves_the_tilde_out() {
    let says = Scene::build().server_says("CASEMAPPING=ascii", "CASEMAPPING=rfc1459-strict");
    let (scene, _bob) = private_with(says.begin_alone(), "b[b");
    scene.alice.types_to("B{B", "the same person");
    scene.wire.carries(Way::Out, "PRIVMSG B{B :?OTR");
    scene.wire.never_carried("the same person");
    scene.alice.otr("policy ^ never");
    scene.alice.otr_says("Policy for ^: never.");
    scene.alice.otr("policy ~");
    scene.alice.otr_says("[~] Policy: opportunistic (the default).");
}

#[test]
fn rfc7613_knows_more_letters() {
    let says = Scene::build().server_says("CASEMAPPING=ascii", "CASEMAPPING=rfc7613");
    let scene = says.begin_alone();
    scene.alice.otr("policy BÖRK required");
    scene.alice.otr("policy börk");
    scene.alice.otr_says("[börk] Policy: required (policy BÖRK).");
    scene.alice.types_to("Börk", "never in clear");
    scene.alice.otr_says("[Börk] Your message waits until the conversation is private.");
    scene.alice.otr("policy b[rk");
    scene.alice.otr_says("[b[rk] Policy: opportunistic");
    scene.wire.never_carried("never in clear");
}

/// The module has no Unicode: for lines of other modules it takes the safe side, and what otrd
/// lets pass goes on.
#[test]
fn rfc7613_leaves_no_spelling_to_other_modules() {
    let says = Scene::build().server_says("CASEMAPPING=ascii", "CASEMAPPING=rfc7613");
    let scene = says.alice(ZncUser::new("alice").module("send_raw")).begin_alone();
    let bob = scene.peer("bob", "23");
    scene.goes_private(&bob);
    scene.alice.types_to("björk", "too early");
    scene.alice.otr_says("too early");
    scene.alice.otr("finish björk");
    scene.alice.otr_says("[björk]");
    scene.wire.never_carried("too early");
    scene.alice.types_to("björk", "lunch?");
    scene.wire.carries(Way::Out, "PRIVMSG björk :lunch?");

    // The Kelvin sign is a k in lower case.
    for nick in ["BOB", "bo\u{212a}", "ｂｏｂ"] {
        let raw = format!("server alice net PRIVMSG {nick} :never in clear");
        scene.alice.types_to("*send_raw", &raw);
        scene.alice.otr_says(&format!("[{nick}] Stopped, it was not encrypted"));
    }
    scene.alice.types_to("*send_raw", "server alice net PRIVMSG carol :somebody else");
    scene.wire.carries(Way::Out, "PRIVMSG carol :somebody else");
    scene.wire.never_carried("never in clear");
}

#[track_caller]
fn on_inspircd(casemapping: Casemapping) -> Alone {
    let build = Scene::build();
    let ircd = Ircd::inspircd(build.world(), casemapping);
    build.ircd(ircd).begin_alone()
}

#[track_caller]
fn private_with(scene: Alone, nick: &str) -> (Alone, NodePeer) {
    let peer = scene.peer(nick, "23");
    scene.goes_private(&peer);
    (scene, peer)
}

/// ZNC sees who shares a channel with its user.
#[track_caller]
fn together(scene: &Alone, peer: &NodePeer) {
    scene.alice.joins("#room");
    enters(scene, peer);
}

/// The peer enters the channel in which she is.
fn enters(scene: &Alone, peer: &NodePeer) {
    peer.sends("JOIN #room");
    scene.alice.expect("a join", |line| line.is("JOIN", peer.nick()));
}
