// The two texts beside each other, and the lines that light up in both.

const HINT = "Point at a line of either text to see what goes with it; a click holds it.";

/** One of the two: tabs of columns, a text, and on its right edge where the lit lines are. */
class Pane {
  constructor(section, title) {
    this.section = section;
    this.title = title;
    this.tabs = node("div", { className: "tabs" });
    this.note = node("p", { className: "note" });
    this.tools = node("div", { className: "tools" }, copyButton(() => this.text, `${title} text`));
    this.scroll = node("div", { className: "scroll" });
    this.ruler = node("div", { className: "ruler", "aria-hidden": "true" });
    section.append(
      node("div", { className: "bar" }, this.tabs, this.tools),
      node("div", { className: "body" }, this.scroll, this.ruler),
      this.note,
    );
    this.lit = [];
  }

  /** Show one of `columns`; `choose` is told of another that is asked for. */
  show(columns, chosen, text, language, choose) {
    this.text = text;
    this.column = chosen;
    this.drawTabs(columns, chosen, choose);
    const { block, lines } = codeBlock(text, language, chosen);
    this.block = block;
    this.lines = lines;
    this.of = []; // of each line, the source line that it goes with
    this.links = new Map();
    this.lit = [];
    this.ruler.replaceChildren();
    this.scroll.replaceChildren(block);
    this.scroll.scrollTo(0, 0);
    this.scroll.tabIndex = 0;
    this.scroll.setAttribute("role", "region");
    this.scroll.setAttribute("aria-label", `${this.title}: ${chosen}`);
  }

  drawTabs(columns, chosen, choose) {
    if (columns.length < 2) {
      this.tabs.removeAttribute("role");
      this.tabs.replaceChildren(node("h3", {}, chosen));
      return;
    }
    this.tabs.setAttribute("role", "tablist");
    this.tabs.setAttribute("aria-label", `${this.title} texts`);
    const held = this.tabs.contains(document.activeElement);
    this.tabs.replaceChildren(...columns.map((column, at) => {
      const tab = node("button", {
        type: "button", role: "tab", tabIndex: column === chosen ? 0 : -1,
        "aria-selected": String(column === chosen),
      }, column);
      tab.addEventListener("click", () => choose(column));
      tab.addEventListener("keydown", (event) => {
        const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        if (step) choose(columns.at((at + step) % columns.length));
      });
      return tab;
    }));
    if (held) this.tabs.querySelector("[aria-selected=true]").focus();
  }

  /** Say of each line which source line it goes with; 0 where none. */
  link(of) {
    this.of = of;
    this.lines.forEach((line, at) => {
      const source = of[at];
      if (!source) return;
      line.classList.add("linked");
      line.dataset.source = source;
      line.tabIndex = this.links.size ? -1 : 0;
      line.setAttribute("role", "button");
      line.setAttribute("aria-pressed", "false");
      if (!this.links.has(source)) this.links.set(source, []);
      this.links.get(source).push(line);
    });
    if (this.links.size) this.scroll.tabIndex = -1; // its lines take the focus
  }

  /** Light the lines of a source line, none for 0. */
  light(source, pinned) {
    for (const line of this.lit) {
      line.classList.remove("lit", "pinned");
      line.setAttribute("aria-pressed", "false");
    }
    this.lit = this.links.get(source) ?? [];
    for (const line of this.lit) {
      line.classList.add("lit");
      line.classList.toggle("pinned", pinned);
      line.setAttribute("aria-pressed", String(pinned));
    }
    const whole = this.scroll.scrollHeight;
    this.ruler.replaceChildren(...(whole > this.scroll.clientHeight ? this.lit : []).map((line) => {
      const mark = node("i");
      mark.style.top = `${(100 * line.offsetTop) / whole}%`;
      return mark;
    }));
  }

  /** Scroll to the lit lines unless one is in sight. */
  reveal() {
    const { scrollTop: top, clientHeight: height } = this.scroll;
    const seen = (line) => line.offsetTop >= top && line.offsetTop + line.offsetHeight <= top + height;
    if (this.lit.length && !this.lit.some(seen)) {
      this.scroll.scrollTop = Math.max(0, this.lit[0].offsetTop - height / 3);
    }
  }

  /** Runs of lit lines that stand together. */
  places() {
    return this.lit.filter((line) => !this.lit.includes(line.previousElementSibling)).length;
  }
}

/** Both panes: hovering or focusing a line lights its counterparts, a click or Enter pins them. */
class Panes {
  constructor(python, compiled) {
    this.python = new Pane(python, "Python");
    this.compiled = new Pane(compiled, "Compiled");
    this.pinned = 0;
    for (const pane of [this.python, this.compiled]) this.listen(pane);
    const other = { true: "false", false: "true" };
    const wrap = node("button", { type: "button", "aria-pressed": "false" }, "Wrap");
    wrap.addEventListener("click", () => {
      const now = other[wrap.getAttribute("aria-pressed")];
      wrap.setAttribute("aria-pressed", now);
      document.body.classList.toggle("wrap", now === "true");
    });
    if (matchMedia("(max-width: 760px)").matches) wrap.click();
    this.compiled.tools.prepend(wrap);
  }

  /** Link the texts that are shown; `why` is said where nothing can be. */
  link(of, why) {
    this.pinned = 0;
    this.why = why;
    const known = new Set(of);
    if (of.some(Boolean)) {
      this.compiled.link(of);
      this.python.link(this.python.lines.map((_, at) => (known.has(at + 1) ? at + 1 : 0)));
    }
    this.light(0);
  }

  light(source) {
    const shown = source || this.pinned;
    for (const pane of [this.python, this.compiled]) pane.light(shown, shown === this.pinned);
    const { lit } = this.compiled;
    const places = this.compiled.places();
    this.compiled.note.textContent = lit.length
      ? `Line ${shown} became ${count(lit.length, "line")}${places > 1 ? ` in ${places} places` : ""}.`
      : this.compiled.links.size ? HINT : this.why;
  }

  pin(source, from) {
    this.pinned = this.pinned === source ? 0 : source;
    this.light(source);
    for (const pane of [this.python, this.compiled]) if (pane !== from) pane.reveal();
  }

  letGo() {
    this.pinned = 0;
    this.light(0);
  }

  listen(pane) {
    const sourceOf = (event) => Number(event.target.closest?.(".linked")?.dataset.source ?? 0);
    pane.note.setAttribute("role", "status");
    pane.scroll.addEventListener("pointerover", (event) => {
      if (event.pointerType === "mouse") this.light(sourceOf(event));
    });
    pane.scroll.addEventListener("pointerleave", () => this.light(0));
    pane.scroll.addEventListener("focusin", (event) => {
      const source = sourceOf(event);
      if (!source) return;
      for (const line of pane.scroll.querySelectorAll('.linked[tabindex="0"]')) line.tabIndex = -1;
      event.target.tabIndex = 0;
      this.light(source);
      for (const other of [this.python, this.compiled]) if (other !== pane) other.reveal();
    });
    pane.scroll.addEventListener("focusout", () => this.light(0));
    pane.scroll.addEventListener("click", (event) => {
      const source = sourceOf(event);
      if (source && getSelection().isCollapsed) this.pin(source, pane);
    });
    pane.scroll.addEventListener("keydown", (event) => {
      const source = sourceOf(event);
      if (!source || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "Enter" || event.key === " ") this.pin(source, pane);
      else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        const linked = pane.lines.filter((line) => line.classList.contains("linked"));
        const at = linked.indexOf(event.target) + (event.key === "ArrowDown" ? 1 : -1);
        linked[at]?.focus();
      } else return;
      event.preventDefault();
    });
  }
}
