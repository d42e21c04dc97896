// Big submissions, and how far they have come.

import { download, get } from "../api.js";
import { h, show } from "../dom.js";
import { ago, count } from "../format.js";
import { list } from "../list.js";
import { badge, button, empty, every, heading, progress } from "../ui.js";

const LOOK_MS = 2_000;

export function submissions({ main, signal }) {
  const names = new Map();
  const rows = list({
    caption: "submissions",
    signal,
    load: (query, signal) => get(`/submissions${query}`, { signal }),
    empty: () =>
      empty(
        "No submissions",
        h("p", {}, "More than 1,000 leads, up to 100,000, go into one request that does not wait for its results: with the header ", h("code", {}, "Prefer: respond-async"), ". They are shown here while they are worked off, and for 7 days."),
        h("p", {}, h("a", { href: "/docs#addLeads" }, "How to post them")),
      ),
    columns: [
      { name: "Submitted", kind: "main", cell: ({ created_at }) => ago(created_at) },
      { name: "Campaign", cell: ({ campaign_id }) => campaign(campaign_id) },
      { name: "Status", cell: ({ status }) => badge(status) },
      { name: "Progress", cell: ({ processed, total }) => h("div", { class: "progress" }, progress("Leads worked off", processed, total), h("span", {}, `${count(processed)} of ${count(total)}`)) },
      { name: "Added", kind: "number", cell: ({ summary }) => count(summary.added) },
      { name: "Already in", kind: "number", cell: ({ summary }) => count(summary.already_in_campaign) },
      { name: "Rejected", kind: "number", cell: rejected },
    ],
  });

  /** A link that gets the campaign's name as soon as it is known. */
  function campaign(id) {
    const link = h("a", { href: `#/campaigns/${id}` }, names.get(id) ?? h("code", {}, `…${id.slice(-12)}`));
    if (!names.has(id)) {
      names.set(id, null);
      get(`/campaigns/${id}`, { signal }).then(
        ({ data }) => (names.set(id, data.name), show(link, data.name)),
        () => {}, // Its id does, too.
      );
    }
    return link;
  }

  function rejected({ id, status, summary }) {
    if (summary.failed === 0) return count(0);
    const label = `${count(summary.failed)} as CSV`;
    return button(label, () => download(`/submissions/${id}/failed?format=csv`, `failed-${id}.csv`), { kind: "small", disabled: status !== "done" });
  }

  show(main, heading("Submissions"), rows.element);
  let settled = false;
  every(LOOK_MS, signal, async () => {
    // What is done does not change, and whoever has a button in hand should keep it.
    if (settled) return;
    const answer = await rows.reload();
    settled = answer !== null && answer.data.every(({ status }) => status === "done") && answer.data.length > 0;
  });
}
