// Drop a file of leads and watch it go in.

import { save } from "../api.js";
import { ERROR_COLUMN, entry, knownColumns, target } from "../columns.js";
import { parse, write } from "../csv.js";
import { h, show } from "../dom.js";
import { count, duration, plural } from "../format.js";
import { Import } from "../importer.js";
import { attempt, button, field, progress, select } from "../ui.js";
import { open } from "./campaign.js";

/** Above it, the command line is the better tool: a browser holds the whole file. */
const MAX_BYTES = 100 * 1_048_576;
const REJECTED_SHOWN = 50;
const REDRAW_MS = 200;

/** The imports of this tab, by campaign; they go on while other pages are looked at. */
const imports = new Map();

const running = ({ work }) => work.state === "running" || work.state === "paused";
export const importsRunning = () => [...imports.values()].some(running);

export function stopImports() {
  for (const { work } of imports.values()) if (running({ work })) work.cancel();
  imports.clear();
}

export async function importPage(page) {
  const opened = await open(page, "import");
  if (!opened) return;
  const body = h("div", { class: "stack" });
  page.main.append(body);
  const { id } = opened.campaign;
  const again = imports.get(id);
  if (again) watch(again);
  else choose();

  function choose() {
    imports.delete(id);
    const input = h("input", { type: "file", accept: ".csv,.tsv,.txt,text/csv", class: "hidden", id: "file" });
    const problem = h("p", { class: "problem", role: "alert" });
    const zone = h(
      "label",
      { class: "drop", for: "file" },
      h("strong", {}, "Drop a CSV file here"),
      h("span", {}, "or choose one"),
      h("small", {}, "Any delimiter. The first row names the columns; phone, email or lead_id is needed."),
    );
    const take = async (file) => {
      show(problem);
      try {
        if (!file) return;
        if (file.size > MAX_BYTES) throw new Error("This file is too large for a browser; rollcall import takes it");
        const table = parse(decode(await file.arrayBuffer()));
        if (table.rows.length === 0) throw new Error("There are no rows in this file below the names of its columns");
        map(file.name, table, await knownColumns());
      } catch (error) {
        show(problem, error.message);
      }
    };
    input.addEventListener("change", () => take(input.files[0]));
    zone.addEventListener("dragover", (event) => {
      event.preventDefault();
      zone.classList.add("over");
    });
    zone.addEventListener("dragleave", () => zone.classList.remove("over"));
    zone.addEventListener("drop", (event) => {
      event.preventDefault();
      zone.classList.remove("over");
      take(event.dataTransfer.files[0]);
    });
    show(body, input, zone, problem);
  }

  /** What becomes of the columns; may be changed before anything is sent. */
  function map(name, table, known) {
    // The reasons of an earlier import are no column of the file.
    const guessed = table.header.map((column) => (column === ERROR_COLUMN ? null : target(known, column)));
    const places = [...guessed];
    const problem = h("p", { class: "problem", role: "alert" });
    const options = (column) => {
      const fields = [...known.fields, ...known.objects.map((object) => `${object}.${table.header[column].trim() || "column"}`)];
      const own = guessed[column]?.field;
      return [["", "Leave out"], ...[...new Set([...(own ? [own] : []), ...fields])].map((field) => [field, field])];
    };
    const rows = table.header.map((column, place) => {
      const chosen = select({ "aria-label": `Field for ${column || `column ${place + 1}`}` }, options(place), places[place]?.field ?? "");
      chosen.addEventListener("change", () => {
        places[place] = chosen.value ? { field: chosen.value, rank: 0 } : null;
      });
      return h(
        "tr",
        {},
        h("td", { class: "main", "data-name": "Column" }, column || `(column ${place + 1})`),
        h("td", { "data-name": "First row" }, table.rows[0].fields[place] || "–"),
        h("td", { "data-name": "Becomes" }, chosen),
      );
    });
    const merge = select({ name: "merge" }, [["fill", "Fill what is empty"], ["overwrite", "Overwrite"], ["none", "Leave as it is"]], "fill");
    const region = h("input", { name: "region", maxlength: 2, size: 4, autocomplete: "off", placeholder: "US", class: "short" });
    const begin = async () => {
      if (!places.some((place) => ["phone", "email", known.exact].includes(place?.field))) {
        show(problem, "Say which column is phone, email or lead_id");
        return;
      }
      const entries = table.rows.map((row) => ({ ...row, entry: entry(known, places, row.fields) }));
      const given = { merge: merge.value };
      if (region.value.trim()) given.default_region = region.value.trim().toUpperCase();
      const started = { name, table, work: null, redraw: () => {} };
      started.work = new Import(id, entries, given, () => started.redraw());
      imports.set(id, started);
      started.work.run();
      watch(started);
    };
    show(
      body,
      h("h2", { tabindex: "-1" }, `${name}: ${plural(table.rows.length, "row")}`),
      h("table", {}, h("caption", { class: "hidden" }, "What the columns become"), h("thead", {}, h("tr", {}, ["Column", "First row", "Becomes"].map((name) => h("th", { scope: "col" }, name)))), h("tbody", {}, rows)),
      h("div", { class: "fields" }, field("Fields of leads that are there already", merge), field("Country of national phone numbers", region, "Two letters; without it, numbers must begin with +.")),
      problem,
      h("div", { class: "actions" }, button("Choose another file", async () => choose()), button(`Import ${plural(table.rows.length, "row")}`, begin, { kind: "primary" })),
    );
    body.querySelector("h2").focus();
  }

  function watch(started) {
    const { work, table, name } = started;
    const state = h("h2", { tabindex: "-1", "aria-live": "polite" });
    const bar = h("div", {});
    const numbers = h("dl", { class: "tiles" });
    const trouble = h("p", { class: "waiting", role: "status" });
    const actions = h("div", { class: "actions" });
    const rejected = h("div", { class: "rejected" });
    let drawn = { state: null, rejected: -1 };
    let last = 0;
    let timer;

    function draw() {
      last = Date.now();
      const { counts } = work;
      const tile = (label, value, kind) => h("div", { class: kind }, h("dt", {}, label), h("dd", {}, value));
      show(bar, progress("Rows sent", work.done, work.total));
      show(
        numbers,
        tile(`Of ${plural(work.total, "row")}`, count(work.done)),
        tile("Added", count(counts.added), "added"),
        tile("Already in", count(counts.already_in_campaign), "already_in_campaign"),
        tile("Rejected", count(counts.failed), "failed"),
        counts.suppressed > 0 && tile("Suppressed", count(counts.suppressed), "suppressed"),
        tile("Rows a second", count(Math.round(work.rate))),
        running(started) ? tile("Left", duration(work.secondsLeft)) : tile("Took", duration(work.seconds)),
      );
      show(trouble, work.trouble);
      if (drawn.state !== work.state) {
        show(state, { running: `Importing ${name}`, paused: `${name} is paused`, cancelled: `${name} was cancelled; what was sent stays`, failed: `${name} could not be imported to its end`, done: `${name} is imported` }[work.state]);
        show(actions, buttons());
      }
      if (drawn.rejected !== work.rejected.length) show(rejected, rejects());
      if (drawn.state && drawn.state !== work.state && !running(started)) attempt(opened.refresh);
      drawn = { state: work.state, rejected: work.rejected.length };
    }

    function buttons() {
      const pause = work.state === "paused" ? button("Go on", async () => work.resume()) : button("Pause", async () => work.pause());
      return running(started) ? [pause, button("Cancel", async () => work.cancel(), { kind: "danger" })] : button("Import another file", async () => choose(), { kind: "primary" });
    }

    function rejects() {
      if (work.rejected.length === 0) return null;
      const rows = work.rejected.slice(0, REJECTED_SHOWN);
      return [
        h("div", { class: "heading" }, h("h2", {}, plural(work.rejected.length, "rejected row")), button("Download as CSV", async () => saveRejects(name, table, work.rejected))),
        h("p", {}, "Correct them in the file, and drop it here again: the column with the reasons is left out."),
        h(
          "table",
          {},
          h("caption", { class: "hidden" }, "Rejected rows"),
          h("thead", {}, h("tr", {}, ["Line", "Row", "Reason"].map((name) => h("th", { scope: "col", class: name === "Line" && "number" }, name)))),
          h("tbody", {}, rows.map(({ line, fields, reason }) => h("tr", {}, h("td", { class: "number", "data-name": "Line" }, count(line)), h("td", { "data-name": "Row" }, fields.filter(Boolean).join(", ") || "–"), h("td", { "data-name": "Reason" }, reason)))),
        ),
        work.rejected.length > rows.length && h("p", {}, `and ${count(work.rejected.length - rows.length)} more in the file`),
      ];
    }

    // Not more often than eyes follow.
    started.redraw = () => {
      clearTimeout(timer);
      timer = setTimeout(draw, Math.max(0, last + REDRAW_MS - Date.now()));
    };
    page.signal.addEventListener("abort", () => clearTimeout(timer));
    show(body, state, bar, numbers, trouble, actions, rejected);
    draw();
    state.focus();
  }
}

/** The rejected rows as they were, each with its reason in a first column; as `rollcall import` does it. */
function saveRejects(name, table, rejected) {
  const { delimiter, header } = table;
  const old = header.indexOf(ERROR_COLUMN);
  const kept = (fields) => (old < 0 ? fields : fields.filter((_, column) => column !== old));
  const lines = [[ERROR_COLUMN, ...kept(header)], ...rejected.map(({ fields, reason }) => [reason, ...kept(fields)])];
  // Spreadsheets take it for UTF-8 by the mark.
  const text = `\ufeff${lines.map((fields) => write(fields, delimiter)).join("")}`;
  save(new Blob([text], { type: "text/csv" }), `${name.replace(/\.[^.]*$/, "")}.rejected.csv`);
}

/** The text of a file: UTF-8 or UTF-16 by its mark, else UTF-8, else what Windows writes. */
function decode(buffer) {
  const [first, second] = new Uint8Array(buffer, 0, Math.min(2, buffer.byteLength));
  const marked = { 0xfffe: "utf-16le", 0xfeff: "utf-16be" }[(first << 8) | second];
  try {
    return new TextDecoder(marked ?? "utf-8", { fatal: true }).decode(buffer);
  } catch {
    return new TextDecoder("windows-1252").decode(buffer);
  }
}
