//! JSON-RPC 2.0 over lines: a line in, at most one line out.
//!
//! <https://www.jsonrpc.org/specification>. The specification's own examples (its section 7) are
//! run in `tests/jsonrpc_spec.rs`.

use crate::irc::Text;
use serde::de::{self, Deserializer, Visitor};
use serde::ser::{SerializeStruct, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// What a request says about itself so that its answer can be told from others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Id {
    /// A number. Fractions are allowed by the specification, hence not an integer type.
    Number(serde_json::Number),
    /// A string.
    String(String),
    /// `null`: asked without an id that could be read.
    Null,
}

impl From<u64> for Id {
    fn from(number: u64) -> Self {
        Id::Number(number.into())
    }
}

/// Without the detour over a tree that serde would make of an untagged enum: every line has one.
impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct IdVisitor;

        impl Visitor<'_> for IdVisitor {
            type Value = Id;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, a string or null")
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Id, E> {
                Ok(Id::Number(number.into()))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Id, E> {
                Ok(Id::Number(number.into()))
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Id, E> {
                let number = serde_json::Number::from_f64(number);
                number.map(Id::Number).ok_or_else(|| E::custom("no number"))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Id, E> {
                Ok(Id::String(text.to_owned()))
            }

            fn visit_unit<E: de::Error>(self) -> Result<Id, E> {
                Ok(Id::Null)
            }
        }

        input.deserialize_any(IdVisitor)
    }
}

/// The closed table of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Code {
    /// The line is not JSON.
    Parse = -32700,
    /// JSON, but no request.
    InvalidRequest = -32600,
    /// No such method on this socket.
    MethodNotFound = -32601,
    /// The method's parameters are missing, of a wrong type, or hold what may not be there.
    InvalidParams = -32602,
    /// An error of otrd's own.
    Internal = -32603,
    /// Something was asked before `hello`. The connection is closed.
    HelloFirst = -32001,
    /// A second `hello` on one connection.
    HelloTwice = -32002,
    /// A protocol version that this daemon does not speak. The connection is closed.
    Version = -32003,
    /// This caller may not ask that.
    Forbidden = -32004,
    /// The named account does not exist.
    NoAccount = -32005,
    /// Too much at once, or the worker does not answer.
    Busy = -32006,
    /// A line over 64 KiB. The connection is closed.
    TooLong = -32007,
    /// Understood and allowed, but not done; the message says why.
    Refused = -32008,
    /// The identity of a hello belongs to another network, which is connected. The connection is
    /// closed.
    IdentityInUse = -32009,
}

impl Code {
    /// All of them, for whoever checks the table of `PROTOCOL.md`.
    pub const ALL: [Code; 14] = [
        Code::Parse,
        Code::InvalidRequest,
        Code::MethodNotFound,
        Code::InvalidParams,
        Code::Internal,
        Code::HelloFirst,
        Code::HelloTwice,
        Code::Version,
        Code::Forbidden,
        Code::NoAccount,
        Code::Busy,
        Code::TooLong,
        Code::Refused,
        Code::IdentityInUse,
    ];

    /// What an error says when nobody says more.
    pub fn message(self) -> &'static str {
        match self {
            Code::Parse => "not JSON: send one object per line",
            Code::InvalidRequest => "not a JSON-RPC 2.0 request: send jsonrpc, method and params",
            Code::MethodNotFound => "no such method on this socket: see PROTOCOL.md",
            Code::InvalidParams => "params do not fit the method: see PROTOCOL.md",
            Code::Internal => "otrd failed: see its log",
            Code::HelloFirst => "say hello first",
            Code::HelloTwice => "hello was said already: open a new connection",
            Code::Version => "no common protocol version: update the older of module and otrd",
            Code::Forbidden => "not allowed for this user: ask root",
            Code::NoAccount => "no such account: see otrctl accounts",
            Code::Busy => "too busy to answer: try again",
            Code::TooLong => "line over 65536 bytes: send shorter lines",
            Code::Refused => "not done: see otrd's log",
            Code::IdentityInUse => {
                "another network is connected with this identity: make a new one"
            }
        }
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_i32(*self as i32)
    }
}

/// The `error` member of a reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{message} ({})", *.code as i32)]
pub struct Error {
    /// Which of the table.
    pub code: Code,
    /// One line in lower case that says what to do next. Never holds what was sent.
    pub message: Cow<'static, str>,
}

impl From<Code> for Error {
    fn from(code: Code) -> Self {
        Self { code, message: code.message().into() }
    }
}

impl Error {
    /// An error that says more than its code.
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into() }
    }
}

/// One request, borrowed from its line. `id` is `None` for a notification.
#[derive(Debug)]
pub struct Request<'a> {
    /// To be repeated in the reply; without it nobody waits for one.
    pub id: Option<Id>,
    /// Name of the method.
    pub method: Cow<'a, str>,
    params: Option<&'a RawValue>,
}

impl Request<'_> {
    /// The parameters as they stand in the line, where there are any.
    pub fn raw_params(&self) -> Option<&str> {
        self.params.map(RawValue::get)
    }
}

/// Most members of a batch. Each may be answered by a line's worth of error.
pub const MAX_BATCH: usize = 64;

/// What one line holds.
#[derive(Debug)]
pub enum Message<'a> {
    /// One request or notification.
    Single(Request<'a>),
    /// A batch; each of its members may be damaged by itself.
    Batch(Vec<Result<Request<'a>, Error>>),
}

/// Reads one line without its LF, with at most [`MAX_BATCH`] members in a batch.
///
/// # Errors
/// [`Code::Parse`] or [`Code::InvalidRequest`], to be answered with a `null` id.
pub fn parse(line: &[u8]) -> Result<Message<'_>, Error> {
    parse_bounded(line, MAX_BATCH)
}

/// The same with another bound.
///
/// # Errors
/// As [`parse`].
pub fn parse_bounded(line: &[u8], max_batch: usize) -> Result<Message<'_>, Error> {
    // Nearly every line is one sound request, which one pass finds out. What is wrong with
    // another is found out below.
    if line.first() == Some(&b'{')
        && let Ok(text) = std::str::from_utf8(line)
        && let Ok(wire) = serde_json::from_str::<Wire<'_>>(text)
    {
        return checked(wire).map(Message::Single);
    }
    let raw: &RawValue = serde_json::from_slice(line).map_err(|_| Code::Parse)?;
    if !raw.get().starts_with('[') {
        return request(raw).map(Message::Single);
    }
    let members: Vec<&RawValue> = serde_json::from_str(raw.get()).map_err(|_| Code::Parse)?;
    if members.is_empty() {
        return Err(Code::InvalidRequest.into());
    }
    if members.len() > max_batch {
        let says = format!("at most {max_batch} requests in a batch");
        return Err(Error::new(Code::InvalidRequest, says));
    }
    Ok(Message::Batch(members.into_iter().map(request).collect()))
}

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    jsonrpc: Cow<'a, str>,
    // `null` is an id, its absence is none.
    #[serde(default, deserialize_with = "some")]
    id: Option<Id>,
    #[serde(borrow)]
    method: Cow<'a, str>,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
}

fn some<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Id>, D::Error> {
    Id::deserialize(input).map(Some)
}

fn request(raw: &RawValue) -> Result<Request<'_>, Error> {
    let invalid = |_| Error::from(Code::InvalidRequest);
    // A struct would also be read from an array.
    if !raw.get().starts_with('{') {
        return Err(Code::InvalidRequest.into());
    }
    checked(serde_json::from_str(raw.get()).map_err(invalid)?)
}

fn checked(wire: Wire<'_>) -> Result<Request<'_>, Error> {
    let structured = wire.params.is_none_or(|params| params.get().starts_with(['{', '[']));
    if wire.jsonrpc != "2.0" || !structured {
        return Err(Code::InvalidRequest.into());
    }
    Ok(Request { id: wire.id, method: wire.method, params: wire.params })
}

/// A reply on its way out.
#[derive(Debug)]
pub struct Response<T> {
    /// The request's id, or [`Id::Null`] where it could not be read.
    pub id: Id,
    /// What came of it.
    pub outcome: Result<T, Error>,
}

impl<T: Serialize> Serialize for Response<T> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut object = out.serialize_struct("Reply", 3)?;
        object.serialize_field("jsonrpc", "2.0")?;
        match &self.outcome {
            Ok(result) => object.serialize_field("result", result)?,
            Err(error) => object.serialize_field("error", error)?,
        }
        object.serialize_field("id", &self.id)?;
        object.end()
    }
}

/// What one line is answered with: one line, too.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Answer<T: Serialize> {
    /// The answer to a single request.
    Single(Response<T>),
    /// The answers to a batch, in the order of its requests.
    Batch(Vec<Response<T>>),
}

/// Answers one line, unless it holds only notifications.
///
/// `call` is asked once for each request and notification, in order.
pub fn answer<T: Serialize>(
    line: &[u8],
    mut call: impl FnMut(&Request<'_>) -> Result<T, Error>,
) -> Option<Answer<T>> {
    let mut respond = |request: Result<Request<'_>, Error>| match request {
        Err(error) => Some(Response { id: Id::Null, outcome: Err(error) }),
        Ok(request) => {
            let outcome = call(&request);
            request.id.map(|id| Response { id, outcome })
        }
    };
    match parse(line) {
        Err(error) => respond(Err(error)).map(Answer::Single),
        Ok(Message::Single(request)) => respond(Ok(request)).map(Answer::Single),
        Ok(Message::Batch(requests)) => {
            let replies: Vec<_> = requests.into_iter().filter_map(respond).collect();
            (!replies.is_empty()).then_some(Answer::Batch(replies))
        }
    }
}

/// The same, written as a line to the end of `out`.
pub fn serve<T: Serialize>(
    line: &[u8],
    out: &mut Vec<u8>,
    call: impl FnMut(&Request<'_>) -> Result<T, Error>,
) {
    if let Some(answer) = answer(line, call) {
        write_line(out, &answer);
    }
}

/// Appends a value and LF. Our types always serialize; should one not, an empty line goes out,
/// which every reader refuses.
pub fn write_line<T: Serialize>(out: &mut Vec<u8>, value: &T) {
    let start = out.len();
    if serde_json::to_writer(&mut *out, value).is_err() {
        out.truncate(start);
    }
    out.push(b'\n');
}

/// A request or notification on its way out.
#[derive(Debug, Serialize)]
pub struct Outgoing<'a, P: Serialize> {
    jsonrpc: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Id>,
    method: &'a str,
    params: P,
}

impl<'a, P: Serialize> Outgoing<'a, P> {
    /// A request; its reply will repeat `id`.
    pub fn request(id: impl Into<Id>, method: &'a str, params: P) -> Self {
        Self { jsonrpc: "2.0", id: Some(id.into()), method, params }
    }

    /// A notification: nobody answers it.
    pub fn notification(method: &'a str, params: P) -> Self {
        Self { jsonrpc: "2.0", id: None, method, params }
    }
}

/// A reply as a client reads it: JSON-RPC 2.0, with an id, and either a result or an error.
#[derive(Debug, Deserialize)]
#[serde(try_from = "WireAnswer<T>", bound(deserialize = "T: Deserialize<'de>"))]
pub struct ClientResponse<T> {
    /// The id of the request; `null` where otrd could not read it.
    pub id: Option<Id>,
    /// Where it went well.
    pub result: Option<T>,
    /// Where it did not.
    pub error: Option<ErrorObject>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
struct WireAnswer<T> {
    jsonrpc: String,
    #[serde(default, deserialize_with = "some")]
    id: Option<Id>,
    result: Option<T>,
    error: Option<ErrorObject>,
}

impl<T> TryFrom<WireAnswer<T>> for ClientResponse<T> {
    type Error = &'static str;

    fn try_from(wire: WireAnswer<T>) -> Result<Self, Self::Error> {
        if wire.jsonrpc != "2.0" || wire.id.is_none() {
            return Err("not a JSON-RPC 2.0 reply");
        }
        if wire.result.is_some() == wire.error.is_some() {
            return Err("a reply has either a result or an error");
        }
        Ok(Self { id: wire.id, result: wire.result, error: wire.error })
    }
}

/// An error as a client reads it: later versions may know more codes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ErrorObject {
    /// One of [`Code`], or newer.
    pub code: i64,
    /// What to do next.
    pub message: String,
}

/// Texts that go into a message for people: kept to one printable line.
pub fn one_line(text: &Text) -> String {
    String::from_utf8_lossy(text.as_bytes()).chars().filter(|c| !c.is_control()).collect()
}
