//! `import`, `export` and `forget-account`: keys in and out. The files go to the worker and come
//! from it in a memory file, past the front.

use crate::accounts::select;
use crate::args::Args;
use crate::args::{Export, ForgetAccount, Import};
use crate::client::Client;
use crate::failure::Failure;
use crate::foreign_dirs::{self, ForeignDir, Program};
use crate::outcome::{self, Exports, ForgottenAccount, Imports, OneImport};
use crate::{prompt, render, terminal};
use nix::fcntl::OFlag;
use nix::sys::memfd::{MFdFlags, memfd_create};
use proto::account::Account;
use proto::admin::Selector;
use proto::admin::import_export::{Exported, Forget, Forgotten, Imported, KeyOutcome, Order};
use proto::bundle;
use proto::irc::Text;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// `import`
pub fn import(args: &Args, wish: &Import, client: &mut Client) -> Result<String, Failure> {
    let places = find(wish)?;
    let mut planned = Vec::new();
    for place in &places {
        planned.push((place, destination(args, client, place)?));
    }
    let mut imports = Vec::new();
    for (place, account) in &planned {
        imports.push(one(client, place, account, &order(wish, true))?);
    }
    let needs_overwrite = |one: &OneImport| one.result.key == KeyOutcome::Replaced;
    if !wish.overwrite && imports.iter().any(needs_overwrite) && !wish.dry_run {
        let shown = outcome::imports(&Imports { imports, done: false });
        let text = format!(
            "{}nothing was taken over, for another key is there: --overwrite replaces it, and \
             keeps it under a dated name",
            shown
        );
        return Err(Failure::Refused(text));
    }
    let mut done = !wish.dry_run;
    if done && !wish.yes && prompt::somebody_is_there() {
        eprint!("{}", terminal::safe(&outcome::imports(&Imports { imports, done: false })));
        done = prompt::yes("Take this over?")?;
        imports = Vec::new();
        // The person may have taken long.
        client.again()?;
    }
    if done {
        imports.clear();
        for (place, account) in &planned {
            imports.push(one(client, place, account, &order(wish, false))?);
        }
    }
    render::render(args.json, &Imports { imports, done }, outcome::imports)
}

fn find(wish: &Import) -> Result<Vec<ForeignDir>, Failure> {
    let (program, path) = match wish.what.as_slice() {
        [] => (None, None),
        [one] => match one.to_str().and_then(Program::parse) {
            Some(program) if !one.exists() => (Some(program), None),
            _ => (None, Some(one)),
        },
        [program, path] => {
            let word = program.to_str().unwrap_or_default();
            let hint = "import: give a program (znc, irssi, weechat, pidgin, finch, hexchat, \
                        bitlbee), then a path";
            let program = Program::parse(word).ok_or_else(|| Failure::Usage(hint.into()))?;
            (Some(program), Some(path))
        }
        _ => return Err(Failure::Usage("import: give a program and a path, no more".into())),
    };
    let mut places = foreign_dirs::find(program, path.map(PathBuf::as_path));
    if let Some(from) = &wish.from {
        // weechat and Gajim have files for each account, called by a name of their own, which
        // may be another one than the account's.
        if places.iter().any(|place| place.from.as_ref() == Some(from)) {
            places.retain(|place| place.from.as_ref().is_none_or(|name| name == from));
        }
    }
    match (places.len(), path) {
        (0, Some(path)) => {
            let shown = terminal::name(path);
            Err(Failure::NoInput(match foreign_dirs::unread(path) {
                Some([program, key, prints]) => format!(
                    "the files of {program} at {shown} are not read: copy {key} to otr.key and \
                     {prints} to otr.fp, and give the directory with these two"
                ),
                None => format!(
                    "no keys of a program that is known at {shown}: give the directory with \
                     otr.key and otr.fp in it"
                ),
            }))
        }
        (0, None) => {
            let text = "no keys of another program were found here: say where they are";
            Err(Failure::NoInput(text.into()))
        }
        (2.., _) if !wish.all => Err(Failure::Usage(several(&places))),
        _ => Ok(places),
    }
}

fn several(places: &[ForeignDir]) -> String {
    let mut text = String::from(
        "several accounts were found: name one of these directories, one of the files of \
         weechat's script, or a ZNC whole with --all",
    );
    for place in places {
        let what = place
            .from
            .clone()
            .or_else(|| place.account.as_ref().map(|(user, network)| format!("{user}/{network}")));
        let (program, path) = (place.program.name(), terminal::name(&place.directory));
        let what = what.map(|what| terminal::word(&what));
        text.push_str(&format!("\n  {path} ({program}) {}", what.unwrap_or_default()));
    }
    text
}

/// The name of a file does not say whose the key in it is: only the person does.
fn order(wish: &Import, check: bool) -> Order {
    let from = wish.from.as_deref().map(Text::from);
    Order { from, overwrite: wish.overwrite, check }
}

/// The account that takes a place's files. It need not be there yet.
fn destination(args: &Args, client: &mut Client, place: &ForeignDir) -> Result<Account, Failure> {
    let named = args.account()?;
    match named.or_else(|| place.account.clone()) {
        Some((user, network)) => {
            let uid = args.uid.or_else(|| owner_for_root(place));
            let known = select(client, Some((user.clone(), network.clone())), uid);
            if let Ok(Selector { uid: Some(uid), user, network }) = known {
                return Ok(Account { uid, user, network });
            }
            // Not there yet: whoever owns the files runs the program.
            Ok(Account { uid: args.uid.unwrap_or(place.uid), user, network })
        }
        None => {
            let uid = args.uid.or_else(|| owner_for_root(place));
            let Selector { uid, user, network } =
                select(client, None, uid).map_err(|failure| match (failure, args.uid, uid) {
                    (Failure::NoAccount(_), None, Some(owner)) => Failure::NoAccount(format!(
                        "uid {owner}, whose files these are, has no account: give --uid and -a \
                         where another one's is meant"
                    )),
                    (failure, ..) => failure,
                })?;
            Ok(Account { uid: uid.unwrap_or(place.uid), user, network })
        }
    }
}

/// Root, who may name everybody's accounts, means those of the files' owner unless told otherwise:
/// what somebody calls their directories must not choose the account.
fn owner_for_root(place: &ForeignDir) -> Option<u32> {
    nix::unistd::geteuid().is_root().then_some(place.uid)
}

fn one(
    client: &mut Client,
    place: &ForeignDir,
    account: &Account,
    order: &Order,
) -> Result<OneImport, Failure> {
    let files = memory_file()?;
    fill(&files, place, account)?;
    let import =
        proto::admin::import_export::Import { account: selector(account), order: order.clone() };
    let result: Imported = client.ask_with("import", &import, &files)?;
    let (program, path) = (place.program.name(), place.directory.clone());
    Ok(OneImport { program, path, account: account.clone(), result })
}

fn fill(mut out: &File, place: &ForeignDir, account: &Account) -> Result<(), Failure> {
    let mut contents = Vec::new();
    let mut room = bundle::MAX;
    for (file, path) in &place.files {
        let content = read(path, place, account, room).map_err(|error| {
            Failure::NoInput(format!("cannot read {}: {error}", terminal::name(path)))
        })?;
        room -= content.len();
        contents.push((*file, content));
    }
    let files: Vec<_> =
        contents.iter().map(|(file, content)| (*file, content.as_slice())).collect();
    let mut bytes = Zeroizing::new(Vec::with_capacity(bundle::room(&files)));
    bundle::write(&files, &mut bytes);
    out.write_all(&bytes).map_err(|error| no_memory(&error))
}

/// Reads one file. Root may be asked to take over what belongs to somebody else: a link that
/// leads to a third one's keys is not followed.
fn read(
    path: &Path,
    place: &ForeignDir,
    account: &Account,
    room: usize,
) -> io::Result<Zeroizing<Vec<u8>>> {
    let flags = (OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC).bits();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let found = file.metadata()?;
    if !found.is_file() {
        return Err(io::Error::other("no plain file"));
    }
    if ![place.uid, account.uid].contains(&found.uid()) {
        let uid = found.uid();
        return Err(io::Error::other(format!("it belongs to another user (uid {uid}): chown it")));
    }
    let length = usize::try_from(found.len()).unwrap_or(usize::MAX);
    if length > room {
        return Err(io::Error::other("over 8 MiB"));
    }
    let mut content = Zeroizing::new(Vec::with_capacity(length + 1));
    file.take(room as u64).read_to_end(&mut content)?;
    Ok(content)
}

/// `export`
pub fn export(args: &Args, wish: &Export, client: &mut Client) -> Result<String, Failure> {
    let account = selected(args, client)?;
    let mut files = memory_file()?;
    let export = proto::admin::import_export::Export { account: selector(&account) };
    let result: Exported = client.ask_with("export", &export, &files)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(
        files.metadata().map_or(0, |found| usize::try_from(found.len()).unwrap_or(0)) + 1,
    ));
    files.rewind().and_then(|()| files.read_to_end(&mut bytes)).map_err(|e| no_memory(&e))?;
    let newer =
        |_| Failure::Internal("the files are of another version of otrd: update otrctl".into());
    let contents = bundle::read(&bytes).map_err(newer)?;
    let directory = std::path::absolute(&wish.directory).unwrap_or(wish.directory.clone());
    let cannot = |error| {
        let path = terminal::name(&directory);
        Failure::NoOutput(format!("cannot write to {path}: {error}"))
    };
    DirBuilder::new().recursive(true).mode(0o700).create(&directory).map_err(cannot)?;
    let mut names = Vec::new();
    for (file, content) in contents {
        let name = match file {
            bundle::File::Key => "otr.key",
            bundle::File::WeechatKey => continue,
            bundle::File::Fingerprints => "otr.fp",
            bundle::File::InstanceTags => "otr.instag",
        };
        write(&directory.join(name), content, wish.overwrite)?;
        names.push(name);
    }
    let exports = Exports { account, directory, files: names, result };
    render::render(args.json, &exports, outcome::exports)
}

fn write(path: &Path, content: &[u8], overwrite: bool) -> Result<(), Failure> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists => Failure::NoOutput(format!(
            "{} is there already: --overwrite replaces it",
            terminal::name(path)
        )),
        _ => Failure::NoOutput(format!("cannot write {}: {error}", terminal::name(path))),
    };
    // Whole or not at all, and never through somebody's link.
    let new = path.with_extension("new");
    let target = if overwrite { &new } else { path };
    if overwrite {
        let _ = fs::remove_file(&new);
    }
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(target).map_err(failed)?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(failed)?;
    if overwrite { fs::rename(&new, path).map_err(failed) } else { Ok(()) }
}

/// `forget-account`
pub fn forget(args: &Args, wish: &ForgetAccount, client: &mut Client) -> Result<String, Failure> {
    let account = selected(args, client)?;
    let name = format!("{}/{} of uid {}", account.user, account.network, account.uid);
    if !wish.yes {
        let what = if wish.remove { "Remove" } else { "Set aside" };
        if !prompt::somebody_is_there() {
            let text = "forget-account: give --yes where nobody can be asked";
            return Err(Failure::Usage(text.into()));
        }
        if !prompt::yes(&format!("{what} the key and all settings of {name}?"))? {
            return Err(Failure::Refused("nothing was changed".into()));
        }
        client.again()?;
    }
    let forget = Forget { account: selector(&account), remove: wish.remove };
    let Forgotten { aside } = client.ask("forget-account", &forget)?;
    render::render(args.json, &ForgottenAccount { account, aside }, outcome::forgotten)
}

fn selected(args: &Args, client: &mut Client) -> Result<Account, Failure> {
    let Selector { uid, user, network } = select(client, args.account()?, args.uid)?;
    let uid = uid.unwrap_or_else(|| nix::unistd::geteuid().as_raw());
    Ok(Account { uid, user, network })
}

fn selector(account: &Account) -> Selector {
    let Account { uid, user, network } = account.clone();
    Selector { uid: Some(uid), user, network }
}

fn memory_file() -> Result<File, Failure> {
    let file = memfd_create(c"otrctl", MFdFlags::MFD_CLOEXEC);
    Ok(File::from(file.map_err(|errno| no_memory(&errno.into()))?))
}

fn no_memory(error: &io::Error) -> Failure {
    Failure::Busy(format!("no memory file: {error}: free memory and try again"))
}
