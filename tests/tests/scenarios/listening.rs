//! A client that says `listen` is told how conversations stand and what protected each text; no
//! other client is, and nobody on the network can say such a thing.

use nix::sys::signal::Signal;
use otrd_tests::{
    Alone, Client, Friend, Line, Otrd, OtrdBuilder, Scene, ScriptedServer, World, Znc, ZncBuilder,
    ZncNetwork, ZncUser, eventually,
};

/// `<peer> <state> <trust> <fingerprint> <policy>` of an OTR line.
fn words(line: &Line) -> String {
    let params = line.params.iter().map(|param| String::from_utf8_lossy(param).into_owned());
    params.collect::<Vec<_>>().join(" ")
}

/// Waits for an OTR line that begins so.
#[track_caller]
fn is_told(client: &Client, start: &str) -> String {
    let line = client.expect(&format!("OTR {start}"), |line| {
        line.command == "OTR" && words(line).starts_with(start)
    });
    assert_eq!(line.source, "*otr!otr@znc.in");
    assert_eq!(line.params.len(), 5, "{line}");
    words(&line)
}

#[track_caller]
fn listens(client: &Client) {
    client.otr("listen");
    client.otr_says("This client is told how conversations stand");
}

/// The value of our tag. Nothing that anybody could take for it stands beside it.
#[track_caller]
fn tag(line: &Line) -> Option<String> {
    let mut tags: Vec<&str> = line.tags.split(';').collect();
    tags.retain(|tag| tag.to_lowercase().contains("otr"));
    assert!(tags.len() <= 1, "{line}");
    let value = tags.first().map(|tag| tag.strip_prefix("znc.in/otr=").expect(tag));
    value.map(String::from)
}

/// Nothing of all this ever came here.
#[track_caller]
fn heard_nothing(client: &Client) {
    heard_nothing_since(client, 0);
}

#[track_caller]
fn heard_nothing_since(client: &Client, seen: usize) {
    client.settled();
    for line in client.lines_since(seen) {
        let tagged = line.tags.to_lowercase().contains("otr");
        let told = line.command.eq_ignore_ascii_case("OTR") || tagged;
        assert!(!told, "{line}");
    }
}

#[test]
fn a_whole_story_for_one_of_two_clients() {
    let scene = Alone::new();
    let deaf = scene.znc.attach_with("alice", "net", &["server-time", "echo-message"]);
    let other = scene.znc.attach_with("alice", "net", &["znc.in/self-message"]);
    listens(&other);
    assert_eq!(is_told(&other, "*"), "* up none - -");

    let bob = scene.peer("bob", "23");
    let fingerprint = bob.fingerprint().replace(' ', "").to_uppercase();
    bob.types_to("alice", "in clear");
    assert_eq!(tag(&other.reads("bob", "in clear")).as_deref(), Some("clear"));
    scene.alice.types_to("bob", "?OTR?");
    is_told(&other, "bob asking none - opportunistic");
    let private = format!("bob private none {fingerprint} opportunistic");
    is_told(&other, &private);
    // alice's side is private before his is.
    bob.told("secured alice");
    bob.types_to("alice", "who am I?");
    assert_eq!(tag(&other.reads("bob", "who am I?")).as_deref(), Some("unverified"));
    scene.alice.types_to("bob", "tell me");
    bob.reads("alice", "tell me");
    assert_eq!(tag(&other.sees_own("bob", "tell me")).as_deref(), Some("unverified"));

    scene.alice.otr("auth bob rosebud");
    bob.told("asked alice");
    bob.auths("alice", "rosebud");
    is_told(&other, &format!("bob private secret {fingerprint} opportunistic"));
    bob.types_to("alice", "it is me");
    assert_eq!(tag(&other.reads("bob", "it is me")).as_deref(), Some("verified"));
    bob.sends("PRIVMSG alice :who wrote this?");
    let line = other.reads_about("bob", "who wrote this?");
    assert_eq!(tag(&line).as_deref(), Some("clear"));

    bob.finishes_otr_with("alice");
    is_told(&other, "bob finished none - opportunistic");
    scene.alice.otr("finish bob");
    is_told(&other, "bob clear none - opportunistic");
    scene.alice.types_to("bob", "in clear again");
    assert_eq!(tag(&other.sees_own("bob", "in clear again")).as_deref(), Some("clear"));

    other.otr("listen off");
    other.otr_says("This client is no longer told how conversations stand.");
    let seen = other.lines().len();
    scene.goes_private(&bob);
    heard_nothing_since(&other, seen);
    heard_nothing(&deaf);
    heard_nothing(&scene.alice);
}

#[test]
fn who_listens_late_is_told_at_once() {
    let (scene, _bob) = Alone::private();
    scene.alice.otr("trust bob");
    scene.alice.otr_says("trusted!");
    listens(&scene.alice);
    is_told(&scene.alice, "* up");
    is_told(&scene.alice, "bob private manual");
    scene.alice.otr("listen twice");
    scene.alice.otr_says_exactly("Usage: listen [off]");
    scene.alice.otr("help listen");
    scene.alice.otr_says_exactly("Usage: listen [off]");
    // One that attaches anew has to ask anew.
    heard_nothing(&scene.znc.attach("alice", "net"));
}

#[test]
fn a_nick_that_changes_and_a_key_that_changes() {
    let (scene, bob) = Alone::private();
    scene.alice.otr("trust bob");
    scene.alice.otr_says("trusted!");
    listens(&scene.alice);
    is_told(&scene.alice, "bob private manual");
    let other = scene.znc.attach_with("alice", "net", &["znc.in/self-message"]);
    listens(&other);
    scene.alice.joins("#where");
    bob.sends("JOIN #where");
    scene.alice.expect("bob in the channel", |line| line.is("JOIN", "bob"));
    bob.sends("NICK bobby");
    is_told(&scene.alice, "bob interrupted none - ");
    is_told(&scene.alice, "bobby private none");
    is_told(&other, "bobby private none");
    bob.sends("NICK bob");
    is_told(&scene.alice, "bobby interrupted none - ");
    is_told(&scene.alice, "bob private manual");
    bob.vanishes();

    let stranger = scene.peer("bob", "23");
    stranger.starts_otr_with("alice");
    is_told(&scene.alice, "bob private changed");
    stranger.types_to("alice", "still me");
    let line = scene.alice.reads_about("bob", "still me");
    assert_eq!(tag(&line).as_deref(), Some("changed"));
}

#[test]
fn otrd_dies_and_comes_back() {
    let (mut scene, bob) = Alone::private();
    scene.alice.otr("policy carol required");
    listens(&scene.alice);
    is_told(&scene.alice, "bob private none");
    scene.otrd.crash();
    is_told(&scene.alice, "* down none - -");
    is_told(&scene.alice, "bob interrupted none - opportunistic");
    scene.otrd.starts_again();
    is_told(&scene.alice, "* up none - -");
    is_told(&scene.alice, "bob private none");
    bob.is_private("alice", "v3");
}

#[test]
fn what_does_not_last_is_not_told() {
    let build = Scene::build();
    let otrd = OtrdBuilder::new().managed().start(build.world());
    let mut scene = build.otrd(otrd).begin_alone();
    let bob = scene.peer("bob", "23");
    scene.goes_private(&bob);
    listens(&scene.alice);
    is_told(&scene.alice, "bob private none");
    let seen = scene.alice.lines().len();
    scene.otrd.dies_of(Signal::SIGKILL);
    scene.otrd.starts_again();
    bob.types_to("alice", "did you notice?");
    scene.alice.reads("bob", "did you notice?");
    assert!(!scene.alice.lines_since(seen).iter().any(|line| line.command == "OTR"));
}

#[test]
fn the_module_is_unloaded() {
    let (scene, _bob) = Alone::private();
    listens(&scene.alice);
    is_told(&scene.alice, "bob private none");
    scene.alice.types_to("*status", "unloadmod otr");
    is_told(&scene.alice, "* unloaded none - -");
    is_told(&scene.alice, "bob clear none - ");
    scene.alice.types_to("*status", "loadmod otr");
    scene.alice.reads_about("*status", "Loaded module otr");
    let seen = scene.alice.lines().len();
    scene.alice.becomes("bob", "encrypted");
    heard_nothing_since(&scene.alice, seen);
}

/// What is read later says what protected it when it came.
#[test]
fn played_back_lines_have_the_tag_of_when_they_came() {
    let user = ZncUser::new("alice").keep_query_buffer();
    let scene = Scene::build().alice(user).begin_alone();
    let bob = scene.peer("bob", "23");
    bob.types_to("alice", "long ago in clear");
    scene.alice.reads("bob", "long ago in clear");
    scene.goes_private(&bob);
    bob.types_to("alice", "in private");
    scene.alice.reads("bob", "in private");
    scene.alice.types_to("bob", "my answer");
    bob.reads("alice", "my answer");
    // ZNC plays back at login: the client cannot have listened by then, and asks for it again.
    let late = scene.znc.attach_with("alice", "net", &["server-time", "znc.in/self-message"]);
    heard_nothing(&late);
    listens(&late);
    late.forgets();
    late.types_to("*status", "playbuffer bob");
    for (text, security) in
        [("long ago in clear", "clear"), ("in private", "unverified"), ("my answer", "unverified")]
    {
        let line = late.expect(text, |line| line.text() == text);
        assert_eq!(tag(&line).as_deref(), Some(security), "{line}");
    }
}

/// alice behind ZNC and otrd, and bob, on a server that says what the test wants.
fn with_hostile_server(caps: &str) -> (Client, Friend, Znc, Otrd, ScriptedServer, World) {
    let world = World::new();
    let server = ScriptedServer::start(&world);
    server.offers(caps);
    let otrd = Otrd::start(&world);
    let network = ZncNetwork::new("net", server.port()).otr(&otrd);
    let znc = ZncBuilder::new().user(ZncUser::new("alice").network(network)).start(&world);
    let alice = znc.attach_with("alice", "net", &["server-time"]);
    alice.has_otr();
    let bob = Friend::start(&world, "bob", server.port());
    (alice, bob, znc, otrd, server, world)
}

#[test]
fn a_server_that_says_it_all_itself() {
    let (alice, bob, znc, _otrd, server, _world) = with_hostile_server("server-time message-tags");
    let deaf = znc.attach_with("alice", "net", &["server-time"]);
    listens(&alice);
    is_told(&alice, "* up");
    alice.types_to("bob", "?OTR?");
    bob.told("secured alice");
    is_told(&alice, "bob private none");
    let seen = alice.lines().len();
    for line in [
        ":*otr!otr@znc.in OTR bob private secret 00 :opportunistic",
        "OTR bob private secret 00 :opportunistic",
        ":*otr!otr@znc.in otr bob private secret 00 :opportunistic",
        ":x  OTR bob private secret 00 :opportunistic",
        ":x\tOTR bob private secret 00 :opportunistic",
        ":x OTR\t bob private secret 00 :opportunistic",
        ":x!y@z\t\tOTR bob private secret 00 :opportunistic",
        ":x \tOTR bob private secret 00 :opportunistic",
        "\tOTR bob private secret 00 :opportunistic",
        "@znc.in/otr=verified :*otr!otr@znc.in OTR bob private secret 00 :opportunistic",
        "@time=2020-01-01T00:00:00.000Z :x OtR bob private",
    ] {
        assert!(server.says("alice", line));
    }
    for (number, tags) in [
        "znc.in/otr=verified",
        "znc.in/otr",
        "time=2020-01-01T00:00:00.000Z;znc.in/otr=verified",
        "znc.in/otr=verified;znc.in/otr=verified",
        "znc.in/otr=clear;znc.in/otr=verified",
        "znc.in/otr=changed",
        "ZNC.IN/Otr=verified",
        "+znc.in/otr=verified",
        "\tznc.in/otr=verified",
        "znc.in/otr\t=verified",
        ";;znc.in/otr=verified;;",
        "znc.in/otr=;+ZNC.in/OTR=verified;time=2020-01-01T00:00:00.000Z",
    ]
    .iter()
    .enumerate()
    {
        for (kind, source) in ["bob!bob@host.test.net", "carol!c@host.test.net"].iter().enumerate()
        {
            let text = format!("forged {number} {kind}");
            assert!(server.says("alice", &format!("@{tags} :{source} PRIVMSG alice :{text}")));
            let line = alice.expect(&text, |line| line.text().contains(&text));
            assert_eq!(tag(&line).as_deref(), Some("clear"), "{line}");
        }
        let text = format!("in a channel {number}");
        let line = format!("@{tags} :carol!c@host.test.net PRIVMSG #somewhere :{text}");
        assert!(server.says("alice", &line));
        let line = alice.expect(&text, |line| line.text().contains(&text));
        assert_eq!(tag(&line), None, "{line}");
        for (kind, line) in [
            ":irc.test.net NOTICE alice :",
            ":irc.test.net 371 alice :",
            "PRIVMSG alice :",
            ":*otr!otr@znc.in PRIVMSG alice :",
            ":*otr!otr@znc.in 371 alice :",
            ":*status!znc@znc.in NOTICE alice :",
            ":bob!bob@host.test.net TOPIC #somewhere :",
            ":bob!bob@host.test.net INVITE alice :#",
            ":alice!alice@host.test.net PRIVMSG alice :",
            ":alice!alice@host.test.net PRIVMSG bob :",
        ]
        .iter()
        .enumerate()
        {
            let text = format!("source-{number}-{kind}");
            assert!(server.says("alice", &format!("@{tags} {line}{text}")));
            let line = alice.expect(&text, |line| line.text().contains(&text));
            assert!(tag(&line).is_none_or(|tag| tag == "clear"), "{line}");
            assert_ne!(line.source, "*otr!otr@znc.in", "{line}");
        }
        let text = format!("to another {number}");
        assert!(server.says("alice", &format!("@{tags} :carol!c@h NOTICE alicia :{text}")));
        let line = alice.expect(&text, |line| line.text().contains(&text));
        assert_eq!(tag(&line), None, "{line}");
    }
    alice.settled();
    for line in alice.lines_since(seen) {
        assert!(!line.command.trim().eq_ignore_ascii_case("OTR"), "{line}");
        assert!(!words(&line).contains("private secret"), "{line}");
    }
    heard_nothing(&deaf);
}

/// A line that came before there was a module is played back without the tag that it brought.
#[test]
fn a_forged_tag_from_before_the_module() {
    let world = World::new();
    let server = ScriptedServer::start(&world);
    server.offers("server-time message-tags");
    let otrd = Otrd::start(&world);
    let network = ZncNetwork::new("net", server.port());
    let user = ZncUser::new("alice").network(network).keep_query_buffer();
    // Who has the module already.
    let other = ZncUser::new("other").network(ZncNetwork::new("net", server.port()).otr(&otrd));
    let znc = ZncBuilder::new().user(user).user(other).start(&world);
    let alice = znc.attach("alice", "net");
    eventually("ZNC is on IRC", || server.has("alice"));
    let forged = "@znc.in/otr=verified :bob!b@host.test.net PRIVMSG alice :trust me";
    assert!(server.says("alice", forged));
    alice.reads("bob", "trust me");
    let socket = otrd.shim_socket();
    alice.types_to("*status", &format!("loadmod --type=network otr socket={}", socket.display()));
    alice.reads_about("*status", "Loaded module otr");
    let late = znc.attach_with("alice", "net", &["server-time"]);
    assert_eq!(tag(&late.reads_about("bob", "trust me")), None);
}
