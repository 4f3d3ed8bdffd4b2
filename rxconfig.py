"""Reflex's configuration; reads `backend.core.settings` only."""

import reflex as rx

from backend.core.settings import get_settings

settings = get_settings()

config = rx.Config(
    app_name="app",
    frontend_port=settings.port,
    backend_port=settings.port,
    backend_host=settings.host,
    api_url=settings.base_url,
    deploy_url=settings.base_url,
    cors_allowed_origins=list(settings.origins),
    telemetry_enabled=False,
    show_built_with_reflex=False,
    default_color_mode="system",
    state_manager_mode="memory",
    disable_plugins=[rx.plugins.SitemapPlugin],
)
