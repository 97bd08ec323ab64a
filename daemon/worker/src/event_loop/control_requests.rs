//! What the front orders.

use super::{KeyPipe, MAX_KEY, Worker};
use crate::bundle_io;
use crate::chunking;
use crate::commands::{self, Line};
use crate::control::Packet;
use crate::engine::{self, Event, KeyState};
use crate::store::{Converted, Keys, Rekeyed};
use anyhow::Result;
use proto::admin::import_export::{Exported, Imported, Order};
use proto::admin::{Output, WorkerStatus};
use proto::shim::Effect;
use proto::worker::{AtRest, CommandFailed, LogTopic, Refused, ToFront, ToWorker, WorkerConfig};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use zeroize::Zeroizing;

impl Worker {
    pub(super) fn read_control(&mut self) -> Result<()> {
        match self.control.receive(true)? {
            Packet::Nothing => {}
            Packet::Closed => self.ends = true,
            Packet::Unknown => {
                self.log(LogTopic::Trouble, "a packet of a newer front was not understood".into());
            }
            Packet::Message(message, fd) => {
                self.presence.heard(self.clock.now().mono);
                self.ordered(message, fd);
            }
        }
        Ok(())
    }

    fn ordered(&mut self, message: ToWorker, fd: Option<OwnedFd>) {
        match (message, fd) {
            (ToWorker::Adopt { id, hello, rest, arrival }, Some(socket)) => {
                if let Some(arrival) = arrival {
                    let effects = self.step(Event::Arrived(arrival));
                    self.unasked(effects);
                }
                self.adopt(id, *hello, &rest, socket)
            }
            (ToWorker::KeyPipe, Some(pipe)) => {
                // The whole key at once: a growing buffer would leave copies behind.
                let content = Zeroizing::new(Vec::with_capacity(MAX_KEY));
                self.key_pipe = Some(KeyPipe { pipe: pipe.into(), orphaned: false, content });
            }
            (ToWorker::KeyFailed { why }, _) => {
                self.key_pipe = None;
                let effects = self.step(Event::KeyFailed(why));
                self.unasked(effects);
            }
            (ToWorker::Status { seq }, _) => {
                let sandbox = self.confinement.clone();
                let memory = self.memory.kib();
                let status = WorkerStatus { sandbox, memory, ..self.engine.status() };
                self.say(&ToFront::Status { seq, status });
            }
            (ToWorker::Command { seq, text }, _) => {
                self.command(seq, commands::parse(text.as_bytes()));
            }
            (ToWorker::Do { seq, command }, _) => self.command(seq, Line::Command(command)),
            (ToWorker::State { seq, page }, _) => {
                let state = Box::new(self.engine.overview(self.clock.now(), page));
                self.say(&ToFront::State { seq, state });
            }
            (ToWorker::Import { seq, order }, Some(files)) => {
                let outcome = self.import(&order, files).map_err(|why| Refused { why });
                self.say(&ToFront::Imported { seq, outcome });
            }
            (ToWorker::Export { seq }, Some(files)) => {
                let outcome = self.export(files).map_err(|why| Refused { why });
                self.say(&ToFront::Exported { seq, outcome });
            }
            (ToWorker::Config(config), _) => {
                let effects = self.step(Event::Config(config));
                self.unasked(effects);
            }
            (ToWorker::AtRest { seq, at_rest }, _) => {
                let converted = self.store.convert_all(at_rest);
                self.converted(&converted);
                self.tell_at_rest();
                let outcome = match converted.failed.is_empty() {
                    true => Ok(at_rest),
                    false => Err(Refused { why: converted.failed.join("; ") }),
                };
                self.say(&ToFront::AtRest { seq, outcome });
            }
            (ToWorker::TakeUp { seq, control, config, at_rest }, _) => {
                self.taken_up(seq, control, config, at_rest);
            }
            (ToWorker::Secret, Some(pipe)) => self.rekey(pipe),
            (ToWorker::Shutdown, _) => self.ends = true,
            (ToWorker::Start { .. }, _)
            | (
                ToWorker::Secret
                | ToWorker::Adopt { .. }
                | ToWorker::KeyPipe
                | ToWorker::Import { .. }
                | ToWorker::Export { .. },
                None,
            ) => {
                self.log(LogTopic::Trouble, "a packet of the front made no sense".into());
            }
        }
    }

    /// Another front goes on with this worker.
    fn taken_up(&mut self, seq: u64, control: u32, config: WorkerConfig, at_rest: Option<AtRest>) {
        self.presence.taken_up(control);
        self.wanted_at_rest = at_rest;
        // The front before may not have got as far as to end this worker.
        self.idle_said = false;
        if let Some(key) = &mut self.key_pipe {
            key.orphaned = true;
        }
        let generating = matches!(self.engine.key_state(), KeyState::Generating { .. });
        let keygen = generating && self.key_pipe.is_none();
        self.say(&ToFront::Here(super::here(&self.account, seq, keygen)));
        let effects = self.step(Event::Config(config));
        self.unasked(effects);
    }

    /// The front was given a master secret, which may be another one than before.
    fn rekey(&mut self, pipe: OwnedFd) {
        let Some(wanted) = self.wanted_at_rest.take() else { return };
        match Keys::read(File::from(pipe)).map(|keys| self.store.rekey(keys)) {
            Ok(Rekeyed::Same) => {}
            Ok(Rekeyed::Changed) => {
                let converted = self.store.convert_all(wanted);
                self.converted(&converted);
                self.tell_at_rest();
            }
            Ok(Rekeyed::Unrelated) => self.log(
                LogTopic::Trouble,
                "the files are encrypted with another master secret than otrd has now: give it that one as otrd-master-old, see otrd(8)".into(),
            ),
            Err(error) => self.log(LogTopic::Trouble, format!("no key came from the front: {error}")),
        }
    }

    /// The files on disk may be encrypted where they were not before, or the other way round.
    fn tell_at_rest(&mut self) {
        let effects = self.step(Event::AtRest(self.store.at_rest()));
        self.unasked(effects);
    }

    /// Logs what a conversion of the account's files came to.
    pub(super) fn converted(&mut self, converted: &Converted) {
        if converted.changed > 0 {
            self.log(
                LogTopic::AtRest,
                format!(
                    "the encryption of the account's files was changed, they are {} now: {}",
                    self.store.at_rest(),
                    converted.changed
                ),
            );
        }
        for why in &converted.failed {
            self.log(LogTopic::Trouble, format!("a file could not be converted: {why}"));
        }
    }

    fn import(&mut self, order: &Order, files: OwnedFd) -> Result<Imported, String> {
        let files = bundle_io::read(files).map_err(|error| format!("the files: {error}"))?;
        let effects = self.step(Event::Import(files, order.clone()));
        self.unasked(effects);
        self.imported.take().unwrap_or_else(|| Err("nothing came of it: try again".into()))
    }

    fn export(&mut self, files: OwnedFd) -> Result<Exported, String> {
        let exported = self.engine.exported()?;
        bundle_io::write(&mut self.store, files).map_err(|error| format!("the files: {error}"))?;
        Ok(exported)
    }

    /// A command of an admin: what it prints is the answer, the rest goes to the module.
    fn command(&mut self, seq: u64, line: Line) {
        let effects = self.step(Event::Command(line));
        let (output, others) = effects
            .into_iter()
            .partition(|effect| matches!(effect, Effect::Print { .. } | Effect::Table { .. }));
        self.unasked(others);
        // The front answers in one line.
        let (mut output, left_out) = chunking::shorten(output);
        if left_out > 0 {
            output.push(engine::left_out(left_out));
        }
        self.say(&ToFront::Output { seq, outcome: Ok::<_, CommandFailed>(Output { output }) });
    }

    pub(super) fn read_key_pipe(&mut self) {
        let Some(key) = &mut self.key_pipe else { return };
        let mut buffer = Zeroizing::new([0; 4096]);
        let input = match key.pipe.read(buffer.as_mut_slice()) {
            Ok(0) => Event::KeyMade(std::mem::take(&mut key.content)),
            Ok(length) if key.content.len() + length <= MAX_KEY => {
                key.content.extend_from_slice(buffer.get(..length).unwrap_or_default());
                return;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return,
            Ok(_) | Err(_) => Event::KeyFailed("the key did not arrive whole".into()),
        };
        let orphaned = self.key_pipe.take().is_some_and(|key| key.orphaned);
        // The front says why a generation ended without a key, or begins another one.
        if matches!(&input, Event::KeyMade(content) if content.is_empty()) {
            if orphaned {
                self.say(&ToFront::Keygen);
            }
            return;
        }
        let effects = self.step(input);
        self.unasked(effects);
    }
}
