// What nobody could work on, of all workspaces.

import { get, post, remove } from "../api.js";
import { h, show } from "../dom.js";
import { bytes } from "../format.js";
import { list } from "../list.js";
import { button, confirm, empty, heading, toast } from "../ui.js";

export function deadLetters({ main, signal }) {
  const rows = list({
    caption: "dead letters",
    signal,
    load: (query, signal) => get(`/dead-letters${query}`, { signal }),
    empty: () => empty("No dead letters", h("p", {}, "Everything that came over the queue could be worked on.")),
    columns: [
      { name: "Id", kind: "main", cell: ({ id }) => h("code", {}, id) },
      { name: "From", cell: ({ source }) => source && h("code", {}, source) },
      { name: "Reason", kind: "wide", cell: ({ reason }) => reason },
      { name: "Size", kind: "number", cell: (letter) => bytes(letter.bytes) },
      { name: "Actions", kind: "act", cell: ({ id, source }) => [source && replay(id), drop(id)] },
    ],
  });
  const path = (id) => `/dead-letters/${encodeURIComponent(id)}`;

  function replay(id) {
    const act = async () => {
      await post(`${path(id)}/replay`);
      toast("Published again");
      rows.reload();
    };
    return button("Replay", act, { kind: "small", "aria-label": `Replay ${id}` });
  }

  function drop(id) {
    const act = async () => {
      await remove(path(id));
      toast("Dropped");
      rows.reload();
    };
    const text = `${id} is removed for good. To look into it first: rollcall dead-letters show ${id}`;
    const ask = async () => confirm({ title: "Drop the dead letter?", text, action: "Drop", act });
    return button("Drop", ask, { kind: "small danger", "aria-label": `Drop ${id}` });
  }

  show(
    main,
    heading("Dead letters", button("Look again", () => rows.reload())),
    h("p", { class: "facts" }, "Messages of all workspaces. Replaying does nothing twice: what was done before is answered as it was then."),
    rows.element,
  );
  rows.reload();
}
