//! What happens to a conversation, event by event.

mod nick_changes;

use super::*;
use crate::engine::action::Outgoing;
use otr::{Fingerprint, Version};
use proto::irc::Text;
use proto::shim::{MessageKind, OutgoingMessage};

const SECOND: Duration = Duration::from_secs(1);

fn nick(nick: &str) -> Nick {
    Nick::new(nick.as_bytes()).unwrap()
}

fn new(of: &str) -> Conversation {
    Conversation::new(nick(of), Handle::new(1), Duration::ZERO)
}

fn closed(of: &str, phase: Phase) -> Conversation {
    Conversation::closed(nick(of), Handle::new(1), phase, Duration::ZERO)
}

fn key(number: u8) -> Fingerprint {
    Fingerprint::from_bytes([number; 20])
}

fn session(number: u8) -> Private {
    Private::new(key(number), 7, Version::V3, 100)
}

fn private(of: &str) -> Conversation {
    closed(of, Phase::Private(session(1)))
}

fn held(of: &str) -> Conversation {
    closed(of, Phase::Private(Private { held: true, ..session(1) }))
}

fn blocked(number: Option<u8>) -> Phase {
    Phase::Blocked { fingerprint: number.map(key), asked_anew: false }
}

fn moved() -> Phase {
    Phase::Moved { to: nick("carol") }
}

fn asking(of: &str, since: Duration) -> Conversation {
    let mut conversation = new(of);
    conversation.asks(since);
    conversation
}

fn out(text: &str) -> Outgoing {
    let message = OutgoingMessage {
        to: nick("bob"),
        kind: MessageKind::Text,
        text: Text::from(text),
        client: 0,
        closed: false,
    };
    Outgoing { message, request: Some(1) }
}

fn texts(lines: &[Outgoing]) -> Vec<String> {
    lines
        .iter()
        .map(|out| String::from_utf8(out.message.text.as_bytes().to_vec()).unwrap())
        .collect()
}

fn names(nicks: &[Nick]) -> Vec<String> {
    nicks.iter().map(|nick| String::from_utf8(nick.as_bytes().to_vec()).unwrap()).collect()
}

#[test]
fn each_event_leads_from_each_phase_to_one() {
    type Event = fn(&mut Conversation);
    let (clear, finished) = (Phase::Clear, Phase::Finished);
    let private = Phase::Private(session(1));
    let before = [clear.clone(), private.clone(), finished.clone(), blocked(Some(1)), moved()];
    let all = |phase: &Phase| [(); 5].map(|()| phase.clone());
    let asked_anew = Phase::interrupted(Some(key(1)));
    let events: [(&str, Event, [Phase; 5]); 8] = [
        ("ended by the peer", |c| c.ended_by_peer(), all(&finished)),
        (
            "ended by our key",
            |c| _ = c.ended_by_our_key(),
            [clear.clone(), finished.clone(), finished.clone(), blocked(Some(1)), moved()],
        ),
        ("ended by the user", |c| _ = c.ended_by_user(), all(&clear)),
        (
            "keys lost",
            |c| c.keys_lost(),
            [clear.clone(), asked_anew.clone(), finished.clone(), blocked(Some(1)), moved()],
        ),
        (
            "asks anew",
            |c| c.asks_anew(),
            [clear.clone(), private.clone(), finished.clone(), asked_anew, moved()],
        ),
        ("found closed", |c| c.found_closed(), all(&Phase::lost())),
        ("asks", |c| c.asks(SECOND), before.clone()),
        ("private", |c| _ = c.becomes_private(session(1), true, false), all(&private)),
    ];
    for (name, event, after) in events {
        for (before, after) in before.iter().zip(after) {
            let mut conversation = closed("bob", before.clone());
            event(&mut conversation);
            assert_eq!(*conversation.phase(), after, "{name} after {before:?}");
        }
    }
}

#[test]
fn a_key_that_is_not_the_one_known_is_held_until_it_is_trusted() {
    let was_held = Phase::Private(Private { held: true, ..session(1) });
    let private = Phase::Private(session(1));
    // How it stood, the key that comes, whether it is trusted, is another one, and is held.
    for (before, comes, trusted, other, is_held) in [
        (Phase::Clear, 1, false, false, false),
        (Phase::Clear, 1, false, true, true),
        (Phase::Clear, 1, true, false, false),
        (Phase::Finished, 2, false, false, false),
        (private.clone(), 1, false, false, false),
        (private.clone(), 2, false, false, true),
        (private, 2, true, false, false),
        (was_held.clone(), 1, false, false, true),
        (was_held, 1, true, false, false),
        (blocked(Some(1)), 1, false, false, false),
        (blocked(Some(1)), 2, false, false, true),
        (blocked(Some(1)), 2, true, false, false),
        (blocked(None), 2, false, false, false),
        (moved(), 1, false, false, true),
        (moved(), 1, true, false, false),
    ] {
        let mut conversation = closed("bob", before.clone());
        let said = conversation.becomes_private(session(comes), trusted, other);
        let is = conversation.private().map(|private| private.held);
        assert_eq!((said, is), (is_held, Some(is_held)), "{before:?} {comes} {trusted} {other}");
    }
}

#[test]
fn the_same_session_goes_on_since_it_began_and_another_one_since_now() {
    let later = |number, instance| Private { instance, since: 200, ..session(number) };
    for (comes, since) in [(later(1, 7), 100), (later(1, 8), 200), (later(2, 7), 200)] {
        let mut conversation = private("bob");
        conversation.asks(SECOND);
        conversation.smp_runs(SECOND);
        assert!(conversation.left_irc());
        conversation.becomes_private(comes, true, false);
        assert_eq!(conversation.private().map(|private| private.since), Some(since));
        assert!(!conversation.is_asking() && !conversation.is_back());
        assert_eq!(*conversation.smp(), SmpState::Idle);
    }
}

#[test]
fn the_users_judgement_of_a_key_counts_for_what_is_private_with_it() {
    // The key judged, whether it is trusted, is another one; what is news, and whether it is held.
    for (mut conversation, number, trusted, other, news, is_held) in [
        (new("bob"), 1, false, true, None, None),
        (private("bob"), 2, false, true, None, Some(false)),
        (private("bob"), 1, true, false, Some(false), Some(false)),
        (private("bob"), 1, false, false, Some(false), Some(false)),
        (private("bob"), 1, false, true, Some(true), Some(true)),
        (held("bob"), 1, false, false, Some(false), Some(true)),
        (held("bob"), 1, true, false, Some(false), Some(false)),
    ] {
        let said = conversation.key_judged(key(number), trusted, other);
        let is = conversation.private().map(|private| private.held);
        assert_eq!((said, is), (news, is_held), "{number} {trusted} {other}");
    }
    let mut conversation = private("bob");
    assert_eq!(conversation.hold_other_key(|_| false), None);
    assert_eq!(conversation.hold_other_key(|fingerprint| fingerprint == key(1)), Some(key(1)));
    assert_eq!(conversation.hold_other_key(|_| true), None);
    assert_eq!(new("bob").hold_other_key(|_| true), None);
}

#[test]
fn the_users_end_opens_every_nick_and_says_what_it_ended() {
    let mut conversation = private("bob");
    conversation.also_closed(nick("b|b"));
    let (ended, nicks) = conversation.ended_by_user();
    assert_eq!((ended, names(&nicks)), (Ended::Conversation, vec!["b|b".into(), "bob".into()]));
    assert!(conversation.aliases().is_empty() && !conversation.offers());
    let (ended, nicks) = asking("bob", SECOND).ended_by_user();
    assert_eq!((ended, names(&nicks)), (Ended::Asking, vec!["bob".into()]));
    assert_eq!(new("bob").ended_by_user().0, Ended::Nothing);
}

#[test]
fn asking_is_given_up_once_when_nobody_comes() {
    let mut conversation = asking("bob", SECOND);
    assert!(!conversation.nobody_came(limits::QUERY_TIMEOUT) && conversation.is_asking());
    assert_eq!(conversation.deadline(), Some(SECOND + limits::QUERY_TIMEOUT));
    assert!(conversation.nobody_came(SECOND + limits::QUERY_TIMEOUT));
    assert!(!conversation.nobody_came(SECOND + limits::QUERY_TIMEOUT));
    assert!(conversation.is_idle() && conversation.deadline().is_none());
    conversation.asks(SECOND);
    conversation.crossing_mut().put_query_off(SECOND);
    assert!(conversation.withdraws() && !conversation.withdraws());
    assert_eq!(conversation.deadline(), None);
}

#[test]
fn what_cannot_be_read_leads_to_one_new_session_at_a_time() {
    assert_eq!(new("bob").unreadable(SECOND, || true), Unreadable::Nothing);
    let mut conversation = private("bob");
    assert_eq!(conversation.unreadable(SECOND, || true), Unreadable::Asks);
    assert_eq!(conversation.unreadable(limits::REPAIR_EVERY, || true), Unreadable::AskedAlready);
    assert_eq!(conversation.unreadable(SECOND + limits::REPAIR_EVERY, || true), Unreadable::Asks);
    // Too many others have made us ask: what comes next may.
    let later = 9 * limits::REPAIR_EVERY;
    assert_eq!(conversation.unreadable(later, || false), Unreadable::TooMany);
    assert_eq!(conversation.unreadable(later, || true), Unreadable::Asks);
    conversation.asks(SECOND);
    let much_later = 99 * limits::REPAIR_EVERY;
    assert_eq!(conversation.unreadable(much_later, || true), Unreadable::AskedAlready);
}

#[test]
fn lines_wait_for_new_keys_and_behind_what_does() {
    let timeout = limits::EXCHANGE_TIMEOUT;
    let mut conversation = private("bob");
    assert!(!conversation.waits_for_new_keys(SECOND) && !conversation.is_renewing());
    conversation.crossing_mut().renews(true, SECOND);
    assert!(conversation.waits_for_new_keys(timeout) && conversation.is_renewing());
    assert!(!conversation.waits_for_new_keys(SECOND + timeout));
    assert_eq!(conversation.renewal_deadline(), None);
    conversation.waiting_mut().push(out("one"), SECOND);
    assert!(conversation.waits_for_new_keys(SECOND + timeout));
    assert_eq!(conversation.renewal_deadline(), Some(SECOND + timeout));
    conversation.key_judged(key(1), false, true);
    assert_eq!(conversation.renewal_deadline(), None);
}

#[test]
fn so_many_lines_wait_and_come_back_in_order() {
    let mut conversation = asking("bob", SECOND);
    let waiting = conversation.waiting_mut();
    for number in 1..=limits::WAITING_PER_PEER {
        let at = u32::try_from(number).unwrap() * SECOND;
        assert!(waiting.push(out(&number.to_string()), at).is_none());
    }
    let over = waiting.push(out("over"), SECOND);
    assert_eq!(texts(&over.into_iter().collect::<Vec<_>>()), ["over"]);
    assert_eq!(waiting.deadline(), Some(SECOND + limits::QUERY_TIMEOUT));
    assert_eq!(texts(&waiting.take_expired(2 * SECOND + limits::QUERY_TIMEOUT)), ["1", "2"]);
    assert!(waiting.take_expired(SECOND).is_empty());
    waiting.readdress(&nick("carol"));
    waiting.forget_requests();
    let rest = waiting.take();
    assert_eq!(rest.len(), limits::WAITING_PER_PEER - 2);
    assert!(rest.iter().all(|out| out.message.to == nick("carol") && out.request.is_none()));
    assert!(waiting.is_empty() && waiting.take().is_empty());
}

#[test]
fn silence_in_an_authentication_is_told_once() {
    let after = limits::SMP_REMINDER_AFTER;
    let mut conversation = private("bob");
    assert!(!conversation.smp_is_silent(after) && !conversation.smp_ends());
    conversation.smp_runs(SECOND);
    assert_eq!(conversation.deadline(), Some(SECOND + after));
    assert!(!conversation.smp_is_silent(after) && conversation.smp_is_silent(SECOND + after));
    assert!(!conversation.smp_is_silent(9 * after) && conversation.deadline().is_none());
    conversation.smp_asked(Some("where".into()));
    assert!(!conversation.smp_is_silent(9 * after));
    assert!(conversation.smp_ends() && !conversation.smp_ends());
}

#[test]
fn one_message_offers_otr_until_the_peer_comes_again() {
    let mut conversation = new("bob");
    conversation.wrote_in_clear();
    assert!(conversation.offers() && !conversation.offers());
    conversation.wrote_in_clear();
    assert!(!conversation.offers());
    assert!(!conversation.left_irc() && conversation.offers());
}

#[test]
fn who_leaves_a_private_conversation_is_told_of_once() {
    let mut conversation = private("bob");
    assert!(!conversation.is_back());
    assert!(conversation.left_irc() && !conversation.left_irc());
    assert!(conversation.is_back() && !conversation.is_back());
}

#[test]
fn the_guard_is_as_tight_as_what_there_is_to_lose() {
    use GuardTold::{Closed, Open, Pending};
    let mut waiting = new("bob");
    waiting.waiting_mut().push(out("one"), SECOND);
    let mut written_to = new("bob");
    written_to.user_wrote();
    for (conversation, required, wanted) in [
        (new("bob"), false, Open),
        (new("bob"), true, Open),
        (written_to, true, Pending),
        (waiting, false, Pending),
        (asking("bob", SECOND), false, Pending),
        (private("bob"), false, Closed),
        (closed("bob", blocked(None)), false, Closed),
        (closed("bob", moved()), false, Closed),
    ] {
        assert_eq!(conversation.guard_wanted(|| required), wanted);
    }
    let mut conversation = new("bob");
    assert!(conversation.is_guarded_so(Open) && !conversation.guarded_so(Open));
    assert!(conversation.guarded_so(Pending) && conversation.is_guarded());
    assert!(conversation.is_guarded_so(Pending) && !conversation.guarded_so(Pending));
    conversation.module_guards(Closed);
    conversation.module_guards(Pending);
    assert_eq!(conversation.guard_told(), Closed);
    assert!(conversation.guarded_so(Open) && !conversation.is_guarded());
    // Found in a file: guarded, and the module has not been told.
    let conversation = closed("bob", blocked(None));
    assert!(conversation.is_guarded() && conversation.guard_told() == Open);
}

#[test]
fn our_own_question_does_not_suffer_from_what_the_peer_asked() {
    let mut conversation = new("bob");
    let steps = |conversation: &mut Conversation, trusted| {
        let allowances = conversation.allowances_mut();
        (0..1000)
            .take_while(|_| allowances.exchange_keys(SECOND, Step::Begins, trusted, || false))
            .count()
    };
    let (all, few) = (limits::AKE_BURST as usize, limits::ANSWER_EXCHANGES as usize);
    assert_eq!(steps(&mut conversation, false), 0, "nobody asked");
    assert_eq!(steps(&mut conversation, true), all, "trusted");
    // What the peer may have caused gives them little.
    conversation.asks(SECOND);
    assert_eq!(steps(&mut conversation, false), 0);
    conversation.allowances_mut().user_asks();
    assert_eq!(steps(&mut conversation, false), all);
    let mut conversation = new("bob");
    conversation.asks(SECOND);
    assert_eq!(steps(&mut conversation, false), few);
    assert!(conversation.offers());
    assert_eq!(steps(&mut conversation, false), few);
    // Nor does a question that is over.
    conversation.allowances_mut().user_asks();
    conversation.asks_no_longer();
    assert_eq!(steps(&mut conversation, false), few);
}

#[test]
fn an_exchange_that_began_may_end() {
    let mut conversation = new("bob");
    let mut of_strangers = 2;
    let mut may = |step, now| {
        conversation.allowances_mut().exchange_keys(now, step, false, || {
            of_strangers -= 1;
            of_strangers >= 0
        })
    };
    assert!(!may(Step::Continues, SECOND));
    assert!(may(Step::Begins, SECOND) && may(Step::Begins, SECOND) && !may(Step::Begins, SECOND));
    for _ in 0..limits::EXCHANGE_STEPS {
        assert!(may(Step::Continues, SECOND));
    }
    assert!(!may(Step::Continues, SECOND));
}

#[test]
fn one_peer_leaves_something_for_others() {
    let mut conversation = new("bob");
    let mut taken = 0;
    for second in 0..3600 {
        let now = Duration::from_secs(second);
        conversation.allowances_mut().exchange_keys(now, Step::Begins, false, || {
            taken += 1;
            true
        });
    }
    let all = limits::UNASKED_BURST_ALL + 3600 / limits::UNASKED_EVERY_ALL.as_secs() as u32;
    assert!((8..all / 2).contains(&taken), "{taken}");
}

#[test]
fn answers_that_are_left_out_are_told_of_once_until_one_goes_out() {
    let mut conversation = new("bob");
    let allowances = conversation.allowances_mut();
    for _ in 0..limits::ERROR_REPLIES_BURST {
        assert_eq!(allowances.error_reply(SECOND, || true), ErrorReply::Sent);
    }
    assert_eq!(allowances.error_reply(SECOND, || true), ErrorReply::FirstLeftOut);
    assert_eq!(allowances.error_reply(SECOND, || true), ErrorReply::LeftOut);
    let later = SECOND + limits::ERROR_REPLIES_EVERY;
    assert_eq!(allowances.error_reply(later, || false), ErrorReply::LeftOut);
    assert_eq!(allowances.error_reply(later, || true), ErrorReply::Sent);
    assert_eq!(allowances.error_reply(later, || true), ErrorReply::FirstLeftOut);
}
