//! A part of the shared broker, of a test's own.

use std::time::Duration;

use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::{Broker, Cluster, cleanup, eventually, server, unique_name};

/// How long the broker may fail to say who is connected.
const PATIENCE: Duration = Duration::from_secs(10);

/// A virtual host: exchanges, queues and connections that no other test sees. Deleted, with what
/// is connected to it, when dropped.
pub struct TestVhost {
    amqp_server: String,
    api: Api,
    name: String,
}

impl TestVhost {
    /// Creates the virtual host.
    ///
    /// # Panics
    /// When there is no broker, or it refuses.
    pub async fn create() -> Self {
        let (amqp_url, api_url) =
            (server("ROLLCALL_TEST_AMQP_URL"), server("ROLLCALL_TEST_RABBITMQ_API"));
        Self::create_at(&amqp_url, vec![api_url]).await
    }

    /// Creates the virtual host on a cluster of the test's own, which it must not outlive.
    ///
    /// # Panics
    /// When the cluster refuses.
    pub async fn create_on_cluster(cluster: &Cluster) -> Self {
        Self::create_at(&cluster.amqp_url(), cluster.api_urls()).await
    }

    /// Creates the virtual host on a broker of the test's own, which it must not outlive.
    ///
    /// # Panics
    /// When the broker refuses.
    pub async fn create_on(broker: &Broker) -> Self {
        Self::create_at(broker.amqp_url(), vec![broker.api_url().to_owned()]).await
    }

    async fn create_at(amqp_url: &str, api_urls: Vec<String>) -> Self {
        let (amqp_server, _) = amqp_url.rsplit_once('/').expect("the URL names a virtual host");
        let api = Api(api_urls);
        let vhost = Self { amqp_server: amqp_server.to_owned(), api, name: unique_name() };
        vhost.api.send(Method::PUT, &format!("vhosts/{}", vhost.name), json!({})).await;
        vhost.permit("guest", ".*", ".*", ".*").await;
        vhost
    }

    /// The URL to connect to it, as the user who may do everything.
    pub fn amqp_url(&self) -> String {
        format!("{}/{}", self.amqp_server, self.name)
    }

    /// The URL to connect to it as another user, made by [`Self::create_user`].
    pub fn amqp_url_as(&self, user: &str, password: &str) -> String {
        let (_, host) = self.amqp_server.rsplit_once('@').expect("the URL names a user");
        format!("amqp://{}:{password}@{host}/{}", self.full_name(user), self.name)
    }

    /// What the broker's operator sees of a queue; `None` where there is no such queue. Its
    /// numbers lag by about a second.
    ///
    /// # Panics
    /// When the broker does not answer.
    pub async fn queue(&self, queue: &str) -> Option<Value> {
        let path = format!("queues/{}/{queue}", self.name);
        let response = self.api.request(Method::GET, &path, None).await;
        if response.status() == StatusCode::NOT_FOUND {
            return None;
        }
        Some(json_of(response, &path).await)
    }

    /// How many messages a queue holds, delivered and unacknowledged ones too. `None` while the
    /// broker has not counted yet.
    ///
    /// # Panics
    /// When the broker does not answer.
    pub async fn messages(&self, queue: &str) -> Option<u64> {
        self.queue(queue).await?.get("messages")?.as_u64()
    }

    /// The first message that waits in a queue, as the broker shows it, and leaves it there. No
    /// statistics: those of a queue that nobody uses may be missing after a restart of the broker.
    ///
    /// # Panics
    /// When the broker does not answer.
    pub async fn first_message(&self, queue: &str) -> Option<Value> {
        let path = format!("queues/{}/{queue}/get", self.name);
        let how = json!({ "count": 1, "ackmode": "ack_requeue_true", "encoding": "auto" });
        let response = self.api.request(Method::POST, &path, Some(how)).await;
        json_of(response, &path).await.get(0).cloned()
    }

    /// The names of the connections to this virtual host that the broker has noticed.
    ///
    /// # Panics
    /// When the broker does not answer.
    pub async fn connections(&self) -> Vec<String> {
        self.noticed().await.into_iter().map(|(name, _)| name).collect()
    }

    /// The same of a user, made by [`Self::create_user`].
    ///
    /// # Panics
    /// When the broker does not answer.
    pub async fn connections_of(&self, user: &str) -> Vec<String> {
        let user = self.full_name(user);
        let noticed = self.noticed().await.into_iter();
        noticed.filter(|(_, whose)| *whose == user).map(|(name, _)| name).collect()
    }

    /// The connections that the broker has noticed, by name and user.
    async fn noticed(&self) -> Vec<(String, String)> {
        let path = format!("vhosts/{}/connections", self.name);
        // RabbitMQ 3.10.8 was seen to answer 500 while a connection came.
        let response = eventually(PATIENCE, async || {
            let response = self.api.request(Method::GET, &path, None).await;
            (response.status() != StatusCode::INTERNAL_SERVER_ERROR).then_some(response)
        });
        let response = response.await;
        let connections = json_of(response, &path).await;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let each = |one: &Value| Some((text(one.get("name")?)?, text(one.get("user")?)?));
        connections.as_array().into_iter().flatten().filter_map(each).collect()
    }

    /// Closes all connections to this virtual host, as an operator can, and returns how many.
    ///
    /// # Panics
    /// When the broker does not answer.
    pub async fn close_all_connections(&self) -> usize {
        let mut closed = 0;
        for name in self.connections().await {
            closed += usize::from(self.close_connection(&name).await);
        }
        closed
    }

    /// Closes one connection to this virtual host, and returns whether it was there.
    ///
    /// # Panics
    /// When the broker does not answer.
    pub async fn close_connection(&self, name: &str) -> bool {
        let path = format!("connections/{}", escaped(name));
        self.api.request(Method::DELETE, &path, None).await.status().is_success()
    }

    /// Creates a user with permissions on this virtual host alone. Users belong to the whole broker,
    /// so the virtual host's name goes before `name`
    /// (<https://www.rabbitmq.com/docs/access-control#authorisation>).
    ///
    /// # Panics
    /// When the broker refuses.
    pub async fn create_user(
        &self,
        name: &str,
        password: &str,
        configure: &str,
        write: &str,
        read: &str,
    ) {
        let (name, user) = (self.full_name(name), json!({ "password": password, "tags": "" }));
        self.api.send(Method::PUT, &format!("users/{name}"), user).await;
        self.permit(&name, configure, write, read).await;
    }

    /// Limits the routing keys that a user may write to and read from on a topic exchange
    /// (<https://www.rabbitmq.com/docs/access-control#topic-authorisation>).
    ///
    /// # Panics
    /// When the broker refuses.
    pub async fn permit_topics(&self, user: &str, exchange: &str, write: &str, read: &str) {
        let path = format!("topic-permissions/{}/{}", self.name, self.full_name(user));
        let permission = json!({ "exchange": exchange, "write": write, "read": read });
        self.api.send(Method::PUT, &path, permission).await;
    }

    /// Lets a queue refuse messages while so many wait in it, or a few more
    /// (<https://www.rabbitmq.com/docs/maxlength>).
    ///
    /// # Panics
    /// When the broker refuses.
    pub async fn limit_length(&self, queue: &str, messages: u64) {
        let pattern = format!("^{}$", queue.replace('.', "[.]"));
        let definition = json!({ "max-length": messages });
        let policy = json!({ "pattern": pattern, "definition": definition, "apply-to": "queues" });
        self.api.send(Method::PUT, &format!("policies/{}/length", self.name), policy).await;
    }

    fn full_name(&self, user: &str) -> String {
        format!("{}_{user}", self.name)
    }

    async fn permit(&self, user: &str, configure: &str, write: &str, read: &str) {
        let path = format!("permissions/{}/{user}", self.name);
        let permissions = json!({ "configure": configure, "write": write, "read": read });
        self.api.send(Method::PUT, &path, permissions).await;
    }
}

impl Drop for TestVhost {
    fn drop(&mut self) {
        let (api, path) = (self.api.clone(), format!("vhosts/{}", self.name));
        cleanup::run(async move {
            api.request(Method::DELETE, &path, None).await;
        });
    }
}

/// The broker's management API (<https://www.rabbitmq.com/docs/http-api-reference>), by the URLs of its
/// nodes.
#[derive(Clone)]
struct Api(Vec<String>);

/// How long one node may take to answer, where there are others.
const NODE_PATIENCE: Duration = Duration::from_secs(10);

impl Api {
    /// A client each time: a kept connection belongs to the runtime that opened it.
    async fn request(&self, method: Method, path: &str, body: Option<Value>) -> Response {
        for node in &self.0 {
            let mut request = Client::new().request(method.clone(), format!("{node}/{path}"));
            if let Some(body) = &body {
                request = request.json(body);
            }
            if self.0.len() > 1 {
                request = request.timeout(NODE_PATIENCE);
            }
            if let Ok(answer) = request.send().await {
                return answer;
            }
        }
        panic!("the broker's management API does not answer");
    }

    async fn send(&self, method: Method, path: &str, body: Value) {
        let response = self.request(method, path, Some(body)).await;
        assert!(response.status().is_success(), "{path}: {}", response.status());
    }
}

async fn json_of(response: Response, path: &str) -> Value {
    assert!(response.status().is_success(), "{path}: {}", response.status());
    response.json().await.expect("the management API speaks JSON")
}

/// Percent-encodes what connections' names hold beside letters and digits.
fn escaped(name: &str) -> String {
    let escape = |byte: u8| match byte {
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    name.bytes().map(escape).collect()
}
