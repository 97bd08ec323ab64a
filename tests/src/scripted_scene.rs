//! The usual cast on a server that says what the test wants.

use std::fs;

use crate::{
    Client, Friend, Otrd, ScriptedServer, World, Znc, ZncBuilder, ZncNetwork, ZncUser, programs,
};

/// alice behind ZNC and otrd, and bob, whose client has libotr, on a server that says what the test
/// wants. Its parts end in this order.
pub struct ScriptedScene {
    /// alice's client, attached to ZNC.
    pub alice: Client,
    /// bob, on the server.
    pub bob: Friend,
    /// alice's bouncer.
    pub znc: Znc,
    /// The daemon.
    pub otrd: Otrd,
    /// The IRC server.
    pub server: ScriptedServer,
    /// Where all this is.
    pub world: World,
}

impl ScriptedScene {
    /// alice and bob are on IRC and have not met.
    #[track_caller]
    pub fn new(user: ZncUser) -> Self {
        let world = World::new();
        let server = ScriptedServer::start(&world);
        let otrd = Otrd::start(&world);
        let network = ZncNetwork::new("net", server.port()).otr(&otrd);
        let znc =
            ZncBuilder::new().user(user.network(network)).user(ZncUser::new("idle")).start(&world);
        let alice = znc.attach("alice", "net");
        alice.has_otr();
        let bob = Friend::start(&world, "bob", server.port());
        Self { alice, bob, znc, otrd, server, world }
    }

    /// They are private.
    #[track_caller]
    pub fn private(user: ZncUser) -> Self {
        let stage = Self::new(user);
        stage.goes_private();
        stage
    }

    /// alice loads a module that is there for tests, see `tests/znc`.
    #[track_caller]
    pub fn loads(&self, name: &str) {
        let module = fs::read(programs::znc_module(&self.world, name)).expect("a module");
        let place = self.znc.dir().join("modules").join(name).with_extension("so");
        self.world.file(&place, module, Some(self.znc.uid()));
        self.alice.types_to("*status", &format!("loadmod --type=network {name}"));
        self.alice.expect("it is loaded", |line| {
            line.source.starts_with("*status") && line.text().contains("Loaded module")
        });
    }

    /// They become private.
    #[track_caller]
    pub fn goes_private(&self) {
        self.alice.types_to("bob", "?OTR?");
        self.bob.told("secured alice");
        self.alice.becomes("bob", "encrypted");
        self.alice.forgets();
    }

    /// The line is stopped, with a word, and the text is on the wire nowhere.
    #[track_caller]
    pub fn comes_back(&self, line: &str, text: &str) {
        self.alice.send(line);
        self.alice.otr_says(text);
        self.never_left(text);
    }

    /// What alice has typed so far is on the wire, but for this.
    #[track_caller]
    pub fn never_left(&self, text: &str) {
        self.alice.send("PRIVMSG #later :everything before has left");
        self.server.hears("alice", "everything before has left");
        self.server.never_heard("alice", text);
    }
}
