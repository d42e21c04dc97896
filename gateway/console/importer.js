// Sends the rows of a file in chunks, some at a time, and counts what becomes of them.

import { post } from "./api.js";

const ROWS = 500;
const AT_ONCE = 3;
const LONGEST_PAUSE_S = 30;
/** The longest that nothing may succeed before it is given up, in milliseconds. */
const PATIENCE_MS = 10 * 60_000;

/** An import of rows: [{ line, fields, entry }], `entry` null where the row is blank. */
export class Import {
  /**
   * `options`: { merge, default_region }. `changed` is called whenever something has happened.
   */
  constructor(campaign, rows, options, changed) {
    this.path = `/campaigns/${campaign}/leads`;
    this.options = options;
    this.changed = changed;
    this.rows = rows;
    this.total = rows.length;
    this.done = 0;
    this.counts = { added: 0, already_in_campaign: 0, failed: 0, suppressed: 0, skipped: 0 };
    /** Rows that were rejected, with the reason. */
    this.rejected = [];
    /** running, paused, cancelled, done or failed */
    this.state = "running";
    /** Why it waits, or has failed. */
    this.trouble = "";
    this.next = 0;
    // Names each chunk, so that a repeated request is the same request.
    this.id = crypto.randomUUID();
    this.stop = new AbortController();
    this.begun = Date.now();
    this.worked = 0;
    this.resumed = Date.now();
    this.lastSuccess = Date.now();
  }

  /** Returns when it has ended, in whatever way. */
  async run() {
    await Promise.all(Array.from({ length: AT_ONCE }, () => this.work()));
    if (this.state === "running") this.become("done");
  }

  pause() {
    this.become("paused");
  }

  resume() {
    this.resumed = this.lastSuccess = Date.now();
    this.state = "running";
    this.wake?.();
    this.changed();
  }

  /** What has been sent stays. */
  cancel() {
    this.end("cancelled");
  }

  /** Seconds of work, without pauses. */
  get seconds() {
    return this.worked + (this.state === "running" ? (Date.now() - this.resumed) / 1_000 : 0);
  }

  /** Rows a second. */
  get rate() {
    return this.seconds > 0 ? this.done / this.seconds : 0;
  }

  get secondsLeft() {
    return this.rate > 0 ? (this.total - this.done) / this.rate : Number.NaN;
  }

  end(state, trouble = "") {
    this.trouble = trouble;
    this.stop.abort();
    this.become(state);
    this.wake?.();
  }

  become(state) {
    this.worked = this.seconds;
    this.state = state;
    this.changed();
  }

  async work() {
    while (this.next < this.total) {
      if (!(await this.mayGoOn())) return;
      const first = this.next;
      this.next = Math.min(first + ROWS, this.total);
      const rows = this.rows.slice(first, this.next);
      try {
        await this.send(first, rows);
      } catch (error) {
        if (this.state !== "cancelled") this.end("failed", error.message);
        return;
      }
      this.done += rows.length;
      this.changed();
    }
  }

  /** Waits while it is paused; false when it has ended. */
  async mayGoOn() {
    while (this.state === "paused") {
      this.resuming ??= new Promise((resolve) => {
        this.wake = () => {
          this.resuming = null;
          resolve();
        };
      });
      await this.resuming;
    }
    return this.state === "running";
  }

  async send(first, rows) {
    const full = rows.filter((row) => row.entry);
    const results = full.length > 0 ? await this.results(first, full) : [];
    const failed = (row, reason) => {
      this.counts.failed += 1;
      this.rejected.push({ ...row, reason });
    };
    rows.filter((row) => !row.entry).forEach((row) => failed(row, "The row is blank"));
    for (const [place, { status, error }] of results.entries()) {
      if (status === "error") failed(full[place], `${error.code}: ${error.message}`);
      else this.counts[status] += 1;
    }
    // Chunks end in any order.
    this.rejected.sort((one, other) => one.line - other.line);
  }

  async results(first, rows) {
    const body = { leads: rows.map((row) => row.entry), ...this.options };
    const headers = { "Idempotency-Key": `console-${this.id}-${first}` };
    for (let attempt = 1; ; attempt += 1) {
      try {
        const answer = await post(this.path, body, { headers, signal: this.stop.signal });
        this.lastSuccess = Date.now();
        this.trouble = "";
        return answer.data.results;
      } catch (error) {
        if (!error.isPassing || Date.now() - this.lastSuccess > PATIENCE_MS) throw error;
        const pause = error.retryAfter ?? Math.min(2 ** (attempt - 1), LONGEST_PAUSE_S) * (0.5 + Math.random() / 2);
        this.trouble = `${error.message}; trying again in ${Math.ceil(pause)} s`;
        this.changed();
        await this.sleep(pause);
        if (!(await this.mayGoOn())) throw error;
      }
    }
  }

  sleep(seconds) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, seconds * 1_000);
      this.stop.signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
    });
  }
}
