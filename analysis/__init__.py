"""From a run file to quantities, fits and a report; pure: no VISA, no Qt."""
