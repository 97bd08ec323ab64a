//! Our end of the channel to one worker: packets, one descriptor at most beside each. Nothing
//! here ever waits for the worker; what it does not take is kept, up to a bound.

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::socket::{
    AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, recv, sendmsg, setsockopt,
    socketpair, sockopt,
};
use proto::control::{MAX_PACKET, ToFront, ToWorker};
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use tokio::io::unix::AsyncFd;
use tokio::io::{Interest, Ready};

/// The most packets that wait for a worker to take them.
const OUTBOX: usize = 64;

/// One channel.
pub struct Control {
    socket: AsyncFd<OwnedFd>,
    outbox: VecDeque<(Vec<u8>, Option<OwnedFd>)>,
    inbox: Vec<u8>,
}

/// The worker takes nothing: it is stopped, or stuck. What was to be sent is dropped.
#[derive(Debug, thiserror::Error)]
#[error("the worker does not answer")]
pub struct Full;

/// The channel's end.
#[derive(Debug, thiserror::Error)]
pub enum Lost {
    #[error("the worker closed its channel")]
    Closed,
    #[error("the worker said something that no worker says: {0}")]
    Nonsense(#[from] serde_json::Error),
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Control {
    /// Whether [`Control::send`] would drop what it is given.
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
        let socket = AsyncFd::register(ours)?;
        Ok((Self { socket, outbox: VecDeque::new(), inbox: vec![0; MAX_PACKET + 1] }, theirs))
    }

    /// Sends, or keeps until the worker takes it. Goes out in [`Control::next`].
    pub fn send(&mut self, message: &ToWorker, fd: Option<OwnedFd>) -> Result<(), Full> {
        let packet = serde_json::to_vec(message).map_err(|_| Full)?;
        // `Shutdown` is always kept: it is the last one.
        let last = matches!(message, ToWorker::Shutdown);
        if packet.len() > MAX_PACKET || (self.outbox.len() >= OUTBOX && !last) {
            return Err(Full);
        }
        self.outbox.push_back((packet, fd));
        Ok(())
    }

    /// What the worker says next. Safe to be dropped at any time.
    pub async fn next(&mut self) -> Result<ToFront, Lost> {
        loop {
            let wish = match self.outbox.is_empty() {
                true => Interest::READABLE,
                false => Interest::READABLE | Interest::WRITABLE,
            };
            let mut guard = self.socket.ready(wish).await?;
            let (ready, socket) = (guard.ready(), self.socket.as_raw_fd());
            if ready.is_writable() && !flush(socket, &mut self.outbox)? {
                guard.clear_ready_matching(Ready::WRITABLE);
            }
            if ready.is_readable() {
                // Descriptors that a worker sent would be closed by the kernel here.
                match recv(socket, &mut self.inbox, MsgFlags::MSG_DONTWAIT) {
                    Ok(0) | Err(Errno::ECONNRESET) => return Err(Lost::Closed),
                    Ok(length) => {
                        let packet = self.inbox.get(..length).unwrap_or_default();
                        return Ok(serde_json::from_slice(packet)?);
                    }
                    Err(Errno::EAGAIN) => guard.clear_ready_matching(Ready::READABLE),
                    Err(Errno::EINTR) => {}
                    Err(errno) => return Err(Lost::Io(errno.into())),
                }
            }
        }
    }
}

/// Whether everything went out.
fn flush(socket: RawFd, outbox: &mut VecDeque<(Vec<u8>, Option<OwnedFd>)>) -> Result<bool, Lost> {
    while let Some((packet, fd)) = outbox.front() {
        let fds: Vec<_> = fd.iter().map(AsRawFd::as_raw_fd).collect();
        let rights = [ControlMessage::ScmRights(&fds)];
        let beside = if fds.is_empty() { &[][..] } else { &rights[..] };
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
        match sendmsg::<()>(socket, &[IoSlice::new(packet)], beside, flags, None) {
            // Our own copy of the descriptor closes here.
            Ok(_) => drop(outbox.pop_front()),
            Err(Errno::EAGAIN) => return Ok(false),
            Err(Errno::EINTR) => {}
            // Nothing more goes out; what the worker said before is still read.
            Err(Errno::EPIPE | Errno::ECONNRESET) => outbox.clear(),
            Err(errno) => return Err(Lost::Io(errno.into())),
        }
    }
    Ok(true)
}
