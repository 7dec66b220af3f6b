//! What the examples have in common and a service of yours has in its own way: options, a greeting, an end.
//! What makes a service visible is not in here, but in each example.

#![allow(dead_code, reason = "each example uses a part of it")]
#![allow(unreachable_pub, reason = "an example is no library")]

use std::error::Error;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::LazyLock;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// How long requests in flight may still take once the service is told to end.
const GRACE: Duration = Duration::from_secs(5);

/// Whether somebody has said that the service is to end.
static TOLD_TO_END: LazyLock<watch::Sender<bool>> = LazyLock::new(watch::Sender::default);

/// Where an example listens.
pub struct Options {
    listen: SocketAddr,
    /// The path of its admin socket.
    pub admin: PathBuf,
}

impl Options {
    /// Reads the arguments; without any it is this port of loopback, and a socket of the example's name.
    pub fn read(name: &str, port: u16) -> Result<Self, lexopt::Error> {
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

    /// Listens on the address, or says why that cannot be.
    pub async fn listener(&self) -> Result<TcpListener, String> {
        let listener = TcpListener::bind(self.listen).await;
        listener.map_err(|error| {
            let listen = self.listen;
            format!("cannot listen on {listen}: {error}; --listen 127.0.0.1:0 takes a free port")
        })
    }
}

/// Says where the service is, and what to try: `lines` of a shell, with the addresses in place of `$APP` and `$SOCKET`.
pub fn greet(listener: &TcpListener, admin: &Path, lines: &str) -> io::Result<()> {
    // Who reads this may press Ctrl-C already.
    hear_signals()?;
    announce(listener, admin, lines)
}

/// The same for a service that a signal ends as it ends any process.
pub fn announce(listener: &TcpListener, admin: &Path, lines: &str) -> io::Result<()> {
    let app = format!("http://{}", listener.local_addr()?);
    let socket = admin.display().to_string();
    let lines = lines.replace("$APP", &app).replace("$SOCKET", &socket);
    say(&format!(
        "serving {app}, admin API on {socket}; this is what to try:\n{lines}\nCtrl-C ends it"
    ));
    Ok(())
}

/// Prints a line. Not `println!`, which panics when nobody reads any more, as after `| head`.
fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// Serves until the service is told to end, and then for as long as requests are in flight, but not for ever.
pub async fn serve(listener: TcpListener, app: Router) -> io::Result<()> {
    // With the clients' addresses, so that `_cat/tasks` can show them.
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    let served = axum::serve(listener, app).with_graceful_shutdown(stop());
    tokio::select! {
        served = served.into_future() => served,
        () = late() => Ok(()),
    }
}

/// Resolves when the service is told to end. As many as like can wait for it.
pub async fn stop() {
    // The sender is never dropped, so this is no error.
    let _ = TOLD_TO_END.subscribe().wait_for(|told| *told).await;
}

/// Resolves when the service was told to end and should have.
async fn late() {
    stop().await;
    say(&format!(
        "ends when the requests in flight do, or in {GRACE:?}"
    ));
    tokio::time::sleep(GRACE).await;
}

/// From now on, Ctrl-C and `kill` are heard, and do not end the process at once.
fn hear_signals() -> io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        TOLD_TO_END.send_replace(true);
    });
    Ok(())
}

/// What an example gives back to its shell; an error is for people.
pub fn exit(name: &str, ended: Result<(), Box<dyn Error>>) -> ExitCode {
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{name}: {error}");
            ExitCode::FAILURE
        }
    }
}
