//! How the console is served. What it does is for a browser to show (`tests/console`).

use reqwest::{Client, Response};

use crate::system::{System, expect};

#[tokio::test(flavor = "multi_thread")]
async fn it_needs_no_key_and_nothing_from_elsewhere() {
    let system = System::in_process().await;
    let get = async |path: &str, etag: &str| -> Response {
        let url = format!("http://{}{path}", system.address());
        Client::new().get(url).header("if-none-match", etag).send().await.expect("an answer")
    };
    for (path, content_type) in [
        ("/console", "text/html; charset=utf-8"),
        ("/console/style.css", "text/css; charset=utf-8"),
        ("/console/app.js", "text/javascript; charset=utf-8"),
        ("/console/views/sign-in.js", "text/javascript; charset=utf-8"),
        ("/console/columns.json", "application/json"),
    ] {
        let answer = get(path, "").await;
        assert_eq!(answer.status(), 200, "{path}");
        let header = |name: &str| answer.headers()[name].to_str().expect("text").to_owned();
        assert_eq!(header("content-type"), content_type);
        assert_eq!(
            header("content-security-policy"),
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
             img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("referrer-policy"), "no-referrer");
        assert_eq!(header("cache-control"), "no-cache");
        let etag = header("etag");
        let body = answer.text().await.expect("a body");
        for elsewhere in ["http://", "https://", "//cdn"] {
            // The name of SVG is no address.
            let body = body.replace("http://www.w3.org/2000/svg", "");
            assert!(!body.contains(elsewhere), "{path}: {elsewhere}");
        }

        let unchanged = get(path, &format!("\"other\", {etag}")).await;
        assert_eq!(unchanged.status(), 304, "{path}");
        assert!(unchanged.text().await.expect("a body").is_empty());
        assert_eq!(get(path, "\"other\"").await.status(), 200);
    }
    for nothing in
        ["/console/", "/console/nothing.js", "/console/../keys", "/console/app.js/", "/consoles"]
    {
        expect(404, get(nothing, "").await).await;
    }
}

/// Nothing in the page itself may be carried out, so that nothing that gets into it is.
#[tokio::test(flavor = "multi_thread")]
async fn every_script_is_a_file() {
    let system = System::in_process().await;
    let page = Client::new().get(format!("http://{}/console", system.address())).send().await;
    let page = page.expect("an answer").text().await.expect("a body");
    assert_eq!(page.matches("<script").count(), 1);
    assert!(page.contains("<script type=\"module\" src=\"/console/app.js\"></script>"), "{page}");
    assert!(
        !page.contains("<style") && !page.contains("style=") && !page.contains(" on"),
        "{page}"
    );
    let url = |path: &str| format!("http://{}{path}", system.address());
    for refused in
        [Client::new().post(url("/console")), Client::new().delete(url("/console/app.js"))]
    {
        let refused = refused.send().await.expect("an answer");
        assert_eq!(refused.headers()["allow"], "GET");
        expect(405, refused).await;
    }
}
