"""Pages from the templates of a package."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources

from nanojunction.analysis.report.words import in_html


def rendered(package: str, template: str, **values: object) -> Iterator[str]:
    """Yield the text of a page piece by piece; what is not marked as safe is escaped.

    `package` holds a folder `templates`, which may include those of the report.
    """
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    folders = [resources.files(one) / "templates" for one in (package, _SHARED)]

    def source(name: str) -> str | None:
        found = next((one / name for one in folders if (one / name).is_file()), None)
        return None if found is None else found.read_text(encoding="utf-8")

    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=FunctionLoader(source),
    )
    environment.filters["words"] = in_html
    yield from environment.get_template(template).generate(**values)


_SHARED = "nanojunction.analysis.report"
