"""A course as Markdown: its lessons, and all of it as a zip."""

import re
import unicodedata
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile

from backend.authoring.languages import Language
from backend.authoring.schemas import LessonAnswer, Outline
from backend.courses import LessonText, Modules

WORDS_PER_MINUTE = 120
"""Slower than reading for pleasure: the exercises take their time."""
FENCE = re.compile(r"^ {0,3}(`{3,}(?!.*`)|~{3,})(.*)$", re.MULTILINE)
"""A line that opens a block of code, or closes one when nothing follows the mark."""
SLUG_LENGTH = 60
NAMELESS = "lesson"


def lesson_markdown(lesson: LessonAnswer, language: Language) -> str:
    """A lesson's text, its parts under headings."""
    parts = (
        f"## {language.objectives}\n\n{_list(lesson.objectives)}",
        _closed(lesson.text),
        f"## {language.example}\n\n{_closed(lesson.example)}",
        f"## {language.exercises}\n\n{_list(lesson.exercises)}",
    )
    return "\n\n".join(parts)


def modules_of(outline: Outline, texts: dict[int, str]) -> Modules:
    """The outline's chapters with the lessons written so far (by place); the others are empty."""
    modules: list[tuple[str, list[LessonText]]] = []
    taken: set[str] = set()
    for place, lesson in enumerate(outline.lessons):
        if not modules or modules[-1][0] != lesson.module:
            modules.append((lesson.module, []))
        text = texts.get(place, "")
        modules[-1][1].append(LessonText(_slug(lesson.title, taken), lesson.title, minutes_of(text), text))
    return tuple((title, tuple(lessons)) for title, lessons in modules)


def course_zip(outline: Outline, modules: Modules) -> bytes:
    """A folder of Markdown files: the contents in README.md, one file for each lesson."""
    listed, files, place = [], {}, 0
    for title, lessons in modules:
        listed.append(f"\n## {title}\n")
        for lesson in lessons:
            place += 1
            name = f"{place:02}-{lesson.slug}.md"
            listed.append(f"{place}. [{_plain(lesson.title)}]({name})")
            files[name] = f"# {lesson.title}\n\n{lesson.markdown}\n"
    readme = f"# {outline.title}\n\n{outline.summary}\n" + "\n".join(listed) + "\n"
    held = BytesIO()
    with ZipFile(held, "w", ZIP_DEFLATED) as archive:
        for name, text in {"README.md": readme, **files}.items():
            archive.writestr(name, text)
    return held.getvalue()


def zip_name(outline: Outline) -> str:
    """What the zip is called."""
    return f"{_slug(outline.title, set(), 'course')}.zip"


def minutes_of(markdown: str) -> int:
    """How long a lesson takes, about; at least a minute."""
    return max(1, round(len(markdown.split()) / WORDS_PER_MINUTE))


def _slug(title: str, taken: set[str], nameless: str = NAMELESS) -> str:
    """A title as a part of an address, unlike those that are taken."""
    letters = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    wanted = "-".join(re.findall(r"[a-z0-9]+", letters))[:SLUG_LENGTH].strip("-") or nameless
    slug, count = wanted, 1
    while slug in taken:
        count += 1
        slug = f"{wanted}-{count}"
    taken.add(slug)
    return slug


def _list(items: list[str]) -> str:
    return "\n".join("- " + _closed(item).replace("\n", "\n  ") for item in items)


def _closed(text: str) -> str:
    """`text` with a code fence closed that it leaves open: it would swallow what follows."""
    opened = ""
    for found in FENCE.finditer(text):
        mark = found[1]
        if not opened:
            opened = mark
        elif mark.startswith(opened) and not found[2].strip():
            opened = ""
    return f"{text}\n{opened}" if opened else text


def _plain(title: str) -> str:
    return re.sub(r"([\[\]\\])", r"\\\1", title)
