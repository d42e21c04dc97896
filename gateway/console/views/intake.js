// What comes in just now.

import { get } from "../api.js";
import { chart } from "../chart.js";
import { h, show } from "../dom.js";
import { count, milliseconds, short } from "../format.js";
import { every, heading } from "../ui.js";

const LOOK_MS = 1_000;
/** What "now" means in the tiles: so many of the last seconds. */
const NOW = 5;

const OUTCOMES = [
  ["added", "Added"],
  ["already_in_campaign", "Already in"],
  ["failed", "Rejected"],
  ["suppressed", "Suppressed"],
  ["skipped", "Skipped"],
];

const sum = (values) => values.reduce((total, value) => total + value, 0);
const rate = (values) => sum(values.slice(-NOW)) / NOW;

export function intake({ main, signal }) {
  const leads = chart({ label: "Leads a second", lines: OUTCOMES.map(([kind, name]) => ({ kind, name })), tell: short });
  const latency = chart({ label: "Answer time", lines: [{ kind: "p50", name: "Half within" }, { kind: "p95", name: "95 % within" }], tell: milliseconds });
  const tiles = h("dl", { class: "tiles" });
  const trouble = h("p", { class: "waiting", role: "status" });
  show(
    main,
    heading("Intake"),
    h("p", { class: "facts" }, "The last two minutes of this workspace, over HTTP, as the gateway that answers here saw them; where there are several, each sees its share."),
    trouble,
    tiles,
    leads.element,
    latency.element,
  );

  every(LOOK_MS, signal, async () => {
    try {
      const { data } = await get("/intake", { signal });
      if (!signal.aborted) draw(data);
      show(trouble);
    } catch (error) {
      if (!signal.aborted) show(trouble, error.message);
    }
  });

  function draw({ requests, refused, leads: by, latency_ms }) {
    const columns = OUTCOMES.map(([kind]) => by[kind]);
    const all = columns[0].map((_, second) => sum(columns.map((column) => column[second])));
    const latest = (values) => values.slice(-NOW).findLast((value) => value !== null);
    const tile = (label, value, kind) => h("div", { class: kind }, h("dt", {}, label), h("dd", {}, value));
    show(
      tiles,
      tile("Leads a second", short(rate(all))),
      tile("Requests a second", short(rate(requests))),
      tile("Refused a second", short(rate(refused)), rate(refused) > 0 && "failed"),
      tile("Half answered within", milliseconds(latest(latency_ms.p50))),
      tile("95 % answered within", milliseconds(latest(latency_ms.p95))),
    );
    const told = OUTCOMES.map(([kind, name]) => `${name} ${count(sum(by[kind]))}`).join(", ");
    leads.update(columns, `in two minutes ${told}`);
    latency.update([latency_ms.p50, latency_ms.p95], `lately half within ${milliseconds(latest(latency_ms.p50))}`);
  }
}
