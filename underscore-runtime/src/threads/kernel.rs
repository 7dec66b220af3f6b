//! The state of a thread according to the kernel, from `/proc`. Not available outside Linux.

/// The kernel's id of the calling thread.
#[cfg(target_os = "linux")]
pub(super) fn current_thread() -> Option<u32> {
    // Reads `<process>/task/<thread>`; `gettid` would need unsafe code.
    let link = std::fs::read_link("/proc/thread-self").ok()?;
    link.file_name()?.to_str()?.parse().ok()
}

#[cfg(not(target_os = "linux"))]
pub(super) fn current_thread() -> Option<u32> {
    None
}

/// The state of a thread of this process: `running`, `futex` (waiting for a lock or a condition
/// variable), `epoll`, `sleeping`, `disk`, `stopped`, or the name of the kernel function in which
/// it sleeps.
pub(crate) fn wait(thread: u32) -> Option<String> {
    let read = |file: &str| std::fs::read_to_string(format!("/proc/self/task/{thread}/{file}"));
    let stat = read("stat").ok()?;
    // The thread's name is in parentheses and may contain some; the state follows the last one.
    let state = stat.rsplit_once(") ")?.1.chars().next()?;
    Some(word(state, read("wchan").ok().as_deref()))
}

/// One sleep of a thread in the kernel. Two equal values are the same sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sleep {
    /// Number of voluntary context switches of the thread so far.
    switches: u64,
}

/// The sleep that a thread of this process is in, `None` if it runs or its state is not available.
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
    fn kernel_functions_map_to_a_few_words() {
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
    fn the_calling_thread_is_running() {
        let thread = current_thread().expect("a number");
        assert_eq!(wait(thread).as_deref(), Some("running"));
        assert_eq!(sleep(thread), None, "it runs");
        assert_eq!(wait(u32::MAX), None, "there is no such thread");
    }
}
