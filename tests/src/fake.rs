//! A daemon that does what a test says, for what only the module decides.

use std::fs::{Permissions, set_permissions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

use crate::{World, eventually};

/// In the place of `otrd`: it greets every module and does nothing by itself.
pub struct FakeOtrd {
    path: PathBuf,
    module: Arc<Mutex<Option<UnixStream>>>,
    answers: Arc<Mutex<Answers>>,
}

/// What is said to typed lines, and what was heard.
#[derive(Default)]
struct Answers {
    /// The effects of each typed line.
    effects: Option<Value>,
    /// The id of the latest.
    last: Option<Value>,
    /// It was told the network.
    network: bool,
}

impl FakeOtrd {
    /// Waits for modules.
    pub fn start(world: &World) -> Self {
        let path = world.directory("fake", None).join("shim.sock");
        let listener = UnixListener::bind(&path).expect("a socket");
        // ZNC runs as another user where we are root.
        set_permissions(&path, Permissions::from_mode(0o777)).expect("chmod");
        let module: Arc<Mutex<Option<UnixStream>>> = Arc::default();
        let answers: Arc<Mutex<Answers>> = Arc::default();
        {
            let (module, answers) = (Arc::clone(&module), Arc::clone(&answers));
            thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    let (module, answers) = (Arc::clone(&module), Arc::clone(&answers));
                    thread::spawn(move || serve(stream, &module, &answers));
                }
            });
        }
        Self { path, module, answers }
    }

    /// Answers what is typed from now on with these effects.
    pub fn answers_typed_lines(&self, effects: Value) {
        self.answers.lock().expect("answers").effects = Some(effects);
    }

    /// The id of the latest line that was typed.
    #[track_caller]
    pub fn last_typed(&self) -> Value {
        eventually("something was typed", || self.answers.lock().expect("answers").last.is_some());
        self.answers.lock().expect("answers").last.take().expect("an id")
    }

    /// Waits until whoever is connected has read the reply to hello, and said what network it is on.
    #[track_caller]
    pub fn knows_the_network(&self) {
        eventually("the network was told", || self.answers.lock().expect("answers").network);
    }

    /// Its socket for ZNC's module.
    pub fn shim_socket(&self) -> &Path {
        &self.path
    }

    /// Tells the module to do something that it did not ask for.
    #[track_caller]
    pub fn tells(&self, effects: Value) {
        eventually("a module is there", || self.module.lock().expect("module").is_some());
        let line = json!({"jsonrpc": "2.0", "method": "effects", "params": {"effects": effects}});
        let module = self.module.lock().expect("module");
        let mut module = module.as_ref().expect("a module");
        module.write_all(format!("{line}\n").as_bytes()).expect("the module reads");
    }

    /// The same, if a module is there just then.
    pub fn tries(&self, effects: Value) {
        let line = json!({"jsonrpc": "2.0", "method": "effects", "params": {"effects": effects}});
        if let Some(mut module) = self.module.lock().expect("module").as_ref() {
            // It may be gone by now.
            let _ = module.write_all(format!("{line}\n").as_bytes());
        }
    }
}

fn serve(stream: UnixStream, module: &Mutex<Option<UnixStream>>, answers: &Mutex<Answers>) {
    for line in BufReader::new(&stream).lines().map_while(Result::ok) {
        let Ok(request) = serde_json::from_str::<Value>(&line) else { return };
        let hello = request["method"] == "hello";
        let typed = request["method"] == "out";
        let effects = answers.lock().expect("answers").effects.clone().filter(|_| typed);
        if request["method"] == "network" {
            answers.lock().expect("answers").network = true;
        }
        if typed {
            answers.lock().expect("answers").last = Some(request["id"].clone());
        }
        let result = match hello {
            true => json!({"version": 1, "daemon": "0", "protect": [], "has": ["state"]}),
            false => json!({"effects": effects.unwrap_or(json!([]))}),
        };
        let reply = json!({"jsonrpc": "2.0", "result": result, "id": request["id"]});
        // In one write, for a test may tell the module something at the same time.
        if (&stream).write_all(format!("{reply}\n").as_bytes()).is_err() {
            return;
        }
        if hello {
            *module.lock().expect("module") = stream.try_clone().ok();
        }
    }
}
