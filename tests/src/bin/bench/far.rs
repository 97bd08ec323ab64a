//! An IRC server for one user, which does next to nothing: in real life the server runs on
//! another machine and takes none of this one's time.

use std::net::{Ipv4Addr, TcpListener};

use otrd_tests::World;

use crate::conn::{Conn, word};

/// Where ZNC connects to.
pub struct Far {
    listener: TcpListener,
    port: u16,
}

impl Far {
    pub fn new(world: &World) -> Self {
        let port = world.port();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("our own port");
        Self { listener, port }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// ZNC's connection, once it has been welcomed.
    pub fn welcomes(&self) -> Conn {
        let mut conn = Conn::new(self.listener.accept().expect("ZNC's connection").0);
        let mut nick = String::new();
        conn.until("USER", |line| {
            if word(line, 0) == b"NICK" {
                nick = String::from_utf8_lossy(word(line, 1)).into_owned();
            }
            word(line, 0) == b"USER"
        });
        conn.send(&format!(
            ":far 001 {nick} :Welcome to the network {nick}!{nick}@127.0.0.1\r\n\
             :far 005 {nick} CASEMAPPING=ascii CHANTYPES=#& NICKLEN=30 :are supported\r\n\
             :far 376 {nick} :End of MOTD"
        ));
        conn
    }
}
