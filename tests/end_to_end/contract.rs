//! The main job, as documented (contract sections 1 to 3).

use serde_json::{Value, json};

use crate::{
    on_both_buses,
    system::{System, each, each_of, expect, id},
};

on_both_buses!(
    the_documented_example,
    every_way_to_match,
    conflicts_are_reported_and_nothing_is_merged,
    merge_decides_what_happens_to_fields,
    entry_errors_stand_in_their_place,
    national_numbers_need_a_region,
    a_thousand_leads_in_one_request,
    lists_and_lookups,
    the_older_prefix_serves_the_same,
);

async fn the_documented_example(system: System) {
    let campaign = system.acme.campaign("Spring").await;
    let leads = json!([
        {"phone": "+15551234567", "first_name": "John", "last_name": "Doe", "company_name": "Acme",
         "title": "CEO", "email": "john@example.com", "linkedin_url": "https://linkedin.com/in/jd"},
        {"email": "jane@example.com", "first_name": "Jane"},
    ]);
    let first = system.acme.add(campaign, leads.clone()).await;
    assert_eq!(id(&first["campaign_id"]), campaign);
    assert_eq!(each(&first, "status"), ["added", "added"]);
    assert_eq!(each(&first, "created"), [true, true]);
    assert_eq!(each(&first, "index"), [0, 1]);
    assert_eq!(
        first["summary"],
        json!({"total": 2, "added": 2, "already_in_campaign": 0, "failed": 0, "suppressed": 0,
               "skipped": 0})
    );

    // A 200 has been sent, so it is committed and readable.
    let lead = system.acme.lead(&first["results"][0]["lead_id"]).await;
    for (field, value) in leads[0].as_object().expect("an object") {
        assert_eq!(&lead[field], value, "{field}");
    }

    let again = system.acme.add(campaign, leads).await;
    assert_eq!(each(&again, "status"), ["already_in_campaign", "already_in_campaign"]);
    assert_eq!(each(&again, "created"), [false, false]);
    assert_eq!(each(&again, "matched_by"), ["phone", "email"]);
    assert_eq!(each(&again, "lead_id"), each(&first, "lead_id"));
    assert_eq!(system.acme.members(campaign).await, 2);
}

async fn every_way_to_match(system: System) {
    let (one, other) = (system.acme.campaign("One").await, system.acme.campaign("Other").await);
    let made = system.acme.add(one, json!([{"phone": "+15550000001", "email": "a@x.com"}])).await;
    let lead = &made["results"][0]["lead_id"];
    let matched = system
        .acme
        .add(
            other,
            json!([
                {"lead_id": lead},
                {"phone": "+1 (555) 000-0001"},
                {"email": " A@X.COM "},
                {"phone": "+15550000002"},
                {"phone": "0015550000002", "email": "b@x.com"},
                {"email": "b@x.com"},
            ]),
        )
        .await;
    assert_eq!(
        each(&matched, "matched_by"),
        [
            &json!("lead_id"),
            &json!("phone"),
            &json!("email"),
            &Value::Null,
            &json!("phone"),
            &json!("email")
        ]
    );
    let already = "already_in_campaign";
    assert_eq!(each(&matched, "status"), ["added", already, already, "added", already, already]);
    let ids = each(&matched, "lead_id");
    assert!(ids[..3].iter().all(|id| *id == lead));
    assert!(ids[4..].iter().all(|id| *id == ids[3]) && ids[3] != lead);
}

async fn conflicts_are_reported_and_nothing_is_merged(system: System) {
    let campaign = system.acme.campaign("Conflicts").await;
    let made =
        system.acme.add(campaign, json!([{"phone": "+15550000001"}, {"email": "b@x.com"}])).await;
    let (by_phone, by_email) = (&made["results"][0]["lead_id"], &made["results"][1]["lead_id"]);
    let entry = json!({"phone": "+15550000001", "email": "b@x.com", "first_name": "Ann"});
    let body = json!({"leads": [entry], "merge": "overwrite"});
    let answer = system.acme.add_with(campaign, body).await;
    assert_eq!(
        answer["results"][0],
        json!({"index": 0, "lead_id": by_phone, "status": "already_in_campaign", "created": false,
               "matched_by": "phone", "conflict": {"field": "email", "lead_id": by_email}})
    );
    let lead = system.acme.lead(by_phone).await;
    assert_eq!((&lead["first_name"], &lead["email"]), (&Value::Null, &Value::Null));

    // The same with lead_id, where the phone is somebody else's.
    let entry = json!([{"lead_id": by_email, "phone": "+15550000001"}]);
    let answer = system.acme.add(campaign, entry).await;
    assert_eq!(answer["results"][0]["conflict"], json!({"field": "phone", "lead_id": by_phone}));
}

async fn merge_decides_what_happens_to_fields(system: System) {
    let campaign = system.acme.campaign("Merge").await;
    let entry = json!({"phone": "+15550000001", "email": "old@x.com", "first_name": "Ann"});
    let made = system.acme.add(campaign, json!([entry])).await;
    let lead = made["results"][0]["lead_id"].clone();
    let new = json!({"phone": "+15550000001", "email": "new@x.com", "first_name": "Bea",
                     "last_name": "Cole", "title": " "});
    for (merge, email, first_name, last_name, kept) in [
        ("none", "old@x.com", "Ann", Value::Null, json!(["email"])),
        ("fill", "old@x.com", "Ann", json!("Cole"), json!(["email"])),
        ("overwrite", "new@x.com", "Bea", json!("Cole"), Value::Null),
    ] {
        let body = json!({"leads": [new], "merge": merge});
        let answer = system.acme.add_with(campaign, body).await;
        assert_eq!(answer["results"][0]["kept"], kept, "{merge}");
        let now = system.acme.lead(&lead).await;
        assert_eq!(
            [&now["email"], &now["first_name"], &now["last_name"], &now["title"]],
            [&json!(email), &json!(first_name), &last_name, &Value::Null],
            "{merge}"
        );
    }
    // The old address is free again, and a fill attaches it where it is missing.
    let entry = json!([{"email": "old@x.com"}, {"email": "old@x.com", "phone": "+15550000002"}]);
    let answer = system.acme.add(campaign, entry).await;
    assert_eq!(each(&answer, "created"), [true, false]);
    let other = system.acme.lead(&answer["results"][0]["lead_id"]).await;
    assert_eq!(other["phone"], "+15550000002");
}

async fn entry_errors_stand_in_their_place(system: System) {
    let campaign = system.acme.campaign("Errors").await;
    let answer = system
        .acme
        .add(
            campaign,
            json!([
                {"phone": "+15550000001"},
                {},
                7,
                {"phone": "555-0100", "email": "ok@x.com"},
                {"email": "nobody"},
                {"lead_id": "7"},
                {"email": "ok@x.com", "title": ["CEO"]},
                {"lead_id": "00000000-0000-7000-8000-000000000000"},
                {"email": "good@x.com", "nickname": "G"},
            ]),
        )
        .await;
    let codes: Vec<_> = each(&answer, "error").iter().map(|error| error["code"].clone()).collect();
    assert_eq!(
        codes,
        [
            Value::Null,
            json!("missing_identifier"),
            json!("invalid_entry"),
            json!("invalid_phone"),
            json!("invalid_email"),
            json!("invalid_lead_id"),
            json!("invalid_field"),
            json!("lead_not_found"),
            Value::Null,
        ]
    );
    assert_eq!(answer["results"][6]["error"]["field"], "title");
    assert_eq!(answer["results"][8]["warnings"][0]["field"], "nickname");
    assert_eq!(
        answer["summary"],
        json!({"total": 9, "added": 2, "already_in_campaign": 0, "failed": 7, "suppressed": 0,
               "skipped": 0})
    );
    // Nothing of a rejected entry was written.
    assert_eq!(system.count("lead.leads").await, 2);
}

async fn national_numbers_need_a_region(system: System) {
    let campaign = system.acme.campaign("Regions").await;
    let leads = json!([{"phone": "(512) 867-5309"}, {"phone": "+15128675309"}]);
    let strict = system.acme.add(campaign, leads.clone()).await;
    assert_eq!(each(&strict, "status"), ["error", "added"]);
    let body = json!({"leads": leads, "default_region": "US"});
    let national = system.acme.add_with(campaign, body).await;
    assert_eq!(each(&national, "status"), ["already_in_campaign", "already_in_campaign"]);
}

async fn a_thousand_leads_in_one_request(system: System) {
    let campaign = system.acme.campaign("Large").await;
    // Every number stands twice, and the second time is told so.
    let leads: Vec<_> =
        (0..1_000).map(|n| json!({"phone": format!("+1555{:07}", n % 500)})).collect();
    let answer = system.acme.add(campaign, json!(leads)).await;
    assert_eq!(
        answer["summary"],
        json!({"total": 1_000, "added": 500, "already_in_campaign": 500, "failed": 0, "suppressed": 0,
               "skipped": 0})
    );
    let results = answer["results"].as_array().expect("results");
    for (n, result) in results.iter().enumerate() {
        assert_eq!(result["index"], n);
        assert_eq!(result["lead_id"], results[n % 500]["lead_id"]);
    }
    assert_eq!(system.acme.members(campaign).await, 500);

    let path = format!("/v1/campaigns/{campaign}/leads");
    let one_more = json!({"leads": vec![json!({}); 1_001]});
    let refused = expect(400, system.acme.post(&path, &one_more).await).await;
    assert_eq!(refused["error"]["code"], "bad_request");
}

async fn lists_and_lookups(system: System) {
    let workspace = expect(200, system.acme.get("/v1/workspace").await).await;
    assert_eq!(workspace["data"]["name"], "Acme");

    let first = system.acme.campaign("First").await;
    let body = json!({"name": "Second", "status": "draft"});
    let second = expect(201, system.acme.post("/v1/campaigns", &body).await).await;
    let all = expect(200, system.acme.get("/v1/campaigns").await).await;
    let meta = json!({"page": 1, "per_page": 25, "total": 2, "next_cursor": null});
    assert_eq!(all["meta"], meta);
    assert_eq!(all["data"][0], second["data"], "newest first");
    let active = expect(200, system.acme.get("/v1/campaigns?status=active").await).await;
    assert_eq!(active["meta"]["total"], 1);
    assert_eq!(id(&active["data"][0]["id"]), first);
    let shown = expect(200, system.acme.get(&format!("/v1/campaigns/{first}")).await).await;
    assert_eq!(shown["data"], active["data"][0]);

    let leads: Vec<_> = (0..5).map(|n| json!({"email": format!("{n}@x.com")})).collect();
    let made = system.acme.add(first, json!(leads)).await;
    let (mut by_number, mut by_cursor, mut cursor) = (Vec::new(), Vec::new(), String::new());
    let path = format!("/v1/campaigns/{first}/leads?per_page=2");
    for page in 1..=3 {
        let list = expect(200, system.acme.get(&format!("{path}&page={page}")).await).await;
        assert_eq!((&list["meta"]["page"], &list["meta"]["total"]), (&json!(page), &json!(5)));
        by_number.extend(each_of(&list["data"], "id"));
        let list = expect(200, system.acme.get(&format!("{path}&cursor={cursor}")).await).await;
        by_cursor.extend(each_of(&list["data"], "id"));
        assert_eq!(list["meta"]["next_cursor"].is_null(), page == 3);
        cursor = list["meta"]["next_cursor"].as_str().unwrap_or_default().to_owned();
    }
    assert_eq!(by_number.iter().collect::<Vec<_>>(), each(&made, "lead_id"));
    assert_eq!(by_cursor, by_number);
    let clamped = expect(200, system.acme.get("/v1/campaigns?per_page=500").await).await;
    assert_eq!(clamped["meta"]["per_page"], 100);
    for bad in ["page=0", "page=x", "page=401", "per_page=0", "cursor=x", "status=open"] {
        expect(400, system.acme.get(&format!("/v1/campaigns?{bad}")).await).await;
    }
}

async fn the_older_prefix_serves_the_same(system: System) {
    let campaign = system.acme.campaign("Old").await;
    let path = format!("/functions/v1/api-gateway/v1/campaigns/{campaign}/leads");
    let body = json!({"leads": [{"phone": "+15550000001"}]});
    let answer = expect(200, system.acme.post(&path, &body).await).await;
    assert_eq!(answer["data"]["results"][0]["status"], "added");
}
