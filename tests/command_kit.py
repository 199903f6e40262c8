"""What tests of the command line share; the fixture ``run`` is in ``conftest.py``."""


def complains(result, *words):
    """Assert that a command failed with one sentence that holds all ``words``."""
    code, out, err = result
    assert code == 2
    assert out == ""
    assert err.startswith("error: ") and err.count("\n") == 1 and err.endswith("\n"), err
    for word in words:
        assert word in err
    assert "Traceback" not in err
