//! Every file under `vectors/`, run against the types. `shim/protocol_test.cpp` runs the same files.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use proptest::prelude::*;
use proto::irc::{Nick, Source, Text};
use proto::jsonrpc::{self, ClientResponse, Message, Outgoing, Response};
use proto::line::LineBuffer;
use proto::overview::AccountState;
use proto::shim::{Bye, Call, Effects, Hello, HelloReply};
use serde_json::Value;

fn folder() -> String {
    format!("{}/vectors", env!("CARGO_MANIFEST_DIR"))
}

fn cases(file: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(format!("{}/{file}", folder())).unwrap();
    let vectors: Value = serde_json::from_str(&text).unwrap();
    assert!(!vectors["why"].as_str().unwrap().is_empty());
    vectors["cases"].as_array().unwrap().clone()
}

/// The case's line as bytes: `line` is JSON, `raw` a text, `b64` what no JSON file can hold.
fn line(case: &Value) -> Vec<u8> {
    if let Some(raw) = case["raw"].as_str() {
        return raw.as_bytes().to_vec();
    }
    if let Some(b64) = case["b64"].as_str() {
        return BASE64.decode(b64).unwrap();
    }
    serde_json::to_vec(&case["line"]).unwrap()
}

fn written<T: serde::Serialize>(value: &T) -> Value {
    let mut out = Vec::new();
    jsonrpc::write_line(&mut out, value);
    assert_eq!(out.pop(), Some(b'\n'));
    serde_json::from_slice(&out).unwrap()
}

/// What the module says, read and written again.
fn request(line: &[u8]) -> Result<Value, jsonrpc::Error> {
    let Message::Single(request) = jsonrpc::parse(line)? else {
        return Err(jsonrpc::Code::InvalidRequest.into());
    };
    if request.method == "hello" {
        let hello: Hello = request.params()?;
        return Ok(written(&Outgoing::request(request.id.unwrap(), "hello", hello)));
    }
    let call = Call::parse(&request)?;
    Ok(match request.id {
        Some(id) => written(&Outgoing::request(id, call.method(), call)),
        None => written(&Outgoing::notification(call.method(), call)),
    })
}

/// What the daemon says, read and written again; nothing where a module could not use it.
fn reply(line: &[u8]) -> Option<Value> {
    if let Ok(Message::Single(request)) = jsonrpc::parse(line) {
        return match request.method.as_ref() {
            "effects" => {
                let effects: Effects = request.params().ok()?;
                Some(written(&Outgoing::notification("effects", effects)))
            }
            "bye" => {
                let bye: Bye = request.params().ok()?;
                Some(written(&Outgoing::notification("bye", bye)))
            }
            _ => None,
        };
    }
    if let Ok(answer) = serde_json::from_slice::<ClientResponse<HelloReply>>(line)
        && let Some(welcome) = answer.result
    {
        let fits = welcome.version == proto::VERSION;
        return fits.then(|| written(&Response { id: answer.id.unwrap(), outcome: Ok(welcome) }));
    }
    if let Ok(answer) = serde_json::from_slice::<ClientResponse<AccountState>>(line)
        && let Some(state) = answer.result
    {
        return Some(written(&Response { id: answer.id?, outcome: Ok(state) }));
    }
    let answer: ClientResponse<Effects> = serde_json::from_slice(line).ok()?;
    if let Some(error) = answer.error {
        let code = jsonrpc::Code::ALL.into_iter().find(|code| *code as i64 == error.code)?;
        let outcome: Result<Effects, _> = Err(jsonrpc::Error::new(code, error.message));
        return Some(written(&Response { id: answer.id?, outcome }));
    }
    Some(written(&Response { id: answer.id?, outcome: Ok(answer.result?) }))
}

#[test]
fn no_file_is_forgotten() {
    let mut files: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    let known = [
        "accept-lines.json",
        "accept-newer.json",
        "accept-nick.json",
        "accept-replies.json",
        "accept-requests.json",
        "accept-text.json",
        // Between front and worker, see `proto/src/worker.rs`.
        "control-1.json",
        "control-2.json",
        "reject-hello.json",
        "reject-lines.json",
        "reject-nick.json",
        "reject-replies.json",
        "reject-requests.json",
        "reject-text.json",
    ];
    assert_eq!(files, known);
}

#[test]
fn accept_text() {
    for case in cases("accept-text.json") {
        let bytes = BASE64.decode(case["bytes"].as_str().unwrap()).unwrap();
        let text = Text::new(bytes);
        assert_eq!(written(&text), case["json"], "{}", case["name"]);
        let read: Text = serde_json::from_value(case["json"].clone()).unwrap();
        assert_eq!(read, text, "{}", case["name"]);
    }
}

#[test]
fn reject_text() {
    for case in cases("reject-text.json") {
        let read = serde_json::from_value::<Text>(case["json"].clone());
        assert!(read.is_err(), "{}", case["name"]);
    }
}

fn nick_or_mask(case: &Value) -> Result<Value, serde_json::Error> {
    let json = case["json"].clone();
    if case["mask"] == true {
        serde_json::from_value::<Source>(json).map(|mask| written(&mask))
    } else {
        serde_json::from_value::<Nick>(json).map(|nick| written(&nick))
    }
}

#[test]
fn accept_nick() {
    for case in cases("accept-nick.json") {
        assert_eq!(nick_or_mask(&case).unwrap(), case["json"], "{}", case["name"]);
    }
}

#[test]
fn reject_nick() {
    for case in cases("reject-nick.json") {
        assert!(nick_or_mask(&case).is_err(), "{}", case["name"]);
    }
}

#[test]
fn accept_requests() {
    for case in cases("accept-requests.json") {
        assert_eq!(request(&line(&case)).unwrap(), case["line"], "{}", case["name"]);
    }
}

#[test]
fn reject_requests() {
    for case in cases("reject-requests.json") {
        let mut out = Vec::new();
        jsonrpc::serve(&line(&case), &mut out, |request| {
            Call::parse(request).map(|_| Effects::default())
        });
        let answer: ClientResponse<Effects> = serde_json::from_slice(&out).unwrap();
        let error = answer.error.unwrap();
        assert_eq!(case["code"], error.code, "{}", case["name"]);
        assert_eq!(written(&answer.id.unwrap()), case["id"], "{}", case["name"]);
        assert!(!error.message.contains("bob"), "an error repeats what was sent");
    }
}

#[test]
fn reject_hello() {
    for case in cases("reject-hello.json") {
        let outgoing = Outgoing::request(1, "hello", &case["params"]);
        let bytes = serde_json::to_vec(&outgoing).unwrap();
        assert!(request(&bytes).is_err(), "{}", case["name"]);
    }
}

#[test]
fn accept_replies() {
    for case in cases("accept-replies.json") {
        assert_eq!(reply(&line(&case)).unwrap(), case["line"], "{}", case["name"]);
    }
}

#[test]
fn accept_newer() {
    for case in cases("accept-newer.json") {
        assert_eq!(reply(&line(&case)).unwrap(), case["as"], "{}", case["name"]);
    }
}

#[test]
fn reject_replies() {
    for case in cases("reject-replies.json") {
        assert_eq!(reply(&line(&case)), None, "{}", case["name"]);
    }
}

/// A text, or `{"repeat": text, "times": number}`.
fn long(value: &Value) -> Vec<u8> {
    match value.as_str() {
        Some(text) => text.as_bytes().to_vec(),
        None => {
            let times = value["times"].as_u64().unwrap();
            value["repeat"].as_str().unwrap().repeat(times.try_into().unwrap()).into_bytes()
        }
    }
}

#[test]
fn lines() {
    for (file, good) in [("accept-lines.json", true), ("reject-lines.json", false)] {
        for case in cases(file) {
            let (mut lines, mut seen, mut too_long) = (LineBuffer::default(), Vec::new(), false);
            for chunk in case["chunks"].as_array().unwrap() {
                lines.push(&long(chunk));
                loop {
                    match lines.next_line() {
                        Ok(Some(line)) => seen.push(line.to_vec()),
                        Ok(None) => break,
                        Err(_) => {
                            too_long = true;
                            break;
                        }
                    }
                }
            }
            let expected: Vec<_> = case["lines"].as_array().unwrap().iter().map(long).collect();
            assert_eq!(seen, expected, "{}", case["name"]);
            assert_eq!(too_long, !good, "{}", case["name"]);
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_survive(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let json = serde_json::to_string(&Text::new(bytes.clone())).unwrap();
        prop_assert!(!json.contains('\n'));
        let read: Text = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(read.into_bytes(), bytes);
    }

    #[test]
    fn any_text_survives_a_whole_request(text in ".{0,300}") {
        let case = serde_json::json!({"text": text});
        let line = serde_json::to_vec(&Outgoing::request(1, "command", &case)).unwrap();
        match request(&line) {
            Ok(again) => prop_assert_eq!(&again["params"], &case),
            Err(_) => prop_assert!(text.contains('\0')),
        }
    }

    #[test]
    fn a_reader_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = request(&bytes);
        let _ = reply(&bytes);
    }

    #[test]
    fn lines_do_not_depend_on_the_cutting(
        lines in proptest::collection::vec("[^\n]{0,40}", 0..20),
        cuts in proptest::collection::vec(1usize..30, 1..40),
    ) {
        let stream: Vec<u8> = lines.iter().flat_map(|line| [line.as_bytes(), b"\n"].concat()).collect();
        let (mut reader, mut seen, mut rest) = (LineBuffer::default(), Vec::new(), stream.as_slice());
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (now, later) = rest.split_at((*cut).min(rest.len()));
            reader.push(now);
            rest = later;
            while let Some(line) = reader.next_line().unwrap() {
                seen.push(String::from_utf8(line.to_vec()).unwrap());
            }
        }
        prop_assert_eq!(seen, lines);
        prop_assert!(reader.into_rest().as_bytes().is_empty());
    }
}
