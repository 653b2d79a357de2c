"""One copy for all: every pip of a base interpreter heals, and all of it can go again.

The interpreters are copies in a scratch folder; the pips, caches and indexes are real.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab import kill_switch
from lab.damages import damage
from lab.index_style import IndexStyle
from lab.machines import PIP, machine
from lab.permissions import without_override
from lab.pips import pip_wheel, tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Bench, Benches
    from lab.laboratory import Laboratory
    from lab.machines import Machine

pytestmark = pytest.mark.skipif(os.name == "nt", reason="modes and links of POSIX")

PAGE = "/simple/alpha/"
HEALED = "pipmend: quarantined the cached page of 'alpha'"
LOADED = "import sys; print(getattr(sys.modules.get('pipmend_hook'), '_HOME', None))"


def ready(lab: Laboratory, folder: Path, python: str | None = None) -> Machine:
    """A machine of its own for one test."""
    made = machine(lab, folder, python)
    if made is None:
        pytest.skip("an interpreter here does not run where it was not built for")
    return made


@pytest.fixture
def fresh(lab: Laboratory, tmp_path: Path) -> Iterator[Machine]:
    """A machine on which nothing was done yet."""
    made = ready(lab, tmp_path)
    yield made
    # It has many files, and pytest keeps those of three runs.
    made.base.remove()


@pytest.fixture(scope="module")
def served(lab: Laboratory, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """A machine that is served by a copy; tests leave it as it is."""
    made = ready(lab, tmp_path_factory.mktemp("served"))
    made.install()
    return made


# -- Who is reached ------------------------------------------------------------------


def broken(benches: Benches, folder: Path, pip: str = PIP) -> Bench:
    """A bench whose cache has an empty page."""
    bench = benches.bench(folder, pip, IndexStyle(), hooked=False)
    damage("body-empty").apply(bench.entry(PAGE))
    return bench


def start(served: Machine, way: str, folder: Path, lab: Laboratory) -> list[str]:
    """The command that starts a pip in one way, in an environment made just now."""
    wheel = pip_wheel(PIP, lab.store)
    home = replace(served.base, home=folder)
    if way == "base":
        return [str(served.base.python), "-m", "pip"]
    if way == "wheel-file":
        return [str(served.base.python), f"{wheel}/pip"]
    if way == "ensurepip":
        made = home.run("-m", "venv", folder / "venv")
        assert made.returncode == 0, str(made)
        return [str(folder / "venv" / "bin" / "python"), "-m", "pip"]
    if way == "other-python":
        made = home.run("-m", "venv", "--without-pip", folder / "venv")
        assert made.returncode == 0, str(made)
        outer = lab.venv(PIP, hooked=False)
        return [str(outer.python), "-m", "pip", "--python", str(folder / "venv")]
    venv = home.venv("venv", wheel)
    flags = {"venv": [], "isolated": ["-I"], "no-environment": ["-E", "-s"]}[way]
    return [str(venv.python), *flags, "-m", "pip"]


def bundled(served: Machine) -> str:
    """The version of the pip that comes with the interpreter."""
    (wheel,) = served.base.stdlib.glob("ensurepip/_bundled/pip-*.whl")
    return wheel.name.split("-")[1]


@pytest.mark.parametrize(
    "way",
    [
        "venv",
        "isolated",
        "no-environment",
        "base",
        "wheel-file",
        "ensurepip",
        "other-python",
    ],
)
def test_each_pip_of_the_interpreter_heals(
    way: str, served: Machine, benches: Benches, lab: Laboratory, tmp_path: Path
) -> None:
    """In environments made later, which were not touched."""
    pip = bundled(served) if way == "ensurepip" else PIP
    bench = broken(benches, tmp_path, pip)
    command = start(served, way, tmp_path, lab)

    target = ("--target", tmp_path / "target", "--no-compile")
    env = bench.pip.environment(bench.cache)
    done = replace(served.base, home=tmp_path).run(
        *command[1:], "install", *target, "alpha", python=Path(command[0]), env=env
    )

    assert done.returncode == 0, str(done)
    assert done.stderr.count("pipmend:") == done.stderr.count(HEALED) == 1, str(done)
    assert "pipmend" not in done.stdout
    assert tree(tmp_path / "target") == bench.warm.installed
    assert len(bench.quarantine) == 1


@pytest.mark.parametrize("name", ["wrapt", "msgpack", "platformdirs"])
def test_what_an_environment_has_for_itself_does_not_matter(
    name: str, served: Machine, benches: Benches, lab: Laboratory, tmp_path: Path
) -> None:
    """The copy brings its own: another version may be too old, or broken."""
    bench = broken(benches, tmp_path)
    venv = replace(served.base, home=tmp_path).venv("venv", pip_wheel(PIP, lab.store))
    (venv.site_packages / f"{name}.py").write_text("raise ImportError('too old')")

    healed = replace(bench, pip=replace(bench.pip, venv=venv)).install()

    assert healed.run.stderr.count("pipmend:") == 1, str(healed.run)
    assert HEALED in healed.run.stderr


@pytest.mark.parametrize("command", ["list", "freeze"])
def test_no_list_of_packages_changes(
    command: str, served: Machine, fresh: Machine
) -> None:
    """The interpreter lists what one lists that is not served."""
    with_it, without = (one.base.run("-m", "pip", command) for one in (served, fresh))

    assert with_it.returncode == 0, str(with_it)
    assert with_it.output == without.output


def test_a_start_loads_nothing_else(served: Machine, fresh: Machine) -> None:
    """What every start pays for is stage 0 and the module that loads it."""
    show = "import sys; print(*sorted(sys.modules))"
    modules = [set(one.base.run("-c", show).stdout.split()) for one in (served, fresh)]

    assert modules[0] - modules[1] == {"pipmend_hook"}
    assert not modules[1] - modules[0]


def test_a_copy_without_a_part_leaves_pip_as_it_is(
    fresh: Machine, benches: Benches, lab: Laboratory, tmp_path: Path
) -> None:
    """One line on stderr, and pip goes on without."""
    fresh.install()
    bench = benches.bench(tmp_path, PIP, IndexStyle(), hooked=False)
    shutil.rmtree(fresh.home / "wrapt")
    venv = fresh.base.venv("venv", pip_wheel(PIP, lab.store))

    done = replace(bench.pip, venv=venv).install(
        "alpha", target=tmp_path / "target", cache=bench.cache
    )

    assert done.returncode == 0, str(done)
    assert done.stderr.count("pipmend: not active, pip goes on") == 1


def test_opt_in_is_dormant_until_asked(
    fresh: Machine, benches: Benches, lab: Laboratory, tmp_path: Path
) -> None:
    """A second run without it wakes the copy for all."""
    said = fresh.install("--opt-in").stdout
    assert "dormant: set PIPMEND=heal" in said
    bench = broken(benches, tmp_path)
    pip = replace(bench.pip, venv=fresh.base.venv("venv", pip_wheel(PIP, lab.store)))
    bench = replace(bench, pip=pip)

    asleep = bench.install()
    assert "pipmend" not in asleep.run.output
    assert asleep.run.returncode != 0
    awake = bench.install(env={"PIPMEND": "heal"})
    assert HEALED in awake.run.stderr
    assert awake.files == bench.warm.installed

    assert "dormant:" not in fresh.install().stdout
    assert not (fresh.home / "pipmend" / "opt_in").exists()


@pytest.mark.matrix
@pytest.mark.parametrize(
    ("python", "pip"),
    [
        *(("3.9", pip) for pip in ("22.0.4", "23.0.1", "24.0", "25.3")),
        *(("3.10", pip) for pip in ("22.0.4", "23.0.1", "24.0", "26.3")),
        *(("3.11", pip) for pip in ("22.0.4", "23.0.1", "24.0", "26.3")),
        *(("3.12", pip) for pip in ("24.0", "26.3")),
        *(("3.13", pip) for pip in ("24.0", "26.3")),
    ],
)
def test_each_python_is_served(
    python: str, pip: str, benches: Benches, lab: Laboratory, tmp_path: Path
) -> None:
    """With a pip of each generation, and back to what was there before."""
    if python not in lab.pythons:
        pytest.skip("this Python is not here")
    made = ready(lab, tmp_path / "machine", python)
    before = made.state()
    made.install()
    bench = broken(benches, tmp_path / "bench", pip)
    venv = replace(made.base, home=tmp_path).venv("venv", pip_wheel(pip, lab.store))

    healed = replace(bench, pip=replace(bench.pip, venv=venv)).install()

    assert healed.run.returncode == 0, str(healed.run)
    assert HEALED in healed.run.stderr
    assert healed.files == bench.warm.installed
    made.uninstall()
    assert made.state() == before


# -- In and out ----------------------------------------------------------------------


def test_in_and_out_leaves_nothing(fresh: Machine) -> None:
    """Files, modes, links and times are what they were, whatever the umask."""
    original = fresh.file
    original.write_text("import atexit\n")
    fresh.base.run("-c", "pass")  # compiles it
    before = fresh.state()

    for umask in (0o000, 0o077):
        mask = ("sh", "-c", f'umask {umask:o}; exec "$@"', "sh")
        said = fresh.install("--opt-in", wrapper=mask).stdout
        assert f"enabled: Python {fresh.base.version}" in said
        assert fresh.base.run("-c", LOADED).stdout.strip().startswith(str(fresh.home))
        assert modes(fresh.root) == {0o644, 0o755}
        assert modes(fresh.base.stdlib, "*pipmend*", "sitecustomize*") <= {0o644, 0o755}
        fresh.uninstall()
        assert fresh.state() == before


def modes(folder: Path, *patterns: str) -> set[int]:
    """The modes of everything in a folder, or of what has such a name."""
    return {
        path.lstat().st_mode & 0o777
        for pattern in patterns or ("*",)
        for path in folder.rglob(pattern)
    }


def test_everything_is_compiled(served: Machine) -> None:
    """A start writes no byte code, and would find no place for it."""
    sources = [
        *served.home.rglob("*.py"),
        served.file,
    ]
    tag = f"cpython-{''.join(served.base.version.split('.')[:2])}"

    for source in sources:
        assert (source.parent / "__pycache__" / f"{source.stem}.{tag}.pyc").is_file()


def test_a_second_run_changes_nothing(fresh: Machine) -> None:
    """Nor does a look at it, nor a dry run."""
    dry = fresh.install("--dry-run").stdout
    assert "would be enabled" in dry
    assert "nothing was written" in dry
    assert not fresh.root.parent.exists()
    fresh.install()
    before = fresh.state()
    times = before.keys() - {str(fresh.root), str(fresh.root / "receipt.json")}

    assert "enabled already" in fresh.install().stdout
    prefix = ("--prefix", fresh.root)
    assert fresh.hook("--global", *prefix, "--status").returncode == 0
    assert "would be disabled" in fresh.uninstall("--dry-run").stdout
    after = fresh.state()
    assert {name: after[name] for name in times} == {
        name: before[name] for name in times
    }


def test_a_new_version_takes_the_place_of_the_old_one(fresh: Machine) -> None:
    """Its dependencies stay, so no index is needed."""
    fresh.install()
    module = outdate(fresh)
    where = ("--prefix", fresh.root, "--python", fresh.base.python)

    done = fresh.hook(
        "--global", *where, env={"PIP_INDEX_URL": "https://index.example"}
    )

    assert done.returncode == 0, str(done)
    assert "making the copy" in done.stdout
    assert "0.0.1" not in module.read_text()
    assert [path.name for path in fresh.root.iterdir() if path.name[0] == "."] == []


def outdate(served: Machine) -> Path:
    """Make the copy one of an earlier version; returns what has changed."""
    module = served.home / "pipmend" / "__init__.py"
    listing = served.home / "pipmend-files.json"
    module.write_text('__version__ = "0.0.1"\n')
    listed = json.loads(listing.read_bytes())
    listed["pipmend/__init__.py"] = hashlib.sha256(module.read_bytes()).hexdigest()
    listing.write_text(json.dumps(listed))
    return module


def test_its_command_runs_anywhere(served: Machine) -> None:
    """The script of the copy, run by the first python3 of the PATH."""
    folder = served.base.home / "bin"
    folder.mkdir()
    (folder / "python3").symlink_to(served.base.python)
    command = served.home / "bin" / "pipmend"
    done = served.base.run(
        "-c",
        f"import subprocess; subprocess.run([{str(command)!r}, '--version'])",
        env={"PATH": f"{folder}{os.pathsep}{os.defpath}"},
    )
    assert done.stdout.startswith("pipmend "), str(done)


# -- What others have changed --------------------------------------------------------


def test_a_changed_file_is_left_and_named(fresh: Machine) -> None:
    """Until it is as it was; nothing that it needs goes before."""
    before = fresh.state()
    fresh.install()
    ours = fresh.file.read_bytes()
    fresh.file.write_bytes(ours + b"import atexit\n")

    said = fresh.uninstall(code=1).stdout
    assert f"left alone: {fresh.file}" in said
    assert fresh.base.run("-c", LOADED).stdout.strip().startswith(str(fresh.home))
    assert f"left alone: {fresh.file}" in fresh.install(code=1).stdout

    fresh.file.write_bytes(ours)
    fresh.uninstall()
    after = fresh.state()
    assert after.keys() == before.keys()


def test_what_others_put_into_the_copy_stays(fresh: Machine) -> None:
    fresh.install()
    note = fresh.home / "note.txt"
    note.touch()
    changed = fresh.home / "wrapt" / "patches.py"
    changed.write_text("# mine\n")

    said = fresh.uninstall(code=1).stdout

    assert f": {note}\n" in said
    assert f": {changed}\n" in said
    files = {path for path in fresh.root.rglob("*") if path.is_file()}
    assert files == {note, changed}
    assert not fresh.file.exists()


def test_a_lost_activation_is_repaired(fresh: Machine) -> None:
    """An interpreter that was installed anew, with a sitecustomize of its own."""
    fresh.install()
    fresh.file.write_text("print('new')\n")
    prefix = ("--prefix", fresh.root)
    assert "missing or changed" in fresh.hook("--global", *prefix, "--status").stdout

    assert "repaired: " in fresh.install().stdout

    assert fresh.base.run("-c", LOADED).stdout.startswith("new\n/")
    fresh.uninstall()
    assert fresh.file.read_text() == "print('new')\n"


def test_a_copy_whose_receipt_is_lost_is_taken_over(fresh: Machine) -> None:
    """What it has set aside comes back at the end, a relative link too."""
    (fresh.base.stdlib / "other.py").write_text("print('linked')\n")
    fresh.file.symlink_to("other.py")
    before = fresh.state()
    fresh.install()
    shutil.rmtree(fresh.root)

    assert "repaired: " in fresh.install().stdout
    assert fresh.base.run("-c", LOADED).stdout.startswith("linked\n/")
    fresh.uninstall()
    assert fresh.state().keys() == before.keys()
    assert os.readlink(fresh.file) == "other.py"  # noqa: PTH115


def test_two_copies_do_not_serve_one_interpreter(fresh: Machine) -> None:
    fresh.install()
    other = replace(fresh, root=fresh.root.with_name("other"))

    done = other.install(code=3)

    assert "is served by another copy already" in done.output
    assert not other.root.exists()


# -- Interrupted ---------------------------------------------------------------------

STEPS = [5, 12]
"""Of those within the interpreter, the ones of the default run."""


def killed(
    fresh: Machine,
    below: Path,
    at: int,
    *arguments: str,
    steps: str = "open rename mkdir sync",
) -> bool:
    """Whether a run was killed at that step below a folder."""
    switch = fresh.base.home / "switch"
    switch.mkdir(exist_ok=True)
    shutil.copy(kill_switch.__file__, switch / "sitecustomize.py")
    env = {
        "PYTHONPATH": str(switch),
        "PYTHONDONTWRITEBYTECODE": "1",
        "LAB_KILL_AT": str(at),
        "LAB_KILL_BELOW": str(below),
        "LAB_KILL_STEPS": steps,
    }
    words: list[str | Path] = ["--global", "--prefix", fresh.root, *arguments]
    if "--uninstall" not in arguments:
        words += ["--python", fresh.base.python, "--wheels", fresh.wheels]
    done = fresh.hook(*words, env=env)
    assert done.returncode in {0, -9}, str(done)
    return done.returncode == -9


@pytest.mark.parametrize(
    "at",
    [
        pytest.param(at, marks=[] if at in STEPS else [pytest.mark.matrix])
        for at in range(1, 24)
    ],
)
def test_an_interrupted_installation_is_repaired_or_undone(
    at: int, fresh: Machine
) -> None:
    """Killed while it works on the interpreter: Python runs, and both ways are open."""
    fresh.file.write_text("print('original')\n")
    fresh.base.run("-c", "pass")
    before = fresh.state()
    if not killed(fresh, fresh.base.stdlib, at):
        pytest.skip("there are fewer steps")
    assert fresh.base.run("-c", "print('on')").stdout.endswith("on\n")

    again = replace(fresh)
    if at % 2:
        again.install()
        done = again.base.run("-c", LOADED)
        assert done.stdout.startswith(f"original\n{again.home}"), str(done)
        assert not done.stderr
    again.uninstall()
    assert again.state().keys() == before.keys()
    assert contents(again.state()) == contents(before)


def contents(state: dict[str, tuple[object, ...]]) -> dict[str, object]:
    """A state without the times of folders, which an interruption may change."""
    return {
        name: what[:1] + what[2:] if what[-1] is None else what
        for name, what in state.items()
    }


@pytest.mark.parametrize(
    ("step", "at"),
    [
        ("rename", 2),
        *(
            pytest.param(step, at, marks=pytest.mark.matrix)
            for step in ("mkdir", "open")
            for at in (1, 2, 100)
        ),
        pytest.param("rename", 1, marks=pytest.mark.matrix),
        *(pytest.param("rename", at, marks=pytest.mark.matrix) for at in (3, 4)),
    ],
)
def test_an_interrupted_copy_is_never_in_use(
    step: str, at: int, fresh: Machine
) -> None:
    """Killed while it works on the private folder."""
    before = fresh.state()
    assert killed(fresh, fresh.root, at, steps=step)
    done = fresh.base.run("-c", LOADED)
    assert (done.returncode, done.stderr) == (0, "")

    fresh.install()
    assert fresh.base.run("-c", LOADED).stdout.startswith(str(fresh.home))
    assert {path.name for path in fresh.root.iterdir()} == {"lib", "receipt.json"}
    fresh.uninstall()
    assert fresh.state().keys() == before.keys()


@pytest.mark.matrix
@pytest.mark.parametrize("at", range(1, 6))
def test_an_interrupted_exchange_is_repaired(at: int, fresh: Machine) -> None:
    """Killed while a new copy takes the place of the old one: Python goes on."""
    before = fresh.state()
    fresh.install()
    outdate(fresh)
    if not killed(fresh, fresh.root, at, steps="rename"):
        pytest.skip("there are fewer steps")
    done = fresh.base.run("-c", "print('on')")
    assert (done.returncode, done.stdout) == (0, "on\n")

    fresh.install()
    assert fresh.base.run("-c", LOADED).stdout.startswith(str(fresh.home))
    assert {path.name for path in fresh.root.iterdir()} == {"lib", "receipt.json"}
    fresh.uninstall()
    assert fresh.state().keys() == before.keys()


REMOVAL_SWITCH = """\
import os, signal, sys
left, below = int(os.environ["KILL_AT"]), os.environ["KILL_BELOW"]
def audit(event, args):
    global left
    if event in {"os.remove", "os.rmdir", "os.rename"}:
        if str(args[0]).startswith(below):
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(audit)
"""


@pytest.mark.parametrize(
    "at",
    [
        pytest.param(at, marks=[] if at == 5 else [pytest.mark.matrix])
        for at in (*range(1, 16), 50, 200, 400)
    ],
)
def test_an_interrupted_removal_is_finished_by_the_next(
    at: int, fresh: Machine
) -> None:
    """Killed anywhere: Python runs on, and the rest goes with the next run."""
    fresh.file.write_text("print('original')\n")
    fresh.base.run("-c", "pass")
    before = fresh.state()
    fresh.install()
    switch = fresh.base.home / "switch"
    switch.mkdir()
    (switch / "sitecustomize.py").write_text(REMOVAL_SWITCH)
    below = fresh.base.prefix.parent
    env = {"PYTHONPATH": str(switch), "KILL_AT": str(at), "KILL_BELOW": str(below)}
    words = ("--global", "--prefix", fresh.root, "--uninstall")
    assert fresh.hook(*words, env=env).returncode == -9
    assert fresh.base.run("-c", "print('on')").returncode == 0

    fresh.uninstall()

    assert contents(fresh.state()) == contents(before)


# -- Refused -------------------------------------------------------------------------


def test_folders_of_everybody_are_refused(fresh: Machine) -> None:
    """Neither the interpreter nor the copy may lie where others can write."""
    lib = fresh.base.stdlib.parent
    for folder in (lib, fresh.root.parent):
        folder.mkdir(exist_ok=True)
        folder.chmod(0o777)
        before = fresh.state()
        done = fresh.install("--allow-group", code=3)
        assert f"everybody may write to {folder} (mode 0777)" in done.stderr
        assert fresh.state() == before
        folder.chmod(0o1777)
        fresh.install("--dry-run")
        folder.chmod(0o755)


@pytest.mark.skipif(
    os.name == "nt" or os.geteuid() != 0, reason="only root can give files away"
)
def test_what_a_group_or_another_user_may_change_is_refused(fresh: Machine) -> None:
    """Unless that is accepted; who names an interpreter answers for its owner."""
    stdlib = fresh.base.stdlib
    os.chown(stdlib, 65534, 65534)
    stdlib.chmod(0o775)

    done = fresh.install(code=3)
    assert "may write to" in done.stderr
    assert "--allow-group" in done.stderr
    fresh.install("--allow-group")
    fresh.uninstall()
    stdlib.chmod(0o755)
    fresh.install()


def test_without_the_right_to_write_it_names_the_way_out(fresh: Machine) -> None:
    """As an ordinary user on the interpreter of the system."""
    fresh.base.stdlib.chmod(0o555)

    done = fresh.install(code=3, wrapper=without_override([]))

    assert f"cannot write to {fresh.base.stdlib}" in done.stderr
    assert "--user" in done.stderr
    assert not fresh.root.exists()


def test_who_may_not_write_may_not_uninstall(fresh: Machine) -> None:
    assert "there is no copy" in fresh.uninstall().stdout
    fresh.install()
    fresh.root.chmod(0o555)
    words = ("--global", "--prefix", fresh.root, "--uninstall")

    done = fresh.hook(*words, wrapper=without_override([]))

    assert done.returncode == 3, str(done)
    assert f"cannot write to {fresh.root}; run it as root" in done.stderr
    assert fresh.base.run("-c", LOADED).stdout.startswith(str(fresh.home))


def test_a_folder_of_somebody_else_is_left_alone(fresh: Machine) -> None:
    fresh.root.mkdir(parents=True)
    (fresh.root / "thesis.txt").touch()

    done = fresh.install(code=3)

    assert "is not pipmend's" in done.stderr
    assert [path.name for path in fresh.root.iterdir()] == ["thesis.txt"]


def test_a_damaged_receipt_is_not_guessed_at(fresh: Machine) -> None:
    fresh.install()
    (fresh.root / "receipt.json").write_text("{")

    assert "receipt.json is damaged" in fresh.install(code=1).stderr
    assert "receipt.json is damaged" in fresh.uninstall(code=1).stderr
    assert fresh.home.is_dir()


def test_two_runs_do_not_mix(fresh: Machine) -> None:
    fcntl = pytest.importorskip("fcntl")
    fresh.root.mkdir(parents=True)
    descriptor = os.open(fresh.root, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)

    done = fresh.install(code=3)

    os.close(descriptor)
    assert "another run is at work" in done.stderr


# -- For one user --------------------------------------------------------------------


def test_for_one_user_the_own_python_is_served_whole(fresh: Machine) -> None:
    """It lies in the user's home folder, as those of pyenv, uv and conda do."""
    home = fresh.base.home.parent
    before = fresh.state()
    env = {"HOME": str(home), "XDG_DATA_HOME": str(home / "data")}
    where = ("--user", "--python", fresh.base.python, "--wheels", fresh.wheels)

    done = fresh.hook("--global", *where, env=env)

    assert done.returncode == 0, str(done)
    assert (home / "data" / "pipmend" / "lib" / "pipmend_hook.py").is_file()
    assert fresh.file.is_file()
    assert "works in" not in done.stdout
    done = fresh.hook("--global", "--user", "--uninstall", env=env)
    assert done.returncode == 0, str(done)
    assert not (home / "data").exists()
    assert fresh.state() == before


def test_for_one_user_the_system_python_is_served_in_part(fresh: Machine) -> None:
    """By a file in the user's own folder, which venvs do not see; it says so."""
    before = fresh.state()
    where = ("--user", "--python", fresh.base.python, "--wheels", fresh.wheels)

    done = fresh.hook("--global", *where)

    assert done.returncode == 0, str(done)
    assert "not in other venvs" in done.stdout
    assert not fresh.file.exists()
    assert fresh.base.run("-c", LOADED).stdout != "None\n"
    assert fresh.base.run("-I", "-c", LOADED).stdout == "None\n"
    done = fresh.hook("--global", "--user", "--uninstall")
    assert done.returncode == 0, str(done)
    assert fresh.state() == before
