#[underscore_route(any, "/chat", inner = chat_inner)]
async fn chat(State(room): State<Room>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(|socket| async move {
        let _ = track("chat", talk(socket, room)).await;
    })
}
