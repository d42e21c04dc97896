// CSV (RFC 4180, as spreadsheets write it), read and written.

const CANDIDATES = [",", ";", "\t", "|"];
/** How much of a file is looked at to find out how it separates its fields. */
const SAMPLE = 65_536;

/**
 * Reads a text. Quotes may be doubled, fields may hold line breaks, lines may end in LF, CRLF or CR, and
 * blank lines are no rows. A first line `sep=;` tells the delimiter.
 *
 * Returns { delimiter, header, rows: [{ line, fields }] }; lines count from 1.
 */
export function parse(text) {
  let start = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  let line = 1;
  const told = /^sep=([^\r\n])(\r\n|\r|\n|$)/i.exec(text.slice(start, start + 8));
  const delimiter = told ? told[1] : detect(text.slice(start, start + SAMPLE), text.length - start <= SAMPLE);
  if (told) {
    start += told[0].length;
    line = 2;
  }
  const rows = [...records(text, start, line, delimiter)];
  const header = rows.shift();
  return { delimiter, header: header ? header.fields : [], rows };
}

/** The records of a text, blank lines left out. */
function* records(text, start, firstLine, delimiter) {
  let line = firstLine;
  let begun = line;
  let fields = [];
  let place = start;
  const end = text.length;
  // One field after the other; what stands behind it ends the field, the record, or the text.
  while (place < end) {
    let value;
    if (text[place] === '"') {
      const parts = [];
      place += 1;
      for (;;) {
        const quote = text.indexOf('"', place);
        const part = quote < 0 ? text.slice(place) : text.slice(place, quote);
        line += breaks(part);
        parts.push(part);
        if (quote < 0) {
          place = end;
          break;
        }
        place = quote + 1;
        if (text[place] !== '"') break;
        parts.push('"');
        place += 1;
      }
      value = parts.join("");
    } else {
      value = "";
    }
    // Without quotes, or carelessly behind them.
    const rest = plainEnd(text, place, delimiter);
    value += text.slice(place, rest);
    place = rest;
    fields.push(value);
    if (place < end && text[place] === delimiter) {
      place += 1;
      if (place === end) fields.push("");
      if (place < end) continue;
    }
    if (fields.length > 1 || fields[0] !== "" || text[place - 1] === '"') yield { line: begun, fields };
    fields = [];
    if (place < end) {
      place += text.startsWith("\r\n", place) ? 2 : 1;
      line += 1;
    }
    begun = line;
  }
}

function plainEnd(text, from, delimiter) {
  let place = from;
  while (place < text.length) {
    const character = text[place];
    if (character === delimiter || character === "\n" || character === "\r") break;
    place += 1;
  }
  return place;
}

function breaks(text) {
  return (text.match(/\r\n|\r|\n/g) ?? []).length;
}

/**
 * The delimiter that separates the most fields, preferring one that separates every row into as many as
 * the header: a header with commas in its names is no CSV of commas. As `src/import/dialect.rs` has it.
 */
function detect(sample, whole) {
  const rows = separators(sample, whole);
  let best = { even: false, separators: 0, delimiter: CANDIDATES[0] };
  for (const [candidate, delimiter] of CANDIDATES.entries()) {
    const separators = rows[0]?.[candidate] ?? 0;
    const even = separators > 0 && rows.every((row) => row[candidate] === separators);
    if (even > best.even || (even === best.even && separators > best.separators)) best = { even, separators, delimiter };
  }
  return best.delimiter;
}

/** How often each candidate stands outside quotes, row by row. */
function separators(sample, whole) {
  const rows = [];
  let row = CANDIDATES.map(() => 0);
  let [quoted, fieldBegins, rowBegins] = [false, true, true];
  for (const character of sample) {
    const candidate = CANDIDATES.indexOf(character);
    const closes = character === '"' && quoted;
    if (closes) quoted = false;
    else if (character === '"' && fieldBegins) quoted = true;
    else if (quoted) continue;
    else if (character === "\n" || character === "\r") {
      if (!rowBegins) {
        rows.push(row);
        row = CANDIDATES.map(() => 0);
      }
      [fieldBegins, rowBegins] = [true, true];
      continue;
    }
    if (candidate >= 0) row[candidate] += 1;
    // Behind a closing quote too: a doubled one closes the field and opens it again.
    fieldBegins = candidate >= 0 || closes;
    rowBegins = false;
  }
  // The last row may be broken off.
  if (!rowBegins && (whole || rows.length === 0)) rows.push(row);
  return rows;
}

/** A row as a line, quoted where it is needed. */
export function write(fields, delimiter) {
  const special = new RegExp(`["\\r\\n${delimiter === "|" ? "\\|" : delimiter}]|^\\s|\\s$`);
  const quoted = fields.map((field) => (special.test(field) ? `"${field.replaceAll('"', '""')}"` : field));
  const line = quoted.join(delimiter);
  // A blank line would be no row.
  return `${line === "" ? '""' : line}\r\n`;
}
