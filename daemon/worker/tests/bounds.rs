//! Floods from peers who have no key, or have one. One test, alone in its program, for it looks
//! at the memory of the whole process. A tenth of each flood; all of it with `OTRD_MODEL_LONG`, as
//! in `tests/run --soak`.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::unwrap_used)]

mod common;

use common::person::Person;
use common::user::User;
use common::world::{World, heard};
use nix::sys::ptrace;
use nix::sys::signal::{Signal, raise};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};
use proto::shim::MessageKind;
use std::time::{Duration, Instant};

/// The whole of a worker is to stay under this.
const MEMORY: usize = 64 << 20;

#[test]
fn memory_and_cost_stay_bounded() {
    let mut w = World::new();
    w.trusted();
    let few = cost_of_a_line(&mut w.alice);

    for (name, flood) in FLOODS {
        let start = Instant::now();
        flood(&mut w);
        let (memory, seconds) = (memory(), start.elapsed().as_secs_f32());
        println!("{name}: {seconds:.1} s, {} kB", memory >> 10);
        assert!(memory < MEMORY, "{memory} bytes after {name}");
        w.alice.news();
        w.alice.out.clear();
        w.wire.clear();
        if name == "nicks" {
            let many = cost_of_a_line(&mut w.alice);
            println!("a plain line: {few} instructions among 10 nicks, {many} after so many");
            assert!(many * 10 <= few * 12, "{few} instructions have become {many}");
        }
    }
    // What the last lines of a flood left to wait for is past after a while. The keys of hundreds
    // of strangers stay known.
    w.alice.waits(3600);
    let many = cost_of_a_line(&mut w.alice);
    println!("a plain line: {few} instructions at first, {many} after the floods");
    assert!(many <= few * 2, "{few} instructions have become {many}");

    // The friend's session works after all that.
    w.alice.says("bob", "still here?");
    w.settle();
    assert_eq!(w.bob.read.last().map(String::as_str), Some("still here?"));
    w.bob.say(b"still here");
    w.settle();
    assert_eq!(heard(&w.alice.news()), ["still here"]);
}

type Flood = fn(&mut World);

const FLOODS: [(&str, Flood); 7] = [
    ("nicks", nicks),
    ("instance tags", tags),
    ("fragments", fragments),
    ("beginnings of cut lines", beginnings),
    ("commitments", commitments),
    ("names that change", names_that_change),
    ("questions", questions),
];

/// Instructions that a line of somebody who is known costs, from the request to the effects.
fn cost_of_a_line(alice: &mut User) -> u64 {
    for i in 0..10 {
        alice.hears(&format!("plain{i}"), MessageKind::Text, b"hello");
    }
    let cost = instructions(|| alice.hears("plain5", MessageKind::Text, b"hello"));
    alice.news();
    cost
}

/// Counts by single steps of a copy of this process: seconds would say how busy the machine is.
fn instructions(work: impl FnOnce()) -> u64 {
    // SAFETY: the copy runs the engine and the allocator only, and ends by `_exit`.
    let copy = match unsafe { fork() }.expect("a process") {
        ForkResult::Parent { child } => child,
        ForkResult::Child => {
            ptrace::traceme().expect("a tracer");
            raise(Signal::SIGSTOP).expect("a stop");
            work();
            // SAFETY: ends the copy without its parent's cleaning up.
            unsafe { libc::_exit(0) }
        }
    };
    let mut count = 0;
    loop {
        match waitpid(copy, None).expect("our own child") {
            WaitStatus::Stopped(..) => ptrace::step(copy, None).expect("a step"),
            WaitStatus::Exited(_, 0) => return count,
            other => panic!("the copy did not get through: {other:?}"),
        }
        count += 1;
    }
}

/// So many in the long form, a tenth usually.
fn many(number: u32) -> u32 {
    if std::env::var_os("OTRD_MODEL_LONG").is_some() { number } else { number / 10 }
}

/// What the people around remember is no part of a worker. The module says how far it has read:
/// until then the worker keeps its replies.
fn forget(w: &mut World) {
    w.alice.waits(0);
    w.alice.screen.clear();
    w.alice.out.clear();
    w.alice.came.clear();
    w.alice.decided.clear();
    w.wire.clear();
}

fn nicks(w: &mut World) {
    for i in 0..many(100_000) {
        let nick = format!("nick{i}");
        w.alice.hears(&nick, MessageKind::Text, b"hello");
        if i % 10 == 0 {
            w.alice.says(&nick, "hello");
            w.alice.hears(&nick, MessageKind::Text, b"?OTR Error: no");
        }
        forget(w);
    }
}

/// A commitment under each instance tag, of one nick and of many.
fn tags(w: &mut World) {
    let commitment = commitment();
    for i in 0..many(100_000) {
        let line = with_tag(&commitment, 0x100 + i * 7);
        let nick = if i % 2 == 0 { "bob".into() } else { format!("tag{i}") };
        w.alice.now.mono += Duration::from_millis(1);
        w.alice.hears(&nick, MessageKind::Text, &line);
        forget(w);
    }
}

fn fragments(w: &mut World) {
    let piece = "A".repeat(350);
    for i in 0..many(100_000) {
        let (tag, k) = (0x100 + i % 300, 1 + i / 300);
        let line = format!("?OTR|{tag:x}|0,{k},65535,{piece},");
        w.alice.hears(&format!("frag{}", i % 40), MessageKind::Text, line.as_bytes());
        forget(w);
    }
    for k in 1..=many(65_535) {
        w.alice.hears("long", MessageKind::Text, format!("?OTR,{k},65535,{piece},").as_bytes());
        forget(w);
    }
}

/// Lines that look as if a gateway had cut them.
fn beginnings(w: &mut World) {
    let start = format!("?OTR:AAMD{}", "A".repeat(400));
    for i in 0..many(100_000) {
        w.alice.hears(&format!("cut{}", i % 5000), MessageKind::Text, start.as_bytes());
        w.alice.hears(&format!("cut{}", i % 5000), MessageKind::Text, "B".repeat(400).as_bytes());
        forget(w);
    }
}

/// A thousand a second, for half a minute, from one nick and from many.
fn commitments(w: &mut World) {
    let commitment = commitment();
    for i in 0..many(30_000) {
        w.alice.now.mono += Duration::from_millis(1);
        let nick = if i % 2 == 0 { "flood".into() } else { format!("flood{i}") };
        w.alice.hears(&nick, MessageKind::Text, &with_tag(&commitment, 0x200 + i));
        forget(w);
    }
}

/// Sessions of one stranger after the other, each with a nick that changes all the time.
fn names_that_change(w: &mut World) {
    for i in 0..many(1000) {
        w.alice.now.mono += Duration::from_secs(20);
        w.mallory = Person::new("mallory");
        w.mallory.nick = format!("stranger{i}");
        w.mallory.start();
        w.settle();
        for k in 0..12 {
            w.rename(|w| &mut w.mallory, &format!("s{i}_{k}"));
        }
        if i % 2 == 0 {
            w.mallory.finish();
        }
        w.settle();
        forget(w);
    }
    assert!(w.alice.guard.len() < 400 * 9, "{}", w.alice.guard.len());
    println!(
        "conversations.json: {} bytes",
        w.alice.files.get("conversations.json").unwrap().len()
    );
    println!("otr.fp: {} bytes", w.alice.files.get("otr.fp").unwrap().len());
    println!("guarded: {}", w.alice.guard.len());
}

fn questions(w: &mut World) {
    for _ in 0..many(1000) {
        w.bob.ask(Some(&[b'q'; 900]), b"secret");
        w.settle();
        forget(w);
    }
}

/// The first step of a key exchange as a stranger's client makes it.
fn commitment() -> Vec<u8> {
    let mut stranger = Person::new("mallory");
    stranger.hear(b"?OTRv3?");
    let mut whole = Vec::new();
    for piece in stranger.out {
        // `?OTR|tag|tag,k,n,piece,`
        let text = String::from_utf8(piece).unwrap();
        match text.strip_prefix("?OTR|") {
            Some(rest) => whole.extend(rest.split(',').nth(3).unwrap().bytes()),
            None => whole.extend(text.bytes()),
        }
    }
    whole
}

/// The same from another instance: bytes 3 to 6 of what the base64 says.
fn with_tag(commitment: &[u8], tag: u32) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut line = commitment.to_vec();
    let value = |byte: u8| DIGITS.iter().position(|d| *d == byte).unwrap() as u64;
    // Two groups of four digits hold bytes 3 to 8.
    let mut bits = line[9..17].iter().fold(0, |bits, byte| bits << 6 | value(*byte));
    bits = (bits & 0xffff) | u64::from(tag) << 16;
    for at in (9..17).rev() {
        line[at] = DIGITS[(bits & 63) as usize];
        bits >>= 6;
    }
    line
}

/// Bytes in memory.
fn memory() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}
