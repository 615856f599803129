// The blocks of a log on the page: lists of consecutive lines, and between them rows for what is not there.
// A block knows its first and last line and the byte offset behind it; layout of blocks out of sight costs nothing (see .lines).

const MOST_LINES = 500;

export function blocks(box) {
  return [...box.querySelectorAll('ol.lines')];
}

export function edges(box) {
  const all = blocks(box);
  return { first: all[0], last: all.at(-1) };
}

/** The list that a line belongs into: the one that ends before it when it has room, else a new one in its place. */
export function blockFor(box, line) {
  const all = blocks(box);
  const before = all.findLast((block) => Number(block.dataset.to) < line);
  const isFull = before && Number(before.dataset.to) - Number(before.dataset.from) + 1 >= MOST_LINES;
  if (before && !isFull && Number(before.dataset.to) === line - 1) return before;
  const block = document.createElement('ol');
  block.className = 'lines';
  const after = all.find((other) => Number(other.dataset.from) > line);
  if (after) after.before(block); else box.append(block);
  return block;
}

/** Remove a line from the end: an unfinished one comes again when it has grown. */
export function clear(box, line) {
  box.querySelector(`ol.lines:last-of-type > #L${line}[data-part]`)?.remove();
}

/** Keep the page small: the blocks farthest from the new one go, and become part of a gap. */
export function drop(box, most, kept) {
  const all = blocks(box);
  while (all.length > most) {
    const isNearTop = all.indexOf(kept) < all.length / 2;
    const gone = isNearTop ? all.pop() : all.shift();
    gone.remove();
  }
}

/** Draw the gaps anew: before the first block, between blocks, behind the last one. */
export function mend(box, total, sight, words) {
  const wanted = [];
  let next = 1;
  for (const block of blocks(box)) {
    if (Number(block.dataset.from) > next) wanted.push([next, Number(block.dataset.from) - 1, block]);
    next = Number(block.dataset.to) + 1;
  }
  if (next <= total) wanted.push([next, total, null]);
  for (const old of box.querySelectorAll('.hunk')) {
    const at = wanted.findIndex(([from, to, before]) =>
      Number(old.dataset.from) === from && Number(old.dataset.to) === to && old.parentElement.nextElementSibling === before && !old.dataset.asked);
    if (at < 0) { sight.unobserve(old); old.parentElement.remove(); } else wanted.splice(at, 1);
  }
  for (const [from, to, before] of wanted) {
    const list = gap(from, to, words);
    if (before) before.before(list); else box.append(list);
    sight.observe(list.firstChild);
  }
}

function gap(from, to, { hidden, hiddenOne }) {
  const list = document.createElement('ol'), row = document.createElement('li');
  row.className = 'hunk';
  Object.assign(row.dataset, { from, to });
  const mark = document.createElement('span'), button = document.createElement('button');
  mark.className = 'ln-n';
  mark.textContent = '⋯';
  button.type = 'button';
  button.className = 'btn btn--sm btn--quiet';
  const count = to - from + 1;
  button.textContent = count === 1 ? hiddenOne : hidden.replace('%s', count.toLocaleString('en'));
  row.append(mark, button);
  list.append(row);
  return list;
}
