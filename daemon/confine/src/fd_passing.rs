//! Descriptors beside bytes on a Unix socket (SCM_RIGHTS).

use rustix::cmsg_space;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};

/// The most descriptors that one message can have beside it (SCM_MAX_FD): with less room for them
/// the message would be cut.
const MOST: usize = 253;

/// Whether a call waits where the socket has no bytes, or no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// It does, unless the socket was made not to.
    Yes,
    /// It is an error instead, [`io::ErrorKind::WouldBlock`].
    No,
}

/// What came at once.
pub struct Received {
    /// Length of the data received, in bytes.
    pub length: usize,
    /// Beside them, in order.
    pub descriptors: Vec<OwnedFd>,
    /// The packet was longer, or we could not be given all descriptors.
    pub truncated: bool,
}

/// Reads what is there. Every descriptor beside it is owned before anything else happens, also where
/// we could not be given all of them.
pub fn receive(socket: BorrowedFd<'_>, chunk: &mut [u8], wait: Wait) -> io::Result<Received> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(MOST))];
    let mut beside = RecvAncillaryBuffer::new(&mut space);
    let mut flags = RecvFlags::CMSG_CLOEXEC;
    flags.set(RecvFlags::DONTWAIT, wait == Wait::No);
    let got = recvmsg(socket, &mut [IoSliceMut::new(chunk)], &mut beside, flags)?;
    let rights = beside.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
        _ => None,
    });
    let descriptors = rights.flatten().collect();
    let truncated = got.flags.intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC);
    Ok(Received { length: got.bytes, descriptors, truncated })
}

/// How long the next packet of a SOCK_SEQPACKET socket is, and 0 where the other end is closed. The
/// packet stays there, with what is beside it.
pub fn next_packet_length(socket: BorrowedFd<'_>, wait: Wait) -> io::Result<usize> {
    // The length of the packet, not of the part that fits here (recv(2)).
    let mut flags = RecvFlags::PEEK | RecvFlags::TRUNC;
    flags.set(RecvFlags::DONTWAIT, wait == Wait::No);
    let nothing = &mut RecvAncillaryBuffer::default();
    // Without room for a byte, qemu-user takes the packet for the end.
    Ok(recvmsg(socket, &mut [IoSliceMut::new(&mut [0])], nothing, flags)?.bytes)
}

/// Sends bytes with descriptors beside them; how many bytes. Who reads no more is an error, and no
/// signal.
pub fn send(
    socket: BorrowedFd<'_>,
    bytes: &[u8],
    descriptors: &[BorrowedFd<'_>],
    wait: Wait,
) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(MOST))];
    let mut beside = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !beside.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "too many descriptors at once"));
    }
    let mut flags = SendFlags::NOSIGNAL;
    flags.set(SendFlags::DONTWAIT, wait == Wait::No);
    Ok(sendmsg(socket, &[IoSlice::new(bytes)], &mut beside, flags)?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
    use std::fs::File;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    fn descriptors() -> usize {
        std::fs::read_dir("/proc/self/fd").unwrap().count()
    }

    #[test]
    fn of_many_descriptors_none_stays_open() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let file = File::open("/dev/null").unwrap();
        let mut chunk = [0; 8];
        for count in [1, 2, 3, 7, MOST] {
            let beside = vec![file.as_fd(); count];
            for _ in 0..20 {
                assert_eq!(send(theirs.as_fd(), b" ", &beside, Wait::No).unwrap(), 1);
                let before = descriptors();
                let received = receive(ours.as_fd(), &mut chunk, Wait::No).unwrap();
                assert!(received.length == 1 && !received.truncated);
                assert_eq!(received.descriptors.len(), count);
                assert_eq!(descriptors(), before + count);
                drop(received);
                assert_eq!(descriptors(), before);
            }
        }
        let more = send(theirs.as_fd(), b" ", &vec![file.as_fd(); MOST + 1], Wait::No);
        assert_eq!(more.unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn a_packet_that_is_cut_says_so_and_an_end_is_no_error() {
        let (ours, theirs) = packets();
        let mut chunk = [0; 4];
        let nothing = receive(ours.as_fd(), &mut chunk, Wait::No);
        assert_eq!(nothing.err().unwrap().kind(), io::ErrorKind::WouldBlock);
        for (packet, cut) in [(&b"four"[..], false), (b"fifth", true)] {
            assert_eq!(send(theirs.as_fd(), packet, &[], Wait::No).unwrap(), packet.len());
            let received = receive(ours.as_fd(), &mut chunk, Wait::Yes).unwrap();
            assert_eq!((received.length, received.truncated), (4, cut));
        }
        drop(theirs);
        assert_eq!(receive(ours.as_fd(), &mut chunk, Wait::Yes).unwrap().length, 0);
    }

    #[test]
    fn the_length_of_a_packet_is_known_before_it_is_taken() {
        let (ours, theirs) = packets();
        let length = |wait| next_packet_length(ours.as_fd(), wait);
        assert_eq!(length(Wait::No).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        let file = File::open("/dev/null").unwrap();
        let before = descriptors();
        for packet in [vec![7; 100_000], vec![8; 1]] {
            send(theirs.as_fd(), &packet, &[file.as_fd()], Wait::No).unwrap();
            for wait in [Wait::No, Wait::Yes] {
                assert_eq!(length(wait).unwrap(), packet.len());
                assert_eq!(descriptors(), before);
            }
            let mut chunk = vec![0; packet.len()];
            let received = receive(ours.as_fd(), &mut chunk, Wait::No).unwrap();
            assert!(received.length == packet.len() && !received.truncated);
            assert_eq!((chunk, received.descriptors.len()), (packet, 1));
        }
        drop(theirs);
        assert_eq!(length(Wait::Yes).unwrap(), 0);
    }

    #[test]
    fn a_full_socket_and_one_that_nobody_reads_are_errors() {
        let (ours, theirs) = packets();
        let full = loop {
            if let Err(error) = send(ours.as_fd(), &[0; 1000], &[], Wait::No) {
                break error;
            }
        };
        assert_eq!(full.kind(), io::ErrorKind::WouldBlock);
        drop(theirs);
        let nobody = send(ours.as_fd(), b"x", &[], Wait::Yes).unwrap_err();
        assert!(matches!(
            nobody.kind(),
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset
        ));
    }

    fn packets() -> (OwnedFd, OwnedFd) {
        socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap()
    }
}
