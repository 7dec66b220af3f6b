//! Profiles: sessions that record the samples of the ticks while they last.

mod recording;
mod sample;

use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, Ordering};
use recording::Recording;

pub(crate) use recording::{MAX_STACKS, Profile, ProfileStack};
pub(crate) use sample::{Filter, Sample, Tick, Weight};

/// Maximum number of sessions at a time.
pub(crate) const MAX_SESSIONS: usize = 4;

static SESSIONS: Mutex<Sessions> = Mutex::new(Sessions {
    last_number: 0,
    recordings: Vec::new(),
});

/// True while there is a session.
static IS_ACTIVE: AtomicBool = AtomicBool::new(false);

/// The sessions in progress.
struct Sessions {
    last_number: u64,
    /// Each with the number of its session.
    recordings: Vec<(u64, Recording)>,
}

/// A profile in progress. It ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Session {
    number: u64,
}

/// [`MAX_SESSIONS`] are in progress.
#[derive(Debug)]
pub(crate) struct TooManySessions;

/// True while a profile is in progress: a pass then samples more tasks.
#[inline]
pub(crate) fn is_active() -> bool {
    // Relaxed: a pass that sees a change late does no harm.
    IS_ACTIVE.load(Ordering::Relaxed)
}

/// Adds a sample to all sessions.
pub(crate) fn add(sample: &Sample<'_>) {
    for (_, recording) in &mut SESSIONS.lock().recordings {
        recording.add(sample);
    }
}

/// Ends a tick.
pub(crate) fn end_of_tick(tick: &Tick) {
    for (_, recording) in &mut SESSIONS.lock().recordings {
        recording.end_of_tick(tick);
    }
}

impl Session {
    /// Begins a profile.
    pub(crate) fn start(filter: Filter) -> Result<Self, TooManySessions> {
        let mut sessions = SESSIONS.lock();
        if sessions.recordings.len() >= MAX_SESSIONS {
            return Err(TooManySessions);
        }
        let number = sessions.last_number.saturating_add(1);
        sessions.last_number = number;
        sessions.recordings.push((number, Recording::new(filter)));
        IS_ACTIVE.store(true, Ordering::Relaxed);
        Ok(Session { number })
    }

    /// Ends the profile. The returned function adds it up, which takes milliseconds if it is large.
    pub(crate) fn finish(self) -> impl FnOnce() -> Profile + Send + 'static {
        let recording = self.take();
        move || recording.map(Recording::into_profile).unwrap_or_default()
    }

    fn take(&self) -> Option<Recording> {
        let mut sessions = SESSIONS.lock();
        let mut numbers = sessions.recordings.iter().map(|(number, _)| *number);
        let index = numbers.position(|number| number == self.number)?;
        let (_, recording) = sessions.recordings.swap_remove(index);
        IS_ACTIVE.store(!sessions.recordings.is_empty(), Ordering::Relaxed);
        Some(recording)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.take();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sessions are of the whole process, so one test has them all.
    #[test]
    fn a_session_lasts_until_it_is_finished_or_dropped() {
        let start = || Session::start(Filter::default());
        let mut sessions: Vec<Session> = (0..MAX_SESSIONS).map_while(|_| start().ok()).collect();
        assert_eq!(sessions.len(), MAX_SESSIONS);
        start().expect_err("one too many");
        assert!(is_active());
        drop(sessions.pop());
        let later = start().expect("one has ended");
        for session in sessions {
            session.finish()();
        }
        assert!(is_active());
        drop(later);
        assert!(!is_active());
    }
}
