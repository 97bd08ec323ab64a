//! Who comes, leaves, and goes by another nick.

use super::*;

#[test]
fn a_guarded_nick_keeps_its_spelling() {
    let mut conversation = new("bob");
    conversation.met_as(&nick("Bob"), SECOND);
    assert_eq!((conversation.nick(), conversation.last()), (&nick("Bob"), SECOND));
    conversation.guarded_so(GuardTold::Pending);
    conversation.met_as(&nick("BOB"), 2 * SECOND);
    assert_eq!((conversation.nick(), conversation.last()), (&nick("Bob"), 2 * SECOND));
}

#[test]
fn other_spellings_stay_closed_within_bounds() {
    let mut conversation = new("bob");
    conversation.also_closed(nick("b0b"));
    assert!(conversation.aliases().is_empty());
    let mut conversation = private("b|b");
    conversation.respelled(nick("B|B"));
    assert!(conversation.aliases().is_empty());
    conversation.respelled(nick("b\\b"));
    assert_eq!(names(conversation.aliases()), ["B|B"]);
    for number in 0..50 {
        conversation.also_closed(nick("b\\b"));
        conversation.also_closed(nick("B|B"));
        conversation.also_closed(nick(&format!("b{number}")));
    }
    assert_eq!(conversation.aliases().len(), 16);
    assert_eq!(conversation.compared_anew().len(), 16);
    assert!(conversation.aliases().is_empty());
}

#[test]
fn who_goes_along_with_a_nick_and_who_keeps_it() {
    let mut guarded = new("bob");
    guarded.guarded_so(GuardTold::Pending);
    for (conversation, follows, keeps) in [
        (new("bob"), false, false),
        (guarded, true, false),
        (asking("bob", SECOND), true, true),
        (private("bob"), true, true),
        (closed("bob", Phase::Finished), true, true),
        (closed("bob", blocked(None)), true, true),
        (closed("bob", moved()), false, false),
    ] {
        let is = (conversation.follows_its_peer(), conversation.keeps_its_nick());
        assert_eq!(is, (follows, keeps), "{:?}", conversation.phase());
    }
}

#[test]
fn a_conversation_that_follows_its_peer_leaves_the_old_nick_closed() {
    let mut conversation = private("bob");
    conversation.also_closed(nick("b|b"));
    conversation.guarded_so(GuardTold::Closed);
    conversation.left_irc();
    conversation.waiting_mut().push(out("one"), SECOND);
    let left = conversation.goes_to(nick("carol"), true, SECOND);
    assert_eq!((left.closed, left.brought), (true, None));
    assert_eq!((conversation.nick(), conversation.last()), (&nick("carol"), SECOND));
    assert!(conversation.is_private() && conversation.aliases().is_empty());
    assert!(conversation.is_guarded() && conversation.guard_told() == GuardTold::Open);
    assert!(!conversation.is_back());
    assert_eq!(conversation.waiting_mut().take()[0].message.to, nick("carol"));
    let mut stays = Conversation::left_at(nick("BOB"), nick("carol"), left, Handle::new(2), SECOND);
    assert_eq!((stays.nick(), stays.phase()), (&nick("BOB"), &moved()));
    assert_eq!(names(stays.aliases()), ["b|b", "bob"]);
    assert!(stays.is_guarded_so(GuardTold::Closed) && !stays.offers());
    stays.leads_to(&nick("dora"));
    assert_eq!(*stays.phase(), Phase::Moved { to: nick("dora") });
    // The key had come along to carol: it is not carol's own.
    let left = conversation.goes_to(nick("dora"), false, SECOND);
    assert_eq!(left.brought, Some(key(1)));
    let left = conversation.goes_to(nick("eve"), false, SECOND);
    assert_eq!(left.brought, None);
    assert!(!asking("bob", SECOND).goes_to(nick("carol"), false, SECOND).closed);
}

#[test]
fn what_comes_to_a_closed_nick_opens_nothing() {
    let mut there = closed("carol", moved());
    there.also_closed(nick("c|c"));
    let mut asked = asking("bob", SECOND);
    asked.takes_place_of(there, Handle::new(2));
    assert_eq!((asked.phase(), asked.handle()), (&moved(), Handle::new(2)));
    assert_eq!(names(asked.aliases()), ["carol", "c|c"]);

    let mut conversation = private("bob");
    conversation.takes_place_of(closed("carol", moved()), Handle::new(3));
    assert!(conversation.is_private());
    assert_eq!(names(conversation.aliases()), ["carol"]);

    let mut conversation = private("bob");
    conversation.takes_place_of(new("carol"), Handle::new(4));
    assert!(conversation.aliases().is_empty() && conversation.handle() == Handle::new(4));
}

#[test]
fn who_comes_to_a_nick_that_is_taken_is_blocked() {
    let mut conversation = private("bob");
    conversation.asks(SECOND);
    conversation.gives_way();
    assert_eq!(*conversation.phase(), Phase::interrupted(Some(key(1))));
    assert!(!conversation.is_asking());
}

#[test]
fn of_two_in_one_place_the_closed_one_stays_and_two_closed_ones_are_blocked() {
    let handle = Handle::new(9);
    let mut asked = asking("b|b", SECOND);
    asked.waiting_mut().push(out("two"), SECOND);
    asked.module_guards(GuardTold::Pending);
    let merged = Conversation::merged(asked, private("bob"), handle);
    assert_eq!((merged.both_closed, texts(&merged.unsent)), (None, vec!["two".into()]));
    let one = merged.conversation;
    assert_eq!((one.nick(), one.handle()), (&nick("bob"), handle));
    assert!(one.is_private() && one.is_asking() && one.is_guarded());
    assert_eq!(one.guard_told(), GuardTold::Pending);
    assert!(one.aliases().is_empty());

    for (phase, becomes) in [
        (Phase::Private(session(1)), Phase::interrupted(Some(key(1)))),
        (blocked(Some(1)), Phase::interrupted(Some(key(1)))),
        (Phase::Finished, Phase::lost()),
        (moved(), Phase::lost()),
    ] {
        let (mut a, mut b) = (closed("bob", phase), closed("b|b", blocked(Some(2))));
        a.waiting_mut().push(out("one"), SECOND);
        b.waiting_mut().push(out("two"), SECOND);
        b.also_closed(nick("b\\b"));
        let merged = Conversation::merged(a, b, handle);
        assert_eq!(merged.both_closed, Some((nick("bob"), nick("b|b"))));
        assert_eq!(texts(&merged.unsent), ["one", "two"]);
        assert_eq!(*merged.conversation.phase(), becomes);
        assert_eq!(names(merged.conversation.aliases()), ["b|b", "b\\b"]);
    }
}
