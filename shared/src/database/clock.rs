//! Times by the database's clock, which all processes share.

use std::time::Duration;

use diesel::{
    dsl::sql,
    expression::SqlLiteral,
    sql_types::{Nullable, Timestamptz},
};

/// The time so long from now, for leases and due times: compared with the database's `now()`, a
/// process's own clock would make them early or late.
pub fn from_now(duration: Duration) -> SqlLiteral<Nullable<Timestamptz>> {
    let milliseconds = duration.as_millis();
    sql(&format!("clock_timestamp() + {milliseconds} * interval '1 millisecond'"))
}
