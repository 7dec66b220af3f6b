//! The panic hook. It notes the panic in the task whose code has panicked, and then calls the hook
//! that was installed before.
//!
//! It runs in the middle of arbitrary code of the host, so it takes only one lock, that of the
//! task's record, which is never held while code of the host runs.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{PanicHookInfo, set_hook, take_hook};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::thread::{Builder, panicking};

use crate::sync::Mutex;
use crate::task::{PanicNote, with_thread};
use crate::truncate;

/// Maximum length of a message, in bytes: 1 KiB with the ellipsis of a truncated one.
const LONGEST: usize = 1024 - '…'.len_utf8();

/// Owned by the installed hook. It is dropped with the hook, if other code replaces that and does
/// not keep it to call it.
struct Installed;

/// The hook that was installed last, `None` if none was wanted.
static HOOK: Mutex<Option<Weak<Installed>>> = Mutex::new(None);

/// True once a task has ended by a panic that the hook has not noted: by `resume_unwind`, which
/// calls no hook, or because the hook was replaced.
static WAS_MISSED: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// The last panic of this thread. Only read for code that runs between the polls of its task.
    static LAST: RefCell<Option<PanicNote>> = const { RefCell::new(None) };
}

/// Installs the hook for the whole process, unless it is installed.
///
/// std cannot replace a hook atomically: a panic of another thread at this moment calls the default
/// hook instead of the host's, and a hook that another thread sets at this moment is lost.
pub(crate) fn install() {
    // In a panicking thread, `set_hook` panics. A hook of the host also runs in such a thread, and
    // would wait for itself here.
    if panicking() {
        return;
    }
    let mut hook = HOOK.lock();
    if hook.as_ref().is_none_or(is_dropped) {
        let installed = Arc::new(Installed);
        *hook = Some(Arc::downgrade(&installed));
        let before = take_hook();
        set_hook(Box::new(move |info| {
            let _ = &installed;
            note(info);
            before(info);
        }));
    }
}

/// Records a panic that the hook has not noted.
pub(super) fn record_missed() {
    WAS_MISSED.store(true, Ordering::Relaxed);
}

/// Installs the hook again, around the one that has replaced it, once a panic was missed. Until
/// then the host may be installing several hooks in turn, one of which could be lost: see
/// [`install`]. A hook that the one around it owns is left alone, because that one may call it: at
/// most one exists, however often a panic is missed.
pub(super) fn restore_if_replaced() {
    if WAS_MISSED.load(Ordering::Relaxed) && WAS_MISSED.swap(false, Ordering::Relaxed) && is_gone()
    {
        // std waits for hooks that run on other threads, and a hook of the host may block forever
        // on a full pipe. Without a thread, the next panic that is missed tries again.
        let thread = Builder::new().name("underscore-hook".into());
        drop(thread.spawn(install));
    }
}

/// True if the hook was installed, and dropped since.
fn is_gone() -> bool {
    // While it is being installed, the lock is held for as long as a hook of the host runs.
    let hook = HOOK.try_lock();
    hook.is_some_and(|hook| hook.as_ref().is_some_and(is_dropped))
}

fn is_dropped(hook: &Weak<Installed>) -> bool {
    hook.strong_count() == 0
}

/// Notes a panic, on the panicking thread.
fn note(info: &PanicHookInfo<'_>) {
    let (is_used, task) = with_thread(|thread| {
        let task = thread.slot.get().filter(|_| thread.id.get() != 0);
        (thread.has_polled(), task)
    });
    if !is_used {
        return;
    }
    let place = info.location().map(ToString::to_string);
    let note = PanicNote {
        message: truncate::to_bytes(message(info.payload()), LONGEST).into(),
        place: place.unwrap_or_default().into(),
    };
    if let Some(task) = task {
        task.set_panic(note.clone());
    }
    // Fails if the thread is being torn down.
    let _ = LAST.try_with(|last| last.replace(Some(note)));
}

/// The message as std prints it.
fn message(payload: &dyn Any) -> &str {
    let literal = payload.downcast_ref::<&'static str>().copied();
    let text = || payload.downcast_ref::<String>().map(String::as_str);
    literal.or_else(text).unwrap_or("Box<dyn Any>")
}

/// Takes the note of the panic by which this thread unwinds. It is that of an earlier panic if
/// `resume_unwind` has begun this one.
pub(super) fn take_last() -> Option<PanicNote> {
    let take = || LAST.try_with(RefCell::take).ok()?;
    panicking().then(take)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_installed_hook_is_not_installed_again() {
        install();
        let installed = HOOK.lock().clone().expect("it is wanted");
        for _ in 0..3 {
            record_missed();
            assert!(!is_gone());
            restore_if_replaced();
            install();
        }
        let hook = HOOK.lock().clone().expect("it is wanted");
        assert!(Weak::ptr_eq(&installed, &hook));
    }
}
