//! What a message is about: one number for each kind, by which an admin finds it in the journal
//! (`journalctl MESSAGE_ID=…`). `systemd/otrd.catalog` says what each means and what to do.

/// otrd serves: it has started, or taken over from another front.
pub const STARTED: &str = "32268cbea7bb47f1b5d1c3224e3c77e2";
/// otrd ends: it was told to stop.
pub const STOPPING: &str = "2e5583046f8f47a3a655fa31fddbe7d5";
/// otrd, or the program to go on in its place, cannot run; the message says why.
pub const FAILED: &str = "bd3f16fba25b4b29a6b4d5532ab72113";
/// The settings were read again.
pub const RELOADED: &str = "3a4dfb0458894d58a8b0a4dd48ebc063";
/// The settings are wrong.
pub const SETTINGS: &str = "b588c1f439294353bf4152064c0f2b3f";
/// A connection or a request was refused.
pub const REFUSED: &str = "2a5c2b666381467aa59fc8241ebf0b70";
/// A worker was started for an account.
pub const WORKER_STARTED: &str = "b88b77e39b0f40808fea157614c1a059";
/// A worker of an earlier front goes on.
pub const TAKEN_UP: &str = "9c5e0d27324d2437274f6cc07da67660";
/// A worker of an earlier front cannot be taken over.
pub const NOT_TAKEN_UP: &str = "503c389f350c0d5687aa0be6487e764f";
/// A worker of another release is replaced.
pub const RENEWED: &str = "ccba3692493c7d0e2b6f5013fb4fdfb7";
/// Another otrd goes on from here.
pub const LEAVING: &str = "b01b50d219b39e3fd11c5b13053baaa2";
/// A worker ended as it was asked to.
pub const WORKER_ENDED: &str = "c074bd2d5ffe428e81f76097a9410a53";
/// A worker ended without being asked to.
pub const WORKER_DIED: &str = "427b2aeb11cb40238f6f2e6bc77eedab";
/// A worker does not answer.
pub const WORKER_HUNG: &str = "ab360cab277f43f794a8e07047819941";
/// otrd stopped supervising a worker.
pub const STUCK: &str = "6b3bf18b37ca4ca0bbd8a250d2139e11";
/// A worker could not be started, or not confined.
pub const WORKER_FAILED: &str = "274cea039c574ef8b7b4f301eca01a74";
/// A worker is in trouble.
pub const WORKER_SAYS: &str = "46be92b5f5b44b9f8004a8a4c4b4a97a";
/// A module of ZNC connected.
pub const MODULE: &str = "5b64c238c94e4b738f60e9f482241a56";
/// A key is being made.
pub const KEY_BEGUN: &str = "eeb786e74e9a4df4a6908a0a1376348b";
/// A key could not be made.
pub const KEY_FAILED: &str = "28eaa92f4de64af3ae8443103355b364";
/// A key cannot be used.
pub const KEY_DAMAGED: &str = "d2606a51d93649969a1e826d3c3c31b9";
/// The files of an account cannot be opened.
pub const LOCKED: &str = "25f340e22c234dfe8509832d600372b1";
/// The encryption of an account's files was changed.
pub const AT_REST: &str = "1d67bb6437054a1b9973cd8dcfe4f425";
/// An account was ended.
pub const FORGOTTEN: &str = "6389a1d61a7e4c6da7f197c8257ccf12";
/// An account has another name.
pub const MOVED: &str = "c6a3f0a1d1f94a2d9f0a6a4ab0b4f7b2";
/// An account's files were set aside for another network of its name.
pub const REPLACED: &str = "5f7f8c1e5d0b4b0c8b8d6f0e2a9c3d41";
/// An account's former files are used again.
pub const RESTORED: &str = "0b9d7b5c2f6e4a3f9e1c8d7a6b5f4e30";
/// A worker ended so that those of its Unix user take less memory.
pub const MEMORY: &str = "e2b9a1c47d5f4c6f8f3a2d1b0c9e8f71";
