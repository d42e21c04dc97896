// What pages are made of: messages, dialogs, forms, states.

import { h, show, unique } from "./dom.js";

const TOAST_MS = 6_000;

/** Says something in passing; screen readers hear it too. */
export function toast(text, kind = "good") {
  const message = h("p", { class: `toast ${kind}` }, text);
  document.getElementById("toasts").append(message);
  setTimeout(() => message.remove(), TOAST_MS);
}

/** Does something, and says what was wrong with it; true when nothing was. */
export async function attempt(work) {
  try {
    await work();
    return true;
  } catch (error) {
    toast(error.message, "bad");
    return false;
  }
}

/** A button; deaf while it does what it is for. It keeps the focus then, as a disabled one would not. */
export function button(label, act, { kind = "", ...attributes } = {}) {
  const made = h("button", { type: "button", class: `button ${kind}`, ...attributes }, label);
  made.addEventListener("click", async () => {
    if (made.ariaBusy === "true") return;
    made.ariaBusy = "true";
    try {
      await attempt(act);
    } finally {
      made.ariaBusy = "false";
    }
  });
  return made;
}

/** A control with its label, and a hint under it. */
export function field(label, control, hint) {
  control.id ||= unique("field");
  const hinted = hint && h("small", { id: `${control.id}-hint` }, hint);
  if (hinted) control.setAttribute("aria-describedby", hinted.id);
  return h("div", { class: "field" }, h("label", { for: control.id }, label), control, hinted);
}

/** A choice: options are [value, label]. */
export function select(attributes, options, chosen) {
  return h("select", attributes, options.map(([value, label]) => h("option", { value, selected: value === chosen }, label)));
}

/** A page's heading, which gets the focus when the page is shown, and what can be done beside it. */
export function heading(text, ...actions) {
  return h("header", { class: "heading" }, h("h1", { tabindex: "-1" }, text), h("div", { class: "actions" }, actions));
}

/** What to show where there is nothing. */
export function empty(title, ...children) {
  return h("div", { class: "empty" }, h("h2", {}, title), children);
}

/** Text to copy into a shell. */
export function snippet(text) {
  const copy = button("Copy", async () => {
    await navigator.clipboard.writeText(text);
    toast("Copied");
  }, { kind: "small" });
  return h("div", { class: "snippet" }, h("pre", { tabindex: "0" }, text), copy);
}

export function badge(text, kind = text) {
  return h("span", { class: `badge ${kind}` }, text);
}

/** How much of something is done. */
export function progress(label, done, total) {
  return h("progress", { "aria-label": label, max: Math.max(total, 1), value: done });
}

/**
 * Asks for something in a dialog. `save` does it, and what it throws is shown; the dialog stays open then.
 */
export function form({ title, body, action, save, kind = "primary" }) {
  const problem = h("p", { class: "problem", role: "alert" });
  const submit = h("button", { type: "submit", class: `button ${kind}` }, action);
  const filled = h(
    "form",
    { method: "dialog", novalidate: true },
    h("h2", { id: "dialog-title" }, title),
    body,
    problem,
    h("div", { class: "actions" }, h("button", { type: "button", class: "button", onclick: () => made.close() }, "Cancel"), submit),
  );
  filled.addEventListener("submit", async (event) => {
    event.preventDefault();
    submit.disabled = true;
    show(problem);
    try {
      await save();
      made.close();
    } catch (error) {
      show(problem, error.message);
    } finally {
      submit.disabled = false;
    }
  });
  const made = dialog(filled);
}

/** Asks whether something is meant. */
export function confirm({ title, text, action, act }) {
  form({ title, body: h("p", {}, text), action, save: act, kind: "danger" });
}

/** Shows something that is to be read before one goes on. */
export function notice({ title, body, action = "Done" }) {
  const made = dialog(
    h("form", { method: "dialog" }, h("h2", { id: "dialog-title" }, title), body, h("div", { class: "actions" }, h("button", { class: "button primary" }, action))),
  );
  return made;
}

function dialog(content) {
  const made = h("dialog", { "aria-labelledby": "dialog-title" }, content);
  made.addEventListener("close", () => made.remove());
  document.body.append(made);
  // The browser gives the focus back to where it was when the dialog is closed.
  made.showModal();
  return made;
}

/** Calls something every so often while the page is looked at, until the signal ends it. */
export function every(ms, signal, act) {
  let timer;
  const round = async () => {
    if (!document.hidden) await act();
    if (!signal.aborted) timer = setTimeout(round, ms);
  };
  signal.addEventListener("abort", () => clearTimeout(timer));
  round();
}
