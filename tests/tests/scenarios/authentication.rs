//! Do both know the same secret? Asked by either side, with and without a question.

use otrd_tests::Scene;

#[test]
fn alice_asks() {
    let scene = Scene::private();
    scene.alice.otr("auth bob the old man and the sea");
    scene.alice.otr_says_exactly("[bob] Initiated authentication.");
    scene.bob.sees("alice wants to authenticate");
    scene.bob.auths("alice", "the old man and the sea");
    scene.alice.otr_says_exactly("[bob] Peer replied to authentication request.");
    scene.alice.otr_says_exactly("[bob] Successfully authenticated.");
    scene.bob.auth_succeeds("alice");
    trust_is(&scene, "shared secret");
    scene.wire.never_carried("old man");
}

#[test]
fn alice_asks_a_question() {
    let scene = Scene::private();
    let question = "What is my favorite book (no caps)?";
    scene.alice.otr(&format!("authq bob [{question}] the old man and the sea"));
    scene.alice.otr_says_exactly("[bob] Initiated authentication.");
    scene.bob.sees(&format!("Question: {question}"));
    scene.bob.auths("alice", "the old man and the sea");
    scene.alice.otr_says_exactly("[bob] Peer replied to authentication request.");
    scene.alice.otr_says_exactly("[bob] Successfully authenticated.");
    scene.bob.auth_succeeds("alice");
    trust_is(&scene, "shared secret");
    scene.wire.never_carried("favorite");
}

#[test]
fn alice_asks_and_bob_is_wrong() {
    let scene = Scene::private();
    scene.alice.otr("auth bob the old man and the sea");
    scene.bob.sees("alice wants to authenticate");
    scene.bob.auths("alice", "moby dick");
    scene.bob.auth_fails("alice");
    scene.alice.otr_says("fail");
    trust_is(&scene, "not trusted");
    scene.alice.never_saw("Successfully");
}

#[test]
fn bob_asks() {
    let scene = Scene::private();
    scene.bob.auths("alice", "the old man and the sea");
    scene.alice.otr_says("[bob]");
    scene.alice.otr("auth bob the old man and the sea");
    scene.bob.auth_succeeds("alice");
    scene.alice.otr_says("uthenticated");
}

#[test]
fn bob_asks_a_question() {
    let scene = Scene::private();
    scene.bob.auths_with_question("alice", "What is my favorite book?", "moby dick");
    scene.alice.otr_says("What is my favorite book?");
    scene.alice.otr("auth bob moby dick");
    scene.bob.auth_succeeds("alice");
}

#[test]
fn bob_asks_and_alice_is_wrong() {
    let scene = Scene::private();
    scene.bob.auths_with_question("alice", "What is my favorite book?", "moby dick");
    scene.alice.otr_says("What is my favorite book?");
    scene.alice.otr("auth bob the old man and the sea");
    scene.bob.auth_fails("alice");
    scene.alice.otr_says("fail");
    trust_is(&scene, "not trusted");
}

#[test]
fn alice_thinks_better_of_it() {
    let scene = Scene::private();
    scene.alice.otr("auth bob one");
    scene.bob.sees("alice wants to authenticate");
    scene.alice.otr("authabort bob");
    scene.alice.otr_says("bort");
    // And a new one works.
    scene.alice.forgets();
    scene.alice.otr("auth bob two");
    scene.bob.sees("alice wants to authenticate");
    scene.bob.auths("alice", "two");
    scene.alice.otr_says_exactly("[bob] Successfully authenticated.");
}

#[test]
fn a_secret_may_have_any_letters() {
    let scene = Scene::private();
    scene.alice.otr("authq bob [naïve?] [yes] – 100% schön");
    scene.bob.sees("Question: naïve?");
    scene.bob.auths("alice", "[yes] – 100% schön");
    scene.alice.otr_says_exactly("[bob] Successfully authenticated.");
}

#[track_caller]
fn trust_is(scene: &Scene, trust: &str) {
    let info = scene.alice.info();
    let row = info.iter().find(|line| line.contains(" bob ")).expect("bob's row");
    assert!(row.contains(&format!("| {trust}")), "{row}");
}
