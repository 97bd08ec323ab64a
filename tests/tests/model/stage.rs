//! ZNC, otrd and a server, with users whom nobody has played with yet.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use otrd_tests::{
    Otrd, OtrdBuilder, ScriptedServer, World, Znc, ZncBuilder, ZncNetwork, ZncUser, key_file,
};

/// Everything but the play. Its parts end in this order.
pub struct Stage {
    pub server: ScriptedServer,
    pub znc: Znc,
    pub otrd: Otrd,
    _world: World,
    fresh: Vec<String>,
}

/// The users of a stage, one for each sequence. ZNC connects one of its networks each second, and
/// one that connects again waits behind the others: a few of them are soon there.
const USERS: [&str; 8] = ["fast", "fast", "slow", "fast", "fast", "fast", "slow", "fast"];

impl Stage {
    pub fn new() -> Self {
        let world = World::new();
        let server = ScriptedServer::start(&world);
        server.isolates();
        server.answers(|_, line| {
            let barrier = line.command == "BARRIER";
            barrier.then(|| vec![format!(":irc.test.net 900 x :{}", line.text())])
        });
        let otrd = OtrdBuilder::new().env("RUST_LOG", "warn").start(&world);
        let mut znc = ZncBuilder::new();
        let mut fresh = Vec::new();
        for (number, kind) in USERS.iter().enumerate() {
            let login = format!("{kind}{number:02}");
            let network = ZncNetwork::new("net", server.port()).module("perform").otr(&otrd);
            let network = if *kind == "slow" { network.line_by_line() } else { network };
            znc = znc.user(ZncUser::new(&login).module("send_raw").network(network));
            put_key(&otrd.account(ZncBuilder::new().runs_as(), &login, "net"), &login);
            fresh.push(login);
        }
        let znc = znc.start(&world);
        Self { server, znc, otrd, _world: world, fresh }
    }

    /// A user for one play.
    pub fn user(&mut self, slow: bool) -> Option<String> {
        let kind = if slow { "slow" } else { "fast" };
        let at = self.fresh.iter().position(|login| login.starts_with(kind))?;
        Some(self.fresh.remove(at))
    }

    /// The worker that has this user's files open.
    pub fn worker_of(&self, login: &str) -> Option<i32> {
        self.otrd.workers().into_iter().find(|pid| {
            let open = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
            open.filter_map(|one| fs::read_link(one.path()).ok())
                .any(|path| path.components().any(|part| part.as_os_str() == login))
        })
    }
}

fn put_key(account: &std::path::Path, name: &str) {
    fs::create_dir_all(account).expect("mkdir");
    for level in account.ancestors().take(3) {
        fs::set_permissions(level, fs::Permissions::from_mode(0o700)).expect("chmod");
    }
    let file = account.join("otr.key");
    fs::write(&file, key_file(name)).expect("write");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("chmod");
}
