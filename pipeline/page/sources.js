// Which Python line each line of a text of Warp's was made from.
//
// Warp prints a source line with its number above what it became, and in the reverse section, as
// "adj:", below it. Blocks (braces, and loops made of labels) belong to the line that opened them.
// A number counts only where that line of the Python is the one that was printed.

const MARKER = /^\s*\/\/ (adj: )?(.*?)\s*<L (\d+)>\s*$/;
const OPENS = /\{\s*$|^\s*start_\w+:;/;
const CLOSES = /^\s*\}|^\s*end_\w+:;/;
const REPEATS = /^\s*goto start_\w+;/;
const REVERSES = /\badj_|\.grad_zero\(|wp::iter_reverse\(|^\s*start_\w+:;/;

/** For each line of `text` the number of the line of `python` it was made from, or 0. */
function sourceLines(text, python) {
  const lines = text.split("\n");
  const marks = lines.map((line) => {
    const found = MARKER.exec(line);
    return found && { reverse: Boolean(found[1]), source: found[2].trim(), number: +found[3] };
  });
  const made = new Array(lines.length).fill(0);
  const written = python.split("\n").map((line) => line.trim());
  let offsets = new Set();
  const sections = cut(lines);
  // Twice: a section that would fit in several places goes where the others are.
  for (let round = 0; round < 2; round++) {
    for (const section of sections) {
      if (section.offset === undefined) {
        section.offset = offsetOf(marks.slice(section.start, section.end), written, offsets);
        if (section.offset !== undefined) offsets.add(section.offset);
      }
    }
  }
  for (const { start, end, reverse, offset } of sections) {
    if (offset === undefined) continue;
    const walk = (from, to, step, backward) =>
      follow(lines, marks, made, { from, to, step, backward, offset });
    if (!reverse) {
      walk(start, end, 1, false);
      continue;
    }
    walk(end - 1, start - 1, -1, true);
    for (const [first, last] of replays(lines, marks, start, end)) walk(first, last, 1, false);
  }
  return made;
}

/** The forward and reverse sections of every function: where they begin, and end. */
function cut(lines) {
  const found = [];
  let open = null;
  let margin = 0;
  const close = (at) => {
    if (open) found.push({ ...open, end: at });
    open = null;
  };
  lines.forEach((line, at) => {
    const title = /^(\s*)\/\/ (forward|reverse)\s*$/.exec(line);
    if (title) {
      close(at);
      margin = title[1].length;
      open = { start: at + 1, reverse: title[2] === "reverse" };
    } else if (/^\s*\/\/-{5,}\s*$/.test(line)) {
      close(at);
    } else if (open && /^\s*\}/.test(line) && line.search(/\S/) < margin) {
      close(at);
    }
  });
  close(lines.length);
  return found;
}

/** What to add to a section's numbers so that each names the printed line; undefined if nothing. */
function offsetOf(marks, written, known) {
  const printed = marks.filter(Boolean);
  if (!printed.length) return undefined;
  const fits = (offset) =>
    printed.every(({ source, number }) => written[number + offset - 1] === source);
  if (fits(0)) return 0;
  const found = [];
  written.forEach((line, at) => {
    const offset = at + 1 - printed[0].number;
    if (line === printed[0].source && fits(offset)) found.push(offset);
  });
  if (found.length > 1) return found.find((offset) => known.has(offset));
  return found[0];
}

/** In a loop's reverse its body runs forward once more: the parts of a section where it does. */
function replays(lines, marks, start, end) {
  const found = [];
  let first = -1;
  for (let at = start; at < end; at++) {
    if (first < 0) {
      if (marks[at] && !marks[at].reverse) first = at;
      continue;
    }
    if (!(marks[at] && marks[at].reverse) && !REVERSES.test(lines[at])) continue;
    let last = at;
    // A block that opens right above is the reverse's: what is replayed begins with its marker.
    while (last > first && !marks[last - 1] && OPENS.test(lines[last - 1])) last--;
    found.push([first, last]);
    first = -1;
  }
  if (first >= 0) found.push([first, end]);
  return found;
}

/** Walk lines with the marker in force; a block's end brings back the one it was opened under. */
function follow(lines, marks, made, { from, to, step, backward, offset }) {
  const [opens, closes] = backward ? [CLOSES, OPENS] : [OPENS, CLOSES];
  const around = [];
  let current = 0;
  for (let at = from; at !== to; at += step) {
    const mark = marks[at];
    if (mark) {
      if (mark.reverse === backward) current = mark.number + offset;
      else if (backward && around.length) current = around.at(-1); // above it, the loop's own lines
      made[at] = mark.number + offset;
      continue;
    }
    if (closes.test(lines[at]) && around.length) current = around.pop();
    if (lines[at].trim()) made[at] = REPEATS.test(lines[at]) ? around.at(-1) || current : current;
    if (opens.test(lines[at])) around.push(current);
  }
}
