//! A screen that nobody sees, and a hand that types.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use otrd_tests::{Launch, Process, World, eventually};

/// An X server with one program on it.
pub struct Desktop {
    display: String,
    _program: Process,
    _bus: Process,
    _server: Process,
}

/// Who uses it where we are root: HexChat does not run for root, the bus not for an unknown user.
pub const SOMEBODY: u32 = 65_534;

impl Desktop {
    /// Starts a program in a home directory of its own.
    pub fn start(world: &World, home: &Path, program: &str, args: &[&str]) -> Self {
        let uid = World::has_other_users().then_some(SOMEBODY);
        let name = home.file_name().expect("a name").to_string_lossy().into_owned();
        let log = format!("xvfb-{name}");
        let server = Launch::new(&log, "Xvfb")
            .args(["-displayfd", "1", "-screen", "0", "1000x800x24", "-nolisten", "tcp"])
            .start(world);
        let number = || {
            let said = world.read_log(&log);
            said.lines().find_map(|line| line.trim().parse::<u32>().ok())
        };
        eventually("the X server runs", || number().is_some());
        let display = format!(":{}", number().expect("a number"));

        // Without a bus both programs ask for one in ways of their own.
        let socket = home.join("bus");
        let address = format!("unix:path={}", socket.display());
        let bus = Launch::new(&format!("dbus-{name}"), "dbus-daemon")
            .args(["--session", "--nofork", "--nopidfile", "--address"])
            .args([&address])
            .uid(uid)
            .start(world);
        eventually("the bus runs", || socket.exists());
        let program = Launch::new(&format!("{program}-{name}"), program)
            .args(args)
            .env("HOME", home)
            .env("DISPLAY", &display)
            .env("DBUS_SESSION_BUS_ADDRESS", &address)
            .uid(uid)
            .start(world);
        Self { display, _program: program, _bus: bus, _server: server }
    }

    /// Types a line into the window whose title has this in it, once it is there.
    #[track_caller]
    pub fn types(&self, window: &str, text: &str) {
        eventually(&format!("{text:?} is typed into {window:?}"), || {
            let Some(id) = self.window(window) else { return false };
            self.xdotool(&["windowfocus", "--sync", &id]).is_some()
                && self.xdotool(&["type", "--window", &id, text]).is_some()
                && self.xdotool(&["key", "--window", &id, "Return"]).is_some()
        });
    }

    fn window(&self, name: &str) -> Option<String> {
        let found = self.xdotool(&["search", "--onlyvisible", "--name", name])?;
        found.lines().last().map(str::to_owned)
    }

    fn xdotool(&self, words: &[&str]) -> Option<String> {
        let mut command = Command::new("timeout");
        command.args(["10", "xdotool"]).args(words).env("DISPLAY", &self.display);
        let output = command.output().expect("xdotool");
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// A home directory for the program's user.
pub fn home(world: &World, name: &str) -> std::path::PathBuf {
    let home = world.directory(name, World::has_other_users().then_some(SOMEBODY));
    std::fs::set_permissions(&home, Permissions::from_mode(0o700)).expect("chmod");
    home
}
