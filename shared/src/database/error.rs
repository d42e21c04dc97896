//! What a failure of the database means for who asked.

use diesel::result::{DatabaseErrorKind, Error as DieselError};
use metrics::counter;

use crate::{contract::ErrorBody, metrics::DATABASE_ERRORS};

/// A failure of the database. Its text holds no row values: PostgreSQL puts those into `DETAIL`,
/// which is left out.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// It cannot be reached, or refuses for now. The same again, later, may work.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// It did not finish in time what it was asked. Less at once may work.
    #[error("the database took too long: {0}")]
    TimedOut(String),
    /// It answered with an error.
    #[error("the database failed: {0}")]
    Failed(String),
}

impl From<DieselError> for DatabaseError {
    fn from(error: DieselError) -> Self {
        use DatabaseErrorKind as Kind;
        let text = error.to_string();
        let error = match error {
            DieselError::BrokenTransactionManager
            | DieselError::DatabaseError(
                Kind::ClosedConnection
                | Kind::UnableToSendCommand
                | Kind::SerializationFailure
                | Kind::ReadOnlyTransaction,
                _,
            ) => Self::Unavailable(text),
            DieselError::DatabaseError(_, told) if passes(told.message()) => {
                Self::Unavailable(text)
            }
            // 57014.
            DieselError::DatabaseError(_, told)
                if told.message() == "canceling statement due to statement timeout" =>
            {
                Self::TimedOut(text)
            }
            _ => Self::Failed(text),
        };
        error.counted()
    }
}

/// What PostgreSQL says when a lock was not to be had in time (55P03).
const LOCK_TIMEOUT: &str = "canceling statement due to lock timeout";

/// Whether the failure lies in the server's state and will pass. Diesel keeps the SQLSTATE to itself,
/// so this goes by the text; a server that speaks another language than English is not understood,
/// and its failures count as ours.
fn passes(message: &str) -> bool {
    // 57P01, 57P02, 57P05, 25P03; 55P03; 40P01; 53100; 53200.
    message.starts_with("terminating connection")
        || message == LOCK_TIMEOUT
        || message == "deadlock detected"
        || message.ends_with("No space left on device")
        || message == "out of memory"
        || message == "out of shared memory"
}

impl DatabaseError {
    /// It was not reached in time. Counts the failure, as does the conversion from diesel's errors.
    pub fn unavailable(reason: impl Into<String>) -> Self {
        Self::Unavailable(reason.into()).counted()
    }

    /// Whether it was a lock that took too long.
    pub fn is_lock_timeout(&self) -> bool {
        matches!(self, Self::Unavailable(reason) if reason == LOCK_TIMEOUT)
    }

    /// The client's own deadline for it has passed.
    pub fn timed_out(reason: impl Into<String>) -> Self {
        Self::TimedOut(reason.into()).counted()
    }

    fn counted(self) -> Self {
        let class = match self {
            Self::Unavailable(_) => "unavailable",
            Self::TimedOut(_) => "timed_out",
            Self::Failed(_) => "failed",
        };
        counter!(DATABASE_ERRORS, "class" => class).increment(1);
        self
    }

    /// What a caller is told: that it may retry, or that the defect is ours. Logs the cause.
    pub fn into_error_body(self) -> ErrorBody {
        match self {
            Self::Unavailable(reason) => {
                tracing::warn!(%reason, "the database is unavailable");
                ErrorBody::unavailable()
            }
            Self::TimedOut(reason) => {
                tracing::warn!(%reason, "the database took too long");
                ErrorBody::unavailable()
            }
            Self::Failed(reason) => {
                tracing::error!(%reason, "the database failed");
                ErrorBody::internal()
            }
        }
    }
}
