// The page: what it is of, the filters, the row that is shown.

const at = (id) => document.getElementById(id);
const FIELDS = ["key", "name", "config", "type", "category", "verified", "differentiable", "operations"];
const NOT_KNOWN = "not known";

class Page {
  constructor(about) {
    this.about = about;
    this.rows = about.rows.map((row) => Object.fromEntries(row.map((value, n) => [FIELDS[n], value])));
    this.heads = this.rows.map((row) =>
      [row.name, row.config, row.type, row.category, row.verified, ...row.operations].join("\n"));
    this.store = new Store(about.starts, this.rows.length);
    this.panes = new Panes(at("python"), at("compiled"));
    this.list = new List(at("list"), at("track"), (place) => this.option(place), (place) => this.go(place));
    this.chosen = {}; // the column that was last asked for
    this.asked = 0;
    this.filters = this.makeFilters();
    this.tell();
    this.listen();
    this.find();
    this.follow();
  }

  tell() {
    const { about, rows } = this;
    const configs = [...new Set(rows.map((row) => row.config))].join(", ");
    const parts = [`${count(rows.length, "row")} of ${configs}`];
    if (about.leftOut) parts[0] += `, the first of ${(rows.length + about.leftOut).toLocaleString("en")}`;
    if (about.unreadableCount) {
      const more = about.unreadableCount > 1 ? ", …" : "";
      parts.push(`${count(about.unreadableCount, "row")} cannot be shown: ${about.unreadable[0]}${more}`);
    }
    at("told").textContent = parts.join(". ");
  }

  /** A filter is there where it would tell rows apart. */
  makeFilters() {
    const yes = { true: "differentiable", false: "no known gradient" };
    const of = {
      category: (row) => row.category || row.type,
      tier: (row) => row.verified,
      differentiable: (row) => yes[row.differentiable] ?? "",
    };
    for (const [id, value] of Object.entries(of)) {
      const counts = new Map();
      for (const row of this.rows) counts.set(value(row), (counts.get(value(row)) ?? 0) + 1);
      const order = id === "tier" ? Object.keys(this.about.tiers) : [];
      const names = [...counts.keys()].sort((a, b) =>
        order.indexOf(a) - order.indexOf(b) || a.localeCompare(b, "en"));
      at(id).replaceChildren(
        node("option", { value: "*" }, "any"),
        ...names.map((name) => node("option", { value: `=${name}` },
          `${name || NOT_KNOWN} (${counts.get(name).toLocaleString("en")})`)),
      );
      at(id).parentElement.hidden = names.length < 2;
    }
    return of;
  }

  listen() {
    let later;
    at("query").addEventListener("input", () => {
      clearTimeout(later);
      later = setTimeout(() => this.find(), 120);
    });
    at("find").addEventListener("submit", (event) => {
      event.preventDefault();
      this.find();
      at("list").focus();
    });
    for (const id of Object.keys(this.filters)) at(id).addEventListener("change", () => this.find());
    at("previous").addEventListener("click", () => this.list.step(-1));
    at("next").addEventListener("click", () => this.list.step(1));
    at("all").addEventListener("click", () => { location.hash = ""; });
    addEventListener("hashchange", () => this.follow());
    addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.panes.letGo();
      const typing = event.target.matches?.("input, select, textarea");
      if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "j") this.list.step(1);
      else if (event.key === "k") this.list.step(-1);
      else if (event.key === "/") {
        event.preventDefault();
        if (!at("query").checkVisibility()) location.hash = "";
        setTimeout(() => at("query").focus());
      }
    });
  }

  option(place) {
    const row = this.rows[place];
    return node("div", {},
      node("span", { className: "option-name" }, row.name),
      node("span", { className: "option-key" }, row.key),
      node("span", { className: "option-kind" },
        [row.category || row.type, row.operations.join(", ")].filter(Boolean).join(": ")),
      node("span", { className: "option-tier" }, row.verified));
  }

  find() {
    const asked = ++this.asked;
    const wanted = Object.entries(this.filters).map(([id, of]) => [at(id).value, of]);
    const candidates = [...this.rows.keys()].filter((place) =>
      wanted.every(([value, of]) => value === "*" || value === `=${of(this.rows[place])}`));
    search(
      this.store, candidates, this.heads, wordsOf(at("query").value),
      (place, row) => [...this.texts(place, row).map((column) => row[column]), String(row.row_key ?? "")],
      (places, done) => this.found(places, done),
      () => asked === this.asked,
    );
  }

  found(places, done) {
    const all = this.rows.length;
    const of = places.length === all ? count(all, "row") : `${places.length.toLocaleString("en")} of ${count(all, "row")}`;
    at("count").textContent = done ? of : `${of}, looking through the texts…`;
    at("list").classList.toggle("empty", done && !places.length);
    this.list.fill(places);
    this.steps();
  }

  steps() {
    const here = this.list.places.indexOf(this.list.current);
    at("previous").disabled = here === 0 || !this.list.places.length;
    at("next").disabled = here === this.list.places.length - 1 || !this.list.places.length;
  }

  /** The columns with a text, Python first. */
  texts(place, row) {
    const { config } = this.rows[place];
    return [...this.about.sources[config], ...this.about.compiled[config]]
      .filter((column) => typeof row[column] === "string" && row[column].trim());
  }

  go(place) {
    const hash = `#row=${encodeURIComponent(this.rows[place].key)}`;
    if (location.hash.length > 1) location.replace(hash);
    else location.hash = hash; // so that Back leads to the list, which a phone shows by itself
  }

  /** Show the row that the address names; the first where it names none. */
  async follow() {
    const key = new URLSearchParams(location.hash.slice(1)).get("row");
    const place = key === null ? 0 : this.rows.findIndex((row) => row.key === key);
    document.body.classList.toggle("reading", key !== null);
    if (place < 0) {
      at("name").textContent = `No row ${key} in this page`;
      at("shown").classList.add("none");
      at("summary").textContent = "";
      return;
    }
    at("shown").classList.remove("none");
    this.list.select(place);
    this.steps();
    const row = await this.store.row(place);
    if (this.list.current === place) this.show(place, row);
  }

  show(place, row) {
    const head = this.rows[place];
    document.title = `${head.name}, ${this.about.file}`;
    at("name").textContent = head.name;
    at("summary").replaceChildren(...this.summary(head));
    const columns = this.texts(place, row);
    const pythons = this.about.sources[head.config].filter((column) => columns.includes(column));
    const compiled = columns.filter((column) => !pythons.includes(column));
    const draw = () => this.draw(head.config, row, pythons, compiled, draw);
    draw();
    at("facts").replaceChildren(...this.facts(row, columns));
  }

  draw(config, row, pythons, compiled, again) {
    const pick = (side, columns) =>
      columns.includes(this.chosen[side]) ? this.chosen[side] : columns[0] ?? "";
    const show = (side, columns, language) => {
      const column = pick(side, columns);
      this.panes[side].show(columns, column, row[column] ?? "", language(column), (other) => {
        this.chosen[side] = other;
        again();
      });
      return column;
    };
    const python = show("python", pythons, () => "python");
    const isHlo = (column) => column.startsWith("hlo_") || config === "stablehlo";
    const column = show("compiled", compiled, (name) => (isHlo(name) ? "hlo" : "cpp"));
    let [of, why] = [[], ""];
    if (!column) why = "This row has no compiled text.";
    else if (isHlo(column)) why = "XLA prints no source lines into this text: nothing lights up.";
    else if (python === "python_jax") why = "This text was made of python_warp.";
    else {
      of = sourceLines(row[column], row[python] ?? "");
      why = "This text names no line of the source beside it.";
    }
    this.panes.link(of, why);
  }

  summary(head) {
    const parts = [["row", head.key], ["config", head.config], ["category", head.category || head.type],
      ["operations", head.operations.join(", ")]];
    const told = parts.filter(([, value]) => value).map(([name, value]) =>
      node("span", {}, node("small", {}, `${name} `), value));
    if (head.verified) told.push(node("span", {}, node("small", {}, "verified "), this.tier(head.verified)));
    return told;
  }

  tier(name) {
    const meaning = this.about.tiers[name];
    return meaning ? `${name}: ${meaning}` : name;
  }

  facts(row, shown) {
    const above = ["id", "kernel_name", "category", "operations", "verified", ...shown];
    const rest = Object.entries(row).filter(([name]) => !above.includes(name));
    const wide = (name) => ["inputs", "row_key"].includes(name);
    rest.sort(([a], [b]) => wide(b) - wide(a)); // a stable sort: else in the row's order
    return rest.map(([name, value]) => {
      const inside = node("dd", {}, ...[this.fact(name, value)].flat());
      return node("div", { className: wide(name) ? "whole" : "" }, node("dt", {}, name), inside);
    });
  }

  fact(name, value) {
    if (value === null || value === "") return node("span", { className: "muted" }, value === "" ? "empty" : NOT_KNOWN);
    if (value === true || value === false) return value ? "yes" : "no";
    if (name === "fingerprint" || name === "structure") return node("code", {}, String(value));
    if (name === "row_key") return [node("code", {}, String(value)), " ", copyButton(() => String(value), name)];
    if (name === "inputs" && Array.isArray(value) && value.length) return inputsTable(value);
    if (Array.isArray(value) && value.every((each) => typeof each === "string")) return value.join(", ") || "none";
    if (typeof value === "object") return node("code", {}, JSON.stringify(value));
    return String(value);
  }
}

function count(number, what) {
  return `${number.toLocaleString("en")} ${what}${number === 1 ? "" : "s"}`;
}

/** The arguments of a row, one a line. */
function inputsTable(inputs) {
  const known = (value) => value !== null && value !== undefined;
  const cells = (input) => [
    input?.name, input?.role, input?.dtype,
    Array.isArray(input?.shape) ? input.shape.join(" × ") || "one number" : null,
    known(input?.low) && known(input?.high) && input.role === "input" ? `${input.low} to ${input.high}` : null,
  ];
  const head = ["name", "role", "dtype", "shape", "drawn from"].map((name) => node("th", { scope: "col" }, name));
  const lines = inputs.map((input) => node("tr", {}, ...cells(input).map((value) => node("td", {}, String(value ?? "")))));
  return node("div", { className: "table", tabIndex: 0, role: "region", "aria-label": "inputs" },
    node("table", {}, node("thead", {}, node("tr", {}, ...head)), node("tbody", {}, ...lines)));
}

unpack("about").then(({ value }) => new Page(value)).catch((error) => {
  at("name").textContent = "The rows cannot be unpacked";
  at("summary").textContent = typeof DecompressionStream === "undefined"
    ? "This browser is too old: it has no DecompressionStream, as browsers from 2023 on have."
    : String(error);
});
