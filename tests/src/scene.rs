//! The usual cast: alice behind ZNC and otrd, bob with irssi, and a spy on the wire.

use std::path::PathBuf;

use crate::{
    Client, Ircd, Irssi, LossyProxy, NodePeer, Otrd, Wire, World, Znc, ZncBuilder, ZncNetwork,
    ZncUser,
};

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

/// The same without bob: for what other peers do. Its parts end in this order.
pub struct Alone {
    /// alice's first client, attached to ZNC.
    pub alice: Client,
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
    global: Vec<String>,
    says: Option<(String, String)>,
    through: Option<PathBuf>,
    line_by_line: bool,
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
        SceneBuilder {
            world: World::new(),
            ircd: None,
            otrd: None,
            user: ZncUser::new("alice"),
            global: Vec::new(),
            says: None,
            through: None,
            line_by_line: false,
        }
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

impl Alone {
    /// alice is on IRC.
    #[track_caller]
    pub fn new() -> Self {
        Scene::build().begin_alone()
    }

    /// alice and bob, who uses npm's `otr`, are in a private conversation.
    #[track_caller]
    pub fn private() -> (Self, NodePeer) {
        let scene = Self::new();
        let bob = scene.peer("bob", "23");
        scene.goes_private(&bob);
        (scene, bob)
    }

    /// Somebody who uses npm's `otr`; `versions` is `2`, `3` or `23`.
    #[track_caller]
    pub fn peer(&self, nick: &str, versions: &str) -> NodePeer {
        NodePeer::start(&self.world, nick, self.ircd.port(), versions)
    }

    /// alice asks for a private conversation, and it is private on both sides.
    #[track_caller]
    pub fn goes_private(&self, peer: &NodePeer) {
        self.alice.types_to(peer.nick(), "?OTR?");
        peer.told("secured alice");
        self.alice.becomes(peer.nick(), "encrypted");
        self.alice.forgets();
    }
}

impl Default for Alone {
    fn default() -> Self {
        Self::new()
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

    /// ZNC has this module for everybody.
    pub fn global_module(mut self, module: &str) -> Self {
        self.global.push(module.to_owned());
        self
    }

    /// What the server says is changed on its way: `from` into `to`.
    pub fn server_says(mut self, from: &str, to: &str) -> Self {
        self.says = Some((from.to_owned(), to.to_owned()));
        self
    }

    /// ZNC's module reaches the daemon through this.
    pub fn through(mut self, proxy: &LossyProxy) -> Self {
        self.through = Some(proxy.shim_socket().to_owned());
        self
    }

    /// ZNC sends a line at a time: what is sent waits there.
    pub fn line_by_line(mut self) -> Self {
        self.line_by_line = true;
        self
    }

    /// Starts everything.
    #[track_caller]
    pub fn begin(self) -> Scene {
        let Alone { alice, wire, znc, otrd, ircd, world } = self.begin_alone();
        let bob = Irssi::start(&world, "bob", ircd.port());
        alice.forgets();
        Scene { alice, bob, wire, znc, otrd, ircd, world }
    }

    /// Starts everything but bob.
    #[track_caller]
    pub fn begin_alone(self) -> Alone {
        let world = self.world;
        let ircd = self.ircd.unwrap_or_else(|| Ircd::ngircd(&world));
        let otrd = self.otrd.unwrap_or_else(|| Otrd::start(&world));
        let wire = match &self.says {
            None => Wire::new(&world, ircd.port()),
            Some((from, to)) => Wire::rewriting(&world, ircd.port(), from, to),
        };
        let network = ZncNetwork::new("net", wire.port());
        let network = match &self.through {
            Some(socket) => network.otr_at(socket),
            None => network.otr(&otrd),
        };
        let network = if self.line_by_line { network.line_by_line() } else { network };
        let mut znc = ZncBuilder::new().user(self.user.network(network)).user(ZncUser::new("idle"));
        for module in &self.global {
            znc = znc.module(module);
        }
        let znc = znc.start(&world);
        let alice = znc.attach("alice", "net");
        otrd.worker();
        alice.has_otr();
        Alone { alice, wire, znc, otrd, ircd, world }
    }
}
