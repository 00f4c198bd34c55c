"""The answer to a wrong command line."""

from handos_model.cli import main


def refused(capsys, *argv) -> str:
    """The one sentence that a wrong command gives."""
    try:
        code = main([str(a) for a in argv])
    except SystemExit as stop:
        code = stop.code
    error = capsys.readouterr().err
    assert code == 2
    assert error.count("\n") == 1
    assert "Traceback" not in error
    return error
