// SPDX-License-Identifier: GPL-2.0
// The page of `rstat serve`: asks the API every few seconds, draws what it says.

import * as format from '/format.js';
import { byId, element, fillCard, fillEvents, fillForecast, fillResource,
  newResource, sortRows } from '/draw.js';

const REFRESH_MS = 5000;
const GRAPH_MS = 60000;
const PAGE = 60; // containers that are shown at once
const ranges = [['1 h', 3600], ['6 h', 21600], ['1 d', 86400], ['7 d', 604800],
  ['30 d', 2592000], ['1 y', 31536000]];

const state = {
  token: sessionStorage.getItem('token'),
  paused: false,
  shown: PAGE,
  open: null, // name of the container whose details are shown
  range: 2, // index into ranges, or null for custom
  custom: null,
  registry: new Map(),
  generation: 0, // answers to an older question are dropped
};

// --- the API ----------------------------------------------------------------------

class Refused extends Error {}

async function get(path) {
  const headers = state.token ? { Authorization: `Bearer ${state.token}` } : {};
  const answer = await fetch(path, { headers, cache: 'no-store' });

  if (answer.status === 401)
    throw new Refused((await answer.json()).error);
  if (!answer.ok) {
    const error = new Error((await answer.json()).error);

    error.status = answer.status;
    throw error;
  }
  return answer;
}

const getJson = async (path) => (await get(`/api/v1/${path}`)).json();

// What the kernel counts is read anew at every look, unless serve may not.
function staleness({ time_ms: now, refreshed_ms: then }) {
  if (then !== null && now - then < 10000)
    return null;
  return `Memory and CPU time are as they were read ${then === null ?
    'last, some time ago' : format.ago(then, now)}.`;
}

function showTrouble(text) {
  byId('trouble').textContent = text ?? '';
  byId('trouble').hidden = !text;
}

// --- the list -----------------------------------------------------------------------

const cards = new Map(); // by serial

function showSummary(answer) {
  const { near, full, rate } = answer.levels;
  const parts = [element('b', '', String(answer.total)),
    answer.total === 1 ? ' container' : ' containers'];

  if (full)
    parts.push(', ', element('b', 'full', `${full} full`));
  if (near)
    parts.push(', ', element('b', 'near', `${near} near`));
  if (rate > 0)
    parts.push(', ',
      element('b', 'rate', `${format.rate(rate)} refused/s`));
  byId('summary').replaceChildren(...parts);
}

// Cards stay the same nodes, so that the focus stays where it is.
function showCards(containers) {
  const list = byId('cards');
  const focused = document.activeElement?.closest?.('#cards > li');
  const present = new Set();

  containers.forEach((container, i) => {
    const key = `${container.name}@${container.serial}`;
    let item = cards.get(key);

    if (!item) {
      item = element('li', '', element('div', 'card'));
      cards.set(key, item);
    }
    fillCard(item.firstChild, container, state.registry);
    if (list.children[i] !== item)
      list.insertBefore(item, list.children[i] ?? null);
    present.add(key);
  });
  for (const [key, item] of cards) {
    if (present.has(key))
      continue;
    item.remove();
    cards.delete(key);
  }
  if (focused?.isConnected)
    focused.querySelector('a').focus({ preventScroll: true });
}

async function refreshList(generation) {
  const query = new URLSearchParams({ limit: state.shown,
    sort: byId('sort').value });
  const filter = byId('filter').value.trim();

  if (filter)
    query.set('filter', filter);
  const [answer, refusals] = await Promise.all([
    getJson(`containers?${query}`), getJson('events?limit=12')]);

  if (generation !== state.generation)
    return null;
  showSummary(answer);
  showCards(answer.containers);
  fillEvents(byId('events'), refusals.events, refusals.time_ms, true);
  byId('more').hidden = answer.containers.length >= answer.total;
  byId('empty').hidden = answer.total > 0;
  byId('empty').textContent = filter ? `No container's name has “${filter}”.` :
    'There are no containers: rlimitctl create NAME makes one.';
  return staleness(answer);
}

// --- the details ----------------------------------------------------------------------

const resources = new Map(); // by name: the node

function graphRange() {
  if (state.range === null)
    return { ...state.custom };
  return { from: `-${ranges[state.range][1]}s` };
}

// Of what it is made: days. In the graph of an hour it says nothing.
const wantsForecast = () => state.range !== null && ranges[state.range][1] >=
  7 * 86400;

async function drawGraph(node) {
  const holder = node.querySelector('.graph');
  const wide = Math.max(300, Math.min(1000, holder.clientWidth));
  const dark = matchMedia('(prefers-color-scheme: dark)').matches;
  const query = new URLSearchParams({ resource: node.dataset.resource,
    ...graphRange(), forecast: wantsForecast() ? 1 : 0, format: 'svg', theme: dark ? 'dark' : 'light',
    width: Math.max(220, wide - 120), height: wide < 500 ? 150 : 180 });
  const key = query.toString();

  node.dataset.wanted = key;
  node.dataset.drawn = Date.now();
  try {
    const answer = await get(`/api/v1/containers/` +
      `${encodeURIComponent(state.open)}/graph?${query}`);
    const image = element('img', '');

    image.alt = `${node.dataset.resource} over time`;
    image.src = URL.createObjectURL(await answer.blob());
    await image.decode();
    URL.revokeObjectURL(image.src);
    if (node.dataset.wanted === key)
      holder.replaceChildren(image);
  } catch (error) {
    if (node.dataset.wanted !== key)
      return;
    if (error.status === 503) { // others are drawing: soon again
      setTimeout(() => node.isConnected && drawGraph(node), 1500);
      return;
    }
    holder.replaceChildren(element('p', '', error.status === 404 ?
      'No samples: rstat collect records them.' : error.message));
  }
}

// Only what can be seen is drawn, and again when it is old.
const watcher = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    target.dataset.visible = isIntersecting ? '1' : '';
    if (isIntersecting && !target.dataset.drawn)
      drawGraph(target);
  }
}, { rootMargin: '200px' });

function redrawGraphs(force) {
  for (const node of resources.values()) {
    const old = Date.now() - Number(node.dataset.drawn ?? 0) > GRAPH_MS;

    if (force)
      delete node.dataset.drawn;
    if (node.dataset.visible && (force || old))
      drawGraph(node);
  }
}

function showResources(container) {
  const list = byId('rows');
  const rows = sortRows(container.resources).filter(([, row]) =>
    row.held || row.maxheld || row.failcnt || row.barrier !== null ||
    row.limit !== null);
  const present = new Set();

  // Once shown, a resource stays where it is: graphs that jump are no help.
  for (const [name, row] of rows) {
    let node = resources.get(name);

    if (!node) {
      node = newResource(name);
      resources.set(name, node);
      list.append(node);
      watcher.observe(node);
    }
    fillResource(node, name, row, state.registry);
    fillForecast(node, forecasts.resources[name]);
    present.add(name);
  }
  for (const [name, node] of resources) {
    if (present.has(name))
      continue;
    watcher.unobserve(node);
    node.remove();
    resources.delete(name);
  }
}

// Once per container and hour: it looks at weeks.
const FORECAST_MS = 3600000;
let forecasts = { of: null, at: 0, resources: {} };

async function refreshForecast(name) {
  if (forecasts.of === name && Date.now() - forecasts.at < FORECAST_MS)
    return;
  forecasts = { of: name, at: Date.now(), resources: {} };
  try {
    const { resources } =
      await getJson(`containers/${encodeURIComponent(name)}/forecast`);

    if (forecasts.of === name)
      forecasts.resources = resources;
  } catch {
    forecasts.at = 0; // nothing is recorded yet, or busy: later
  }
}

async function refreshDetail(generation) {
  const name = encodeURIComponent(state.open);
  const [answer, refusals] = await Promise.all([
    getJson(`containers/${name}`),
    getJson(`events?limit=20&container=${name}`),
    refreshForecast(state.open)]);
  const { container } = answer;

  if (generation !== state.generation)
    return null;
  byId('summary').replaceChildren();
  byId('detail-title').textContent = container.name;
  byId('detail-about').textContent =
    `serial ${container.serial}, made ${format.dateTime(container.created)}` +
    (container.worst ? `; fullest: ${container.worst} ` +
      format.percent(container.used) : '');
  showResources(container);
  fillEvents(byId('own-events'), refusals.events, refusals.time_ms, false);
  redrawGraphs(false);
  return staleness(answer);
}

function closeDetail() {
  for (const node of resources.values()) {
    watcher.unobserve(node);
    node.remove();
  }
  resources.clear();
}

// --- what is shown, and when ---------------------------------------------------------

function show(section) { // null: none of them
  for (const id of ['list', 'detail', 'login'])
    byId(id).hidden = id !== section;
  byId('filter-label').hidden = section !== 'list';
  byId('sort-label').hidden = section !== 'list';
}

let timer;

async function refresh() {
  const generation = ++state.generation;

  clearTimeout(timer);
  try {
    if (!state.registry.size)
      await loadRegistry();
    show(state.open ? 'detail' : 'list');
    const stale =
      await (state.open ? refreshDetail : refreshList)(generation);
    showTrouble(stale);
    document.body.dataset.fresh = Date.now();
  } catch (error) {
    if (generation !== state.generation)
      return;
    if (error instanceof Refused) {
      show('login');
      byId('summary').replaceChildren();
      byId('login-why').textContent = state.token ? error.message : '';
      byId('token').focus();
      return;
    }
    if (error.unloaded)
      show(null);
    showTrouble(error.status === 404 && state.open ?
      `There is no container “${state.open}”.` :
      error.status ? error.message : 'The server does not answer.');
  }
  if (generation === state.generation && !state.paused && !document.hidden)
    timer = setTimeout(refresh, REFRESH_MS);
}

async function loadRegistry() {
  const [status, answer] = await Promise.all([getJson('status'),
    getJson('resources')]);
  const sort = byId('sort');
  const chosen = sort.value || 'trouble';

  byId('version').textContent = `rstat ${status.rstat}`;
  if (!status.loaded)
    throw Object.assign(new Error(status.why ?? 'rescore is not loaded'),
      { status: 503, unloaded: true });
  state.registry = new Map(answer.resources.map((r) => [r.name, r]));
  sort.replaceChildren();
  for (const [value, text] of [['trouble', 'trouble'], ['rate', 'refused/s'],
    ['failcnt', 'refused'], ['name', 'name'],
    ...answer.resources.filter((r) => r.state === 'on')
      .map((r) => [r.name, r.name])])
    sort.append(new Option(text, value, false, value === chosen));
}

function route() {
  const hash = location.hash.replace(/^#\/?/, '');
  let open = null;

  if (hash.startsWith('token=')) {
    state.token = decodeURIComponent(hash.slice(6));
    sessionStorage.setItem('token', state.token);
    history.replaceState(null, '', '#/'); // it is a secret
  } else if (hash && hash !== 'main') {
    try {
      open = decodeURIComponent(hash);
    } catch {
      open = null;
    }
  }
  if (open !== state.open)
    closeDetail();
  state.open = open;
  document.title = open ? `${open} – rstat` : 'rstat';
  if (open)
    scrollTo(0, 0);
  refresh();
}

function setPaused(paused) {
  state.paused = paused;
  byId('pause').setAttribute('aria-pressed', paused);
  byId('pause').textContent = paused ? 'Go on' : 'Pause';
  if (paused)
    clearTimeout(timer);
  else
    refresh();
}

function setRange(range, custom) {
  state.range = range;
  state.custom = custom ?? null;
  [...byId('range-buttons').children].forEach((button, i) =>
    button.setAttribute('aria-pressed', i === range));
  redrawGraphs(true);
}

function applyCustom() {
  const [from, to] = ['from', 'to'].map((id) =>
    Math.floor(new Date(byId(id).value).getTime() / 1000));

  if (!(from < to)) {
    showTrouble('Say from when to when.');
    return;
  }
  showTrouble(null);
  setRange(null, { from, to });
}

// --- keys -----------------------------------------------------------------------------

function moveFocus(step) {
  const links = [...byId('cards').querySelectorAll('a')];
  const at = links.indexOf(document.activeElement);

  links[Math.max(0, Math.min(links.length - 1, at + step))]?.focus();
}

function escape() {
  if (document.activeElement === byId('filter')) {
    byId('filter').value = '';
    byId('filter').blur();
    refresh();
  } else if (state.open) {
    location.hash = '#/';
  }
}

const keys = {
  '/': () => state.open || byId('filter').focus(),
  'ArrowDown': () => state.open || moveFocus(1),
  'j': () => state.open || moveFocus(1),
  'ArrowUp': () => state.open || moveFocus(-1),
  'k': () => state.open || moveFocus(-1),
  'Escape': escape,
  'p': () => setPaused(!state.paused),
  '?': () => byId('help').showModal(),
};

function pressed(event) {
  const typing = /^(INPUT|SELECT)$/.test(event.target.tagName);

  if (event.ctrlKey || event.altKey || event.metaKey || byId('help').open ||
      (typing && event.key !== 'Escape'))
    return;
  if (state.open && /^[1-6]$/.test(event.key)) {
    setRange(Number(event.key) - 1);
    return;
  }
  if (!Object.hasOwn(keys, event.key))
    return;
  if (!(state.open && event.key.startsWith('Arrow')))
    event.preventDefault();
  keys[event.key]();
}

function start() {
  let typing;

  ranges.forEach(([text], i) => {
    const button = element('button', '', text);

    button.type = 'button';
    button.addEventListener('click', () => setRange(i));
    byId('range-buttons').append(button);
  });
  setRange(state.range);
  byId('apply').addEventListener('click', applyCustom);
  byId('sort').addEventListener('change', refresh);
  byId('filter').addEventListener('input', () => {
    clearTimeout(typing);
    typing = setTimeout(refresh, 150);
  });
  byId('more').addEventListener('click', () => {
    state.shown = Math.min(1000, state.shown + 2 * PAGE);
    refresh();
  });
  byId('pause').addEventListener('click', () => setPaused(!state.paused));
  byId('keys').addEventListener('click', () => byId('help').showModal());
  byId('login-form').addEventListener('submit', (event) => {
    event.preventDefault();
    state.token = byId('token').value.trim();
    sessionStorage.setItem('token', state.token);
    byId('token').value = '';
    refresh();
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change',
    () => redrawGraphs(true));
  document.addEventListener('keydown', pressed);
  document.addEventListener('visibilitychange', () =>
    document.hidden || state.paused || refresh());
  addEventListener('hashchange', route);
  route();
}

start();
