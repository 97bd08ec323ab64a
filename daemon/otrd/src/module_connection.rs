//! A module on its way from the front to its worker.

use crate::line_io;
use proto::irc::Text;
use proto::jsonrpc::{Error, Id};
use proto::shim::Hello;
use proto::worker::Arrival;
use std::io;
use std::os::fd::OwnedFd;
use tokio::net::UnixStream;
use tokio::task::spawn_local;

/// One that said a valid hello.
pub struct ModuleConnection {
    /// The module's connected socket.
    pub stream: UnixStream,
    /// Id of the hello, which the worker answers.
    pub id: Option<Id>,
    /// The hello, as parsed.
    pub hello: Hello,
    /// What it said behind it already.
    pub rest: Text,
    /// What became of its account, for the user.
    pub arrival: Option<Arrival>,
}

/// A [`ModuleConnection`] taken apart, for the packet to its worker.
pub type Parts = (OwnedFd, Option<Id>, Hello, Text, Option<Arrival>);

impl ModuleConnection {
    /// Says why it cannot be served, and closes.
    pub fn refuse(self, error: Error) {
        spawn_local(line_io::refuse(self.stream, self.id.unwrap_or(Id::Null), error));
    }

    /// Undoes [`ModuleConnection::into_parts`].
    pub fn from_parts(
        socket: OwnedFd,
        id: Option<Id>,
        hello: Hello,
        rest: Text,
        arrival: Option<Arrival>,
    ) -> io::Result<Self> {
        let stream = UnixStream::from_std(socket.into())?;
        Ok(Self { stream, id, hello, rest, arrival })
    }

    /// Gives the socket away, with the hello and the bytes behind it.
    pub fn into_parts(self) -> io::Result<Parts> {
        Ok((self.stream.into_std()?.into(), self.id, self.hello, self.rest, self.arrival))
    }
}
