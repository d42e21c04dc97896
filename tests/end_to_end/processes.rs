//! The services as processes of their own, to be killed.

use std::{
    net::TcpListener,
    os::unix::process::ExitStatusExt,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use shared::database::Database;
use test_support::{TestDatabase, eventually};
use tokio::{
    process::{Child, Command},
    time::timeout,
};

use crate::{
    dice::Dice,
    system::{Caller, caller},
};

/// A whole Rollcall in three processes.
pub struct Processes {
    pub gateway: Service,
    pub lead_service: Service,
    pub campaign_service: Service,
    pub acme: Caller,
    pub database: TestDatabase,
}

/// One process.
pub struct Service {
    name: &'static str,
    variables: Vec<(String, String)>,
    url: String,
    /// Where its program is; the one under test, unless it is another release's.
    folder: Option<PathBuf>,
    child: Option<Child>,
}

impl Processes {
    /// Starts all three and waits until they are ready.
    pub async fn start(amqp_url: &str) -> Self {
        let database = TestDatabase::create().await;
        let service = |name, address| Service::new(name, address, amqp_url, &database.url());
        let mut gateway = service("gateway", "ROLLCALL__GATEWAY__LISTEN");
        let mut lead_service = service("lead-service", "ROLLCALL__LEAD_SERVICE__ADMIN");
        let mut campaign_service = service("campaign-service", "ROLLCALL__CAMPAIGN_SERVICE__ADMIN");
        // The key below needs the gateway's tables.
        let connection = Database::new(&database.url(), 1).expect("a URL");
        gateway::migrate(&connection).await.expect("migrated");
        for service in [&mut gateway, &mut lead_service, &mut campaign_service] {
            service.start();
        }
        for service in [&gateway, &lead_service, &campaign_service] {
            service.ready().await;
        }
        let acme = caller(&database, &gateway.url, "Acme", Some(0)).await;
        Self { gateway, lead_service, campaign_service, acme, database }
    }

    /// Somebody with a key to this workspace, which is made where there is none.
    pub async fn caller(&self, workspace: &str) -> Caller {
        caller(&self.database, &self.gateway.url, workspace, Some(0)).await
    }

    /// The gateway's address, without a scheme.
    pub fn address(&self) -> &str {
        self.gateway.url.trim_start_matches("http://")
    }

    /// The settings of all three.
    pub fn variables(&self) -> impl Iterator<Item = (&String, &String)> {
        let services = [&self.gateway, &self.lead_service, &self.campaign_service];
        services
            .into_iter()
            .flat_map(|service| &service.variables)
            .map(|(name, value)| (name, value))
    }
}

impl Service {
    /// A process that is to be started, on a free port.
    pub fn new(name: &'static str, address: &str, amqp_url: &str, database_url: &str) -> Self {
        let listen = free_address();
        let variables = [
            ("DATABASE_URL", database_url),
            ("AMQP_URL", amqp_url),
            // Where nobody asks, unless the next says otherwise.
            ("ROLLCALL__GATEWAY__ADMIN", "127.0.0.1:0"),
            (address, &listen),
            ("ROLLCALL__LOG__FILTER", "error"),
        ];

        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let url = format!("http://{listen}");
        Self { name, variables: variables.into(), url, folder: None, child: None }
    }

    /// Where it serves.
    #[allow(dead_code, reason = "asked by other test binaries")]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Ends the process and starts another release of it, or the one under test.
    #[allow(dead_code, reason = "used by other test binaries")]
    pub async fn replace(&mut self, folder: Option<PathBuf>) {
        self.kill().await;
        self.folder = folder;
        self.start();
        self.ready().await;
    }

    /// Starts the process.
    pub fn start(&mut self) {
        self.start_with(None);
    }

    /// Starts a process that aborts at its so-manieth passage of a crash point (`shared::crash`).
    pub fn start_to_crash(&mut self, point: &str, passage: u64) {
        self.start_with(Some(("FAILPOINTS", format!("{point}={}*off->return", passage - 1))));
    }

    /// Starts a process in which the task panics that passes this point.
    #[allow(dead_code, reason = "used by other test binaries")]
    pub fn start_to_panic(&mut self, point: &str) {
        self.start_with(Some(("FAILPOINTS", format!("{point}=panic"))));
    }

    /// Starts a process whose worker panics at a message with this text.
    #[allow(dead_code, reason = "used by other test binaries")]
    pub fn start_poisoned(&mut self, text: &str) {
        self.start_with(Some(("ROLLCALL_TEST_POISON", text.to_owned())));
    }

    /// Waits until the process has ended by itself, and says how.
    #[allow(dead_code, reason = "used by other test binaries")]
    pub async fn ended(&mut self) -> ExitStatus {
        let child = self.child.as_mut().expect("it runs");
        let ended = timeout(Duration::from_secs(30), child.wait()).await;
        self.child = None;
        ended.unwrap_or_else(|_| panic!("{} runs on", self.name)).expect("waited for")
    }

    fn start_with(&mut self, variable: Option<(&str, String)>) {
        assert!(self.child.is_none(), "{} runs already", self.name);
        let own = || binary(self.name);
        let program = self.folder.as_ref().map_or_else(own, |folder| folder.join(self.name));
        let mut command = Command::new(program);
        command.envs(self.variables.clone()).stdin(Stdio::null()).kill_on_drop(true);
        command.envs(variable);
        self.child = Some(command.spawn().expect("the service can be run"));
    }

    /// Ends the process at once, by SIGKILL.
    pub async fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().await.expect("killed");
    }

    /// Waits until the process has crashed where it was told to.
    pub async fn crashed(&mut self) {
        const SIGABRT: i32 = 6;
        let mut child = self.child.take().expect("it runs");
        let ended = timeout(Duration::from_secs(30), child.wait()).await;
        let status: ExitStatus = ended.expect("it came to the crash point").expect("waited for");
        assert_eq!(status.signal(), Some(SIGABRT), "{} ended by itself: {status}", self.name);
    }

    /// Waits until the process serves.
    pub async fn ready(&self) {
        let (http, url) = (reqwest::Client::new(), format!("{}/ready", self.url));
        eventually(Duration::from_secs(30), async || {
            let answer = http.get(&url).send().await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
    }
}

/// Where `scripts/test.sh` has put the services, with their crash points.
pub fn binary(name: &str) -> PathBuf {
    let folder = std::env::var_os("ROLLCALL_TEST_FOLDER").expect("run by scripts/test.sh");
    let binary = PathBuf::from(folder).join("services").join(name);
    assert!(binary.exists(), "no {name}: run `scripts/test.sh --workspace` or name `crash`");
    binary
}

/// An address below the ports that the system gives to outgoing connections: those would take it
/// while the service is down.
fn free_address() -> String {
    let mut dice = Dice::of_the_clock();
    loop {
        let address = format!("127.0.0.1:{}", 10_000 + dice.below(10_000));
        if TcpListener::bind(&address).is_ok() {
            return address;
        }
    }
}
