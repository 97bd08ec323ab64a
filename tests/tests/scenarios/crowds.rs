//! Many at once, and some who misbehave.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use otrd_tests::{
    Crowd, Friend, Otrd, OtrdBuilder, Pair, Rpc, Way, World, eventually, handle, key_file,
};
use serde_json::json;

/// One Unix user with many networks, all of which come at once: after a restart of ZNC.
#[test]
fn five_hundred_accounts_come_at_once() {
    let world = World::new();
    let otrd = Otrd::start(&world);
    for round in 0..2 {
        let start = Instant::now();
        let mut all: Vec<Rpc> = (0..500).map(|_| otrd.shim()).collect();
        for (number, shim) in all.iter_mut().enumerate() {
            shim.line(&hello(&format!("net{number}")));
        }
        for shim in &mut all {
            let answer = shim.answer().expect("an answer");
            assert_eq!(answer["result"]["version"], 1, "nobody is refused: {answer}");
        }
        for shim in &mut all {
            shim.call("network", json!({"connected": true}));
        }
        let took = start.elapsed();
        assert!(took < Duration::from_secs(120), "round {round} took {took:?}");
        eprintln!("round {round}: {took:?}");
        assert_eq!(otrd.workers().len(), 500);
    }
}

/// The front has fewer descriptors than it would need.
#[test]
fn out_of_descriptors_whoever_is_there_is_served() {
    let world = World::new();
    let otrd = OtrdBuilder::new().descriptors(128).config("[worker]\nlinger = \"1s\"\n");
    let otrd = otrd.start(&world);
    let mut served = Vec::new();
    let mut refused = 0;
    for number in 0..500 {
        let mut shim = otrd.shim();
        shim.line(&hello(&format!("net{number}")));
        match shim.answer() {
            Some(answer) if answer["result"]["version"] == 1 => served.push(shim),
            answer => {
                assert!(answer.is_none_or(|it| it["error"]["code"].is_i64()));
                refused += 1;
            }
        }
        if refused > 5 {
            break;
        }
    }
    assert!(refused > 5, "128 descriptors are not enough for 500 accounts");
    assert!(served.len() > 20, "only {} were served", served.len());
    // Who is there goes on, and an admin gets in.
    for shim in &mut served {
        assert!(shim.call("command", json!({"text": "help"}))["effects"].is_array());
    }
    let status = otrd.admin().call("status", json!({}));
    assert!(status["accounts"].as_array().is_some_and(|accounts| !accounts.is_empty()));
    // And when some have left, others come in.
    drop(served.drain(..10));
    eventually("there is room for another one", || {
        let mut shim = otrd.shim();
        shim.line(&hello("latecomer"));
        shim.answer().is_some_and(|answer| answer["result"]["version"] == 1)
    });
}

/// Each of them costs its own account something, and nobody else anything.
#[test]
fn who_misbehaves_holds_up_nobody() {
    let pair = Pair::private();
    let otrd = &pair.otrd;
    // Admins who watch and never read, or stop in the middle of a word.
    let mut admins: Vec<Rpc> = (0..20).map(|_| otrd.admin()).collect();
    for (number, admin) in admins.iter_mut().enumerate() {
        match number % 2 {
            0 => admin.line(&json!({"jsonrpc": "2.0", "id": 1, "method": "watch", "params": {}})),
            _ => admin.bytes(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"meth"),
        }
    }
    // A module that asks and never reads.
    let mut deaf = otrd.shim();
    deaf.line(&hello("deaf"));
    let help = json!({"jsonrpc": "2.0", "id": 2, "method": "command", "params": {"text": "help"}});
    let many = format!("{help}\n").repeat(100);
    deaf.gives_up_writing_after(Duration::from_millis(200));
    let mut written = 0;
    while deaf.writes(many.as_bytes()) {
        written += 1;
        assert!(written < 10_000, "it is read from without end");
    }
    // A flood of hellos: the account goes from hand to hand, and the last one has it.
    let mut flood: Vec<Rpc> = (0..200).map(|_| otrd.shim()).collect();
    for shim in &mut flood {
        shim.line(&hello("flood"));
    }
    // And lines without an end.
    let mut endless = otrd.shim();
    endless.bytes(&vec![b'x'; 70_000]);
    endless.is_closed();

    pair.alice.types_to("dave", "undisturbed");
    pair.dave.reads("alice", "undisturbed");
    pair.dave.types_to("alice", "so am I");
    pair.alice.reads("dave", "so am I");
    let status = otrd.admin().call("status", json!({}));
    let memory = |user: &str| {
        let accounts = status["accounts"].as_array().cloned().unwrap_or_default();
        let one = accounts.into_iter().find(|one| one["network"] == user || one["user"] == user);
        one.and_then(|one| one["worker"]["memory"].as_u64())
    };
    assert!(memory("deaf").is_some_and(|kib| kib < 64 * 1024), "{status}");
    // Whoever had the account, and lost it, was told.
    let mut heir = otrd.shim();
    heir.line(&hello("flood"));
    eventually("the last one has it", || {
        let answer = heir.answer();
        let served = answer.as_ref().is_some_and(|it| it["result"]["version"] == 1);
        if !served {
            assert_eq!(answer.expect("an answer")["error"]["code"], -32006);
            heir = otrd.shim();
            heir.line(&hello("flood"));
        }
        served
    });
    for shim in &mut flood {
        let last = std::iter::from_fn(|| shim.answer()).last().expect("a word before the end");
        assert!(last["method"] == "bye" || last["error"]["code"] == -32006, "{last}");
    }
    assert!(heir.call("command", json!({"text": "help"}))["effects"].is_array());
    // Whoever never read is taken over like everybody.
    let mut heir = otrd.shim();
    heir.line(&hello("deaf"));
    assert_eq!(heir.answer().expect("an answer")["result"]["version"], 1);
    pair.wire.never_carried("undisturbed");
}

/// Everything that somebody can send without being known, and questions of somebody who has a
/// session, come to one account without end. Another one's private conversation goes on meanwhile,
/// word for word, and so does the flooded one's.
#[test]
fn who_floods_one_account_disturbs_no_other() {
    let crowd = Crowd::new(2, OtrdBuilder::new(), &[]);
    let [flooded, others] = &crowd.couples[..] else { unreachable!("two") };
    flooded.goes_private();
    others.goes_private();
    let workers = crowd.otrd.workers();
    let stranger = crowd.ircd.client("stranger");
    let asker = Friend::start(&crowd.world, "asker", crowd.ircd.port());
    asker.starts_otr_with(flooded.she.nick());
    asker.told(&format!("secured {}", flooded.she.nick()));
    let arrived = || crowd.wire.count(Way::In, &format!("PRIVMSG {} :", flooded.she.nick()));
    let over = AtomicBool::new(false);
    let sent = thread::scope(|scope| {
        let flood = scope.spawn(|| {
            let lines = flood_of(flooded.she.nick());
            let before = arrived();
            for (sent, line) in lines.iter().cycle().enumerate() {
                if over.load(Ordering::Relaxed) {
                    return sent;
                }
                stranger.send(line);
                // As much at once as IRC carries without cutting her off.
                if sent % 50 == 49 {
                    asker.asks(flooded.she.nick(), "secret");
                    eventually("the flood arrives", || arrived() >= before + sent);
                }
            }
            unreachable!("it is over some time")
        });
        eventually("the flood is there", || arrived() > 500);
        for number in 0..100 {
            others.she_types(&format!("hers {number}"));
            others.he.types_to(others.she.nick(), &format!("his {number}"));
        }
        others.he.reads(others.she.nick(), "hers 99");
        others.she.reads(others.he.nick(), "his 99");
        assert!(!flood.is_finished(), "it goes on all the while");
        flooded.she_types("still here?");
        flooded.he.reads(flooded.she.nick(), "still here?");
        over.store(true, Ordering::Relaxed);
        flood.join().expect("the flood")
    });
    assert!(sent > 500, "{sent}");
    let all = |whose: &str| (0..100).map(|number| format!("{whose} {number}")).collect::<Vec<_>>();
    let words = |told: &String| told.strip_prefix("private she01 ").map(str::to_owned);
    assert_eq!(others.he.all().iter().filter_map(words).collect::<Vec<_>>(), all("hers"));
    assert_eq!(others.she.texts_from(others.he.nick()), all("his"));
    // Nobody died of it or grew.
    assert_eq!(crowd.otrd.workers(), workers);
    let status = crowd.otrd.admin().call("status", json!({}));
    for account in status["accounts"].as_array().expect("accounts") {
        let kib = account["worker"]["memory"].as_u64();
        assert!(kib.is_some_and(|kib| kib < 64 * 1024), "{status}");
    }
    flooded.he.types_to(flooded.she.nick(), "it is over");
    flooded.she.reads(flooded.he.nick(), "it is over");
    crowd.wire.never_carried("hers ");
    crowd.wire.never_carried("still here?");
}

/// A query, a commitment, beginnings of messages and of cut lines, and words.
fn flood_of(nick: &str) -> Vec<String> {
    let mut otr = otr::Otr::new("stranger").expect("libotr");
    otr.load_key(&key_file("stranger")).expect("a key that was just made");
    let answer = otr.receive(handle(nick), &otr::message::classify(b"?OTRv2?"), b"?OTRv2?");
    let commitments = answer.events.into_iter().filter_map(|event| match event {
        otr::Event::Inject { line, .. } => String::from_utf8(line).ok(),
        _ => None,
    });
    let mut texts: Vec<String> = commitments.collect();
    assert_eq!(texts.len(), 1);
    let filler = "A".repeat(350);
    for number in 0..200 {
        texts.push(format!("?OTRv23? number {number}"));
        texts.push(format!("?OTR|{:x}|0,1,65535,{filler},", 0x100 + number));
        texts.push(format!("?OTR,1,65535,{filler},"));
        texts.push(format!("?OTR:AAMD{filler}"));
        texts.push(format!("words {number}"));
    }
    texts.iter().map(|text| format!("PRIVMSG {nick} :{text}")).collect()
}

fn hello(network: &str) -> serde_json::Value {
    let params = json!({"version": 1, "user": "alice", "network": network});
    json!({"jsonrpc": "2.0", "id": 0, "method": "hello", "params": params})
}
