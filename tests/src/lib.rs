//! End-to-end scenarios over the real programs.
//!
//! Every part of a scenario is the program that users run: an IRC server, ZNC, `otrd` and its
//! workers, irssi with its OTR plugin. The harness starts them in a temporary directory on
//! 127.0.0.1, ends them by pid, and gives them names that let a test read like a story:
//!
//! ```no_run
//! # use otrd_tests::Scene;
//! let scene = Scene::private();
//! scene.alice.types_to("bob", "hello bob");
//! scene.bob.reads("alice", "hello bob");
//! scene.wire.never_carried("hello bob");
//! ```
//!
//! [`Scene`] is the usual cast. The parts can also be put together one by one from a [`World`].
//! Nothing here sleeps for time: everything waits for an event, with a deadline.

#![forbid(unsafe_code)]

mod scene;
pub use scene::{Alone, Scene, SceneBuilder};

mod pair;
pub use pair::Pair;

mod world;
pub use world::World;

mod ircd;
pub use ircd::{Casemapping, Ircd};

mod scripted;
pub use scripted::{Received, ScriptedServer};

mod scripted_scene;
pub use scripted_scene::ScriptedScene;

mod reading;
pub use reading::{Reading, names};

mod wire;
pub use wire::{Gate, Way, Wire};

mod znc;
pub use znc::{Znc, ZncBuilder, ZncNetwork, ZncUser};

mod znc_modules;

mod client;
pub use client::Client;

mod columns;

mod tmux;
pub use tmux::Tmux;

mod irssi;
pub use irssi::Irssi;

mod node;
pub use node::NodePeer;

mod browser;
pub use browser::{Answer, Browser, Web};

mod friend;
pub use friend::Friend;

mod handle;
pub use handle::handle;

mod key;
pub use key::{holds, key_file, key_file_of, private_number, replaced};

mod crowd;
pub use crowd::{Couple, Crowd};

mod fake;
pub use fake::FakeOtrd;

mod lossy_proxy;
pub use lossy_proxy::LossyProxy;

pub mod programs;

mod manager;
pub use manager::Manager;

mod otrd;
pub use otrd::{Otrd, OtrdBuilder};

mod otrctl;
pub use otrctl::{Lines, Otrctl, Said};

mod terminal;
pub use terminal::Terminal;

mod rpc;
pub use rpc::Rpc;

mod table;
pub use table::{InfoRow, info_table};

mod line;
pub use line::Line;

mod inbox;
pub use inbox::{Inbox, PATIENCE};

mod pieces;

mod leak_check;

mod traced;
pub use traced::Traced;

mod memory;
pub use memory::{most_resident, times_in_memory};

mod process;
pub use process::{Launch, Process, children_of, eventually, nice_of};
