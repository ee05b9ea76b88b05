"""The rows that the README shows, written into it between its markers; run this to renew them."""

from __future__ import annotations

import json
import re
from pathlib import Path

from jit_synthesis import COLUMNS, JitSynthesisConfig, rows
from verification import sources

README = Path(__file__).parent.parent / "README.md"
MARK = re.compile(r"<!-- row (\w+) (\d+) -->\n(.*?)<!-- end -->\n", re.DOTALL)
LANGUAGE = {"python": "python", "cpp": "cpp", "cuda": "cuda"}


def shown(config: str, index: int) -> str:
    """Return a row as Markdown: its texts in blocks that fold, the rest as JSON."""
    options = JitSynthesisConfig(config, num_train=index + 1)
    [row] = rows(options, "train", index, index + 1)
    parts = [f"**`{config}`**\n"]
    parts += [f"```python\n{row.pop(name)}```\n" for name in sources(config)]
    for column in COLUMNS[config]:
        text = row.pop(column).strip("\n")
        language = LANGUAGE.get(column, "") if config != "stablehlo" else ""
        parts.append(
            f"<details><summary><code>{column}</code>, {len(text.splitlines())} lines</summary>\n\n"
            f"```{language}\n{text}\n```\n\n</details>\n"
        )
    rest = json.dumps(row, indent=1, ensure_ascii=False)
    rest = re.sub(r"\n {3,}|\n  (?=[}\]])", " ", rest)
    parts.append(f"<details><summary>the other columns</summary>\n\n```json\n{rest}\n```\n\n")
    return "\n".join(parts) + "</details>\n"


def renewed(text: str) -> str:
    """Return the README's text with its rows made now."""
    return MARK.sub(
        lambda m: f"<!-- row {m[1]} {m[2]} -->\n{shown(m[1], int(m[2]))}<!-- end -->\n", text
    )


if __name__ == "__main__":
    README.write_text(renewed(README.read_text(encoding="utf-8")), encoding="utf-8")
