//! The numbers of the process, as proc(5) has them. Each is `None` if the system does not tell it.

use std::time::Duration;

/// The numbers at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ProcessNumbers {
    pub(super) open_fds: Option<u64>,
    /// The soft limit of descriptors.
    pub(super) max_fds: Option<u64>,
    pub(super) threads: Option<u64>,
    pub(super) resident_bytes: Option<u64>,
    pub(super) virtual_bytes: Option<u64>,
    /// Time on processors, in user mode and in the kernel.
    pub(super) cpu_time: Option<Duration>,
    /// The start of the process since 1970.
    pub(super) started: Option<Duration>,
}

impl ProcessNumbers {
    /// Reads the numbers.
    #[cfg(target_os = "linux")]
    pub(super) fn read() -> Self {
        linux::read().unwrap_or_default()
    }

    /// Other systems have no `/proc/self`.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn read() -> Self {
        Self::default()
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::time::Duration;

    use procfs::process::{LimitValue, Process};

    use super::ProcessNumbers;

    pub(super) fn read() -> Option<ProcessNumbers> {
        let process = Process::myself().ok()?;
        let stat = process.stat().ok()?;
        let max_fds = process.limits().ok().map(|limits| limits.max_open_files);
        let boot = procfs::boot_time_secs().ok().map(Duration::from_secs);
        Some(ProcessNumbers {
            open_fds: process.fd_count().ok().map(|count| count as u64),
            max_fds: max_fds.map(|limit| match limit.soft_limit {
                LimitValue::Value(most) => most,
                LimitValue::Unlimited => u64::MAX,
            }),
            threads: u64::try_from(stat.num_threads).ok(),
            resident_bytes: Some(stat.rss.saturating_mul(procfs::page_size())),
            virtual_bytes: Some(stat.vsize),
            cpu_time: Some(time(stat.utime.saturating_add(stat.stime))),
            started: boot.map(|boot| boot.saturating_add(time(stat.starttime))),
        })
    }

    /// The kernel counts time in ticks.
    fn time(ticks: u64) -> Duration {
        let nanos = ticks.saturating_mul(1_000_000_000);
        let nanos = nanos.checked_div(procfs::ticks_per_second());
        Duration::from_nanos(nanos.unwrap_or_default())
    }
}
