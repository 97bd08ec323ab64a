//! What a line of the ZNC module asks.

use super::{
    Ack, Bye, CommandLine, IncomingMessage, Network, NickChange, OutgoingMessage, Presence,
};
use crate::command::Command;
use crate::jsonrpc::{self, Code, Error, Id, Request, Response};
use crate::overview::StatePage;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

/// Everything a module may ask after its `hello`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// `network`
    Network(Network),
    /// `out`
    Out(OutgoingMessage),
    /// `in`
    In(IncomingMessage),
    /// `command`
    Command(CommandLine),
    /// A typed method: what a line of `command` says, as data.
    Typed(Command),
    /// `state`
    State(StatePage),
    /// `nick`
    Nick(NickChange),
    /// `quit`
    Quit(Presence),
    /// `join`
    Join(Presence),
    /// `ack`
    Ack(Ack),
    /// `bye`
    Bye(Bye),
}

impl Call {
    /// Parses a request once into what it asks.
    ///
    /// # Errors
    /// [`Code::MethodNotFound`], [`Code::InvalidParams`], or [`Code::HelloTwice`]: whoever calls
    /// this has seen a `hello` already.
    pub fn parse(request: &Request<'_>) -> Result<Self, Error> {
        Ok(match request.method.as_ref() {
            "network" => Self::Network(request.params()?),
            "out" => Self::Out(request.params()?),
            "in" => Self::In(request.params()?),
            "command" => Self::Command(request.params()?),
            "state" => Self::State(request.params()?),
            "nick" => Self::Nick(request.params()?),
            "quit" => Self::Quit(request.params()?),
            "join" => Self::Join(request.params()?),
            "ack" => Self::Ack(request.params()?),
            "bye" => Self::Bye(request.params()?),
            "hello" => return Err(Code::HelloTwice.into()),
            _ => match Command::parse(request) {
                Some(command) => Self::Typed(command?),
                None => return Err(Code::MethodNotFound.into()),
            },
        })
    }

    /// The method's name on the wire.
    pub fn method(&self) -> &'static str {
        match self {
            Self::Network(_) => "network",
            Self::Out(_) => "out",
            Self::In(_) => "in",
            Self::Command(_) => "command",
            Self::Typed(command) => command.method(),
            Self::State(_) => "state",
            Self::Nick(_) => "nick",
            Self::Quit(_) => "quit",
            Self::Join(_) => "join",
            Self::Ack(_) => "ack",
            Self::Bye(_) => "bye",
        }
    }
}

impl Serialize for Call {
    /// The parameters only; the method's name is in [`Call::method`].
    fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Network(params) => params.serialize(out),
            Self::Out(params) => params.serialize(out),
            Self::In(params) => params.serialize(out),
            Self::Command(params) => params.serialize(out),
            Self::Typed(command) => command.serialize_params(out),
            Self::State(params) => params.serialize(out),
            Self::Nick(params) => params.serialize(out),
            Self::Quit(params) | Self::Join(params) => params.serialize(out),
            Self::Ack(params) => params.serialize(out),
            Self::Bye(params) => params.serialize(out),
        }
    }
}

/// Answers one line of a module with at most one line, as [`jsonrpc::serve`] does.
///
/// `call` is asked once for each request and notification, with its id, in order.
pub fn serve<T: Serialize>(
    line: &[u8],
    out: &mut Vec<u8>,
    mut call: impl FnMut(Option<&Id>, Call) -> Result<T, Error>,
) {
    // Nearly every line is one sound call, which is read in one go. What else there may be, or
    // what is wrong with it, is found out below.
    if let Ok(text) = std::str::from_utf8(line)
        && let Ok(one) = serde_json::from_str::<OneCall>(text)
    {
        let outcome = call(one.id.as_ref(), one.call);
        if let Some(id) = one.id {
            jsonrpc::write_line(out, &Response { id, outcome });
        }
        return;
    }
    jsonrpc::serve(line, out, |request| call(request.id.as_ref(), Call::parse(request)?));
}

/// A line with one call, whose parameters stand behind its method.
struct OneCall {
    id: Option<Id>,
    call: Call,
}

impl<'de> Deserialize<'de> for OneCall {
    fn deserialize<D: de::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(field_identifier, rename_all = "lowercase")]
        enum Member {
            Jsonrpc,
            Id,
            Method,
            Params,
            #[serde(other)]
            Other,
        }

        struct OneCallVisitor;

        impl<'de> Visitor<'de> for OneCallVisitor {
            type Value = OneCall;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("one call")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<OneCall, A::Error> {
                let (mut version, mut id, mut method, mut call) = (None, None, None, None);
                while let Some(member) = map.next_key()? {
                    let again = match (member, &method) {
                        (Member::Jsonrpc, _) => {
                            version.replace(map.next_value::<Word>()?).is_some()
                        }
                        (Member::Id, _) => id.replace(map.next_value()?).is_some(),
                        (Member::Method, None) => {
                            method = Some(map.next_value::<Word>()?);
                            false
                        }
                        (Member::Params, Some(Word(method))) => {
                            call.replace(map.next_value_seed(ParamsOf(method))?).is_some()
                        }
                        (Member::Method | Member::Params, _) => true,
                        (Member::Other, _) => {
                            map.next_value::<IgnoredAny>()?;
                            false
                        }
                    };
                    if again {
                        return Err(de::Error::custom("out of the usual order"));
                    }
                }
                match (version, call) {
                    (Some(Word(version)), Some(call)) if version == "2.0" => {
                        Ok(OneCall { id, call })
                    }
                    _ => Err(de::Error::custom("no call")),
                }
            }
        }

        /// Borrowed from the line where nothing in it is escaped.
        #[derive(Deserialize)]
        struct Word<'a>(#[serde(borrow)] Cow<'a, str>);

        input.deserialize_map(OneCallVisitor)
    }
}

/// The parameters of this method, as [`Call::parse`] reads them. By name: a struct would also be
/// read from an array.
struct ParamsOf<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for ParamsOf<'_> {
    type Value = Call;

    fn deserialize<D: de::Deserializer<'de>>(self, input: D) -> Result<Call, D::Error> {
        input.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ParamsOf<'_> {
    type Value = Call;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("parameters by name")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Call, A::Error> {
        let params = MapAccessDeserializer::new(map);
        Ok(match self.0 {
            "network" => Call::Network(Network::deserialize(params)?),
            "out" => Call::Out(OutgoingMessage::deserialize(params)?),
            "in" => Call::In(IncomingMessage::deserialize(params)?),
            "command" => Call::Command(CommandLine::deserialize(params)?),
            "nick" => Call::Nick(NickChange::deserialize(params)?),
            "quit" => Call::Quit(Presence::deserialize(params)?),
            "join" => Call::Join(Presence::deserialize(params)?),
            "ack" => Call::Ack(Ack::deserialize(params)?),
            "bye" => Call::Bye(Bye::deserialize(params)?),
            _ => return Err(de::Error::custom("another method")),
        })
    }
}
