//! The end of a conversation, and what must not slip out then.

use otrd_tests::{Scene, Way};

#[test]
fn alice_finishes() {
    let scene = Scene::private();
    scene.alice.otr("finish bob");
    scene.bob.sees("alice has finished the OTR session");
    scene.alice_is("plaintext");
    scene.bob.finishes_otr_with("alice");
    scene.bob.sees("Finished conversation");
    scene.alice.types_to("bob", "open words");
    scene.wire.carries(Way::Out, "open words");
}

#[test]
fn bob_finishes_and_alice_is_stopped() {
    let scene = Scene::private();
    scene.bob.finishes_otr_with("alice");
    scene.alice_is("finished");

    // What she had begun to type comes back to her and goes nowhere.
    scene.alice.types_to("bob", "almost slipped out");
    scene.alice.otr_says("almost slipped out");
    scene.alice.acts_to("bob", "slips");
    scene.alice.otr_says("slips");
    scene.alice.settled();
    scene.wire.never_carried("slipped out");
    scene.wire.never_carried("ACTION slips");

    // Until she says finish.
    scene.alice.otr("finish bob");
    scene.alice_is("plaintext");
    scene.alice.types_to("bob", "in clear now");
    scene.wire.carries(Way::Out, "in clear now");
    scene.bob.expect("her words", |line| line.trim_end() == "<alice> in clear now");
    scene.bob.never_saw("slip");
}

#[test]
fn bob_finishes_and_alice_starts_again() {
    let scene = Scene::private();
    scene.bob.finishes_otr_with("alice");
    scene.alice_is("finished");
    scene.alice.otr("start bob");
    scene.bob.is_private();
    scene.alice_is("encrypted");
    scene.alice.types_to("bob", "private again");
    scene.bob.reads("alice", "private again");
    scene.wire.never_carried("private again");
}

#[test]
fn bob_starts_again_inside_a_conversation() {
    let scene = Scene::private();
    let carol_sees_nothing = scene.ircd.client("carol");
    scene.bob.finishes_otr_with("alice");
    scene.bob.starts_otr_with("alice");
    scene.bob.is_private();
    scene.bob.types_to("alice", "new keys");
    scene.alice.reads("bob", "new keys");
    scene.alice_is("encrypted");
    carol_sees_nothing.settled();
    carol_sees_nothing.never_saw("PRIVMSG");
}
