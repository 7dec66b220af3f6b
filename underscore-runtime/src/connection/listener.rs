//! A listener whose connections are listed.

use std::fmt;
use std::io;

use axum::serve::{Listener, ListenerExt, TapIo};

use super::stream::TrackedStream;

/// A listener that lists the connections it accepts.
///
/// [`listen`] creates one for services whose `ConnectInfo` is the address. Services that implement
/// `Connected` for their own type create it with [`new`](Self::new):
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// use axum::Router;
/// use axum::extract::connect_info::Connected;
/// use axum::serve::IncomingStream;
/// use tokio::net::TcpListener;
/// use underscore_runtime::TrackedListener;
///
/// #[derive(Clone)]
/// struct Port(u16);
///
/// impl Connected<IncomingStream<'_, TrackedListener<TcpListener>>> for Port {
///     fn connect_info(stream: IncomingStream<'_, TrackedListener<TcpListener>>) -> Self {
///         Port(stream.remote_addr().port())
///     }
/// }
///
/// let listener = TrackedListener::new(TcpListener::bind("127.0.0.1:0").await?);
/// let app = Router::new().into_make_service_with_connect_info::<Port>();
/// let server = axum::serve(listener, app);
/// assert_ne!(server.local_addr()?.port(), 0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TrackedListener<L> {
    listener: L,
}

/// The return type of [`listen`], a listener for `axum::serve`.
///
/// It is wrapped in [`TapIo`], because axum implements `Connected` for the addresses of such
/// listeners: `into_make_service_with_connect_info::<SocketAddr>()` works as for a plain listener.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// use axum::serve::Listener;
/// use tokio::net::TcpListener;
/// use underscore_runtime::{Listening, listen};
///
/// let listener: Listening<TcpListener> = listen(TcpListener::bind("127.0.0.1:0").await?);
/// assert!(listener.local_addr()?.ip().is_loopback());
/// # Ok(())
/// # }
/// ```
pub type Listening<L> = TapIo<TrackedListener<L>, fn(&mut TrackedStream<<L as Listener>::Io>)>;

/// Lists the connections that `listener` accepts in `_cat/connections`, where an operator can see
/// and close them.
///
/// A connection costs a few hundred bytes, and an uncontended lock for each read and write. A
/// request on HTTP/1 costs a few nanoseconds more, to record its connection.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// use axum::Router;
/// use axum::serve::Listener;
/// use tokio::net::TcpListener;
///
/// let listener = underscore_runtime::listen(TcpListener::bind("127.0.0.1:0").await?);
/// assert_ne!(listener.local_addr()?.port(), 0);
/// let server = axum::serve(listener, Router::new());
/// # drop(server);
/// # Ok(())
/// # }
/// ```
pub fn listen<L>(listener: L) -> Listening<L>
where
    L: Listener<Addr: fmt::Debug>,
{
    TrackedListener::new(listener).tap_io(|_| ())
}

impl<L> TrackedListener<L> {
    /// Lists the connections that `listener` accepts in `_cat/connections`.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// use axum::serve::Listener;
    /// use tokio::net::TcpListener;
    /// use underscore_runtime::TrackedListener;
    ///
    /// let listener = TrackedListener::new(TcpListener::bind("127.0.0.1:0").await?);
    /// assert!(listener.local_addr()?.ip().is_loopback());
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(listener: L) -> Self {
        TrackedListener { listener }
    }
}

impl<L> Listener for TrackedListener<L>
where
    L: Listener<Addr: fmt::Debug>,
{
    type Io = TrackedStream<L::Io>;
    type Addr = L::Addr;

    async fn accept(&mut self) -> (Self::Io, L::Addr) {
        let (stream, remote) = self.listener.accept().await;
        let local = self.listener.local_addr().ok();
        let local = local.as_ref().map(|local| local as &dyn fmt::Debug);
        (TrackedStream::new(stream, &remote, local), remote)
    }

    fn local_addr(&self) -> io::Result<L::Addr> {
        self.listener.local_addr()
    }
}
