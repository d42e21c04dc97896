//! `rollcall import`, as it is typed.

use std::{path::PathBuf, time::Duration};

use clap::{Args, ValueEnum, builder::RangedU64ValueParser};
use encoding_rs::Encoding;
use shared::contract::MAX_LEADS_PER_SUBMISSION;
use uuid::Uuid;

use super::Server;
use crate::import::ColumnMap;

/// What to import, and how.
#[derive(Debug, Args)]
#[command(after_long_help = MORE)]
pub struct ImportOptions {
    /// The file; - for standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The campaign that the leads are added to, as `rollcall campaigns` shows it
    #[arg(long, value_name = "ID", required_unless_present = "dry_run")]
    pub campaign: Option<Uuid>,
    /// Show which column becomes what and check every row, but send nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Take a column as this field; "Header=" ignores it. May be given more than once
    ///
    /// FIELD is phone, email, lead_id, first_name, last_name, company_name, title, linkedin_url,
    /// company_website, company_size, job_description, or what is of your own: custom_variables.NAME,
    /// metadata.NAME.
    #[arg(long = "map", value_name = "HEADER=FIELD")]
    pub maps: Vec<ColumnMap>,

    /// What becomes of the fields of a lead that is there already [default: fill]
    ///
    /// fill fills the empty ones, overwrite replaces those that the file has values for, none leaves
    /// the lead as it is.
    #[arg(long, value_name = "HOW", value_parser = ["fill", "overwrite", "none"])]
    pub merge: Option<String>,
    /// Accept this country's national phone numbers, such as US; without it, numbers need a +
    #[arg(long, value_name = "COUNTRY")]
    pub default_region: Option<String>,

    /// The format, where it is not to be told by the name and the first bytes
    #[arg(long, value_name = "FORMAT", help_heading = "Reading")]
    pub format: Option<Format>,
    /// What separates fields: one character, or "tab"; else found out among , ; tab |
    #[arg(long, value_name = "CHARACTER", value_parser = delimiter, help_heading = "Reading")]
    pub delimiter: Option<u8>,
    /// The encoding, such as windows-1252; else UTF-8, or UTF-16 where the file begins with its mark
    #[arg(long, value_name = "NAME", value_parser = encoding, help_heading = "Reading")]
    pub encoding: Option<&'static Encoding>,

    /// Rows per request
    #[arg(long, value_name = "N", default_value_t = 500, help_heading = "Sending")]
    #[arg(value_parser = RangedU64ValueParser::<usize>::new().range(1..=MAX_LEADS_PER_SUBMISSION as u64))]
    pub batch: usize,
    /// Requests at once
    #[arg(long, value_name = "N", default_value_t = 4, help_heading = "Sending")]
    #[arg(value_parser = RangedU64ValueParser::<usize>::new().range(1..=64))]
    pub concurrency: usize,
    /// Seconds without any progress after which a server that is away or overloaded is given up
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    #[arg(help_heading = "Sending")]
    pub patience: Duration,
    /// A name for this import instead of a random one: chunks that were sent under it before are
    /// answered as they were then
    ///
    /// For what cannot be resumed otherwise, such as standard input. A file needs no name.
    #[arg(long, value_name = "NAME", help_heading = "Sending")]
    pub import_id: Option<String>,

    /// Where rejected rows go [default: FILE.rejected.csv or FILE.rejected.ndjson]
    #[arg(long, value_name = "PATH", help_heading = "Results")]
    pub rejects: Option<PathBuf>,
    /// Where the progress is kept until the import is finished [default: FILE.rollcall-progress]
    #[arg(long, value_name = "PATH", help_heading = "Results")]
    pub progress_file: Option<PathBuf>,
    /// Print the summary as JSON
    #[arg(long, help_heading = "Results")]
    pub json: bool,
    /// No progress, no notes: only the summary, and errors
    #[arg(long, short, help_heading = "Results")]
    pub quiet: bool,

    /// Where to, and as whom.
    #[command(flatten)]
    pub server: Server,
}

/// What a file is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Fields between delimiters, the names of the columns in the first row
    Csv,
    /// One JSON object a line
    Ndjson,
    /// An array of JSON objects, or one object after another
    Json,
}

const MORE: &str = "\
Examples:
  rollcall import contacts.csv --campaign 0190… --dry-run
  rollcall import contacts.csv --campaign 0190…
  rollcall import contacts.csv --campaign 0190… --map \"Direct dial=phone\" --map \"Plan=custom_variables.plan\"
  rollcall import export.csv --campaign 0190… --encoding windows-1252 --default-region US
  zcat leads.ndjson.gz | rollcall import - --campaign 0190…
  rollcall import contacts.rejected.csv --campaign 0190…     (after they were corrected)

Columns are matched by name, whatever their case, spaces, dashes and underscores, and by common
synonyms: \"Mobile\", \"E-mail Address\", \"Given name\", \"Organization\", \"Job Title\"; lead_id only by
that very name. Where several columns are one field, the first that is not blank in a row counts, of
the field's own name before its synonyms. With a --map for a field, no other column is taken for it.

Killed or given up? Run the same command again: it goes on where it was, and counts as if it had
never stopped. Once finished, the same command is a new import.

Exit status:
    0  all rows are in the campaign
    1  failed; run the same command again to go on
    2  not understood, or no column can be used
    3  finished, and rows were rejected; they and the reasons are in the file that the summary names
  130  interrupted by Ctrl-C; run the same command again to go on";

fn delimiter(text: &str) -> Result<u8, &'static str> {
    match text.as_bytes() {
        _ if text.eq_ignore_ascii_case("tab") || text == "\\t" => Ok(b'\t'),
        [byte] if byte.is_ascii() && !b"\"\r\n".contains(byte) => Ok(*byte),
        _ => Err("must be one ASCII character, or tab"),
    }
}

fn encoding(name: &str) -> Result<&'static Encoding, &'static str> {
    Encoding::for_label(name.trim().as_bytes()).ok_or("no such encoding; try windows-1252")
}

fn seconds(text: &str) -> Result<Duration, String> {
    text.parse().map(Duration::from_secs).map_err(|error| format!("{error}"))
}
