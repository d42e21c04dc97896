use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use super::*;
use crate::eventually;

const LONG: Duration = Duration::from_secs(10);
/// How long nothing must come.
const SHORT: Duration = Duration::from_millis(200);

/// A server that sends everything back, and the proxy before it.
async fn echo() -> (Proxy, watch::Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("test://user@{}/path", listener.local_addr().expect("bound"));
    let (got, all) = watch::channel(Vec::new());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let got = got.clone();
            tokio::spawn(async move {
                let mut buffer = [0; 1_024];
                while let Ok(count @ 1..) = stream.read(&mut buffer).await {
                    got.send_modify(|got| got.extend_from_slice(&buffer[..count]));
                    if stream.write_all(&buffer[..count]).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    (Proxy::before(&url).await, all)
}

async fn connect(proxy: &Proxy) -> TcpStream {
    TcpStream::connect(host_and_port(proxy.url())).await.expect("connected")
}

async fn say(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).await.expect("written");
}

/// The next bytes, as many as this text has, are this text.
async fn hear(stream: &mut TcpStream, text: &str) {
    let mut buffer = vec![0; text.len()];
    let read = timeout(LONG, stream.read_exact(&mut buffer)).await;
    read.expect("in time").expect("not cut");
    assert_eq!(String::from_utf8_lossy(&buffer), text);
}

async fn hear_nothing(stream: &mut TcpStream) {
    assert!(timeout(SHORT, stream.read(&mut [0])).await.is_err());
}

/// The rest of what comes, and how the connection ends.
async fn end(stream: &mut TcpStream) -> (Vec<u8>, Close) {
    let mut rest = Vec::new();
    let ended = timeout(LONG, stream.read_to_end(&mut rest)).await.expect("in time");
    (rest, if ended.is_ok() { Close::Finish } else { Close::Reset })
}

#[tokio::test]
async fn bytes_pass() {
    let (proxy, _) = echo().await;
    assert!(proxy.url().starts_with("test://user@127.0.0.1:1"), "{}", proxy.url());
    assert!(proxy.url().ends_with("/path"));
    let mut client = connect(&proxy).await;
    say(&mut client, "one").await;
    hear(&mut client, "one").await;
    client.shutdown().await.expect("ended");
    assert_eq!(end(&mut client).await, (Vec::new(), Close::Finish));
    assert_eq!((proxy.accepted(), proxy.cut()), (1, 0));
}

#[tokio::test]
async fn connections_are_cut_after_so_many_bytes() {
    let (proxy, got) = echo().await;
    for close in [Close::Reset, Close::Finish] {
        let mut open = connect(&proxy).await;
        say(&mut open, "12345678").await;
        hear(&mut open, "12345678").await;
        proxy.set(Fault::CutAfter(5, close)).await;
        // It has carried more already.
        assert_eq!(end(&mut open).await, (Vec::new(), close));
        proxy.set(Fault::CutAfter(12, close)).await;
        let mut new = connect(&proxy).await;
        say(&mut new, "abcdefgh").await;
        let (rest, how) = end(&mut new).await;
        // A RST may overtake what was sent before.
        assert!(how == Close::Reset || rest == b"abcd", "{rest:?}");
        assert_eq!(how, close);
        proxy.set(Fault::None).await;
    }
    assert_eq!(*got.borrow(), b"12345678abcdefgh12345678abcdefgh");
    assert_eq!(proxy.cut(), 4);
}

#[tokio::test]
async fn connections_are_refused_and_accepted_again() {
    let (proxy, _) = echo().await;
    let mut open = connect(&proxy).await;
    say(&mut open, "a").await;
    hear(&mut open, "a").await;
    for _ in 0..3 {
        proxy.set(Fault::Refuse).await;
        let refused = TcpStream::connect(host_and_port(proxy.url())).await.expect_err("refused");
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
        say(&mut open, "b").await;
        hear(&mut open, "b").await;
        proxy.set(Fault::None).await;
        let mut new = connect(&proxy).await;
        say(&mut new, "c").await;
        hear(&mut new, "c").await;
    }
}

#[tokio::test]
async fn bytes_vanish_one_way_or_both() {
    let (proxy, got) = echo().await;
    for (way, arrives) in [(Way::ToServer, false), (Way::ToClient, true), (Way::Both, false)] {
        let mut open = connect(&proxy).await;
        say(&mut open, "a").await;
        hear(&mut open, "a").await;
        proxy.set(Fault::Drop(way)).await;
        let before = got.borrow().len();
        let mut new = connect(&proxy).await;
        for client in [&mut open, &mut new] {
            say(client, "lost").await;
            hear_nothing(client).await;
        }
        assert_eq!(got.borrow().len() - before, if arrives { 8 } else { 0 }, "{way:?}");
        // What has lost bytes stays silent; others work.
        proxy.set(Fault::None).await;
        say(&mut open, "still lost").await;
        hear_nothing(&mut open).await;
        let mut later = connect(&proxy).await;
        say(&mut later, "b").await;
        hear(&mut later, "b").await;
        proxy.reset_all();
        for client in [&mut open, &mut new, &mut later] {
            assert_eq!(end(client).await.1, Close::Reset);
        }
    }
}

#[tokio::test]
async fn bytes_wait_and_arrive_after_all() {
    let (proxy, got) = echo().await;
    let mut client = connect(&proxy).await;
    for way in [Way::ToServer, Way::ToClient, Way::Both] {
        proxy.set(Fault::Stall(way)).await;
        say(&mut client, "waits").await;
        hear_nothing(&mut client).await;
        proxy.set(Fault::None).await;
        hear(&mut client, "waits").await;
    }
    assert_eq!(*got.borrow(), b"waitswaitswaits");
    let begun = std::time::Instant::now();
    proxy.set(Fault::Delay(SHORT)).await;
    say(&mut client, "late").await;
    hear(&mut client, "late").await;
    assert!(begun.elapsed() >= SHORT * 2);
}

#[tokio::test]
async fn open_connections_fall_silent_and_new_ones_work() {
    let (proxy, got) = echo().await;
    let mut open = connect(&proxy).await;
    say(&mut open, "a").await;
    hear(&mut open, "a").await;
    proxy.silence_all();
    say(&mut open, "lost").await;
    hear_nothing(&mut open).await;
    let mut new = connect(&proxy).await;
    say(&mut new, "b").await;
    hear(&mut new, "b").await;
    assert_eq!(*got.borrow(), b"ab");
}

#[tokio::test]
async fn connections_are_cut_around_a_commit() {
    let (proxy, got) = echo().await;
    proxy.set(Fault::CutAtCommit(Moment::Before, 2)).await;
    let mut client = connect(&proxy).await;
    say(&mut client, "COMMIT 1").await;
    hear(&mut client, "COMMIT 1").await;
    say(&mut client, "COM").await;
    hear(&mut client, "COM").await;
    say(&mut client, "MIT 2").await;
    assert_eq!(end(&mut client).await, (Vec::new(), Close::Reset));
    assert_eq!(*got.borrow(), b"COMMIT 1COM");

    proxy.set(Fault::CutAtCommit(Moment::After, 1)).await;
    let mut client = connect(&proxy).await;
    say(&mut client, "BEGIN").await;
    hear(&mut client, "BEGIN").await;
    say(&mut client, "COMMIT 3").await;
    assert_eq!(end(&mut client).await, (Vec::new(), Close::Reset));
    let got = || got.borrow().ends_with(b"BEGINCOMMIT 3");
    eventually(LONG, async || got().then_some(())).await;
}
