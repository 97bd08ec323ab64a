//! What all peers of an account together may cause, beside what each of them may.

use crate::limits::{self, TokenBucket};

/// Each is one of the bounds in [`limits`].
pub(super) struct Allowances {
    /// Steps of key exchanges.
    pub(super) key_exchanges: TokenBucket,
    /// Key exchanges that strangers begin.
    pub(super) unasked: TokenBucket,
    /// Steps of authentications that nobody asked for.
    pub(super) authentications: TokenBucket,
    /// Lines that say that a message could not be read.
    pub(super) error_replies: TokenBucket,
    /// Ends of authentications that make no sense.
    pub(super) smp_aborts: TokenBucket,
    /// Heartbeats.
    pub(super) heartbeats: TokenBucket,
    /// Queries for conversations that a restart interrupted.
    pub(super) asking_anew: TokenBucket,
    /// Queries to peers whose messages cannot be read and whose keys are not trusted.
    pub(super) repairs: TokenBucket,
}

impl Default for Allowances {
    fn default() -> Self {
        let bucket = TokenBucket::new;
        Self {
            key_exchanges: bucket(limits::AKE_BURST_ALL, limits::AKE_EVERY_ALL),
            unasked: bucket(limits::UNASKED_BURST_ALL, limits::UNASKED_EVERY_ALL),
            authentications: bucket(limits::SMP_BURST_ALL, limits::SMP_EVERY_ALL),
            error_replies: bucket(limits::ERROR_REPLIES_BURST_ALL, limits::ERROR_REPLIES_EVERY_ALL),
            smp_aborts: bucket(limits::SMP_ABORTS_BURST_ALL, limits::SMP_ABORTS_EVERY_ALL),
            heartbeats: bucket(limits::HEARTBEATS_BURST_ALL, limits::HEARTBEATS_EVERY_ALL),
            asking_anew: bucket(limits::ASKING_ANEW_BURST, limits::ASKING_ANEW_EVERY),
            repairs: bucket(limits::REPAIRS_BURST_ALL, limits::REPAIRS_EVERY_ALL),
        }
    }
}
