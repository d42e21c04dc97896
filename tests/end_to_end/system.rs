//! A whole Rollcall for one test: three services, a database and a bus of its own.

// By its path, because other test binaries take this file by its path too.
#[path = "conformance.rs"]
pub mod conformance;

use std::{net::TcpListener, sync::Arc, time::Duration};

use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use gateway::keys::{self, KeyOptions};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use shared::{
    bus::{SharedBus, memory::MemoryBus, rabbit::RabbitBus},
    database::Database,
    metrics::Metrics,
    settings::Settings,
    traces::Tracer,
};
use test_support::{TestDatabase, TestVhost, eventually};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use conformance::conforming;

/// The services, running, with one workspace and its key.
pub struct System {
    /// The key of the workspace "Acme".
    pub acme: Caller,
    /// Where the services keep everything.
    pub database: TestDatabase,
    /// The broker, unless the bus is within the process.
    pub vhost: Option<TestVhost>,
    /// Where gateway, lead service and campaign service tell how they are; the first replica of each.
    #[allow(dead_code, reason = "asked by other test binaries")]
    pub admin: [String; 3],
    base: String,
    /// The gateway, then the services behind it: the order in which they are stopped.
    running: [Running; 2],
}

/// Services that are stopped together.
#[derive(Default)]
struct Running {
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

/// Somebody with a key.
#[derive(Clone)]
pub struct Caller {
    http: Client,
    base: String,
    /// The key.
    pub key: String,
}

impl System {
    /// On a virtual host of the test broker, each service with its own connections.
    pub async fn on_rabbitmq() -> Self {
        Self::with(1, Some(TestVhost::create().await), |_| {}).await
    }

    /// A connection of a test's own to its broker.
    pub fn bus(&self) -> RabbitBus {
        let vhost = self.vhost.as_ref().expect("on RabbitMQ");
        RabbitBus::start(&vhost.amqp_url(), "test").expect("a URL")
    }

    /// On the bus within the process.
    pub async fn in_process() -> Self {
        Self::with(1, None, |_| {}).await
    }

    /// With this many replicas of the lead service and the campaign service, and changed settings.
    pub async fn with(
        replicas: usize,
        vhost: Option<TestVhost>,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        let database = TestDatabase::create().await;
        let mut settings = Settings::default();
        change(&mut settings);
        let mut running: [Running; 2] = Default::default();
        let [before, behind] = &mut running;

        let memory: SharedBus = Arc::new(MemoryBus::new());
        let bus = |name: &str| match &vhost {
            Some(vhost) => Arc::new(RabbitBus::start(&vhost.amqp_url(), name).expect("a URL")),
            None => memory.clone(),
        };
        // The first system of a process counts; the others would count the same things twice.
        let metrics = Metrics::start().or_else(|_| Metrics::none()).expect("a recorder");
        let (mut lead_admin, mut campaign_admin) = (Vec::new(), Vec::new());
        let connect = || Database::new(&database.url(), 4).expect("a URL");
        gateway::migrate(&connect()).await.expect("migrated");
        lead_service::migrate(&connect()).await.expect("migrated");
        campaign_service::migrate(&connect()).await.expect("migrated");
        let tracer =
            |service| Tracer::start(service, settings.traces_url.as_ref()).expect("a URL, or none");
        for _ in 0..replicas {
            let (port, service) = (listener(), settings.lead_service.clone());
            lead_admin.push(url(&port));
            let (bus, db, stop) = (bus("lead-service"), connect(), behind.stop.clone());
            let (metrics, tracer) = (metrics.clone(), tracer("lead-service"));
            behind.tasks.spawn(async move {
                lead_service::run(service, port, bus.clone(), db, metrics, tracer.clone(), stop)
                    .await
                    .expect("served");
                bus.close().await;
                tracer.close().await;
            });
        }
        for _ in 0..replicas {
            let (port, service) = (listener(), settings.campaign_service.clone());
            campaign_admin.push(url(&port));
            let (bus, db, stop) = (bus("campaign-service"), connect(), behind.stop.clone());
            let (metrics, tracer) = (metrics.clone(), tracer("campaign-service"));
            behind.tasks.spawn(async move {
                campaign_service::run(
                    service,
                    port,
                    bus.clone(),
                    db,
                    metrics,
                    tracer.clone(),
                    stop,
                )
                .await
                .expect("served");
                bus.close().await;
                tracer.close().await;
            });
        }
        let ports = gateway::Listeners { api: listener(), admin: listener() };
        let base = url(&ports.api);
        let admin = [url(&ports.admin), lead_admin.swap_remove(0), campaign_admin.swap_remove(0)];
        let (gateway, bus, db) = (settings.gateway.clone(), bus("gateway"), connect());
        let (tracer, stop) = (tracer("gateway"), before.stop.clone());
        before.tasks.spawn(async move {
            gateway::run(gateway, ports, bus.clone(), db, metrics, tracer.clone(), stop)
                .await
                .expect("served");
            bus.close().await;
            tracer.close().await;
        });

        let acme = caller(&database, &base, "Acme", Some(0)).await;
        let system = Self { acme, database, vhost, admin, base, running };
        system.ready().await;
        system
    }

    async fn ready(&self) {
        eventually(Duration::from_secs(30), || async {
            let ready = self.acme.get("/ready").await;
            (ready.status() == StatusCode::OK).then_some(())
        })
        .await;
    }

    /// Somebody with an unlimited key to this workspace, which is made where there is none.
    pub async fn caller(&self, workspace: &str) -> Caller {
        caller(&self.database, &self.base, workspace, Some(0)).await
    }

    /// Somebody whose key has the gateway's default limit.
    pub async fn caller_with_default_limit(&self, workspace: &str) -> Caller {
        caller(&self.database, &self.base, workspace, None).await
    }

    /// Somebody whose key is as these options say.
    pub async fn caller_with(&self, workspace: &str, options: KeyOptions) -> Caller {
        caller_with(&self.database, &self.base, workspace, options).await
    }

    /// The gateway's address, without a scheme.
    pub fn address(&self) -> &str {
        self.base.trim_start_matches("http://")
    }

    /// A row count, asked of the database itself.
    pub async fn count(&self, sql: &str) -> i64 {
        #[derive(diesel::QueryableByName)]
        struct Count {
            #[diesel(sql_type = diesel::sql_types::BigInt)]
            count: i64,
        }
        let database = Database::new(&self.database.url(), 1).expect("a URL");
        let mut connection = database.connection().await.expect("connected");
        let query = diesel::sql_query(format!("SELECT count(*) AS count FROM {sql}"));
        query.get_result::<Count>(&mut connection).await.expect("counted").count
    }

    /// Carries out a statement in the database itself.
    pub async fn execute(&self, sql: &str) {
        let database = Database::new(&self.database.url(), 1).expect("a URL");
        let mut connection = database.connection().await.expect("connected");
        connection.batch_execute(sql).await.expect("carried out");
    }

    /// Tells the services to stop and waits until they have.
    pub async fn stop(&mut self) {
        for Running { stop, tasks } in &mut self.running {
            stop.cancel();
            while let Some(ended) = tasks.join_next().await {
                ended.expect("no panic");
            }
        }
    }
}

impl Drop for System {
    fn drop(&mut self) {
        self.running.iter().for_each(|running| running.stop.cancel());
    }
}

fn url(listener: &TcpListener) -> String {
    format!("http://{}", listener.local_addr().expect("bound"))
}

fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").expect("a free port")
}

/// Somebody with a key to this workspace, at the gateway with this URL.
pub async fn caller(
    database: &TestDatabase,
    base: &str,
    workspace: &str,
    rate_limit: Option<i32>,
) -> Caller {
    let options = KeyOptions { rate_limit, ..KeyOptions::default() };
    caller_with(database, base, workspace, options).await
}

async fn caller_with(
    database: &TestDatabase,
    base: &str,
    workspace: &str,
    options: KeyOptions,
) -> Caller {
    let database = Database::new(&database.url(), 1).expect("a URL");
    let mut connection = database.connection().await.expect("connected");
    let key = keys::create(&mut connection, workspace, options).await.expect("made");
    Caller { http: Client::new(), base: base.to_owned(), key: key.secret }
}

impl Caller {
    /// The same with another key.
    pub fn with_key(&self, key: &str) -> Self {
        Self { key: key.to_owned(), ..self.clone() }
    }

    /// A request with the key.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.key)
    }

    /// Sends a GET.
    pub async fn get(&self, path: &str) -> Response {
        self.send(Method::GET, path, |request| request).await
    }

    /// Sends a POST with JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Response {
        self.send(Method::POST, path, |request| request.json(body)).await
    }

    /// Sends a PATCH with JSON.
    pub async fn patch(&self, path: &str, body: &Value) -> Response {
        self.send(Method::PATCH, path, |request| request.json(body)).await
    }

    /// Sends a DELETE.
    pub async fn delete(&self, path: &str) -> Response {
        self.send(Method::DELETE, path, |request| request).await
    }

    /// Sends a request whose answer has to be as it is specified.
    async fn send(
        &self,
        method: Method,
        path: &str,
        complete: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Response {
        let request = complete(self.request(method.clone(), path));
        conforming(&method, path, request.send().await.expect("an answer")).await
    }

    /// Makes a campaign.
    pub async fn campaign(&self, name: &str) -> Uuid {
        let made = expect(201, self.post("/v1/campaigns", &json!({"name": name})).await).await;
        id(&made["data"]["id"])
    }

    /// Adds leads and returns the answer's `data`.
    pub async fn add(&self, campaign: Uuid, leads: Value) -> Value {
        self.add_with(campaign, json!({"leads": leads})).await
    }

    /// Adds leads by a whole request and returns the answer's `data`.
    pub async fn add_with(&self, campaign: Uuid, body: Value) -> Value {
        let path = format!("/v1/campaigns/{campaign}/leads");
        expect(200, self.post(&path, &body).await).await["data"].take()
    }

    /// A lead, as it is now.
    pub async fn lead(&self, id: &Value) -> Value {
        let path = format!("/v1/leads/{}", id.as_str().expect("an id"));
        expect(200, self.get(&path).await).await["data"].take()
    }

    /// How many leads the campaign has.
    pub async fn members(&self, campaign: Uuid) -> i64 {
        let list = expect(200, self.get(&format!("/v1/campaigns/{campaign}/leads")).await).await;
        list["meta"]["total"].as_i64().expect("a number")
    }
}

/// The body of an answer, which must have this status.
pub async fn expect(status: u16, response: Response) -> Value {
    let (got, body) = (response.status(), response.text().await.expect("a body"));
    assert_eq!(got.as_u16(), status, "{body}");
    serde_json::from_str(&body).unwrap_or_else(|_| panic!("no JSON: {body}"))
}

/// A UUID in JSON.
pub fn id(value: &Value) -> Uuid {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no id: {value}"))
}

/// One field of each result.
pub fn each<'a>(data: &'a Value, field: &str) -> Vec<&'a Value> {
    data["results"].as_array().expect("results").iter().map(|result| &result[field]).collect()
}

/// One field of each row of a list.
pub fn each_of(rows: &Value, field: &str) -> Vec<Value> {
    rows.as_array().expect("a list").iter().map(|row| row[field].clone()).collect()
}
