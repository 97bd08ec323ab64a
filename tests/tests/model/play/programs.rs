//! The programs: the module, the worker, the daemon, and what ZNC keeps on disk.

use std::fs;
use std::path::PathBuf;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::Play;
use super::patience::PATIENCE;
use crate::stage::Stage;

impl Play<'_> {
    pub(super) fn unload(&mut self) {
        self.thaw();
        self.rest();
        if self.oracle.unloaded {
            return;
        }
        let closed = self.oracle.closed_names();
        self.oracle.unloaded = true;
        let before = self.clients[0].lines().len();
        self.client(0, "PRIVMSG *status :unloadmod otr");
        let gone = |line: &otrd_tests::Line| {
            line.is("PRIVMSG", "*status")
                && line.text().contains("otr")
                && line.text().contains("nloaded")
        };
        self.clients[0].within(PATIENCE, gone).expect("the module is unloaded");
        let told: Vec<String> = self.clients[0]
            .lines_since(before)
            .iter()
            .filter(|line| line.is("PRIVMSG", "*otr"))
            .map(|line| self.oracle.fold(&line.plain_text()))
            .collect();
        let names = |name: &str| told.iter().any(|line| line.contains(name));
        // One word for all where it no longer knows who they are; after a start of ZNC, a number of those whose
        // names it has not heard since.
        let number_before_more = |line: &String| -> Option<usize> {
            let (front, _) = line.split_once(" more")?;
            front.rsplit(' ').next()?.parse().ok()
        };
        let unnamed = told.iter().find_map(number_before_more).unwrap_or(0);
        let mut missing = closed.iter().filter(|name| !names(name));
        if let Some(name) = missing.nth(unnamed)
            && !names("anybody")
        {
            self.oracle.fault("unloaded without a word of somebody closed", "", name);
        }
    }

    /// The module is loaded, again where it was not, and has its daemon.
    pub(super) fn is_loaded(&mut self) {
        if self.oracle.unloaded {
            // What went out before is not the module's.
            self.pump();
            let socket = self.stage.otrd.shim_socket();
            let before = self.clients[0].lines().len();
            self.client(0, &format!("PRIVMSG *status :loadmod otr socket={}", socket.display()));
            self.clients[0].settled();
            // A ZNC that was killed before it wrote that down has loaded it, perhaps without the place.
            let status = self.clients[0].lines_since(before);
            if status.iter().any(|line| line.text().contains("already loaded")) {
                self.client(
                    0,
                    &format!("PRIVMSG *status :reloadmod otr socket={}", socket.display()),
                );
            }
        }
        self.has_otr();
        self.oracle.unloaded = false;
    }

    pub(super) fn freeze(&mut self) {
        if self.frozen.is_some() {
            return;
        }
        self.rest();
        if let Some(worker) = self.stage.worker_of(&self.login) {
            let _ = kill(Pid::from_raw(worker), Signal::SIGSTOP);
            self.frozen = Some(worker);
        }
    }

    /// It goes on with what ZNC has heard by now: which of both is first would be chance.
    pub(super) fn thaw(&mut self) {
        if self.frozen.is_some() {
            self.barrier();
        }
        self.goes_on();
    }

    pub(super) fn goes_on(&mut self) {
        if let Some(worker) = self.frozen.take() {
            let _ = kill(Pid::from_raw(worker), Signal::SIGCONT);
        }
    }

    pub(super) fn daemon(&mut self, does: impl FnOnce(&mut Stage)) {
        self.thaw();
        self.rest();
        does(self.stage);
        // What is done while it is away goes by the module alone.
        self.client(0, "PING :away");
        self.stage.otrd.starts_again();
        self.has_otr_again();
    }

    pub(super) fn has_otr_again(&mut self) {
        if !self.oracle.unloaded {
            self.has_otr();
        }
    }

    pub(super) fn registry(&self) -> PathBuf {
        let module = format!("users/{}/networks/{}/moddata/otr", self.login, self.network);
        self.stage.znc.dir().join(module).join(".registry")
    }

    /// ZNC had written so much of it when it ended: `registry 40`, in hundredths.
    pub(super) fn cut_registry(&self, part: &str) {
        let part = part.rsplit(' ').next().and_then(|part| part.parse().ok());
        let content = fs::read(self.registry()).unwrap_or_default();
        let length = content.len() * part.unwrap_or(0_usize) / 100;
        fs::write(self.registry(), content.get(..length).unwrap_or(&content)).expect("written");
    }
}
