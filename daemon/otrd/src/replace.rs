//! `otrd --replace`: another otrd of the same Unix user goes on from here. It asks for that on the
//! admin socket, with one end of a channel beside its request. Through that it is given everything:
//! both listening sockets, the lock on the state directory, and the workers. The old otrd serves
//! nobody meanwhile, reads nothing that a worker says, and ends when the new one has taken all of
//! it; where the new one fails, the old one goes on.

use crate::context::Context;
use crate::fd_store;
use crate::inherited::{HandedOver, Inherited, STATE};
use crate::listen::Listeners;
use anyhow::{Context as _, bail, ensure};
use confine::fd_passing::{self, Received, Wait};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, getsockopt, recv, socketpair, sockopt,
};
use proto::admin::Replacing;
use proto::jsonrpc::{ClientResponse, Code, Error};
use std::io::{self, BufRead, BufReader};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;
use tokio::io::Interest;
use tokio::net::UnixDatagram;
use tokio::time::timeout;

/// The other otrd has started and taken everything by then.
const PATIENCE: Duration = Duration::from_secs(10);
/// Name of the last packet: the number of those before follows it.
const END: &str = "end ";
/// What the new otrd says when it has everything...
const TAKEN: &[u8] = b"taken";
/// ...and what the old one says last.
const GONE: &[u8] = b"gone";

/// What is to be passed.
pub type Named<'a> = (String, Vec<BorrowedFd<'a>>);

/// Everything that another otrd has to have.
pub fn everything<'a>(
    listeners: &'a Listeners,
    state: &'a OwnedFd,
    workers: &'a [HandedOver],
) -> Vec<Named<'a>> {
    let listeners = listeners.named();
    let sockets = listeners.into_iter().map(|(name, one)| (name.to_owned(), vec![one.as_fd()]));
    let of_workers =
        workers.iter().map(|one| (one.name.clone(), vec![one.channel.as_fd(), one.record.as_fd()]));
    let state = std::iter::once((STATE.to_owned(), vec![state.as_fd()]));
    sockets.chain(state).chain(of_workers).collect()
}

/// An otrd wants to go on from here: whether it may.
pub fn begin(context: &Context, channel: OwnedFd) -> Result<Replacing, Error> {
    if fd_store::is_there() {
        let why = "systemd keeps the workers of this otrd: systemctl restart otrd";
        return Err(Error::new(Code::Refused, why));
    }
    if getsockopt(&channel, sockopt::SockType) != Ok(SockType::SeqPacket) {
        return Err(Error::new(Code::InvalidParams, "the descriptor is no channel"));
    }
    if !context.is_succeeded_by(channel) {
        return Err(Error::new(Code::Busy, "another otrd is taking over already"));
    }
    Ok(Replacing { pid: std::process::id(), version: env!("CARGO_PKG_VERSION").into() })
}

/// Hands everything over. With an error the other one has nothing, and this one goes on.
pub async fn hand_over(channel: OwnedFd, everything: &[Named<'_>]) -> anyhow::Result<()> {
    fcntl(&channel, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    let channel = UnixDatagram::from_std(channel.into())?;
    let all = async {
        for (name, descriptors) in everything {
            send(&channel, name.as_bytes(), descriptors).await?;
        }
        send(&channel, format!("{END}{}", everything.len()).as_bytes(), &[]).await?;
        loop {
            channel.readable().await?;
            let mut said = [0; 16];
            let fd = channel.as_raw_fd();
            let receive = || Ok(recv(fd, &mut said, MsgFlags::MSG_DONTWAIT)?);
            match channel.try_io(Interest::READABLE, receive) {
                Ok(length) => {
                    let said = said.get(..length).unwrap_or_default();
                    ensure!(said == TAKEN, "it has ended");
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
    };
    timeout(PATIENCE, all).await.context("it does not answer")??;
    send(&channel, GONE, &[]).await.context("it has ended")
}

async fn send(
    channel: &UnixDatagram,
    packet: &[u8],
    descriptors: &[BorrowedFd<'_>],
) -> anyhow::Result<()> {
    loop {
        channel.writable().await?;
        let one = || send_now(channel.as_fd(), packet, descriptors);
        match channel.try_io(Interest::WRITABLE, one) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            done => return Ok(done?),
        }
    }
}

fn send_now(
    channel: BorrowedFd<'_>,
    packet: &[u8],
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<()> {
    fd_passing::send(channel, packet, descriptors, Wait::Yes).map(drop)
}

/// The way back to the otrd that is replaced.
pub struct Predecessor {
    channel: OwnedFd,
}

/// Takes everything from the otrd that answers on an admin socket; nothing where none does.
///
/// # Errors
/// Where it does not let go, or is another user's. It goes on then.
pub fn take_over(path: &Path) -> anyhow::Result<Option<(Inherited, Predecessor)>> {
    let shown = path.display();
    let stream = match UnixStream::connect(path) {
        Ok(stream) => stream,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
            ) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(error).with_context(|| format!("cannot reach {shown}")),
    };
    let uid = getsockopt(&stream, sockopt::PeerCredentials)?.uid();
    let own = nix::unistd::geteuid().as_raw();
    ensure!(uid == own, "the otrd at {shown} runs as uid {uid}, not {own}: start this one as that");
    stream.set_read_timeout(Some(PATIENCE))?;
    let flags = SockFlag::SOCK_CLOEXEC;
    let (channel, theirs) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags)?;
    let request = b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"replace\",\"params\":{}}\n";
    send_now(stream.as_fd(), request, &[theirs.as_fd()])?;
    drop(theirs);
    let mut line = Vec::new();
    BufReader::new(io::Read::take(stream, proto::MAX_LINE as u64)).read_until(b'\n', &mut line)?;
    let answer: ClientResponse<Replacing> = serde_json::from_slice(&line).context("its answer")?;
    if let Some(error) = answer.error {
        bail!("the otrd at {shown} is not replaced: {}", error.message);
    }
    let mut taken = Vec::new();
    let mut packets = 0;
    nix::sys::socket::setsockopt(
        &channel,
        sockopt::ReceiveTimeout,
        &nix::sys::time::TimeVal::new(PATIENCE.as_secs().try_into().unwrap_or(10), 0),
    )?;
    loop {
        let (name, descriptors) = receive(&channel)?;
        if let Some(count) = name.strip_prefix(END) {
            ensure!(count.parse() == Ok(packets), "not everything came");
            break;
        }
        packets += 1;
        taken.extend(descriptors.into_iter().map(|one| (name.clone(), one)));
    }
    Ok(Some((Inherited::sort(taken.into_iter())?, Predecessor { channel })))
}

fn receive(channel: &OwnedFd) -> anyhow::Result<(String, Vec<OwnedFd>)> {
    let mut buffer = [0; 256];
    let received = fd_passing::receive(channel.as_fd(), &mut buffer, Wait::Yes);
    let Received { length, descriptors, truncated } =
        received.context("the otrd that is to be replaced does not go on")?;
    ensure!(!truncated, "too few descriptors: raise the limit");
    ensure!(length > 0, "the otrd that is to be replaced goes on by itself: see its log");
    let name = String::from_utf8(buffer.get(..length).unwrap_or_default().to_vec())?;
    Ok((name, descriptors))
}

impl Predecessor {
    /// Everything is here: the other one ends.
    ///
    /// # Errors
    /// Where it goes on by itself.
    pub fn end(self) -> anyhow::Result<()> {
        send_now(self.channel.as_fd(), TAKEN, &[]).context("it goes on by itself")?;
        let mut said = [0; 16];
        let length = recv(self.channel.as_raw_fd(), &mut said, MsgFlags::empty())
            .context("the otrd that is to be replaced does not go on")?;
        ensure!(said.get(..length) == Some(GONE), "the otrd that is to be replaced goes on");
        Ok(())
    }
}
