//! Authentications whose next step does not come.

use super::Conversations;
use crate::engine::messages::Message;
use crate::engine::output::Output;
use crate::text::sanitize::quote;
use std::time::Duration;

impl Conversations {
    /// Says so where the answer to an authentication has not come for a while.
    pub(in crate::engine) fn expire_smp(&mut self, now: Duration, output: &mut Output) {
        let mut silent = Vec::new();
        for peer in self.busy() {
            if let Some(conversation) = self.get_mut(&peer)
                && conversation.smp_is_silent(now)
            {
                silent.push(conversation.nick().clone());
            }
        }
        for nick in silent {
            let name = quote(nick.as_bytes());
            output.report_of(&nick, Message::AuthSilence { name });
        }
    }
}
