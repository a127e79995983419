"""The library in `vendor/` is as the template made it: an update replaces it whole."""

from flow_ops import updates


def test_nobody_changed_the_vendored_library() -> None:
    updates.check_vendored()
