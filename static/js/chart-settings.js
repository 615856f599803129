// The settings of a page's charts. They live in the address, so that a reload, a link and the Back button keep them.

export const CHANGED = 'chart:settings';

const AXES = ['step', 'time', 'relative'];

/** The x axis that the page draws along when its address names none. */
const usualX = () => document.querySelector('[data-usual-x]')?.dataset.usualX || AXES[0];

/** The settings in the address. */
export function settings() {
  const asked = new URLSearchParams(location.search);
  const amount = Number(asked.get('smooth'));
  return {
    x: AXES.includes(asked.get('x')) ? asked.get('x') : usualX(),
    smooth: amount > 0 && amount < 1 ? amount : 0,
    log: asked.get('log') === '1',
    outliers: asked.get('outliers') === '1',
    from: asked.get('from') || '',
    to: asked.get('to') || '',
  };
}

/** Change settings: the address says so, and every chart hears of it. */
export function change(changes) {
  const address = new URL(location.href);
  for (const [name, value] of Object.entries(changes)) {
    if (value) address.searchParams.set(name, value);
    else address.searchParams.delete(name);
  }
  history.replaceState(history.state, '', address);
  document.dispatchEvent(new CustomEvent(CHANGED));
}

// <chart-settings>: the form around them. Without a script it is sent with its button; with one, every change tells at once.
class ChartSettings extends HTMLElement {
  connectedCallback() {
    this.form = this.querySelector('form');
    this.whole = this.querySelector('[data-whole]');
    this.left = new AbortController();
    const { signal } = this.left;
    this.form.addEventListener('input', (event) => this.heard(event.target), { signal });
    this.whole.addEventListener('click', (event) => { event.preventDefault(); change({ from: '', to: '' }); }, { signal });
    document.addEventListener('chart:whole', () => change({ from: '', to: '' }), { signal });
    document.addEventListener(CHANGED, () => this.tell(), { signal });
    this.querySelector('[data-send]').hidden = true;
    this.tell();
  }

  disconnectedCallback() {
    this.left.abort();
  }

  heard({ name, type, value, checked }) {
    if (name === 'q') return;
    const isPlain = value === usualX() || Number(value) === 0;
    const wanted = type === 'checkbox' ? (checked ? '1' : '') : isPlain ? '' : value;
    // A zoom is a stretch of one x axis; on another it would mean something else.
    change(name === 'x' ? { x: wanted, from: '', to: '' } : { [name]: wanted });
  }

  tell() {
    const { smooth, from, to } = settings();
    const output = this.querySelector('output'); // only where there are charts
    if (output) output.textContent = smooth.toFixed(2);
    this.whole.hidden = !from && !to;
    for (const [name, value] of Object.entries({ from, to })) {
      const field = this.form.elements[name];
      if (field) { field.value = value; field.disabled = !value; }
    }
  }
}

customElements.define('chart-settings', ChartSettings);
