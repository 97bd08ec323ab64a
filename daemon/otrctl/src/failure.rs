//! Why there is no answer, and the exit status that says so (sysexits.h).

/// Why there is no answer, each with its name in sysexits.h.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// EX_USAGE
    #[error("{0}")]
    Usage(String),
    /// 130, as a shell has it of a program that Control-C has ended.
    #[error("interrupted: nothing was sent")]
    Interrupted,
    /// EX_CONFIG, with the whole report.
    #[error("{0}")]
    ChecksFailed(String),
    /// EX_DATAERR
    #[error("{0}")]
    Refused(String),
    /// EX_DATAERR, with the whole answer to a command, as `*otr` says it.
    #[error("{0}")]
    NotDone(String),
    /// EX_NOINPUT
    #[error("{0}")]
    NoInput(String),
    /// EX_CANTCREAT
    #[error("{0}")]
    NoOutput(String),
    /// EX_NOUSER
    #[error("{0}")]
    NoAccount(String),
    /// EX_UNAVAILABLE
    #[error("{0}")]
    Unavailable(String),
    /// EX_SOFTWARE
    #[error("{0}")]
    Internal(String),
    /// EX_TEMPFAIL
    #[error("{0}")]
    Busy(String),
    /// EX_NOPERM
    #[error("{0}")]
    Forbidden(String),
}

impl Failure {
    /// The exit status.
    pub fn exit_code(&self) -> u8 {
        match self {
            Failure::Usage(_) => 64,
            Failure::Refused(_) | Failure::NotDone(_) => 65,
            Failure::NoInput(_) => 66,
            Failure::NoAccount(_) => 67,
            Failure::Unavailable(_) => 69,
            Failure::Internal(_) => 70,
            Failure::NoOutput(_) => 73,
            Failure::Busy(_) => 75,
            Failure::Forbidden(_) => 77,
            Failure::ChecksFailed(_) => 78,
            Failure::Interrupted => 130,
        }
    }
}
