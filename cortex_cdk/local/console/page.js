// Everything shown comes from /_console?events: the event `whole` once, then `second` every second.
// Text from the project is only ever set as text, never as markup.

let apis = new Map(); // by name, in the order of the project
let chosen = null;
let tick = 10;
let paused = false;
let charts = [];
let source = null;

// Parts of the page

const STATE_CLASSES = { ready: "good", failed: "bad", "not ready": "bad" };

function pill(node, text, className) {
  setText(node, text);
  node.className = `pill ${className}`;
}

function recent(api) {
  const past = api.past, from = kept - 10;
  let latest = kept - 1;
  while (latest > 0 && past.p50[latest] === null) latest--;
  return [
    amount(mean(past.inFlight.slice(from))), amount(mean(past.queued.slice(from))),
    amount(past.rates(from, kept)), amount(past.rates(from, kept, isError)),
    length(past.p50[latest]), length(past.p99[latest]), api.decision ? String(api.decision.desired) : "–",
  ];
}

function showApis() {
  const body = byId("apis");
  const names = [...apis.keys()];
  if (body.dataset.names !== JSON.stringify(names)) { // built once, so that the focus stays where it is
    body.dataset.names = JSON.stringify(names);
    body.replaceChildren(...names.map((name) => {
      const row = element("tr");
      const first = element("td", row);
      const button = element("button", first, name);
      button.type = "button";
      button.addEventListener("click", () => choose(name));
      element("span", element("td", row), "", "pill");
      for (let i = 0; i < 7; i++) element("td", row);
      return row;
    }));
  }
  names.forEach((name, i) => {
    const api = apis.get(name), cells = body.rows[i].cells;
    cells[0].firstChild.setAttribute("aria-pressed", String(name === chosen));
    pill(cells[1].firstChild, api.state, STATE_CLASSES[api.state] ?? "waiting");
    recent(api).forEach((text, j) => setText(cells[j + 2], text));
  });
}

function showDescription() {
  const api = apis.get(chosen);
  setText(byId("api-name"), api.name);
  pill(byId("state"), api.state, STATE_CLASSES[api.state] ?? "waiting");
  byId("reasons").replaceChildren(...api.reasons.map((reason) => element("li", null, reason)));
  const facts = [`POST ${location.origin}${api.endpoint}`];
  if (api.model?.version != null) facts.push(`model version ${api.model.version}`);
  if (api.model?.signature_key) facts.push(`signature ${api.model.signature_key}`);
  facts.push(`${api.slots} at once, ${api.max_in_flight.toLocaleString("en")} in flight at most`);
  setText(byId("facts"), facts.join(" · "));
  showTensors(api);
  showDecision(api);
  showPayload(api);
}

function showTensors(api) {
  const rows = [];
  for (const [kind, tensors] of [["input", api.inputs], ["output", api.outputs]]) {
    for (const [name, { dtype, shape }] of Object.entries(tensors ?? {})) {
      const row = element("tr");
      const written = shape === null ? "any" : `(${shape.map((n) => n < 0 ? "any" : n).join(", ")})`;
      for (const text of [name, kind, dtype, written]) element("td", row, text);
      rows.push(row);
    }
  }
  byId("tensors").replaceChildren(...rows);
  setText(byId("no-tensors"), rows.length ? "" : api.error ?? "Not known until the model is loaded.");
}

function showDecision(api) {
  const decision = api.decision;
  setText(byId("headline"), decision ? decision.headline : "Nothing yet: the first decision comes within 10 s.");
  byId("headline").title = decision ? clock(decision.at) : "";
  const parts = [];
  for (const [name, reason] of decision?.steps ?? []) parts.push(element("dt", null, name), element("dd", null, reason));
  byId("steps").replaceChildren(...parts);
  setText(byId("scaler-note"),
    `Decided every ${tick} s${decision ? `, last at ${clock(decision.at)}` : ""}, as in the cloud: from this replica's reports of the last ` +
    `${amount(api.window_s)} s, for ${api.min_replicas} to ${api.max_replicas} replicas. The count goes on from decision to decision, ` +
    "but here one replica has all the load.");
}

let edited = new Map(); // payloads by API, as far as they were changed by hand

function showPayload(api) {
  const field = byId("payload");
  const text = edited.get(api.name) ?? api.payload ?? "";
  if (field.dataset.api !== api.name || (!edited.has(api.name) && field.value !== text)) {
    field.value = text;
    field.dataset.api = api.name;
  }
  setText(byId("payload-from"),
    api.payload_from ? `From ${api.payload_from}.`
      : api.payload ? "Made from the model's inputs; a predictor may expect something else."
        : "There is no sample.json, and none can be made: the model's inputs are not known or too large.");
}

function showValues() {
  if (!byId("values").open) return;
  const past = apis.get(chosen).past, codes = [...past.codes.keys()].sort();
  const heads = ["Until", "In flight", "Queued", "p50", "p99", ...codes.map((code) => `${code}/s`), "Would request"];
  byId("values-head").replaceChildren(...heads.map((text) => {
    const head = element("th", null, text);
    head.scope = "col";
    return head;
  }));
  const rows = [];
  for (let to = kept; to >= 30; to -= 30) {
    const part = (series) => series.slice(to - 30, to);
    const cells = [
      clock(past.t[to - 1]), amount(mean(part(past.inFlight))), amount(mean(part(past.queued))), length(worst(part(past.p50))),
      length(worst(part(past.p99))), ...codes.map((code) => amount(mean(part(past.codes.get(code))))), amount(past.desired[to - 1]),
    ];
    const row = element("tr");
    for (const text of cells) element("td", row, text);
    rows.push(row);
  }
  byId("values-body").replaceChildren(...rows);
}

function show() {
  showApis();
  for (const chart of charts) chart.draw(apis.get(chosen));
  showValues();
}

function draw() {
  if (!paused && chosen !== null) show();
}

function choose(name) {
  chosen = name;
  clearAnswer();
  showDescription();
  show();
}

function announce(api, before) {
  const said = [];
  if (before.state !== api.state) said.push(`${api.name} is ${api.state}.`);
  const headline = api.decision?.headline;
  if (api.name === chosen && headline && headline !== before.decision?.headline) said.push(`The scaler: ${headline}`);
  if (said.length) setText(byId("announcement"), said.join(" "));
}

// Events

function takeWhole(whole) {
  ({ now, kept_s: kept, tick_s: tick } = whole);
  const before = apis;
  apis = new Map(whole.apis.map((api) => {
    api.past = new Past();
    for (const second of api.seconds) api.past.add(second);
    for (const [at, desired] of api.decisions) api.past.decided(at, desired);
    return [api.name, api];
  }));
  for (const api of apis.values()) announce(api, before.get(api.name) ?? { state: api.state, decision: api.decision });
  byId("main").hidden = false;
  if (!charts.length) charts = CHARTS.map((definition) => new Chart(definition, byId("charts")));
  if (!apis.has(chosen)) chosen = [...apis.keys()][0];
  showDescription();
  draw();
}

function takeSecond(event) {
  now = event.now;
  for (const [name, news] of Object.entries(event.apis)) {
    const api = apis.get(name);
    if (!api) continue;
    const { seconds, ...description } = news;
    const before = { ...api };
    Object.assign(api, description);
    api.past.advance();
    for (const second of seconds) api.past.add(second);
    if (api.decision && api.decision.at !== before.decision?.at) api.past.decided(api.decision.at, api.decision.desired);
    announce(api, before);
    if (Object.keys(description).length && name === chosen && !paused) showDescription();
  }
  if (!reducedMotion.matches || now % 5 === 0) draw();
}

function connect() {
  source?.close();
  const mine = source = new EventSource("?events");
  source.addEventListener("whole", (event) => {
    pill(byId("connection"), "live", "good");
    takeWhole(JSON.parse(event.data));
  });
  source.addEventListener("second", (event) => takeSecond(JSON.parse(event.data)));
  source.addEventListener("error", () => { // it would not ask again after an error answer
    mine.close();
    if (mine !== source) return;
    source = null;
    pill(byId("connection"), "no connection, trying again", "bad");
    setTimeout(() => { if (source === null && !document.hidden) connect(); }, 1000);
  });
}

document.addEventListener("visibilitychange", () => { // a page that nobody sees costs nothing
  if (document.hidden) {
    source?.close();
    source = null;
    pill(byId("connection"), "not in view", "waiting");
  } else if (source === null) connect();
});

byId("pause").addEventListener("click", () => {
  paused = !paused;
  byId("pause").setAttribute("aria-pressed", String(paused));
  if (!paused && chosen !== null) {
    showDescription();
    show();
  }
});
byId("values").addEventListener("toggle", () => { if (chosen !== null) showValues(); });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { for (const chart of charts) chart.plot?.redraw(); });
addEventListener("resize", () => { for (const chart of charts) chart.fit(); });

// The form

const MOST_SHOWN = 100000;

function clearAnswer() {
  setText(byId("answer-status"), "");
  byId("answer-body").hidden = byId("answer-headers").hidden = true;
}

async function bodyOf(response) {
  if (!/^(text\/|application\/(.*\+)?json)/.test(response.headers.get("content-type") ?? "")) {
    return `${(await response.blob()).size.toLocaleString("en")} bytes of ${response.headers.get("content-type") ?? "unknown type"}`;
  }
  const text = await response.text();
  return text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}\n… of ${text.length.toLocaleString("en")} characters` : text;
}

async function send() {
  const api = apis.get(chosen), button = byId("send");
  if (button.disabled) return;
  button.disabled = true;
  clearAnswer();
  setText(byId("answer-status"), "Waiting for the answer.");
  const began = performance.now();
  try {
    const response = await fetch(api.endpoint, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: byId("payload").value,
    });
    const body = await bodyOf(response);
    if (chosen !== api.name) return;
    const took = length((performance.now() - began) / 1000);
    setText(byId("answer-status"), `${response.status} ${response.statusText}, ${took} as this browser measured it`);
    byId("answer-body").textContent = body;
    byId("answer-body").hidden = false;
    const list = byId("answer-header-list");
    list.replaceChildren();
    for (const [name, value] of response.headers) {
      element("dt", list, name);
      element("dd", list, value);
    }
    byId("answer-headers").hidden = false;
  } catch (error) {
    setText(byId("answer-status"), `No answer: ${error.message}`);
  } finally {
    button.disabled = false;
  }
}

byId("try").addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});
byId("payload").addEventListener("input", () => edited.set(chosen, byId("payload").value));
byId("payload").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    send();
  }
});
byId("reset").addEventListener("click", () => {
  edited.delete(chosen);
  byId("payload").value = apis.get(chosen).payload ?? "";
});

if (!document.hidden) connect();
