// Walks through n8n-workflow.json as n8n would, as far as this one workflow goes, and prints the items
// that each node has put out. Anything that it has no stand-in for ends it.

import { readFileSync } from "node:fs";

const workflow = JSON.parse(readFileSync(process.argv[2], "utf8"));
const { ROLLCALL_URL, ROLLCALL_API_KEY, ROLLCALL_CAMPAIGN } = process.env;
const nodes = new Map(workflow.nodes.map((node) => [node.name, node]));
const put = {};
let runIndex = 0;

// https://docs.n8n.io/data/expressions/: text after "=", with JavaScript in {{ }}.
function evaluate(value, json) {
  if (typeof value !== "string" || !value.startsWith("=")) return value;
  const scope = {
    $json: json,
    $: (name) => ({ first: () => ({ json: put[name][0] }) }),
    $execution: { id: "7" },
    $runIndex: runIndex,
  };
  const run = (code) => new Function(...Object.keys(scope), `return (${code})`)(...Object.values(scope));
  const whole = value.match(/^=\{\{(.*)\}\}$/s);
  if (whole && !whole[1].includes("}}")) return run(whole[1]);
  return value.slice(1).replace(/\{\{(.*?)\}\}/gs, (_, code) => run(code));
}

const field = (json, path) => path.split(".").reduce((part, name) => part[name], json);

// What becomes of items, by the type of the node: a list for each of its outputs.
const types = {
  manualTrigger: () => [[{}]],
  noOp: (_, items) => [items],
  set(node, items) {
    if (node.parameters.mode === "raw") return [[JSON.parse(node.parameters.jsonOutput)]];
    const { assignments } = node.parameters.assignments;
    const pairs = (json) => assignments.map(({ name, value }) => [name, evaluate(value, json)]);
    return [items.map((json) => Object.fromEntries(pairs(json)))];
  },
  splitOut: (node, items) => [items.flatMap((json) => field(json, node.parameters.fieldToSplitOut))],
  aggregate(node, items) {
    if (node.parameters.aggregate !== "aggregateAllItemData") throw new Error("another aggregate");
    return [[{ [node.parameters.destinationFieldName]: items }]];
  },
  if(node, items) {
    const { conditions, combinator } = node.parameters.conditions;
    const kinds = [combinator, ...conditions.map(({ operator }) => operator.operation)];
    if (kinds.join() !== "or,equals,equals") throw new Error(`another condition: ${kinds}`);
    const holds = (json) => conditions.some(({ leftValue, rightValue }) => evaluate(leftValue, json) === rightValue);
    return [items.filter(holds), items.filter((json) => !holds(json))];
  },
  async httpRequest({ parameters, credentials }, [json]) {
    const { method, authentication, genericAuthType, specifyBody, headerParameters } = parameters;
    const kind = [authentication, genericAuthType, specifyBody].join();
    if (kind !== "genericCredentialType,httpHeaderAuth,json") throw new Error(`another request: ${kind}`);
    if (credentials.httpHeaderAuth.name !== "Rollcall") throw new Error("another credential");
    const headers = { "Content-Type": "application/json", Authorization: `Bearer ${ROLLCALL_API_KEY}` };
    for (const { name, value } of headerParameters.parameters) headers[name] = evaluate(value, json);
    const body = JSON.stringify(evaluate(parameters.jsonBody, json));
    const signal = AbortSignal.timeout(parameters.options.timeout);
    const answer = await fetch(evaluate(parameters.url, json), { method, headers, body, signal });
    if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`);
    return [[await answer.json()]];
  },
};

async function run(name, items) {
  const node = nodes.get(name);
  const type = node.type.replace("n8n-nodes-base.", "");
  const next = workflow.connections[name]?.main ?? [];
  if (type === "splitInBatches") return loop(node, items, next);
  const outputs = await types[type](node, items);
  put[name] = [...(put[name] ?? []), ...outputs.flat()];
  for (const [place, targets] of next.entries()) {
    // A node without items is not run.
    if (outputs[place].length === 0) continue;
    for (const target of targets) {
      if (target.node === looping?.name) looping.done.push(...outputs[place]);
      else await run(target.node, outputs[place]);
    }
  }
}

// Batches go out at the second output and come back; when all have, they leave by the first.
let looping;
async function loop(node, items, [done, batches]) {
  looping = { name: node.name, done: [] };
  const size = node.parameters.batchSize;
  for (; runIndex * size < items.length; runIndex++) {
    const batch = items.slice(runIndex * size, (runIndex + 1) * size);
    for (const target of batches) await run(target.node, batch);
  }
  for (const target of done) await run(target.node, looping.done);
}

// What one changes after importing it.
for (const assignment of nodes.get("Settings").parameters.assignments.assignments) {
  const given = { rollcall_url: ROLLCALL_URL, campaign_id: ROLLCALL_CAMPAIGN }[assignment.name];
  if (given) assignment.value = given;
}
await run(workflow.nodes.find((node) => node.type.endsWith("Trigger")).name, []);
console.log(JSON.stringify(put));
