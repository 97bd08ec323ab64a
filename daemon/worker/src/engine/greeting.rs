//! A module comes, goes, and describes IRC.

use super::Engine;
use super::messages::Message;
use proto::shim::{Hello, Network};

impl Engine {
    /// A module that was not connected before.
    pub(super) fn greet(&mut self, hello: Hello) {
        let closed = hello.closed.clone();
        self.module.hello = Some(hello);
        self.keep_damaged();
        self.take_over_requirement(closed.as_ref().is_some_and(|closed| closed.required));
        self.module.rules = self.rules();
        self.conversations.forget_requests();
        self.give_all_back(&Message::BackModuleGone {});
        if let Some(closed) = closed {
            self.take_over(&closed);
        }
        self.tell_standings();
        // Until the module says otherwise: a new connection may belong to a new ZNC.
        self.network.connected = false;
        for note in self.module.take_notes() {
            self.report(note);
        }
        self.compare_versions();
    }

    /// The module that was connected before, which knows what it was told.
    pub(super) fn greet_again(&mut self, hello: Hello) {
        self.module.hello = Some(hello);
        self.module.rules = self.rules();
        self.tell_standings_since();
    }

    pub(super) fn module_gone(&mut self) {
        self.network.connected = false;
        let comes_back = self.module.hello.take().is_some_and(|hello| hello.instance.is_some());
        // A module that got no reply gave the line back already: what waits must never go out
        // after that.
        if !comes_back {
            self.give_all_back(&Message::BackModuleGone {});
        }
    }

    pub(super) fn network_changed(&mut self, network: Network) {
        if let Some(casemapping) = &network.casemapping {
            self.hear_casemapping(casemapping);
        }
        let connects = network.connected && !self.network.connected;
        let old_data = network.old_data && !self.network.old_data;
        if self.policies.set_status_prefix(&network.status_prefix) {
            self.conversations.touch_all(); // for whose policy it is that of ZNC's own
        }
        self.network = network;
        if old_data {
            self.tell_of_old_data();
        }
        if connects {
            self.ask_blocked_anew();
        }
    }
}
