//! What `import`, `export`, `forget-account` and `restore-account` came to: for `--json`, and for
//! people.

use crate::render::{clean, table};
use proto::account::Account;
use proto::admin::import_export::{Exported, Imported, KeyOutcome, PeerOutcome};
use proto::irc::Text;
use proto::jsonrpc::one_line;
use serde::{Serialize, Serializer};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The result of `import`.
#[derive(Serialize)]
pub struct Imports {
    /// One for each account.
    pub imports: Vec<OneImport>,
    /// Whether anything was changed: not for a dry run, and not where the answer was no.
    pub done: bool,
}

/// What came of one place.
#[derive(Serialize)]
pub struct OneImport {
    /// The program that wrote the files, by its name in `otrctl import`.
    pub program: &'static str,
    /// Where they are. A text, for a path need not be UTF-8.
    #[serde(serialize_with = "as_text")]
    pub path: PathBuf,
    /// The account that took them.
    pub account: Account,
    /// What the worker says.
    pub result: Imported,
}

/// The result of `export`.
#[derive(Serialize)]
pub struct Exports {
    /// The account that was exported.
    pub account: Account,
    /// Where the files are.
    #[serde(serialize_with = "as_text")]
    pub directory: PathBuf,
    /// The names of the written files.
    pub files: Vec<&'static str>,
    /// What the worker says.
    #[serde(flatten)]
    pub result: Exported,
}

/// The result of `forget-account`.
#[derive(Serialize)]
pub struct ForgottenAccount {
    /// The account whose files were set aside.
    pub account: Account,
    /// The directory in which its files are now.
    pub aside: Option<String>,
}

/// The result of `restore-account`.
#[derive(Serialize)]
pub struct RestoredAccount {
    /// The account whose files were taken back.
    pub account: Account,
    /// Where its files were.
    pub directory: String,
    /// Where those are now that it had meanwhile.
    pub aside: Option<String>,
}

/// A path need not be UTF-8.
pub fn as_text<S: Serializer>(path: &Path, out: S) -> Result<S::Ok, S::Error> {
    Text::new(path.as_os_str().as_bytes()).serialize(out)
}

/// What an import came to.
pub fn imports(imports: &Imports) -> String {
    let mut out = String::new();
    for one in &imports.imports {
        let Account { uid, user, network } = &one.account;
        let (path, result) = (one.path.display().to_string(), &one.result);
        let (path, program) = (clean(&path), one.program);
        out.push_str(&format!("{path} ({program}), for {user}/{network} of uid {uid}:\n"));
        for owner in &result.owners {
            let (account, protocol) = (one_line(&owner.account), one_line(&owner.protocol));
            let key = owner.key.as_deref().unwrap_or("no key");
            let known = owner.known;
            let taken = match &result.from {
                Some(from) if *from == owner.account => "",
                _ => "; not taken",
            };
            out.push_str(&format!(
                "  account {account}, protocol {protocol}: {key}, fingerprints: {known}{taken}\n"
            ));
        }
        let outcome = match result.key {
            KeyOutcome::None => "none for this account",
            KeyOutcome::Same => "there already",
            KeyOutcome::New => "new",
            KeyOutcome::Replaced => "in place of another one, which is kept",
        };
        let key = result.fingerprint.as_deref().unwrap_or("-");
        out.push_str(&format!("  key {key}: {outcome}\n"));
        let heads = ["  peer", "fingerprint", "trust", ""].map(String::from);
        let row = |peer: &proto::admin::import_export::Peer| {
            let outcome = match peer.outcome {
                PeerOutcome::New => "new",
                PeerOutcome::Same => "there already",
                PeerOutcome::Kept => "there with another trust, which stays without --overwrite",
                PeerOutcome::Changed => "there with another trust, which changes",
            };
            let nick = format!("  {}", one_line(&peer.nick));
            vec![nick, peer.fingerprint.clone(), peer.trust.clone(), outcome.into()]
        };
        if !result.peers.is_empty() {
            out.push_str(&table(&heads, result.peers.iter().map(row).collect()));
        }
        let more = (result.known as usize).saturating_sub(result.peers.len());
        if more > 0 {
            out.push_str(&format!("  and {more} more\n"));
        }
        if !result.unknown_trust.is_empty() {
            let words: Vec<_> = result.unknown_trust.iter().map(one_line).collect();
            out.push_str(&format!(
                "  not trusted, because their word for trust is not known: {}\n",
                words.join(", ")
            ));
        }
        if result.skipped > 0 {
            out.push_str(&format!("  skipped lines: {}\n", result.skipped));
        }
    }
    out.push_str(if imports.done { "Done.\n" } else { "Nothing was changed.\n" });
    out
}

/// The result of `export` as text for people.
pub fn exports(exports: &Exports) -> String {
    let Account { uid, user, network } = &exports.account;
    let (files, directory) = (exports.files.join(", "), exports.directory.display().to_string());
    let key = exports.result.fingerprint.as_deref().unwrap_or("none");
    let known = exports.result.known;
    format!(
        "{user}/{network} of uid {uid}: {files} in {}\n  key {key}, fingerprints: {known}\n\
         Whoever reads otr.key can speak as you: keep it as safe as otrd does.\n",
        clean(&directory)
    )
}

/// What became of an account.
pub fn forgotten(forgotten: &ForgottenAccount) -> String {
    let Account { uid, user, network } = &forgotten.account;
    match &forgotten.aside {
        Some(aside) => {
            let place = format!("<state>/{uid}/{}", user.file_name());
            format!("{user}/{network} of uid {uid} is forgotten; its files are {place}/{aside}\n")
        }
        None => format!("{user}/{network} of uid {uid} is removed\n"),
    }
}

/// What became of an account.
pub fn restored(restored: &RestoredAccount) -> String {
    let RestoredAccount { account: Account { uid, user, network }, directory, aside } = restored;
    let meanwhile = match aside {
        Some(aside) => format!("; those it had meanwhile are in {aside} beside them"),
        None => String::new(),
    };
    format!("{user}/{network} of uid {uid} has its files of {directory} again{meanwhile}\n")
}
