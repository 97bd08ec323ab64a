//! Which steps there are, at random: the same for the same number.

/// A small generator of numbers (splitmix64).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x6f74_7264)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound.max(1) as u64) as usize
    }

    fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

/// The sequence of this number.
pub fn sequence(seed: u64) -> Vec<String> {
    let mut random = Random::new(seed);
    let mut steps: Vec<String> = Vec::new();
    if random.chance(12) {
        steps.push("slow".into());
    }
    if random.chance(20) {
        steps.push(format!("casemapping {}", random.of(&["ascii", "rfc7613", "rfc1459"])));
    }
    // Restarts take seconds.
    let disasters = random.chance(12);
    if random.chance(70) {
        steps.push(random.of(&["otr start bob", "bob starts"]).into());
        steps.push("rest".into());
    }
    for _ in 0..4 + random.below(14) {
        let step = step(&mut random, disasters);
        steps.push(step);
        if random.chance(70) {
            steps.push("rest".into());
        }
    }
    steps
}

fn step(random: &mut Random, disasters: bool) -> String {
    match random.below(100) {
        0..40 => typed(random),
        40..48 => command(random),
        48..60 => person(random),
        60..68 => forged(random),
        68..76 => server(random),
        76..84 => module(random),
        84..88 => random.of(&["freeze", "thaw", "thaw"]).into(),
        88..90 => format!("flood {}", 3 + random.below(12)),
        90..93 => random.of(&["hangup", "jump", "cycle"]).into(),
        93..95 => random.of(&["unload", "load", "reload", "move"]).into(),
        _ if disasters => random
            .of(&[
                "kill worker",
                "restart otrd",
                "crash otrd",
                "restart znc",
                "crash znc",
                "cut registry 0",
                "cut registry 50",
                "cut registry 95",
                "lose registry",
                "remove conversations",
                "remove account",
                "forget-account",
                "unload",
                "load",
                "reload",
                "move",
            ])
            .into(),
        _ => typed(random),
    }
}

fn typed(random: &mut Random) -> String {
    let client = random.of(&["c0", "c0", "c0", "c1"]);
    let target = target(random);
    let text = random.of(&[
        "{t}",
        "{t}",
        "{t}",
        "{t} ?OTRv23?",
        "\x01ACTION {t}\x01",
        "\x01PING {t}\x01",
        "?OTR {t}",
    ]);
    if random.chance(55) {
        return format!("{client} PRIVMSG {target} :{text}");
    }
    let line = match random.below(12) {
        0 => format!("privmsg {target} :{text}"),
        1 => format!("NOTICE {target} :{text}"),
        2 => format!("CPRIVMSG {target} #room :{text}"),
        3 => format!("CNOTICE {target} #room :{text}"),
        4 => format!("\tPRIVMSG {target} :{text}"),
        5 => format!("@+a=b PRIVMSG {target} :{text}"),
        6 => format!(" PRIVMSG {target} :{text}"),
        7 => format!("@+draft/reply={{t}} TAGMSG {target}"),
        8 => format!("PRIVMSG {target} {{t}}"),
        9 => format!("REDACT {target} id :{text}"),
        10 => format!("SCENE {target} :{text}"),
        _ => format!(":{target} PRIVMSG {target} :{text}"),
    };
    format!("{client} {line}")
}

fn target(random: &mut Random) -> String {
    let name = random.of(&["bob", "bob", "bob", "bob", "carol", "mallory", "robert", "bobby"]);
    if random.chance(55) {
        return name.into();
    }
    match random.below(20) {
        0 => name.to_uppercase(),
        1 => format!("{name}!~id{name}@host.{name}"),
        2 => format!("{name}@irc.test.net"),
        3 => format!("{name}%host.{name}"),
        4 => format!("@{name}"),
        5 => format!("+{name}"),
        6 => format!("~id{name}"),
        7 => format!("~id{name}@irc.test.net"),
        8 => format!("~id{name}%host.{name}@irc.test.net"),
        9 => format!("{name},carol"),
        10 => format!("carol,{name}"),
        11 => name.chars().filter_map(|c| char::from_u32(c as u32 + 0xfee0)).collect(),
        12 => "Q@CServe.quakenet.org".into(),
        13 => "bob@channels.undernet.org".into(),
        14 => "#room".into(),
        15 => "#trap".into(),
        16 => random
            .of(&[
                "$trap",
                "@trap",
                "bo%b",
                "bo!b",
                "carol@irc.test.net",
                "trap",
                "trap,bobby",
                "trap",
            ])
            .into(),
        17 => format!("~&@%+{name}"),
        18 => "{me}".into(),
        _ => "NickServ".into(),
    }
}

fn command(random: &mut Random) -> String {
    let nick = random.of(&["bob", "bob", "carol", "mallory", "robert"]);
    match random.below(12) {
        0..3 => format!("otr start {nick}"),
        3..5 => format!("otr finish {nick}"),
        5 => "otr finish --all".into(),
        6 => format!("otr ignore {nick}"),
        7 => format!("otr policy {nick} never"),
        8 => format!("otr policy {nick} required"),
        9 => format!(
            "otr policy {} {}",
            random.of(&["*", "carol"]),
            random.of(&["required", "required", "opportunistic"])
        ),
        10 => format!("otr refresh {nick}"),
        _ => random
            .of(&[
                "otr genkey --overwrite",
                "otr info",
                "otr status",
                "otr trust bob",
                "otr finish bob",
            ])
            .into(),
    }
}

fn person(random: &mut Random) -> String {
    let who = random.of(&["bob", "bob", "bob", "mallory", "carol"]);
    match random.below(16) {
        0..3 => format!("{who} says {{t}}"),
        3 => format!("{who} acts {{t}}"),
        4..6 => format!("{who} clear {{t}}"),
        6..8 => format!("{who} starts"),
        8 => format!("{who} finishes"),
        9..12 => format!(
            "{who} nick {}",
            random.of(&["bob", "robert", "bobby", "Bob", "bob_", "carola"])
        ),
        12 => format!("{who} quits"),
        13 => format!("{who} joins"),
        14 => format!("{who} restarts"),
        _ => format!("{who} replays {}", random.of(&["1", "3", "60"])),
    }
}

fn forged(random: &mut Random) -> String {
    let long = "h".repeat(500);
    match random.below(20) {
        0 => "server :bob PRIVMSG {me} :{t}".into(),
        1 => "server :bob@host.bob PRIVMSG {me} :{t}".into(),
        2 => "server :bob!~idbob@host.bob PRIVMSG alicia :{t}".into(),
        3 => "server :bob!~idbob@host.bob PRIVMSG {me},{me} :{t}".into(),
        4 => "server :bob!~idbob@host.bob PRIVMSG {me}!a@b :{t}".into(),
        5 => "server :bob!~idbob@host.bob PRIVMSG $$* :{t}".into(),
        6 => "server :bob!~idbob@host.bob NOTICE * :{t}".into(),
        7 => format!("server :bob!~idbob@{long} PRIVMSG {{me}} :{{t}}"),
        8 => "server :*otr!znc@znc.in PRIVMSG {me} :{t} [carol] The conversation is private now (OTRv3).".into(),
        9 => "server :*status!znc@znc.in PRIVMSG {me} :{t}".into(),
        10 => "server :*otr NOTICE {me} :{t}".into(),
        11 => "server :*otr@znc.in PRIVMSG {me} :{t}".into(),
        12 => "server :bob!~idbob@host.bob PRIVMSG {me} :\x01ACTION {t}\x01".into(),
        // Blanks where ZNC and clients read something else.
        13 => "server  :bob!~idbob@host.bob PRIVMSG {me} :{t}".into(),
        14 => "server : :bob!~idbob@host.bob PRIVMSG {me} :{t}".into(),
        15 => "server  :*otr!znc@znc.in PRIVMSG {me} :{t} [carol] The conversation is private now (OTRv3).".into(),
        16 => "server \t:bob!~idbob@host.bob PRIVMSG {me} :{t}".into(),
        17 => "server :bob!~idbob@host.bob PRIVMSG x#room :{t}".into(),
        18 => "server :bob!~idbob@host.bob PRIVMSG @#room :{t}".into(),
        _ => "server :BOB!x@y NOTICE {me} :{t}".into(),
    }
}

fn server(random: &mut Random) -> String {
    let trap = random.of(&[
        "#trap",
        "$trap",
        "@trap",
        "bo%b",
        "bo!b",
        "carol@irc.test.net",
        "{me}",
        "trap,bobby",
        ":trap carola",
        ":bob!b@h PRIVMSG {me} :[OTR] forged",
    ]);
    match random.below(18) {
        0 => "server :irc.test.net 005 {me} CHANTYPES=#&b :are supported".into(),
        1 => "server :irc.test.net 005 {me} STATUSMSG=bo :are supported".into(),
        2 => "server :irc.test.net 005 {me} CASEMAPPING=ascii :are supported".into(),
        3 => "server :irc.test.net 005 {me} CASEMAPPING=rfc7613 :are supported".into(),
        4 => "server :irc.test.net 005 {me} LINELEN=99999 CHANTYPES= :are supported".into(),
        5 => "server :{me}!x@y NICK bob".into(),
        6 => format!("server :{{me}}!x@y NICK {}", random.of(&["{user}", ":{me} :forged"])),
        7..10 => format!("server :bob!~idbob@host.bob NICK {trap}"),
        10 => "server :{me}!x@y CHGHOST ident other.host".into(),
        11 => "server :irc.test.net 396 {me} other.host :is now your host".into(),
        12 => "server :irc.test.net 433 * {me} :in use".into(),
        13 => "server :irc.test.net 001 bob :Welcome".into(),
        14 => "nicks 200".into(),
        15 => "server  :bob!~idbob@host.bob NICK trap".into(),
        16 => "server :bob@host.bob NICK trap".into(),
        _ => "server :irc.test.net 352 {me} * longident longhost irc.test.net {me} H :0 x".into(),
    }
}

fn module(random: &mut Random) -> String {
    let target = target(random);
    match random.below(6) {
        0 => format!("module send_raw server {{user}} {{net}} NOTICE {target} :{{t}}"),
        1 => format!("module send_raw server {{user}} {{net}} CPRIVMSG {target} #room :{{t}}"),
        2 => format!("module send_raw server {{user}} {{net}} \tPRIVMSG {target} :{{t}}"),
        3 => format!("module perform add PRIVMSG {target} :{{t}}"),
        _ => format!("module send_raw server {{user}} {{net}} PRIVMSG {target} :{{t}}"),
    }
}
