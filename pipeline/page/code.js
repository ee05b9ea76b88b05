// Highlighted lines. Prism (1.30.0, components/*.min.js as published) gives tokens, not HTML: what a row holds only ever becomes text nodes.

const HIGHLIGHTED = 300_000; // characters, beyond which a text is shown plain
const MOST_LINES = 6000;

Prism.languages.insertBefore("cpp", "keyword", {
  "class-name": { pattern: /(\bwp::)\w+(?![\w(]|::)/, lookbehind: true },
});

// HLO and StableHLO; Prism has neither.
Prism.languages.hlo = {
  comment: [{ pattern: /\/\*[\s\S]*?\*\//, greedy: true }, { pattern: /\/\/.*/, greedy: true }],
  string: { pattern: /"(?:\\.|[^"\\\n])*"/, greedy: true },
  keyword: /\b(?:HloModule|ENTRY|ROOT|module|func\.func|public|private|attributes|applies|across|init|dense|array|cond|do)\b|\b(?:return|call)(?= )/,
  variable: /[%@#][\w.$-]+/,
  "class-name": [
    /\b(?:tensor|tuple)(?=<)/,
    /\b(?:pred|token|bf16|f8\w+|[suif](?:1|2|4|8|16|32|64)|c(?:64|128))(?=\[|\b)/,
    { pattern: /(x)(?:bf16|f8\w*|u?i\d+|f\d+|complex)(?=[>,<])/, lookbehind: true },
  ],
  function: [
    { pattern: /\b(?:stablehlo|chlo|mhlo|func|sdy)\.[\w.]+/ },
    { pattern: /([\]})]\s)[a-z][\w-]*(?=\()/, lookbehind: true },
  ],
  "attr-name": /\b[a-z]\w*(?==)/,
  boolean: /\b(?:true|false)\b/,
  number: /(?<![\w.])-?(?:0x[\dA-Fa-f]+|\d+(?:\.\d+)?(?:e[+-]?\d+)?|inf|nan)(?![\w.])/,
  punctuation: /[{}[\](),:;<>=]|->/,
};

/** A node of the page: properties, `class`, `data-…` and `aria-…`, and what is in it. */
function node(tag, properties = {}, ...inside) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in made) made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...inside);
  return made;
}

/** [class, text] of each stretch of a text. */
function* stretches(tokens, kind = "") {
  for (const token of tokens) {
    if (typeof token === "string") yield [kind, token];
    else yield* stretches([token.content].flat(), token.alias ? [token.alias].flat()[0] : token.type);
  }
}

/** A text as one element a line. */
function codeLines(text, language) {
  const plain = text.length > HIGHLIGHTED;
  const tokens = plain ? [text] : Prism.tokenize(text, Prism.languages[language]);
  const lines = [[]];
  for (const [kind, stretch] of stretches(tokens)) {
    stretch.split("\n").forEach((part, number) => {
      if (number) lines.push([]);
      if (part) lines.at(-1).push(kind ? node("span", { className: `t-${kind}` }, part) : part);
    });
  }
  return lines.map((parts, at) =>
    node("span", { className: "line", "data-n": String(at + 1) }, ...parts, "\n"));
}

/** A text for a pane: the block, and its lines; the first of them where it is very long. */
function codeBlock(text, language, label) {
  const lines = codeLines(text.trimEnd(), language);
  const left = lines.length - MOST_LINES;
  const code = node("code", {}, ...lines.slice(0, MOST_LINES));
  if (left > 0) code.append(node("span", { className: "more" }, `${left} more lines: Copy has them all`));
  const block = node("pre", { className: `code digits-${String(lines.length).length}` }, code);
  block.setAttribute("role", "group");
  block.setAttribute("aria-label", label);
  return { block, lines: lines.slice(0, MOST_LINES) };
}

/** A button that puts a text on the clipboard and says that it has. */
function copyButton(text, what) {
  const button = node("button", { type: "button", className: "copy", "aria-label": `Copy ${what}` }, "Copy");
  button.addEventListener("click", async () => {
    let done = "Copied";
    try {
      await navigator.clipboard.writeText(text());
    } catch {
      done = copyBySelecting(text()) ? done : "Not allowed";
    }
    button.textContent = done;
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
  return button;
}

/** The old way, for pages opened from a disk where the clipboard is out of reach. */
function copyBySelecting(text) {
  const area = node("textarea", { value: text, className: "unseen" });
  const before = document.activeElement;
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  before?.focus();
  return done;
}
