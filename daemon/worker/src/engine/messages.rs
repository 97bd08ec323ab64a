//! What the user is told: each sentence once, with the code by which a program knows it and the
//! values in it. Words of ours among these values stand here, too.

use proto::shim::{About, Style};
use std::collections::BTreeMap;

/// A sentence with its code and its look; what is in braces are its values.
macro_rules! messages {
    ($($name:ident { $($value:ident),* } $code:literal $style:ident $text:literal;)*) => {
        /// Something that the user is told.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Message {
            $(#[doc = $text] $name { $(#[doc = stringify!($value)] $value: String),* },)*
        }

        impl Message {
            /// All of them: the code, the names of the values, the look, and the sentence.
            pub const ALL: &'static [(&'static str, &'static [&'static str], Style, &'static str)] =
                &[$(($code, &[$(stringify!($value)),*], Style::$style, $text)),*];

            /// The code, for programs.
            pub fn code(&self) -> &'static str {
                match self {
                    $(Self::$name { .. } => $code,)*
                }
            }

            /// How a client shows the sentence.
            pub fn style(&self) -> Style {
                match self {
                    $(Self::$name { .. } => Style::$style,)*
                }
            }

            /// The sentence, for people.
            pub fn text(&self) -> String {
                match self {
                    $(Self::$name { $($value),* } => format!($text),)*
                }
            }

            /// What a program is told beside the sentence.
            pub fn about(&self) -> About {
                let code = Some(self.code().to_owned());
                About { peer: None, code, args: self.args() }
            }

            /// The values in it, by name.
            pub fn args(&self) -> BTreeMap<String, String> {
                match self {
                    $(Self::$name { $($value),* } => {
                        BTreeMap::from([$((stringify!($value).to_owned(), $value.clone())),*])
                    })*
                }
            }
        }
    };
}

messages! {
    // Beginning.
    Asking {} "asking" Plain "Asking for a private conversation.";
    AskingKeys {} "asking_keys" Plain "Asking for new session keys.";
    TheyAsk {} "they_ask" Plain "They ask for a private conversation.";
    AlreadyPrivate { name } "already_private" Plain "The conversation is private already; refresh {name} makes new session keys.";
    OtrOff { rule } "otr_off" Bad "OTR is off for this nick ({rule}).";
    Offline {} "offline" Bad "ZNC is not connected to this network: try again then.";
    Private { version } "private" Good "The conversation is private now ({version}).";
    PrivateTrusted { version } "private_trusted" Good "The conversation is private now ({version}), with a key that you trust.";
    NotAuthenticated { name, fingerprint } "not_authenticated" Warn "It is not authenticated: you do not know yet who is at the other end. Use auth {name} <secret>, or authq {name} [question] <secret>, or compare fingerprints and say trust {name}. Their fingerprint: {fingerprint}.";
    KeyChanged {} "key_changed" Bad "THE KEY HAS CHANGED. This is not the key known of this nick: it may be somebody else.";
    NewFingerprint { fingerprint, name } "new_fingerprint" Bad "New fingerprint: {fingerprint}. Nothing you type goes out until you say trust {name} (check over another channel first), or finish {name}.";
    Logger { module, prefix, level } "logger" Warn "The module {module} may write this conversation down: /msg {prefix}status unloadmod --type={level} {module}";
    ClientWithoutTls {} "client_without_tls" Warn "A client of yours is connected to ZNC without TLS: this conversation can be read between that client and ZNC.";
    NotYourBouncer {} "not_your_bouncer" Warn "You do not administer this bouncer: whoever does can read this conversation.";
    KeysNew {} "keys_new" Good "The session keys are new.";
    NobodyCame {} "nobody_came" Warn "No private conversation came about within 60 seconds: the other client may not speak OTR, or be away.";
    SetupFailed { reason } "setup_failed" Bad "No private conversation could be set up: {reason}";
    TooMany {} "too_many_conversations" Warn "They ask for a private conversation, but there are too many already: finish some.";
    TooManyExchanges {} "too_many_exchanges" Warn "Too many key exchanges: some of theirs are not answered.";
    UnsafeVersion {} "unsafe_version" Warn "They only speak a version of OTR that is not safe, or wrote about OTR.";
    AskedWithoutKey {} "asked_without_key" Bad "A private conversation was asked for, but your key cannot be read: see status.";

    // Ending.
    EndedElsewhere {} "ended_elsewhere" Plain "They ended the private conversation on another of their clients.";
    Ended { until } "ended" Warn "They ended the private conversation. Nothing you type goes out until you say {until}.";
    EndedByKey { name } "ended_by_key" Warn "The private conversation ended: your key is replaced. Nothing you type goes out until you say finish {name} (then in clear) or start {name} (a new one).";
    GoesOnElsewhere { instance } "goes_on_elsewhere" Warn "They ended the private conversation on one of their clients. It goes on with another one, instance {instance}.";
    KeysLost {} "keys_lost" Bad "The session's keys are gone: nothing goes out until there is a new one.";
    AskingNoLonger {} "asking_no_longer" Plain "No longer asking for a private conversation.";
    NothingPrivate {} "nothing_private" Plain "There is no private conversation.";
    FinishedRequired {} "finished_required" Warn "The private conversation is finished. The policy is required: what you type next asks for a new one, and waits for it.";
    Finished {} "finished" Warn "The private conversation is finished. What you type now goes out in clear.";
    AskingAnew {} "asking_anew" Warn "The private conversation was interrupted; asking for a new session.";

    // Nicks.
    NowKnownAs { was, is } "now_known_as" Warn "{was} is now known as {is}; the private conversation goes on there. Nothing goes out to {was} until you say finish {was}.";
    TwoBecomeOne { was, is } "two_conversations" Bad "{was} is now known as {is}, with whom you have another private conversation: both stay closed for each other's words. Say finish {was}, and start {is} for a new one.";
    OneNick { one, two } "one_nick" Bad "The server takes {one} and {two} for one nick now. Nothing goes out to it until you say start {one} or finish {one}.";
    LeftIrc {} "left_irc" Plain "They left IRC. The private conversation stays.";
    Back { name } "back" Plain "This nick is back. The private conversation stays; if they cannot read it, use refresh {name}.";
    UnknownToOtrd { names } "unknown_to_otrd" Bad "ZNC knows private conversations that otrd does not: {names}. Nothing goes out in clear there until you say start or finish and the nick.";

    // Authentication.
    AuthAnswered {} "auth_answered" Plain "Answered the authentication request.";
    AuthInitiated {} "auth_initiated" Plain "Initiated authentication.";
    AuthNothing {} "auth_nothing" Plain "There is no authentication to abort.";
    AuthAborted {} "auth_aborted" Warn "Authentication aborted.";
    AuthAbortedByPeer {} "auth_aborted_by_peer" Warn "Authentication aborted by the peer.";
    AuthQuestion { question } "auth_question" Warn "They ask you to authenticate, with this question, in their words: {question}";
    AuthAsked {} "auth_asked" Warn "They ask you to authenticate with a secret that you both know.";
    AuthHowToAnswer { name } "auth_how_to_answer" Plain "Answer with auth {name} <secret>, or authabort {name}.";
    AuthReplied {} "auth_replied" Plain "Peer replied to authentication request.";
    AuthFailed { who } "auth_failed" Bad "Authentication failed. {who}. What you trust has not changed.";
    AuthTooMany {} "auth_too_many" Warn "Too many authentications: some of theirs are not looked at.";
    AuthBroken {} "auth_broken" Bad "Authentication was broken off: what came from the peer does not fit. Try again.";
    AuthTheyVerified { name } "auth_they_verified_you" Good "Your answer was right: they have verified you. You have not verified them: use authq {name} [question] <secret>.";
    AuthSucceeded {} "auth_succeeded" Good "Successfully authenticated.";
    AuthSilence { name } "auth_silence" Warn "No answer to the authentication for 3 minutes. It still waits; authabort {name} ends it.";
    AuthNotPrivate {} "auth_not_private" Bad "There is no private conversation to authenticate: start one first.";
    AuthError { reason } "auth_error" Bad "Not authenticated: {reason}.";

    // Messages that cannot be read.
    Unreadable {} "unreadable" Warn "An encrypted message came that these session keys cannot open. If it goes on, use refresh.";
    SessionGone {} "session_gone" Warn "An encrypted message came that cannot be read: its session is gone.";
    SessionGoneStart { name } "session_gone_start" Warn "An encrypted message came that cannot be read: its session is gone. Say start {name} for a new one.";
    SessionGoneRefresh { name } "session_gone_refresh" Warn "An encrypted message came that cannot be read: its session is gone. Say refresh {name} for a new one.";
    SessionGoneAsking {} "session_gone_asking" Warn "An encrypted message came that cannot be read: its session is gone. Asking for a new one.";
    ForAnotherClient {} "for_another_client" Warn "A message came that was encrypted to another of your OTR clients.";
    TheirError { words } "their_error" Warn "Their OTR reports an error, in their words: {words}";
    Reflected {} "reflected" Warn "Your own OTR message came back.";
    TooManyClients {} "too_many_clients" Warn "They use too many OTR clients at once: a message was dropped.";
    Damaged {} "damaged" Warn "A damaged OTR message came: it cannot be read.";
    ToldNoLonger {} "told_no_longer" Warn "Too many of their messages cannot be read: they are no longer told so for a while.";
    CutShort {} "cut_short" Warn "A message was longer than 16 KiB: its end is not shown.";
    CtcpHeldBack {} "ctcp_held_back" Warn "An automatic CTCP answer of your client was held back: the conversation is private.";
    LineNotSent { reason } "line_not_sent" Bad "An OTR line could not be sent: {reason}.";

    // What is typed.
    Waits {} "waits" Plain "Your message waits until the conversation is private.";
    WaitsForTrust {} "waits_for_trust" Plain "Your message waits: trust the new key first, or finish the conversation.";

    // Our key.
    MakingKey {} "making_key" Plain "Generating your private key; pending requests continue when it is ready.";
    MakingFirstKey {} "making_first_key" Plain "Generating your private key. You are told when it is ready.";
    MakingNewKey {} "making_new_key" Plain "Making a new private key. The old one is kept beside it. You are told when it is ready.";
    MakingAlready { seconds } "making_already" Plain "A key is being made already, for {seconds} s now.";
    KeyThere { fingerprint } "key_there" Warn "You have a key already: {fingerprint}. To throw it away and make a new one: genkey --overwrite. Your peers will then see a changed key.";
    KeyReady { seconds, fingerprint } "key_ready" Good "Your private key is ready after {seconds} s. Your fingerprint: {fingerprint}.";
    KeyFailed { why } "key_failed" Bad "Your private key could not be made ({why}). Try genkey again, or ask the admin to look at otrd's log.";
    NotSaved { what, why } "not_saved" Bad "Could not save {what} ({why}). It is tried again every minute: ask the admin to look at the disk.";
    OldData {} "old_data" Warn "The key and the fingerprints of the old OTR module are still in ZNC's data. To go on with them, before a new key is made: otrctl import znc ~/.znc --all, in a shell on this machine (where otrd is the system's, its admin does).";

    // At the beginning.
    KeyUnusable { why } "key_unusable" Bad "{why}";
    KeyBrought { fingerprint } "key_brought" Good "Your private key was brought here from another program. Your fingerprint: {fingerprint}.";
    FingerprintsBrought { number } "fingerprints_brought" Plain "Fingerprints brought here from another program: {number}. Say info to see them.";
    SettingsLost {} "settings_lost" Bad "Your settings are gone, and a policy may have required private conversations: nothing goes out in clear until you say policy * opportunistic, or another policy for *.";
    ConversationsLost {} "conversations_lost" Bad "Which conversations were private is not known any more: nothing goes out in clear to anybody whose key is known, until you say finish and the nick, or finish --all.";
    FileSetAside { file, why, aside } "file_set_aside" Bad "The file {file} was damaged ({why}). It is kept as {aside}.";
    FileNotSetAside { file, why, error } "file_not_set_aside" Bad "The file {file} is damaged ({why}) and cannot be set aside ({error}): nothing is saved there until the admin has removed it and otrd was started again.";
    Moved { user, network } "moved" Good "This network was {user}/{network} before: its key, fingerprints and conversations came along.";
    MovedOver { user, network, restore } "moved_over" Warn "This network was {user}/{network} before: its key, fingerprints and conversations came along. What another network of this name had was set aside; an admin can take it back: {restore}";
    MadeAnew { restore } "made_anew" Warn "Another network had this name before. Its key, fingerprints and conversations were set aside, and you begin anew. Nothing goes out in clear to anybody until you say finish and the nick, or finish --all. If they are yours, an admin can take them back: {restore}";
    TakenBack {} "taken_back" Good "Your key, fingerprints and conversations are back: they had been set aside for another network of this name.";
    VersionsDiffer { daemon, module, older } "versions_differ" Warn "otrd {daemon}, module {module}: they work together, but update the older one, {older}.";

    // Answers to `help`, and to what is no command.
    Help { line } "help" Plain "{line}";
    Usage { usage } "usage" Bad "{usage}";
    NoSuchCommand {} "no_such_command" Bad "No such command. Say help for the list of commands.";
    OnlyClientsListen {} "only_clients_listen" Bad "Only a client of ZNC can listen, and its otr module sees to it: update the module.";
    OnlyTheModuleMarks {} "only_the_module_marks" Bad "Only ZNC's otr module can mark text: say it to *otr there, or update the module.";

    // To `info`, `status`, `version`.
    NothingKnown {} "nothing_known" Plain "No fingerprint is known, and nothing is private.";
    NoFingerprints {} "no_fingerprints" Plain "No fingerprints are known yet. Type ?OTR? in a query to begin.";
    OwnFingerprint { fingerprint } "own_fingerprint" Plain "Your fingerprint: {fingerprint}.";
    OwnFingerprintOf { user, network, fingerprint } "own_fingerprint_of" Plain "Your fingerprint as {user} on {network}: {fingerprint}.";
    PolicyIs { policy, rule } "policy" Plain "Policy: {policy} ({rule}).";
    PrivateSince { version, since, duration } "private_since" Plain "Private with {version} since {since}, for {duration}.";
    HeldForTrust {} "held_for_trust" Plain "The key has changed: nothing goes out until you trust it.";
    InstanceTags { theirs, ours } "instance_tags" Plain "Instance tags: theirs {theirs}, yours {ours}.";
    InstanceTagsInUse { theirs, ours } "instance_tags_in_use" Plain "Instance tags: theirs {theirs}, yours {ours}, in use.";
    BlockedBecause { why } "blocked_because" Plain "Blocked: {why}.";
    AskedFor {} "asked_for" Plain "A private conversation has been asked for.";
    LinesWait { lines } "lines_wait" Plain "Lines that wait: {lines}.";
    NothingWaits {} "nothing_waits" Plain "Nothing waits.";
    AccountIs { user, network } "account" Plain "Account: {user} on {network}.";
    KeyIs { key } "key" Plain "Key: {key}.";
    FilesOnDisk { how } "files_on_disk" Plain "Files on disk: {how}.";
    HowMany { private, blocked } "how_many" Plain "Private conversations: {private}, blocked: {blocked}.";
    Versions { daemon, module, znc, libotr, libgcrypt } "versions" Plain "otrd {daemon}, module {module}, ZNC {znc}, libotr {libotr}, libgcrypt {libgcrypt}.";

    // To `policy`, `ignore`, `enable`.
    Ignored {} "ignored" Plain "OTR is disabled for following nicks:";
    NobodyIgnored {} "nobody_ignored" Plain "OTR is not disabled for any nick.";
    Enabled {} "enabled" Plain "OTR is enabled, against ignore, for following nicks:";
    NobodyEnabled {} "nobody_enabled" Plain "There is no exception to the OTR ignore list.";
    Pattern { pattern } "pattern" Plain "{pattern}";
    PatternAdded { pattern, list } "pattern_added" Plain "Added {pattern} to {list}.";
    PatternThere { pattern, list } "pattern_there" Plain "{pattern} is on the {list} already.";
    PatternRemoved { pattern, list } "pattern_removed" Plain "Removed {pattern} from {list}";
    PatternMissing { pattern, list } "pattern_missing" Bad "{pattern} is not on the {list}.";
    PatternMalformed {} "pattern_malformed" Bad "That is not a pattern of nicks: use 1 to 128 bytes with * and ?, without blanks and '!'.";
    PatternsFull {} "patterns_full" Bad "The list is full: remove some patterns first.";
    PoliciesFull {} "policies_full" Bad "There are too many policies: set some to default first.";
    PrivateWith { done, name } "private_with" Bad "Not {done}: there is a private conversation with {name}. Say finish {name} first.";
    PolicyOfKnown { policy } "policy_of_known" Plain "Policy for known nicks: {policy}.";
    PolicySet { pattern, policy } "policy_set" Plain "Policy for {pattern}: {policy}.";
    NotANick {} "not_a_nick" Bad "That is not a nick.";

    // To an admin whose answer would be too long.
    LeftOut { count } "left_out" Warn "{count} more lines are left out here: name a nick, or ask *otr in IRC.";

    // To `trust`, `distrust`, `forget`.
    Trusted { fingerprint } "trusted" Good "Fingerprint {fingerprint} trusted!";
    NotTrusted { fingerprint } "not_trusted" Warn "Fingerprint {fingerprint} not trusted.";
    Forgotten { fingerprint } "forgotten" Plain "Fingerprint {fingerprint} forgotten.";
    FingerprintInUse { fingerprint, name } "fingerprint_in_use" Bad "Fingerprint {fingerprint} is in use: say finish {name} first.";
    NoSuchFingerprint {} "no_such_fingerprint" Bad "No such fingerprint: info lists them.";
    NoConversation {} "no_conversation" Bad "There is no private conversation with this nick. Start one, or name a fingerprint that info lists.";

    // Why text comes back: the reason of a `refuse`.
    BackOffline {} "back_offline" Bad "ZNC is not connected to this network: try again then";
    BackKeysGone {} "back_keys_gone" Bad "the session's keys are gone: start a new one";
    BackTooLong {} "back_too_long" Bad "the encrypted line does not fit this network's lines";
    BackNotEncrypted { reason } "back_not_encrypted" Bad "{reason}";
    BackTooMany {} "back_too_many" Bad "too many lines wait for a private conversation";
    BackNobodyCame {} "back_nobody_came" Bad "no private conversation came about within 60 seconds";
    BackWaited {} "back_waited" Bad "it waited for 60 seconds";
    BackRequired {} "back_required" Bad "this peer's policy requires a private conversation, and none could be asked for";
    BackNotice {} "back_notice" Bad "notices and CTCP requests cannot be encrypted, and this conversation is private";
    BackNickChanged {} "back_nick_changed" Bad "the peer changed nick";
    BackLeft {} "back_left" Bad "the peer has left IRC";
    BackKeyFailed {} "back_key_failed" Bad "your private key could not be made";
    BackKeyUnreadable {} "back_key_unreadable" Bad "your key cannot be read: see status";
    BackKeyReplaced {} "back_key_replaced" Bad "your key is replaced";
    BackEnded {} "back_ended" Bad "the peer ended the private conversation";
    BackFinished {} "back_finished" Bad "the conversation was finished";
    BackOneNick {} "back_one_nick" Bad "the server takes two nicks for one now";
    BackOtherRules { one, other } "back_other_rules" Bad "by other rules for comparing nicks, {one} and {other} are one, and with {other} a conversation is private: finish {other} first";
    BackModuleGone {} "back_module_gone" Bad "the module was disconnected: this may already have been returned to you";
    BackUnloaded {} "back_unloaded" Bad "the otr module was unloaded before it was sent";
    BackOtrdEnds {} "back_otrd_ends" Bad "otrd ends";
    BlockedEndedRequired { name } "blocked_ended_required" Bad "{name} ended the private conversation: type start {name} for a new one";
    BlockedEnded { name } "blocked_ended" Bad "{name} ended the private conversation: type finish {name} to go on in clear, or start {name} for a new one";
    BlockedRequired { name } "blocked_required" Bad "the private conversation was interrupted: type start {name} for a new one";
    Blocked { name } "blocked" Bad "the private conversation was interrupted: type start {name} for a new one, or finish {name} to go on in clear";
    BlockedMoved { to, name } "blocked_moved" Bad "the private conversation went on with {to}: write to {to}, or finish {name}";
}

/// Words that stand inside of a [`Message`], or are what an admin hears of an import or export.
macro_rules! phrases {
    ($($name:ident { $($value:ident),* } $text:literal;)*) => {
        /// Words that have no code of their own.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Phrase {
            $(#[doc = $text] $name { $(#[doc = stringify!($value)] $value: String),* },)*
        }

        impl Phrase {
            /// The words.
            pub fn text(&self) -> String {
                match self {
                    $(Self::$name { $($value),* } => format!($text),)*
                }
            }
        }

        impl From<Phrase> for String {
            fn from(phrase: Phrase) -> Self {
                phrase.text()
            }
        }
    };
}

phrases! {
    // Why a key cannot be used: `KeyUnusable`, and `KeyIs`.
    KeyDamaged {} "Your key file was damaged and set aside. Restore it from a backup, or make a new key with genkey --overwrite: your peers will then see a changed key.";
    KeyUnreadable { error } "Your key file otr.key cannot be read ({error}). Ask the admin to mend it, or make a new key with genkey --overwrite.";
    KeyOfAnother { error } "Your key file otr.key cannot be used: {error}.";

    // Why a file is damaged: `FileSetAside`, `FileNotSetAside`.
    NoTagOfAccount {} "it has no tag of this account";
    NotAllFingerprints {} "some lines are no fingerprints of this account";
    UnknownTrust {} "it has words for trust that are not known; these fingerprints are not trusted";
    FileUnreadable { error } "it cannot be read: {error}";
    NotWrittenByOtrd {} "it is not what otrd wrote";

    // What was not saved: `NotSaved`.
    YourKey {} "your private key: it will be gone after a restart";
    Fingerprints {} "known fingerprints and their trust";
    InstanceTag {} "your instance tag";
    Conversations {} "which conversations are private: after a restart they would not be blocked for clear text";
    Settings {} "your settings";

    // What opens a conversation that the peer ended: `Ended`.
    UntilStarted { name } "start {name} (a new one)";
    UntilFinishedOrStarted { name } "finish {name} (then in clear) or start {name} (a new one)";

    // Why an authentication failed: `AuthFailed`.
    SecretsDiffer {} "The secrets differ";
    OwnAnswerWrong {} "The secrets differ: your answer was not theirs";

    // Which version is the older one: `VersionsDiffer`.
    OlderModule {} "the module (package znc-otrd), then say /msg *status reloadmod otr";
    OlderDaemon {} "otrd (package otrd), then restart it: systemctl restart otrd";

    // How it stands with the key: `KeyIs`.
    NoKeyYet {} "none yet; it is made the first time one is needed";
    KeyBeingMade { seconds } "being made for {seconds} s";

    // In `Versions`, without a module.
    ModuleNotConnected {} "not connected";
    ZncUnknown {} "unknown";

    // Which rule decides on the policy: `PolicyIs`, `OtrOff`.
    ByZnc {} "one of ZNC's own nicks";
    ByIgnore { pattern } "ignore {pattern}";
    ByPolicy { pattern } "policy {pattern}";
    ByKnown {} "policy known";
    ByService {} "the nick of a service";
    ByLoss {} "your settings are lost";
    ByDefault {} "the default";

    // To an admin who exports or imports.
    NotSavedYet {} "what is in use is not saved yet: make room on the disk and try again in two minutes";
    TooManyFingerprints { most } "the account would know more than {most} fingerprints: forget some, or import fewer";
    NoSuchOwner { owners } "the files have no such account: {owners}";
    KeyOfNobody {} "the files do not say whose key this is, and programs for other networks write such files, too: give the account's name with --from";
    NoIrcOwner { owners } "the files have no account for IRC: say which one with --from: {owners}";
    SeveralOwners { owners } "the files have several accounts: say which one with --from: {owners}";
    NoOwners {} "there is none";
    TheKey { error } "the key: {error}";
    KeyIsBeingMade {} "a key is being made for this account: try again when it is there";
    OtherKey { own, theirs } "the account has another key, {own}: --overwrite takes the one of the files, {theirs}, and keeps the old one beside it";
    TwoSortsOfKeys {} "the files have two sorts of keys: give one of them";
    ImportNotSaved { files, error } "the import is in use but could not be saved ({files}: {error}): otrd retries every minute; keep your files";
}

#[cfg(test)]
mod tests {
    use super::Message;
    use std::collections::BTreeSet;

    #[test]
    fn a_code_is_said_by_one_sentence() {
        let codes: BTreeSet<_> = Message::ALL.iter().map(|(code, ..)| code).collect();
        assert_eq!(codes.len(), Message::ALL.len());
        let is_word = |code: &&str| code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        assert!(codes.into_iter().all(is_word));
    }
}
