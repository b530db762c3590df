"""The command line: help, errors in words, exit statuses."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

import vidlab
from vidlab import cli, packages


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch):
    """Put a module of the test's own behind ``vidlab try``."""

    def put(**members: object) -> None:
        module = SimpleNamespace(__doc__="Try it.", add_arguments=lambda parser: None, **members)
        monkeypatch.setitem(cli.COMMANDS, "try", ("vidlab_try", "try it"))
        monkeypatch.setitem(sys.modules, "vidlab_try", module)

    return put


def test_version(capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(["--version"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out == f"vidlab {vidlab.__version__}\n"


def test_help_names_every_command(capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(["--help"])
    assert stopped.value.code == 0
    text = capsys.readouterr().out
    assert all(f"  {name}" in text and words in text for name, (_, words) in cli.COMMANDS.items())


def test_no_command_shows_the_help_and_is_an_error(capsys):
    assert cli.main([]) == 2
    assert "vidlab COMMAND" in capsys.readouterr().out


def test_an_unknown_command_is_answered_with_the_nearest(capsys):
    assert cli.main(["docter"]) == 2
    text = capsys.readouterr().err
    assert "no command 'docter'" in text
    assert "vidlab doctor" in text


def test_an_unknown_command_without_a_near_one_lists_all(capsys):
    assert cli.main(["zzz"]) == 2
    text = capsys.readouterr().err
    assert ", ".join(cli.COMMANDS) in text
    assert "Did you mean" not in text


@pytest.mark.parametrize("status", [0, 1])
def test_the_exit_status_is_the_commands(command, status: int):
    command(run=lambda args: status)
    assert cli.main(["try"]) == status


def test_an_interruption_is_130_and_one_line(command, capsys):
    def run(args):
        raise KeyboardInterrupt

    command(run=run)
    assert cli.main(["try"]) == 130
    assert capsys.readouterr().err == "vidlab try: interrupted\n"


def test_unknown_arguments_are_refused(command, capsys):
    command(run=lambda args: 0)
    with pytest.raises(SystemExit) as stopped:
        cli.main(["try", "--wrong", "1"])
    assert stopped.value.code == 2
    assert "--wrong 1" in capsys.readouterr().err


def test_a_command_may_take_arguments_for_somebody_else(command):
    seen = []
    command(run=lambda args: seen.append(args.rest) or 0, PASSES_ON=True)
    assert cli.main(["try", "--port", "9000"]) == 0
    assert seen == [["--port", "9000"]]


@pytest.mark.parametrize(
    ("module", "target"), [("torch", "'.[torch]'"), ("cv2", "'.[lab]'"), ("skimage.data", "-e .")]
)
def test_a_missing_package_names_its_extra(command, capsys, module: str, target: str):
    def run(args):
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)

    command(run=run)
    assert cli.main(["try"]) == 1
    text = capsys.readouterr().err
    assert repr(module) in text
    assert text.rstrip().endswith(target)


def test_a_module_that_no_extra_brings_is_a_bug_and_raises(command):
    def run(args):
        raise ModuleNotFoundError("No module named 'vidlab.nonsense'", name="vidlab.nonsense")

    command(run=run)
    with pytest.raises(ModuleNotFoundError):
        cli.main(["try"])


def test_a_reader_that_goes_away_is_no_traceback():
    code = "import vidlab.cli as c, vidlab.doctor as d, itertools\n"
    code += "d.examine = lambda: itertools.repeat(d.Finding('ok', 'a line'))\n"
    code += "raise SystemExit(c.main(['doctor']))"
    done = subprocess.run(
        f'"{sys.executable}" -c "$CODE" | head -n 2',
        shell=True,
        env={"CODE": code, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert done.stdout.startswith("vidlab")
    assert done.stderr == ""


def test_python_dash_m_is_the_same_command():
    command = [sys.executable, "-m", "vidlab", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["vidlab", vidlab.__version__]


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_explains_itself(name: str, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main([name, "--help"])
    assert stopped.value.code == 0
    assert f"vidlab {name}" in capsys.readouterr().out


def test_every_required_package_is_known_by_its_import():
    for package in packages.requirements():
        module = packages.IMPORT_NAMES.get(package, package.replace("-", "_"))
        assert packages.extra_of(module) is not None
