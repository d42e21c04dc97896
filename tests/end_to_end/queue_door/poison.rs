//! Properties that are no text, although AMQP says that they are UTF-8.
//!
//! RabbitMQ hands them on unlooked at, and our client library gives up the connection on which they
//! come. So each delivery costs the service its connection, until the broker makes the message a
//! dead letter after its delivery limit; its neighbours must not go with it
//! (`careful` in `shared/src/bus/rabbit/subscription.rs`).

use std::time::Duration;

use serde_json::json;
use test_support::eventually;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::door::Door;

/// AMQP by the byte (<https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf>), as far as publishing
/// needs it.
struct RawAmqp(TcpStream);

impl RawAmqp {
    async fn open(url: &str) -> Self {
        let (user, host) = url.rsplit_once('@').expect("the URL names a user");
        let user = user.trim_start_matches("amqp://").replace(':', "\0");
        let (address, vhost) = host.split_once('/').expect("the URL names a virtual host");
        let mut raw = Self(TcpStream::connect(address).await.expect("the broker listens"));
        raw.0.write_all(b"AMQP\0\0\x09\x01").await.expect("sent");
        raw.expect(10, 10).await;
        let response = long(format!("\0{user}").as_bytes());
        let start_ok = [&[0; 4][..], &short(b"PLAIN"), &response, &short(b"en_US")].concat();
        raw.method(0, 10, 11, &start_ok).await;
        raw.expect(10, 30).await;
        raw.method(0, 10, 31, &[0, 9, 0, 2, 0, 0, 0, 0]).await;
        raw.method(0, 10, 40, &[&short(vhost.as_bytes())[..], &[0, 0]].concat()).await;
        raw.expect(10, 41).await;
        raw.method(1, 20, 10, &[0]).await;
        raw.expect(20, 11).await;
        raw.method(1, 85, 10, &[0]).await;
        raw.expect(85, 11).await;
        raw
    }

    /// Publishes at the door, with these bytes as correlation id, and waits for the confirm.
    async fn publish(&mut self, correlation_id: &[u8], body: &[u8]) {
        let publish = [&[0, 0][..], &short(b"leads"), &short(b"leads.submitted"), &[0]].concat();
        self.method(1, 60, 40, &publish).await;
        let size = (body.len() as u64).to_be_bytes();
        // The one flag is that of the correlation id.
        let header = [&[0, 60, 0, 0][..], &size, &[0x04, 0], &short(correlation_id)].concat();
        self.frame(2, 1, &header).await;
        self.frame(3, 1, body).await;
        self.expect(60, 80).await;
    }

    async fn method(&mut self, channel: u16, class: u16, method: u16, arguments: &[u8]) {
        let payload = [&class.to_be_bytes()[..], &method.to_be_bytes(), arguments].concat();
        self.frame(1, channel, &payload).await;
    }

    async fn frame(&mut self, kind: u8, channel: u16, payload: &[u8]) {
        let size = (payload.len() as u32).to_be_bytes();
        let frame = [&[kind][..], &channel.to_be_bytes(), &size, payload, &[0xce]].concat();
        self.0.write_all(&frame).await.expect("sent");
    }

    /// Reads a frame, which must be this method.
    async fn expect(&mut self, class: u16, method: u16) {
        let mut head = [0; 7];
        self.0.read_exact(&mut head).await.expect("a frame");
        let size = u32::from_be_bytes([head[3], head[4], head[5], head[6]]);
        let mut payload = vec![0; size as usize + 1];
        self.0.read_exact(&mut payload).await.expect("a frame");
        let expected = [class.to_be_bytes(), method.to_be_bytes()].concat();
        assert_eq!(payload[..4], expected, "{}", String::from_utf8_lossy(&payload));
    }
}

fn short(bytes: &[u8]) -> Vec<u8> {
    [&[u8::try_from(bytes.len()).expect("short")][..], bytes].concat()
}

fn long(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_be_bytes()[..], bytes].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poisonous_property_harms_no_neighbour() {
    let mut door = Door::open().await;
    let vhost = door.vhost();
    let mut raw = RawAmqp::open(&vhost.amqp_url()).await;
    for n in 0..20 {
        let submission = door.submission(json!([{"email": format!("{n}@x.com")}]));
        let body = json!({"submissions": [submission]}).to_string();
        let id = if [3, 10].contains(&n) { &b"\xff\xfe"[..] } else { b"fine" };
        raw.publish(id, body.as_bytes()).await;
    }
    // Counted from outside: the letters are as poisonous to our client as the messages were.
    eventually(Duration::from_secs(90), || async {
        (vhost.messages("leads.dead-letters").await == Some(2)).then_some(())
    })
    .await;
    door.serves().await;
    assert_eq!(door.system.count("campaign.links").await, 19);
}
