"""The type, from npm packages: shipped with the build, never fetched from elsewhere."""

import reflex as rx

from app import theme


class _Fonts(rx.Fragment):
    """Imports the fonts' stylesheets into the bundle."""

    lib_dependencies: list[str] = list(theme.FONTS)

    def add_imports(self) -> dict[str, list[str]]:
        """The stylesheets, for their effect alone."""
        return {"": list(theme.FONT_STYLES)}


def fonts() -> rx.Component:
    """Put this once on each page."""
    return _Fonts.create()
