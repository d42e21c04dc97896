// A list in pages: a table on a desk, cards on a phone.

import { query } from "./api.js";
import { h, show } from "./dom.js";
import { count } from "./format.js";
import { button } from "./ui.js";

/**
 * `columns`: [{ name, cell: (row) => content, kind }], `load`: (parameters) => answer with data and meta,
 * `empty`: () => what to show where there is nothing. `filter`: () => more parameters of the query.
 */
export function list({ caption, columns, load, empty, filter = () => ({}), signal }) {
  // The cursors of the pages up to this one; the first has none.
  let cursors = [undefined];
  let asked = 0;
  const body = h("div", { class: "list", tabindex: "-1", "aria-busy": "true" }, h("p", { class: "loading" }, "Loading…"));

  async function reload(from = cursors) {
    cursors = from;
    asked += 1;
    const turn = asked;
    body.setAttribute("aria-busy", "true");
    try {
      const answer = await load(query({ cursor: cursors.at(-1), ...filter() }), signal);
      if (turn !== asked || signal.aborted) return null;
      if (answer.data.length === 0 && cursors.length > 1) return reload(cursors.slice(0, -1));
      const focus = keepFocus();
      show(body, answer.data.length === 0 ? empty(filter()) : [table(answer.data), pager(answer)]);
      focus();
      return answer;
    } catch (error) {
      if (turn === asked && !signal.aborted) show(body, trouble(error));
      return null;
    } finally {
      if (turn === asked) body.setAttribute("aria-busy", "false");
    }
  }

  /** Where the focus is in the list now, it will be there again, though all is drawn anew. */
  function keepFocus() {
    const all = () => [...body.querySelectorAll("a, button:not(:disabled)")];
    const place = all().indexOf(document.activeElement);
    return () => place >= 0 && (all()[Math.min(place, all().length - 1)] ?? body).focus();
  }

  function trouble(error) {
    return h("div", { class: "empty", role: "alert" }, h("h2", {}, "This could not be loaded"), h("p", {}, error.message), button("Try again", () => reload()));
  }

  function table(rows) {
    return h(
      "table",
      {},
      h("caption", { class: "hidden" }, caption),
      h("thead", {}, h("tr", {}, columns.map(({ name, kind }) => h("th", { scope: "col", class: kind }, name)))),
      h("tbody", {}, rows.map((row) => h("tr", {}, columns.map((column) => cell(column, row))))),
    );
  }

  function cell({ name, cell, kind }, row) {
    const content = cell(row);
    const blank = content === "" || content === null || content === undefined;
    return h("td", { class: `${kind ?? ""}${blank ? " blank" : ""}`, "data-name": name }, blank ? "–" : content);
  }

  function pager({ data, meta }) {
    const first = (cursors.length - 1) * meta.per_page + 1;
    const total = `${count(meta.total)}${meta.total_is_capped ? " or more" : ""}`;
    const turn = async (pages) => {
      await reload(pages);
      body.querySelector(".pager p")?.focus();
    };
    return h(
      "nav",
      { class: "pager", "aria-label": `Pages of ${caption}` },
      h("p", { tabindex: "-1" }, `${count(first)}–${count(first + data.length - 1)} of ${total}`),
      button("Previous", () => turn(cursors.slice(0, -1)), { disabled: cursors.length === 1 }),
      button("Next", () => turn([...cursors, meta.next_cursor]), { disabled: meta.next_cursor === null }),
    );
  }

  return { element: body, reload, first: () => reload([undefined]) };
}

/** A field to search by, which calls `changed` when the typing has paused. */
export function searchField(label, placeholder, changed) {
  let timer;
  const input = h("input", { type: "search", placeholder, "aria-label": label, autocomplete: "off", spellcheck: "false" });
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(changed, 250);
  });
  return input;
}
