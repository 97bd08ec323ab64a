//! What became of the account when its module came: told at the hello.

use super::Engine;
use proto::shim::Style;
use proto::worker::Arrival;

impl Engine {
    pub(super) fn arrived(&mut self, arrival: &Arrival) {
        let restore =
            format!("otrctl -a {}/{} restore-account", self.account.user, self.account.network);
        let (style, text) = match arrival {
            Arrival::Moved { from, replaced } => {
                let came = format!(
                    "This network was {}/{} before: its key, fingerprints and conversations came along.",
                    from.user, from.network
                );
                match replaced {
                    false => (Style::Good, came),
                    true => (Style::Warn, format!(
                        "{came} What another network of this name had was set aside; an admin can take it back: {restore}"
                    )),
                }
            }
            Arrival::MadeAnew => (Style::Warn, format!(
                "Another network had this name before. Its key, fingerprints and conversations were set aside, and you begin anew. If they are yours, an admin can take them back: {restore}"
            )),
            Arrival::TakenBack => (
                Style::Good,
                "Your key, fingerprints and conversations are back: they had been set aside for another network of this name.".into(),
            ),
        };
        self.module.note(style, text);
    }
}
