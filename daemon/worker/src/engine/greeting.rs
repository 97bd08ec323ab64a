//! A module comes, goes, and describes IRC.

use super::messages::Message;
use super::{Engine, KeyState, versions};
use proto::shim::{Hello, Network};

impl Engine {
    /// A module that was not connected before.
    pub(super) fn greet(&mut self, hello: Hello) {
        let closed = hello.closed.clone();
        self.output.module_mut().connects(hello);
        self.persistence.keep_damaged(&mut self.output);
        self.closing().take_over_requirement(closed.as_ref().is_some_and(|closed| closed.required));
        let rules = self.peers().rules();
        self.output.module_mut().learns_rules(&rules);
        self.conversations.forget_requests();
        self.conversations.give_all_back(&Message::BackModuleGone {}, &mut self.output);
        if let Some(closed) = closed {
            self.nicks().take_over(&closed);
        }
        self.output.module_mut().forget_standings();
        self.conversations.touch_all();
        // Until the module says otherwise: a new connection may belong to a new ZNC.
        self.output.module_mut().offline();
        for note in self.output.module_mut().take_notes() {
            self.output.report(note);
        }
        if let Some(hello) = self.output.module().hello()
            && let Some(message) = versions::difference(&hello.shim)
        {
            self.output.report(message);
        }
    }

    /// The module that was connected before, which knows what it was told.
    pub(super) fn greet_again(&mut self, hello: Hello) {
        self.output.module_mut().connects(hello);
        let rules = self.peers().rules();
        self.output.module_mut().learns_rules(&rules);
        // Whatever changed since it was told.
        self.conversations.touch_all();
        for peer in self.output.module().knows_of() {
            self.conversations.touch(peer);
        }
    }

    pub(super) fn module_gone(&mut self) {
        let comes_back = self.output.module_mut().leaves();
        // A module that got no reply gave the line back already: what waits must never go out
        // after that.
        if !comes_back {
            self.conversations.give_all_back(&Message::BackModuleGone {}, &mut self.output);
        }
    }

    pub(super) fn network_changed(&mut self, network: Network) {
        if let Some(casemapping) = &network.casemapping {
            self.hear_casemapping(casemapping);
        }
        if self.policies.set_status_prefix(&network.status_prefix) {
            self.conversations.touch_all(); // for whose policy it is that of ZNC's own
        }
        let (connected, old_data) = (network.connected, network.old_data);
        let before = self.output.module_mut().describes(network);
        let connects = connected && !before.connected;
        if old_data && !before.old_data {
            // With a key of our own, the user has decided.
            if *self.own_key.state() == KeyState::None {
                self.output.report(Message::OldData {});
            }
        }
        if connects {
            self.ask_blocked_anew();
        }
    }
}
