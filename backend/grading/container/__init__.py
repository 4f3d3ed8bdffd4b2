"""Programs that grading sends into the container beside the student's; `wire` is read on both sides."""
