// The blocks of rows, the search through them, and the list of what was found.

const HELD = 96_000_000; // characters of unpacked blocks that are kept

/** The JSON of a data element: base64 of zlib. */
async function unpack(id) {
  const packed = Uint8Array.from(atob(document.getElementById(id).textContent), (c) => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const text = await new Response(stream).text();
  return { value: JSON.parse(text), length: text.length };
}

/** Rows by their place, unpacked a block at a time; the blocks used last are kept. */
class Store {
  constructor(starts, count) {
    this.starts = starts;
    this.count = count;
    this.blocks = new Map();
    this.held = 0;
  }

  async row(place) {
    let block = this.starts.findLastIndex((start) => start <= place);
    return (await this.block(block))[place - this.starts[block]];
  }

  async block(number) {
    let found = this.blocks.get(number);
    this.blocks.delete(number);
    if (!found) {
      found = unpack(`block-${number}`);
      found.then(({ length }) => { this.held += length; });
    }
    this.blocks.set(number, found); // now the last
    const { value } = await found;
    for (const [oldest, block] of this.blocks) {
      if (this.held <= HELD || oldest === number) break;
      this.blocks.delete(oldest);
      this.held -= (await block).length;
    }
    return value;
  }
}

/** What is searched for: words and "quoted phrases", all of which must occur, in any case. */
function wordsOf(query) {
  return [...query.matchAll(/"([^"]+)"|(\S+)/g)].map((found) =>
    new RegExp((found[1] ?? found[2]).replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "i"));
}

/**
 * The places of the rows that hold all words, told to `found` as they come to light: first those
 * whose entries in the index do, then, block by block, those whose texts do.
 */
async function search(store, candidates, heads, words, texts, found, wanted) {
  const hits = new Set(candidates.filter((place) => words.every((word) => word.test(heads[place]))));
  const rest = candidates.filter((place) => !hits.has(place));
  const told = (done) => found(candidates.filter((place) => hits.has(place)), done);
  if (!words.length || !rest.length) return told(true);
  told(false);
  let last = performance.now();
  for (const place of rest) {
    const row = await store.row(place);
    if (!wanted()) return;
    const parts = [heads[place], ...texts(place, row)];
    if (words.every((word) => parts.some((part) => word.test(part)))) hits.add(place);
    if (performance.now() - last > 120) {
      told(false);
      await new Promise((resume) => setTimeout(resume));
      if (!wanted()) return;
      last = performance.now();
    }
  }
  told(true);
}

/** A listbox that holds only the options in sight: 5,000 rows cost no more than 20. */
class List {
  constructor(box, track, option, chosen) {
    Object.assign(this, { box, track, option, chosen, places: [], current: -1, height: 0 });
    box.addEventListener("scroll", () => this.draw());
    new ResizeObserver(() => this.draw()).observe(box);
    box.addEventListener("click", (event) => {
      const hit = event.target.closest("[role=option]");
      if (hit) chosen(Number(hit.dataset.place));
    });
    box.addEventListener("keydown", (event) => {
      const page = Math.max(1, Math.floor(box.clientHeight / this.height) - 1);
      const far = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
      if (!(event.key in far) || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      this.step(far[event.key]);
    });
  }

  /** Go so many rows on; none when there is no such row. */
  step(far) {
    if (!this.places.length) return;
    const from = this.headed ?? this.current; // keys are quicker than the address changes
    const at = this.places.indexOf(from);
    const to = Math.min(Math.max(at < 0 ? 0 : at + far, 0), this.places.length - 1);
    if (this.places[to] === from) return;
    this.headed = this.places[to];
    this.chosen(this.headed);
  }

  fill(places) {
    this.places = places;
    this.draw();
  }

  select(place) {
    this.headed = null;
    this.current = place;
    this.reveal();
    this.draw();
  }

  reveal() {
    const at = this.places.indexOf(this.current);
    if (at < 0 || !this.height) return;
    const top = at * this.height;
    const bottom = top + this.height - this.box.clientHeight;
    if (this.box.scrollTop > top) this.box.scrollTop = top;
    else if (this.box.scrollTop < bottom) this.box.scrollTop = bottom;
  }

  draw() {
    this.height = parseFloat(getComputedStyle(this.box).getPropertyValue("--row")) || 54;
    this.track.style.height = `${this.places.length * this.height}px`;
    const first = Math.max(0, Math.floor(this.box.scrollTop / this.height) - 4);
    const last = Math.ceil((this.box.scrollTop + this.box.clientHeight) / this.height) + 4;
    const seen = this.places.slice(first, last);
    const at = this.places.indexOf(this.current);
    if (at >= 0 && (at < first || at >= last)) seen.push(this.current); // the active one is there
    this.track.replaceChildren(...seen.map((place) => {
      const option = this.option(place);
      const number = this.places.indexOf(place);
      option.id = `option-${place}`;
      option.dataset.place = place;
      option.style.top = `${number * this.height}px`;
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", String(place === this.current));
      option.setAttribute("aria-setsize", this.places.length);
      option.setAttribute("aria-posinset", number + 1);
      return option;
    }));
    if (at >= 0) this.box.setAttribute("aria-activedescendant", `option-${this.current}`);
    else this.box.removeAttribute("aria-activedescendant");
  }
}
