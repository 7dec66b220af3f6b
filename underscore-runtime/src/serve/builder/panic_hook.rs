//! The option of the panic hook.

use super::AdminBuilder;

impl AdminBuilder {
    /// Sets whether the message and the place of a panic are recorded. The default is `true`.
    ///
    /// With `true`, [`serve`](Self::serve) and [`router`](Self::router) install a panic hook for
    /// the whole process, unless it is installed already. It notes the message, up to 1 KiB, and
    /// the place of a panic in the code of a request or of [tracked](crate::track) work, and always
    /// calls the hook that was installed before. Panics elsewhere are not recorded. The note is
    /// written to the log, with the target `underscore::panic`, when the request ends by the panic.
    ///
    /// With `false`, the hook is left alone, and the log only says that a request panicked. Messages
    /// may contain data of requests. A process has one hook: it is only left alone if each server
    /// and router of the process is built so, which those of
    /// [`serve_admin`](crate::serve_admin) and [`admin_router`](crate::admin_router) are not.
    ///
    /// A hook that is set later may call this one, as those of `color-eyre` and `sentry` do. If it
    /// replaces this one instead, then the first panic that ends a request is recorded without
    /// message and place, and this hook is installed again around the new one. The standard library
    /// cannot exchange hooks atomically: while this one is installed, a panic of another thread may
    /// call the default hook, and a hook that another thread sets may be lost. Set hooks before
    /// `serve`.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("app.sock");
    /// use std::sync::atomic::{AtomicU32, Ordering};
    /// use underscore_runtime::AdminBuilder;
    ///
    /// static PANICS: AtomicU32 = AtomicU32::new(0);
    ///
    /// std::panic::set_hook(Box::new(|_| {
    ///     PANICS.fetch_add(1, Ordering::Relaxed);
    /// }));
    /// let admin = AdminBuilder::new().panic_hook(true).serve(&path)?;
    /// assert!(std::thread::spawn(|| panic!("on purpose")).join().is_err());
    /// assert_eq!(PANICS.load(Ordering::Relaxed), 1, "the service's hook is called");
    /// # admin.shutdown_blocking();
    /// # Ok(())
    /// # }
    /// ```
    pub fn panic_hook(mut self, install: bool) -> Self {
        self.panic_hook = install;
        self
    }
}
