// Lines that move: one place a second, drawn as SVG.

import { h, show, svg } from "./dom.js";

const WIDTH = 720;
const HEIGHT = 200;
const LEFT = 52;
const BOTTOM = 22;
const TOP = 8;

/**
 * A chart of lines: `lines` [{ name, kind }], `label` what it shows, `tell` how a value is written.
 * Returns { element, update(columns, summary) }, columns one list of numbers (or null) for each line.
 */
export function chart({ label, lines, tell }) {
  const drawing = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label, preserveAspectRatio: "none" });
  const scale = h("div", { class: "scale", "aria-hidden": "true" });
  const legend = h("ul", { class: "legend" }, lines.map(({ name, kind }) => h("li", { class: kind }, name)));

  function update(columns, summary) {
    const most = nice(Math.max(0, ...columns.flat().filter((value) => value !== null)));
    const length = columns[0].length;
    const x = (place) => LEFT + (place / Math.max(length - 1, 1)) * (WIDTH - LEFT - 4);
    const y = (value) => HEIGHT - BOTTOM - (value / most) * (HEIGHT - BOTTOM - TOP);
    const steps = [0, 0.5, 1];
    drawing.setAttribute("aria-label", `${label}: ${summary}`);
    show(
      drawing,
      steps.map((step) => svg("line", { class: "grid", x1: LEFT, x2: WIDTH - 4, y1: y(step * most), y2: y(step * most) })),
      // The first line on top.
      columns.map((column, line) => svg("path", { class: `line ${lines[line].kind}`, d: path(column, x, y) })).reverse(),
    );
    show(scale, steps.map((step) => h("span", { class: `step-${step * 100}` }, tell(step * most))), h("span", { class: "from" }, "2 minutes ago"), h("span", { class: "to" }, "now"));
  }

  update(lines.map(() => [0, 0]), "nothing yet");
  return { element: h("figure", { class: "chart" }, h("figcaption", {}, h("h2", {}, label), legend), h("div", { class: "plot" }, drawing, scale)), update };
}

/** A path through the places that have a value. */
function path(column, x, y) {
  let pen = "M";
  const parts = [];
  column.forEach((value, place) => {
    if (value === null) {
      pen = "M";
      return;
    }
    const point = `${x(place).toFixed(1)} ${y(value).toFixed(1)}`;
    const alone = pen === "M" && (column[place + 1] ?? null) === null;
    // By itself it would not be seen.
    parts.push(alone ? `M${point}h4` : `${pen}${point}`);
    pen = "L";
  });
  return parts.join("");
}

/** The next round number that is no less. */
function nice(value) {
  if (value <= 2) return 2;
  const size = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 4, 5, 10].map((step) => step * size).find((step) => step >= value);
}
