//! Where other programs keep their keys, and what they call the files.
//!
//! | program | directory | files |
//! |---|---|---|
//! | ZNC's old module | `users/USER/networks/NET/moddata/otr`, `users/USER/moddata/otr` | `otr.key` `otr.fp` `otr.instag` |
//! | irssi, HexChat | `otr` | the same |
//! | Pidgin, finch | `~/.purple` | `otr.private_key` `otr.fingerprints` `otr.instance_tags` |
//! | weechat's script | `otr` | `NICK@SERVER.key3` `NICK@SERVER.fpr` |
//! | Gajim's plugin | `~/.local/share/gajim` | `ACCOUNT.key3` `ACCOUNT.fpr` |
//! | BitlBee | `/var/lib/bitlbee` | `NICK.otr_keys` `NICK.otr_fprints` `NICK.otr_instags` |
//!
//! Nothing is parsed here: that is the worker's, which is confined.

use proto::account::Name;
use proto::bundle::File;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A program that has keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// ZNC with the module that ran inside of it.
    Znc,
    /// irssi with its OTR plugin.
    Irssi,
    /// weechat with its script.
    Weechat,
    /// Pidgin or finch.
    Purple,
    /// HexChat with its plugin.
    Hexchat,
    /// BitlBee. Most of its accounts are of other networks than IRC.
    Bitlbee,
    /// A program built on potr. weechat's script and Gajim's plugin call their files alike.
    Potr,
    /// Somebody who keeps libotr's files.
    Other,
}

impl Program {
    /// The program that `otrctl import` calls so, or `None`.
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word.to_ascii_lowercase().as_str() {
            "znc" => Self::Znc,
            "irssi" => Self::Irssi,
            "weechat" => Self::Weechat,
            "pidgin" | "finch" | "purple" => Self::Purple,
            "hexchat" => Self::Hexchat,
            "bitlbee" => Self::Bitlbee,
            _ => return None,
        })
    }

    /// The program as `otrctl import` calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Znc => "ZNC's old module",
            Self::Irssi => "irssi",
            Self::Weechat => "weechat",
            Self::Purple => "Pidgin or finch",
            Self::Hexchat => "HexChat",
            Self::Bitlbee => "BitlBee",
            Self::Potr => "weechat or Gajim",
            Self::Other => "libotr",
        }
    }

    /// Where it keeps its things, unless told otherwise.
    fn homes(self) -> Vec<PathBuf> {
        let variable = |name| std::env::var_os(name).map(PathBuf::from);
        let home = variable("HOME").unwrap_or_default();
        let config = variable("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config"));
        let data = variable("XDG_DATA_HOME").unwrap_or_else(|| home.join(".local/share"));
        match self {
            Self::Znc => vec![home.join(".znc")],
            Self::Irssi => vec![home.join(".irssi")],
            Self::Weechat => vec![home.join(".weechat"), data.join("weechat")],
            Self::Purple => vec![home.join(".purple")],
            Self::Hexchat => vec![config.join("hexchat")],
            Self::Bitlbee => vec!["/var/lib/bitlbee".into()],
            Self::Potr | Self::Other => Vec::new(),
        }
    }
}

/// The files of one account of a program.
#[derive(Clone, Debug)]
pub struct ForeignDir {
    /// The program that wrote the files.
    pub program: Program,
    /// The directory in which they are.
    pub directory: PathBuf,
    /// What each file is, and its path.
    pub files: Vec<(File, PathBuf)>,
    /// What the files are called by, where there are several accounts in a directory.
    pub from: Option<String>,
    /// The account of ours that it belongs to, where the place says so.
    pub account: Option<(Name, Name)>,
    /// The Unix user whose it is.
    pub uid: u32,
}

/// Every place at a path, or where the program keeps its things.
pub fn find(program: Option<Program>, path: Option<&Path>) -> Vec<ForeignDir> {
    let all = [
        Program::Znc,
        Program::Irssi,
        Program::Weechat,
        Program::Purple,
        Program::Hexchat,
        Program::Bitlbee,
    ];
    match (program, path) {
        (program, Some(path)) => at(path, program),
        (Some(program), None) => {
            program.homes().iter().flat_map(|p| at(p, Some(program))).collect()
        }
        (None, None) => {
            let homes = all.into_iter().flat_map(|p| p.homes().into_iter().map(move |h| (p, h)));
            homes.flat_map(|(program, home)| at(&home, Some(program))).collect()
        }
    }
}

/// What is at a path: a program's own directory, the one with the files in it, or one of them.
fn at(path: &Path, program: Option<Program>) -> Vec<ForeignDir> {
    let Ok(found) = fs::metadata(path) else { return Vec::new() };
    let (directory, only) = match found.is_dir() {
        true => (path, None),
        false => (path.parent().unwrap_or(Path::new(".")), Some(path)),
    };
    let Ok(owner) = fs::metadata(directory) else { return Vec::new() };
    let mut places = Vec::new();
    if only.is_none() && directory.join("users").is_dir() {
        places.extend(of_znc(directory));
    }
    for directory in [directory.to_path_buf(), directory.join("otr")] {
        let guess = program.unwrap_or_else(|| guess(&directory));
        places.extend(of_libotr(&directory, guess, ["otr.key", "otr.fp", "otr.instag"]));
        let purple = ["otr.private_key", "otr.fingerprints", "otr.instance_tags"];
        places.extend(of_libotr(&directory, Program::Purple, purple));
        let potr = match program.is_some_and(|program| program == Program::Weechat) {
            true => Program::Weechat,
            false => potr(&directory),
        };
        places.extend(of_names(&directory, potr, ["key3", "fpr", "-"]));
        let bitlbee = ["otr_keys", "otr_fprints", "otr_instags"];
        places.extend(of_names(&directory, Program::Bitlbee, bitlbee));
    }
    if let Some(only) = only {
        places.retain(|place| place.files.iter().any(|(_, path)| path == only));
    }
    for place in &mut places {
        place.uid = owner.uid();
        if place.account.is_none() && place.program == Program::Znc {
            place.account = znc_account(&place.directory);
        }
    }
    places
}

/// Every network of every user of a ZNC, with the key of the network or of its user.
fn of_znc(directory: &Path) -> Vec<ForeignDir> {
    let mut places = Vec::new();
    for user in directories(&directory.join("users")) {
        let of_user = of_moddata(&user);
        for network in directories(&user.join("networks")) {
            let Some(mut place) = of_moddata(&network).or_else(|| of_user.clone()) else {
                continue;
            };
            let name = |path: &Path| Name::new(path.file_name()?.to_str()?).ok();
            place.account = name(&user).zip(name(&network));
            places.push(place);
        }
    }
    places
}

fn of_moddata(directory: &Path) -> Option<ForeignDir> {
    let files = ["otr.key", "otr.fp", "otr.instag"];
    of_libotr(&directory.join("moddata/otr"), Program::Znc, files)
}

/// `…/users/USER/networks/NETWORK/moddata/otr`
fn znc_account(directory: &Path) -> Option<(Name, Name)> {
    let absolute = fs::canonicalize(directory).ok()?;
    let names: Vec<&str> = absolute.iter().rev().take(6).filter_map(|part| part.to_str()).collect();
    match names.as_slice() {
        ["otr", "moddata", network, "networks", user, "users"] => {
            Name::new(*user).ok().zip(Name::new(*network).ok())
        }
        _ => None,
    }
}

fn of_libotr(directory: &Path, program: Program, names: [&str; 3]) -> Option<ForeignDir> {
    let [key, prints, tags] = names.map(|name| directory.join(name));
    place(
        directory,
        program,
        [(File::Key, key), (File::Fingerprints, prints), (File::InstanceTags, tags)],
    )
}

fn place(directory: &Path, program: Program, files: [(File, PathBuf); 3]) -> Option<ForeignDir> {
    let files: Vec<_> = files.into_iter().filter(|(_, path)| path.is_file()).collect();
    // Instance tags alone are nothing to take over.
    if !files.iter().any(|(file, _)| *file != File::InstanceTags) {
        return None;
    }
    let directory = directory.to_path_buf();
    Some(ForeignDir { program, directory, files, from: None, account: None, uid: 0 })
}

/// Files that are called by the account.
fn of_names(directory: &Path, program: Program, endings: [&str; 3]) -> Vec<ForeignDir> {
    let mut names: Vec<String> = Vec::new();
    for path in entries(directory) {
        let ending = path.extension().and_then(|ending| ending.to_str());
        let name = path.file_stem().and_then(|name| name.to_str());
        if let (Some(ending), Some(name)) = (ending, name)
            && endings.contains(&ending)
        {
            names.push(name.to_owned());
        }
    }
    names.sort();
    names.dedup();
    let potr = matches!(program, Program::Weechat | Program::Potr);
    let key = if potr { File::WeechatKey } else { File::Key };
    let of_name = |name: String| {
        let file = |ending: &str| directory.join(format!("{name}.{ending}"));
        let [keys, prints, tags] = endings.map(file);
        let files = [(key, keys), (File::Fingerprints, prints), (File::InstanceTags, tags)];
        let mut place = place(directory, program, files)?;
        // BitlBee calls them by its own user, whose accounts are named in the file.
        place.from = potr.then_some(name);
        Some(place)
    };
    names.into_iter().filter_map(of_name).collect()
}

/// By its path, which program this is.
fn guess(directory: &Path) -> Program {
    let has = |word: &str| directory.iter().any(|part| part.to_string_lossy().contains(word));
    match () {
        () if has("moddata") => Program::Znc,
        () if has("irssi") => Program::Irssi,
        () if has("hexchat") => Program::Hexchat,
        () => Program::Other,
    }
}

fn potr(directory: &Path) -> Program {
    let weechat = directory.iter().any(|part| part.to_string_lossy().contains("weechat"));
    if weechat { Program::Weechat } else { Program::Potr }
}

/// A program at a path whose files have names that are not looked for, and the names of its keys
/// and fingerprints. Most of what they hold is of other networks than IRC.
pub fn unread(path: &Path) -> Option<[&'static str; 3]> {
    let directory = if path.is_dir() { path } else { path.parent()? };
    let programs =
        [["Kopete", "privkeys", "fingerprints"], ["profanity", "keys.txt", "fingerprints.txt"]];
    programs
        .into_iter()
        .find(|[_, key, prints]| directory.join(key).is_file() || directory.join(prints).is_file())
}

fn directories(path: &Path) -> Vec<PathBuf> {
    entries(path).into_iter().filter(|path| path.is_dir()).collect()
}

fn entries(path: &Path) -> Vec<PathBuf> {
    let Ok(found) = fs::read_dir(path) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = found.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for file in files {
            let path = directory.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        directory
    }

    fn found(root: &Path, path: &str, program: Option<Program>) -> Vec<String> {
        let describe = |place: ForeignDir| {
            let account = place.account.map(|(user, network)| format!("{user}/{network}"));
            let directory = place.directory.strip_prefix(root).unwrap().display().to_string();
            let files: Vec<_> = place.files.iter().map(|(file, _)| file.name()).collect();
            let from = place.from.or(account).unwrap_or_default();
            format!("{:?} {directory} {} {from}", place.program, files.join(","))
        };
        let mut found: Vec<_> = at(&root.join(path), program).into_iter().map(describe).collect();
        found.sort();
        found
    }

    #[test]
    fn a_whole_znc_has_a_place_for_each_network() {
        let tree = tree(&[
            "znc/configs/znc.conf",
            "znc/users/alice/networks/libera/moddata/otr/otr.key",
            "znc/users/alice/networks/libera/moddata/otr/otr.fp",
            "znc/users/alice/networks/oftc/moddata/log/x",
            "znc/users/bob/moddata/otr/otr.key",
            "znc/users/bob/moddata/otr/otr.instag",
            "znc/users/bob/networks/libera/x",
            "znc/users/bob/networks/oftc/x",
            "znc/users/carol/networks/libera/moddata/otr/otr.instag",
        ]);
        let all = [
            "Znc znc/users/alice/networks/libera/moddata/otr key,fp alice/libera",
            "Znc znc/users/bob/moddata/otr key,instag bob/libera",
            "Znc znc/users/bob/moddata/otr key,instag bob/oftc",
        ];
        assert_eq!(found(tree.path(), "znc", None), all);
        let one = "znc/users/alice/networks/libera/moddata/otr";
        assert_eq!(found(tree.path(), one, None), all[..1]);
        assert_eq!(found(tree.path(), &format!("{one}/otr.key"), None), all[..1]);
    }

    #[test]
    fn every_program_is_recognised_by_its_files() {
        let tree = tree(&[
            ".irssi/otr/otr.key",
            ".config/hexchat/otr/otr.fp",
            ".purple/otr.private_key",
            ".purple/otr.fingerprints",
            ".weechat/otr/alice@libera.key3",
            ".weechat/otr/alice@libera.fpr",
            ".weechat/otr/ally@oftc.key3",
            "bitlbee/alice.otr_keys",
            "bitlbee/alice.xml",
            "share/gajim/me@jabber.example.key3",
            "share/gajim/me@jabber.example.fpr",
            "kopete_otr/privkeys",
            "kopete_otr/fingerprints",
            "nothing/here",
        ]);
        let found = |path: &str| found(tree.path(), path, None);
        assert_eq!(found(".irssi"), ["Irssi .irssi/otr key "]);
        assert_eq!(found(".irssi/otr"), ["Irssi .irssi/otr key "]);
        assert_eq!(found(".config/hexchat"), ["Hexchat .config/hexchat/otr fp "]);
        assert_eq!(found(".purple"), ["Purple .purple key,fp "]);
        let weechat =
            ["Weechat .weechat/otr key3 ally@oftc", "Weechat .weechat/otr key3,fp alice@libera"];
        assert_eq!(found(".weechat"), weechat);
        assert_eq!(found(".weechat/otr/ally@oftc.key3"), weechat[..1]);
        assert_eq!(found("bitlbee"), ["Bitlbee bitlbee key "]);
        assert_eq!(found("share/gajim"), ["Potr share/gajim key3,fp me@jabber.example"]);
        assert!(found("nothing").is_empty() && found("nowhere").is_empty());
        assert!(found("kopete_otr").is_empty());
        let kopete = Some(["Kopete", "privkeys", "fingerprints"]);
        assert_eq!(unread(&tree.path().join("kopete_otr")), kopete);
        assert_eq!(unread(&tree.path().join("kopete_otr/privkeys")), kopete);
        assert_eq!(unread(&tree.path().join("nothing")), None);
    }
}
