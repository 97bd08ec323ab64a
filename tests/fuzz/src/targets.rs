//! What is fuzzed: a function of some bytes that panics where a promise is broken, and bytes to
//! begin with.
//!
//! * `frame`, `message`: lines of a socket, and what they say.
//! * `worker`: all that a module can send, through the real poll loop.
//! * `peer`: what comes from IRC while a conversation is private.
//! * `html`: what becomes of a decrypted text.
//! * `files`: what lies on the disk; `moving`: files of other programs.

use crate::common::beginnings::Start;
use crate::common::key_file;
use crate::common::store::Files;
use crate::common::user::{Shown, User, account, load};
use crate::common::world::World;
use crate::numbers;
use nix::sys::socket::{
    AddressFamily, ControlMessage, MsgFlags, Shutdown, SockFlag, SockType, sendmsg, shutdown,
    socketpair,
};
use proto::MAX_LINE;
use proto::account::Name as AccountName;
use proto::bundle::{self, File};
use proto::control::ToWorker;
use proto::frame::{Lines, TooLong};
use proto::jsonrpc::{self, Id, Message};
use proto::moving::Order;
use proto::shim::{Call, Hello, Instance, Kind};
use proto::text::Text;
use serde_json::Value;
use std::io::{IoSlice, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use worker::control::Control;
use worker::engine::{Act, Engine, Now};
use worker::serve::{Loaded, serve};
use worker::store::{Directory, Name, Settled, Vault};
use worker::text::{clean, ctcp, html as markup};

pub struct Target {
    pub name: &'static str,
    pub run: fn(&[u8]),
    pub seeds: fn() -> Vec<Vec<u8>>,
}

pub const TARGETS: [Target; 7] = [
    Target { name: "frame", run: frame, seeds: streams },
    Target { name: "message", run: message, seeds: lines },
    Target { name: "worker", run: worker, seeds: inputs },
    Target { name: "peer", run: peer, seeds: conversations },
    Target { name: "html", run: html, seeds: texts },
    Target { name: "files", run: files, seeds: disks },
    Target { name: "moving", run: moving, seeds: bundles },
];

/// The first byte says how long the pieces are in which the rest arrives, the second how much
/// more a line begins with.
pub fn frame(input: &[u8]) {
    let [piece, more, rest @ ..] = input else { return };
    let mut stream = vec![b'x'; usize::from(*more) * 300];
    stream.extend(rest);
    let mut lines = Lines::default();
    let mut got: Vec<Vec<u8>> = Vec::new();
    let mut ended = false;
    for piece in stream.chunks(usize::from(*piece) * 8 + 1) {
        lines.push(piece);
        while let Some(line) = match lines.next_line() {
            Ok(line) => line,
            Err(TooLong) => {
                ended = true;
                None
            }
        } {
            assert!(!ended && line.len() < MAX_LINE);
            got.push(line.to_vec());
        }
        if ended {
            break;
        }
    }
    // What a line is, said in another way.
    let whole: Vec<&[u8]> = stream.split(|byte| *byte == b'\n').collect();
    let (tail, whole) = whole.split_last().expect("one at least");
    let good = whole.iter().take_while(|line| line.len() < MAX_LINE).count();
    assert_eq!(ended, good < whole.len() || tail.len() >= MAX_LINE);
    assert!(got.iter().map(Vec::as_slice).eq(whole[..good].iter().copied()));
    if !ended {
        assert_eq!(lines.into_rest(), *tail);
    }
}

pub fn message(line: &[u8]) {
    if line.contains(&b'\n') {
        return;
    }
    let mut out = Vec::new();
    let mut asked = 0;
    jsonrpc::serve(line, &mut out, |request| {
        asked += 1;
        let _ = proto::admin::Call::parse(request);
        let call = Call::parse(request)?;
        // What was understood is said again, and understood as the same.
        let mut again = Vec::new();
        jsonrpc::write_line(&mut again, &jsonrpc::Outgoing::request(1, call.method(), &call));
        again.pop();
        let Ok(Message::Single(request)) = jsonrpc::parse(&again) else { panic!("{again:?}") };
        assert_eq!(Call::parse(&request).expect("our own words"), call);
        Ok(again)
    });
    assert!(out.is_empty() || out.ends_with(b"\n") && !out[..out.len() - 1].contains(&b'\n'));
    if !out.is_empty() {
        serde_json::from_slice::<Value>(&out).expect("JSON");
    }
    let _ = serde_json::from_slice::<ToWorker>(line);
    let _ = serde_json::from_slice::<proto::control::ToFront>(line);
    assert!(asked <= 1000);
}

/// The worker's own loop, over real sockets and files: a front that hands the connection over, and
/// a module that sends the input and hangs up.
pub fn worker(input: &[u8]) {
    // More than that does not fit into a socket that nobody reads yet.
    let input = &input[..input.len().min(64 * 1024)];
    numbers::begin(0);
    let room = tempfile::tempdir_in("/dev/shm").expect("a directory");
    std::fs::write(room.path().join("otr.key"), key_file("alice", 0)).expect("a file");
    let directory = Directory::new(std::fs::File::open(room.path()).expect("a directory").into());
    let names = directory.names().expect("a list");
    let mut store = Vault::new(directory, &account(), names, None);
    let engine = Engine::load(account(), &mut store, now()).expect("libotr");
    let (front, control) =
        socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::empty())
            .expect("a pair");
    let (mut module, link) = UnixStream::pair().expect("a pair");
    module.write_all(input).expect("room");
    shutdown(module.as_raw_fd(), Shutdown::Write).expect("a socket");
    let link: OwnedFd = link.into();
    let adopt = ToWorker::Adopt { id: Some(Id::from(1)), hello: hello(), rest: Text::new([]) };
    order(&front, &adopt, Some(&link));
    drop(link);
    // The loop takes one of these each time round, and some of the input.
    for seq in 0..8 {
        order(&front, &ToWorker::Status { seq }, None);
    }
    order(&front, &ToWorker::Shutdown, None);
    let (settled, confinement) = (Settled::default(), String::new());
    serve(Control::new(control), Loaded { engine, store, settled, confinement })
        .expect("served to the end");
    let mut replies = Vec::new();
    let _ = module.read_to_end(&mut replies);
    let lines: Vec<&[u8]> = replies.split_inclusive(|byte| *byte == b'\n').collect();
    let whole = lines.iter().filter(|line| line.ends_with(b"\n"));
    for line in whole {
        assert!(line.len() <= MAX_LINE);
        serde_json::from_slice::<Value>(line).expect("JSON");
    }
    assert!(lines.first().is_some_and(|line| contains(line, b"\"result\":{\"version\"")));
}

fn order(front: &OwnedFd, message: &ToWorker, beside: Option<&OwnedFd>) {
    let packet = serde_json::to_vec(message).expect("JSON");
    let fds: Vec<_> = beside.iter().map(|fd| fd.as_raw_fd()).collect();
    let beside = [ControlMessage::ScmRights(&fds)];
    let beside = if fds.is_empty() { &[][..] } else { &beside[..] };
    let parts = [IoSlice::new(&packet)];
    sendmsg::<()>(front.as_raw_fd(), &parts, beside, MsgFlags::empty(), None).expect("room");
}

/// What alice typed for bob, to whom she is private.
const TYPED: &str = "alice's own words";

/// What bob said where seeds were recorded: his keys are the same again, and so he says it again.
const SAID: [&str; 2] = ["hello there", "two"];

/// Lines; the first byte of each says whose it is and what it is, see [`happens`].
pub fn peer(input: &[u8]) {
    numbers::begin(0);
    let mut w = Start::Trusted.world();
    let mut bob_spoke = false;
    for line in input.split(|byte| *byte == b'\n').take(64) {
        let Some((code, words)) = line.split_first() else { continue };
        bob_spoke |= code >> 2 & 7 == 4;
        happens(&mut w, *code, words);
        w.settle();
        assert!(!w.leaked(TYPED), "in clear");
        for shown in w.alice.news() {
            if let Shown::Peer { from, text, .. } = shown {
                let marked = text.starts_with("[NOT ENCRYPTED] ")
                    || text.starts_with("[UNVERIFIED NEW KEY] ");
                let his = bob_spoke || SAID.contains(&text.as_str());
                assert!(marked || his || !w.alice.same(&from, "bob"), "{from}: {text}");
            }
        }
        w.wire.clear();
    }
    assert!(w.alice.guarded("bob"));
}

const FROM: [&str; 4] = ["bob", "mallory", "BOB", "x"];

fn happens(w: &mut World, code: u8, words: &[u8]) {
    let from = FROM[usize::from(code & 3)];
    match code >> 2 & 7 {
        0 => w.inject(from, words),
        1 => w.alice.hears(from, Kind::Action, words),
        2 => w.alice.hears(from, Kind::Notice, words),
        3 => w.alice.hears(from, Kind::Ctcp, words),
        // To libotr, NUL is where a text ends.
        4 if !words.contains(&0) => w.bob.say(words),
        4 => {}
        5 => w.alice.says("bob", TYPED),
        6 => w.alice.waits(61),
        _ => {
            if let Ok(new) = std::str::from_utf8(words)
                && proto::text::Nick::new(words).is_ok()
            {
                w.alice.sees_nick(from, new);
            }
        }
    }
}

pub fn html(text: &[u8]) {
    let plain = markup::to_plain(text);
    // A link is written behind its words.
    assert!(plain.len() <= text.len() * 2 + 16);
    if !text.iter().any(|byte| b"<&".contains(byte)) {
        assert_eq!(plain, text);
    }
    let line = clean::single_line(&plain);
    assert!(!line.iter().any(|byte| b"\r\n\0\x01".contains(byte)));
    let quote = clean::quote(text);
    assert!(!quote.chars().any(char::is_control));
    let (ctcp::Decrypted::Text(inner)
    | ctcp::Decrypted::Action(inner)
    | ctcp::Decrypted::Ctcp(inner)) = ctcp::read(text);
    assert!(inner.len() <= text.len());
}

/// The first byte says which file it is, the others are in order.
pub fn files(input: &[u8]) {
    let Some((which, content)) = input.split_first() else { return };
    numbers::begin(0);
    let disk = Files::default();
    for (name, good) in disk_of_a_user() {
        disk.put(name, &good);
    }
    let name = Name::ALL[usize::from(*which) % Name::ALL.len()];
    disk.put(name, content);
    let mut alice = User::from_disk(disk.clone());
    // Whatever was there is still there, under this name or another.
    let kept = disk.names().iter().any(|file| disk.get(file).as_deref() == Some(content));
    let ours = matches!(name, Name::InstanceTag | Name::Settings | Name::Conversations);
    assert!(kept || ours || name == Name::Fingerprints, "{} is lost", name.file());
    for command in ["status", "info", "policy", "ignore", "fingerprint", "info bob"] {
        alice.command(command);
    }
    alice.says("bob", "hello");
    alice.waits(61);
    // And comes up again from what it wrote itself.
    User::from_disk(disk);
}

pub fn moving(input: &[u8]) {
    numbers::begin(0);
    let Some((how, content)) = input.split_first() else { return };
    let mut engine = load(&Files::default(), now());
    let from = (how & 1 == 1).then(|| "alice".into());
    let order = Order { from, overwrite: how & 2 == 2, check: how & 4 == 4 };
    if let (Ok(imported), acts) = engine.import(now(), content, &order) {
        // A tag of our own is new at every start without files.
        let kept = |act: &Act| matches!(act, Act::Save(Name::InstanceTag, _));
        assert!(!order.check || acts.iter().all(kept));
        assert_eq!(
            imported.fingerprint.is_some() && !order.check,
            engine.exported().fingerprint.is_some()
        );
    }
    let _ = otr::foreign::keys(content);
    let _ = otr::foreign::fingerprints(content);
    if let Ok(files) = bundle::read(content) {
        let mut again = Vec::new();
        bundle::write(&files, &mut again);
        assert_eq!(bundle::read(&again).expect("our own"), files);
    }
}

fn now() -> Now {
    Now { mono: std::time::Duration::ZERO, wall: 1_795_305_600 }
}

fn hello() -> Hello {
    let name = |name| AccountName::new(name).expect("a name");
    Hello {
        version: proto::VERSION,
        user: name("alice"),
        network: name("net"),
        shim: "0".into(),
        znc: "0".into(),
        instance: Instance::new("fuzz").ok(),
        seen: 0,
        given_back: false,
    }
}

fn contains(text: &[u8], words: &[u8]) -> bool {
    text.windows(words.len()).any(|window| window == words)
}

// ---- to begin with

/// The vectors of `proto`: lines, and what stands in place of some.
fn cases(file: &str) -> Vec<Value> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|room| room.join("proto/vectors").join(file))
        .find(|path| path.exists())
        .expect("the vectors of proto");
    let file = std::fs::read(file).expect("the vectors of proto");
    let file: Value = serde_json::from_slice(&file).expect("JSON");
    file["cases"].as_array().expect("cases").clone()
}

fn lines() -> Vec<Vec<u8>> {
    let files = ["accept-requests.json", "reject-requests.json", "reject-hello.json"];
    let cases = files.iter().flat_map(|file| cases(file));
    let lines = cases.filter_map(|case| match (&case["line"], &case["raw"], &case["b64"]) {
        (Value::Null, Value::String(raw), _) => Some(raw.as_bytes().to_vec()),
        (Value::Null, _, Value::String(_)) => {
            let text = serde_json::json!({ "b64": case["b64"] });
            Some(serde_json::from_value::<Text>(text).ok()?.into_bytes())
        }
        (Value::Null, ..) => None,
        (line, ..) => Some(line.to_string().into_bytes()),
    });
    let mut lines: Vec<Vec<u8>> = lines.collect();
    assert!(lines.len() > 50, "the vectors have other names now");
    let batch = [b"[".as_slice(), &lines[2], b",", &lines[5], b",7]"].concat();
    lines.push(batch);
    for packet in [ToWorker::Status { seq: 1 }, ToWorker::KeyPipe] {
        lines.push(serde_json::to_vec(&packet).expect("JSON"));
    }
    lines
}

fn streams() -> Vec<Vec<u8>> {
    let text = |chunk: &Value| match chunk {
        Value::String(text) => text.as_bytes().to_vec(),
        _ => Vec::new(),
    };
    let cases = ["accept-lines.json", "reject-lines.json"].into_iter().flat_map(cases);
    let chunks = cases.filter_map(|case| {
        Some(case["chunks"].as_array()?.iter().flat_map(text).collect::<Vec<u8>>())
    });
    let mut streams: Vec<_> = chunks.map(|stream| [vec![0, 0], stream].concat()).collect();
    // Just so long, and one more.
    for more in [218, 219] {
        streams.push([vec![255, more], vec![b'y'; MAX_LINE - 218 * 300 - 1], vec![b'\n']].concat());
    }
    streams
}

/// Each request of the vectors, and all of them behind each other.
fn inputs() -> Vec<Vec<u8>> {
    let mut inputs: Vec<Vec<u8>> =
        lines().into_iter().map(|line| [line, vec![b'\n']].concat()).collect();
    inputs.retain(|input| input.len() < MAX_LINE);
    let all = inputs.concat();
    inputs.push(all[..all.len().min(60_000)].to_vec());
    inputs
}

/// What went over the wire in conversations of all kinds: the numbers are the same again when the
/// fuzzer plays it.
fn conversations() -> Vec<Vec<u8>> {
    let plays: [fn(&mut World); 6] = [
        |w| w.bob.say(b"hello <b>there</b>"),
        |w| {
            w.alice.says("bob", "one");
            w.settle();
            w.bob.say(b"two");
            w.settle();
            w.bob.finish();
        },
        |w| w.bob.ask(Some(b"what?"), b"secret"),
        |w| w.alice.command("auth bob secret"),
        |w| {
            w.impostor_answers = true;
            w.bob_hears = false;
            w.impostor.start();
        },
        |w| w.mallory.start(),
    ];
    let mut all: Vec<Vec<u8>> = plays
        .iter()
        .map(|play| {
            numbers::begin(0);
            let mut w = Start::Trusted.world();
            w.wire.clear();
            play(&mut w);
            w.settle();
            let to_alice = w.wire.iter().filter(|sent| sent.to == "alice");
            let records = to_alice.map(|sent| {
                let who = FROM.iter().position(|nick| *nick == sent.from).unwrap_or(3) as u8;
                [vec![b'@' | who], sent.text.clone()].concat()
            });
            records.collect::<Vec<_>>().join(&b'\n')
        })
        .collect();
    for text in [
        "@hi\nTx\n@?OTR?\nTx",
        "A?OTRv23?\nXx\nB?OTR Error: no\nTx",
        "Dwaves\nHnotice\nLVERSION\nTx",
        "\\bobby\nTx\n@?OTR,1,2,?OTR:AAI,",
        "@?OTR:AAMCAAAA\n@BBBB.\nTx",
        "Phello\nP\x01VERSION\x01",
    ] {
        all.push(text.into());
    }
    all
}

fn texts() -> Vec<Vec<u8>> {
    [
        "<b>bold</b> <i>it</i>",
        "a < b && c > d",
        "&lt;&amp;&#65;&#x41;&quot;&nbsp;",
        "<a href=\"http://x.y/?a=b&amp;c\">words</a>",
        "<p>one</p><p>two<br/>three</p>",
        "\x01ACTION waves\x01",
        "\x01VERSION\x01",
        "<font color=\"#ff0000\">red</font>",
        "line\r\ntwo\0",
        "<<b>>",
        "<a href='x'>",
        "&#0;&#1114112;&#xD800;",
        "/me waves",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

/// The files of a user with a friend, settings, and a conversation that is private.
fn disk_of_a_user() -> Vec<(Name, Vec<u8>)> {
    thread_local! {
        static DISK: Vec<(Name, Vec<u8>)> = {
            let mut w = Start::Trusted.world();
            for line in ["policy carol required", "ignore spam*", "enable alis", "policy * manual"] {
                w.alice.command(line);
            }
            w.alice.command("start carol");
            w.settle();
            w.rename(|w| &mut w.carol, "carol_");
            let file = |name: Name| Some((name, w.alice.files.get(name.file())?));
            Name::ALL.into_iter().filter_map(file).collect()
        };
    }
    DISK.with(Clone::clone)
}

fn disks() -> Vec<Vec<u8>> {
    numbers::begin(0);
    let disk = disk_of_a_user();
    assert_eq!(disk.len(), Name::ALL.len());
    let which = |name: Name| Name::ALL.iter().position(|one| *one == name).unwrap_or(0) as u8;
    disk.iter().map(|(name, content)| [vec![which(*name)], content.clone()].concat()).collect()
}

fn bundles() -> Vec<Vec<u8>> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let key = text(key_file("alice", 0));
    let pidgin =
        key.replace("(name alice)", "(name \"alice@irc.net\")").replace("irc)", "prpl-irc)");
    let print = "00112233445566778899aabbccddeeff00112233";
    let fp = format!("bob\talice\tirc\t{print}\tverified\ncarol\talice\tprpl-irc\t{print}\t\n");
    let tags = "# tags\nalice\tirc\t1234abcd\n";
    let all: [&[(File, &[u8])]; 5] = [
        &[(File::Key, key.as_bytes())],
        &[(File::Key, pidgin.as_bytes()), (File::Fingerprints, fp.as_bytes())],
        &[(File::Fingerprints, fp.as_bytes()), (File::InstanceTags, tags.as_bytes())],
        &[(File::WeechatKey, &[0, 0, 0, 4, 0, 0, 0, 1, 7])],
        &[],
    ];
    let mut bundles: Vec<Vec<u8>> = all
        .iter()
        .zip(0_u8..)
        .map(|(files, how)| {
            let mut bundle = vec![how];
            bundle::write(files, &mut bundle);
            bundle
        })
        .collect();
    bundles.extend([key.as_bytes(), fp.as_bytes()].map(|file| [b"0", file].concat()));
    bundles
}
