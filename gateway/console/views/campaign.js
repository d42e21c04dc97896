// One campaign, and the leads in it.

import { get } from "../api.js";
import { h, show } from "../dom.js";
import { plural, when } from "../format.js";
import { list, searchField } from "../list.js";
import { session } from "../session.js";
import { badge, button, empty, heading, snippet } from "../ui.js";
import { edit } from "./campaigns.js";

/** The top of a campaign's pages; `page` is "leads" or "import". */
export function top(campaign, page, changed) {
  const tab = (to, name, label) => h("a", { href: `#/campaigns/${campaign.id}${to}`, "aria-current": page === name && "page" }, label);
  const title = heading(campaign.name, session.may("leads:write") && button("Change", () => edit(campaign, changed)));
  title.querySelector("h1").after(badge(campaign.status));
  return [
    h("p", { class: "crumbs" }, h("a", { href: "#/" }, "Campaigns")),
    title,
    h("p", { class: "facts" }, `${plural(campaign.leads, "lead")} · created ${when(campaign.created_at)} · `, h("code", {}, campaign.id)),
    h("nav", { class: "tabs", "aria-label": "Campaign" }, tab("", "leads", "Leads"), session.may("leads:write") && tab("/import", "import", "Import")),
  ];
}

/** Fetches a campaign and shows its top; null when that failed, which is shown. */
export async function open({ main, signal, id }, page) {
  show(main, heading("Campaign"), h("p", { class: "loading" }, "Loading…"));
  const head = h("div", { class: "stack" });
  const draw = (campaign) => show(head, top(campaign, page, draw));
  try {
    const { data } = await get(`/campaigns/${encodeURIComponent(id)}`, { signal });
    draw(data);
    show(main, head);
    document.title = `${data.name} · Rollcall`;
    head.querySelector("h1").focus();
    return { campaign: data, refresh: async () => draw((await get(`/campaigns/${data.id}`, { signal })).data) };
  } catch (error) {
    if (!signal.aborted) {
      show(main, heading("Campaign"), empty(error.status === 404 ? "There is no such campaign" : "This could not be loaded", h("p", {}, error.message), h("a", { href: "#/" }, "All campaigns")));
    }
    return null;
  }
}

export async function campaign(page) {
  const opened = await open(page, "leads");
  if (!opened) return;
  const { id } = opened.campaign;
  const search = searchField("Search this campaign’s leads", "Name, company, email or phone", () => rows.first());
  const rows = list({
    caption: "leads",
    signal: page.signal,
    load: (query, signal) => get(`/campaigns/${id}/leads${query}`, { signal }),
    // Words of one letter would find half of everything, and are refused.
    filter: () => ({ search: search.value.split(/\s+/).filter((word) => word.length > 1).join(" ") }),
    empty: ({ search }) => (search ? empty("No lead fits", h("p", {}, "Every word must begin an email, a phone, or a word of a name.")) : first(id)),
    columns: [
      { name: "Name", kind: "main", cell: ({ first_name, last_name }) => [first_name, last_name].filter(Boolean).join(" ") },
      { name: "Phone", kind: "digits", cell: ({ phone }) => phone },
      { name: "Email", cell: ({ email }) => email },
      { name: "Company", cell: ({ company_name }) => company_name },
      { name: "Title", cell: ({ title }) => title },
      { name: "Added", cell: ({ added_at }) => when(added_at) },
    ],
  });
  page.main.append(h("div", { class: "tools" }, search), rows.element);
  rows.reload();
}

/** What to do in a campaign without leads. */
function first(id) {
  const request = `curl -X POST ${location.origin}/v1/campaigns/${id}/leads \\
  -H "Authorization: Bearer $ROLLCALL_API_KEY" -H 'Content-Type: application/json' \\
  -d '{"leads": [{"phone": "+15551234567", "first_name": "Ann"}]}'`;
  return empty(
    "No leads yet",
    h("p", {}, session.may("leads:write") && [h("a", { href: `#/campaigns/${id}/import` }, "Import a CSV file"), ", or "], "post the first one:"),
    snippet(request),
  );
}
