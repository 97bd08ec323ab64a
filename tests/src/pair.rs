//! Two users of one ZNC, each with otrd: for what irssi's plugin cannot do.

use crate::{Client, Ircd, Otrd, Wire, World, Znc, ZncBuilder, ZncNetwork, ZncUser, eventually};

/// alice and dave, both behind ZNC and otrd. Its parts end in this order.
pub struct Pair {
    /// alice's client.
    pub alice: Client,
    /// dave's client.
    pub dave: Client,
    /// The spy between ZNC and the IRC server.
    pub wire: Wire,
    /// The bouncer of both.
    pub znc: Znc,
    /// The daemon of both, with a worker each.
    pub otrd: Otrd,
    /// The IRC server.
    pub ircd: Ircd,
    /// Where all this is.
    pub world: World,
}

impl Pair {
    /// They are on IRC and have not met.
    #[track_caller]
    pub fn new() -> Self {
        let world = World::new();
        let ircd = Ircd::ngircd(&world);
        let otrd = Otrd::start(&world);
        let wire = Wire::new(&world, ircd.port());
        let network = ZncNetwork::new("net", wire.port()).otr(&otrd);
        let znc = ZncBuilder::new()
            .user(ZncUser::new("alice").network(network.clone()))
            .user(ZncUser::new("dave").network(network))
            .start(&world);
        let (alice, dave) = (znc.attach("alice", "net"), znc.attach("dave", "net"));
        eventually("two workers", || otrd.workers().len() == 2);
        Self { alice, dave, wire, znc, otrd, ircd, world }
    }

    /// They are in a private conversation.
    #[track_caller]
    pub fn private() -> Self {
        let pair = Self::new();
        pair.alice.types_to("dave", "?OTR?");
        pair.alice.becomes("dave", "encrypted");
        pair.dave.becomes("alice", "encrypted");
        pair.alice.forgets();
        pair.dave.forgets();
        pair
    }
}

impl Default for Pair {
    fn default() -> Self {
        Self::new()
    }
}
