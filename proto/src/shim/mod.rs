//! What the ZNC module says, and the effects it performs. `PROTOCOL.md` has the tables.
//!
//! * `resume`: how a connection begins, ends, and goes on where another broke.
//! * `request`: everything that a module may ask; `message`: the parameters.
//! * `effect`: what the module performs; `standing`: how conversations stand.
//! * `guard`: whom nothing goes to in clear; `identity`: which network this is.

mod effect;
pub mod guard;
mod identity;
mod message;
mod request;
mod resume;
mod standing;

pub use effect::{About, Effect, Effects, Reply, Style};
pub use identity::{BadIdentity, Identity};
pub use message::{
    CommandLine, IncomingMessage, MessageKind, Network, NickChange, OutgoingMessage, Presence,
};
pub use request::{Call, answer};
pub use resume::{Ack, BadInstance, Bye, ByeReason, Hello, HelloReply, Instance};
pub use standing::{Limits, Security, Smp, Standing, State, Trust, Want};
