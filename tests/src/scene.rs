//! The usual cast: alice behind ZNC and otrd, bob with irssi, and a spy on the wire.

use crate::{Client, Ircd, Irssi, Otrd, Wire, World, Znc, ZncBuilder, ZncNetwork, ZncUser};

/// A running scene. Its parts end in this order.
pub struct Scene {
    /// alice's first client, attached to ZNC.
    pub alice: Client,
    /// bob, in irssi.
    pub bob: Irssi,
    /// The spy between ZNC and the IRC server.
    pub wire: Wire,
    /// alice's bouncer.
    pub znc: Znc,
    /// The daemon.
    pub otrd: Otrd,
    /// The IRC server.
    pub ircd: Ircd,
    /// Where all this is.
    pub world: World,
}

/// A scene about to begin.
pub struct SceneBuilder {
    world: World,
    ircd: Option<Ircd>,
    otrd: Option<Otrd>,
    user: ZncUser,
}

impl Scene {
    /// alice and bob are on IRC and have not met.
    #[track_caller]
    pub fn new() -> Self {
        Self::build().begin()
    }

    /// alice and bob are in a private conversation.
    #[track_caller]
    pub fn private() -> Self {
        let scene = Self::new();
        scene.goes_private();
        scene
    }

    /// A scene with other parts.
    pub fn build() -> SceneBuilder {
        SceneBuilder { world: World::new(), ircd: None, otrd: None, user: ZncUser::new("alice") }
    }

    /// alice asks for a private conversation, and it is private on both sides.
    #[track_caller]
    pub fn goes_private(&self) {
        self.alice.types_to("bob", "?OTR?");
        self.bob.is_private();
        self.alice_is("encrypted");
        self.alice.forgets();
        self.bob.forgets();
    }

    /// Waits until `info` shows this state of bob.
    #[track_caller]
    pub fn alice_is(&self, state: &str) {
        self.alice.becomes("bob", state);
    }
}

impl Default for Scene {
    fn default() -> Self {
        Self::new()
    }
}

impl SceneBuilder {
    /// Where it will be.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// With this IRC server instead of ngIRCd.
    pub fn ircd(mut self, ircd: Ircd) -> Self {
        self.ircd = Some(ircd);
        self
    }

    /// With this daemon.
    pub fn otrd(mut self, otrd: Otrd) -> Self {
        self.otrd = Some(otrd);
        self
    }

    /// alice's settings in ZNC; her network `net` is added to them.
    pub fn alice(mut self, user: ZncUser) -> Self {
        self.user = user;
        self
    }

    /// Starts everything.
    #[track_caller]
    pub fn begin(self) -> Scene {
        let world = self.world;
        let ircd = self.ircd.unwrap_or_else(|| Ircd::ngircd(&world));
        let otrd = self.otrd.unwrap_or_else(|| Otrd::start(&world));
        let wire = Wire::new(&world, ircd.port());
        let network = ZncNetwork::new("net", wire.port()).otr(&otrd);
        let znc = ZncBuilder::new().user(self.user.network(network)).user(ZncUser::new("idle"));
        let znc = znc.start(&world);
        let bob = Irssi::start(&world, "bob", ircd.port());
        let alice = znc.attach("alice", "net");
        otrd.worker();
        alice.has_otr();
        Scene { alice, bob, wire, znc, otrd, ircd, world }
    }
}
