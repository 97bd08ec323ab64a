//! Our end of the channel to one worker: packets, one descriptor at most beside each. Nothing
//! here ever waits for the worker; what it does not take is kept, up to a bound.

use confine::fd_passing::{self, Wait};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, recv, setsockopt, socketpair, sockopt,
};
use proto::worker::{MAX_PACKET, ToFront, ToWorker};
use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use tokio::io::Interest;
use tokio::net::UnixDatagram;

/// The most packets that wait for a worker to take them.
const OUTBOX: usize = 64;

/// The front's end of a worker's control socket.
pub struct Channel {
    /// A SOCK_SEQPACKET socket. To tokio, which has no type for those, it is one more socket with
    /// whole packets; nothing but readiness is asked of this type.
    socket: UnixDatagram,
    outbox: VecDeque<(Vec<u8>, Option<OwnedFd>)>,
    /// The worker reads no more; what it said before is still read.
    deaf: bool,
}

/// The worker takes nothing: it is stopped, or stuck. What was to be sent is dropped.
#[derive(Debug, thiserror::Error)]
#[error("the worker does not answer")]
pub struct Full;

/// Why a channel cannot be used any more.
#[derive(Debug, thiserror::Error)]
pub enum Lost {
    #[error("the worker closed its channel")]
    Closed,
    #[error("the worker said something that no worker says: {0}")]
    Nonsense(#[from] serde_json::Error),
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Channel {
    /// Whether [`Channel::send`] would drop what it is given.
    pub fn is_full(&self) -> bool {
        self.outbox.len() >= OUTBOX
    }

    /// A channel and the worker's end of it.
    pub fn pair() -> io::Result<(Self, OwnedFd)> {
        let flags = SockFlag::SOCK_CLOEXEC;
        let (ours, theirs) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags)?;
        for end in [&ours, &theirs] {
            // The longest packet fits, whatever the system's default is.
            setsockopt(end, sockopt::SndBuf, &(2 * MAX_PACKET))?;
        }
        fcntl(&ours, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        let socket = UnixDatagram::from_std(ours.into())?;
        Ok((Self { socket, outbox: VecDeque::new(), deaf: false }, theirs))
    }

    /// The channel to a worker of an earlier front.
    pub fn take_up(socket: OwnedFd) -> io::Result<Self> {
        fcntl(&socket, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        let socket = UnixDatagram::from_std(socket.into())?;
        Ok(Self { socket, outbox: VecDeque::new(), deaf: false })
    }

    /// The front's end of the socket.
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Our end, for a front that comes after us.
    pub fn pass(&self) -> io::Result<OwnedFd> {
        self.socket.as_fd().try_clone_to_owned()
    }

    /// Returns when the worker has taken everything. Safe to be dropped at any time.
    pub async fn flushed(&mut self) -> Result<(), Lost> {
        while !self.outbox.is_empty() && !self.deaf {
            self.socket.writable().await?;
            self.write_out()?;
        }
        Ok(())
    }

    fn write_out(&mut self) -> Result<(), Lost> {
        let fd = self.socket.as_fd();
        let flushed = self.socket.try_io(Interest::WRITABLE, || flush(fd, &mut self.outbox));
        match flushed {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => self.deaf = true,
            flushed => drop(unless_not_yet(flushed)?),
        }
        Ok(())
    }

    /// Sends, or keeps until the worker takes it. Goes out in [`Channel::next`].
    pub fn send(&mut self, message: &ToWorker, fd: Option<OwnedFd>) -> Result<(), Full> {
        let packet = message.encode().map_err(|_| Full)?;
        // `Shutdown` is always kept: it is the last one.
        let last = matches!(message, ToWorker::Shutdown);
        if packet.len() > MAX_PACKET || (self.outbox.len() >= OUTBOX && !last) {
            return Err(Full);
        }
        self.outbox.push_back((packet, fd));
        Ok(())
    }

    /// What the worker has not taken, at the end of the channel.
    pub fn unsent(&mut self) -> Vec<(ToWorker, Option<OwnedFd>)> {
        let unsent = std::mem::take(&mut self.outbox).into_iter();
        unsent.filter_map(|(packet, fd)| Some((ToWorker::decode(&packet).ok()?, fd))).collect()
    }

    /// What the worker says next. Safe to be dropped at any time.
    pub async fn next(&mut self) -> Result<ToFront, Lost> {
        loop {
            let wish = match self.outbox.is_empty() || self.deaf {
                true => Interest::READABLE,
                false => Interest::READABLE | Interest::WRITABLE,
            };
            let ready = self.socket.ready(wish).await?;
            if ready.is_writable() && !self.deaf {
                self.write_out()?;
            }
            if ready.is_readable() {
                let fd = self.socket.as_fd();
                let received = self.socket.try_io(Interest::READABLE, || receive(fd));
                match unless_not_yet(received)? {
                    Some(packet) if packet.is_empty() => return Err(Lost::Closed),
                    Some(packet) => return Ok(ToFront::decode(&packet)?),
                    None => {}
                }
            }
        }
    }
}

fn unless_not_yet<T>(done: io::Result<T>) -> Result<Option<T>, Lost> {
    match done {
        Ok(done) => Ok(Some(done)),
        Err(error) => match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(None),
            io::ErrorKind::ConnectionReset => Err(Lost::Closed),
            _ => Err(Lost::Io(error)),
        },
    }
}

/// One packet; an empty one at the end. It takes as much memory as it is long, for workers are many.
fn receive(socket: BorrowedFd<'_>) -> io::Result<Vec<u8>> {
    let length = fd_passing::next_packet_length(socket, Wait::No)?;
    let mut packet = vec![0; length.min(MAX_PACKET + 1)];
    // Descriptors that a worker sent would be closed by the kernel here.
    let length = recv(socket.as_raw_fd(), &mut packet, MsgFlags::MSG_DONTWAIT)?;
    packet.truncate(length);
    Ok(packet)
}

/// Sends until the worker takes no more.
fn flush(
    socket: BorrowedFd<'_>,
    outbox: &mut VecDeque<(Vec<u8>, Option<OwnedFd>)>,
) -> io::Result<()> {
    while let Some((packet, fd)) = outbox.front() {
        let beside: Vec<_> = fd.iter().map(AsFd::as_fd).collect();
        match fd_passing::send(socket, packet, &beside, Wait::No) {
            // Our own copy of the descriptor closes here.
            Ok(_) => drop(outbox.pop_front()),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::socket::send;
    use std::time::Duration;

    fn run(test: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(test);
    }

    #[test]
    fn a_worker_that_takes_nothing_blocks_nobody_and_loses_no_packet() {
        run(async {
            let (mut ours, theirs) = Channel::pair().unwrap();
            let text = "x".repeat(60_000).as_str().into();
            let command = ToWorker::Command { seq: 1, text };
            let mut sent = 0;
            while ours.send(&command, None).is_ok() {
                sent += 1;
                let quiet = tokio::time::timeout(Duration::from_millis(5), ours.next()).await;
                assert!(quiet.is_err());
            }
            assert!(ours.is_full() && sent > OUTBOX);
            ours.send(&ToWorker::Shutdown, None).unwrap();

            // It wakes up.
            let mut buffer = vec![0; MAX_PACKET];
            for _ in 0..=sent {
                let _ = tokio::time::timeout(Duration::from_millis(5), ours.next()).await;
                assert_ne!(recv(theirs.as_raw_fd(), &mut buffer, MsgFlags::MSG_DONTWAIT), Ok(0));
            }
            assert!(!ours.is_full());
            drop(theirs);
            assert!(matches!(ours.next().await, Err(Lost::Closed)));
        });
    }

    #[test]
    fn what_no_worker_says_ends_the_channel() {
        run(async {
            for nonsense in [&b"{"[..], br#"{"fly":{}}"#, &[b'['; MAX_PACKET]] {
                let (mut ours, theirs) = Channel::pair().unwrap();
                send(theirs.as_raw_fd(), nonsense, MsgFlags::empty()).unwrap();
                assert!(matches!(ours.next().await, Err(Lost::Nonsense(_))));
            }
        });
    }
}
