//! What is fuzzed: a function of some bytes that panics where a promise is broken, and bytes to
//! begin with.
//!
//! * `frame`, `message`: lines of a socket, and what they say.
//! * `worker`: all that a module can send, through the real poll loop.
//! * `peer`: what comes from IRC while a conversation is private.
//! * `html`: what becomes of a decrypted text.
//! * `files`: what lies on the disk; `sealed`: the same where it is encrypted; `import`: files of
//!   other programs.

// Beside this file, whoever includes it.
#[path = "seeds.rs"]
mod seeds;

use crate::common::initial_states::Start;
use crate::common::key_file;
use crate::common::store::Files;
use crate::common::user::{Shown, User, account, load};
use crate::common::world::World;
use crate::gcrypt_cache;
use nix::sys::socket::{
    AddressFamily, ControlMessage, MsgFlags, Shutdown, SockFlag, SockType, sendmsg, shutdown,
    socketpair,
};
use proto::MAX_LINE;
use proto::account::Name as AccountName;
use proto::admin::import_export::Order;
use proto::bundle;
use proto::irc::Text;
use proto::jsonrpc::{self, Id, Message};
use proto::line::{LineBuffer, TooLong};
use proto::shim::{Call, Hello, Instance, MessageKind, Want};
use proto::worker::{AtRest, ToWorker, WorkerConfig};
use serde_json::Value;
use std::io::{IoSlice, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use worker::control::Control;
use worker::engine::{Action, Engine, Event, Now};
use worker::event_loop::{Loaded, serve};
use worker::own_memory::OwnMemory;
use worker::store::{
    Converted, Directory, EncryptedStore, Keys, Store, StoredFile, StoredFiles, seal,
};
use worker::text::{ctcp, html as markup, sanitize};
use zeroize::Zeroizing;

pub struct Target {
    pub name: &'static str,
    pub run: fn(&[u8]),
    pub seeds: fn() -> Vec<Vec<u8>>,
}

pub const TARGETS: [Target; 8] = [
    Target { name: "frame", run: frame, seeds: seeds::streams },
    Target { name: "message", run: message, seeds: seeds::lines },
    Target { name: "worker", run: worker, seeds: seeds::inputs },
    Target { name: "peer", run: peer, seeds: seeds::conversations },
    Target { name: "html", run: html, seeds: seeds::texts },
    Target { name: "files", run: files, seeds: seeds::disks },
    Target { name: "sealed", run: sealed, seeds: seeds::sealed_disks },
    Target { name: "import", run: import, seeds: seeds::bundles },
];

/// The first byte says how long the pieces are in which the rest arrives, the second how much
/// more a line begins with.
pub fn frame(input: &[u8]) {
    let [piece, more, rest @ ..] = input else { return };
    let mut stream = vec![b'x'; usize::from(*more) * 300];
    stream.extend(rest);
    let mut lines = LineBuffer::default();
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
        assert_eq!(lines.into_rest().as_bytes(), *tail);
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
    let _ = ToWorker::decode(line);
    let _ = proto::worker::ToFront::decode(line);
    assert!(asked <= 1000);
}

/// The worker's own loop, over real sockets and files: a front that hands the connection over, and
/// a module that sends the input and hangs up.
pub fn worker(input: &[u8]) {
    // More than that does not fit into a socket that nobody reads yet.
    let input = &input[..input.len().min(64 * 1024)];
    gcrypt_cache::begin(0);
    let room = tempfile::tempdir_in("/dev/shm").expect("a directory");
    std::fs::write(room.path().join("otr.key"), key_file("alice", 0)).expect("a file");
    let directory = Directory::new(std::fs::File::open(room.path()).expect("a directory").into());
    let names = directory.names().expect("a list");
    let mut store = EncryptedStore::new(directory, &account("alice"), names, None);
    let user = account("alice").user;
    let stored = StoredFiles::read(&mut store);
    let engine = Engine::load(account("alice"), &user, stored, now()).expect("libotr");
    let (front, control) =
        socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::empty())
            .expect("a pair");
    let (mut module, link) = UnixStream::pair().expect("a pair");
    module.write_all(input).expect("room");
    shutdown(module.as_raw_fd(), Shutdown::Write).expect("a socket");
    let link: OwnedFd = link.into();
    let adopt = ToWorker::Adopt {
        id: Some(Id::from(1)),
        hello: Box::new(hello()),
        rest: Text::new([]),
        arrival: None,
    };
    order(&front, &adopt, Some(&link));
    drop(link);
    // The loop takes one of these each time round, and some of the input.
    for seq in 0..8 {
        order(&front, &ToWorker::Status { seq }, None);
    }
    order(&front, &ToWorker::Shutdown, None);
    let (converted, confinement) = (Converted::default(), String::new());
    let (account, config) = (account("alice"), WorkerConfig::default());
    let memory = OwnMemory::open().expect("/proc");
    let loaded =
        Loaded { engine, store, converted, confinement, memory, account, config, front: 2 };
    serve(Control::new(control), loaded).expect("served to the end");
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
    let packet = message.encode().expect("JSON");
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
    gcrypt_cache::begin(0);
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
        1 => w.alice.hears(from, MessageKind::Action, words),
        2 => w.alice.hears(from, MessageKind::Notice, words),
        3 => w.alice.hears(from, MessageKind::Ctcp, words),
        // To libotr, NUL is where a text ends, and nothing is no message.
        4 if !words.is_empty() && !words.contains(&0) => w.bob.say(words),
        4 => {}
        5 => w.alice.says("bob", TYPED),
        6 => w.alice.waits(61),
        _ => {
            if let Ok(new) = std::str::from_utf8(words)
                && proto::irc::Nick::new(words).is_ok()
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
    let line = sanitize::single_line(&plain);
    assert!(!line.iter().any(|byte| b"\r\n\0\x01".contains(byte)));
    let quote = sanitize::quote(text);
    assert!(!quote.chars().any(char::is_control));
    let (ctcp::Decrypted::Text(inner)
    | ctcp::Decrypted::Action(inner)
    | ctcp::Decrypted::Ctcp(inner)) = ctcp::read(text);
    assert!(inner.len() <= text.len());
}

/// The first byte says which file it is, the others are in order.
pub fn files(input: &[u8]) {
    let Some((which, content)) = input.split_first() else { return };
    gcrypt_cache::begin(0);
    let disk = Files::default();
    for (name, good) in seeds::disk_of_a_user() {
        disk.put(name, &good);
    }
    let name = StoredFile::ALL[usize::from(*which) % StoredFile::ALL.len()];
    disk.put(name, content);
    let mut alice = User::from_disk(disk.clone());
    // Whatever was there is still there, under this name or another.
    let kept = disk.names().iter().any(|file| disk.get(file).as_deref() == Some(content));
    let ours =
        matches!(name, StoredFile::InstanceTag | StoredFile::Settings | StoredFile::Conversations);
    assert!(kept || ours || name == StoredFile::Fingerprints, "{} is lost", name.file());
    for command in ["status", "info", "policy", "ignore", "fingerprint", "info bob"] {
        alice.command(command);
    }
    alice.says("bob", "hello");
    alice.waits(61);
    // And comes up again from what it wrote itself.
    User::from_disk(disk);
}

/// What every file of an encrypted directory holds.
const CONTENT: &[u8] = b"(privkeys (account))";

/// The first byte says which file it is and how all are to lie from then on, the others are in
/// order and encrypted.
pub fn sealed(input: &[u8]) {
    let Some((how, content)) = input.split_first() else { return };
    let wanted = if how & 1 == 1 { AtRest::Encrypted } else { AtRest::Plain };
    let which = StoredFile::ALL[usize::from(how >> 1) % StoredFile::ALL.len()];
    let opened = secret().open(&place(which), content).ok();
    // Nobody but us can make such a file.
    assert!(opened.iter().all(|opened| opened.as_slice() == CONTENT), "forged");
    let opens = opened.is_some();
    let closed = seal::is_sealed(content) && !opens;

    let room = tempfile::tempdir_in("/dev/shm").expect("a directory");
    let lies = |name: StoredFile| std::fs::read(room.path().join(name.file())).expect("a file");
    for name in StoredFile::ALL {
        let sound = secret().seal(&place(name), CONTENT).expect("randomness");
        let file = if name == which { content } else { &sound };
        std::fs::write(room.path().join(name.file()), file).expect("a file");
    }
    let mut vault = vault(room.path());
    let locked = vault.unlock().is_err();
    assert_eq!(lies(which), content, "changed by a look");
    // Of the others, one that does not open is damaged; without the key nobody goes on.
    assert_eq!(locked, closed && which == StoredFile::Key);
    if locked {
        return;
    }
    for round in 0..2 {
        let converted = vault.convert_all(wanted);
        assert_eq!(converted.failed.len(), usize::from(closed));
        assert!(round == 0 || converted.changed == 0);
    }
    for name in StoredFile::ALL {
        let read = vault.read(name).map(|file| file.expect("it was there").to_vec()).ok();
        let expected = match name == which {
            true if closed => None,
            true if !opens => Some(content),
            _ => Some(CONTENT),
        };
        assert_eq!(read.as_deref(), expected);
        let unread = name == which && closed;
        assert!(unread || seal::is_sealed(&lies(name)) == (wanted == AtRest::Encrypted));
        assert!(!unread || lies(name) == content, "{} is lost", name.file());
    }
    // What was replaced is gone, under every name.
    let left = std::fs::read_dir(room.path()).expect("a directory").count();
    assert_eq!(left, StoredFile::ALL.len());
}

fn secret() -> seal::Key {
    seal::Key::new(&Zeroizing::new([7; seal::KEY]))
}

fn place(name: StoredFile) -> String {
    seal::place(&account("alice").path(), name.file())
}

fn vault(room: &Path) -> EncryptedStore<Directory> {
    let directory = Directory::new(std::fs::File::open(room).expect("a directory").into());
    let names = directory.names().expect("a list");
    EncryptedStore::new(
        directory,
        &account("alice"),
        names,
        Some(Keys { now: secret(), before: None }),
    )
}

pub fn import(input: &[u8]) {
    gcrypt_cache::begin(0);
    let Some((how, content)) = input.split_first() else { return };
    let mut engine = load("alice", &Files::default(), now());
    let from = (how & 1 == 1).then(|| "alice".into());
    let order = Order { from, overwrite: how & 2 == 2, check: how & 4 == 4 };
    let acts = engine.step(now(), Event::Import(content.to_vec().into(), order.clone()));
    let imported = acts.iter().find_map(|act| match act {
        Action::Imported(Ok(imported)) => Some(imported),
        _ => None,
    });
    if let Some(imported) = imported {
        // A tag of our own is new at every start without files.
        let kept = |act: &Action| {
            matches!(act, Action::Save(StoredFile::InstanceTag, _) | Action::Imported(_))
        };
        assert!(!order.check || acts.iter().all(kept));
        assert_eq!(
            imported.fingerprint.is_some() && !order.check,
            engine.exported().is_ok_and(|exported| exported.fingerprint.is_some())
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
        ack: 0,
        returned: false,
        identity: None,
        by_name: false,
        closed: None,
        want: vec![Want::State],
    }
}

fn contains(text: &[u8], words: &[u8]) -> bool {
    text.windows(words.len()).any(|window| window == words)
}
