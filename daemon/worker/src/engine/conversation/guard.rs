//! What keeps clear text back.

/// What keeps lines of other modules back.
#[derive(Clone, Copy, Default)]
pub(super) struct Guard {
    /// Nothing may go in clear.
    pub(super) on: bool,
    /// What the module was told of that.
    pub(super) told: GuardTold,
}

/// What the module knows of a peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum GuardTold {
    /// Nothing.
    #[default]
    Open,
    /// Nothing may go in clear for now.
    Pending,
    /// Nothing may go in clear until the user says so.
    Closed,
}

impl Guard {
    /// Found in a file, which says that it was closed: the module has to be told.
    pub(super) fn untold() -> Self {
        Self { on: true, told: GuardTold::Open }
    }

    /// Closed, as the module knows.
    pub(super) fn closed() -> Self {
        Self { on: true, told: GuardTold::Closed }
    }

    /// Whether it is so already.
    pub(super) fn is(self, guard: GuardTold) -> bool {
        self.told == guard && self.on == (guard != GuardTold::Open)
    }

    /// It is so from now on. Whether the module is to be told.
    pub(super) fn set(&mut self, guard: GuardTold) -> bool {
        self.on = guard != GuardTold::Open;
        std::mem::replace(&mut self.told, guard) != guard
    }

    /// The module guards at least so, without being told.
    pub(super) fn at_least(&mut self, guard: GuardTold) {
        self.told = self.told.max(guard);
    }
}
