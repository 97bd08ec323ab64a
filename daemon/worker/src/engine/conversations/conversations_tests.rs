//! The table alone: who is in it, who is looked at, who is forgotten.

use super::*;
use crate::engine::action::{Action, Outgoing};
use otr::Fingerprint;
use proto::irc::Text;
use proto::shim::{MessageKind, OutgoingMessage};

const SECOND: Duration = Duration::from_secs(1);

fn nick(nick: &str) -> Nick {
    Nick::new(nick.as_bytes()).unwrap()
}

fn peer(nick: &str) -> Peer {
    Peer::new(nick.as_bytes()).unwrap()
}

fn blocked() -> Phase {
    Phase::interrupted(Some(Fingerprint::from_bytes([1; 20])))
}

/// Puts somebody in, closed or not.
fn put<'a>(all: &'a mut Conversations, of: &str, phase: Phase) -> &'a mut Conversation {
    let (nick, peer) = (nick(of), all.peer(of.as_bytes()).unwrap());
    let conversation = match phase {
        Phase::Clear => all.begin(nick, Duration::ZERO),
        phase => all.begin_closed(nick, phase, Duration::ZERO),
    };
    all.insert(peer.clone(), conversation);
    all.get_mut(&peer).unwrap()
}

fn wait(conversation: &mut Conversation) {
    let message = OutgoingMessage {
        to: conversation.nick().clone(),
        kind: MessageKind::Text,
        text: Text::from("hello"),
        client: 0,
        closed: false,
    };
    conversation.waiting_mut().push(Outgoing { message, request: Some(1) }, SECOND);
}

fn looked_at(all: &mut Conversations) -> Vec<Peer> {
    let touched = all.settle();
    all.settled(touched.clone());
    touched
}

#[test]
fn every_spelling_is_the_same_peer_and_every_peer_another_handle() {
    let mut all = Conversations::default();
    put(&mut all, "Bob", Phase::Clear);
    put(&mut all, "carol", blocked());
    let left = all.get_mut(&peer("carol")).unwrap().goes_to(nick("dora"), false, SECOND);
    all.leave(peer("eve"), nick("eve"), nick("dora"), left, SECOND);
    assert_eq!(all.peer(b"BOB"), all.peer(b"bob"));
    assert_eq!(all.nick(&peer("bob")), Some(nick("Bob")));
    assert_eq!(
        (all.spelled(&peer("bob")), all.spelled(&peer("fred"))),
        ("Bob".into(), "fred".into())
    );
    let handles: BTreeSet<_> = all.values().map(Conversation::handle).collect();
    assert_eq!((handles.len(), all.len()), (3, 3));
    assert_eq!((all.handle(&peer("fred")), all.nick(&peer("fred"))), (None, Some(nick("fred"))));
}

#[test]
fn whoever_was_changed_is_looked_at_once() {
    let mut all = Conversations::default();
    for name in ["carol", "bob", "dora"] {
        put(&mut all, name, Phase::Clear);
    }
    assert_eq!(looked_at(&mut all), ["bob", "carol", "dora"].map(peer));
    assert_eq!(looked_at(&mut all), []);
    all.get_mut(&peer("dora"));
    all.get_mut(&peer("bob"));
    all.get_mut(&peer("dora"));
    assert!(all.get_mut(&peer("nobody")).is_none());
    assert_eq!(looked_at(&mut all), ["bob", "dora"].map(peer));
    all.remove(&peer("bob"));
    all.touch(&peer("eve"));
    assert_eq!(looked_at(&mut all), ["bob", "eve"].map(peer));
    all.touch_all();
    assert_eq!(looked_at(&mut all), ["carol", "dora"].map(peer));
    assert_eq!(all.take_all().len(), 2);
    assert_eq!((looked_at(&mut all), all.len()), (["carol", "dora"].map(peer).to_vec(), 0));
}

#[test]
fn those_that_wait_are_busy_until_nothing_waits() {
    let mut all = Conversations::default();
    put(&mut all, "bob", Phase::Clear).asks(2 * SECOND);
    wait(put(&mut all, "carol", Phase::Clear));
    put(&mut all, "dora", blocked());
    assert_eq!((all.busy(), all.next_deadline()), (vec![], None));
    looked_at(&mut all);
    assert_eq!(all.busy(), ["bob", "carol"].map(peer));
    assert_eq!(all.next_deadline(), Some(SECOND + limits::QUERY_TIMEOUT));
    assert_eq!((all.waiting(), all.count_busy(|c| c.is_asking())), (1, 1));
    all.forget_requests();
    let lines = all.get_mut(&peer("carol")).unwrap().waiting_mut().take();
    assert!(lines.iter().all(|line| line.request.is_none()));
    looked_at(&mut all);
    assert_eq!((all.busy(), all.waiting()), ([peer("bob")].to_vec(), 0));
    all.remove(&peer("bob"));
    assert_eq!(all.next_deadline(), None);
}

#[test]
fn of_too_many_the_half_of_the_idle_that_was_quiet_longest_is_forgotten() {
    let mut all = Conversations::default();
    put(&mut all, "closed", blocked());
    put(&mut all, "asked", Phase::Clear).asks(SECOND);
    wait(put(&mut all, "waits", Phase::Clear));
    let idle = limits::IDLE_PEERS - 3;
    for number in 0..idle - 1 {
        let at = u32::try_from(number + 1).unwrap() * SECOND;
        let name = format!("p{number}");
        put(&mut all, &name, Phase::Clear).met_as(&nick(&name), at);
    }
    assert_eq!((all.make_room().len(), all.len()), (0, limits::IDLE_PEERS - 1));
    put(&mut all, "last", Phase::Clear).met_as(&nick("last"), SECOND * 100_000);
    let out = all.make_room();
    assert_eq!((out.len(), all.len()), (idle.div_ceil(2), limits::IDLE_PEERS - out.len()));
    assert!(out.iter().any(|(one, _)| *one == peer("p0")));
    for stays in ["closed", "asked", "waits", "last"] {
        assert!(all.get(&peer(stays)).is_some(), "{stays}");
    }
}

#[test]
fn who_is_closed_is_counted_and_found_by_every_rule() {
    let mut all = Conversations::default();
    put(&mut all, "b|b", blocked());
    put(&mut all, "carol", Phase::Finished);
    put(&mut all, "dora", Phase::Clear).asks(SECOND);
    put(&mut all, "eve", Phase::Clear);
    assert_eq!(all.not_clear(), ["b|b", "carol", "dora"].map(|n| all.peer(n.as_bytes()).unwrap()));
    assert!(all.fewer_closed_than(3) && !all.fewer_closed_than(2));
    assert!(all.is_closed(&peer("carol")) && !all.is_closed(&peer("dora")));
    assert!(!all.is_closed(&peer("nobody")));
    assert_eq!(all.same_to_some(&nick("b\\b")), Some(nick("b|b")));
    assert_eq!((all.same_to_some(&nick("carol")), all.same_to_some(&nick("EVE"))), (None, None));
    assert!(!all.everybody_closed() && all.close_everybody() && !all.close_everybody());
    assert!(all.everybody_closed() && all.open_everybody() && !all.open_everybody());
}

#[test]
fn nicks_that_were_left_lead_to_where_the_conversation_is() {
    let mut all = Conversations::default();
    let to = |to: &str| Phase::Moved { to: nick(to) };
    for (name, phase) in [("a", to("c")), ("b", to("c")), ("c", blocked()), ("d", to("e"))] {
        put(&mut all, name, phase);
    }
    looked_at(&mut all);
    let mut left = all.left_for(&nick("c"));
    left.sort();
    assert_eq!(left, ["a", "b"].map(peer));
    for left in left {
        all.leads_to(&left, &nick("f"));
    }
    all.leads_to(&peer("c"), &nick("f"));
    let phases = ["a", "b", "c", "d"].map(|n| all.get(&peer(n)).unwrap().phase().clone());
    assert_eq!(phases, [to("f"), to("f"), blocked(), to("e")]);
    // There may be a thousand, and nothing that the module is told of them changes.
    assert_eq!(looked_at(&mut all), []);
}

#[test]
fn the_guarded_are_listed_as_the_module_was_told() {
    let mut all = Conversations::default();
    put(&mut all, "carol", blocked()).guarded_so(GuardTold::Closed);
    put(&mut all, "bob", blocked()).guarded_so(GuardTold::Closed);
    put(&mut all, "dora", Phase::Clear).guarded_so(GuardTold::Pending);
    put(&mut all, "eve", Phase::Clear);
    assert_eq!(all.guarded(GuardTold::Closed), ["bob", "carol"].map(nick));
    assert_eq!(all.guarded(GuardTold::Pending), [nick("dora")]);
}

#[test]
fn what_waits_comes_back_in_order_and_says_why() {
    let mut all = Conversations::default();
    let mut output = Output::default();
    put(&mut all, "bob", Phase::Clear).asks(Duration::ZERO);
    for (number, text) in ["one", "two"].into_iter().enumerate() {
        let message = OutgoingMessage {
            to: nick("bob"),
            kind: MessageKind::Text,
            text: Text::from(text),
            client: 0,
            closed: false,
        };
        let out = Outgoing { message, request: Some(number as u64) };
        all.wait(&peer("bob"), out, SECOND, &mut output);
    }
    looked_at(&mut all);
    // Each is held, and the first is told of.
    assert_eq!((output.take_codes(), all.waiting()), (vec!["waits".to_owned()], 2));
    all.give_back(&peer("bob"), &Message::BackLeft {}, &mut output);
    looked_at(&mut all);
    assert_eq!(all.waiting(), 0);
    let back = output.take().into_iter().map(|action| match action {
        Action::Effect(proto::shim::Effect::Refuse { text, of, .. }) => (text, of),
        _ => panic!("something else than a line that comes back"),
    });
    assert_eq!(
        back.collect::<Vec<_>>(),
        [(Text::from("one"), Some(0)), (Text::from("two"), Some(1))]
    );
}
