//! Who may ask what: one table.

/// Whom this otrd serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Every Unix user, each with accounts of their own.
    System,
    /// The one who started it.
    User(u32),
}

/// How far something may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// It may not be asked.
    None,
    /// On accounts of the caller's own uid.
    Own,
    /// On any account.
    All,
}

/// What one caller may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rights {
    /// `hello` on the module's socket. It never reaches further than [`Scope::Own`]: the account
    /// is made of the caller's own uid.
    pub hello: Scope,
    /// `status` on the admin socket.
    pub status: Scope,
    /// `accounts` on the admin socket.
    pub accounts: Scope,
    /// `command` on the admin socket.
    pub command: Scope,
    /// `watch` on the admin socket.
    pub watch: Scope,
    /// `import`, `export`, `forget-account` and `restore-account` on the admin socket: keys in and
    /// out. Whoever runs ZNC may use its keys, not take them along.
    pub import_export: Scope,
}

/// What the kernel calls every user that our user namespace does not know: many people in one.
const OVERFLOW: u32 = 65534;

/// What each caller may ask, in one table: by the daemon's mode and the uid.
#[rustfmt::skip]
pub fn rights(mode: Mode, caller: u32) -> Rights {
    use Scope::{All, None, Own};
    let row = |hello, status, accounts, command, watch, import_export| {
        Rights { hello, status, accounts, command, watch, import_export }
    };
    match (mode, caller) {
        //                                               hello status accounts command watch import_export
        (Mode::System, 0)                         => row(Own,  All,   All,     All,    All,  All),
        (Mode::System, OVERFLOW)                  => row(None, None,  None,    None,   None, None),
        (Mode::System, _)                         => row(Own,  Own,   Own,     Own,    Own,  None),
        (Mode::User(owner), uid) if uid == owner  => row(Own,  All,   All,     All,    All,  All),
        (Mode::User(_), 0)                        => row(Own,  All,   All,     All,    All,  All),
        (Mode::User(_), _)                        => row(None, None,  None,    None,   None, None),
    }
}

/// Who may go on in our place: root, and whoever we are ourselves, where the kernel tells us apart.
pub fn may_replace(mode: Mode, own: u32, caller: u32) -> bool {
    let is_many = mode == Mode::System && caller == OVERFLOW;
    caller == 0 || (caller == own && !is_many)
}

impl Scope {
    /// Whether an account of `uid` is within scope of `caller`.
    pub fn covers(self, caller: u32, uid: u32) -> bool {
        match self {
            Scope::None => false,
            Scope::Own => caller == uid,
            Scope::All => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: u32 = 1000;
    const OTHER: u32 = 1001;

    #[test]
    fn nobody_says_hello_for_another_uid() {
        for mode in [Mode::System, Mode::User(ME), Mode::User(0)] {
            for caller in [0, ME, OTHER, OVERFLOW] {
                assert!(!rights(mode, caller).hello.covers(caller, caller + 1));
            }
        }
    }

    #[test]
    fn the_system_daemon_serves_everybody_and_root_rules() {
        for caller in [ME, OTHER] {
            let may = rights(Mode::System, caller);
            for scope in [may.hello, may.status, may.accounts, may.command, may.watch] {
                assert_eq!(scope, Scope::Own);
            }
        }
        assert_eq!(rights(Mode::System, 0).command, Scope::All);
        assert_eq!(rights(Mode::System, 0).status, Scope::All);
    }

    #[test]
    fn a_users_daemon_serves_its_user_and_root_only() {
        assert_eq!(rights(Mode::User(ME), ME), rights(Mode::User(ME), 0));
        assert_eq!(rights(Mode::User(ME), ME).command, Scope::All);
        let other = rights(Mode::User(ME), OTHER);
        assert_eq!(
            [
                other.hello,
                other.status,
                other.accounts,
                other.command,
                other.watch,
                other.import_export
            ],
            [Scope::None; 6]
        );
    }

    #[test]
    fn nobody_takes_workers_over_but_root_and_ourselves() {
        for mode in [Mode::System, Mode::User(ME)] {
            assert!(may_replace(mode, ME, ME) && may_replace(mode, ME, 0));
            assert!(!may_replace(mode, ME, OTHER) && !may_replace(mode, ME, OVERFLOW));
        }
        assert!(!may_replace(Mode::System, OVERFLOW, OVERFLOW));
    }

    #[test]
    fn users_that_the_kernel_cannot_tell_apart_share_no_account() {
        assert_eq!(rights(Mode::System, OVERFLOW).hello, Scope::None);
        assert_eq!(rights(Mode::User(OVERFLOW), OVERFLOW).hello, Scope::Own);
    }
}
