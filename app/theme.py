"""Colours, type and spacing: the only place where they are written.

Every pair of colours used for text is at least 4.5:1 in both themes.
"""

LIGHT = {
    "paper": "#FBFAF7",
    "surface": "#FFFFFF",
    "sunken": "#F3F1EC",
    "ink": "#1F1D1A",
    "muted": "#5F5B54",
    "line": "#E4E0D8",
    "edge": "#8C867B",
    "accent": "#1F6F5C",
    "on-accent": "#FFFFFF",
    "accent-soft": "#E3F0EB",
    "warn": "#8A5A00",
    "bad": "#A8321F",
    "good": "#2C6E3F",
    "chart-1": "#1F6F5C",
    "chart-2": "#B4632B",
    "chart-3": "#5B5F97",
    "chart-4": "#A8893A",
    "chart-5": "#7A4A63",
    "shadow": "0 1px 2px rgb(31 29 26/.05), 0 8px 24px -12px rgb(31 29 26/.14)",
}
"""`edge` outlines controls at 3:1 (WCAG 2.2, 1.4.11); `line` only separates."""

DARK = {
    "paper": "#161513",
    "surface": "#1E1D1A",
    "sunken": "#121110",
    "ink": "#ECE8E1",
    "muted": "#A8A298",
    "line": "#35322D",
    "edge": "#7A746A",
    "accent": "#6CC3A8",
    "on-accent": "#0E211B",
    "accent-soft": "#1E332C",
    "warn": "#E0B15A",
    "bad": "#F08A75",
    "good": "#7CCB93",
    "chart-1": "#6CC3A8",
    "chart-2": "#E0955C",
    "chart-3": "#9DA1DC",
    "chart-4": "#D9BC6A",
    "chart-5": "#C48BAA",
    "shadow": "none",
}

SHAPE = {
    "sans": '"Inter Variable",Inter,system-ui,sans-serif',
    "serif": '"Source Serif 4 Variable","Source Serif 4",Georgia,serif',
    "mono": '"JetBrains Mono Variable","JetBrains Mono",ui-monospace,monospace',
    "s1": "4px",
    "s2": "8px",
    "s3": "12px",
    "s4": "16px",
    "s5": "24px",
    "s6": "32px",
    "s7": "48px",
    "s8": "72px",
    "radius": "10px",
    "radius-s": "6px",
    "t-xs": "12px",
    "t-s": "13.5px",
    "t-m": "15px",
    "t-l": "18px",
    "t-xl": "24px",
    "t-2xl": "34px",
    "measure": "68ch",
}

FONTS = (
    "@fontsource-variable/inter@5.3.0",
    "@fontsource-variable/source-serif-4@5.3.1",
    "@fontsource-variable/jetbrains-mono@5.3.0",
)
"""Shipped with the build, never fetched from elsewhere. Browsers load only the subsets that a page uses."""

FONT_STYLES = (
    "@fontsource-variable/inter/index.css",
    "@fontsource-variable/source-serif-4/index.css",
    "@fontsource-variable/source-serif-4/wght-italic.css",
    "@fontsource-variable/jetbrains-mono/index.css",
)


def tokens_css() -> str:
    """The tokens as custom properties, for the head of every page."""
    return (
        f":root{{color-scheme:light;{_properties(SHAPE)}{_properties(LIGHT)}}}"
        f"html.dark{{color-scheme:dark;{_properties(DARK)}}}"
    )


def _properties(tokens: dict[str, str]) -> str:
    return "".join(f"--{name}:{value};" for name, value in tokens.items())
