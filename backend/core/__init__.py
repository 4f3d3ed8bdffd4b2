"""What everything stands on: settings, database, Redis, time, errors, events, embedded services."""
