//! What became of the account when its module came: told at the hello.

use super::Engine;
use super::messages::Message;
use crate::store::StoredFile;
use proto::worker::Arrival;

impl Engine {
    pub(super) fn arrived(&mut self, arrival: &Arrival) {
        let restore =
            format!("otrctl -a {}/{} restore-account", self.account.user, self.account.network);
        self.output.module_mut().note(match arrival {
            Arrival::Moved { from, replaced } => {
                let (user, network) = (from.user.to_string(), from.network.to_string());
                match replaced {
                    false => Message::Moved { user, network },
                    true => Message::MovedOver { user, network, restore },
                }
            }
            Arrival::MadeAnew => {
                // It may be the same network, which has lost whom it held closed.
                if self.conversations.close_everybody() {
                    self.persistence.changed(StoredFile::Conversations);
                }
                Message::MadeAnew { restore }
            }
            Arrival::TakenBack => Message::TakenBack {},
        });
    }
}
