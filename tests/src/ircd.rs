//! IRC servers: ngIRCd for speed, InspIRCd where trailing blanks or case mapping matter.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::Command;

use crate::process::Launch;
use crate::{Client, Process, World, eventually};

/// A server in the foreground, without flood limits, DNS and ident.
pub struct Ircd {
    port: u16,
    process: Process,
    world: World,
}

/// Which letters are the same letter in a nick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Casemapping {
    /// `A` and `a`.
    Ascii,
    /// Also `[]\` and `{}|`.
    Rfc1459,
}

/// The user that servers run as where we are root.
const NOBODY: u32 = 65534;

impl Ircd {
    /// ngIRCd. It strips trailing blanks, and so the whitespace tag of OTR.
    pub fn ngircd(world: &World) -> Self {
        let port = world.port();
        let uid = World::has_other_users().then_some(NOBODY);
        let dir = world.directory(&format!("ngircd-{port}"), uid);
        let config = dir.join("ngircd.conf");
        let text = format!(
            "[Global]\n\
             Name = irc.test.net\n\
             Info = a server for tests\n\
             AdminInfo1 = tests\n\
             AdminEMail = root@localhost\n\
             Listen = 127.0.0.1\n\
             Ports = {port}\n\
             MotdPhrase = welcome\n\
             [Limits]\n\
             MaxConnections = 0\n\
             MaxConnectionsIP = 0\n\
             MaxJoins = 0\n\
             MaxNickLength = 30\n\
             MaxPenaltyTime = 0\n\
             PingTimeout = 600\n\
             [Options]\n\
             DNS = no\n\
             Ident = no\n\
             PAM = no\n\
             IncludeDir = {dir}\n",
            dir = dir.join("none").display(),
        );
        world.directory(&format!("ngircd-{port}/none"), uid);
        world.file(&config, text, uid);
        let launch = Launch::new("ngircd", "ngircd").args(["-n", "-f"]).args([&config]).uid(uid);
        Self::when_ready(world, launch, port)
    }

    /// InspIRCd. It keeps trailing blanks, and its case mapping can be chosen.
    pub fn inspircd(world: &World, casemapping: Casemapping) -> Self {
        let port = world.port();
        let uid = World::has_other_users().then_some(NOBODY);
        let dir = world.directory(&format!("inspircd-{port}"), uid);
        let mapping = match casemapping {
            Casemapping::Ascii => "ascii",
            Casemapping::Rfc1459 => "rfc1459",
        };
        let here = dir.display();
        let text = format!(
            r#"
<server name="irc.test.net" description="a server for tests" network="test">
<admin name="tests" nick="root" email="root@localhost">
<bind address="127.0.0.1" port="{port}" type="clients">
<path configdir="{here}" datadir="{here}" logdir="{here}" runtimedir="{here}">
<connect allow="*" timeout="60" pingfreq="600" threshold="100000" commandrate="1000000"
         fakelag="no" recvq="1048576" softsendq="1048576" hardsendq="4194304"
         localmax="1000" globalmax="1000" maxconnwarn="no" resolvehostnames="no" maxchans="100">
<options casemapping="{mapping}">
<performance softlimit="1024" somaxconn="128">
<limits maxnick="30" maxuser="11" maxhost="64" maxline="512">
<security maxtargets="20">
<log method="file" type="* -USERINPUT -USEROUTPUT" level="default" target="inspircd.log">
{codepage}
"#,
            codepage = Self::codepage(casemapping),
        );
        let config = dir.join("inspircd.conf");
        world.file(&config, text, uid);
        let mut launch =
            Launch::new("inspircd", "inspircd").args(["--nofork", "--nopid", "--config"]);
        launch = launch.args([&config]).uid(uid);
        Self::when_ready(world, launch, port)
    }

    /// From version 4 on, any case mapping but ASCII is a module's, letter by letter.
    fn codepage(casemapping: Casemapping) -> String {
        let version = Command::new("inspircd").arg("--version").output().expect("inspircd");
        let is_3 = String::from_utf8_lossy(&version.stdout).starts_with("InspIRCd-3.");
        if is_3 || casemapping == Casemapping::Ascii {
            return String::new();
        }
        let letters = (b'A'..=b'^')
            .map(|upper| format!("<cpcase lower=\"{}\" upper=\"{upper}\">\n", upper + 32));
        format!(
            "<module name=\"codepage\">\n\
             <codepage name=\"rfc1459\">\n\
             <cpchars index=\"45\">\n\
             <cpchars begin=\"48\" end=\"57\">\n\
             <cpchars begin=\"65\" end=\"125\" front=\"yes\">\n\
             {}",
            letters.collect::<String>()
        )
    }

    fn when_ready(world: &World, launch: Launch, port: u16) -> Self {
        let mut process = launch.start(world);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        eventually("the IRC server accepts", || {
            assert!(!process.has_ended(), "the IRC server ended at once");
            TcpStream::connect(address).is_ok()
        });
        Self { port, process, world: world.clone() }
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its process.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// A plain client of this server, without any OTR.
    pub fn client(&self, nick: &str) -> Client {
        Client::of_server(&self.world, self.port, nick)
    }
}
