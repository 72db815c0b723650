// SPDX-License-Identifier: GPL-2.0
// Numbers and times as people read them. Units come from the registry.

const steps = {
  bytes: [[1, ''], [1024, ' KiB'], [1024 ** 2, ' MiB'], [1024 ** 3, ' GiB'],
    [1024 ** 4, ' TiB'], [1024 ** 5, ' PiB']],
  ns: [[1e-9, ' ns'], [1e-6, ' µs'], [1e-3, ' ms'], [1, ' s'], [3600, ' h'],
    [86400, ' d']],
  percent: [[1, ' %']],
  count: [[1, ''], [1e6, ' M'], [1e9, ' G'], [1e12, ' T']],
};
const factors = { pages: 4096, ns: 1e-9 };

function digits(value) {
  if (Number.isInteger(value) || value >= 1000)
    return Math.round(value).toLocaleString('en').replaceAll(',', ' ');
  return value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)
    .replace(/\.?0+$/, '');
}

// An amount in the unit of a resource; null is unlimited.
export function amount(value, unit) {
  if (value === null || value === undefined)
    return '∞';
  const scale = steps[unit === 'pages' ? 'bytes' : unit] ?? steps.count;
  const base = value * (factors[unit] ?? 1);
  let best = scale[0];

  for (const step of scale)
    if (Math.abs(base) >= step[0])
      best = step;
  if (unit === 'bytes' || unit === 'pages')
    best = best[1] ? best : [1, ' B'];
  if (!base)
    return unit === 'percent' ? '0 %' : '0';
  return digits(base / best[0]) + best[1];
}

// "3.91 / 256 MiB": the unit is said once when it is the same.
export function pair(held, bound, unit) {
  const [left, right] = [amount(held, unit), amount(bound, unit)];
  const [, number, word] = left.match(/^(.*\d)( \D*)?$/) ?? [];

  return `${word && right.endsWith(word) ? number : left} / ${right}`;
}

// Down: 100 % is said only where it is full.
export function percent(used) {
  if (used === null || used === undefined)
    return '';
  return used > 9.99 ? '>999 %' : `${Math.floor(used * 100 + 1e-9)} %`;
}

export function rate(value) {
  return value < 10 ? value.toFixed(1) : digits(Math.round(value));
}

export function ago(then, now) {
  const seconds = Math.max(0, Math.round((now - then) / 1000));

  for (const [size, word] of [[86400, 'd'], [3600, 'h'], [60, 'min']])
    if (seconds >= size)
      return `${Math.floor(seconds / size)} ${word} ago`;
  return `${seconds} s ago`;
}

export function dateTime(seconds) {
  const date = new Date(seconds * 1000);
  const two = (n) => String(n).padStart(2, '0');

  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-` +
    `${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

export function duration(seconds) {
  if (seconds < 5400)
    return `${Math.max(1, Math.round(seconds / 60))} min`;
  if (seconds < 2 * 86400)
    return `${Math.round(seconds / 3600)} h`;
  if (seconds < 90 * 86400)
    return `${Math.round(seconds / 86400)} days`;
  return `${Math.round(seconds / 30.4 / 86400)} months`;
}
