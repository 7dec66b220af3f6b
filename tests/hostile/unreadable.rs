//! Bytes that are not UTF-8, and requests that are not HTTP.

use underscore_runtime::AdminBuilder;

use super::raw::{Raw, others_are_served, served};

/// Holds 6.19, 6.24 of docs/admin-api.md.
#[tokio::test]
async fn invalid_utf_8_is_refused_where_it_matters() {
    let service = served(&AdminBuilder::new()).await;
    let put = |body: &[u8]| {
        let head = format!(
            "PUT /_routes/_all/settings HTTP/1.1\r\nhost: .\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        [head.as_bytes(), body].concat()
    };
    let get = |line: &[u8], header: &[u8]| {
        [b"GET ", line, b" HTTP/1.1\r\nhost: .\r\n", header, b"\r\n"].concat()
    };
    for (request, status, kind) in [
        // In the URI, encoded and raw.
        (
            get(b"/_cat/routes/%ff%c0", b""),
            400,
            "illegal_argument_exception",
        ),
        (get(b"/_cat/routes/\xff\xc0", b""), 400, ""),
        (get(b"/\xff", b""), 0, ""),
        (
            get(b"/_cat/routes?h=%ff", b""),
            400,
            "illegal_argument_exception",
        ),
        (get(b"/_cat/routes?h=\xff", b""), 400, ""),
        // Allowed in a header, and ignored.
        (get(b"/", b"x: \xff\xc0\r\n"), 200, ""),
        (get(b"/", b"x-opaque-id: \xff\xc0\r\n"), 200, ""),
        (get(b"/_cat/routes", b"accept: \xff\xc0\r\n"), 200, ""),
        (
            put(b"{\"transient\": {\"preempt.text\": \"\xff\xc0\"}}"),
            400,
            "parse_exception",
        ),
        (put(b"\xff"), 400, "parse_exception"),
        (get(b"/", b"x: \0\r\n"), 400, "parse_exception"),
        (b"\xff\xfe\xfd\r\n\r\n".to_vec(), 400, "parse_exception"),
        (b"GET / HTTP/9.9\r\n\r\n".to_vec(), 400, "parse_exception"),
        (
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
            400,
            "parse_exception",
        ),
    ] {
        let shown = String::from_utf8_lossy(&request).into_owned();
        let mut client = Raw::connect(&service).await;
        assert!(client.send(&request).await);
        let answer = client.answer().await;
        if status != 0 {
            assert_eq!(answer.status, status, "{shown:?}: {answer:?}");
        }
        if answer.status != 200 {
            let (found, _) = answer.error();
            assert!(kind.is_empty() || found == kind, "{shown:?}: {answer:?}");
        }
        let control = answer.body.chars().find(|c| c.is_control() && *c != '\n');
        assert_eq!(control, None, "{answer:?}");
    }
    others_are_served(&service).await;
}

#[tokio::test]
async fn http_2_is_not_spoken_and_the_connection_ends() {
    let service = served(&AdminBuilder::new()).await;
    let mut client = Raw::connect(&service).await;
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    assert!(client.send(preface).await);
    if let Some(answer) = client.try_answer().await {
        assert_eq!(answer.status, 400, "{answer:?}");
    }
    others_are_served(&service).await;
}
