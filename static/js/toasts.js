// <studio-toast>: goes after six seconds, but not while the reader is at it.
const STAYS_MS = 6000;

class Toast extends HTMLElement {
  connectedCallback() {
    this.addEventListener('pointerenter', this.#stop);
    this.addEventListener('focusin', this.#stop);
    this.addEventListener('pointerleave', this.#start);
    this.addEventListener('focusout', this.#start);
    this.addEventListener('click', event => { if (event.target.closest('[data-dismiss]')) this.remove(); });
    this.#start();
  }

  disconnectedCallback() { this.#stop(); }

  #stop = () => clearTimeout(this.timer);

  #start = () => {
    this.#stop();
    this.timer = setTimeout(() => this.remove(), STAYS_MS);
  };
}
customElements.define('studio-toast', Toast);

// Its one action is taken once.
document.addEventListener('htmx:finally:request', ({ detail: { ctx } }) => ctx.sourceElement?.closest?.('studio-toast')?.remove());

/** Tell the reader something; the same thing twice at once is said once. */
export const tell = text => {
  const box = document.getElementById('toasts');
  if (!box || [...box.children].some(toast => toast.textContent === text)) return;
  const toast = document.createElement('studio-toast');
  toast.className = 'toast';
  toast.setAttribute('role', 'alert');
  const words = document.createElement('span');
  words.textContent = text;
  toast.append(words);
  box.append(toast);
};
