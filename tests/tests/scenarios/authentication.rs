//! Do both know the same secret? Asked by either side, with and without a question.

use std::time::Duration;

use otrd_tests::{Alone, Pair, Scene};

#[test]
fn alice_asks() {
    let scene = Scene::private();
    scene.alice.otr("auth bob rosebud");
    scene.alice.otr_says_exactly("[bob] Initiated authentication.");
    scene.bob.sees("alice wants to authenticate");
    scene.bob.auths("alice", "rosebud");
    scene.alice.otr_says_exactly("[bob] Peer replied to authentication request.");
    scene.alice.otr_says_exactly("[bob] Successfully authenticated.");
    scene.bob.auth_succeeds("alice");
    trust_is(&scene, "shared secret");
    scene.wire.never_carried("rosebud");
}

#[test]
fn alice_asks_a_question() {
    let scene = Scene::private();
    let question = "What is my favorite book (no caps)?";
    scene.alice.otr(&format!("authq bob [{question}] rosebud"));
    scene.alice.otr_says_exactly("[bob] Initiated authentication.");
    scene.bob.sees(&format!("Question: {question}"));
    scene.bob.auths("alice", "rosebud");
    scene.alice.otr_says_exactly("[bob] Peer replied to authentication request.");
    scene.alice.otr_says_exactly("[bob] Successfully authenticated.");
    scene.bob.auth_succeeds("alice");
    trust_is(&scene, "shared secret");
    scene.wire.never_carried("favorite");
}

#[test]
fn alice_asks_and_bob_is_wrong() {
    let scene = Scene::private();
    scene.alice.otr("auth bob rosebud");
    scene.bob.sees("alice wants to authenticate");
    scene.bob.auths("alice", "casablanca");
    scene.bob.auth_fails("alice");
    scene.alice.otr_says("fail");
    trust_is(&scene, "not trusted");
    scene.alice.never_saw("Successfully");
}

#[test]
fn bob_asks() {
    let scene = Scene::private();
    scene.bob.auths("alice", "rosebud");
    scene.alice.otr_says("[bob]");
    scene.alice.otr("auth bob rosebud");
    scene.bob.auth_succeeds("alice");
    scene.alice.otr_says("uthenticated");
}

#[test]
fn bob_asks_a_question() {
    let scene = Scene::private();
    scene.bob.auths_with_question("alice", "What is my favorite book?", "casablanca");
    scene.alice.otr_says("What is my favorite book?");
    scene.alice.otr("auth bob casablanca");
    scene.bob.auth_succeeds("alice");
}

#[test]
fn bob_asks_and_alice_is_wrong() {
    let scene = Scene::private();
    scene.bob.auths_with_question("alice", "What is my favorite book?", "casablanca");
    scene.alice.otr_says("What is my favorite book?");
    scene.alice.otr("auth bob rosebud");
    scene.bob.auth_fails("alice");
    scene.alice.otr_says("fail");
    trust_is(&scene, "not trusted");
}

#[test]
fn a_secret_of_several_words() {
    // irssi's plugin takes the first word only, so dave has an otrd of his own.
    let pair = Pair::private();
    pair.alice.otr("authq dave [What is my favorite book (no caps)?] the old man and the sea");
    pair.alice.otr_says_exactly("[dave] Initiated authentication.");
    pair.dave.otr_says("What is my favorite book (no caps)?");
    pair.dave.otr("auth alice   the old man and the sea ");
    pair.alice.otr_says_exactly("[dave] Peer replied to authentication request.");
    pair.alice.otr_says_exactly("[dave] Successfully authenticated.");
    pair.dave.otr_says("they have verified you");
    pair.dave.never_saw("Successfully authenticated");
}

#[test]
fn a_secret_may_have_any_letters() {
    let pair = Pair::private();
    pair.alice.otr("authq dave [naïve [or not]?] [yes] – 100% schön");
    pair.dave.otr_says("naïve [or not]?");
    pair.dave.otr("auth alice [yes] – 100% schön");
    pair.alice.otr_says_exactly("[dave] Successfully authenticated.");
}

#[test]
fn alice_thinks_better_of_it() {
    let pair = Pair::private();
    pair.alice.otr("auth dave one");
    pair.dave.otr_says("ask you to authenticate");
    pair.alice.otr("authabort dave");
    pair.alice.otr_says_exactly("[dave] Authentication aborted.");
    pair.dave.otr_says("aborted by the peer");
    // And a new one works.
    pair.alice.otr("auth dave two");
    pair.dave.otr_says("ask you to authenticate");
    pair.dave.otr("auth alice two");
    pair.alice.otr_says_exactly("[dave] Successfully authenticated.");
    pair.dave.otr_says_exactly("[alice] Successfully authenticated.");
}

#[track_caller]
fn trust_is(scene: &Scene, trust: &str) {
    let info = scene.alice.info();
    let row = info.iter().find(|line| line.contains(" bob ")).expect("bob's row");
    assert!(row.contains(&format!("| {trust}")), "{row}");
}

#[test]
fn a_question_that_waits_is_dropped_with_its_session() {
    let pair = Pair::private();
    let asks = || {
        pair.dave.otr("authq alice [what?] one");
        pair.alice.otr_says("They ask you to authenticate");
    };
    // Without a question that waits, an answer begins anew.
    let answer_begins = || {
        pair.alice.otr("auth dave one");
        pair.alice.otr_says_exactly("[dave] Initiated authentication.");
        pair.dave.otr_says("ask you to authenticate with a secret");
        pair.alice.otr("authabort dave");
        pair.alice.otr_says_exactly("[dave] Authentication aborted.");
        pair.dave.otr_says("aborted by the peer");
    };
    asks();
    pair.dave.otr("authabort alice");
    pair.alice.otr_says("Authentication aborted by the peer.");
    answer_begins();

    asks();
    pair.alice.otr("authabort dave");
    pair.dave.otr_says("aborted by the peer");
    answer_begins();

    asks();
    pair.dave.otr("refresh alice");
    pair.alice.otr_says("The session keys are new.");
    pair.dave.otr_says("The session keys are new.");
    answer_begins();

    asks();
    pair.alice.otr("finish dave");
    pair.alice.otr("auth dave one");
    pair.alice.otr_says("There is no private conversation to authenticate: start one first.");
    pair.alice.otr("start dave");
    pair.alice.becomes("dave", "encrypted");
    pair.dave.becomes("alice", "encrypted");
    answer_begins();
    pair.alice.otr("authabort dave");
    pair.alice.otr_says("There is no authentication to abort.");
}

#[test]
fn who_never_answers_is_told_of_after_three_minutes() {
    let (scene, bob) = Alone::private();
    scene.alice.otr("auth bob rosebud");
    bob.told("asked alice");
    let told = scene.alice.within(Duration::from_secs(200), |line| {
        line.plain_text().contains("[bob] No answer to the authentication for 3 minutes.")
    });
    assert!(told.is_some(), "nobody said that bob does not answer");
    // A late answer is one.
    bob.auths("alice", "rosebud");
    scene.alice.otr_says_exactly("[bob] Successfully authenticated.");
}
