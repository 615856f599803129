// Search over the whole log, not only what is on the page: the server finds the lines, this walks through them.

const MOST = 100_000; // matches that are counted

export class LogSearch {
  constructor(view) {
    this.view = view;
    this.form = view.querySelector('[data-log-search]');
    this.hits = view.querySelector('.hits');
    this.found = [];
    this.at = -1;
    this.asked = '';
    const { signal } = view.left;
    this.form?.addEventListener('submit', (event) => { event.preventDefault(); this.next(1); }, { signal });
    this.form?.elements.q.addEventListener('input', ({ target }) => { if (!target.value) this.reset(''); }, { signal });
    this.form?.elements.q.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && event.shiftKey) { event.preventDefault(); this.next(-1); }
    }, { signal });
    for (const button of view.querySelectorAll('[data-step]')) {
      button.addEventListener('click', () => this.next(Number(button.dataset.step)), { signal });
    }
    if (this.form?.elements.q.value) this.next(1);
  }

  reset(words) {
    this.asked = words;
    this.found = [];
    this.at = -1;
    this.hasMore = false;
    this.hits.textContent = '';
    this.view.querySelectorAll('.src mark').forEach((mark) => mark.replaceWith(...mark.childNodes));
  }

  async next(step) {
    const words = this.form.elements.q.value;
    if (!words) return;
    if (words !== this.asked) {
      this.reset(words);
      this.address(words);
      if (!(await this.fetch(0))) return;
    }
    if (!this.found.length) { this.hits.textContent = this.view.dataset.nothing; return; }
    if (this.at + step >= this.found.length && this.hasMore && !(await this.fetch(this.found.at(-1)))) return;
    this.at = (this.at + step + this.found.length) % this.found.length;
    this.tell();
    const row = await this.view.show(this.found[this.at]);
    for (const block of this.view.querySelectorAll('ol.lines')) this.mark(block);
    row?.querySelector('mark')?.scrollIntoView({ block: 'center', inline: 'nearest' });
  }

  /** The next lines that hold the words; @returns false when the reader has asked for something else since. */
  async fetch(after) {
    const words = this.asked;
    this.hits.textContent = this.view.dataset.searching;
    const reply = await fetch(`${this.view.dataset.source}&${new URLSearchParams({ q: words, after })}`, { signal: this.view.left.signal });
    if (words !== this.asked) return false;
    const { found, has_more: hasMore } = reply.ok ? await reply.json() : { found: [], has_more: false };
    this.found.push(...found);
    this.hasMore = hasMore && this.found.length < MOST;
    return true;
  }

  tell() {
    const all = `${this.found.length.toLocaleString('en')}${this.hasMore ? '+' : ''}`;
    this.hits.textContent = this.view.dataset.ofAll.replace('%1', (this.at + 1).toLocaleString('en')).replace('%2', all);
  }

  address(words) {
    const address = new URL(location.href);
    address.searchParams.set('q', words);
    history.replaceState(history.state, '', address);
  }

  /** Mark the words in the lines of a block that hold them. */
  mark(block) {
    if (!this.asked || block.dataset.marked === this.asked) return;
    block.dataset.marked = this.asked;
    const words = this.asked.toLowerCase();
    const first = Number(block.dataset.from), last = Number(block.dataset.to);
    for (const line of this.found) if (line >= first && line <= last) markLine(document.getElementById(`L${line}`), words);
  }
}

function markLine(row, words) {
  if (!row || row.querySelector('mark')) return;
  const texts = document.createTreeWalker(row.lastElementChild, NodeFilter.SHOW_TEXT);
  const nodes = [];
  while (texts.nextNode()) nodes.push(texts.currentNode);
  for (const node of nodes) {
    let at = node.data.toLowerCase().lastIndexOf(words);
    while (at >= 0) {
      const hit = node.splitText(at);
      hit.splitText(words.length);
      const mark = document.createElement('mark');
      hit.replaceWith(mark);
      mark.append(hit);
      at = at ? node.data.toLowerCase().lastIndexOf(words, at - 1) : -1;
    }
  }
}
