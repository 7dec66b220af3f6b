//! A chat over server-sent events and websockets, with a client in `page.html`.
//!
//! ```text
//! cargo run --example chat -- [--listen 127.0.0.1:8083] [--admin PATH]
//! ```
//!
//! The commands to try are printed at the start. A stream of events is a task until its last byte,
//! without further code. A websocket is a task because of `track`, and `#[underscore_frame]` on the
//! helpers shows the lines that its two halves await. `listen` lists the connections under them,
//! and `drained` lets an operator begin the shutdown.

use std::convert::Infallible;
use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{Html, Response};
use axum::routing::{any, get, post};
use futures_util::{SinkExt, Stream, StreamExt, stream};
use tokio::sync::broadcast::{self, Receiver, error::RecvError};
use tokio::time::timeout;
use underscore_runtime::{listen, serve_admin, track, underscore_frame, underscore_route};

#[path = "../shared/mod.rs"]
mod shared;

/// The commands to try.
const COMMANDS: &str = r"
  # Open $APP in a browser, or start three clients for events and two for websockets.
  # Of a websocket, curl prints raw frames.
  seq 3 | xargs -P 3 -I{} curl -sSN '$APP/events?listener={}' &
  seq 2 | xargs -P 2 -I{} curl -sN '$APP/ws?talker={}' -H 'Connection: Upgrade' -H 'Upgrade: websocket' \
    -H 'Sec-WebSocket-Version: 13' -H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==' &
  sleep 1
  curl -s $APP/say -d 'hello'

  # Streams are in state `streaming` and count their bytes. Websockets are tasks with a name.
  curl -s --unix-socket $SOCKET 'http://./_cat/tasks?v&h=id,name,path,state,running_time,bytes_sent,where,awaiting'

  # The same, grouped by stack. A websocket awaits two things, so its stack has two branches.
  curl -s --unix-socket $SOCKET 'http://./_cat/stacks?v&h=count,path,state,oldest,stack'

  # The connections under them: those of streams are `active`, those of websockets `upgraded`.
  curl -s --unix-socket $SOCKET 'http://./_cat/connections?v&h=id,remote,state,requests,bytes_out,idle_for'

  # Cancel the oldest stream only. Its client sees an error, not a normal end.
  TASK=$(curl -s --unix-socket $SOCKET 'http://./_cat/tasks?routes=events&size=1&h=id')
  curl -s -w '\n' --unix-socket $SOCKET -X POST http://./_tasks/$TASK/_cancel

  # Interrupt all websockets. A browser shows the reason and reconnects.
  curl -s --unix-socket $SOCKET -X POST 'http://./_routes/ws/interrupt?pretty&reason=to+another+server'
  curl -s $APP/say -d 'who is still there'

  # Shut down. Idle connections are closed; the answer says who is left, and how to close them, too.
  curl -s --unix-socket $SOCKET -X POST 'http://./_drain?close=idle,new&timeout=2s&pretty'
";

/// The number of messages that are kept for slow receivers.
const CAPACITY: usize = 64;

/// The time limit for sending the close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

#[derive(Clone)]
struct Room {
    messages: broadcast::Sender<Utf8Bytes>,
}

#[underscore_route(get, "/", name = "page")]
async fn page() -> Html<&'static str> {
    Html(include_str!("page.html"))
}

#[underscore_route(post, "/say", name = "say")]
async fn say(State(room): State<Room>, words: String) -> String {
    // It fails if there are no receivers.
    let receivers = room.messages.send(words.into()).unwrap_or(0);
    format!("heard by {receivers}\n")
}

#[underscore_route(get, "/events", name = "events")]
async fn events(State(room): State<Room>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let words = stream::unfold(room.messages.subscribe(), async |mut messages| {
        let words = next(&mut messages).await?;
        Some((Ok(Event::default().data(words.as_str())), messages))
    });
    // An endless stream would delay shutdown.
    let words = words.take_until(shared::stop());
    Sse::new(words).keep_alive(KeepAlive::default())
}

#[underscore_route(name = "ws")]
async fn ws(State(room): State<Room>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(|mut socket| async move {
        let reason = match track("talk", talk(&mut socket, &room)).await {
            Ok(()) => "shutting down".into(),
            Err(interrupted) => interrupted.reason().into(),
        };
        let code = close_code::AWAY;
        let close = Message::Close(Some(CloseFrame { code, reason }));
        // Fails if the client has left, if it does not read, or if the reason has more than 123
        // bytes, which do not fit in the frame. Then the socket is closed without a reason.
        let _ = timeout(CLOSE_TIMEOUT, socket.send(close)).await;
    })
}

/// Sends and receives concurrently, until the client leaves or the service shuts down.
#[underscore_frame]
async fn talk(socket: &mut WebSocket, room: &Room) {
    let messages = room.messages.subscribe();
    let (to_client, from_client) = socket.split();
    tokio::select! {
        () = forward(to_client, messages) => {}
        () = receive(from_client, room) => {}
        () = shared::stop() => {}
    }
}

/// Forwards the messages of the room to the client.
#[underscore_frame]
async fn forward(mut client: impl SinkExt<Message> + Unpin, mut messages: Receiver<Utf8Bytes>) {
    while let Some(words) = next(&mut messages).await {
        if client.send(Message::Text(words)).await.is_err() {
            return;
        }
    }
}

/// Sends the messages of the client to the room.
#[underscore_frame]
async fn receive(
    mut client: impl Stream<Item = Result<Message, axum::Error>> + Unpin,
    room: &Room,
) {
    while let Some(Ok(message)) = client.next().await {
        if let Message::Text(words) = message {
            // This client is a receiver, so it cannot fail.
            let _ = room.messages.send(words);
        }
    }
}

/// The next message of the room.
#[underscore_frame]
async fn next(messages: &mut Receiver<Utf8Bytes>) -> Option<Utf8Bytes> {
    loop {
        match messages.recv().await {
            Ok(words) => return Some(words),
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return None,
        }
    }
}

/// The service.
fn app() -> Router {
    let (messages, _) = broadcast::channel(CAPACITY);
    Router::new()
        .route("/", get(page))
        .route("/say", post(say))
        .route("/events", get(events))
        .route("/ws", any(ws))
        .with_state(Room { messages })
}

#[tokio::main]
async fn main() -> ExitCode {
    shared::exit("chat", run().await)
}

async fn run() -> Result<(), Box<dyn Error>> {
    let options = shared::Options::parse("chat", 8083)?;
    let listener = options.listener().await?;
    let admin = serve_admin(&options.admin)?;
    shared::greet(&listener, admin.path(), COMMANDS)?;
    shared::serve(listen(listener), app()).await?;
    admin.shutdown().await;
    Ok(())
}
