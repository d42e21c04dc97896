//! Submissions that wait for a message.

use std::{
    collections::VecDeque,
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

/// What one message may hold, unless a single submission is larger.
const MAX_LEADS: usize = 5_000;
const MAX_BYTES: usize = 1 << 20;

/// What waits for a lane's next message, in the order in which it came.
///
/// Whoever sends it is woken once there is enough for him, not for each that comes: at a high rate of
/// single leads, being woken would cost more than everything else he does.
pub(super) struct Arrivals<T> {
    state: Mutex<State<T>>,
    enough: Notify,
}

struct State<T> {
    waiting: VecDeque<(T, Size)>,
    /// Of all that wait.
    total: Size,
    wanted: Wanted,
}

/// How large a submission is, or several together.
#[derive(Clone, Copy, Default)]
pub(super) struct Size {
    /// Entries.
    pub(super) leads: usize,
    /// Of their JSON text.
    pub(super) bytes: usize,
}

/// What the sender waits for; either will do.
#[derive(Clone, Copy)]
struct Wanted {
    submissions: usize,
    leads: usize,
}

impl<T> Default for Arrivals<T> {
    fn default() -> Self {
        let wanted = Wanted { submissions: 1, leads: 1 };
        let state = State { waiting: VecDeque::new(), total: Size::default(), wanted };
        Self { state: Mutex::new(state), enough: Notify::new() }
    }
}

impl<T> Arrivals<T> {
    /// Adds one.
    pub(super) fn add(&self, submission: T, size: Size) {
        let is_enough = {
            let mut state = self.lock();
            state.waiting.push_back((submission, size));
            state.total = state.total.with(size);
            state.is_enough()
        };
        if is_enough {
            self.enough.notify_one();
        }
    }

    /// Returns when so many submissions wait, or more than fits into a message.
    pub(super) async fn submissions(&self, submissions: usize) {
        self.reach(Wanted { submissions, leads: usize::MAX }).await;
    }

    /// Returns when submissions of so many leads wait, or more than fits into a message.
    pub(super) async fn leads(&self, leads: usize) {
        self.reach(Wanted { submissions: usize::MAX, leads }).await;
    }

    async fn reach(&self, wanted: Wanted) {
        loop {
            // Told again after each awakening, which may have been meant for an earlier wish.
            {
                let mut state = self.lock();
                state.wanted = wanted;
                if state.is_enough() {
                    return;
                }
            }
            self.enough.notified().await;
        }
    }

    /// Takes as many as fit into a message.
    pub(super) fn take(&self) -> Vec<T> {
        let mut state = self.lock();
        let (mut taken, mut size) = (Vec::new(), Size::default());
        while let Some((_, next)) = state.waiting.front() {
            let with_next = size.with(*next);
            if !taken.is_empty() && with_next.exceeds_message() {
                break;
            }
            size = with_next;
            taken.extend(state.waiting.pop_front().map(|(submission, _)| submission));
        }
        let total = mem::take(&mut state.total);
        state.total = Size { leads: total.leads - size.leads, bytes: total.bytes - size.bytes };
        taken
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    fn is_enough(&self) -> bool {
        let Wanted { submissions, leads } = self.wanted;
        self.waiting.len() >= submissions
            || self.total.leads >= leads
            || self.total.exceeds_message()
    }
}

impl Size {
    fn with(self, other: Self) -> Self {
        Self { leads: self.leads + other.leads, bytes: self.bytes + other.bytes }
    }

    fn exceeds_message(self) -> bool {
        self.leads > MAX_LEADS || self.bytes > MAX_BYTES
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn size(leads: usize) -> Size {
        Size { leads, bytes: leads }
    }

    fn waiting(sizes: &[usize]) -> Arrivals<usize> {
        let arrivals = Arrivals::default();
        sizes.iter().for_each(|&leads| arrivals.add(leads, size(leads)));
        arrivals
    }

    #[test]
    fn a_message_takes_in_order_what_fits() {
        let arrivals = waiting(&[1, 2, MAX_LEADS - 3, 1, MAX_LEADS + 1, 3]);
        assert_eq!(arrivals.take(), [1, 2, MAX_LEADS - 3]);
        assert_eq!(arrivals.take(), [1]);
        assert_eq!(arrivals.take(), [MAX_LEADS + 1], "a large one goes alone");
        assert_eq!(arrivals.take(), [3]);
        assert!(arrivals.take().is_empty());
    }

    #[test]
    fn bytes_count_too() {
        let arrivals = Arrivals::default();
        for bytes in [MAX_BYTES - 1, 1, 1] {
            arrivals.add(bytes, Size { leads: 1, bytes });
        }
        assert_eq!(arrivals.take(), [MAX_BYTES - 1, 1]);
        assert_eq!(arrivals.take(), [1]);
    }

    #[test]
    fn enough_is_a_number_of_submissions_or_of_leads() {
        let arrivals = waiting(&[1, 3]);
        assert!(arrivals.submissions(2).now_or_never().is_some());
        assert!(arrivals.submissions(3).now_or_never().is_none());
        assert!(arrivals.leads(4).now_or_never().is_some());
        assert!(arrivals.leads(5).now_or_never().is_none());
        arrivals.take();
        assert!(arrivals.submissions(1).now_or_never().is_none());
        assert!(arrivals.leads(1).now_or_never().is_none());
    }

    #[test]
    fn more_than_a_message_is_always_enough() {
        let arrivals = waiting(&[MAX_LEADS]);
        assert!(arrivals.leads(usize::MAX).now_or_never().is_none());
        arrivals.add(1, size(1));
        assert!(arrivals.leads(usize::MAX).now_or_never().is_some());
        assert!(arrivals.submissions(usize::MAX).now_or_never().is_some());
    }

    #[test]
    fn who_waits_is_woken_when_there_is_enough() {
        let arrivals = waiting(&[]);
        let woken = std::sync::Arc::new(Woken::default());
        let waker = woken.clone().into();
        let mut context = std::task::Context::from_waker(&waker);
        let mut enough = std::pin::pin!(arrivals.submissions(3));
        assert!(enough.as_mut().poll(&mut context).is_pending());
        arrivals.add(1, size(1));
        arrivals.add(1, size(1));
        assert_eq!(woken.times(), 0, "not for each");
        arrivals.add(1, size(1));
        assert_eq!(woken.times(), 1);
        assert!(enough.as_mut().poll(&mut context).is_ready());
    }

    #[derive(Default)]
    struct Woken(std::sync::atomic::AtomicUsize);

    impl Woken {
        fn times(&self) -> usize {
            self.0.load(std::sync::atomic::Ordering::Relaxed)
        }
    }

    impl std::task::Wake for Woken {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }
}
