// Reading a chart off: the tip beside the crosshair, and the arrow keys that move it.

import { figure } from 'studio/curves';
import { moment, place } from 'studio/chart-parts';

export class Reading {
  /** @param chart the <run-chart>; @param plot its uPlot; @param asked the settings it was drawn with. */
  constructor(chart, plot, asked) {
    Object.assign(this, { chart, plot, asked });
    this.tip = document.createElement('div');
    this.tip.className = 'tip';
    this.tip.hidden = true;
    plot.over.append(this.tip);
    plot.over.addEventListener('dblclick', () => chart.dispatchEvent(new CustomEvent('chart:whole', { bubbles: true })));
    chart.box.onkeydown = (event) => this.key(event);
    chart.box.onblur = () => this.hide();
  }

  show(plot) {
    const { idx, left } = plot.cursor;
    // Charts that only follow another's crosshair show its line, and the tip stays where the pointer is.
    const isHere = plot.over.matches(':hover') || this.chart.box.matches(':focus-visible');
    this.tip.hidden = !isHere || idx === null || idx === undefined || left < 0;
    if (this.tip.hidden) return;
    const [xs, line, raw, low, high] = plot.data;
    const rows = [];
    if (this.asked.smooth) rows.push([this.chart.dataset.smoothed, line[idx]]);
    rows.push([this.chart.dataset.name, raw[idx]]);
    if (low[idx] !== high[idx]) rows.push([this.chart.dataset.span, `${figure(low[idx])} – ${figure(high[idx])}`]);
    this.fill(this.at(xs[idx], plot), rows);
    const width = plot.over.clientWidth, own = this.tip.offsetWidth;
    const beside = left + 12 + own > width ? left - 12 - own : left + 12;
    this.tip.style.left = `${Math.max(0, Math.min(beside, width - own))}px`;
  }

  at(x, plot) {
    if (this.asked.x === 'time') return `${moment(x, 0)} UTC`;
    const words = place(x, this.asked.x, plot.scales.x.max - plot.scales.x.min);
    return this.asked.x === 'step' ? `${this.chart.dataset.step} ${x.toLocaleString('en')}` : words;
  }

  fill(caption, rows) {
    const table = document.createElement('table');
    table.createCaption().textContent = caption;
    for (const [name, value] of rows) {
      const row = table.insertRow();
      const head = document.createElement('th');
      head.scope = 'row';
      head.textContent = name;
      row.append(head);
      row.insertCell().textContent = typeof value === 'string' ? value : figure(value);
    }
    this.tip.replaceChildren(table);
  }

  key(event) {
    const move = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -Infinity, End: Infinity }[event.key];
    if (event.key === 'Escape') this.hide();
    if (move === undefined) return;
    event.preventDefault();
    const xs = this.plot.data[0];
    const from = this.plot.cursor.idx ?? (move > 0 ? -1 : xs.length);
    const to = Math.max(0, Math.min(xs.length - 1, from + move));
    this.plot.setCursor({ left: this.plot.valToPos(xs[to], 'x'), top: 10 });
    this.chart.closest('figure').querySelector('[data-said]').textContent = this.tip.textContent;
  }

  hide() {
    this.tip.hidden = true;
    this.plot.setCursor({ left: -10, top: -10 });
  }
}
