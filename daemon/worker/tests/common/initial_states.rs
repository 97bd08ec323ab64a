//! From where sequences start.

use super::store::Files;
use super::user::User;
use super::world::{Us, World};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Nobody is private.
    Clear,
    /// Alice has no key yet.
    NoKey,
    /// Alice and bob are private.
    Private,
    /// And she trusts his key.
    Trusted,
    /// Two people to whom one CASEMAPPING gives two nicks and another one.
    TwoNicks,
    /// Bob's key is trusted, and the enemy is private under a nick of their own.
    EnemyToo,
    /// Dave has otrd, too; nobody is private.
    Dave,
    /// Alice and dave are private.
    DavePrivate,
    /// And each trusts the other's key.
    DaveTrusted,
}

impl Start {
    pub fn world(self) -> World {
        let mut w = match self {
            Self::NoKey => World::with(User::from_disk(Files::default())),
            Self::Dave | Self::DavePrivate | Self::DaveTrusted => World::with_dave(),
            _ => World::new(),
        };
        match self {
            Self::Clear | Self::NoKey | Self::Dave => {}
            Self::DavePrivate => w.private_with_dave(),
            Self::DaveTrusted => {
                w.private_with_dave();
                w.alice.command("trust dave");
                w.dave.iter_mut().for_each(|dave| dave.command("trust alice"));
            }
            Self::Private => w.private(),
            Self::Trusted => w.trusted(),
            Self::TwoNicks => {
                w.alice.casemapping("ascii");
                (w.bob.nick, w.carol.nick) = ("b[".into(), "B{".into());
                w.alice.command("start b[");
                w.alice.command("start B{");
                w.settle();
            }
            Self::EnemyToo => {
                w.trusted();
                w.alice.command("start mallory");
                w.settle();
            }
        }
        for us in Us::BOTH {
            let Some(user) = w.user(us) else { continue };
            user.news();
            // What was before is seen, and known to be.
            user.module_ticks();
        }
        w
    }

    /// Nicks of which the user was told that they are private.
    pub fn closed(self, us: Us) -> &'static [&'static str] {
        match (self, us) {
            (Self::DavePrivate | Self::DaveTrusted, Us::Alice) => &["dave"],
            (Self::DavePrivate | Self::DaveTrusted, Us::Dave) => &["alice"],
            (Self::Private | Self::Trusted, Us::Alice) => &["bob"],
            (Self::TwoNicks, Us::Alice) => &["b[", "B{"],
            (Self::EnemyToo, Us::Alice) => &["bob", "mallory"],
            _ => &[],
        }
    }
}
