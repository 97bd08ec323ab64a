//! What a line of the ZNC module asks.

use super::{
    Ack, Bye, CommandLine, IncomingMessage, Network, NickChange, OutgoingMessage, Presence,
};
use crate::command::Command;
use crate::jsonrpc::{self, Answer, Code, Error, Id, Request};
use crate::overview::StatePage;
use serde::Serialize;

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

/// Answers one line of a module, as [`jsonrpc::answer`] does.
///
/// `call` is asked once for each request and notification, with its id, in order.
pub fn answer<T: Serialize>(
    line: &[u8],
    mut call: impl FnMut(Option<&Id>, Call) -> Result<T, Error>,
) -> Option<Answer<T>> {
    jsonrpc::answer(line, |request| call(request.id.as_ref(), Call::parse(request)?))
}
