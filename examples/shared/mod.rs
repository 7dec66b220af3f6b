//! Shared by the examples: command-line options, the commands to try, and shutdown. The use of the
//! library is in each example itself.

#![allow(dead_code, reason = "each example uses a part")]
#![allow(unreachable_pub, reason = "an example is not a library")]

use std::error::Error;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::LazyLock;
use std::time::Duration;

use axum::Router;
use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use underscore_runtime::drained;

/// The time that requests in flight have to complete after shutdown begins.
const GRACE: Duration = Duration::from_secs(5);

/// True once shutdown has begun.
static SHUTDOWN: LazyLock<watch::Sender<bool>> = LazyLock::new(watch::Sender::default);

/// The command-line options of an example.
pub struct Options {
    listen: SocketAddr,
    /// The path of its admin socket.
    pub admin: PathBuf,
}

impl Options {
    /// Parses the arguments. The defaults are this port on loopback and a socket named like the
    /// example.
    pub fn parse(name: &str, port: u16) -> Result<Self, lexopt::Error> {
        use lexopt::prelude::*;
        let mut options = Options {
            listen: SocketAddr::from(([127, 0, 0, 1], port)),
            admin: std::env::temp_dir().join(format!("{name}.sock")),
        };
        let mut arguments = lexopt::Parser::from_env();
        while let Some(argument) = arguments.next()? {
            match argument {
                Long("listen") => options.listen = arguments.value()?.parse()?,
                Long("admin") => options.admin = arguments.value()?.into(),
                Short('h') | Long("help") => {
                    let (listen, admin) = (options.listen, options.admin.display());
                    println!("{name} [--listen {listen}] [--admin {admin}]");
                    std::process::exit(0);
                }
                _ => return Err(argument.unexpected()),
            }
        }
        Ok(options)
    }

    /// Binds the address.
    pub async fn listener(&self) -> Result<TcpListener, String> {
        let listener = TcpListener::bind(self.listen).await;
        listener.map_err(|error| {
            let listen = self.listen;
            format!("cannot listen on {listen}: {error}; --listen 127.0.0.1:0 takes a free port")
        })
    }
}

/// Prints the addresses and the `commands` to try, with the addresses in place of `$APP` and
/// `$SOCKET`. Installs signal handlers for [`serve`] and [`stop`].
pub fn greet(listener: &TcpListener, admin: &Path, commands: &str) -> io::Result<()> {
    // Before the output, because the reader may press Ctrl-C at once.
    handle_signals()?;
    announce(listener, admin, commands)
}

/// Like [`greet`], without signal handlers.
pub fn announce(listener: &TcpListener, admin: &Path, commands: &str) -> io::Result<()> {
    let app = format!("http://{}", listener.local_addr()?);
    let socket = admin.display().to_string();
    let commands = commands.replace("$APP", &app).replace("$SOCKET", &socket);
    print_line(&format!(
        "serving {app}, admin API on {socket}; commands to try:\n{commands}\nCtrl-C ends it"
    ));
    Ok(())
}

/// Prints a line. `println!` would panic if the reader is gone, for example after `| head`.
fn print_line(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// Serves until shutdown begins, and then until no request is in flight or the grace period is
/// over.
pub async fn serve<L>(listener: L, app: Router) -> io::Result<()>
where
    L: Listener<Addr: std::fmt::Debug>,
    SocketAddr: for<'a> Connected<IncomingStream<'a, L>>,
{
    // With connect info, so that `_cat/tasks` shows the addresses of clients.
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    let served = axum::serve(listener, app).with_graceful_shutdown(drained(stop()));
    tokio::select! {
        served = served.into_future() => served,
        () = grace_period() => Ok(()),
    }
}

/// Resolves when shutdown begins. Can be awaited by any number of tasks.
pub async fn stop() {
    // Not an error, because the sender is never dropped.
    let _ = SHUTDOWN.subscribe().wait_for(|shutdown| *shutdown).await;
}

/// Resolves when the grace period after the beginning of shutdown is over.
async fn grace_period() {
    stop().await;
    print_line(&format!(
        "waiting for requests in flight, at most {GRACE:?}"
    ));
    tokio::time::sleep(GRACE).await;
}

/// Makes Ctrl-C and `kill` begin shutdown instead of ending the process at once.
fn handle_signals() -> io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        SHUTDOWN.send_replace(true);
    });
    Ok(())
}

/// Converts the result of an example to its exit code and prints an error.
pub fn exit(name: &str, result: Result<(), Box<dyn Error>>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{name}: {error}");
            ExitCode::FAILURE
        }
    }
}
