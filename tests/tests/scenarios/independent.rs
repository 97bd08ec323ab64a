//! A peer whose OTR shares nothing with libotr: npm's `otr`, versions 2 and 3.

use otrd_tests::{Alone, Client, NodePeer, Way};

#[test]
fn version_3_begun_by_alice() {
    begun_by_alice("3", "v3");
}

#[test]
fn version_2_begun_by_alice() {
    begun_by_alice("2", "v2");
}

#[test]
fn version_3_begun_by_bob() {
    begun_by_bob("3", "v3");
}

#[test]
fn version_2_begun_by_bob() {
    begun_by_bob("2", "v2");
}

#[test]
fn of_both_versions_the_newer_is_spoken() {
    let scene = Alone::new();
    let bob = scene.peer("bob", "23");
    bob.starts_otr_with("alice");
    bob.is_private("alice", "v3");
}

#[test]
fn version_3_authenticates() {
    authenticates("3");
}

#[test]
fn version_2_authenticates() {
    authenticates("2");
}

#[test]
fn bob_finishes() {
    for versions in ["2", "3"] {
        let scene = Alone::new();
        let bob = scene.peer("bob", versions);
        scene.goes_private(&bob);
        bob.finishes_otr_with("alice");
        scene.alice.becomes("bob", "finished");
        scene.alice.types_to("bob", "slips out");
        scene.alice.otr_says("slips out");
        scene.wire.never_carried("slips out");
        // A new one can be had at once.
        scene.goes_private(&bob);
        both_read(&scene, &bob, "private again");
    }
}

#[test]
fn alice_finishes() {
    for versions in ["2", "3"] {
        let scene = Alone::new();
        let bob = scene.peer("bob", versions);
        scene.goes_private(&bob);
        scene.alice.otr("finish bob");
        bob.told("finished alice");
        bob.finishes_otr_with("alice");
        scene.alice.types_to("bob", "open words");
        bob.reads_clear("alice", "open words");
        scene.wire.carries(Way::Out, "open words");
    }
}

/// Whoever takes bob's nick can ask for one, and nothing needs to come of it.
#[test]
fn a_query_for_another_version_leaves_a_conversation_readable() {
    for (versions, query) in [("2", "?OTRv3?"), ("2", "?OTRv23?"), ("3", "?OTRv2?")] {
        let scene = Alone::new();
        let bob = scene.peer("bob", versions);
        scene.goes_private(&bob);
        bob.quits("back soon");
        let stranger = Client::of_server(&scene.world, scene.ircd.port(), "bob");
        stranger.send(&format!("PRIVMSG alice :{query}"));
        scene.alice.otr_says("They ask for a private conversation");
        stranger.send("QUIT");
        stranger.is_disconnected();
        bob.comes_back();
        both_read(&scene, &bob, "under the keys that there are");
    }
}

#[track_caller]
fn begun_by_alice(versions: &str, version: &str) {
    let scene = Alone::new();
    let bob = scene.peer("bob", versions);
    scene.alice.types_to("bob", "?OTR?");
    talk(&scene, &bob, version);
}

#[track_caller]
fn begun_by_bob(versions: &str, version: &str) {
    let scene = Alone::new();
    let bob = scene.peer("bob", versions);
    bob.starts_otr_with("alice");
    talk(&scene, &bob, version);
}

/// From the key exchange to long texts, which take several fragments each way.
#[track_caller]
fn talk(scene: &Alone, bob: &NodePeer, version: &str) {
    let seen = bob.is_private("alice", version);
    scene.alice.becomes("bob", "encrypted");
    let info = scene.alice.info();
    assert_eq!(info.last(), Some(&format!("Your fingerprint: {seen}.")));
    assert!(info.iter().any(|line| line.contains(bob.fingerprint())), "{info:?}");
    let details = scene.alice.asks_otr("info bob", |line| line.starts_with("Your fingerprint"));
    let version = format!("Private with OTR{version} since ");
    assert!(details.iter().any(|line| line.starts_with(&version)), "{details:?}");

    for text in ["one", "grüße, 你好 🙂", "100% of <this> & that"] {
        both_read(scene, bob, text);
    }
    let words: Vec<String> = (0..300).map(|number| format!("w{number:03}")).collect();
    let long = words.join(" ");
    scene.alice.types_to("bob", &long);
    bob.reads_in_pieces("alice", &long);
    bob.types_to("alice", &long);
    scene.alice.reads_in_pieces("bob", &long);
    // Keys are changed with every turn of the conversation.
    for turn in 0..10 {
        both_read(scene, bob, &format!("turn {turn}"));
    }
    for text in ["one", "grüße", "w001", "turn"] {
        scene.wire.never_carried(&format!(":{text}"));
    }
}

#[track_caller]
fn both_read(scene: &Alone, bob: &NodePeer, text: &str) {
    scene.alice.types_to("bob", text);
    bob.reads("alice", text);
    bob.types_to("alice", text);
    scene.alice.reads("bob", text);
}

#[track_caller]
fn authenticates(versions: &str) {
    let scene = Alone::new();
    let bob = scene.peer("bob", versions);
    scene.goes_private(&bob);
    let alice = &scene.alice;

    alice.otr("auth bob the old man and the sea");
    alice.otr_says_exactly("[bob] Initiated authentication.");
    bob.told("asked alice");
    bob.auths("alice", "the old man and the sea");
    alice.otr_says_exactly("[bob] Peer replied to authentication request.");
    alice.otr_says_exactly("[bob] Successfully authenticated.");
    bob.told("smp alice success");
    assert!(alice.info().iter().any(|line| line.contains("| shared secret")));

    alice.otr("authq bob [What is it [no caps]?] rosebud");
    assert_eq!(bob.told("asked alice "), "What is it [no caps]?");
    bob.auths("alice", "casablanca");
    alice.otr_says("Authentication failed");
    bob.told("smp alice failure");
    // What was trusted stays so.
    assert!(alice.info().iter().any(|line| line.contains("| shared secret")));
    alice.otr("distrust bob");

    bob.auths_with_question("alice", "whose?", "mine");
    alice.otr_says("They ask you to authenticate, with this question, in their words: whose?");
    alice.otr("auth bob mine");
    bob.told("smp alice success");
    alice.otr_says("they have verified you. You have not verified them");
    assert!(alice.info().iter().any(|line| line.contains("| not trusted")));

    bob.auths("alice", "one");
    alice.otr_says("They ask you to authenticate with a secret that you both know.");
    alice.otr("auth bob two");
    bob.told("smp alice failure");
    alice.otr_says("Authentication failed");

    bob.auths("alice", "one");
    alice.otr_says("They ask you to authenticate with a secret that you both know.");
    alice.otr("auth bob one");
    bob.told("smp alice success");
    alice.otr_says_exactly("[bob] Successfully authenticated.");
    assert!(alice.info().iter().any(|line| line.contains("| shared secret")));
}

/// A key with which bare libotr ends the process, or computes for a minute: refused before it is
/// used, by the one who answers as by the one who began. No session or trust is needed for it.
#[test]
fn a_degenerate_public_key_is_refused() {
    let scene = Alone::new();
    let worker = scene.otrd.worker();
    let huge = "ff".repeat(12_000);
    let one = "01";
    let cases = [
        ["", one, one, one],
        [one, "", one, one],
        [one, one, one, one],
        [&huge, &huge, &huge, &huge],
    ];
    for (number, numbers) in cases.into_iter().enumerate() {
        let nick = format!("mallory{number}");
        let mallory = scene.peer(&nick, "3");
        mallory.claims_public_key("alice", numbers);
        match number % 2 {
            0 => mallory.starts_otr_with("alice"),
            _ => scene.alice.otr(&format!("start {nick}")),
        }
        scene.alice.otr_says(&format!(
            "[{nick}] No private conversation could be set up: the peer's key is malformed and was refused"
        ));
    }
    assert_eq!(scene.otrd.workers(), [worker], "the same worker goes on");
    let bob = scene.peer("bob", "3");
    scene.goes_private(&bob);
    scene.alice.types_to("bob", "unharmed");
    bob.reads("alice", "unharmed");
}
