// The console: signs in, and shows the page that the address names.

import { get, onRefused } from "./api.js";
import { h, show } from "./dom.js";
import { current, route } from "./router.js";
import { session } from "./session.js";
import { toast } from "./ui.js";
import { campaign } from "./views/campaign.js";
import { campaigns } from "./views/campaigns.js";
import { deadLetters } from "./views/dead-letters.js";
import { importPage, importsRunning, stopImports } from "./views/import.js";
import { intake } from "./views/intake.js";
import { keys } from "./views/keys.js";
import { signIn } from "./views/sign-in.js";
import { submissions } from "./views/submissions.js";
import { suppressions } from "./views/suppressions.js";

route("/", campaigns);
route("/campaigns/:id", campaign);
route("/campaigns/:id/import", importPage);
route("/intake", intake);
route("/submissions", submissions);
route("/suppressions", suppressions);
route("/keys", keys);
route("/dead-letters", deadLetters);

const app = document.getElementById("app");
const main = h("main", { id: "main", tabindex: "-1" });
/** Ends what the page before was doing. */
let leave = new AbortController();

/** The entries of the menu: path, label, and the scope without which it is not there. */
const MENU = [
  ["/", "Campaigns", "read"],
  ["/intake", "Intake", "read"],
  ["/submissions", "Submissions", "read"],
  ["/suppressions", "Suppressions", "read"],
  ["/keys", "Keys", "admin"],
  ["/dead-letters", "Dead letters", "operator"],
];

function menu(path) {
  const here = (to) => (to === "/" ? path === "/" || path.startsWith("/campaigns/") : path === to);
  const entries = MENU.filter(([, , scope]) => session.may(scope));
  return h(
    "nav",
    { "aria-label": "Pages" },
    h("ul", {}, entries.map(([to, label]) => h("li", {}, h("a", { href: `#${to}`, "aria-current": here(to) && "page" }, label)))),
  );
}

function frame(path) {
  return [
    h(
      "header",
      { class: "bar" },
      h("p", { class: "brand" }, "Rollcall"),
      menu(path),
      h(
        "div",
        { class: "who" },
        h("p", {}, h("span", { class: "hidden" }, "Workspace: "), session.workspace.name),
        h("button", { type: "button", class: "button small", onclick: signOut }, "Sign out"),
      ),
    ),
    main,
  ];
}

async function render({ moved = true } = {}) {
  leave.abort();
  leave = new AbortController();
  document.querySelectorAll("dialog").forEach((dialog) => dialog.close());
  if (!session.workspace) {
    show(app, main);
    signIn({ main, done: render });
  } else {
    const { page, parameters, path, search } = current();
    show(app, frame(path));
    // On a phone the menu is wider than the screen.
    app.querySelector("nav [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
    show(main);
    page({ main, signal: leave.signal, search, ...parameters });
  }
  document.title = [main.querySelector("h1")?.textContent, "Rollcall"].filter(Boolean).join(" · ");
  if (moved) {
    // As after any other way to a new page: what is read next is its heading.
    (main.querySelector("[autofocus]") ?? main.querySelector("h1"))?.focus();
    window.scrollTo(0, 0);
  }
}

function signOut() {
  if (importsRunning() && !window.confirm("An import is running. Stop it and sign out?")) return;
  stopImports();
  session.end();
  location.hash = "";
  render();
}

onRefused(() => {
  stopImports();
  session.end();
  toast("This key is not valid any more", "bad");
  render();
});

window.addEventListener("hashchange", () => render());
window.addEventListener("beforeunload", (event) => {
  if (importsRunning()) event.preventDefault();
});
document.querySelector(".skip").addEventListener("click", (event) => {
  // The part behind the # is the address of a page here.
  event.preventDefault();
  main.focus();
});

async function start() {
  const key = session.key;
  if (key) {
    try {
      session.begin(key, (await get("/workspace")).data);
    } catch (error) {
      // A refused key has been told of.
      if (error.status !== 401) toast(error.message, "bad");
      session.end();
    }
  }
  render({ moved: false });
}
start();
