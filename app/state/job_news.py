"""Long work can be left: whoever asked for it is told when it ends, once, wherever they are in the app."""

import reflex as rx

from app.state.job_words import ending_of
from app.state.session import Session, acting
from backend.core.errors import NotSignedIn
from backend.jobs import take_news


class JobNewsState(Session):
    """What is going on with the person's jobs."""

    active: int = 0
    """How many wait or run."""
    beats: int = 0
    """Counts readings: the page asks for the next when it has this one."""

    @rx.event
    async def look(self) -> None:
        """Is there anything new? A session that has ended is no news: the next thing that is done says so."""
        try:
            news = await take_news(acting())
        except NotSignedIn:
            self.active = 0
            return
        self.active = news.active
        self.beats += 1
        path = self.router.url.path.rstrip("/")
        told = [job for job in news.ended if path not in ("/jobs", f"/jobs/{job.id}")]
        if len(told) == 1:
            self._tell(ending_of(told[0]), href=f"/jobs/{told[0].id}")
        elif told:
            self._tell(f"{len(told)} of your jobs have ended.", href="/jobs")
