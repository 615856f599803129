// <log-view>: a log that may be larger than a browser can hold. Stretches of it are on the page as blocks; what lies between
// them is a row that says how many lines are hidden, and fetches them when it comes into sight.

import { blockFor, drop, mend } from 'studio/log-blocks';
import { LogFollow } from 'studio/log-follow';
import { LogSearch } from 'studio/log-search';

const LINES = 500; // of one request
const BLOCKS = 80; // on the page at once: forty thousand lines

class LogView extends HTMLElement {
  connectedCallback() {
    this.box = this.querySelector('.src');
    this.left = new AbortController();
    this.asking = Promise.resolve();
    const on = (target, name, listener, more) => target?.addEventListener(name, listener, { signal: this.left.signal, ...more });
    this.sight = new IntersectionObserver((entries) => this.nearGap(entries), { root: this.box, rootMargin: '600px' });
    on(this.box, 'click', (event) => this.clicked(event));
    on(this.querySelector('[name=wrap]'), 'change', ({ target }) => this.box.classList.toggle('src--wrap', target.checked));
    on(this.querySelector('[data-go]'), 'submit', (event) => this.go(event));
    on(window, 'hashchange', () => this.toAddress());
    this.follow = new LogFollow(this, on);
    this.search = new LogSearch(this);
    this.mend();
    if (!this.toAddress() && !new URLSearchParams(location.search).has('line')) this.follow.toEnd();
  }

  disconnectedCallback() {
    this.follow.stop();
    this.sight.disconnect();
    this.left.abort();
  }

  /** How many complete lines the log has. */
  get total() { return Number(this.dataset.lines); }

  /** One request at a time, in the order asked: two at once could fetch the same lines. */
  ask(asked, use) {
    this.asking = this.asking.then(async () => {
      const reply = await fetch(`${this.dataset.source}&${new URLSearchParams(asked)}`, { signal: this.left.signal });
      if (!reply.ok) throw new Error(`The server answered ${reply.status}.`);
      const answer = await reply.json();
      this.dataset.lines = answer.lines;
      if (!answer.is_open) delete this.dataset.live;
      return use(answer);
    }).then(() => this.say(''), (trouble) => trouble.name === 'AbortError' || this.say(this.dataset.trouble));
    return this.asking;
  }

  say(trouble) {
    this.querySelector('[data-state]').classList.toggle('live--off', Boolean(trouble) || !('live' in this.dataset));
    this.querySelector('[data-count]').textContent = this.total.toLocaleString('en');
    this.querySelector('[data-trouble-shown]').textContent = trouble;
  }

  mend() {
    mend(this.box, this.total, this.sight, this.dataset);
  }

  /** Put fetched lines on the page, in their place; gaps are drawn anew. */
  place({ line, next_line: next, next_offset: offset, rows }) {
    const block = blockFor(this.box, line);
    block.insertAdjacentHTML('beforeend', rows);
    Object.assign(block.dataset, { from: Math.min(line, block.dataset.from ?? line), to: next - 1, offset });
    drop(this.box, BLOCKS, block);
    this.mend();
    this.search.mark(block);
  }

  /** Begin again with one block, somewhere else in the log. */
  fresh(answer) {
    this.box.replaceChildren();
    this.place(answer);
  }

  nearGap(entries) {
    for (const { isIntersecting, target } of entries) if (isIntersecting && !this.isJumping) this.fill(target);
  }

  /** The lines of a gap next to where the reader comes from. */
  fill(gap) {
    if (gap.dataset.asked) return;
    gap.dataset.asked = 'yes';
    const [from, to] = [Number(gap.dataset.from), Number(gap.dataset.to)];
    const isAbove = gap.getBoundingClientRect().top < this.box.getBoundingClientRect().top + this.box.clientHeight / 2;
    const line = isAbove ? Math.max(from, to - LINES + 1) : from;
    this.ask({ line, count: Math.min(LINES, to - line + 1) }, (answer) => {
      const before = this.box.scrollHeight - this.box.scrollTop;
      this.place(answer);
      if (isAbove) this.box.scrollTop = this.box.scrollHeight - before;
    });
  }

  /** Bring a line into sight, from wherever it is; @returns when it is there. */
  async show(line) {
    this.follow.off();
    if (!document.getElementById(`L${line}`)) {
      this.isJumping = true;
      await this.ask({ line: Math.max(1, line - LINES / 2), count: LINES }, (answer) => this.fresh(answer));
      this.isJumping = false;
    }
    const row = document.getElementById(`L${line}`);
    for (const old of this.box.querySelectorAll('.at')) old.classList.remove('at');
    row?.classList.add('at');
    row?.scrollIntoView({ block: 'center' });
    return row;
  }

  toAddress() {
    const line = Number(/^#L(\d+)$/.exec(location.hash)?.[1]);
    if (line) this.show(Math.min(line, this.total + 1));
    return Boolean(line);
  }

  clicked({ target }) {
    const gap = target.closest('.hunk');
    if (gap) this.fill(gap);
    else if (target.matches('.ln-n')) location.hash = target.parentElement.id;
  }

  go(event) {
    event.preventDefault();
    const line = event.target.elements.line.valueAsNumber;
    if (line >= 1) location.hash = `L${Math.min(line, this.total)}`;
  }
}

customElements.define('log-view', LogView);
