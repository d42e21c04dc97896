// Whom the workspace must not contact.

import { get, post, query, remove } from "../api.js";
import { h, show } from "../dom.js";
import { count, plural, when } from "../format.js";
import { list, searchField } from "../list.js";
import { session } from "../session.js";
import { button, confirm, empty, field, form, heading, toast } from "../ui.js";

const MAX = 10_000;

/** A contact, as the API is asked for it. */
const contact = (text) => (text.includes("@") ? { email: text } : { phone: text });

export function suppressions({ main, signal }) {
  const search = searchField("Find by phone or email", "A whole phone or email", () => rows.first());
  const writes = session.may("leads:write");
  const rows = list({
    caption: "suppressions",
    signal,
    load,
    filter: () => (search.value.trim() ? contact(search.value.trim()) : {}),
    empty: ({ phone, email }) => (phone || email ? empty("Not on the list", h("p", {}, "It takes a whole phone, with + and country, or a whole email.")) : empty("Nobody is suppressed", h("p", {}, "Whoever is put here is not added to any campaign from then on."))),
    columns: [
      { name: "Contact", kind: "main", cell: ({ phone, email }) => phone ?? email },
      { name: "Reason", cell: ({ reason }) => reason },
      { name: "Since", cell: ({ created_at }) => when(created_at) },
      ...(writes ? [{ name: "Actions", kind: "act", cell: lift }] : []),
    ],
  });

  async function load(query, signal) {
    try {
      return await get(`/suppressions${query}`, { signal });
    } catch (error) {
      // While somebody is typing, it is no phone or email yet.
      if (error.status === 400 && search.value) return { data: [] };
      throw error;
    }
  }

  function lift({ phone, email }) {
    const act = async () => {
      await remove(`/suppressions${query({ phone, email })}`);
      toast(`${phone ?? email} may be contacted again`);
      rows.reload();
    };
    const ask = async () => confirm({ title: "Lift the suppression?", text: `${phone ?? email} can be added to campaigns again.`, action: "Lift", act });
    return button("Lift", ask, { kind: "small", "aria-label": `Lift the suppression of ${phone ?? email}` });
  }

  function add() {
    const contacts = h("textarea", { rows: 6, name: "contacts", spellcheck: "false", required: true });
    const reason = h("input", { name: "reason", maxlength: 255, autocomplete: "off" });
    form({
      title: "Suppress contacts",
      action: "Suppress",
      body: [field("Phones and emails", contacts, "One a line. Phones with + and country."), field("Reason", reason, "Whoever tries to add them is told.")],
      save: async () => {
        const lines = contacts.value.split("\n").map((line) => line.trim()).filter(Boolean);
        if (lines.length === 0) throw new Error("Enter a phone or an email");
        if (lines.length > MAX) throw new Error(`At most ${count(MAX)} at once`);
        const entries = lines.map((line) => ({ ...contact(line), reason: reason.value }));
        const { data } = await post("/suppressions", { suppressions: entries });
        const wrong = data.results.filter(({ status }) => status === "error");
        if (data.summary.added > 0) toast(`${plural(data.summary.added, "contact")} suppressed`);
        rows.first();
        if (wrong.length === 0) return;
        // What is left to put right stays in the field.
        contacts.value = wrong.map(({ index }) => lines[index]).join("\n");
        throw new Error(wrong.slice(0, 3).map(({ index, error }) => `${lines[index]}: ${error.message}`).join("; "));
      },
    });
  }

  show(main, heading("Suppressions", writes && button("Suppress contacts", async () => add(), { kind: "primary" })), h("div", { class: "tools" }, search), rows.element);
  rows.reload();
}
