//! A Chromium of a test's own, driven over WebDriver.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    thread,
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use fantoccini::{
    Client, ClientBuilder, Locator,
    elements::Element,
    wd::{Capabilities, WebDriverCompatibleCommand},
};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use test_support::eventually;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};
use uuid::Uuid;

/// Far more than anything here takes.
pub const LONG: Duration = Duration::from_secs(60);

/// Widths and heights that pages are looked at.
const DESK: (u32, u32) = (1280, 900);
pub const PHONE: (u32, u32) = (390, 844);

/// A browser that is gone when dropped.
pub struct Browser {
    pub client: Client,
    /// Where it saves files.
    pub downloads: PathBuf,
    folder: PathBuf,
    session: String,
    _driver: Child,
    _output: Lines<BufReader<ChildStdout>>,
}

impl Browser {
    /// Starts it, installing it where it is missing.
    pub async fn start() -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/chromium.sh");
        let found = Command::new(script).stderr(Stdio::inherit()).output().await;
        let found = found.expect("scripts/chromium.sh can be run");
        assert!(found.status.success(), "there is no Chromium");
        let found = String::from_utf8(found.stdout).expect("text");
        let (browser, driver) = found.trim().split_once('\n').expect("two lines");

        let folder = std::env::temp_dir().join(format!("rollcall-console-{}", Uuid::new_v4()));
        let downloads = folder.join("downloads");
        fs::create_dir_all(&downloads).expect("made");
        let mut driver = Command::new(driver);
        driver.arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut driver = driver.spawn().expect("chromedriver can be run");
        let mut output = BufReader::new(driver.stdout.take().expect("piped")).lines();
        let port = timeout(LONG, port(&mut output)).await.expect("chromedriver starts");
        let url = format!("http://127.0.0.1:{port}");

        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(capabilities(browser, &folder, &downloads));
        let client =
            timeout(LONG, builder.connect(&url)).await.expect("in time").expect("a browser");
        let id = client.session_id().await.expect("known").expect("a session");
        let session = format!("{url}/session/{id}");
        let browser = Self { client, downloads, folder, session, _driver: driver, _output: output };
        browser.looks(DESK, "light").await;
        browser
    }

    /// An element, as soon as it is there.
    pub async fn find(&self, css: &str) -> Element {
        self.wait(Locator::Css(css)).await
    }

    async fn wait(&self, locator: Locator<'_>) -> Element {
        let found = self.client.wait().at_most(LONG).for_element(locator).await;
        found.unwrap_or_else(|error| panic!("{locator:?}: {error}"))
    }

    /// Presses the button with this label or name for screen readers, as soon as it can be.
    pub async fn press(&self, label: &str) {
        let named = format!("[normalize-space()='{label}' or @aria-label='{label}']");
        self.click(&format!(
            "(//dialog//button{named} | //body[not(.//dialog)]//button{named})[not(@disabled)]"
        ))
        .await;
    }

    /// Follows the link with this text.
    pub async fn follow(&self, text: &str) {
        self.click(&format!("//a[normalize-space()='{text}']")).await;
    }

    /// What is drawn anew while it is looked at is looked for again.
    async fn click(&self, path: &str) {
        eventually(LONG, || async {
            let found = self.client.find(Locator::XPath(path)).await.ok()?;
            found.click().await.ok()
        })
        .await;
    }

    /// Fills the field with this label.
    pub async fn fill(&self, label: &str, text: &str) {
        let field = self.field(label).await;
        field.clear().await.expect("cleared");
        field.send_keys(text).await.expect("typed");
    }

    /// The field with this label, or name for screen readers.
    pub async fn field(&self, label: &str) -> Element {
        let path = format!(
            "//*[@id=//label[normalize-space()='{label}']/@for] | //*[@aria-label='{label}'][self::input or self::select]"
        );
        self.wait(Locator::XPath(&path)).await
    }

    /// Waits until the page shows a text.
    pub async fn sees(&self, text: &str) {
        self.comes(text, |shown| shown.contains(text)).await;
    }

    /// Waits until the page shows a text no more.
    pub async fn sees_no(&self, text: &str) {
        self.comes(&format!("not {text}"), |shown| !shown.contains(text)).await;
    }

    async fn comes(&self, what: &str, fits: impl Fn(&str) -> bool) {
        let waited = timeout(LONG, async {
            while !fits(&self.text().await) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        if waited.await.is_err() {
            panic!("{what}: {}", self.text().await);
        }
    }

    /// All that the page shows.
    pub async fn text(&self) -> String {
        self.run("return document.body.innerText").await.as_str().unwrap_or_default().to_owned()
    }

    /// The text of what has the focus.
    pub async fn focused(&self) -> String {
        let text = self.run("return document.activeElement.innerText").await;
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Carries out a script and returns what it does.
    pub async fn run(&self, script: &str) -> Value {
        self.client.execute(script, vec![]).await.expect("carried out")
    }

    /// The same for a script that hands its answer to its last argument.
    pub async fn run_async(&self, script: &str, argument: Value) -> Value {
        self.client.execute_async(script, vec![argument]).await.expect("carried out")
    }

    /// Makes the window so large, and the person prefer these colours.
    pub async fn looks(&self, (width, height): (u32, u32), scheme: &str) {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1,
                             "mobile": width < 500});
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
        let scheme = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.devtools("Emulation.setEmulatedMedia", scheme).await;
    }

    /// Puts pictures of the page into a folder, where one is wanted.
    pub async fn picture(&self, name: &str) {
        let Some(folder) = std::env::var_os("ROLLCALL_TEST_SCREENSHOTS").map(PathBuf::from) else {
            return;
        };
        for (look, size, scheme) in
            [("desk", DESK, "light"), ("night", DESK, "dark"), ("phone", PHONE, "light")]
        {
            self.looks(size, scheme).await;
            let shot = self.devtools("Page.captureScreenshot", json!({})).await;
            let shot = STANDARD.decode(shot["data"].as_str().expect("an image")).expect("base64");
            fs::write(folder.join(format!("{name}-{look}.png")), shot).expect("written");
        }
        self.looks(DESK, "light").await;
    }

    /// What the browser complained of, but for refused requests, which it counts as trouble.
    pub async fn complaints(&self) -> Vec<Value> {
        let log = Extension("se/log", json!({"type": "browser"}));
        let log = self.client.issue_cmd(log).await.expect("a log");
        let entries = log.as_array().expect("entries").iter();
        entries.filter(|entry| entry["source"] != "network").cloned().collect()
    }

    pub async fn devtools(&self, command: &str, parameters: Value) -> Value {
        let body = json!({"cmd": command, "params": parameters});
        self.client.issue_cmd(Extension("goog/cdp/execute", body)).await.expect("done")
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let session = self.session.clone();
        // The driver takes the browser with it only when it is told to. On a thread of its own: this
        // one may belong to a runtime that is about to end.
        let closing = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let closed = runtime.expect("a runtime").block_on(async {
                timeout(LONG, reqwest::Client::new().delete(session).send()).await
            });
            closed.is_ok_and(|closed| closed.is_ok())
        });
        if !closing.join().unwrap_or(false) {
            eprintln!("a browser could not be closed");
        }
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            eprintln!("{}: {error}", self.folder.display());
        }
    }
}

async fn port(output: &mut Lines<BufReader<ChildStdout>>) -> u16 {
    while let Some(line) = output.next_line().await.expect("read") {
        let port = line.rsplit_once("on port ").map(|(_, port)| port.trim_end_matches('.'));
        if let Some(port) = port.and_then(|port| port.parse().ok()).filter(|port| *port > 0) {
            return port;
        }
    }
    panic!("chromedriver did not say where it is");
}

fn capabilities(browser: &str, folder: &Path, downloads: &Path) -> Capabilities {
    let profile = format!("--user-data-dir={}", folder.join("profile").display());
    let arguments = [
        "--headless",
        // Its own sandbox needs what containers and root do not have; it sees our own pages alone.
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        &profile,
    ];
    let options = json!({
        "binary": browser,
        "args": arguments,
        "prefs": {"download.default_directory": downloads, "download.prompt_for_download": false},
    });
    let all = json!({"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}});
    all.as_object().expect("an object").clone()
}

/// A command beside the standard's (<https://developer.chrome.com/docs/chromedriver>): its path, and
/// what is sent.
#[derive(Debug)]
struct Extension(&'static str, Value);

impl WebDriverCompatibleCommand for Extension {
    fn endpoint(
        &self,
        base: &url::Url,
        session: Option<&str>,
    ) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.0))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.1.to_string()))
    }
}
