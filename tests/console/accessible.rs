//! What every page owes to those who do not see it, or use no mouse.

use serde_json::{Value, json};

use crate::browser::{Browser, PHONE};

/// What is wrong with a page, in words.
const CHECK: &str = r#"
    const wrong = [];
    const told = (element) => element.outerHTML.slice(0, 120);
    const visible = (element) => element.getClientRects().length > 0;
    if (document.querySelectorAll("h1").length !== 1) wrong.push("not one h1");
    if (document.querySelectorAll("main").length !== 1) wrong.push("not one main");
    if (!document.documentElement.lang) wrong.push("no language");
    const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
    if (new Set(ids).size !== ids.length) wrong.push("an id stands twice");
    for (const reference of ["for", "aria-describedby", "aria-labelledby"]) {
      for (const element of document.querySelectorAll(`[${reference}]`)) {
        if (!document.getElementById(element.getAttribute(reference))) wrong.push(`${reference} leads nowhere: ${told(element)}`);
      }
    }
    for (const table of document.querySelectorAll("table")) {
      if (!table.caption) wrong.push("a table without a caption");
      if ([...table.querySelectorAll("th")].some((head) => !head.scope)) wrong.push("a th without a scope");
    }
    for (const element of document.querySelectorAll("[style], [onclick], body script")) wrong.push(`inline: ${told(element)}`);
    // A colour that the eye can tell from what is behind it (WCAG 2.2, 1.4.3).
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const rgb = (colour) => {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = colour;
      canvas.fillRect(0, 0, 1, 1);
      return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const light = (colour) => {
      const [r, g, b] = colour.map((part) => part / 255).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (element) => {
      for (let at = element; at; at = at.parentElement) {
        const colour = rgb(getComputedStyle(at).backgroundColor);
        if (colour[3] === 255) return colour;
      }
      return [255, 255, 255];
    };
    for (const element of document.querySelectorAll("body *")) {
      const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
      if (!own || !visible(element) || element.matches(":disabled, noscript") || element.closest("[aria-busy=true]")) continue;
      const [a, b] = [light(rgb(getComputedStyle(element).color)), light(behind(element))].sort((a, b) => b - a);
      const contrast = (a + 0.05) / (b + 0.05);
      if (contrast < 4.5) wrong.push(`contrast ${contrast.toFixed(2)}: ${told(element)}`);
    }
    return wrong;
"#;

/// Roles that are of use only with a name.
const NAMED: [&str; 11] = [
    "button",
    "link",
    "textbox",
    "searchbox",
    "combobox",
    "checkbox",
    "spinbutton",
    "progressbar",
    "img",
    "navigation",
    "dialog",
];

impl Browser {
    /// Makes sure that the page can be used without seeing it, by day, by night, and on a phone.
    pub async fn is_accessible(&self, page: &str) {
        for scheme in ["dark", "light"] {
            self.looks((1280, 900), scheme).await;
            assert_eq!(self.run(CHECK).await, json!([]), "{page}, {scheme}");
        }
        let tree = self.devtools("Accessibility.getFullAXTree", json!({})).await;
        for node in tree["nodes"].as_array().expect("nodes") {
            let role = node["role"]["value"].as_str().unwrap_or_default();
            let name = node["name"]["value"].as_str().unwrap_or_default();
            let shown = node["ignored"] != json!(true);
            assert!(!(shown && NAMED.contains(&role) && name.is_empty()), "{page}: {node:#}");
        }
        self.looks(PHONE, "light").await;
        let width = self.run("return document.documentElement.scrollWidth").await;
        assert_eq!(width, Value::from(PHONE.0), "{page} is wider than a phone");
        self.looks((1280, 900), "light").await;
        self.picture(page).await;
    }
}
