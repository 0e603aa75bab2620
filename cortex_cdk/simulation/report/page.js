"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const runs = data.runs;
const shown = runs.map(() => true);
let range = [0, data.duration_s], pinned = null, percentile = "p99";
const NS = "http://www.w3.org/2000/svg", LEFT = 62, RIGHT = 12, TOP = 8, BOTTOM = 24;
const byId = (id) => document.getElementById(id);
const colour = (i) => `var(--run-${i})`;

function make(tag, attributes, parent, text) {
  const node = document.createElementNS(NS, tag);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  if (parent) parent.append(node);
  return node;
}
function element(tag, parent, text, className) {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  if (className) node.className = className;
  parent.append(node);
  return node;
}
const short = (v) => v === null ? "–" : Math.abs(v) >= 100 ? Math.round(v).toLocaleString("en") : String(+v.toPrecision(3));
const length = (s) => s === null ? "–" : s < 1 ? short(s * 1e3) + " ms" : s < 600 ? short(s) + " s" : s < 7200 ? short(s / 60) + " min" : short(s / 3600) + " h";

// Times: the trace's own wall clock when it has one, else the time since its start.
const pad = (n) => String(n).padStart(2, "0");
function moment(t, step) {
  if (data.starts_at_ms !== null) {
    const d = new Date(data.starts_at_ms + t * 1000);
    const day = `${d.getUTCFullYear()}-${pad(d.getUTCMonth() + 1)}-${pad(d.getUTCDate())}`;
    const clock = `${pad(d.getUTCHours())}:${pad(d.getUTCMinutes())}`;
    if (step === undefined) return `${day} ${clock}:${pad(d.getUTCSeconds())}`;
    return step >= 86400 ? day.slice(5) : step >= 60 ? (d.getUTCHours() + d.getUTCMinutes() === 0 ? day.slice(5) : clock) : `${clock}:${pad(d.getUTCSeconds())}`;
  }
  const span = data.duration_s, [unit, size] = span <= 600 ? ["s", 1] : span <= 10800 ? ["min", 60] : span <= 259200 ? ["h", 3600] : ["days", 86400];
  return `${+(t / size).toFixed(step === undefined ? 2 : 3)} ${unit}`;
}
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 1209600, 2592000];
function timeTicks(width) {
  const step = STEPS.find((s) => (range[1] - range[0]) / s <= Math.max(2, width / 95)) || 7776000;
  const offset = data.starts_at_ms === null ? 0 : (data.starts_at_ms / 1000) % step;
  const ticks = [];
  for (let t = Math.ceil((range[0] + offset) / step) * step - offset; t <= range[1]; t += step) ticks.push(t);
  return [ticks, step];
}
function valueTicks(low, high, log) {
  const ticks = [];
  if (log) {
    const wide = Math.log10(high / low) > 2.2;
    for (let e = Math.floor(Math.log10(low)); e <= Math.log10(high); e++)
      for (const m of wide ? [1] : [1, 2, 5]) if (m * 10 ** e >= low * 0.999 && m * 10 ** e <= high * 1.001) ticks.push(m * 10 ** e);
    return ticks;
  }
  const raw = (high - low) / 4, size = 10 ** Math.floor(Math.log10(raw)), step = [1, 2, 5, 10].find((m) => m * size >= raw) * size;
  for (let v = 0; v <= high * 1.0001; v += step) ticks.push(v);
  return ticks;
}

// A chart: lines(), a list of {values, run, dash, width, fill}, on a linear or log axis.
const charts = [
  { id: "load", height: 120, lines: () => [{ values: runs[0].series.rate, stroke: "var(--load)", fill: true }] },
  { id: "in-flight", height: 140, log: 0.1, lines: () => visible((i) => [{ values: runs[i].series.in_flight, stroke: colour(i) }]) },
  { id: "replicas", height: 230, lines: () => visible((i) => [{ values: runs[i].series.ready, stroke: colour(i), width: 2 }, { values: runs[i].series.desired, stroke: colour(i), dash: "2 2" }]) },
  { id: "latency", height: 210, log: 1e-6, unit: length, objective: true, lines: () => visible((i) => [{ values: runs[i].series[percentile], stroke: colour(i), curve: true }]) },
  { id: "rejected", height: 100, lines: () => visible((i) => [{ values: runs[i].series.rejected, stroke: colour(i) }]) },
].filter((chart) => byId(chart.id));
function visible(lines) { return runs.flatMap((_, i) => shown[i] ? lines(i) : []); }

function drawChart(chart) {
  const box = byId(chart.id), width = Math.max(260, box.clientWidth), { height, log } = chart;
  const inner = width - LEFT - RIGHT, bottom = TOP + height;
  const t = data.t, first = Math.max(0, t.findLastIndex((x) => x <= range[0])), after = t.findIndex((x) => x >= range[1]), last = after < 0 ? t.length : after;
  let low = Infinity, high = -Infinity;
  const lines = chart.lines();
  for (const line of lines) for (let k = first; k < last; k++) { const v = line.values[k]; if (v !== null && (!log || v > 0)) { low = Math.min(low, v); high = Math.max(high, v); } }
  if (chart.objective) { low = Math.min(low, data.objective_s); high = Math.max(high, data.objective_s); }
  if (log) { low = Math.max(log, Math.min(low, high)) / 1.3; high = Math.max(high, low * 4) * 1.3; } else { low = 0; high = Math.max(high, 1e-9) * 1.06; }
  if (!isFinite(low) || !isFinite(high)) { low = log ? 0.1 : 0; high = 1; }
  const x = (s) => LEFT + (s - range[0]) / (range[1] - range[0]) * inner;
  const y = (v) => bottom - (log ? Math.log(Math.max(v, low) / low) / Math.log(high / low) : v / high) * height;
  const svg = make("svg", { viewBox: `0 0 ${width} ${bottom + BOTTOM}`, height: bottom + BOTTOM, role: "img", "aria-label": box.dataset.label });
  for (const v of valueTicks(low, high, log)) {
    make("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(v), y2: y(v) }, svg);
    make("text", { x: LEFT - 6, y: y(v) + 4, "text-anchor": "end" }, svg, (chart.unit || short)(v));
  }
  const [ticks, step] = timeTicks(inner);
  for (const s of ticks) {
    make("line", { class: "grid", x1: x(s), x2: x(s), y1: TOP, y2: bottom }, svg);
    make("text", { x: x(s), y: bottom + 15, "text-anchor": "middle" }, svg, moment(s, step));
  }
  const clip = make("clipPath", { id: `clip-${chart.id}` }, svg);
  make("rect", { x: LEFT, y: TOP - 2, width: inner, height: height + 4 }, clip);
  const plot = make("g", { "clip-path": `url(#clip-${chart.id})` }, svg);
  for (const line of lines) {
    let path = "", open = false;
    for (let k = first; k < last; k++) {
      const v = line.values[k], end = k + 1 < t.length ? t[k + 1] : data.duration_s;
      if (v === null) { open = false; continue; }
      const a = x(t[k]).toFixed(1), b = x(end).toFixed(1), h = y(v).toFixed(1);
      path += line.curve ? `${open ? "L" : "M"}${x((t[k] + end) / 2).toFixed(1)} ${h}` : `${open ? "L" : "M"}${a} ${h}H${b}`;
      open = true;
    }
    if (line.fill && path) make("path", { d: `${path}V${bottom}H${x(t[first]).toFixed(1)}Z`, fill: line.stroke, opacity: 0.15 }, plot);
    make("path", { d: path, fill: "none", stroke: line.stroke, "stroke-width": line.width || 1.3, "stroke-dasharray": line.dash || "none", "stroke-linejoin": "round" }, plot);
  }
  if (chart.objective) make("line", { class: "objective", x1: LEFT, x2: width - RIGHT, y1: y(data.objective_s), y2: y(data.objective_s) }, plot);
  chart.cursor = make("line", { class: "cursor", y1: TOP, y2: bottom, visibility: "hidden" }, svg);
  chart.x = x;
  const time = (event) => { const r = svg.getBoundingClientRect(); return Math.min(range[1], Math.max(range[0], range[0] + ((event.clientX - r.left) * width / r.width - LEFT) / inner * (range[1] - range[0]))); };
  let from = null, mark = null;
  svg.addEventListener("pointerdown", (event) => { from = time(event); });
  svg.addEventListener("pointermove", (event) => {
    if (event.pointerType === "mouse" && from !== null && event.buttons) {
      mark = mark || make("rect", { class: "zoom", y: TOP, height }, svg);
      const [a, b] = [from, time(event)].sort((p, q) => p - q);
      mark.setAttribute("x", x(a)); mark.setAttribute("width", Math.max(0, x(b) - x(a)));
    }
    if (pinned === null) point(time(event));
  });
  svg.addEventListener("pointerup", (event) => {
    const to = time(event), [a, b] = [from === null ? to : from, to].sort((p, q) => p - q);
    if (mark && b - a > (range[1] - range[0]) / 60) { range = [a, b]; from = mark = null; draw(); return; }
    from = mark = null; pinned = pinned === null ? to : null; point(to);
  });
  svg.addEventListener("dblclick", () => { range = [0, data.duration_s]; pinned = null; draw(); });
  box.replaceChildren(svg);
}

function point(t) {
  const k = Math.max(0, data.t.findLastIndex((x) => x <= t));
  for (const chart of charts) { chart.cursor.setAttribute("x1", chart.x(t)); chart.cursor.setAttribute("x2", chart.x(t)); chart.cursor.setAttribute("visibility", "visible"); }
  const box = byId("readout");
  box.replaceChildren();
  element("div", box, `${moment(t)}: ${short(runs[0].series.rate[k])} requests/s${pinned === null ? "" : " (held; click again to let go)"}`);
  const table = element("table", element("div", box, undefined, "scroll")), head = element("tr", table);
  for (const name of ["policy", "desired", "ready", "in flight", "p50", "p95", "p99", "503s/s", "the decision in force"]) element("th", head, name, name.startsWith("the") ? "reason" : "");
  runs.forEach((run, i) => {
    if (!shown[i]) return;
    const row = element("tr", table), s = run.series, name = element("td", row);
    element("span", name, "", "swatch").style.background = colour(i);
    name.append(run.policy);
    for (const text of [short(s.desired[k]), short(s.ready[k]), short(s.in_flight[k]), length(s.p50[k]), length(s.p95[k]), length(s.p99[k]), short(s.rejected[k])]) element("td", row, text);
    const d = run.decisions[run.decisions.findLastIndex((entry) => entry[0] <= t)];
    element("td", row, d ? `${moment(d[0])}: ${d[2] || d[1]}` : "", "reason");
  });
}

function drawScatter() {
  const box = byId("scatter");
  if (!box) return;
  const width = Math.max(260, box.clientWidth), height = Math.min(360, width * 0.6), inner = width - LEFT - RIGHT, bottom = TOP + height;
  const points = runs.map((run, i) => ({ ...run, i })).filter((run) => shown[run.i]);
  const missed = runs.map((run) => run.missed).filter((m) => m > 0), none = runs.some((run) => run.missed <= 0);
  const floor = Math.min(...missed, 1) / (none ? 4 : 1.6), top = Math.min(1.15, Math.max(...missed, floor * 20) * 1.8);
  const most = Math.max(...runs.map((run) => run.hours)) * 1.12;
  const x = (v) => LEFT + v / most * inner, y = (v) => bottom - Math.log(Math.max(v, floor) / floor) / Math.log(top / floor) * (height - 12) - 6;
  const svg = make("svg", { viewBox: `0 0 ${width} ${bottom + 40}`, height: bottom + 40, role: "img", "aria-label": box.dataset.label });
  for (const v of valueTicks(0, most, false)) { make("line", { class: "grid", x1: x(v), x2: x(v), y1: TOP, y2: bottom }, svg); make("text", { x: x(v), y: bottom + 15, "text-anchor": "middle" }, svg, short(v)); }
  for (const v of valueTicks(floor, top, true)) if (!none || v > floor * 1.5) { make("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(v), y2: y(v) }, svg); make("text", { x: LEFT - 6, y: y(v) + 4, "text-anchor": "end" }, svg, `${short(v * 100)} %`); }
  if (none) { make("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(floor), y2: y(floor) }, svg); make("text", { x: LEFT - 6, y: y(floor) + 4, "text-anchor": "end" }, svg, "none"); }
  make("text", { x: LEFT + inner / 2, y: bottom + 34, "text-anchor": "middle" }, svg, "replica hours (fewer is cheaper)");
  let path = "", before = y(top);
  for (const i of data.front) { path += `${path ? "L" : "M"}${x(runs[i].hours)} ${before}V${y(runs[i].missed)}`; before = y(runs[i].missed); }
  if (path) make("path", { d: `${path}H${x(most)}`, fill: "none", stroke: "var(--dim)", "stroke-width": 1.2 }, svg);
  if (data.least_replica_hours !== null) make("line", { x1: x(data.least_replica_hours), x2: x(data.least_replica_hours), y1: TOP, y2: bottom, stroke: "var(--fg)", "stroke-dasharray": "5 4" }, svg);
  const taken = [];
  for (const run of points.sort((a, b) => a.hours - b.hours)) {
    const px = x(run.hours), py = y(run.missed);
    const dot = make("circle", { cx: px, cy: py, r: 5.5, fill: run.reference ? "var(--bg)" : colour(run.i), stroke: colour(run.i), "stroke-width": 2 }, svg);
    make("title", {}, dot, `${run.policy}: ${short(run.hours)} replica hours, ${short(run.missed * 100)} % missed`);
    const w = run.policy.length * 6.6 + 4, spots = [];
    for (const far of [0, 14, 28, 42]) for (const [dx, dy] of [[10, 4], [-10 - w, 4], [8, -9], [8, 17], [-8 - w, -9], [-8 - w, 17]]) spots.push([px + dx + Math.sign(dx) * far / 3, py + dy + Math.sign(dy - 4) * far]);
    const free = ([a, b]) => a >= LEFT && a + w <= width && b > TOP + 8 && b < bottom && !taken.some(([c, d, v]) => a < c + v && c < a + w && Math.abs(b - d) < 13) && !points.some((p) => p !== run && x(p.hours) > a - 7 && x(p.hours) < a + w + 7 && Math.abs(y(p.missed) - b + 4) < 11);
    const [lx, ly] = spots.find(free) || spots[0];
    taken.push([lx, ly, w]);
    make("text", { class: "name", x: lx, y: ly }, svg, run.policy);
  }
  box.replaceChildren(svg);
}

function draw() {
  for (const chart of charts) drawChart(chart);
  drawScatter();
  if (pinned !== null) point(pinned);
  byId("whole").hidden = range[0] === 0 && range[1] === data.duration_s;
}

const legend = byId("legend");
if (runs.length > 1) runs.forEach((run, i) => {
  const button = element("button", legend);
  element("span", button, "", "swatch").style.background = colour(i);
  button.append(run.policy);
  button.setAttribute("aria-pressed", "true");
  button.addEventListener("click", () => { shown[i] = !shown[i]; button.setAttribute("aria-pressed", String(shown[i])); draw(); });
});
const whole = element("button", legend, "whole trace", "tool");
whole.id = "whole";
whole.addEventListener("click", () => { range = [0, data.duration_s]; draw(); });
byId("percentile").addEventListener("change", (event) => { percentile = event.target.value; draw(); });
new ResizeObserver(() => requestAnimationFrame(draw)).observe(document.body);
draw();
addEventListener("beforeprint", draw);
