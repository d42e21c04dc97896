//! Asynchronous work in `Drop`.

use std::thread;

/// Carries out `work` to its end, on a thread and a runtime of its own: the dropping thread may
/// belong to a runtime that must not block or is about to end.
pub(crate) fn run(work: impl Future<Output = ()> + Send + 'static) {
    let worker = thread::spawn(move || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime can be built")
            .block_on(work);
    });
    // A panic here during another panic would hide the test's own.
    if worker.join().is_err() {
        eprintln!("a test could not clean up after itself");
    }
}
