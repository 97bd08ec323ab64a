//! Every bound and rate of the worker, in one place.

use std::time::Duration;

/// How long a typed line waits for a private conversation before it comes back.
pub const QUERY_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a message waits for the end of the key exchange that it would disturb. An exchange takes
/// two messages each way, of several lines each.
pub const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(10);

/// Lines that may wait for one peer, and for all peers of an account.
pub const WAITING_PER_PEER: usize = 64;
/// See [`WAITING_PER_PEER`].
pub const WAITING: usize = 512;

/// Lines of peers that may wait for our key to be made.
pub const HELD_FOR_KEY: usize = 64;

/// Peers remembered that are not in a private conversation.
pub const IDLE_PEERS: usize = 4096;

/// Conversations that are or were private, beyond which strangers cannot begin another. One takes
/// about 45 kB.
pub const CONVERSATIONS: usize = 400;

/// Nicks that are kept closed by name, those left behind by a conversation among them. One more
/// closes everybody.
pub const CLOSED: usize = proto::shim::guard::MAX_CLOSED;

/// Bytes of patterns that the module is told; of more, everything is required.
pub const RULES: usize = 12 * 1024;

/// Bytes of nicks in the reply to a hello; others are told behind it.
pub const GREETED: usize = 12 * 1024;

/// After this long without an answer, the user is told that an authentication stands still.
pub const SMP_REMINDER_AFTER: Duration = Duration::from_secs(180);

/// Steps of key exchanges that one peer may cause: burst, and seconds for each further one.
pub const AKE_BURST: u32 = 16;
/// See [`AKE_BURST`].
pub const AKE_EVERY: Duration = Duration::from_secs(3);

/// The same for all peers of an account together.
pub const AKE_BURST_ALL: u32 = 64;
/// See [`AKE_BURST_ALL`].
pub const AKE_EVERY_ALL: Duration = Duration::from_millis(200);

/// Key exchanges that a stranger may begin, a peer whom we did not ask and whose key is not trusted: burst, and
/// interval for each further one.
pub const UNASKED_BURST: u32 = 8;
/// See [`UNASKED_BURST`].
pub const UNASKED_EVERY: Duration = Duration::from_secs(120);

/// The same for all strangers of an account together. Each exchange makes some four lines go out, and ZNC's
/// flood protection sends one every two seconds: what the user types to anybody waits behind them, and
/// anybody can have as many nicks as they like.
pub const UNASKED_BURST_ALL: u32 = 12;
/// See [`UNASKED_BURST_ALL`].
pub const UNASKED_EVERY_ALL: Duration = Duration::from_secs(30);

/// Steps of the peer's that may follow the first one of an exchange: enough for two clients that answer.
pub const EXCHANGE_STEPS: u32 = 4;

/// Key exchanges that the peer may begin outside of the bounds for strangers after the user has asked: twice with
/// each of the peer's clients.
pub const ASKED_EXCHANGES: u32 = 16;

/// The same after any other query or offer of ours, which the peer may have caused; and the most that is left
/// once a query was answered or given up.
pub const ANSWER_EXCHANGES: u32 = 2;

/// Steps of authentications that one peer may send without being asked: burst, and seconds for each
/// further one. People who mistype a secret are slower.
pub const SMP_BURST: u32 = 16;
/// See [`SMP_BURST`].
pub const SMP_EVERY: Duration = Duration::from_secs(10);

/// The same for all peers of an account together.
pub const SMP_BURST_ALL: u32 = 64;
/// See [`SMP_BURST_ALL`].
pub const SMP_EVERY_ALL: Duration = Duration::from_secs(1);

/// Lines to a peer that say a message of theirs could not be read: burst, and time for each further
/// one. Replays and playback bring many such messages; each answer delays what the user types.
pub const ERROR_REPLIES_BURST: u32 = 3;
/// See [`ERROR_REPLIES_BURST`].
pub const ERROR_REPLIES_EVERY: Duration = Duration::from_secs(60);

/// The same for all peers of an account together.
pub const ERROR_REPLIES_BURST_ALL: u32 = 6;
/// See [`ERROR_REPLIES_BURST_ALL`].
pub const ERROR_REPLIES_EVERY_ALL: Duration = Duration::from_secs(20);

/// Queries that nobody typed, for conversations that a restart interrupted: burst, and interval for each
/// further one. ZNC's flood protection sends a line every two seconds, and what the user types waits behind
/// them.
pub const ASKING_ANEW_BURST: u32 = 8;
/// See [`ASKING_ANEW_BURST`].
pub const ASKING_ANEW_EVERY: Duration = Duration::from_secs(10);

/// Changes of the server's rule for comparing nicks: burst, and interval for each further one. Each is looked
/// at for every conversation, and written down.
pub const CASEMAPPINGS_BURST: u32 = 6;
/// See [`CASEMAPPINGS_BURST`].
pub const CASEMAPPINGS_EVERY: Duration = Duration::from_secs(10);

/// Queries to all peers together whose messages cannot be read and whose keys are not trusted.
pub const REPAIRS_BURST_ALL: u32 = 8;
/// See [`REPAIRS_BURST_ALL`].
pub const REPAIRS_EVERY_ALL: Duration = Duration::from_secs(30);

/// Answers to all peers together whose steps of an authentication make no sense.
pub const SMP_ABORTS_BURST_ALL: u32 = 6;
/// See [`SMP_ABORTS_BURST_ALL`].
pub const SMP_ABORTS_EVERY_ALL: Duration = Duration::from_secs(20);

/// Heartbeats to all peers of an account together, of which libotr sends one peer no more than one a minute.
pub const HEARTBEATS_BURST_ALL: u32 = 6;
/// See [`HEARTBEATS_BURST_ALL`].
pub const HEARTBEATS_EVERY_ALL: Duration = Duration::from_secs(10);

/// Complaints of `*otr` that one peer may cause: burst, and seconds for each further one.
pub const NOTES_BURST: u32 = 5;
/// See [`NOTES_BURST`].
pub const NOTES_EVERY: Duration = Duration::from_secs(30);

/// New sessions that are asked for on our own, for a peer whose messages cannot be read.
pub const REPAIR_EVERY: Duration = Duration::from_secs(60);

/// Bytes of a decrypted text that are shown; libotr itself carries more.
pub const SHOWN_TEXT: usize = 16 * 1024;

/// How long the end of an OTR line that a gateway cut is waited for.
pub const SPLIT_TIMEOUT: Duration = Duration::from_secs(30);
/// Lines that may wait for their end, of all peers.
pub const SPLIT_LINES: usize = 64;
/// Bytes of a line that is put together.
pub const SPLIT_MAX: usize = otr::fragment::MAX_MESSAGE;
/// A gateway's lines are at least so long, but for the last. Nobody types so much without a blank.
pub const SPLIT_PIECE: usize = 64;

/// Effects kept for whichever module connects next, and words of `*otr` for one that comes back.
pub const BACKLOG: usize = 2 * WAITING;

/// While more bytes than these wait to be written to the module, nothing is read from it. No more are
/// kept for one that is not connected.
pub const OUTBOX: usize = 1 << 20;
/// Lines that are kept for one that is not connected.
pub const OUTBOX_LINES: usize = 4 * BACKLOG;
/// Bytes that a module may leave unread, or read without an `ack`, before it is disconnected.
pub const OUTBOX_UNREAD: usize = 8 << 20;

/// Peers' keys of which is written down when they were used.
pub const KEY_DATES: usize = 1024;

/// Changes of a peer's nick that are written down at once; of more than these, together.
pub const NICK_SAVES_BURST: u32 = 8;
/// See [`NICK_SAVES_BURST`].
pub const NICK_SAVES_EVERY: Duration = Duration::from_secs(1);

/// Files that could not be written are tried again.
pub const SAVE_AGAIN: Duration = Duration::from_secs(60);

/// A front asks each worker how it is twice a minute. One that has been silent for so long, and for
/// longer than the worker stays without a module, does not come back.
pub const FRONT_SILENCE: Duration = Duration::from_secs(300);

/// Something that may happen a few times at once and then only now and then.
#[derive(Clone, Copy, Debug)]
pub struct TokenBucket {
    capacity: u32,
    refill_interval: Duration,
    tokens: u32,
    last_refill: Duration,
}

impl TokenBucket {
    /// A full bucket: `capacity` at once, then one more per `refill_interval`.
    pub fn new(capacity: u32, refill_interval: Duration) -> Self {
        Self { capacity, refill_interval, tokens: capacity, last_refill: Duration::ZERO }
    }

    /// Takes one out, if there is one. `now` never goes back.
    pub fn take(&mut self, now: Duration) -> bool {
        if !self.has(now) {
            return false;
        }
        if self.tokens == self.capacity {
            self.last_refill = now;
        }
        self.tokens -= 1;
        true
    }

    /// Whether one could be taken out.
    pub fn has(&mut self, now: Duration) -> bool {
        let passed = now.saturating_sub(self.last_refill).as_nanos()
            / self.refill_interval.as_nanos().max(1);
        if passed > 0 {
            let refill = u32::try_from(passed).unwrap_or(u32::MAX);
            self.tokens = self.tokens.saturating_add(refill).min(self.capacity);
            self.last_refill += self.refill_interval * refill.min(u32::MAX / 2);
            if self.tokens == self.capacity {
                self.last_refill = now;
            }
        }
        self.tokens > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_empties_and_fills_again_at_its_pace() {
        let mut bucket = TokenBucket::new(2, Duration::from_secs(10));
        let at = |s: u64| Duration::from_secs(1_000_000 + s);
        assert!(bucket.take(at(0)) && bucket.take(at(0)) && !bucket.take(at(9)));
        assert!(bucket.take(at(10)) && !bucket.take(at(19)) && bucket.take(at(20)));
        assert!(!bucket.has(at(29)) && bucket.has(at(30)) && bucket.has(at(30)));
        assert!(bucket.take(at(1000)) && bucket.take(at(1000)) && !bucket.take(at(1000)));
    }
}
