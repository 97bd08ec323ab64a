//! From where sequences start.

use super::store::Files;
use super::user::User;
use super::world::World;

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
    /// Bob's key is trusted, and the enemy is private under a nick of his own.
    EnemyToo,
}

impl Start {
    pub fn world(self) -> World {
        let mut w = match self {
            Self::NoKey => World::with(User::from_disk(Files::default())),
            _ => World::new(),
        };
        match self {
            Self::Clear | Self::NoKey => {}
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
        w.alice.news();
        w
    }

    /// Nicks of which the user was told that they are private.
    pub fn closed(self) -> &'static [&'static str] {
        match self {
            Self::Clear | Self::NoKey => &[],
            Self::Private | Self::Trusted => &["bob"],
            Self::TwoNicks => &["b[", "B{"],
            Self::EnemyToo => &["bob", "mallory"],
        }
    }
}
