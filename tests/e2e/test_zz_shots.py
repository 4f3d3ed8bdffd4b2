import pathlib

OUT = pathlib.Path("/tmp/shots/jobpages")


def test_shots(jobs, visit):
    OUT.mkdir(parents=True, exist_ok=True)
    for name, how in {"desk": {}, "phone": {"phone": True}, "dark": {"dark": True}}.items():
        v = visit("pia", **how)
        page = v.page
        running = jobs.add("pia", chapters=20, seconds=0.5)
        dead = jobs.add("pia", "trouble", status="dead", error="The model didn't answer in time, three times in a row.")
        jobs.add("ada", "story", status="succeeded")
        page.goto("/jobs")
        page.wait_for_timeout(2500)
        page.screenshot(path=OUT / f"{name}-list.png", full_page=True)
        page.goto(f"/jobs/{running}")
        page.wait_for_timeout(3500)
        page.screenshot(path=OUT / f"{name}-job.png", full_page=True)
        page.goto(f"/jobs/{dead}")
        page.wait_for_timeout(1500)
        page.screenshot(path=OUT / f"{name}-dead.png", full_page=True)
        page.goto("/")
        page.wait_for_timeout(2500)
        page.screenshot(path=OUT / f"{name}-home.png", full_page=True)
        page.goto("/admin/jobs")
        page.wait_for_timeout(2500)
        page.get_by_label("Lane or kind").select_option("The whole cpu lane")
        page.get_by_role("button", name="Pause", exact=True).click()
        page.wait_for_timeout(1000)
        page.get_by_role("checkbox", name="All jobs of this page").check()
        page.wait_for_timeout(1500)
        page.screenshot(path=OUT / f"{name}-admin.png", full_page=True)
        page.get_by_role("button", name="Resume: The whole cpu lane").click()
        page.wait_for_timeout(500)
        page.goto("/account")
        page.wait_for_timeout(9000)
        page.screenshot(path=OUT / f"{name}-toast.png")
