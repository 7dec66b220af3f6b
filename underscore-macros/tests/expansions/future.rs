#[underscore_route("/now", crate = framework::reexport)]
#[cfg(feature = "clock")]
#[tracing::instrument]
pub(crate) fn now() -> impl Future<Output = String> {
    let started = Instant::now();
    async move { format(started, read_clock().await) }
}
