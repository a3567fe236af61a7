"""S-129: who may what does not hang on an ``assert``, which python -O leaves out.

The tests that prove it run in a process under -O. pytest writes the asserts of test files, and of those named in
tests/conftest.py, anew as plain ifs: they still count there, and authorization.py looks whether they do. What an assert
under iaas/ may say is in tests/architecture/test_handlers_and_secrets.py.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ISOLATION = "test_what_another_project_has_is_answered_like_what_nobody_has_and_stays_as_it_is"
CHOSEN = (
    "tests/api/authorization.py",
    f"tests/api/test_isolation.py::{ISOLATION}",
    "tests/unit/identity/test_tokens.py",
    "tests/api/identity/test_tokens.py::test_a_revoked_token_is_unknown_from_then_on",
    "tests/api/identity/test_tokens.py::test_a_token_is_401_everywhere_once_it_has_expired",
)


@pytest.mark.timeout(300)
def test_authorization_holds_without_asserts() -> None:
    options = ["-n0", "-p", "no:cacheprovider"]
    command = [sys.executable, "-O", "-m", "pytest", *options, *CHOSEN]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
