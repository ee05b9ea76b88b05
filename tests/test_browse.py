"""The page to browse rows with, in a real browser: what it shows, finds and lights up."""

from __future__ import annotations

import json
import re
import shutil
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import ROOT
from golden_rows import kept
from playwright.sync_api import Browser, Page, expect, sync_playwright

from jit_synthesis import FEATURES, JitSynthesisConfig, rows
from pipeline import browse, cli
from pipeline.parquet import write_parquet

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")

MARKER = re.compile(r"^\s*// (adj: )?(.*?)\s*<L (\d+)>\s*$")
EVIL = '</script><img src=x onerror="window.hurt=1">\'"&amp;<b>'
# For each element with text of its own: that, its colour and that of the number before it, and the
# first colour behind it.
COLOURS = """() => [...document.querySelectorAll("body *")].filter((each) =>
  each.checkVisibility() && !each.disabled &&
  [...each.childNodes].some((n) => n.nodeType === 3 && n.data.trim())
).flatMap((each) => {
  let behind = each;
  while (behind && getComputedStyle(behind).backgroundColor === "rgba(0, 0, 0, 0)")
    behind = behind.parentElement;
  return ["", "::before"].map((part) => [each.textContent.slice(0, 40) + part,
    getComputedStyle(each, part).color,
    getComputedStyle(behind ?? document.documentElement).backgroundColor]);
})"""
IN_SIGHT = """() => {
  const { top, bottom } = document.querySelector("#compiled .scroll").getBoundingClientRect();
  return [...document.querySelectorAll("#compiled .lit")].some((each) =>
    each.getBoundingClientRect().top >= top && each.getBoundingClientRect().bottom <= bottom);
}"""


def golden(config: str) -> list[dict]:
    return [json.loads(line) for line in kept(config)[1:]]


def write(path: Path, found: list[dict]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in found), encoding="utf-8")
    return path


def page_of(path: Path, found: list[dict], **options) -> Path:
    """The page of rows, written beside a file of them."""
    output = path.with_suffix(".html")
    browse.write_page(write(path, found), output, **options)
    return output


def run(capsys, *arguments: str | Path) -> tuple[int, str]:
    code = cli.main([str(argument) for argument in arguments])
    return code, capsys.readouterr().err


@pytest.fixture(scope="module")
def warp_rows() -> list[dict]:
    """Rows as the builder makes them, of kernels with blocks, loops and functions among them."""
    kinds = ["unary", "nested_branch", "multi_statement", "control", "gather", "compound"]
    config = JitSynthesisConfig("warp", seed=11, num_train=24, extended=True, categories=kinds)
    return list(rows(config, "train", 0, 24))


@pytest.fixture(scope="module")
def warp_page(warp_rows, tmp_path_factory) -> Path:
    return page_of(tmp_path_factory.mktemp("browse") / "warp.jsonl", warp_rows)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield made
        made.close()


Visit = Callable[..., Page]


@pytest.fixture
def visit(browser) -> Iterator[Visit]:
    """Opens a page; in the end nothing was fetched but it, and nothing has gone wrong in it."""
    wrong: list[str] = []
    asked: list[str] = []
    contexts = []

    def opened(path: Path, link: str = "", *, scheme="light", width=1400, height=900) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme
        )
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: wrong.append(dialog.message))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri() + link)
        expect(
            page.locator("#python .line").or_(page.locator("main.none h2")).first
        ).to_be_attached()
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not wrong
    assert len(asked) == len(contexts)
    assert all(url.startswith("file:") for url in asked)


def text_of(page: Page, side: str) -> str:
    """The text of a pane, as it is in the row but for what ends it."""
    return page.evaluate(f"document.querySelector('#{side} code').textContent").rstrip()


def choose(page: Page, column: str) -> None:
    page.get_by_role("tab", name=column, exact=True).click()


def lit(page: Page, side: str) -> list[int]:
    """The numbers of the lines that are lit."""
    found = page.evaluate(
        f"[...document.querySelectorAll('#{side} .lit')].map((each) => each.dataset.n)"
    )
    return [int(number) for number in found]


def links(page: Page) -> dict[int, int]:
    """The source line of each compiled line that has one."""
    found = page.evaluate(
        "[...document.querySelectorAll('#compiled .linked')]"
        ".map((each) => [each.dataset.n, each.dataset.source])"
    )
    return {int(line): int(source) for line, source in found}


@needs_browser
def test_a_row_is_shown_as_it_is(visit, warp_page, warp_rows):
    page = visit(warp_page)
    expect(page.locator("#told")).to_have_text("24 rows of warp")
    for row in (warp_rows[0], warp_rows[17]):
        page.goto(f"{warp_page.as_uri()}#row={row['id']}")
        expect(page.locator("h2")).to_have_text(row["kernel_name"])
        assert text_of(page, "python") == row["python"].rstrip()
        for column in ("cuda", "cpp"):
            choose(page, column)
            assert text_of(page, "compiled") == row[column].rstrip()
        about = page.locator("main").inner_text()
        for fact in (row["row_key"], row["fingerprint"], ", ".join(row["operations"])):
            assert fact in about
        assert "extracted: the compiler took the text; nothing was run" in about
        first = row["inputs"][0]
        cells = page.locator("#facts tbody tr").first.locator("td").all_inner_texts()
        assert cells[:3] == [first["name"], first["role"], first["dtype"]]
    page.get_by_role("button", name="Copy Compiled text").click()
    expect(page.locator("#compiled .copy")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == warp_rows[17]["cpp"]


@needs_browser
@pytest.mark.parametrize("config", ["jax", "stablehlo", "paired"])
def test_every_config_is_shown(visit, tmp_path, config):
    found = golden(config)
    page = visit(page_of(tmp_path / "rows.jsonl", found), f"#row={found[5]['id']}")
    pythons, compiled = browse.sources(config), browse.COLUMNS[config]
    assert text_of(page, "python") == found[5][pythons[0]].rstrip()
    if len(pythons) > 1:
        choose(page, pythons[1])
        assert text_of(page, "python") == found[5][pythons[1]].rstrip()
        expect(page.locator("#compiled .note")).to_have_text("This text was made of python_warp.")
    for column in compiled:
        choose(page, column)
        assert text_of(page, "compiled") == found[5][column].rstrip()
        if column.startswith("hlo") or config == "stablehlo":
            expect(page.locator(".linked")).to_have_count(0)
            assert "prints no source lines" in page.locator("#compiled .note").inner_text()
            assert page.locator("#compiled .t-function").count() > 1
            assert page.locator("#compiled .t-class-name").count() > 1


@needs_browser
def test_search_narrows(visit, warp_page, warp_rows):
    page = visit(warp_page)
    query, count = page.locator("#query"), page.locator("#count")

    def holds(row: dict, *words: str) -> bool:
        texts = [row["kernel_name"], row["type"], row["python"], row["cpp"], row["cuda"]]
        whole = "\n".join([*texts, row["category"], row["row_key"], *row["operations"]]).lower()
        return all(word.lower() in whole for word in words)

    def told(words: list[str]) -> str:
        number = sum(holds(row, *words) for row in warp_rows)
        assert number < len(warp_rows)
        return f"{number} of 24 rows"

    name = warp_rows[3]["kernel_name"]
    operation = warp_rows[0]["operations"][0]
    line = warp_rows[5]["python"].splitlines()[-1].strip()
    for asked, words in (
        (name, [name]),
        (operation.upper(), [operation]),
        (f"{operation} cuda_kernel", [operation, "cuda_kernel"]),
        ("index=7&variant=", ["index=7&variant="]),
        (f'"{line}"', [line]),
        ("start_for_0:;", ["start_for_0:;"]),
        ("nothing-has-this", ["nothing-has-this"]),
    ):
        query.fill(asked)
        expect(count).to_have_text(told(words))
    assert page.locator("[role=option]").count() == 0
    query.fill("")
    expect(count).to_have_text("24 rows")


@needs_browser
def test_filters(visit, tmp_path, warp_rows):
    tiers = ["extracted", "ran", "matched", "gradient"]
    found = [
        row | {"verified": tiers[number % 4], "differentiable": number % 3 > 0}
        for number, row in enumerate(warp_rows)
    ]
    page = visit(page_of(tmp_path / "rows.jsonl", found))
    count = page.locator("#count")
    assert page.locator("#tier option").all_inner_texts() == ["any", *(f"{t} (6)" for t in tiers)]
    page.get_by_label("Verified").select_option("=matched")
    expect(count).to_have_text("6 of 24 rows")
    expect(page.locator("[role=option] .option-tier")).to_have_text(["matched"] * 6)
    page.get_by_label("Gradient").select_option(label="no known gradient (8)")
    both = [row for row in found if row["verified"] == "matched" and not row["differentiable"]]
    expect(count).to_have_text(f"{len(both)} of 24 rows")
    page.get_by_label("Verified").select_option("*")
    page.get_by_label("Gradient").select_option("*")
    page.get_by_label("Category").select_option("=control")
    expect(count).to_have_text(f"{sum(r['category'] == 'control' for r in found)} of 24 rows")
    page.locator("#query").fill(found[0]["kernel_name"])
    page.get_by_label("Category").select_option(f"={found[0]['category']}")
    expect(page.locator("[role=option] .option-name").first).to_have_text(found[0]["kernel_name"])


@needs_browser
def test_each_marker_goes_with_the_line_it_names(visit, warp_page, warp_rows):
    """Of all rows and both texts: what Warp names is linked, and what is linked was named."""
    page = visit(warp_page)
    for row in warp_rows:
        page.goto(f"{warp_page.as_uri()}#row={row['id']}")
        expect(page.locator("h2")).to_have_text(row["kernel_name"])
        lines = row["python"].splitlines()
        for column in ("cpp", "cuda"):
            choose(page, column)
            made = links(page)
            named = {}
            for number, text in enumerate(row[column].splitlines(), 1):
                if (mark := MARKER.match(text)) and lines[int(mark[3]) - 1].strip() == mark[2]:
                    named[number] = int(mark[3])
            assert len(named) > 8
            assert {number: made.get(number) for number in named} == named
            assert set(made.values()) == set(named.values())


@needs_browser
def test_statements_of_straight_kernels(visit, warp_page, warp_rows):
    """Forward a statement is of the marker above it, in reverse of the one below."""
    straight = [row for row in warp_rows if row["category"] == "unary"]
    assert straight
    page = visit(warp_page)
    for row in straight:
        page.goto(f"{warp_page.as_uri()}#row={row['id']}")
        choose(page, "cuda")
        expect(page.locator("h2")).to_have_text(row["kernel_name"])
        made = links(page)
        lines = row["cuda"].splitlines()
        marks = {n: m for n, text in enumerate(lines, 1) if (m := MARKER.match(text))}
        statements = [n for n, t in enumerate(lines, 1) if re.match(r"\s*(wp::|var_\d+ =)", t)]
        seen = 0
        for number in statements:
            reverse = "adj_" in lines[number - 1]
            beyond = [n for n in marks if (n > number) == reverse]
            if not beyond or "kernel" in "".join(lines[max(beyond[-1], 0) : number]):
                assert number not in made
                continue
            nearest = min(beyond) if reverse else max(beyond)
            if bool(marks[nearest][1]) == reverse:
                assert made[number] == int(marks[nearest][3]), lines[number - 1]
                seen += 1
        assert seen > 4


@needs_browser
def test_loops_and_blocks_are_of_the_line_that_opens_them(visit, tmp_path):
    """Of a kernel with a loop, a branch in it and a break; its lines as read by a person."""
    row = golden("warp")[22]
    page = visit(page_of(tmp_path / "rows.jsonl", [row]))
    choose(page, "cuda")
    lines = row["cuda"].splitlines()
    made = links(page)
    split = next(n for n, text in enumerate(lines) if "_backward(" in text)
    assert row["python"].splitlines()[7].strip() == "for k in range(1, 12, 2):"
    forward = {
        "var_8 = wp::range(var_5, var_6, var_7);": {8},
        "start_for_0:;": {8},
        "var_9 = wp::iter_next(var_8);": {8},
        "var_18 = (var_16 < var_17);": {11},
        "if (var_18) {": {11},
        "wp::assign(var_4, var_16);": {12},
        "var_19 = wp::where(var_18, var_4, var_16);": {11},
        "goto start_for_0;": {8},
        "end_for_0:;": {8},
        "wp::array_store(var_output, var_0, var_4);": {14},
    }
    backward = {
        "var_8 = wp::iter_reverse(var_8);": {8},
        "adj_10 = {};": {8},  # in the loop; where it is declared it has a type before it
        "var_11 = wp::mul(var_10, var_2);": {9},
        "wp::adj_assign(var_4, var_19, adj_4, adj_19);": {11},
        "wp::adj_assign(var_4, var_16, adj_4, adj_16);": {12},
        "wp::adj_add(var_4, var_15, adj_4, adj_15, adj_16);": {10},
        "goto start_for_0;": {8},
        "wp::adj_copy(var_3, adj_1, adj_2);": {6},
        "continue;": {None},
    }
    for expected, part in ((forward, range(split)), (backward, range(split, len(lines)))):
        for text, sources in expected.items():
            assert {made.get(n + 1) for n in part if lines[n].strip() == text} == sources, text


@needs_browser
def test_lines_light_up_both_ways(visit, tmp_path):
    """A helper function's line: hovering shows it, a click holds it, the keyboard does the same."""
    row = golden("warp")[7]
    assert row["python"].splitlines()[7] == "    occlusion = lit / grade"
    page = visit(page_of(tmp_path / "rows.jsonl", [row]))
    python = page.locator("#python .line")
    note = page.locator("#compiled .note")
    for column in ("cuda", "cpp"):
        choose(page, column)
        lines = row[column].splitlines()
        wanted = [
            n
            for n, text in enumerate(lines, 1)
            if "<L 8>" in text or text.strip().startswith(("var_0 = wp::div(", "wp::adj_div("))
        ]
        assert len(wanted) == 6
        python.nth(7).hover()
        assert (lit(page, "python"), lit(page, "compiled")) == ([8], wanted)
        expect(note).to_have_text("Line 8 became 6 lines in 3 places.")
        page.locator("h2").hover()
        assert not lit(page, "compiled")
        page.locator(f"#compiled .line[data-n='{wanted[-1]}']").hover()
        assert (lit(page, "python"), lit(page, "compiled")) == ([8], wanted)
        page.evaluate("document.querySelector('#compiled .scroll').scrollTo(0, 1e6)")
        python.nth(8).hover()
        assert not page.evaluate(IN_SIGHT)
        python.nth(7).click()
        page.locator("h2").hover()
        assert lit(page, "compiled") == wanted
        assert page.evaluate(IN_SIGHT)
        expect(page.locator("#compiled .ruler i")).to_have_count(6)
        assert python.nth(7).get_attribute("aria-pressed") == "true"
        python.nth(8).hover()  # another is shown meanwhile
        assert lit(page, "python") == [9]
        page.keyboard.press("Escape")
        page.locator("h2").hover()
        assert not lit(page, "python")
    assert python.nth(0).get_attribute("role") is None  # a decorator became nothing


@needs_browser
def test_only_lines_of_the_source_beside_it_are_linked(visit, tmp_path):
    """Numbers of another file: moved ones are found by their text, others are left alone."""
    row = golden("warp")[13]  # calls a function of Warp's own library, printed with its lines
    assert "<L 132>" in row["cuda"]
    moved = row | {"id": 1, "python": "import warp as wp\n\n\n" + row["python"]}
    other = row | {"id": 2, "python": golden("warp")[0]["python"]}
    page = visit(page_of(tmp_path / "rows.jsonl", [row | {"id": 0}, moved, other]), "#row=0")
    lines = row["cpp"].splitlines()
    library = {n for n, text in enumerate(lines, 1) if re.search(r"<L 1\d\d>", text)}
    made = links(page)
    assert library
    assert made
    assert not library & made.keys()
    page.goto(page.url.replace("row=0", "row=1"))
    expect(page.locator("#python .line").first).to_have_text("import warp as wp\n")
    assert links(page) == {line: source + 3 for line, source in made.items()}
    page.goto(page.url.replace("row=1", "row=2"))
    expect(page.locator("#compiled .note")).to_have_text(
        "This text names no line of the source beside it."
    )
    assert not links(page)


@needs_browser
def test_what_rows_hold_is_text(visit, tmp_path):
    row = golden("warp")[0]
    evil = row | {name: EVIL + str(row[name]) for name in row if isinstance(row[name], str)}
    evil |= {"operations": [EVIL], "more": {"deep": [EVIL]}, EVIL: EVIL}
    evil["python"] = f'# {EVIL}\nx = "{EVIL}"\n' + row["python"]
    evil["inputs"] = [entry | {"name": EVIL} for entry in row["inputs"]]
    folder = tmp_path / "<i>&"
    folder.mkdir()
    made = page_of(folder / "a<img src=x>.jsonl", [evil, evil | {"id": EVIL}])
    text = made.read_text(encoding="utf-8")
    assert EVIL not in text
    assert "<img" not in text
    page = visit(made)
    expect(page.locator("h1")).to_have_text("a<img src=x>.jsonl")
    expect(page.locator("h2")).to_have_text(EVIL + row["kernel_name"])
    assert text_of(page, "python") == evil["python"].rstrip()
    for column in ("cpp", "cuda"):
        choose(page, column)
        assert text_of(page, "compiled") == evil[column].rstrip()
    page.locator("#query").fill("onerror")
    expect(page.locator("#count")).to_have_text("2 rows")
    page.get_by_role("button", name="Next").click()
    assert page.locator("img, b, i:not(.ruler i)").count() == 0
    assert page.evaluate("window.hurt") is None
    assert EVIL in page.locator("#facts").inner_text()


@needs_browser
def test_the_page_may_fetch_nothing_and_make_no_html(browser, warp_page):
    context = browser.new_context()
    page = context.new_page()
    asked = []
    page.goto(warp_page.as_uri())
    page.on("requestfinished", lambda request: asked.append(request.url))
    for attempt in (
        "fetch('http://127.0.0.1:9/')",
        "document.body.insertAdjacentHTML('beforeend', '<img>')",
        "new Promise((done, fail) => { const s = document.createElement('style');"
        "s.textContent = 'body{}'; document.head.append(s); s.sheet ? done() : fail() })",
    ):
        failed = page.evaluate(
            f"(async () => {{ try {{ await {attempt} }} catch {{ return 1 }} }})()"
        )
        assert failed == 1, attempt
    assert not asked
    context.close()


@needs_browser
def test_the_keyboard_is_enough(visit, warp_page, warp_rows):
    page = visit(warp_page)
    name = page.locator("h2")
    page.keyboard.press("j")
    expect(name).to_have_text(warp_rows[1]["kernel_name"])
    page.keyboard.press("k")
    expect(name).to_have_text(warp_rows[0]["kernel_name"])
    expect(page.get_by_role("button", name="Previous")).to_be_disabled()
    page.keyboard.press("/")
    expect(page.locator("#query")).to_be_focused()
    page.keyboard.type("jk")  # while typing these are letters
    expect(page.locator("#query")).to_have_value("jk")
    page.locator("#query").fill("")
    page.keyboard.press("Enter")
    box = page.locator("#list")
    expect(box).to_be_focused()
    page.keyboard.press("End")
    expect(name).to_have_text(warp_rows[-1]["kernel_name"])
    expect(page).to_have_url(re.compile(f"#row={warp_rows[-1]['id']}$"))
    active = page.locator(f"#{box.get_attribute('aria-activedescendant')}")
    expect(active).to_have_attribute("aria-selected", "true")
    expect(active).to_have_attribute("aria-posinset", "24")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    expect(name).to_have_text(warp_rows[1]["kernel_name"])
    # From the list on by Tab: into the Python, whose lines are one stop.
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('#python .linked')"):
            break
    first = lit(page, "python")
    assert first
    page.keyboard.press("ArrowDown")
    second = lit(page, "python")
    assert second > first
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowUp")
    assert lit(page, "python") == first
    page.keyboard.press("Tab")  # out of the text: what was pinned is lit
    assert lit(page, "python") == second
    assert page.evaluate(IN_SIGHT)
    page.keyboard.press("Escape")
    assert not lit(page, "python")
    expect(page.get_by_role("tab", name="cpp")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="cuda")).to_be_focused()
    assert text_of(page, "compiled") == warp_rows[1]["cuda"].rstrip()
    page.keyboard.press("j")  # the text that was chosen stays so
    expect(name).to_have_text(warp_rows[2]["kernel_name"])
    assert text_of(page, "compiled") == warp_rows[2]["cuda"].rstrip()


@needs_browser
def test_links_to_rows(visit, tmp_path, warp_rows):
    found = [row | {"id": 2**60 + number} for number, row in enumerate(warp_rows)]
    page = visit(page_of(tmp_path / "large.jsonl", found), f"#row={2**60 + 9}")
    expect(page.locator("h2")).to_have_text(warp_rows[9]["kernel_name"])
    page = visit(tmp_path / "large.html", "#row=nowhere")
    expect(page.locator("h2")).to_have_text("No row nowhere in this page")
    assert not page.locator("#python").is_visible()
    page.keyboard.press("j")
    expect(page.locator("h2")).to_have_text(warp_rows[0]["kernel_name"])
    twice = [row | {"id": 5} for row in warp_rows[:3]]  # ids that name no row: places do
    page = visit(page_of(tmp_path / "twice.jsonl", twice), "#row=2")
    expect(page.locator("h2")).to_have_text(warp_rows[2]["kernel_name"])


def luminance(colour: str) -> float:
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return sum(a * b for a, b in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@needs_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_can_be_read(visit, tmp_path, scheme):
    """4.5 to 1, what WCAG asks of small text, also on lines that are lit or pinned."""
    found = [golden("warp")[7], golden("jax")[31] | {"id": 99}, {"python": "x = 1", "cpp": None}]
    made = page_of(tmp_path / "rows.jsonl", found)
    page = visit(made, scheme=scheme)
    pairs = {}
    for place in range(3):
        page.goto(f"{made.as_uri()}#row={place}")
        for line in page.locator("#python .linked").all():
            line.click()
            page.locator("h2").hover()
            pairs |= {(colour, behind): text for text, colour, behind in page.evaluate(COLOURS)}
        pairs |= {(colour, behind): text for text, colour, behind in page.evaluate(COLOURS)}
    assert len(pairs) > 15
    poor = {text: pair for pair, text in pairs.items() if contrast(*pair) < 4.5}
    assert not poor
    paper = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert (luminance(paper) < 0.5) == (scheme == "dark")


@needs_browser
def test_on_a_phone(visit, warp_page, warp_rows):
    """List or row, never both; nothing is wider than the screen."""
    page = visit(warp_page, width=360, height=740)
    wide = "document.scrollingElement.scrollWidth"
    assert not page.locator("main").is_visible()
    assert page.evaluate(wide) <= 360
    page.locator("[role=option]").nth(2).click()
    expect(page.locator("h2")).to_have_text(warp_rows[2]["kernel_name"])
    assert not page.locator("#list").is_visible()
    assert page.evaluate(wide) <= 360
    long = page.locator("#compiled .scroll")
    assert long.evaluate("each => each.scrollWidth <= each.clientWidth")  # lines are wrapped
    page.get_by_role("button", name="Next").click()
    expect(page.locator("h2")).to_have_text(warp_rows[3]["kernel_name"])
    page.go_back()  # steps leave no trace: back is the list
    expect(page.locator("#list")).to_be_visible()
    page.locator("[role=option]").nth(4).click()
    page.get_by_role("button", name="All rows").click()
    expect(page.locator("#list")).to_be_visible()
    assert not page.locator("main").is_visible()


@needs_browser
def test_two_thousand_rows(visit, tmp_path):
    """Only what is in sight is in the document, and a row takes about 2 kB of the file."""
    source = golden("warp")
    found = [
        row | {"id": number, "kernel_name": f"{row['kernel_name']}_{number}"}
        for number in range(2000)
        for row in (source[number % len(source)],)
    ]
    found[1713]["python"] += "# the one with a mark\n"
    made = page_of(tmp_path / "many.jsonl", found, rows=2000)
    assert made.stat().st_size < 2000 * 3000
    page = visit(made, "#row=1999")
    expect(page.locator("h2")).to_have_text(found[1999]["kernel_name"])
    expect(page.locator("#count")).to_have_text("2,000 rows")
    assert 5 < page.locator("[role=option]").count() < 50
    page.locator("#query").fill('"one with a mark"')
    expect(page.locator("#count")).to_have_text("1 of 2,000 rows", timeout=60_000)
    expect(page.locator("[role=option] .option-key")).to_have_text("1713")
    page.locator("[role=option]").click()
    expect(page.locator("h2")).to_have_text(found[1713]["kernel_name"])
    assert text_of(page, "python").endswith("# the one with a mark")


@needs_browser
def test_rows_of_other_kinds(visit, tmp_path):
    """Older files of three columns, and rows of ``extract`` with nulls."""
    row = golden("warp")[7]
    old = {name: row[name] for name in ("python", "cpp", "cuda")}
    stable = {name: golden("stablehlo")[0][name] for name in ("python", "cpp", "cuda")}
    nulls = dict.fromkeys(row) | {"id": 3, "kernel_name": "mine", "type": "extract", **old}
    nulls |= {"verified": "extracted", "cuda": None}
    nulls["inputs"] = [
        {"name": "a", "role": None, "dtype": "vec3", "shape": None, "low": None, "high": None}
    ]
    page = visit(page_of(tmp_path / "old.jsonl", [old, stable, nulls]))
    expect(page.locator("#told")).to_have_text("3 rows of warp, stablehlo")
    expect(page.locator("h2")).to_have_text("row 1")
    assert len(links(page)) > 20
    page.keyboard.press("j")
    assert "prints no source lines" in page.locator("#compiled .note").inner_text()
    page.keyboard.press("j")
    expect(page.locator("h2")).to_have_text("mine")
    expect(page.locator("#compiled [role=tab]")).to_have_count(0)  # one text, cpp
    assert page.locator("#facts td").all_inner_texts()[:3] == ["a", "", "vec3"]
    assert "not known" in page.locator("#facts").inner_text()


@needs_browser
def test_labels_of_parquet_have_names(visit, tmp_path, warp_rows):
    path = tmp_path / "rows.parquet"
    write_parquet(path, warp_rows, FEATURES["warp"])
    browse.write_page(path, path.with_suffix(".html"))
    page = visit(path.with_suffix(".html"), "#row=1")
    expect(page.locator("#summary")).to_contain_text(f"category {warp_rows[1]['category']}")
    assert "verified extracted" in page.locator("#summary").inner_text()
    assert text_of(page, "python") == warp_rows[1]["python"].rstrip()


def test_the_command(tmp_path, capsys, warp_rows):
    source = write(tmp_path / "rows.jsonl", warp_rows)
    code, told = run(capsys, "browse", source)
    assert code == 0
    assert re.search(r"rows\.html: 24 rows, 0\.1 MB$", told.strip())
    first = (tmp_path / "rows.html").read_bytes()
    code, told = run(capsys, "browse", source)
    assert code == 2
    assert "exists: give --overwrite to replace it, or another --output" in told
    code, told = run(capsys, "browse", source, "--overwrite")
    assert code == 0
    assert (tmp_path / "rows.html").read_bytes() == first
    code, told = run(capsys, "browse", source, "--output", tmp_path / "few.html", "--rows", "10")
    assert code == 0
    assert "few.html: 10 rows" in told
    assert "the last 14 rows of the file are left out: --rows takes more" in told
    assert sorted(p.name for p in tmp_path.iterdir()) == ["few.html", "rows.html", "rows.jsonl"]


def test_rows_that_cannot_be_read_are_told(tmp_path, capsys, warp_rows):
    path = write(tmp_path / "rows.jsonl", [{"a": 1}, warp_rows[0]])
    with path.open("a") as file:
        file.write("{not json\n[1, 2]\n" + '{"python": ' + "[" * 700 + "]" * 700 + "}\n")
    code, told = run(capsys, "browse", path)
    assert code == 0
    assert "rows.html: 1 rows" in told
    assert "4 rows cannot be shown, the first row 1: no text in python, cpp, cuda" in told


BAD = [
    ("gone.jsonl", "no such file: gone.jsonl"),
    (".", ". is a folder: name a .jsonl or .parquet file in it"),
    ("empty.jsonl", "empty.jsonl is empty: there is no row to show"),
    ("blank.jsonl", "blank.jsonl has no row to show: it is blank"),
    ("notes.jsonl", "notes.jsonl has no row to show: it is not rows of kernels (row 1: not JSON"),
    ("rows.jsonl --rows 0", "rows=0 must be 1 or more"),
    ("rows.jsonl --output page.txt", "output page.txt must end in .html"),
    ("rows.jsonl --output none/page.html", "none does not exist: mkdir -p"),
    ("page.html --overwrite", "output page.html is the file to read: give another --output"),
    ("cut.parquet", "cut.parquet cannot be read as Parquet, is it cut short?"),
]


@pytest.mark.parametrize(("words", "message"), BAD)
def test_bad_input_is_one_line(tmp_path, capsys, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    Path("empty.jsonl").write_text("")
    Path("blank.jsonl").write_text("\n\n")
    Path("notes.jsonl").write_text("some notes\n")
    Path("page.html").write_text("<p>")
    Path("cut.parquet").write_bytes(b"PAR1 and no more")
    write(Path("rows.jsonl"), golden("warp")[:1])
    before = sorted(tmp_path.iterdir())
    code, told = run(capsys, "browse", *words.split())
    assert code in (1, 2)
    assert told.startswith("jit-synthesis: ")
    assert message in told
    assert len(told.strip().splitlines()) == 1
    assert sorted(tmp_path.iterdir()) == before


def test_a_stop_leaves_what_was_there(tmp_path, warp_rows):
    source = write(tmp_path / "rows.jsonl", warp_rows)
    output = tmp_path / "page.html"
    output.write_text("as it was")

    def stop(rows: int, unreadable: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        browse.write_page(source, output, progress=stop)
    assert output.read_text() == "as it was"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["page.html", "rows.jsonl"]


def test_the_page_is_part_of_the_package():
    """Each file of the page is in a wheel, and none would end the script it stands in."""
    data = tomllib.loads((ROOT / "pyproject.toml").read_text())
    globs = data["tool"]["setuptools"]["package-data"]["pipeline"]
    packed = {path for each in globs for path in (ROOT / "pipeline").glob(each) if path.is_file()}
    files = {path for path in browse.FOLDER.rglob("*") if path.is_file()}
    assert files == packed
    assert {browse.FOLDER / name for name in browse.SCRIPTS} <= files
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert path.suffix == ".html" or not re.search(r"</?(script|style)|<!--", text)
        assert "innerHTML" not in text or path.parent.name == "prism"
