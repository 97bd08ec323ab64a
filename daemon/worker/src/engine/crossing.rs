//! Key exchanges that cross: both ask at about the same time, or ask anew while they talk.
//!
//! libotr answers each query and each commitment at once, and gives up the exchange under way for it.
//! Where the other end completes the exchange that was given up, it encrypts to keys that we do not
//! have, or we to keys that it does not have. So what begins another exchange waits until the one
//! under way has come to its end; the peer's messages come in order, so what completes that one was
//! sent after the query, and answers it.
//!
//! While new session keys are agreed on within a conversation, a libotr at the other end takes it for
//! plain from the key message on (`msgstate` of the master context is copied), and for private again
//! only with the new keys, when the exchange is complete. What is typed in between waits, too.

use crate::limits;
use otr::message::{MessageType, OtrLine};
use otr::{Event, Version};
use proto::shim::IncomingMessage;
use std::time::Duration;

/// What a message of a peer's does to key exchanges.
#[derive(Clone, Copy)]
pub enum Step {
    /// It asks for one, with any of the peer's clients.
    Query,
    /// It begins one beside that under way, with the client of this instance tag.
    Commitment(u32),
    /// It goes on with one. So does a commitment in version 2, where a client has one at a time: with
    /// it, the peer has given up the one before.
    Answer,
}

impl Step {
    pub fn of(what: &OtrLine<'_>) -> Self {
        match *what {
            OtrLine::Query { .. } => Self::Query,
            OtrLine::Message {
                version: Version::V3, kind: MessageType::DhCommit, sender, ..
            } => Self::Commitment(sender),
            _ => Self::Answer,
        }
    }
}

/// What waits for the end of the key exchange under way with a peer.
#[derive(Default)]
pub struct Crossing {
    put_off: Option<PutOff>,
    /// When a query of ours leaves, if nothing comes of the exchange.
    query_due: Option<Duration>,
    /// Since when the peer may use new session keys that we cannot use yet.
    renewal: Option<Duration>,
}

/// What would disturb the exchange, put off.
struct PutOff {
    what: Disturbing,
    /// Which of the peer's clients it is about; a query does not say.
    instance: Option<u32>,
    since: Duration,
}

impl PutOff {
    fn deadline(&self) -> Duration {
        self.since + limits::EXCHANGE_TIMEOUT
    }
}

/// What would disturb the exchange.
#[derive(Debug, PartialEq, Eq)]
pub enum Disturbing {
    /// A query or a commitment of the peer's, and what it is to OTR.
    Message(IncomingMessage, OtrLine<'static>),
    /// Our key once more, for a commitment that replaces one that we have answered. The peer opens the
    /// newer one with the first answer; the second is for one that did not get the first.
    Key(Vec<Event>),
}

/// What is to be done where the end of an exchange did not come.
#[derive(Debug, PartialEq, Eq)]
pub enum Due {
    /// What was put off.
    PutOff(Disturbing),
    /// A query of ours.
    Query,
}

impl Crossing {
    /// When the first of what was put off is due.
    pub fn deadline(&self) -> Option<Duration> {
        let put_off = self.put_off.as_ref().map(PutOff::deadline);
        [put_off, self.query_due].into_iter().flatten().min()
    }

    /// Until when the peer may use new session keys that we cannot use yet.
    pub fn renewal_deadline(&self) -> Option<Duration> {
        self.renewal.map(|since| since + limits::EXCHANGE_TIMEOUT)
    }

    /// Something would disturb the exchange under way with one of the peer's clients. The newest one
    /// counts, and has no more time than the first.
    pub fn put_off(&mut self, instance: Option<u32>, what: Disturbing, now: Duration) {
        let since = self.put_off.as_ref().map_or(now, |first| first.since);
        self.put_off = Some(PutOff { what, instance, since });
    }

    /// A query of ours would disturb it.
    pub fn put_query_off(&mut self, now: Duration) {
        self.query_due.get_or_insert(now + limits::EXCHANGE_TIMEOUT);
    }

    /// Whether the client with whom we are private may use keys that we do not use yet.
    pub fn renews(&mut self, may: bool, now: Duration) {
        self.renewal = self.renewal.or(Some(now)).filter(|_| may);
    }

    /// An exchange with one of the peer's clients is done: what asked for it is answered.
    pub fn done(&mut self, instance: u32) {
        self.renewal = None;
        self.query_due = None;
        self.put_off.take_if(|put_off| put_off.instance.is_none_or(|one| one == instance));
    }

    /// What is to be done now, if the end of the exchange has not come.
    pub fn take_due(&mut self, now: Duration) -> Option<Due> {
        let query = self.query_due.take_if(|at| *at <= now);
        let Some(put_off) = self.put_off.take_if(|put_off| put_off.deadline() <= now) else {
            return query.map(|_| Due::Query);
        };
        if matches!(put_off.what, Disturbing::Key(_)) {
            // From now on the peer may agree on new keys, whatever came before.
            self.renewal = None;
        }
        Some(Due::PutOff(put_off.what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = limits::EXCHANGE_TIMEOUT;
    const SECOND: Duration = Duration::from_secs(1);

    fn key() -> Disturbing {
        Disturbing::Key(Vec::new())
    }

    fn message(text: &str) -> Disturbing {
        let from = proto::irc::Source::new("bob!b@host").unwrap();
        let kind = proto::shim::MessageKind::Text;
        let message = IncomingMessage { from, kind, text: proto::irc::Text::from(text) };
        Disturbing::Message(message, OtrLine::Query { v2: true, v3: true })
    }

    #[test]
    fn the_newest_is_put_off_for_no_longer_than_the_first() {
        let mut crossing = Crossing::default();
        assert_eq!((crossing.deadline(), crossing.take_due(SECOND)), (None, None));
        crossing.put_off(None, message("?OTRv2?"), SECOND);
        crossing.put_off(None, message("?OTRv3?"), 5 * SECOND);
        assert_eq!(crossing.deadline(), Some(SECOND + TIMEOUT));
        assert_eq!(crossing.take_due(TIMEOUT), None);
        let due = crossing.take_due(SECOND + TIMEOUT);
        assert_eq!(due, Some(Due::PutOff(message("?OTRv3?"))));
        assert_eq!(crossing.deadline(), None);
    }

    #[test]
    fn what_the_peer_asked_is_done_in_place_of_our_query() {
        let mut crossing = Crossing::default();
        crossing.put_query_off(SECOND);
        crossing.put_query_off(9 * SECOND);
        assert_eq!(crossing.deadline(), Some(SECOND + TIMEOUT));
        assert_eq!(crossing.take_due(SECOND + TIMEOUT), Some(Due::Query));
        crossing.put_query_off(SECOND);
        crossing.put_off(Some(7), key(), SECOND);
        assert_eq!(crossing.take_due(SECOND + TIMEOUT), Some(Due::PutOff(key())));
        assert_eq!(crossing.take_due(SECOND + TIMEOUT), None);
    }

    #[test]
    fn an_exchange_that_is_done_answers_what_asked_for_it_and_nothing_else() {
        for (of, done, left) in [(None, 7, false), (Some(7), 7, false), (Some(8), 7, true)] {
            let mut crossing = Crossing::default();
            crossing.put_query_off(SECOND);
            crossing.put_off(of, key(), SECOND);
            crossing.renews(true, SECOND);
            crossing.done(done);
            assert_eq!(crossing.deadline().is_some(), left, "{of:?}");
            assert_eq!(crossing.renewal_deadline(), None, "{of:?}");
        }
    }

    #[test]
    fn a_renewal_lasts_from_its_first_sign_until_it_is_over() {
        let mut crossing = Crossing::default();
        crossing.renews(true, SECOND);
        crossing.renews(true, 2 * SECOND);
        assert_eq!(crossing.renewal_deadline(), Some(SECOND + TIMEOUT));
        crossing.renews(false, 3 * SECOND);
        assert_eq!(crossing.renewal_deadline(), None);
        // What we say once more begins another.
        crossing.renews(true, SECOND);
        crossing.put_off(Some(7), key(), SECOND);
        assert!(crossing.take_due(SECOND + TIMEOUT).is_some());
        assert_eq!(crossing.renewal_deadline(), None);
    }
}
