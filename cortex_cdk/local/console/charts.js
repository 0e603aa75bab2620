"use strict";
// The last ten minutes of an API, and how they are drawn.

const byId = (id) => document.getElementById(id);
const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");
const CODE_STYLES = ["", "dashed", "dotted"];
const DASHES = { "": undefined, dashed: [7, 4], dotted: [2, 3] };

let now = 0, kept = 600; // the time of the latest event, and how many seconds are shown

function element(tag, parent, text, className) {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  if (className) node.className = className;
  if (parent) parent.append(node);
  return node;
}

function setText(node, text) { // without touching what stays the same: screen readers read what changes
  if (node.textContent !== text) node.textContent = text;
}

// Numbers

const amount = (v) => v == null ? "–" : Math.abs(v) >= 100 ? Math.round(v).toLocaleString("en") : String(+v.toPrecision(3));
function length(seconds) {
  if (seconds == null) return "–";
  return seconds < 1 ? `${amount(seconds * 1000)} ms` : `${amount(seconds)} s`;
}
const pad = (n) => String(n).padStart(2, "0");
function clock(t, withSeconds = true) {
  const d = new Date(t * 1000);
  return `${pad(d.getHours())}:${pad(d.getMinutes())}` + (withSeconds ? `:${pad(d.getSeconds())}` : "");
}
const isError = (code) => code >= "400";

function mean(values) {
  const known = values.filter((v) => v != null);
  return known.length ? known.reduce((sum, v) => sum + v, 0) / known.length : null;
}
function worst(values) {
  const known = values.filter((v) => v != null);
  return known.length ? Math.max(...known) : null;
}

// The last ten minutes of an API: one element a second in every series, null where nothing was measured

class Past {
  constructor() {
    this.latestDesired = null;
    this.clear();
  }
  clear() {
    const empty = (value) => new Array(kept).fill(value);
    Object.assign(this, { inFlight: empty(null), queued: empty(null), p50: empty(null), p99: empty(null) });
    this.codes = new Map();
    this.desired = empty(this.latestDesired);
    this.measured = empty(false);
    this.t = Array.from({ length: kept }, (_, i) => now - kept + i);
  }
  advance() { // up to the second that is over
    if (now - 1 - this.t[kept - 1] > kept) this.clear();
    while (this.t[kept - 1] < now - 1) {
      this.t.push(this.t[kept - 1] + 1);
      for (const series of [this.inFlight, this.queued, this.p50, this.p99, ...this.codes.values()]) series.push(null);
      this.desired.push(this.latestDesired);
      this.measured.push(false);
      const all = [this.t, this.inFlight, this.queued, this.p50, this.p99, this.desired, this.measured, ...this.codes.values()];
      for (const series of all) series.shift();
    }
  }
  add([at, inFlight, queued, p50, p99, rates]) {
    const i = at - this.t[0];
    if (i < 0 || i >= kept) return;
    [this.inFlight[i], this.queued[i], this.p50[i], this.p99[i], this.measured[i]] = [inFlight, queued, p50, p99, true];
    for (const code of Object.keys(rates)) {
      if (!this.codes.has(code)) this.codes.set(code, this.measured.map((known) => known ? 0 : null));
    }
    for (const [code, series] of this.codes) series[i] = rates[code] ?? 0;
  }
  decided(at, desired) {
    this.latestDesired = desired;
    for (let i = Math.max(at - this.t[0], 0); i < kept; i++) this.desired[i] = desired;
  }
  from() { // where charts begin: ten minutes ago, or when it began, but a minute ago at least
    const first = this.measured.indexOf(true);
    return first < 0 ? this.t[kept - 60] : Math.min(this.t[first], this.t[kept - 60]);
  }
  rates(from, to, wanted = () => true) { // answers per second, summed over codes
    const found = [...this.codes].filter(([code]) => wanted(code)).map(([, series]) => mean(series.slice(from, to)) ?? 0);
    return this.measured.slice(from, to).some(Boolean) ? found.reduce((sum, v) => sum + v, 0) : null;
  }
}

// Charts

const HEIGHT = 180;
const WHOLE = [1, 2, 5].flatMap((n) => [n, 10 * n, 100 * n, 1000 * n]).sort((a, b) => a - b);
// Points that no line leads to: of a second with answers between others without any
function alone(u, index) {
  const values = u.data[index], found = [];
  for (let i = 0; i < values.length; i++) {
    if (values[i] != null && values[i - 1] == null && values[i + 1] == null) found.push(i);
  }
  return found;
}
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

const CHARTS = [
  {
    title: "In flight", unit: "requests", written: amount,
    series: (api) => [
      { name: "in flight", values: api.past.inFlight, colour: "blue" },
      { name: "of these queued", values: api.past.queued, colour: "orange", style: "dashed" },
      { name: "target of a replica", values: api.past.t.map(() => api.target), colour: "grey", style: "dotted", aside: true },
    ],
  },
  {
    title: "Latency", unit: "of each second's answers", written: length,
    series: (api) => [
      { name: "p50", values: api.past.p50, colour: "blue" },
      { name: "p99", values: api.past.p99, colour: "purple", style: "dashed" },
    ],
  },
  {
    title: "Answers", unit: "per second, by status code", written: amount,
    series: (api) => {
      const seen = { green: 0, orange: 0, red: 0 };
      return [...api.past.codes.keys()].sort().map((code) => {
        const name = code < "400" ? "green" : code < "500" ? "orange" : "red";
        return { name: code, values: api.past.codes.get(code), colour: name, style: CODE_STYLES[seen[name]++ % 3] };
      });
    },
  },
  {
    title: "Replicas", unit: "that the scaler would request", written: amount, stepped: true, whole: true,
    series: (api) => [{ name: "would request", values: api.past.desired, colour: "green" }],
  },
];

class Chart {
  constructor(definition, parent) {
    this.definition = definition;
    this.figure = element("figure", parent);
    const caption = element("figcaption", this.figure, definition.title);
    element("span", caption, ` ${definition.unit}`, "dim");
    this.legend = element("ul", this.figure, undefined, "legend");
    this.place = element("div", this.figure);
    this.place.setAttribute("role", "img");
    this.names = null;
    this.plot = null;
    this.at = null; // where the pointer is
  }
  draw(api) {
    const series = this.definition.series(api);
    const names = JSON.stringify([api.name, series.map((s) => s.name)]);
    if (names !== this.names) {
      this.names = names;
      this.make(series);
    }
    this.t = api.past.t;
    this.from = api.past.from();
    this.series = series;
    this.plot.setData([this.t, ...series.map((s) => s.values)]);
    this.read();
  }
  make(series) {
    this.plot?.destroy();
    this.legend.replaceChildren();
    this.read_outs = series.map((s) => {
      const item = element("li", this.legend);
      element("span", item, undefined, `swatch ${s.colour} ${s.style ?? ""}`);
      element("span", item, `${s.name} `);
      return element("b", item);
    });
    const { written, stepped, whole } = this.definition;
    const axis = { stroke: () => colour("dim"), grid: { stroke: () => colour("line"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
    this.plot = new uPlot({
      width: this.width(), height: HEIGHT, legend: { show: false }, padding: [8, 12, 0, 0],
      cursor: { sync: { key: "time" }, drag: { x: false, y: false }, y: false, points: { show: false } },
      scales: {
        x: { time: true, range: () => [this.from, now - 1] },
        y: { range: (u, low, high) => [0, high > 0 ? high * 1.1 : 1] },
      },
      axes: [
        { ...axis, size: 28, space: 70, values: (u, ticks) => ticks.map((t) => clock(t, ticks.some((other) => other % 60))) },
        { ...axis, size: 62, incrs: whole ? WHOLE : undefined, values: (u, ticks) => ticks.map(written) },
      ],
      series: [{}, ...series.map((s) => ({
        label: s.name, stroke: () => colour(s.colour), width: 2, dash: DASHES[s.style ?? ""], auto: !s.aside,
        paths: stepped ? uPlot.paths.stepped({ align: 1 }) : undefined,
        points: { show: true, filter: alone, size: 5, fill: () => colour(s.colour) },
      }))],
      hooks: { setCursor: [(u) => { this.at = u.cursor.idx ?? null; if (this.t) this.read(); }] },
    }, [[], ...series.map(() => [])], this.place);
  }
  width() { return Math.max(this.figure.clientWidth, 240); }
  fit() { this.plot?.setSize({ width: this.width(), height: HEIGHT }); }
  read() { // the values under the pointer, else the latest
    const { title, unit, written } = this.definition;
    const at = this.at ?? kept - 1;
    this.series.forEach((s, i) => setText(this.read_outs[i], written(s.values[at])));
    const latest = this.series.map((s) => `${s.name} ${written(s.values[kept - 1])}`).join(", ");
    this.place.setAttribute("aria-label", `${title}, ${unit}, over ten minutes. Latest: ${latest || "none"}.`);
  }
}
