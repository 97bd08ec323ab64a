//! Chromium, driven by puppeteer in node, and plain HTTP beside it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::path::Path;

use serde_json::{Value, json};

use crate::process::Launch;
use crate::{PATIENCE, Process, World, Znc, eventually, leak_check};

/// A browser with one page. See `tests/node/browser.js`.
pub struct Browser {
    orders: TcpStream,
    answers: BufReader<TcpStream>,
    process: Process,
}

/// Closes the browser and waits for it: it is in a process group of its own.
impl Drop for Browser {
    fn drop(&mut self) {
        if self.orders.shutdown(Shutdown::Both).is_ok() && !std::thread::panicking() {
            self.process.ends_within(PATIENCE);
        }
    }
}

impl Browser {
    /// Starts it.
    #[track_caller]
    pub fn start(world: &World) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("node/browser.js");
        let installed = script.with_file_name("node_modules/puppeteer-core").exists();
        assert!(installed, "no puppeteer-core beside {}: run tests/setup first", script.display());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("its number").port();
        let profile = world.directory("browser", None);
        let mut process = Launch::new("browser", "node")
            .args([&script])
            .args([port.to_string(), profile.display().to_string()])
            .start(world);
        listener.set_nonblocking(true).expect("a listener that does not wait");
        let mut accepted = None;
        eventually("the browser connects", || {
            assert!(!process.has_ended(), "the browser has ended before it connected");
            accepted = listener.accept().ok();
            accepted.is_some()
        });
        let (orders, _) = accepted.expect("a connection");
        orders.set_nonblocking(false).expect("a connection that waits");
        orders.set_read_timeout(Some(PATIENCE * 2)).expect("timeout");
        let answers = BufReader::new(orders.try_clone().expect("dup"));
        let mut browser = Self { orders, answers, process };
        browser.answer("start");
        browser
    }

    /// `what` it was asked for, to tell where it says nothing.
    #[track_caller]
    fn answer(&mut self, what: &str) -> Value {
        let mut line = String::new();
        if let Err(error) = self.answers.read_line(&mut line) {
            panic!("the browser does not answer to {what}: {error}");
        }
        let mut answer: Value = serde_json::from_str(&line).expect("JSON of the browser");
        assert!(answer["error"].is_null(), "the browser, at {what}: {}", answer["error"]);
        answer["value"].take()
    }

    #[track_caller]
    fn order(&mut self, order: &Value) -> Value {
        writeln!(self.orders, "{order}").expect("the browser is there");
        self.answer(order["do"].as_str().unwrap_or_default())
    }

    /// From the next page on, pages may run scripts, or may not.
    pub fn runs_scripts(&mut self, on: bool) {
        self.order(&json!({"do": "script", "on": on}));
    }

    /// Makes its window this large.
    pub fn has_size(&mut self, width: u32, height: u32) {
        self.order(&json!({"do": "size", "width": width, "height": height}));
    }

    /// Opens a page.
    #[track_caller]
    pub fn opens(&mut self, url: &str) {
        self.order(&json!({"do": "open", "url": url}));
    }

    /// Logs in to ZNC.
    #[track_caller]
    pub fn logs_in(&mut self, znc: &Znc, user: &str) {
        self.opens(&format!("http://127.0.0.1:{}/", znc.port()));
        self.presses("form[action$='/login']", "", &[("user", user), ("pass", user)]);
    }

    /// Presses a button of one of these forms, with what is typed into its fields.
    #[track_caller]
    pub fn presses(&mut self, forms: &str, button: &str, fields: &[(&str, &str)]) {
        let fields: serde_json::Map<String, Value> = fields
            .iter()
            .inspect(|(name, text)| {
                if *name == "secret" {
                    leak_check::typed(text);
                }
            })
            .map(|(name, text)| ((*name).to_owned(), json!(text)))
            .collect();
        self.order(&json!({"do": "press", "form": forms, "button": button, "fields": fields}));
    }

    /// All that is to be read on the page.
    #[track_caller]
    pub fn text(&mut self) -> String {
        self.order(&json!({"do": "text"})).as_str().unwrap_or_default().to_owned()
    }

    /// Waits until the page shows this by itself.
    #[track_caller]
    pub fn shows(&mut self, text: &str) {
        eventually(&format!("the page shows {text:?}"), || self.text().contains(text));
    }

    /// Loads the page again until it shows this.
    #[track_caller]
    pub fn shows_when_loaded(&mut self, url: &str, text: &str) {
        eventually(&format!("the page shows {text:?}"), || {
            self.opens(url);
            self.text().contains(text)
        });
    }

    /// What an expression of JavaScript is worth on this page.
    #[track_caller]
    pub fn asks(&mut self, what: &str) -> Value {
        self.order(&json!({"do": "ask", "what": what}))
    }

    /// Takes a picture of the page, as high as it is.
    pub fn takes_picture(&mut self, path: &Path) {
        self.order(&json!({"do": "picture", "path": path, "whole": true}));
    }

    /// Takes a picture of what is seen of the page without scrolling.
    pub fn takes_picture_of_its_window(&mut self, path: &Path) {
        self.order(&json!({"do": "picture", "path": path, "whole": false}));
    }

    /// What a camera reads in a part of the page: a QR code.
    #[track_caller]
    pub fn reads_qr(&mut self, selector: &str) -> String {
        let text = self.order(&json!({"do": "qr", "selector": selector}));
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Fails where a page ran something else, asked another host, or broke its own policy.
    #[track_caller]
    pub fn saw_nothing_strange(&mut self) {
        let strange = self.order(&json!({"do": "strange"}));
        assert_eq!(strange, json!([]));
    }
}

/// A user of ZNC's web interface who may send anything.
pub struct Web {
    port: u16,
    cookie: String,
    token: String,
}

/// What ZNC answered.
pub struct Answer {
    /// The first line and the headers.
    pub head: String,
    /// What follows.
    pub body: String,
}

impl Answer {
    /// 200, 302, 403, 404 …
    pub fn status(&self) -> u32 {
        self.head.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or_default()
    }
}

impl Web {
    /// Nobody is logged in.
    pub fn stranger(znc: &Znc) -> Self {
        Self { port: znc.port(), cookie: String::new(), token: String::new() }
    }

    /// Logs in.
    #[track_caller]
    pub fn log_in(znc: &Znc, user: &str) -> Self {
        let mut web = Self::stranger(znc);
        let first = web.get("/");
        web.cookie = cookie(&first.head);
        let answer = web.post("/login", &format!("submitted=1&user={user}&pass={user}"));
        assert_eq!(answer.status(), 302, "{}", answer.head);
        web
    }

    /// Reads a page, and ZNC's token where there is one in it.
    #[track_caller]
    pub fn get(&mut self, path: &str) -> Answer {
        let answer = self.request(&format!("GET {path} HTTP/1.0\r\n{}\r\n", self.headers()));
        let token = answer.body.split_once("name=\"_CSRF_Check\" value=\"");
        if let Some((_, rest)) = token {
            rest.split('"').next().unwrap_or_default().clone_into(&mut self.token);
        }
        answer
    }

    /// Sends a form as it is.
    #[track_caller]
    pub fn post(&self, path: &str, form: &str) -> Answer {
        self.request(&format!(
            "POST {path} HTTP/1.0\r\n{}Content-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n\r\n{form}",
            self.headers(),
            form.len()
        ))
    }

    /// ZNC's token against forgery, of the page that was read last.
    pub fn token(&self) -> &str {
        &self.token
    }

    fn headers(&self) -> String {
        match self.cookie.is_empty() {
            true => String::from("Host: 127.0.0.1\r\n"),
            false => format!("Host: 127.0.0.1\r\nCookie: {}\r\n", self.cookie),
        }
    }

    #[track_caller]
    fn request(&self, request: &str) -> Answer {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).expect("ZNC");
        stream.write_all(request.as_bytes()).expect("a request");
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).expect("an answer of ZNC");
        let text = String::from_utf8_lossy(&bytes);
        let (head, body) = text.split_once("\r\n\r\n").expect("headers of ZNC");
        Answer { head: head.to_owned(), body: body.to_owned() }
    }
}

fn cookie(head: &str) -> String {
    let line = head.lines().find_map(|line| line.strip_prefix("Set-Cookie: ")).expect("a cookie");
    line.split(';').next().unwrap_or_default().to_owned()
}
