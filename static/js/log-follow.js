// Following the end of a log while the reader is there: new lines are asked for, and stay in sight.

import { clear, edges } from 'studio/log-blocks';

const POLL_MS = 1500;
const HAND_MS = 600; // for so long after a touch, scrolling is the reader's

export class LogFollow {
  /** @param view the <log-view>; @param on adds a listener that ends with it. */
  constructor(view, on) {
    this.view = view;
    this.box = view.box;
    this.switch = view.querySelector('[name=follow]');
    on(this.box, 'scroll', () => this.scrolled(), { passive: true });
    for (const name of ['wheel', 'touchmove', 'pointerdown', 'keydown']) {
      on(this.box, name, () => { this.touched = performance.now(); }, { passive: true });
    }
    on(this.switch, 'change', () => { if (this.isOn) this.toEnd(); });
    this.timer = setInterval(() => this.tick(), POLL_MS);
  }

  stop() { clearInterval(this.timer); }

  get isOn() { return this.switch.checked; }
  get lastLine() { return Number(edges(this.box).last?.dataset.to ?? 0); }
  get hasEnd() { return this.lastLine >= this.view.total; }

  off() { this.switch.checked = false; }

  tick() {
    const { view } = this;
    if (document.hidden || !('live' in view.dataset)) return;
    // Away from the end only the count goes on: the new lines wait in the gap below.
    if (!this.isOn || !this.hasEnd) { view.ask({ line: view.total + 1, count: 0 }, () => view.mend()); return; }
    const line = this.lastLine + 1;
    const offset = edges(this.box).last?.dataset.offset ?? 0;
    view.ask({ line, offset }, (answer) => {
      if (!answer.rows) return;
      clear(this.box, line); // the unfinished line that was there comes again, longer
      view.place(answer);
      this.down();
    });
  }

  /** To the very end; once more when the browser has measured what came into sight. */
  down() {
    const go = () => { if (this.isOn) this.box.scrollTop = this.box.scrollHeight; };
    go();
    requestAnimationFrame(() => requestAnimationFrame(go));
  }

  toEnd() {
    if (this.hasEnd) this.down();
    else this.view.ask({ tail: 1 }, (answer) => { this.view.fresh(answer); this.down(); });
  }

  /** Only a hand stops the following: the position also moves when lines are measured or fetched. */
  scrolled() {
    if (performance.now() - (this.touched ?? -Infinity) > HAND_MS) return;
    const { scrollHeight, scrollTop, clientHeight } = this.box;
    this.switch.checked = scrollHeight - scrollTop - clientHeight < 40 && this.hasEnd;
  }
}
