// What a chart is made of besides its line: axes, marks of what is no number, and colours.

import { span, tick } from 'studio/curves';

const probe = document.createElement('span');
const canvas = document.createElement('canvas').getContext('2d');

/** A colour role as a canvas can use it: `light-dark()` is resolved where the element stands. */
export function colour(element, role, alpha = 1) {
  probe.style.color = `var(${role}, var(--c1))`;
  element.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  if (alpha === 1) return found;
  canvas.fillStyle = found;
  const [r, g, b] = canvas.fillStyle.match(/[\da-f]{2}/g).map((part) => parseInt(part, 16));
  return `rgb(${r} ${g} ${b} / ${alpha})`;
}

const pad = (part) => String(part).padStart(2, '0');

/** Wall time in UTC: the day as well when the axis spans more than one. */
export function moment(seconds, range) {
  const at = new Date(seconds * 1000);
  const day = `${pad(at.getUTCMonth() + 1)}-${pad(at.getUTCDate())}`;
  const time = `${pad(at.getUTCHours())}:${pad(at.getUTCMinutes())}`;
  if (range > 86400) return `${day} ${time}`;
  return range > 600 ? time : `${time}:${pad(at.getUTCSeconds())}`;
}

/** A value of the x axis in words. */
export function place(value, x, range, step = 1) {
  if (x === 'time') return moment(value, range);
  return x === 'relative' ? span(value) : tick(value, step);
}

export function axes(element, { x, log }) {
  const ink = colour(element, '--ink-3'), line = colour(element, '--line');
  const font = `11px ${getComputedStyle(element).fontFamily}`;
  const common = { stroke: ink, font, ticks: { show: false } };
  const step = (splits) => (splits.length > 1 ? splits[1] - splits[0] : 0);
  const y = { ...common, size: 46, gap: 6, space: 22, grid: { stroke: line, width: 1 }, values: (_, splits) => splits.map((v) => tick(v, step(splits))) };
  const logY = { splits: (plot, _, low, high) => logTicks(low, high), filter: (_, splits) => splits, values: (_, splits) => splits.map((v) => tick(v, v)) };
  return [
    { ...common, size: 22, gap: 4, space: x === 'time' ? 80 : 48, grid: { show: false }, incrs: x === 'step' ? WHOLE : SECONDS,
      values: (_, splits) => splits.map((v) => place(v, x, splits.at(-1) - splits[0], step(splits))) },
    log ? { ...y, ...logY } : y,
  ];
}

// Steps are whole numbers, so their ticks are too; times go by minutes and hours.
const WHOLE = [1, 2, 5].flatMap((unit) => Array.from({ length: 16 }, (_, power) => unit * 10 ** power)).sort((a, b) => a - b);
const DAY = 86400;
const SECONDS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200,
  ...[1, 2, 7, 14, 30, 60, 90, 180, 365, 730].map((days) => days * DAY)];

/** Powers of ten; with 2 and 5 between them when there would be few. */
function logTicks(low, high) {
  const decades = Math.log10(high / low);
  const units = decades > 3 ? [1] : [1, 2, 5];
  const every = Math.max(1, Math.ceil(decades / 5));
  const found = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power += 1) {
    if (power % every) continue;
    for (const unit of units) found.push(unit * 10 ** power);
  }
  const seen = found.filter((v) => v >= low && v <= high);
  return seen.length > 1 ? seen : [0, 1, 2, 3].map((part) => low + ((high - low) * (part + 0.5)) / 4);
}

/** The x axis: the range that was zoomed into, else all; a single point stands in the middle. */
export function extent(xs, { from, to }) {
  const [low, high] = [from === '' ? (xs[0] ?? 0) : Number(from), to === '' ? (xs.at(-1) ?? 1) : Number(to)];
  return low < high ? [low, high] : [low - 1, low + 1];
}

/** NaN and the infinities: a small triangle on the axis, where the line has its gap. */
export function marks(element, plot, found) {
  const { ctx, bbox } = plot, unit = devicePixelRatio;
  ctx.save();
  ctx.fillStyle = colour(element, '--bad');
  for (const [x, what] of found) {
    const at = plot.valToPos(x, 'x', true);
    if (at < bbox.left || at > bbox.left + bbox.width) continue;
    const up = what === 'Infinity';
    const base = up ? bbox.top : bbox.top + bbox.height, tip = base + (up ? 7 : -7) * unit;
    ctx.beginPath();
    ctx.moveTo(at - 4 * unit, base);
    ctx.lineTo(at + 4 * unit, base);
    ctx.lineTo(at, tip);
    ctx.fill();
  }
  ctx.restore();
}
