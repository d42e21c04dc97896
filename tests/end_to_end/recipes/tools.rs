//! Recipes for tools with fields to fill in: their bodies, filled in, are what Rollcall takes.

use serde_json::{Value, json};

use super::{kitchen::Kitchen, page::Page};
use crate::system::{System, each, each_of, expect};

/// Puts a contact's values into the places of a body, `{{like this}}`, or a whole list of leads.
fn filled_in(body: &str, list: &str) -> String {
    let mut parts = body.split("{{");
    let mut filled = parts.next().expect("a start").to_owned();
    for part in parts {
        let (name, rest) = part.split_once("}}").expect("an end");
        let name = name.to_lowercase();
        let known = [
            ("phone", "(415) 555-0123"),
            ("email", "ann@example.com"),
            ("first", "Ann"),
            ("last", "Lee"),
            ("company", "Acme"),
            ("title", "CEO"),
            ("linkedin", "https://www.linkedin.com/in/ann"),
            ("json", list),
        ];
        let value = known.iter().find(|(word, _)| name.contains(word));
        filled.push_str(value.unwrap_or_else(|| panic!("what is {name}?")).1);
        filled.push_str(rest);
    }
    filled
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_are_taken() {
    let system = System::in_process().await;
    for name in ["clay.md", "zapier.md", "make.md"] {
        let campaign = system.acme.campaign(name).await;
        let page = Page::read(name);
        let (bodies, samples): (Vec<_>, Vec<_>) =
            page.shown("json").partition(|body| body.contains("\"leads\""));
        assert!(!bodies.is_empty(), "{name}");
        for body in bodies {
            let list = format!("[{}]", samples.join(","));
            let body: Value = serde_json::from_str(&filled_in(body, &list)).expect(name);
            let data = system.acme.add_with(campaign, body).await;
            let summary = &data["summary"];
            assert_eq!(
                (&summary["total"], &summary["failed"]),
                (&json!(1), &json!(0)),
                "{name}: {data}"
            );
            let nothing = each(&data, "warnings").iter().all(|warnings| warnings.is_null());
            assert!(nothing, "{name}: {data}");
        }
        let leads = system.acme.get(&format!("/v1/campaigns/{campaign}/leads")).await;
        let leads = expect(200, leads).await;
        for (field, value) in [
            ("phone", "+14155550123"),
            ("email", "ann@example.com"),
            ("first_name", "Ann"),
            ("last_name", "Lee"),
            ("company_name", "Acme"),
            ("title", "CEO"),
            ("linkedin_url", "https://www.linkedin.com/in/ann"),
        ] {
            assert_eq!(each_of(&leads["data"], field), [json!(value)], "{field} of {name}");
        }
    }
}

/// The code for Zapier, with the two names that Zapier gives it.
#[tokio::test(flavor = "multi_thread")]
async fn the_code_step_makes_a_body() {
    let system = System::in_process().await;
    let campaign = system.acme.campaign("Zapier").await;
    let page = Page::read("zapier.md");
    let kitchen = Kitchen::new(system.address(), &system.acme, campaign, &page).await;
    let input = r#"{"phones": "(415) 555-0123,,+14155550124", "emails": ",ann@example.com,"}"#;
    let run = r#"inputData = JSON.parse(process.argv[1]); output = null;
        (0, eval)(require("fs").readFileSync("code-step.js", "utf8")); console.log(output.body)"#;
    let body = kitchen.with("INPUT", input).with("RUN", run);
    let body = body.run("node -e \"$RUN\" \"$INPUT\"").await.json();
    let data = system.acme.add_with(campaign, body).await;
    assert_eq!(each(&data, "status"), ["added", "added", "added"], "{data}");
}
