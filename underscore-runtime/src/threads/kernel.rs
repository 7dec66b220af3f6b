//! What the kernel says that a thread does. Linux tells it in `/proc`; elsewhere nothing is known.

/// The kernel's number of the calling thread.
#[cfg(target_os = "linux")]
pub(super) fn current_thread() -> Option<u32> {
    // `<process>/task/<thread>`, without a system call that only unsafe code could make.
    let link = std::fs::read_link("/proc/thread-self").ok()?;
    link.file_name()?.to_str()?.parse().ok()
}

#[cfg(not(target_os = "linux"))]
pub(super) fn current_thread() -> Option<u32> {
    None
}

/// What a thread of this process does: `running`, `futex` (it waits for a lock or a condition of
/// this process), `epoll`, `sleeping`, or the name of the function in which it sleeps in the
/// kernel.
pub(super) fn wait(thread: u32) -> Option<String> {
    let read = |file: &str| std::fs::read_to_string(format!("/proc/self/task/{thread}/{file}"));
    let stat = read("stat").ok()?;
    // The name stands in parentheses and may have some of its own; the state is behind the last.
    let state = stat.rsplit_once(") ")?.1.chars().next()?;
    Some(word(state, read("wchan").ok().as_deref()))
}

/// One sleep of a thread in the kernel: until it wakes up, the kernel counts no other one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sleep {
    /// How often the thread has given up its processor by itself.
    switches: u64,
}

/// The sleep that a thread of this process is in; `None` if it runs, or if that cannot be had.
pub(super) fn sleep(thread: u32) -> Option<Sleep> {
    let status = std::fs::read_to_string(format!("/proc/self/task/{thread}/status")).ok()?;
    let value = |name: &str| {
        let mut lines = status.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
    };
    let state = value("State")?.trim_start().chars().next()?;
    let switches = value("voluntary_ctxt_switches")?.trim().parse().ok()?;
    matches!(state, 'S' | 'D').then_some(Sleep { switches })
}

fn word(state: char, sleeps_in: Option<&str>) -> String {
    let word = match (state, sleeps_in.map(str::trim)) {
        ('R', _) => "running",
        ('D', _) => "disk",
        ('T' | 't', _) => "stopped",
        (_, Some(function)) if function.starts_with("futex") => "futex",
        (_, None | Some("" | "0")) => "sleeping",
        (_, Some(function)) if function.contains("nanosleep") => "sleeping",
        (_, Some(function)) if function.contains("epoll") || function == "ep_poll" => "epoll",
        (_, Some(function)) => function,
    };
    word.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_words_are_put_into_a_few() {
        let cases = [
            ('R', Some("0"), "running"),
            ('S', Some("futex_do_wait"), "futex"),
            ('S', Some("futex_wait_queue\n"), "futex"),
            ('S', Some("hrtimer_nanosleep"), "sleeping"),
            ('S', Some("0"), "sleeping"),
            ('S', None, "sleeping"),
            ('S', Some("ep_poll"), "epoll"),
            ('S', Some("do_epoll_wait"), "epoll"),
            ('S', Some("pipe_read"), "pipe_read"),
            ('D', Some("io_schedule"), "disk"),
        ];
        for (state, function, expected) in cases {
            assert_eq!(word(state, function), expected, "{state} {function:?}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_thread_that_asks_about_itself_runs() {
        let thread = current_thread().expect("a number");
        assert_eq!(wait(thread).as_deref(), Some("running"));
        assert_eq!(sleep(thread), None, "it runs");
        assert_eq!(wait(u32::MAX), None, "there is no such thread");
    }
}
