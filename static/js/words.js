// The words and the clock that the server wrote into the page.
const found = document.getElementById('words');

export const words = found ? JSON.parse(found.textContent) : {};

const ahead = words.now ? words.now - Date.now() : 0;

/** Now, in milliseconds, by the server's clock: this machine's may be wrong. */
export const now = () => Date.now() + ahead;
