// The workspace's keys.

import { get, post, remove } from "../api.js";
import { h, show } from "../dom.js";
import { ago, count, when } from "../format.js";
import { list } from "../list.js";
import { badge, button, confirm, empty, field, form, heading, notice, snippet, toast } from "../ui.js";

const SCOPES = [
  ["read", "Read leads and campaigns"],
  ["leads:write", "Add and change leads and campaigns"],
  ["admin", "Everything in the workspace, keys too"],
];

export function keys({ main, signal }) {
  const rows = list({
    caption: "keys",
    signal,
    load: (query, signal) => get(`/keys${query}`, { signal }),
    empty: () => empty("No keys"),
    columns: [
      { name: "Name", kind: "main", cell: ({ name, hint }) => [name ?? "Unnamed", " ", h("code", {}, `…${hint}`)] },
      { name: "Good for", cell: ({ scopes }) => h("div", { class: "badges" }, scopes.map((scope) => badge(scope, "scope"))) },
      { name: "Per minute", kind: "number", cell: ({ rate_limit }) => (rate_limit === null ? "default" : rate_limit === 0 ? "no limit" : count(rate_limit)) },
      { name: "Created", cell: ({ created_at }) => when(created_at) },
      { name: "Last used", cell: ({ last_used_at }) => ago(last_used_at) },
      { name: "Actions", kind: "act", cell: (key) => (key.revoked_at ? badge("revoked") : revoke(key)) },
    ],
  });

  function revoke({ id, name, hint }) {
    const act = async () => {
      await remove(`/keys/${id}`);
      toast("The key is revoked");
      rows.reload();
    };
    const text = `Whoever uses …${hint} is locked out within seconds, for good. If it is the key you signed in with, you are signed out.`;
    const ask = async () => confirm({ title: `Revoke ${name ?? "this key"}?`, text, action: "Revoke", act });
    return button("Revoke", ask, { kind: "small danger", "aria-label": `Revoke ${name ?? "the key"} …${hint}` });
  }

  function create() {
    const name = h("input", { name: "name", maxlength: 255, autocomplete: "off" });
    const limit = h("input", { name: "limit", type: "number", min: 0, inputmode: "numeric", class: "short" });
    const scopes = SCOPES.map(([scope, label]) => {
      const box = h("input", { type: "checkbox", value: scope });
      box.checked = scope !== "admin";
      return { box, element: h("label", { class: "check" }, box, h("code", {}, scope), ` ${label}`) };
    });
    form({
      title: "New key",
      action: "Create",
      body: [
        field("Name", name, "Such as who uses it."),
        h("fieldset", {}, h("legend", {}, "Good for"), scopes.map(({ element }) => element)),
        field("Requests a minute", limit, "Empty for the gateway’s default, 0 for no limit."),
      ],
      save: async () => {
        const chosen = scopes.filter(({ box }) => box.checked).map(({ box }) => box.value);
        if (chosen.length === 0) throw new Error("Choose what the key is good for");
        const rate_limit = limit.value === "" ? null : limit.valueAsNumber;
        const { data } = await post("/keys", { name: name.value, scopes: chosen, rate_limit });
        rows.first();
        // After this dialog is gone, and the focus is back.
        setTimeout(() => notice({ title: "The new key", body: [h("p", {}, "Copy it now: it is not shown again."), snippet(data.key)] }));
      },
    });
  }

  show(main, heading("Keys", button("New key", async () => create(), { kind: "primary" })), rows.element);
  rows.reload();
}
