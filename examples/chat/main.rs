//! A chat: what is said is heard as server-sent events and over websockets, in `page.html` for example.
//!
//! ```text
//! cargo run --example chat -- [--listen 127.0.0.1:8083] [--admin PATH]
//! ```
//!
//! What to try is printed at the start. A stream of events is a task of its route until its last byte, and needs
//! nothing for it. A websocket is one because its talk is tracked; who talks and hears there are helpers of the
//! handler, so that `#[underscore_frame]` shows the line that each of them awaits.

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
use underscore_runtime::{serve_admin, track, underscore_frame, underscore_route};

#[path = "../shared/mod.rs"]
mod shared;

/// What to try.
const LINES: &str = r"
  # Open $APP in a browser, or be three who listen to events and two with a websocket. Of that, curl shows raw frames.
  seq 3 | xargs -P 3 -I{} curl -sSN '$APP/events?listener={}' &
  seq 2 | xargs -P 2 -I{} curl -sN '$APP/ws?talker={}' -H 'Connection: Upgrade' -H 'Upgrade: websocket' \
    -H 'Sec-WebSocket-Version: 13' -H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==' &
  sleep 1
  curl -s $APP/say -d 'hello'

  # Streams are streaming, and count their bytes. Websockets are tasks of their route that have a name.
  curl -s --unix-socket $SOCKET 'http://./_cat/tasks?v&h=id,name,path,state,running_time,bytes_sent,where,awaiting'

  # The same by what they wait for. A websocket does two things at once, so its stack has two branches.
  curl -s --unix-socket $SOCKET 'http://./_cat/stacks?v&h=count,path,state,oldest,stack'

  # End the oldest stream and no other: its client sees an error, and no false end.
  TASK=$(curl -s --unix-socket $SOCKET 'http://./_cat/tasks?routes=events&size=1&h=id')
  curl -s -w '\n' --unix-socket $SOCKET -X POST http://./_tasks/$TASK/_cancel

  # Close all websockets. A browser shows the reason, and comes back.
  curl -s --unix-socket $SOCKET -X POST 'http://./_routes/ws/interrupt?pretty&reason=to+another+server'
  curl -s $APP/say -d 'who is still there'
";

/// Who hears so many words late hears no more of those that are lost.
const KEPT: usize = 64;

/// How long a client is waited for that is told why its socket is closed.
const FAREWELL: Duration = Duration::from_secs(1);

#[derive(Clone)]
struct Room {
    said: broadcast::Sender<Utf8Bytes>,
}

#[underscore_route(get, "/", name = "page")]
async fn page() -> Html<&'static str> {
    Html(include_str!("page.html"))
}

#[underscore_route(post, "/say", name = "say")]
async fn say(State(room): State<Room>, words: String) -> String {
    // An error says that nobody listens.
    let heard = room.said.send(words.into()).unwrap_or(0);
    format!("heard by {heard}\n")
}

#[underscore_route(get, "/events", name = "events")]
async fn events(State(room): State<Room>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let words = stream::unfold(room.said.subscribe(), async |mut said| {
        let words = next(&mut said).await?;
        Some((Ok(Event::default().data(words.as_str())), said))
    });
    // A stream that never ends would keep the service from ending.
    let words = words.take_until(shared::stop());
    Sse::new(words).keep_alive(KeepAlive::default())
}

#[underscore_route(name = "ws")]
async fn ws(State(room): State<Room>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(|mut socket| async move {
        let reason = match track("talk", talk(&mut socket, &room)).await {
            Ok(()) => "the service ends".into(),
            Err(interrupted) => interrupted.reason().into(),
        };
        let code = close_code::AWAY;
        let why = Message::Close(Some(CloseFrame { code, reason }));
        // A client that has left hears nothing any more, and one that does not read is not waited for. A reason of
        // more than 123 bytes has no room in the frame: then the socket is closed without one.
        let _ = timeout(FAREWELL, socket.send(why)).await;
    })
}

/// Says and hears at the same time, until the client leaves or the service ends.
#[underscore_frame]
async fn talk(socket: &mut WebSocket, room: &Room) {
    let said = room.said.subscribe();
    let (to_client, from_client) = socket.split();
    tokio::select! {
        () = hears(to_client, said) => {}
        () = says(from_client, room) => {}
        () = shared::stop() => {}
    }
}

/// Sends on what is said in the room.
#[underscore_frame]
async fn hears(mut client: impl SinkExt<Message> + Unpin, mut said: Receiver<Utf8Bytes>) {
    while let Some(words) = next(&mut said).await {
        if client.send(Message::Text(words)).await.is_err() {
            return;
        }
    }
}

/// Says in the room what comes from the client.
#[underscore_frame]
async fn says(mut client: impl Stream<Item = Result<Message, axum::Error>> + Unpin, room: &Room) {
    while let Some(Ok(message)) = client.next().await {
        if let Message::Text(words) = message {
            // It is heard by this client at least.
            let _ = room.said.send(words);
        }
    }
}

/// The next words in the room.
#[underscore_frame]
async fn next(said: &mut Receiver<Utf8Bytes>) -> Option<Utf8Bytes> {
    loop {
        match said.recv().await {
            Ok(words) => return Some(words),
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return None,
        }
    }
}

/// The service.
fn app() -> Router {
    let (said, _) = broadcast::channel(KEPT);
    Router::new()
        .route("/", get(page))
        .route("/say", post(say))
        .route("/events", get(events))
        .route("/ws", any(ws))
        .with_state(Room { said })
}

#[tokio::main]
async fn main() -> ExitCode {
    shared::exit("chat", run().await)
}

async fn run() -> Result<(), Box<dyn Error>> {
    let options = shared::Options::read("chat", 8083)?;
    let listener = options.listener().await?;
    let admin = serve_admin(&options.admin)?;
    shared::greet(&listener, admin.path(), LINES)?;
    shared::serve(listener, app()).await?;
    admin.shutdown();
    Ok(())
}
