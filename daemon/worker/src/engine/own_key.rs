//! Our own key: whether there is one, what waits for it, and its copy until it is on disk.

use super::action::Action;
use super::messages::Message;
use super::output::Output;
use crate::limits;
use otr::message::OtrLine;
use otr::{Otr, Peer};
use proto::shim::IncomingMessage;
use std::time::Duration;
use zeroize::Zeroizing;

/// Whether there is a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum KeyState {
    /// No key was made yet.
    #[default]
    None,
    /// One is being made; an old one may still be in use.
    Generating {
        /// When the generation began, on the engine's clock.
        since: Duration,
        /// The new key takes an old one's place.
        replaces: bool,
        /// What was wrong with the old one's file, where something was.
        damage: Option<String>,
    },
    /// There is a key, and it can be used.
    Ready,
    /// There is a file, and it cannot be used: why, and what to do.
    Damaged(String),
}

impl KeyState {
    /// The word for it that `status` prints.
    pub fn word(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Generating { .. } => "generating",
            Self::Ready => "ready",
            Self::Damaged(_) => "damaged",
        }
    }
}

/// Something that needs our key.
pub(super) enum HeldLine {
    /// A peer's message, and what it is to OTR.
    In(IncomingMessage, OtrLine<'static>),
    /// A query of ours to this peer.
    Query(Peer),
}

/// The key of an account.
#[derive(Default)]
pub(super) struct OwnKey {
    state: KeyState,
    /// What needs it, in order.
    held: Vec<HeldLine>,
    /// The key file until it is known to be on disk.
    unsaved: Option<Zeroizing<Vec<u8>>>,
}

/// What becomes of a line that needs the key.
#[derive(Debug, PartialEq, Eq)]
enum Use {
    /// The key is there.
    Now,
    /// The line waits. `begin`: a key has to be made first.
    Waits {
        /// Nobody makes one yet.
        begin: bool,
    },
    /// There is a key that cannot be used.
    Never,
}

/// A generation that came to its end.
pub(super) struct Made {
    /// How long it took.
    pub(super) took: Duration,
    /// What waited for the key, in order.
    pub(super) held: Vec<HeldLine>,
}

impl OwnKey {
    /// There is a key, and it is on disk.
    pub(super) fn ready() -> Self {
        Self { state: KeyState::Ready, ..Self::default() }
    }

    /// There is a file that cannot be used: why, and what to do.
    pub(super) fn damaged(why: String) -> Self {
        Self { state: KeyState::Damaged(why), ..Self::default() }
    }

    pub(super) fn state(&self) -> &KeyState {
        &self.state
    }

    /// Why the key cannot be used, and what to do.
    pub(super) fn damage(&self) -> Option<&str> {
        match &self.state {
            KeyState::Damaged(why) => Some(why),
            _ => None,
        }
    }

    /// How long the generation under way takes already.
    pub(super) fn generating_for(&self, now: Duration) -> Option<Duration> {
        match self.state {
            KeyState::Generating { since, .. } => Some(now.saturating_sub(since)),
            _ => None,
        }
    }

    /// Whether the generation under way is for a key in place of another; `None` where none is.
    pub(super) fn replaces(&self) -> Option<bool> {
        match self.state {
            KeyState::Generating { replaces, .. } => Some(replaces),
            _ => None,
        }
    }

    /// A line that needs the key: it is kept, unless the key is there or there can be none.
    fn need(&mut self, line: HeldLine) -> Use {
        match self.state {
            KeyState::Ready => return Use::Now,
            KeyState::Damaged(_) => return Use::Never,
            KeyState::None | KeyState::Generating { .. } => {}
        }
        if self.held.len() < limits::HELD_FOR_KEY {
            self.held.push(line);
        }
        Use::Waits { begin: self.state == KeyState::None }
    }

    /// Whether the key is there; otherwise the line waits for it.
    pub(super) fn is_there_or_hold(
        &mut self,
        line: HeldLine,
        now: Duration,
        output: &mut Output,
    ) -> bool {
        let from = match &line {
            HeldLine::In(message, _) => Some(message.from.nick().clone()),
            HeldLine::Query(_) => None,
        };
        match self.need(line) {
            Use::Now => return true,
            Use::Waits { begin: true } => {
                output.report(Message::MakingKey {});
                self.generate(false, now, output);
            }
            Use::Waits { begin: false } => {}
            Use::Never => {
                if let Some(nick) = from {
                    output.report_of(&nick, Message::AskedWithoutKey {});
                }
            }
        }
        false
    }

    /// Has a key made.
    pub(super) fn generate(&mut self, replaces: bool, now: Duration, output: &mut Output) {
        self.begin(replaces, now);
        output.push(Action::Keygen);
    }

    /// The user does not ask this peer any more.
    pub(super) fn ask_no_longer(&mut self, peer: &Peer) {
        self.held.retain(|held| !matches!(held, HeldLine::Query(waiting) if waiting == peer));
    }

    /// Notes that a generation was asked for.
    fn begin(&mut self, replaces: bool, now: Duration) {
        let damage = match std::mem::take(&mut self.state) {
            KeyState::Damaged(why) => Some(why),
            _ => None,
        };
        self.state = KeyState::Generating { since: now, replaces, damage };
    }

    /// The key is made and in use. It is kept until it is known to be on disk.
    pub(super) fn made(&mut self, file: Zeroizing<Vec<u8>>, now: Duration) -> Made {
        let took = self.generating_for(now).unwrap_or_default();
        self.take(file);
        Made { took, held: std::mem::take(&mut self.held) }
    }

    /// A key from elsewhere is in use. It is kept until it is known to be on disk.
    pub(super) fn take(&mut self, file: Zeroizing<Vec<u8>>) {
        self.state = KeyState::Ready;
        self.unsaved = Some(file);
    }

    /// The generation failed, and an earlier key may still be in use. Gives the peers whom we wanted
    /// to ask; `None` where no generation was under way.
    pub(super) fn failed(&mut self, earlier: bool) -> Option<Vec<Peer>> {
        let KeyState::Generating { damage, .. } = &mut self.state else { return None };
        // A file that cannot be used is still not to be overwritten.
        self.state = match damage.take() {
            Some(why) => KeyState::Damaged(why),
            None if earlier => KeyState::Ready,
            None => KeyState::None,
        };
        let asked = std::mem::take(&mut self.held).into_iter().filter_map(|held| match held {
            HeldLine::Query(peer) => Some(peer),
            HeldLine::In(..) => None,
        });
        Some(asked.collect())
    }

    /// The key file, where it is not known to be on disk.
    pub(super) fn unsaved(&self) -> Option<&Zeroizing<Vec<u8>>> {
        self.unsaved.as_ref()
    }

    /// It is on disk.
    pub(super) fn saved(&mut self) {
        self.unsaved = None;
    }
}

/// Our fingerprint, or why there is none.
pub(super) fn fingerprint_or_why(otr: &Otr) -> String {
    match otr.own_fingerprint() {
        Some(fingerprint) => fingerprint.to_string(),
        None => "none yet (a key is made the first time one is needed, or by genkey)".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn query(nick: &str) -> HeldLine {
        HeldLine::Query(Peer::new(nick.as_bytes()).unwrap())
    }

    fn file() -> Zeroizing<Vec<u8>> {
        Zeroizing::new(b"(privkeys)".to_vec())
    }

    #[test]
    fn what_needs_a_key_waits_for_it_in_order() {
        let mut key = OwnKey::default();
        assert_eq!(key.need(query("bob")), Use::Waits { begin: true });
        key.begin(false, SECOND);
        assert_eq!(key.need(query("carol")), Use::Waits { begin: false });
        assert_eq!(key.need(query("dora")), Use::Waits { begin: false });
        key.ask_no_longer(&Peer::new(b"carol").unwrap());
        let made = key.made(file(), 4 * SECOND);
        let names = made.held.iter().map(|held| match held {
            HeldLine::Query(peer) => String::from_utf8(peer.as_bytes().to_vec()).unwrap(),
            HeldLine::In(..) => String::new(),
        });
        assert_eq!(names.collect::<Vec<_>>(), ["bob", "dora"]);
        assert_eq!((made.took, key.need(query("eve"))), (3 * SECOND, Use::Now));
    }

    #[test]
    fn no_more_waits_than_there_is_room_for() {
        let mut key = OwnKey::default();
        for number in 0..=limits::HELD_FOR_KEY {
            key.need(query(&number.to_string()));
        }
        assert_eq!(key.made(file(), SECOND).held.len(), limits::HELD_FOR_KEY);
    }

    #[test]
    fn the_copy_is_kept_until_it_is_on_disk() {
        let mut key = OwnKey::default();
        key.begin(false, SECOND);
        key.made(file(), SECOND);
        assert_eq!(key.unsaved(), Some(&file()));
        key.saved();
        assert_eq!(key.unsaved(), None);
    }

    #[test]
    fn a_generation_that_fails_leaves_what_was() {
        let mut key = OwnKey::ready();
        key.begin(true, SECOND);
        assert_eq!(key.replaces(), Some(true));
        assert_eq!(key.failed(true), Some(vec![]));
        assert_eq!((key.state(), key.replaces()), (&KeyState::Ready, None));

        let mut key = OwnKey::damaged("torn".into());
        assert_eq!(key.need(query("bob")), Use::Never);
        key.begin(true, SECOND);
        assert_eq!(key.failed(false), Some(vec![]));
        assert_eq!(key.damage(), Some("torn"));

        let mut key = OwnKey::default();
        key.need(query("bob"));
        key.begin(false, SECOND);
        assert_eq!(key.failed(false), Some(vec![Peer::new(b"bob").unwrap()]));
        assert_eq!(key.failed(false), None);
        assert_eq!(key.state(), &KeyState::None);
    }
}
