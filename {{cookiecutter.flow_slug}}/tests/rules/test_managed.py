"""The template's files are as the template made them: an update replaces them whole."""

from flow_ops import updates


def test_nobody_changed_a_managed_file() -> None:
    updates.check_managed_files()
