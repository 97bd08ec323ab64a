//! What a line to an IRC server may mean, as the most liberal server reads it. Written without a
//! look at the module, which must not leave out any of these readings.

/// One reading of one line: a command that carries words to people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The command in capitals.
    pub command: String,
    /// The targets as they were written, in order.
    pub targets: Vec<String>,
    /// Tags and source in front: words can be there, too.
    pub prefix: Vec<u8>,
    /// Everything behind the targets.
    pub words: Vec<u8>,
}

/// The commands that carry words to people.
const CARRIERS: [&str; 11] = [
    "PRIVMSG", "NOTICE", "CPRIVMSG", "CNOTICE", "TAGMSG", "SQUERY", "REDACT", "SCENE", "NPC",
    "NPCA", "KILL",
];

/// Signs in front of a target that mean "those with this rank" somewhere.
const RANKS: &[char] = &['~', '&', '@', '%', '+', '!'];

/// Of these, the ones that make it a channel where they come first.
const CHANNELS: &[char] = &['&', '!'];

impl Reading {
    /// All readings of what a client sent: CR, LF and NUL each may end a line.
    pub fn all(raw: &[u8]) -> Vec<Self> {
        raw.split(|byte| matches!(byte, b'\r' | b'\n' | 0)).filter_map(Self::one).collect()
    }

    fn one(raw: &[u8]) -> Option<Self> {
        let mut rest = trimmed(raw);
        let mut prefix = Vec::new();
        while let Some(b'@' | b':') = rest.first() {
            let (part, after) = word(rest);
            prefix.extend_from_slice(part);
            prefix.push(b' ');
            rest = after;
        }
        let (command, rest) = word(rest);
        let command = String::from_utf8_lossy(command).to_ascii_uppercase();
        if !CARRIERS.contains(&command.as_str()) {
            return None;
        }
        let (targets, rest) = word(rest.strip_prefix(b":").unwrap_or(rest));
        let words = rest.to_vec();
        let targets = String::from_utf8_lossy(targets);
        let targets = targets.split(',').filter(|one| !one.is_empty()).map(str::to_owned).collect();
        Some(Self { command, targets, prefix, words })
    }

    /// The words themselves, without the colon in front.
    pub fn text(&self) -> &[u8] {
        self.words.strip_prefix(b":").unwrap_or(&self.words)
    }
}

/// Every name by which a target may reach a person: nicks and user names, as they were written.
pub fn names(target: &str) -> Vec<String> {
    let mut found = Vec::new();
    // With and without signs of rank, however many: each may be part of a nick as well.
    let mut rest = target;
    loop {
        for ends in [&['!', '@', '%'][..], &['@'], &['!'], &['%'], &[]] {
            let name = rest.split(ends).next().unwrap_or_default();
            if !name.is_empty() && !found.iter().any(|known| known == name) {
                found.push(name.to_owned());
            }
        }
        match rest.strip_prefix(RANKS) {
            Some(shorter) if rest != target || !rest.starts_with(CHANNELS) => rest = shorter,
            _ => return found,
        }
    }
}

fn trimmed(raw: &[u8]) -> &[u8] {
    let blanks = raw.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    raw.get(blanks..).unwrap_or_default()
}

fn word(raw: &[u8]) -> (&[u8], &[u8]) {
    let end = raw.iter().position(|byte| matches!(byte, b' ' | b'\t')).unwrap_or(raw.len());
    let (word, rest) = raw.split_at(end);
    (word, trimmed(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(raw: &str) -> Vec<(String, Vec<String>)> {
        Reading::all(raw.as_bytes()).into_iter().map(|one| (one.command, one.targets)).collect()
    }

    #[test]
    fn a_line_is_read_in_every_spelling() {
        for raw in [
            "PRIVMSG bob :hi",
            "privmsg bob hi",
            "\tPRIVMSG bob :hi",
            " PRIVMSG\tbob :hi",
            "@a=b :alice!a@h PRIVMSG bob :hi",
            "PRIVMSG :bob hi",
            "WHO x\rPRIVMSG bob :hi",
        ] {
            assert_eq!(read(raw), [("PRIVMSG".into(), vec!["bob".into()])], "{raw:?}");
        }
        assert_eq!(read("CNOTICE bob,carol #c :hi")[0].1, ["bob", "carol"]);
        assert!(read("WHO bob :PRIVMSG").is_empty());
    }

    #[test]
    fn a_target_is_every_name_in_it() {
        for target in ["bob", "@bob", "~&bob", "bob!b@h", "bob@server", "bob%host@server", "+bob!x"]
        {
            assert!(names(target).contains(&"bob".to_owned()), "{target}: {:?}", names(target));
        }
        assert!(names("~idbob%host@server").contains(&"~idbob".to_owned()));
        assert!(names("bo%b").contains(&"bo%b".to_owned()));
        assert!(!names("bobby").contains(&"bob".to_owned()));
    }
}
