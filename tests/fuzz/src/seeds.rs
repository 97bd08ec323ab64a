//! What the fuzzer begins with: the vectors of `proto`, lines of real conversations, sound files.

use super::{CONTENT, FROM, place, secret};
use crate::common::initial_states::Start;
use crate::common::key_file;
use crate::common::world::World;
use crate::gcrypt_cache;
use proto::MAX_LINE;
use proto::bundle::{self, File};
use proto::irc::Text;
use proto::worker::ToWorker;
use serde_json::Value;
use std::path::Path;
use worker::store::StoredFile;

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

pub fn lines() -> Vec<Vec<u8>> {
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
        lines.push(packet.encode().expect("JSON"));
    }
    lines
}

pub fn streams() -> Vec<Vec<u8>> {
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
pub fn inputs() -> Vec<Vec<u8>> {
    let mut inputs: Vec<Vec<u8>> =
        lines().into_iter().map(|line| [line, vec![b'\n']].concat()).collect();
    inputs.retain(|input| input.len() < MAX_LINE);
    let all = inputs.concat();
    inputs.push(all[..all.len().min(60_000)].to_vec());
    inputs
}

/// What went over the wire in conversations of all kinds: the numbers are the same again when the
/// fuzzer plays it.
pub fn conversations() -> Vec<Vec<u8>> {
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
            gcrypt_cache::begin(0);
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

pub fn texts() -> Vec<Vec<u8>> {
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
pub fn disk_of_a_user() -> Vec<(StoredFile, Vec<u8>)> {
    thread_local! {
        static DISK: Vec<(StoredFile, Vec<u8>)> = {
            let mut w = Start::Trusted.world();
            for line in ["policy carol required", "ignore spam*", "enable alis", "policy * manual"] {
                w.alice.command(line);
            }
            w.alice.command("start carol");
            w.settle();
            w.rename(|w| &mut w.carol, "carol_");
            let file = |name: StoredFile| Some((name, w.alice.files.get(name.file())?));
            StoredFile::ALL.into_iter().filter_map(file).collect()
        };
    }
    DISK.with(Clone::clone)
}

pub fn disks() -> Vec<Vec<u8>> {
    gcrypt_cache::begin(0);
    let disk = disk_of_a_user();
    assert_eq!(disk.len(), StoredFile::ALL.len());
    let which =
        |name: StoredFile| StoredFile::ALL.iter().position(|one| *one == name).unwrap_or(0) as u8;
    disk.iter().map(|(name, content)| [vec![which(*name)], content.clone()].concat()).collect()
}

pub fn sealed_disks() -> Vec<Vec<u8>> {
    let file = |name| secret().seal(&place(name), CONTENT).expect("randomness");
    let mut disks = Vec::new();
    for (which, name) in (0_u8..).zip(StoredFile::ALL) {
        for how in [which << 1, which << 1 | 1] {
            let good = file(name);
            let mut newer = good.clone();
            newer[12] = 2;
            let other = file(StoredFile::ALL[usize::from(which + 1) % StoredFile::ALL.len()]);
            let all = [good.clone(), newer, other, good[..30].to_vec(), CONTENT.to_vec()];
            disks.extend(all.map(|content| [vec![how], content].concat()));
        }
    }
    disks
}

pub fn bundles() -> Vec<Vec<u8>> {
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
