// <run-chart>: one metric's curve. The server has drawn a small picture of it already; this replaces it with one that can be
// read off, zoomed and followed. Settings live in the address, shared by every chart of the page.

import uPlot from 'uplot';
import { fit, rough, smooth } from 'studio/curves';
import { everyTick, load } from 'studio/series-feed';
import { axes, colour, extent, marks } from 'studio/chart-parts';
import { Reading } from 'studio/chart-reading';
import { CHANGED, change, settings } from 'studio/chart-settings';

class RunChart extends HTMLElement {
  connectedCallback() {
    this.box = this.querySelector('.plot');
    this.note = this.closest('figure').querySelector('[data-note]');
    this.left = new AbortController();
    const { signal } = this.left;
    document.addEventListener(CHANGED, () => { this.isStale = true; this.ask(); }, { signal });
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.draw(), { signal });
    this.themes = new MutationObserver(() => this.draw());
    this.themes.observe(document.documentElement, { attributeFilter: ['data-theme'] });
    this.sizes = new ResizeObserver(() => this.fitBox());
    this.sizes.observe(this);
    this.sight = new IntersectionObserver(([entry]) => this.seen(entry.isIntersecting), { rootMargin: '200px' });
    this.sight.observe(this);
  }

  disconnectedCallback() {
    this.left.abort();
    for (const observer of [this.themes, this.sizes, this.sight]) observer.disconnect();
    this.seen(false);
    this.plot?.destroy();
    this.plot = null;
  }

  /** Only what is in sight is asked for, and only that is kept up to date. */
  seen(isSeen) {
    this.isSeen = isSeen;
    this.stopTicks?.();
    if (!isSeen) return;
    if (!this.series) this.ask();
    if (this.hasAttribute('data-live')) this.stopTicks = everyTick(() => this.ask());
  }

  async ask() {
    if (!this.isSeen) { this.series = null; return; }
    const { x, from, to } = settings();
    const buckets = Math.max(100, Math.ceil(this.clientWidth / 100) * 100);
    const asked = { x, buckets, ...(from && { from }), ...(to && { to }) };
    const ticket = (this.ticket = Symbol('request'));
    try {
      const { series, isOpen } = await load(this.dataset.source, this.dataset.key, asked);
      if (ticket !== this.ticket || !this.isConnected) return;
      if (!isOpen) { this.removeAttribute('data-live'); this.stopTicks?.(); }
      this.series = series ?? { count: 0, x: [], last: [], min: [], max: [], not_finite: [] };
      this.trouble = '';
    } catch {
      if (ticket !== this.ticket) return;
      this.trouble = this.dataset.trouble;
    }
    this.draw({ isNew: this.isStale });
  }

  /** Columns for uPlot: x, the line, the raw line behind it when smoothed, and the band of each bucket. A null is a gap. */
  columns(asked) {
    const { x, last, min, max } = this.series;
    const pick = (ys) => (asked.log ? ys.map((y) => (y === null || y <= 0 ? null : y)) : ys);
    const raw = pick(last);
    this.unlogged = asked.log ? last.filter((y) => y !== null && y <= 0).length : 0;
    return [x, asked.smooth ? smooth(x, raw, asked.smooth) : raw, raw, pick(min), pick(max)];
  }

  draw({ isNew = true } = {}) {
    if (!this.series) { this.say(this.trouble); return; }
    const asked = settings();
    const data = this.columns(asked);
    const [low, high] = extent(data[0], asked);
    const seen = (column) => column.filter((_, i) => data[0][i] >= low && data[0][i] <= high);
    const shown = (asked.smooth ? [data[1]] : [data[1], data[3], data[4]]).flatMap(seen);
    this.range = fit(shown, asked);
    this.isEmpty = !shown.length;
    this.tell();
    if (this.plot && !isNew) { this.plot.setData(data); return; }
    this.isStale = false;
    this.plot?.destroy();
    if (!this.plot) this.box.replaceChildren();
    this.box.classList.add('plot--drawn');
    this.plot = new uPlot(this.options(asked), data, this.box);
    this.reading = new Reading(this, this.plot, asked);
  }

  options(asked) {
    const line = colour(this, '--c'), hidden = { stroke: 'transparent', width: 0, points: { show: false } };
    const few = this.series.x.length < 40;
    return {
      ...this.size(), ms: 1, legend: { show: false }, padding: [8, 8, 0, 0],
      cursor: { y: false, sync: { key: `run-${asked.x}` }, drag: { x: true, y: false, setScale: false, dist: 4 } },
      scales: {
        x: { time: false, range: () => extent(this.series.x, asked) },
        y: { distr: asked.log ? 3 : 1, range: () => [this.range.low, this.range.high] },
      },
      axes: axes(this, asked),
      series: [{},
        { stroke: line, width: 1.6, points: { show: few, size: 4, fill: line } },
        { show: asked.smooth > 0, stroke: line, width: 1, alpha: 0.28, points: { show: false } }, hidden, hidden],
      bands: [{ series: [4, 3], fill: colour(this, '--c', asked.smooth ? 0.1 : 0.25) }],
      hooks: {
        draw: [(plot) => marks(this, plot, this.series.not_finite)],
        setSelect: [(plot) => this.zoom(plot)],
        setCursor: [(plot) => this.reading?.show(plot)],
      },
    };
  }

  zoom(plot) {
    const { left, width } = plot.select;
    if (width < 4) return;
    const [from, to] = [left, left + width].map((at) => plot.posToVal(at, 'x'));
    const written = settings().x === 'step' ? [Math.floor(from), Math.ceil(to)] : [from.toFixed(6), to.toFixed(6)];
    change({ from: String(written[0]), to: String(written[1]) });
  }

  size() {
    return { width: Math.max(160, this.box.clientWidth), height: Math.max(120, this.box.clientHeight) };
  }

  fitBox() {
    if (this.plot && Math.abs(this.plot.width - this.box.clientWidth) > 1) this.plot.setSize(this.size());
  }

  tell() {
    const { count, min, max, not_finite: marked } = this.series, words = this.dataset;
    const said = [this.trouble];
    if (this.isEmpty) said.push(words.empty);
    else if (min.some((value, i) => value !== max[i])) said.push(words.sampled.replace('%s', rough(count)));
    for (const what of new Set(marked.map(([, name]) => name))) {
      said.push(`${marked.filter(([, name]) => name === what).length} × ${what.replace('Infinity', '∞').replace('-', '−')}`);
    }
    if (this.unlogged) said.push(words.unlogged.replace('%s', this.unlogged));
    if (this.range.cut) said.push(words.cut.replace('%s', rough(this.range.cut)));
    this.say(said.filter(Boolean).join(' · '));
  }

  say(text) {
    if (this.note.textContent !== text) this.note.textContent = text ?? '';
  }
}

customElements.define('run-chart', RunChart);
