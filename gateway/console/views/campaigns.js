// All campaigns.

import { get, patch, post } from "../api.js";
import { h, show } from "../dom.js";
import { count, when } from "../format.js";
import { list, searchField } from "../list.js";
import { go } from "../router.js";
import { session } from "../session.js";
import { badge, button, empty, field, form, heading, select, toast } from "../ui.js";

const STATUSES = ["draft", "active", "paused", "completed", "archived"];
const capital = (text) => text[0].toUpperCase() + text.slice(1);
const OPTIONS = STATUSES.map((status) => [status, capital(status)]);

export function campaigns({ main, signal }) {
  const search = searchField("Search campaigns by name", "Search by name", () => rows.first());
  const status = select({ "aria-label": "Status", onchange: () => rows.first() }, [["", "Every status"], ...OPTIONS]);
  const rows = list({
    caption: "campaigns",
    signal,
    load: (query, signal) => get(`/campaigns${query}`, { signal }),
    filter: () => ({ search: search.value.trim(), status: status.value }),
    empty: ({ search, status }) => (search || status ? empty("No campaign fits", h("p", {}, "Try another name or status.")) : welcome()),
    columns: [
      { name: "Name", kind: "main", cell: ({ id, name }) => h("a", { href: `#/campaigns/${id}` }, name) },
      { name: "Status", cell: ({ status }) => badge(status) },
      { name: "Leads", kind: "number", cell: ({ leads }) => count(leads) },
      { name: "Created", cell: ({ created_at }) => when(created_at) },
    ],
  });
  const create = () => session.may("leads:write") && button("New campaign", () => edit(null), { kind: "primary" });
  function welcome() {
    return empty("No campaigns yet", h("p", {}, "A campaign is what leads are added to."), create());
  }
  show(main, heading("Campaigns", create()), h("div", { class: "tools" }, search, status), rows.element);
  rows.reload();
}

/** A dialog to make a campaign, or to change one; `changed` gets the one that was changed. */
export function edit(campaign, changed) {
  const name = h("input", { name: "name", value: campaign?.name ?? "", maxlength: 255, autocomplete: "off", required: true });
  const status = select({ name: "status" }, OPTIONS, campaign?.status ?? "active");
  form({
    title: campaign ? "Change the campaign" : "New campaign",
    action: campaign ? "Save" : "Create",
    body: [field("Name", name), field("Status", status, "Leads can be added to all but archived campaigns.")],
    save: async () => {
      const fields = { name: name.value, status: status.value };
      if (campaign) {
        changed((await patch(`/campaigns/${campaign.id}`, fields)).data);
        toast("Saved");
      } else {
        const { data } = await post("/campaigns", fields);
        toast(`“${data.name}” is there`);
        go(`/campaigns/${data.id}`);
      }
    },
  });
}
