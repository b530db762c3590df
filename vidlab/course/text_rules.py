"""Rules about a chapter's prose: its opening, its headings, its pictures and its links."""

import re
from dataclasses import dataclass
from itertools import pairwise

from vidlab.course.rulebook import Built, Rule, add_rule, outputs, rule, title
from vidlab.course.source import RUN_TIME

MAX_WORDS = 100  # of a paragraph
CLOSING = ("What you learned", "What can go wrong in practice", "Papers", "Where to go next")
SECTIONS = {
    "baseline": "Baseline",
    "pytorch": "PyTorch",
    "keras": "Keras",
    "same-weights": "Same weights, same answer",
    "control": "A control that could prove us wrong",
    "playground": "Playground",
    "exercises": "Exercises",
}

_NUMBER = re.compile(r"^\d+[a-z]?(\.\d+)*\.?\s*(·\s*)?")
_IMAGE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)[^)]*\)")
_HTML_IMAGE = re.compile(r"<img\b[^>]*>", re.I)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s#]+)(#[^)\s]*)?\)")


@dataclass(frozen=True)
class Heading:
    """A heading of the source: its level (1 is the chapter's title) and its words, unnumbered."""

    level: int
    words: str


def prose(built: Built) -> list[str]:
    """The markdown cells of the source, without code blocks."""
    texts = [cell.source for cell in built.cells if cell.kind == "markdown"]
    return [re.sub(r"^```.*?^```", "", text, flags=re.S | re.M) for text in texts]


def headings(built: Built) -> list[Heading]:
    """All headings of a chapter in order."""
    return [
        Heading(len(match[1]), _NUMBER.sub("", match[2].strip()))
        for text in prose(built)
        for match in re.finditer(r"^(#+)\s+(.*)$", text, flags=re.M)
    ]


def _starts(heading: Heading, words: str) -> bool:
    return heading.words.lower().startswith(words.lower())


def _section_rule(words: str) -> Rule:
    def has_section(built: Built) -> list[str]:
        found = any(_starts(heading, words) for heading in headings(built))
        return [] if found else [f"no heading that begins with {words!r}"]

    has_section.__doc__ = f"The chapter has a section {words!r}."
    return has_section


for _name, _words in SECTIONS.items():
    add_rule(f"section-{_name}", _section_rule(_words))


@rule
def opening(built: Built) -> list[str]:
    """The first cell has the title, what the reader can do afterwards, and the run time."""
    first = built.cells[0].source if built.cells else ""
    number = built.chapter.number
    wanted = {
        f'the title "# {number} · ..."': re.match(rf"# {number} · \S", first),
        '"After this chapter you can"': "after this chapter you can" in first.lower(),
        '"Builds on"': "builds on" in first.lower(),
        f"the run time as {RUN_TIME}": RUN_TIME in first,
    }
    return [f"the opening lacks {what}" for what, found in wanted.items() if not found]


@rule
def opening_picture(built: Built) -> list[str]:
    """A picture stands before the first section, in the text or as an output."""
    for node in built.solution.cells:
        if node.cell_type == "markdown":
            if _IMAGE.search(node.source.split("\n## ")[0]) and not node.source.startswith("## "):
                return []
            if re.search(r"^## ", node.source, flags=re.M):
                break
        elif any("image/png" in output.get("data", {}) for output in node.get("outputs", [])):
            return []
    return ["no picture before the first section"]


@rule
def same_subheadings(built: Built) -> list[str]:
    """The PyTorch and the Keras section have the same sub-headings."""
    found: dict[str, list[str]] = {"PyTorch": [], "Keras": []}
    inside = None
    for heading in headings(built):
        if heading.level <= 2:
            inside = next((name for name in found if _starts(heading, name)), None)
        elif inside:
            found[inside].append(heading.words)
    if found["PyTorch"] == found["Keras"]:
        return []
    return [f"PyTorch has {found['PyTorch']}, Keras has {found['Keras']}"]


@rule
def closing(built: Built) -> list[str]:
    """The last four sections are the closing ones, in their order."""
    last = [heading.words.lower() for heading in headings(built)][-len(CLOSING) :]
    wanted = [words.lower() for words in CLOSING]
    if len(last) == len(wanted) and all(map(str.startswith, last, wanted)):
        return []
    return [f"the last headings are {last}; expected {list(CLOSING)}"]


@rule
def repair_exercise(built: Built) -> list[str]:
    """From chapter 02 on, one exercise is "Repair this snippet"."""
    if built.chapter.number < "02":
        return []
    found = any("repair this snippet" in heading.words.lower() for heading in headings(built))
    return [] if found else ['no heading with "Repair this snippet"']


@rule
def short_paragraphs(built: Built) -> list[str]:
    """No paragraph or list item has more than 100 words."""
    found = []
    for text in prose(built):
        for paragraph in re.split(r"\n\s*\n|\n\s*(?:[-*]|\d+\.)\s", text):
            if not paragraph.startswith("|") and (count := len(paragraph.split())) > MAX_WORDS:
                found.append(f"{count} words: {paragraph.strip()[:60]!r}")
    return found


@rule
def alt_text(built: Built) -> list[str]:
    """Every picture in the text or in an HTML output has words for those who cannot see it."""
    found = [
        f"the picture {match[2]} has no alt text"
        for text in prose(built)
        for match in _IMAGE.finditer(text)
        if not match[1].strip()
    ]
    texts = [(text, "the text") for text in prose(built)]
    for cell, output in outputs(built.solution):
        shown = str(output.get("data", {}).get("text/html", ""))
        texts.append((shown, f"an output of {title(cell.source)}"))
    for text, where in texts:
        for match in _HTML_IMAGE.finditer(text):
            if not re.search(r"""\balt\s*=\s*["'][^"']""", match[0]):
                found.append(f"an <img> in {where} has no alt text")
    return found


@rule
def links(built: Built) -> list[str]:
    """Pictures and files that the text refers to exist, as seen from notebooks/."""
    folder = built.chapter.learner.parent
    found = []
    for text in prose(built):
        targets = [match[2] for match in _IMAGE.finditer(text)]
        targets += [match[1] for match in _LINK.finditer(text)]
        for target in targets:
            remote = re.match(r"[a-z]+:", target)
            if not remote and not (folder / target).exists():
                found.append(f"{target} does not exist")
    return found


@rule
def heading_levels(built: Built) -> list[str]:
    """One title; no heading skips a level."""
    levels = [heading.level for heading in headings(built)]
    found = [] if levels.count(1) == 1 else [f"{levels.count(1)} headings of level 1"]
    for before, after in pairwise(headings(built)):
        if after.level > before.level + 1:
            found.append(f"{after.words!r} skips a level")
    return found
