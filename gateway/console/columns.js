// Which column of a file becomes which field of a lead: by the names that `rollcall import` knows, too.

/** Where a file of rejected rows has the reason; as `rollcall import` writes it. */
export const ERROR_COLUMN = "rollcall_error";

let known = null;

/** What columns can be, as the gateway tells. */
export async function knownColumns() {
  known ??= await fetch("/console/columns.json").then((answer) => answer.json());
  return known;
}

/** A name without what people write in different ways: case, spaces, dashes, underscores. */
const plain = (name) => name.toLowerCase().replace(/[^\p{Alphabetic}\p{N}]/gu, "");

/** What a column of this name is, and how sure that is (the smaller, the surer); null where it is nothing. */
export function target(known, column) {
  const name = column.trim();
  const dot = name.indexOf(".");
  const object = known.objects.find((object) => object === name.slice(0, Math.max(dot, 0)));
  if (object && name.length > dot + 1) return { field: name, rank: 1 };
  if (name.toLowerCase() === known.exact) return { field: known.exact, rank: 1 };
  const bare = plain(name);
  const own = known.fields.find((field) => field !== known.exact && plain(field) === bare);
  if (own) return { field: own, rank: 1 };
  const like = known.synonyms.find(({ names }) => names.some((name) => plain(name) === bare));
  return like ? { field: like.field, rank: 2 } : null;
}

/**
 * The entry that a row makes; null where the row is blank. `places` holds the target of each column, or
 * null. Of two columns with one target, the surer counts that is not blank.
 */
export function entry(known, places, fields) {
  const best = new Map();
  for (const [column, place] of places.entries()) {
    const value = (fields[column] ?? "").trim();
    if (!place || !value) continue;
    const there = best.get(place.field);
    if (!there || place.rank < there.rank) best.set(place.field, { value, rank: place.rank });
  }
  const made = {};
  for (const [field, { value }] of best) {
    const dot = field.indexOf(".");
    if (dot < 0) made[field] = value;
    else (made[field.slice(0, dot)] ??= {})[field.slice(dot + 1)] = value;
  }
  return best.size > 0 ? made : null;
}
