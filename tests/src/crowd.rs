//! Many couples at once behind one ZNC and one otrd: each at a place of its own.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use crate::{
    Client, Friend, Ircd, Otrd, OtrdBuilder, Wire, World, Znc, ZncBuilder, ZncNetwork, ZncUser,
    eventually, key_file,
};

/// Somebody behind ZNC and otrd, and a friend. Each has an account and so a worker of its own.
pub struct Couple {
    /// Her client, attached to ZNC.
    pub she: Client,
    /// Her friend, with bare libotr.
    pub he: Friend,
}

/// Couples, in one place. Its parts end in this order.
pub struct Crowd {
    /// They, in the order of their numbers.
    pub couples: Vec<Couple>,
    /// The spy between ZNC and the IRC server.
    pub wire: Wire,
    /// The bouncer of all.
    pub znc: Znc,
    /// The daemon of all.
    pub otrd: Otrd,
    /// The IRC server.
    pub ircd: Ircd,
    /// Where all this is.
    pub world: World,
}

impl Crowd {
    /// So many couples, who have not met. Those numbers that `without_key` holds have no key yet.
    #[track_caller]
    pub fn new(count: usize, otrd: OtrdBuilder, without_key: &[usize]) -> Self {
        let world = World::new();
        let ircd = Ircd::ngircd(&world);
        let otrd = otrd.start(&world);
        let wire = Wire::new(&world, ircd.port());
        let mut znc = ZncBuilder::new();
        for number in 0..count {
            let network = ZncNetwork::new("net", wire.port()).otr(&otrd);
            znc = znc.user(ZncUser::new(&format!("she{number:02}")).network(network));
            if !without_key.contains(&number) {
                let account = otrd.account(znc.runs_as(), &format!("she{number:02}"), "net");
                put_key(&account, &format!("she{number:02}"));
            }
        }
        let znc = znc.user(ZncUser::new("idle")).start(&world);
        let couple = |number| Couple {
            she: znc.attach(&format!("she{number:02}"), "net"),
            he: Friend::start(&world, &format!("he{number:02}"), ircd.port()),
        };
        let couples: Vec<Couple> = (0..count).map(couple).collect();
        eventually("everybody has a worker", || otrd.workers().len() == count);
        couples.iter().for_each(|couple| couple.she.has_otr());
        Self { couples, wire, znc, otrd, ircd, world }
    }
}

impl Couple {
    /// They become private.
    #[track_caller]
    pub fn goes_private(&self) {
        self.she.otr(&format!("start {}", self.he.nick()));
        self.is_private();
    }

    /// Waits until both say so.
    #[track_caller]
    pub fn is_private(&self) {
        self.he.told(&format!("secured {}", self.she.nick()));
        self.she.becomes(self.he.nick(), "encrypted");
    }

    /// She says it to him.
    pub fn she_types(&self, text: &str) {
        self.she.types_to(self.he.nick(), text);
    }

    /// How often he has read this of hers, encrypted.
    pub fn he_read(&self, text: &str) -> usize {
        self.he.count(&format!("private {} {text}", self.she.nick()))
    }

    /// How often this has come back to her as not sent.
    pub fn came_back(&self, text: &str) -> usize {
        self.she.returned(text)
    }
}

fn put_key(account: &std::path::Path, name: &str) {
    fs::create_dir_all(account).expect("mkdir");
    for level in account.ancestors().take(3) {
        fs::set_permissions(level, Permissions::from_mode(0o700)).expect("chmod");
    }
    let file = account.join("otr.key");
    fs::write(&file, key_file(name)).expect("write");
    fs::set_permissions(&file, Permissions::from_mode(0o600)).expect("chmod");
}
