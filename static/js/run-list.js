// <run-list>: rows are selected by click, Shift-click and keys, walked with j and k, and unfolded to show child runs.
// What is selected, and whether the bar of actions shows, is the checkboxes' own state: the style sheet reads it.
import { isForPage } from 'studio/keys';

class RunList extends HTMLElement {
  connectedCallback() {
    this.addEventListener('click', this.#click);
    this.addEventListener('change', this.#sync);
    document.addEventListener('keydown', this.#key);
    document.addEventListener('htmx:after:swap', this.#sync);
    this.#sync();
  }

  disconnectedCallback() {
    document.removeEventListener('keydown', this.#key);
    document.removeEventListener('htmx:after:swap', this.#sync);
  }

  get rows() { return [...this.querySelectorAll('tbody tr[data-run]')].filter(row => !row.hidden); }
  get boxes() { return [...this.querySelectorAll('tbody .c-sel input')]; }
  get cursor() { return this.rows.findIndex(row => row.hasAttribute('data-cursor')); }

  #sync = () => {
    const on = this.boxes.filter(box => box.checked);
    const all = this.querySelector('thead .c-sel input');
    if (all) {
      all.checked = on.length > 0 && on.length === this.boxes.length;
      all.indeterminate = on.length > 0 && !all.checked;
    }
    for (const node of this.querySelectorAll('[data-count]')) node.textContent = on.length;
    const live = on.filter(box => box.closest('tr').querySelector('.c-st[data-live]')).length;
    for (const node of this.querySelectorAll('[data-live-count]')) {
      node.textContent = live;
      node.closest('button').disabled = !live;
    }
  };

  #click = event => {
    const box = event.target.closest('.c-sel input');
    if (box) this.#tick(box, event.shiftKey);
    if (event.target.closest('[data-clear]')) this.#clear();
    const fold = event.target.closest('.exp');
    if (fold && !event.metaKey && !event.ctrlKey) { event.preventDefault(); this.#fold(fold); }
  };

  #tick(box, isRange) {
    const boxes = this.boxes;
    const at = boxes.indexOf(box);
    if (at < 0) { // the head's: all of the page
      for (const other of boxes) other.checked = box.checked;
    } else if (isRange && boxes.includes(this.last)) {
      const from = boxes.indexOf(this.last);
      for (const other of boxes.slice(Math.min(from, at), Math.max(from, at) + 1)) other.checked = box.checked;
    }
    if (at >= 0) this.last = box;
    this.#sync();
  }

  #clear() {
    for (const box of this.boxes) box.checked = false;
    this.#sync();
  }

  #fold(fold, wanted = fold.getAttribute('aria-expanded') !== 'true') {
    const row = fold.closest('tr');
    fold.setAttribute('aria-expanded', String(wanted));
    const below = this.#below(row);
    if (wanted && !below.length) htmx.trigger(fold, 'unfold');
    for (const child of below) child.hidden = !wanted || this.#isFolded(child);
  }

  /** The rows of a run's descendants, as far as they are loaded. */
  #below(row) {
    const found = [];
    for (let next = row.nextElementSibling; next?.dataset.depth > (row.dataset.depth ?? 0); next = next.nextElementSibling) found.push(next);
    return found;
  }

  #isFolded(child) {
    const parent = document.getElementById(child.dataset.parent);
    return Boolean(parent?.hidden) || parent?.querySelector('.exp')?.getAttribute('aria-expanded') === 'false';
  }

  #move(step) {
    const rows = this.rows;
    const at = Math.max(0, Math.min(rows.length - 1, this.cursor + step));
    rows.forEach((row, index) => row.toggleAttribute('data-cursor', index === at));
    rows[at]?.querySelector('a.name')?.focus();
  }

  #key = event => {
    if (!isForPage(event)) return;
    const row = this.rows[this.cursor];
    const fold = row?.querySelector('.exp');
    const actions = {
      j: () => this.#move(1),
      k: () => this.#move(-1),
      x: row && (() => row.querySelector('.c-sel input').click()),
      X: row && (() => { const box = row.querySelector('.c-sel input'); box.checked = !box.checked; this.#tick(box, true); }),
      Enter: row && event.target === document.body && (() => row.querySelector('a.name').click()),
      '[': fold && (() => this.#fold(fold, false)),
      ']': fold && (() => this.#fold(fold, true)),
      Escape: this.boxes.some(box => box.checked) && (() => this.#clear()),
    };
    if (!actions[event.key]) return;
    event.preventDefault();
    actions[event.key]();
  };
}
customElements.define('run-list', RunList);
