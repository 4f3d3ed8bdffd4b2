"""The type, from npm packages: shipped with the build, never fetched from elsewhere."""

import reflex as rx
from reflex.utils.imports import ImportVar

from app import theme


class _Fonts(rx.Fragment):
    """Imports the fonts' stylesheets into the bundle."""

    lib_dependencies: list[str] = list(theme.FONTS)

    def add_imports(self) -> dict[str, list[ImportVar]]:
        """The stylesheets, for their effect alone."""
        return {"": [ImportVar(tag=None, package_path=style) for style in theme.FONT_STYLES]}


def fonts() -> rx.Component:
    """Put this once on each page."""
    return _Fonts.create()
