//! The parts of the engine, as those borrow them that use more than one.

use super::Engine;
use super::closed::Closing;
use super::forgetting::Forgetting;
use super::info::Info;
use super::key_search::KeySearch;
use super::nicks::Nicks;
use super::pattern_lists::PolicyCommands;
use super::peer_limits::PeerLimits;
use super::peers::Peers;

impl Engine {
    /// How it stands with each peer, to look at.
    pub(super) fn peers(&self) -> Peers<'_> {
        Peers::new(&self.policies, &self.known, &self.conversations)
    }

    /// Which keys the user means.
    pub(super) fn key_search(&self) -> KeySearch<'_> {
        KeySearch::new(&self.known, &self.conversations)
    }

    /// `info` and its like.
    pub(super) fn info(&mut self) -> Info<'_> {
        Info {
            account: &self.account,
            otr: &self.otr,
            own_key: &self.own_key,
            peers: Peers::new(&self.policies, &self.known, &self.conversations),
            at_rest: self.at_rest,
            now: self.now,
            output: &mut self.output,
        }
    }

    /// `policy` and its like.
    pub(super) fn policy_commands(&mut self) -> PolicyCommands<'_> {
        PolicyCommands {
            policies: &mut self.policies,
            known: &self.known,
            conversations: &mut self.conversations,
            persistence: &mut self.persistence,
            output: &mut self.output,
        }
    }

    /// `forget`
    pub(super) fn forgetting(&mut self) -> Forgetting<'_> {
        Forgetting {
            otr: &self.otr,
            known: &mut self.known,
            key_dates: &mut self.key_dates,
            conversations: &self.conversations,
            persistence: &mut self.persistence,
            output: &mut self.output,
        }
    }

    /// Who is whom, and has which nick.
    pub(super) fn nicks(&mut self) -> Nicks<'_> {
        Nicks {
            otr: &mut self.otr,
            known: &mut self.known,
            fragments: &mut self.fragments,
            policies: &mut self.policies,
            conversations: &mut self.conversations,
            persistence: &mut self.persistence,
            now: self.now,
            output: &mut self.output,
        }
    }

    /// Who is closed, and what the module is told of that.
    pub(super) fn closing(&mut self) -> Closing<'_> {
        Closing {
            policies: &mut self.policies,
            known: &self.known,
            conversations: &mut self.conversations,
            persistence: &mut self.persistence,
            output: &mut self.output,
        }
    }

    /// What peers may cause.
    pub(super) fn peer_limits(&mut self) -> PeerLimits<'_> {
        PeerLimits {
            allowances: &mut self.allowances,
            known: &self.known,
            conversations: &mut self.conversations,
            now: self.now.mono,
            output: &mut self.output,
        }
    }
}
