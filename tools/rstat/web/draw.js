// SPDX-License-Identifier: GPL-2.0
// Parts of the page. Words of others only ever become text nodes.

import * as format from '/format.js';

const NEAR = 0.8; // as LIVE_NEAR in live.h

export const byId = (id) => document.getElementById(id);

export function element(tag, className, ...children) {
  const node = document.createElement(tag);

  if (className)
    node.className = className;
  node.append(...children);
  return node;
}

export function level(row) {
  if (row.used === null)
    return 'free';
  return row.used >= 1 ? 'full' : row.used >= NEAR ? 'near' : 'fine';
}

// Worst first, as the server orders containers.
export function sortRows(resources) {
  return Object.entries(resources).sort(([, a], [, b]) =>
    (b.rate > 0) - (a.rate > 0) || (b.used ?? -1) - (a.used ?? -1) ||
    b.failcnt - a.failcnt);
}

function place(parent, className, at) {
  const mark = element('i', className);

  mark.style.left = `${Math.min(100, 100 * at)}%`;
  parent.append(mark);
}

// held, with the most ever held, against barrier and limit.
// Where held is a time that grows, what is bounded is a part of that time.
function bar(name, row, units) {
  const node = element('div', 'bar');
  const bounds = row.usage === null ? [] :
    [row.barrier, row.limit].filter((b) => b !== null);
  const usage = row.usage ?? 0;
  const peak = units.maxheld_unit === row.unit ? row.maxheld : 0;
  const scale = Math.max(1, usage, ...bounds, bounds.length ? 0 : peak * 1.25);
  const held = element('i', 'held');

  held.style.width = `${100 * usage / scale}%`;
  node.append(held);
  if (peak)
    place(node, 'peak', Math.min(peak, scale) / scale);
  if (bounds.length && row.barrier !== null)
    place(node, 'barrier', row.barrier / scale);
  if (bounds.length && row.limit !== null)
    place(node, 'limit', row.limit / scale);
  node.setAttribute('role', 'meter');
  node.setAttribute('aria-label', name);
  node.setAttribute('aria-valuemin', 0);
  node.setAttribute('aria-valuemax', scale);
  node.setAttribute('aria-valuenow', usage);
  node.setAttribute('aria-valuetext',
    `${format.amount(usage, row.unit)} of ${bounds.length ?
      format.amount(Math.min(...bounds), row.unit) : 'unlimited'}`);
  return node;
}

const unitsOf = (registry, name, row) => registry.get(name) ??
  { held_unit: row.unit, maxheld_unit: row.unit };

function bound(row) {
  return row.barrier === 0 ? row.limit : row.barrier;
}

function line(name, row, units, label) {
  const node = element('div', `row ${level(row)}`);
  const most = bound(row);

  if (label)
    node.append(element('span', 'what', name));
  node.append(bar(name, row, units));
  node.append(element('span', 'much', most === null || row.usage === null ?
    format.amount(row.held, units.held_unit) :
    format.pair(row.usage, most, row.unit)));
  return node;
}

// --- the list ------------------------------------------------------------------

const SHOWN = 4; // rows of one card

export function fillCard(card, container, registry) {
  const rows = sortRows(container.resources);
  const worst = container.worst && container.resources[container.worst];
  const link = element('a', '');
  const head = element('div', 'head', element('span', 'name', container.name));

  card.className = `card ${worst ? level(worst) : ''} ` +
    `${container.rate > 0 ? 'refusing' : ''}`;
  link.href = `#/${encodeURIComponent(container.name)}`;
  if (container.rate > 0)
    head.append(element('span', 'pill refusing',
      `${format.rate(container.rate)} refused/s`));
  else if (container.failcnt)
    head.append(element('span', 'pill',
      `${format.amount(container.failcnt, 'count')} refused`));
  head.append(element('span', 'pill', format.percent(container.used)));
  link.append(head);
  for (const [name, row] of rows.slice(0, SHOWN))
    link.append(line(name, row, unitsOf(registry, name, row), true));
  if (!rows.length)
    link.append(element('p', 'rest', 'nothing limited, nothing used'));
  if (rows.length > SHOWN)
    link.append(element('p', 'rest', `and ${rows.length - SHOWN} more`));
  card.replaceChildren(link);
}

// --- the details ---------------------------------------------------------------

function figure(name, text, bad) {
  return element('div', '', element('dt', '', name),
    element('dd', bad ? 'bad' : '', text));
}

export function fillResource(node, name, row, registry) {
  const units = unitsOf(registry, name, row);
  const help = registry.get(name)?.help;
  const title = node.querySelector('h3');
  const figures = node.querySelector('.figures');

  title.replaceChildren(name, element('small', '', help ?? ''));
  if (row.mode === 'observe')
    title.append(element('small', '', '· observed, not enforced'));
  node.querySelector('.now').replaceChildren(line(name, row, units, false));
  figures.replaceChildren(
    figure('held', format.amount(row.held, units.held_unit)),
    figure('most', format.amount(row.maxheld, units.maxheld_unit)),
    figure('barrier', format.amount(row.barrier, row.unit)),
    figure('limit', format.amount(row.limit, row.unit)),
    figure('used', format.percent(row.used) || '–'),
    figure('refused', format.amount(row.failcnt, 'count') +
      (row.rate > 0 ? `, ${format.rate(row.rate)}/s` : ''), row.rate > 0));
}

const SOON = 14 * 86400;

// "limit in about 18 days (15 days to 22 days)"
function hitText(name, hit, last) {
  const away = (stamp) => stamp ? format.duration(stamp - last) : 'later';
  const band = away(hit.earliest) === away(hit.latest) ? '' :
    ` (${away(hit.earliest)} to ${away(hit.latest)})`;

  switch (hit.when) {
  case 'over now':
    return `at the ${name} now`;
  case 'expected':
    return `${name} in about ${away(hit.at)}${band}`;
  case 'perhaps':
    return `${name} perhaps, in ${away(hit.earliest)} at the earliest`;
  case 'not in sight':
    return `${name} not before ${format.dateTime(hit.until).slice(0, 10)}`;
  default:
    return null;
  }
}

export function fillForecast(node, forecast) {
  const line = node.querySelector('.forecast');
  const same = forecast && forecast.barrier.when === forecast.limit.when &&
    forecast.barrier.at === forecast.limit.at;
  const texts = !forecast ? [] : (same ? [['barrier and limit', 'limit']] :
    [['barrier', 'barrier'], ['limit', 'limit']]).map(([name, key]) =>
    hitText(name, forecast[key], forecast.last)).filter(Boolean);
  const next = forecast && Math.min(...['barrier', 'limit'].map((name) =>
    forecast[name].at ?? Infinity));

  line.hidden = !forecast;
  if (!forecast)
    return;
  if (forecast.trend === 'too little data')
    line.textContent = 'Forecast: too little is recorded yet.';
  else
    line.textContent = `Forecast: ${forecast.trend}` +
      (texts.length ? `; ${texts.join(', ')}.` : '.');
  line.classList.toggle('soon', next - forecast.last < SOON);
  line.classList.toggle('later', next < Infinity);
}

export function newResource(name) {
  const node = element('article', 'resource', element('h3', ''),
    element('div', 'now'), element('dl', 'figures'),
    element('p', 'forecast'), element('div', 'graph'));

  node.dataset.resource = name;
  node.querySelector('.forecast').hidden = true;
  return node;
}

// --- refusals --------------------------------------------------------------------

export function fillEvents(list, events, now, withName) {
  const items = events.map((event) => {
    const item = element('li', '');
    const time = element('time', '', format.ago(event.time_ms, now));
    const what = event.kind === 'observed' ? 'would be ' : '';

    time.dateTime = new Date(event.time_ms).toISOString();
    time.title = new Date(event.time_ms).toLocaleString();
    item.append(time);
    if (withName)
      item.append(element('b', '', event.container ?? '(gone)'));
    item.append(element('span', '', event.resource ?? '–'));
    item.append(element('span', 'err', what + (event.errno ?? 'refused')));
    if (event.bound_value !== null)
      item.append(element('span', '',
        `${format.amount(event.held, event.unit)} held, ${event.bound} ` +
        format.amount(event.bound_value, event.unit)));
    item.append(element('span', '',
      event.pid ? `${event.comm ?? ''} (${event.pid})` : event.comm ?? ''));
    if (event.suppressed)
      item.append(element('span', '', `and ${event.suppressed} more`));
    return item;
  });

  if (!items.length)
    items.push(element('li', 'none', 'none since this server was started'));
  list.replaceChildren(...items);
}
