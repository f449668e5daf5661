# Copyright: Contributors to the evercert.entra project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the page does: shows the rows that fit the screen, sorts, filters, and opens one.

It only ever sets text: no markup is made of data, which the page's policy forbids besides.
"""

from __future__ import annotations

SCRIPT = r"""
"use strict";
(() => {
const HEIGHT = 45, BEYOND = 12;
const SIGNS = ["\u2716", "\u25b2", "\u25cb", "\u2714"], SEVERITIES = ["error", "warning", "note", "none"];
const get = id => document.getElementById(id);
const data = id => { const element = get(id), text = element.textContent; element.remove(); return JSON.parse(text); };
const make = (name, text, className) => {
  const element = document.createElement(name);
  if (text !== undefined && text !== null) element.textContent = text;
  if (className) element.className = className;
  return element;
};
const label = word => String(word).replaceAll("_", " ");
const day = moment => moment ? moment.slice(0, 10) : "";
const changeOf = row => {
  const [kind, before] = row.change || [];
  return kind === "status_changed" ? `was ${label(before)}` : label(kind || "");
};
const number = count => count.toLocaleString("en");

const frame = data("frame");
const order = new Map(frame.words.map((word, place) => [word, place]));
const rows = data("rows").map(([name, app, object, tenant, status, severity, days, ends, findings, certificates, change,
  next, steps], place) => ({name, app, object, tenant, status, severity, days, ends, findings, certificates, change,
  next, steps, place}));
for (const row of rows) {
  row.text = [row.name, row.app, row.object, row.tenant, row.status, label(row.status),
    row.change && label(row.change[0]),
    ...row.findings.flatMap(([reason]) => [reason, label(reason)]),
    ...row.certificates.flatMap(([thumbprint, key]) => [thumbprint, key])].join("\n").toLowerCase();
}

const compareText = new Intl.Collator("en", {numeric: true, sensitivity: "base"}).compare;
const last = value => value === null || value === "" || value === undefined;
const by = find => (one, other) => {
  const left = find(one), right = find(other);
  if (last(left) || last(right)) return last(left) - last(right);
  return typeof left === "number" ? left - right : compareText(left, right);
};
const several = frame.tenants.length > 1;
const columns = [
  {name: "Application", width: several ? "24%" : "30%", key: row => row.name},
  ...(several ? [{name: "Tenant", width: "15%", key: row => row.tenant}] : []),
  {name: "Status", width: "14%", key: row => row.severity * 100 + order.get(row.status)},
  {name: "Days left", width: "9%", key: row => row.days, number: true},
  {name: "Ends", width: "11%", key: row => row.ends},
  {name: "Findings", key: row => row.findings.length ? row.findings[0][0] : null},
  ...(rows.some(row => row.change) ? [{name: "Change", width: "12%", key: row => row.change && row.change[0]}] : []),
];

const state = {column: columns.findIndex(column => column.name === "Status"), down: false, active: 0};
let view = rows, first = -1, until = -1;

const box = get("frame-box"), body = get("body"), shown = get("shown"), table = get("table"), detail = get("detail");
const boxes = [...document.querySelectorAll("[data-status]")];

function headings() {
  columns.forEach((column, place) => {
    const cell = make("th", null, column.number ? "number" : ""), button = make("button");
    cell.scope = "col";
    if (column.width) cell.style.width = column.width;
    button.type = "button";
    button.addEventListener("click", () => {
      state.down = state.column === place && !state.down;
      state.column = place;
      sort();
      show(true);
    });
    cell.append(button);
    get("columns").append(cell);
    column.cell = cell;
    column.button = button;
  });
}

function sort() {
  const {key} = columns[state.column], compare = by(key), least = by(row => row.days);
  const turn = state.down ? -1 : 1;
  view.sort((one, other) => {
    const lack = last(key(one)) - last(key(other));
    return lack || turn * compare(one, other) || least(one, other) || one.place - other.place;
  });
  columns.forEach((column, place) => {
    const chosen = place === state.column;
    chosen ? column.cell.setAttribute("aria-sort", state.down ? "descending" : "ascending")
      : column.cell.removeAttribute("aria-sort");
    column.button.textContent = column.name + (chosen ? (state.down ? " \u25bc" : " \u25b2") : "");
  });
}

function filter() {
  const words = get("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const statuses = new Set(boxes.filter(one => one.checked).map(one => one.dataset.status));
  const tenant = get("tenant").value, urgent = get("urgent").checked, changed = get("changed").checked;
  view = rows.filter(row => statuses.has(row.status) && (!tenant || row.tenant === tenant)
    && (!urgent || row.severity < 2) && (!changed || row.change) && words.every(word => row.text.includes(word)));
  shown.textContent = `${number(view.length)} of ${number(rows.length)} shown`;
  sort();
  show(true);
}

function cells(row) {
  const name = make("th"), open = make("button");
  name.scope = "row";
  open.type = "button";
  const isolated = make("bdi", row.name);
  open.append(isolated);
  open.title = row.name;
  name.append(open);
  const status = make("td", null, SEVERITIES[row.severity]), sign = make("span", SIGNS[row.severity] + " ");
  sign.setAttribute("aria-hidden", "true");
  status.append(sign, label(row.status));
  const found = [name];
  if (several) found.push(make("td", row.tenant));
  found.push(status, make("td", row.days, "number"), make("td", day(row.ends)),
    make("td", row.findings.map(([reason]) => label(reason)).join(", ")));
  if (columns[columns.length - 1].name === "Change") found.push(make("td", changeOf(row)));
  return found;
}

function space(height) {
  const row = make("tr", null, "space"), cell = make("td");
  row.setAttribute("aria-hidden", "true");
  cell.colSpan = columns.length;
  cell.style.height = `${height}px`;
  row.append(cell);
  return row;
}

function show(anew) {
  if (anew) { state.active = 0; box.scrollTop = 0; }
  const from = Math.max(0, Math.floor(box.scrollTop / HEIGHT) - BEYOND);
  const to = Math.min(view.length, Math.ceil((box.scrollTop + box.clientHeight) / HEIGHT) + BEYOND);
  if (!anew && from === first && to === until) return;
  [first, until] = [from, to];
  const hadFocus = body.contains(document.activeElement);
  const made = [];
  if (from) made.push(space(from * HEIGHT));
  for (let place = from; place < to; place += 1) {
    const row = make("tr");
    row.setAttribute("aria-rowindex", place + 2);
    row.dataset.place = place;
    row.append(...cells(view[place]));
    row.querySelector("button").tabIndex = place === state.active ? 0 : -1;
    made.push(row);
  }
  if (to < view.length) made.push(space((view.length - to) * HEIGHT));
  if (!view.length) {
    const row = make("tr"), cell = make("td", rows.length ? "No application matches." : "No application was found.");
    cell.colSpan = columns.length;
    row.append(cell);
    made.push(row);
  }
  body.replaceChildren(...made);
  table.setAttribute("aria-rowcount", view.length + 1);
  if (hadFocus) (buttonAt(state.active) || box).focus({preventScroll: true});
}

const buttonAt = place => body.querySelector(`tr[data-place="${place}"] button`);

function moveTo(place) {
  if (!view.length) return;
  const before = buttonAt(state.active);
  if (before) before.tabIndex = -1;
  state.active = Math.max(0, Math.min(view.length - 1, place));
  const top = state.active * HEIGHT, room = box.clientHeight - table.tHead.offsetHeight - HEIGHT;
  if (top < box.scrollTop) box.scrollTop = top;
  else if (top > box.scrollTop + room) box.scrollTop = top - room;
  show(false);
  const button = buttonAt(state.active);
  button.tabIndex = 0;
  button.focus({preventScroll: true});
}

function pressed(event) {
  const page = Math.max(1, Math.floor(box.clientHeight / HEIGHT) - 2);
  const steps = {ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity};
  if (!(event.key in steps) || event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.target.closest("thead")) return;
  event.preventDefault();
  moveTo(body.contains(event.target) ? state.active + steps[event.key] : state.active);
}

function terms(pairs) {
  const list = make("dl");
  for (const [term, value] of pairs) if (value) list.append(make("dt", term), make("dd", value));
  return list;
}

function certificateTable(row) {
  const made = make("table"), top = make("tr"), head = make("thead"), lines = make("tbody");
  for (const name of ["Thumbprint, key ID", "From", "To", "Status"]) {
    const cell = make("th", name);
    cell.scope = "col";
    top.append(cell);
  }
  head.append(top);
  for (const [thumbprint, key, start, end, days, status] of row.certificates) {
    const line = make("tr"), names = make("td");
    names.append(make("code", thumbprint || "no thumbprint"), make("br"),
      make("code", key || "not on the application"));
    const left = days === null ? "" : ` (${days} days)`;
    line.append(names, ...[day(start), day(end) + left, label(status)].map(text => make("td", text, "date")));
    lines.append(line);
  }
  made.append(head, lines);
  return made;
}

function open(row) {
  const close = make("button", "Close", "close"), title = make("h2");
  close.type = "button";
  close.addEventListener("click", () => detail.close());
  title.id = "detail-title";
  title.append(make("bdi", row.name));
  const [kind, before, expired] = row.change || [];
  const change = kind && label(kind) + (before && before !== row.status ? `, was ${label(before)}` : "")
    + (expired ? `, ended ${day(expired)}` : "");
  const parts = [close, title, terms([["Status", `${SIGNS[row.severity]} ${label(row.status)}`],
    ["Ends", row.ends && `${day(row.ends)} (${row.days} days)`], ["Next renewal", day(row.next)], ["Change", change],
    ["App ID", row.app], ["Object ID", row.object], ["Tenant", row.tenant]])];
  parts.push(make("h3", "Findings"));
  for (const [reason, message, remedy, severity] of row.findings) {
    const found = make("div", null, `finding ${SEVERITIES[severity]}`);
    found.append(make("b", label(reason)), make("p", message), make("p", remedy));
    parts.push(found);
  }
  if (!row.findings.length) parts.push(make("p", "None."));
  if (row.steps.length) {
    const list = make("ol");
    for (const [step, told] of row.steps) list.append(make("li", `${label(step)}: ${told}`));
    parts.push(make("h3", "Steps"), list);
  }
  parts.push(make("h3", "Certificates"), row.certificates.length ? certificateTable(row) : make("p", "None."));
  detail.replaceChildren(...parts);
  detail.showModal();
  detail.scrollTop = 0;
  close.focus();
}

function reset() {
  get("search").value = "";
  get("tenant").value = "";
  get("urgent").checked = get("changed").checked = false;
  for (const one of boxes) one.checked = true;
  filter();
}

document.documentElement.classList.add("js");
for (const id of ["tools", "frame-box", "hint"]) get(id).hidden = false;
get("tenant-box").hidden = !several;
get("changed-box").hidden = !rows.some(row => row.change);
for (const tenant of frame.tenants) {
  const option = make("option", tenant);
  option.value = tenant;
  get("tenant").append(option);
}
headings();
let waiting = 0;
get("search").addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(filter, 120); });
for (const one of [...boxes, get("tenant"), get("urgent"), get("changed")]) one.addEventListener("change", filter);
get("reset").addEventListener("click", reset);
box.addEventListener("scroll", () => requestAnimationFrame(() => show(false)), {passive: true});
addEventListener("resize", () => show(false));
box.addEventListener("keydown", pressed);
body.addEventListener("click", event => {
  const row = event.target.closest("tr[data-place]");
  if (!row) return;
  moveTo(Number(row.dataset.place));
  open(view[state.active]);
});
detail.addEventListener("click", event => { if (event.target === detail) detail.close(); });
detail.addEventListener("close", () => (buttonAt(state.active) || box).focus());
filter();
})();
"""
