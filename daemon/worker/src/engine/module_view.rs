//! What the connected module said of itself, and what it knows of us.

use super::messages::Message;
use otr::Peer;
use proto::shim::guard::Rule;
use proto::shim::{Hello, Standing, Want};
use std::collections::BTreeMap;

/// The module, connected or not.
#[derive(Default)]
pub(crate) struct ModuleView {
    /// What it said when it connected; `None` while none is there.
    pub(super) hello: Option<Hello>,
    /// How everybody stands of whom it was told anything but `clear`.
    pub(super) standings: BTreeMap<Peer, Standing>,
    /// The rules for lines of other modules.
    pub(super) rules: Vec<Rule>,
    /// What the user is told as soon as one is there.
    notes: Vec<Message>,
}

impl ModuleView {
    pub(super) fn is_connected(&self) -> bool {
        self.hello.is_some()
    }

    pub(super) fn wants(&self, what: Want) -> bool {
        self.hello.as_ref().is_some_and(|hello| hello.wants(what))
    }

    /// Whether it remembers by itself who is closed.
    pub(super) fn remembers(&self) -> bool {
        self.hello.as_ref().is_some_and(|hello| hello.closed.is_some())
    }

    /// Has the next `hello` followed by a line of `*otr`.
    pub(super) fn note(&mut self, message: Message) {
        self.notes.push(message);
    }

    pub(super) fn take_notes(&mut self) -> Vec<Message> {
        std::mem::take(&mut self.notes)
    }
}
