"""The house rules that import contracts cannot see (DESIGN.md, section 2)."""

import re
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = ("rupost_core", "rupost_cli", "rupost_web", "wizard")
SOURCES = [path for package in OURS for path in (ROOT / package).rglob("*.py")]
DRAWERS = {"utils.py", "common.py", "helpers.py", "manager.py"}
MOST_LINES, MEDIAN_LINES = 500, 140
FACES = {"textual", "rich", "click", "fastapi", "uvicorn", "starlette"}


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_modules_are_small_and_have_a_subject():
    sizes = {path: lines(path) for path in SOURCES}
    assert {path: size for path, size in sizes.items() if size > MOST_LINES} == {}
    assert statistics.median(size for size in sizes.values() if size) <= MEDIAN_LINES
    assert [path for path in SOURCES if path.name in DRAWERS] == []


@pytest.mark.parametrize("word", [r"shell=True", r"os\.system\(", r"os\.popen\("])
def test_no_shell_is_ever_asked(word):
    everything = [*SOURCES, *(ROOT / "lab").rglob("*.py"), ROOT / "packaging/build"]
    assert [path for path in everything if re.search(word, path.read_text(encoding="utf-8"))] == []


def test_every_program_that_is_run_has_a_time_limit():
    """`subprocess` is used in one place of the core, which insists on a timeout."""
    users = [
        path for path in SOURCES if re.search(r"^import subprocess|from subprocess", path.read_text(), re.MULTILINE)
    ]
    assert [str(path.relative_to(ROOT)) for path in users] == ["rupost_core/host/commands.py"]


def test_nothing_prints_in_the_core():
    assert [p for p in SOURCES if "rupost_core" in p.parts and re.search(r"^\s*print\(", p.read_text(), re.M)] == []


def loaded_after(statement: str) -> set[str]:
    """The top-level modules that a fresh interpreter holds after the statement."""
    code = f"{statement}; import sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT, timeout=60
    )
    return set(done.stdout.split())


def test_importing_the_core_has_no_side_effect():
    bare = loaded_after("pass")
    assert loaded_after("import rupost_core") - bare <= {"rupost_core"}


@pytest.mark.parametrize("service", ["access", "certificates", "cluster", "configuration", "directory", "mail"])
def test_a_service_brings_no_face_with_it(service):
    assert loaded_after(f"import rupost_core.{service}.service") & FACES == set()


def test_every_operation_is_declared_once_with_a_role_and_a_sentence():
    code = (
        "import importlib\n"
        "for s in ('access','certificates','cluster','configuration','directory','mail'):\n"
        "    importlib.import_module(f'rupost_core.{s}.service')\n"
        "import rupost_core.checks.mailflow, rupost_core.configuration.template_service\n"
        "import rupost_core.configuration.drift_service, rupost_core.configuration.override_service\n"
        "from rupost_core.operation import REGISTRY\n"
        "for o in REGISTRY.operations.values(): print(o.name, o.role.name, o.summary, sep='|')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT, timeout=60
    )
    rows = [row.split("|") for row in done.stdout.splitlines()]
    assert len(rows) > 20
    for name, role, summary in rows:
        assert re.fullmatch(r"[a-z]+\.[a-z_]+", name)
        assert role in ("VIEWER", "OPERATOR", "ADMINISTRATOR")
        assert summary.endswith("."), name
