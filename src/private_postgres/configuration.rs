//! The private server's settings.

/// The text of `postgresql.conf`. Complete: what is not said here is PostgreSQL's default.
pub(super) fn text(port: u16) -> String {
    format!(
        "# Written by rollcall at every start; changes do not last.

# Reached over the loopback address only: the path of a socket has a limit that folders exceed.
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = ''
max_connections = 60

shared_buffers = 256MB
max_wal_size = 2GB
# Its statements are short; compiling them takes longer than they run.
jit = off

# Leads are personal data: no values of rows or parameters in the log.
log_error_verbosity = terse
log_min_error_statement = panic
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
log_checkpoints = off
lc_messages = 'C'
"
    )
}
