// The way in: with a key of a workspace.

import { get } from "../api.js";
import { h, show } from "../dom.js";
import { session } from "../session.js";
import { field } from "../ui.js";

export function signIn({ main, done }) {
  const key = h("input", { type: "password", name: "key", autocomplete: "off", spellcheck: "false", placeholder: "rchd_live_…", required: true, autofocus: true });
  const problem = h("p", { class: "problem", role: "alert" });
  const submit = h("button", { type: "submit", class: "button primary" }, "Sign in");
  const form = h(
    "form",
    { class: "card sign-in" },
    h("p", { class: "brand" }, "Rollcall"),
    h("h1", { tabindex: "-1" }, "Sign in"),
    h("p", {}, "With a key of your workspace. It stays in this tab, and is forgotten when you close it."),
    field("API key", key, "It needs the scope read; leads:write to change things, admin for keys."),
    problem,
    submit,
    h("details", {}, h("summary", {}, "No key yet?"), h("p", {}, "Whoever runs Rollcall makes one:"), h("pre", { tabindex: "0" }, "rollcall keys create --workspace NAME --scope admin"), h("p", {}, "and adds --scope operator for who may see the dead letters of all workspaces.")),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const given = key.value.trim();
    if (!given) return problemIs("Enter a key");
    submit.disabled = true;
    try {
      const { data } = await get("/workspace", { key: given });
      session.begin(given, data);
      done();
    } catch (error) {
      problemIs(error.status === 401 ? "This is not a valid key" : error.message);
    } finally {
      submit.disabled = false;
    }
  });
  function problemIs(text) {
    show(problem, text);
    key.setAttribute("aria-invalid", "true");
    key.focus();
  }
  show(main, form);
}
