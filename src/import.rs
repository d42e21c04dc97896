//! `rollcall import`: the leads of a file into a campaign.
//!
//! A thread reads the file chunk by chunk; some chunks at a time are under way; what is finished is
//! noted in the journal. Each chunk has an Idempotency-Key that follows from the import's id in the
//! journal and from its rows. So a chunk whose answer was lost, by the network or because this
//! process was killed, is sent again with the same key and gets the answer that it got then.

mod chunks;
mod dialect;
mod dry_run;
mod fields;
mod journal;
mod mapping;
mod progress;
mod rejects;
mod rows;
mod sender;
mod source;
mod summary;
mod survey;
mod tally;

use std::{
    cell::Cell,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, ensure};
use futures_util::{StreamExt, stream};
use indicatif::HumanCount;
use serde_json::json;
use tokio::signal;

use self::{
    chunks::RequestOptions,
    journal::Journal,
    progress::Progress,
    rejects::Layout,
    rows::{Reading, Rows},
    sender::Sender,
    source::Source,
    summary::Summary,
    survey::Survey,
    tally::REJECTED,
};
use crate::{
    api::Api,
    cli::ImportOptions,
    ending::{Ending, Usage},
};

pub use mapping::ColumnMap;

/// Carries out an import.
///
/// # Errors
/// When it does not come to its end; the same command goes on with it.
pub async fn run(options: ImportOptions) -> anyhow::Result<Ending> {
    let source = Source::new(&options.file)?;
    let reading = Reading::from(&options);
    if options.dry_run {
        return dry_run::run(&source, &reading, options.default_region.as_deref());
    }
    let campaign = options.campaign.ok_or_else(|| Usage("--campaign is needed".to_owned()))?;
    let api = Api::new(&options.server)?;
    let survey = Survey::of(&source, &reading, options.quiet)?;
    let rows = Rows::open(&source, &reading)?;
    if survey.is_none() {
        survey::introduce(&source, &rows, None, options.quiet)?;
    }
    let (layout, header) = (rows.layout(), rows.rejects_header());
    let rejects = rejects_path(&source, &options, &layout)?;
    let mut journal = open_journal(&source, &options, &reading, survey.as_ref())?;

    let started = Instant::now();
    let before = journal.total().rows();
    if before > 0 && !options.quiet {
        eprintln!("going on behind {} rows that are done", HumanCount(before));
    }
    let total = survey.as_ref().map(|survey| survey.rows);
    let progress = Progress::new(options.quiet, total, journal.total());
    let sender = Sender {
        api: &api,
        campaign,
        options: RequestOptions::from(&options),
        import_id: journal.import_id().to_owned(),
        layout,
        patience: options.patience,
        last_success: Cell::new(started),
        progress: &progress,
    };
    let sent = tokio::select! {
        sent = send_all(rows, &options, &sender, &mut journal) => sent.map(|()| Ending::Fine),
        _ = signal::ctrl_c() => Ok(Ending::Interrupted),
    };
    progress.finish(journal.total());
    let done = HumanCount(journal.total().rows());
    let again = if survey.is_some() { "; run the same command again to go on" } else { "" };
    let stopped = || format!("stopped after {done} rows{again}");
    if sent.with_context(stopped)? == Ending::Interrupted {
        eprintln!("rollcall: {}", stopped());
        return Ok(Ending::Interrupted);
    }

    let (took, rate) = (started.elapsed(), progress.rate(journal.total()));
    let rejected = write_rejects(&rejects, &header, &journal, options.quiet)?;
    let rejects = rejected.then_some(&*rejects);
    let (file, total) = (&*source.name(), journal.total());
    // Before the journal is gone: who is killed here can still have the summary.
    Summary { file, total, before, took, rate, rejects }.print(options.json)?;
    journal.close()?;
    Ok(if rejected { Ending::Leftovers } else { Ending::Fine })
}

fn rejects_path(
    source: &Source,
    options: &ImportOptions,
    layout: &Layout,
) -> anyhow::Result<PathBuf> {
    let path = options.rejects.clone();
    let path = path.unwrap_or_else(|| source.beside("rejected", Some(layout.extension())));
    let same = source.path() == Some(&*path);
    ensure!(!same, Usage("--rejects must be another file than the imported one".to_owned()));
    Ok(path)
}

fn open_journal(
    source: &Source,
    options: &ImportOptions,
    reading: &Reading,
    survey: Option<&Survey>,
) -> anyhow::Result<Journal> {
    let import_id = options.import_id.as_deref();
    let Some(survey) = survey else { return Journal::temporary(import_id) };
    let path = options.progress_file.clone();
    let path = path.unwrap_or_else(|| source.beside("rollcall-progress", None));
    // All that decides what is sent; how fast, and as whom, may differ when it is gone on with.
    let import = json!({
        "sha256": survey.digest,
        "url": options.server.url.as_str(),
        "campaign": options.campaign,
        "merge": options.merge,
        "default_region": options.default_region,
        "batch": options.batch,
        "reading": format!("{reading:?}"),
    });
    Journal::open(&path, import, import_id)
}

/// Sends what the journal does not know as finished.
async fn send_all(
    rows: Rows,
    options: &ImportOptions,
    sender: &Sender<'_>,
    journal: &mut Journal,
) -> anyhow::Result<()> {
    let chunks = chunks::read_ahead(rows, options.batch, journal.finished().collect());
    let chunks = stream::unfold(chunks, async |mut chunks| {
        let chunk = chunks.recv().await?;
        Some((chunk, chunks))
    });
    let sent = chunks.map(async |chunk| sender.send(chunk?).await);
    let mut sent = Box::pin(sent.buffer_unordered(options.concurrency));
    while let Some(done) = sent.next().await {
        journal.finish(&done?)?;
        sender.progress.update(journal.total());
    }
    Ok(())
}

/// Writes the rejected rows, if there are any; says whether there are.
fn write_rejects(
    path: &Path,
    header: &str,
    journal: &Journal,
    quiet: bool,
) -> anyhow::Result<bool> {
    let rejected = journal.total().of(REJECTED) > 0;
    let kept = if rejected {
        rejects::write(path, header, journal.rejects())
    } else {
        rejects::put_away(path)
    };
    let kept = kept.with_context(|| format!("cannot write {}", path.display()))?;
    if let Some(kept) = kept
        && !quiet
    {
        eprintln!("an earlier {} is now {}", path.display(), kept.display());
    }
    Ok(rejected)
}
