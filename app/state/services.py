"""The list of service configs."""

from typing import Any, TypedDict

import reflex as rx

from app.state.session import Session, acting
from backend.core.errors import Invalid, StoaError
from backend.genai import ServiceView, Spending, list_services

LONGEST_SEARCH = 100
SORTS = ("name", "spent", "used")
FILTERS = ("all", "unused", "budget")
USES_SHOWN = 3


class LinkItem(TypedDict):
    """A model in a chain."""

    role: str
    name: str
    off: bool


class BudgetItem(TypedDict):
    """What a config cost this month, in USD; `budget` is empty when there is none."""

    spent: str
    budget: str
    state: str
    share: float
    unpriced: int


class ServiceItem(TypedDict):
    """A row of the list."""

    id: str
    name: str
    href: str
    chain: list[LinkItem]
    uses: list[str]
    further_uses: int
    spending: BudgetItem


class ServicesState(Session):
    """Every service config, or those that were searched for."""

    services: list[ServiceItem] = []
    search: str = ""
    sort: str = "name"
    show: str = "all"
    loading: bool = True

    @rx.event
    async def load(self) -> Any:
        """Fill the page."""
        self.problem = ""
        try:
            await self._refresh()
        except StoaError as error:
            return self._refusal(error)
        self.loading = False
        return None

    @rx.event
    async def search_for(self, text: str) -> None:
        """Show the configs with this in their name or in a model's."""
        self.search = str(text)[:LONGEST_SEARCH]
        await self._refresh()

    @rx.event
    async def sort_by(self, key: str) -> None:
        """By name, by what was spent this month, or by how many places use it."""
        if key not in SORTS:
            raise Invalid("The list can't be sorted by that.")
        self.sort = key
        await self._refresh()

    @rx.event
    async def show_only(self, which: str) -> None:
        """All, those that nothing uses, or those whose budget is nearly or wholly spent."""
        if which not in FILTERS:
            raise Invalid("The list can't be filtered by that.")
        self.show = which
        await self._refresh()

    async def _refresh(self) -> None:
        views = [view for view in await list_services(acting(), self.search) if _shown(view, self.show)]
        if self.sort == "spent":
            views.sort(key=lambda view: view.spending.usd, reverse=True)
        elif self.sort == "used":
            views.sort(key=lambda view: len(view.uses), reverse=True)
        self.services = [_item(view) for view in views]


def budget_item(spending: Spending) -> BudgetItem:
    """What a page shows of a month's spending."""
    return BudgetItem(
        spent=f"{spending.usd:f}",
        budget=f"{spending.budget_usd:f}" if spending.budget_usd is not None else "",
        state=spending.state.value,
        share=spending.share,
        unpriced=spending.unpriced,
    )


def _shown(view: ServiceView, which: str) -> bool:
    return {
        "all": True,
        "unused": not view.uses,
        "budget": view.spending.state.value in {"warning", "spent"},
    }[which]


def _item(view: ServiceView) -> ServiceItem:
    return ServiceItem(
        id=str(view.id),
        name=view.name,
        href=f"/admin/services/{view.id}",
        chain=[LinkItem(role=each.role, name=each.model.name, off=not each.model.enabled) for each in view.chain],
        uses=[str(use) for use in view.uses[:USES_SHOWN]],
        further_uses=max(0, len(view.uses) - USES_SHOWN),
        spending=budget_item(view.spending),
    )
