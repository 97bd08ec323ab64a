//! Locks that a second one covers: what happens behind the first, which no line of a peer's gets
//! past.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::unwrap_used)]

use std::collections::VecDeque;
use std::ffi::CStr;
use std::ptr;

use crate::event::{Event, Received, State};
use crate::handle::Handle;
use crate::message::classify;
use crate::{Otr, SendError, SmpError, generate_key};

/// `restore` lets no such session be; sending and authenticating look once more.
#[test]
fn a_session_without_keys_sends_and_asks_nothing() {
    let mut alice = with_key("alice");
    let bob = peer("bob");
    // Makes a context, and lets nothing else stay.
    receive(&mut alice, bob, b"?OTRv3?");
    let context = alice.context(bob, 0).unwrap();
    context.forget_commitment();
    context.set_state(State::Encrypted);
    assert_eq!(alice.send(bob, 0, b"to whom?"), Err(SendError::NotPrivate));
    assert_eq!(alice.smp_start(bob, 0, None, b"secret"), Err(SmpError::NotPrivate));
    assert_eq!(alice.smp_respond(bob, 0, b"secret"), Err(SmpError::NotPrivate));
    assert_eq!(alice.smp_abort(bob, 0), []);
}

/// Error lines, upon which libotr sends it again, do not get there either.
#[test]
fn no_message_is_kept_for_sending_again() {
    let (mut alice, mut bob) = (with_key("alice"), with_key("bob"));
    become_private(&mut alice, &mut bob);
    let to_bob = alice.sessions(peer("bob"))[0].instance;
    let to_alice = bob.sessions(peer("alice"))[0].instance;
    alice.send(peer("bob"), to_bob, b"for bob's eyes only").unwrap();
    assert!(!keeps_a_message(&alice, to_bob), "after sending");

    libotr_sends(&alice, to_bob, c"for bob's eyes only");
    assert!(keeps_a_message(&alice, to_bob));
    let (line, _) = bob.send(peer("alice"), to_alice, b"hello").unwrap();
    assert_eq!(receive(&mut alice, peer("bob"), &line).text.as_deref(), Some(&b"hello"[..]));
    assert!(!keeps_a_message(&alice, to_bob), "after receiving");

    libotr_sends(&alice, to_bob, c"for bob's eyes only");
    alice.smp_start(peer("bob"), to_bob, None, b"secret").unwrap();
    assert!(!keeps_a_message(&alice, to_bob), "after an authentication");
}

/// libotr leaves the master's three pointers to its recent children as they are.
#[test]
fn nothing_points_to_a_forgotten_instance() {
    let (mut alice, mut bob) = (with_key("alice"), with_key("bob"));
    become_private(&mut alice, &mut bob);
    let to_bob = alice.sessions(peer("bob"))[0].instance;
    let to_alice = bob.sessions(peer("alice"))[0].instance;
    alice.send(peer("bob"), to_bob, b"hello").unwrap();
    let (line, _) = bob.send(peer("alice"), to_alice, b"hello").unwrap();
    receive(&mut alice, peer("bob"), &line);
    let context = |alice: &Otr, instance| alice.context(peer("bob"), instance).unwrap().as_ptr();
    let (master, child) = (context(&alice, 0), context(&alice, to_bob));
    assert_eq!(recent(&alice), [child; 3]);
    alice.us.forget(alice.account.as_c(), peer("bob"), to_bob);
    assert_eq!(recent(&alice), [master; 3]);
}

/// A record of libotr's would be one of a peer for whom another store is kept.
#[test]
fn libotr_keeps_no_key_but_those_in_use() {
    let (mut alice, mut bob) = (with_key("alice"), with_key("bob"));
    become_private(&mut alice, &mut bob);
    let keys = |alice: &Otr| alice.context(peer("bob"), 0).unwrap().prints().count();
    assert_eq!(keys(&alice), 1);
    assert_eq!(alice.keys_in_use(peer("bob")), [bob.own_fingerprint().unwrap()]);

    // Another key in the same session.
    bob.load_key(&generate_key("bob").expect("a key")).expect("a key that was just made");
    become_private(&mut alice, &mut bob);
    assert_eq!(keys(&alice), 1);
    assert_eq!(alice.keys_in_use(peer("bob")), [bob.own_fingerprint().unwrap()]);

    // The peer ends it.
    for event in bob.finish(peer("alice")) {
        let Event::Inject { line } = event else { continue };
        receive(&mut alice, peer("bob"), &line);
    }
    assert_eq!((keys(&alice), alice.has_session(peer("bob"))), (0, true));

    // And we do.
    become_private(&mut alice, &mut bob);
    alice.finish(peer("bob"));
    assert_eq!((keys(&alice), alice.has_session(peer("bob"))), (0, false));
}

fn recent(alice: &Otr) -> [*mut otr_sys::ConnContext; 3] {
    let master = alice.context(peer("bob"), 0).unwrap();
    // SAFETY: a valid context, of which no reference is held.
    let master = unsafe { &*master.as_ptr() };
    [master.recent_child, master.recent_rcvd_child, master.recent_sent_child]
}

fn keeps_a_message(otr: &Otr, instance: u32) -> bool {
    let context = otr.context(peer("bob"), instance).unwrap();
    // SAFETY: a valid context with its private part, of which no reference is held.
    let private = unsafe { &*(*context.as_ptr()).context_priv };
    !private.lastmessage.is_null() || private.may_retransmit != 0
}

/// What libotr does where it sends something by itself.
fn libotr_sends(otr: &Otr, instance: u32, text: &CStr) {
    let context = otr.context(peer("bob"), instance).unwrap();
    let (mut line, none) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: the context is valid and private with keys, the text is a C string, `line` can be
    // written to, and is freed once.
    unsafe {
        let to = context.as_ptr();
        let error =
            otr_sys::otrl_proto_create_data(&raw mut line, to, text.as_ptr(), none, 0, none.cast());
        assert_eq!(error, 0);
        otr_sys::otrl_message_free(line);
    }
}

fn with_key(account: &str) -> Otr {
    let mut otr = Otr::new(account).expect("libotr");
    otr.load_key(&generate_key(account).expect("a key")).expect("a key that was just made");
    otr
}

fn receive(otr: &mut Otr, from: Handle, line: &[u8]) -> Received {
    otr.receive(from, &classify(line), line)
}

fn peer(name: &str) -> Handle {
    Handle::new(if name == "bob" { 1 } else { 0 })
}

/// Carries the lines of a key exchange.
fn become_private(alice: &mut Otr, bob: &mut Otr) {
    let mut lines = VecDeque::from([(false, alice.query())]);
    while let Some((for_alice, line)) = lines.pop_front() {
        let received = match for_alice {
            true => receive(alice, peer("bob"), &line),
            false => receive(bob, peer("alice"), &line),
        };
        lines.extend(received.events.into_iter().filter_map(|event| match event {
            Event::Inject { line, .. } => Some((!for_alice, line)),
            _ => None,
        }));
    }
    assert_eq!(alice.sessions(peer("bob")).len(), 1);
}
