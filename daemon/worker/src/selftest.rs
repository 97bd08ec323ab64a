//! `otrd-worker selftest`, for `otrctl doctor`: two throw-away keys, one key exchange and one
//! message between them, confined as a worker is. Nothing is left of it.

use crate::sandbox::{self, WithoutLandlock};
use anyhow::{Context, Result, bail};
use otr::message::classify;
use otr::{Event, Handle, Otr, State};
use std::collections::VecDeque;
use std::time::Instant;

/// Lines that a key exchange may take; four do.
const LINES: usize = 20;

/// Says in a line how this process is confined and how long it took.
pub fn main(without: WithoutLandlock) -> Result<()> {
    let confinement = sandbox::confine(None, without).context("not confined")?;
    let start = Instant::now();
    let (mut alice, mut bob) = (person("alice")?, person("bob")?);
    let keys = start.elapsed();
    let (to_alice, to_bob) = (Handle::new(1), Handle::new(2));
    let mut lines = VecDeque::from([(false, alice.query())]);
    for _ in 0..LINES {
        let Some((for_alice, line)) = lines.pop_front() else { break };
        let what = classify(&line);
        let received = match for_alice {
            true => alice.receive(to_bob, &what, &line),
            false => bob.receive(to_alice, &what, &line),
        };
        lines.extend(received.events.into_iter().filter_map(|event| match event {
            Event::Inject { line } => Some((!for_alice, line)),
            _ => None,
        }));
    }
    let sessions = alice.sessions(to_bob);
    let session = sessions.iter().find(|session| session.state == State::Encrypted);
    let session = session.context("the two did not become private: reinstall libotr")?;
    let (line, _) = alice.send(to_bob, session.instance, b"hello")?;
    if bob.receive(to_alice, &classify(&line), &line).text.as_deref() != Some(b"hello") {
        bail!("what one encrypted the other could not read: reinstall libotr and libgcrypt");
    }
    let (keys, all) = (keys.as_millis(), start.elapsed().as_millis());
    println!("two keys in {keys} ms, all in {all} ms; {confinement}");
    Ok(())
}

fn person(name: &str) -> Result<Otr> {
    let mut otr = Otr::new(name)?;
    otr.load_key(&otr::generate_key(name)?)?;
    Ok(otr)
}
