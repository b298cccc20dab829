"""A kernel's compiled loop and its Python steps are the same function."""

from __future__ import annotations

import math
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptobot.core.errors import ConfigError
from cryptobot.strategy.kernel import Kernel, kernel

SCALE = 2.0


def _helper(x):
    return _inner(x) + 1.0


def _inner(x):
    return x * SCALE


@kernel
def running(state, high, low, weight):
    """A bit of everything a kernel may use."""
    state[0] += 1.0
    state[1] += weight * (math.log(high / low) + math.sqrt(abs(high - low)) - state[1])
    state[2] = max(state[2], _helper(high) % 7.0, float(int(low)))
    if state[0] < 3.0:
        return math.nan
    return state[1] / state[2] + math.floor(high) // 3


def stepped(step, state, columns, arguments):
    state = list(state)
    return np.array([step.step(state, *row, *arguments) for row in zip(*(c.tolist() for c in columns), strict=True)])


prices = st.lists(st.floats(1e-3, 1e6), min_size=1, max_size=40)


@settings(deadline=None)
@given(prices, prices, st.floats(1e-3, 1.0))
def test_scan_and_step_give_the_same_bits(high, low, weight):
    n = min(len(high), len(low))
    columns = [np.array(high[:n]), np.array(low[:n])]
    scanned = running.scan([0.0, 0.0, 1.0], columns, [weight])
    wanted = stepped(running, [0.0, 0.0, 1.0], columns, [weight])
    np.testing.assert_array_equal(scanned.view(np.int64), wanted.view(np.int64))


def test_scan_keeps_state_and_columns_as_they_were():
    state, column = [0.0, 0.0, 1.0], np.array([2.0, 3.0, 4.0])
    scanned = running.scan(state, [column, column], [0.5])
    assert state == [0.0, 0.0, 1.0]
    array = np.array(state)
    np.testing.assert_array_equal(running.scan(array, [column, column], [0.5]), scanned)
    assert array.tolist() == state
    assert column.tolist() == [2.0, 3.0, 4.0]
    assert column.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        scanned[0] = 1.0


def test_any_layout_of_columns_is_taken():
    table = np.arange(1.0, 21.0).reshape(10, 2)
    wanted = running.scan([0.0, 0.0, 1.0], [table[:, 1].copy(), table[:, 0].copy()], [0.5])
    np.testing.assert_array_equal(running.scan([0.0, 0.0, 1.0], [table[:, 1], table[:, 0]], [0.5]), wanted)
    np.testing.assert_array_equal(
        running.scan([0.0, 0.0, 1.0], [table[:, 1].astype(int), table[:, 0].astype(np.float32)], [0.5]), wanted
    )
    assert running.scan([0.0, 0.0, 1.0], [np.empty(0), np.empty(0)], [0.5]).shape == (0,)


def test_the_number_of_values_must_fit():
    column = np.ones(3)
    with pytest.raises(
        ConfigError, match="takes 3 values after `state`, but the feature gives 1 inputs and 1 arguments"
    ):
        running.scan([0.0] * 3, [column], [1.0])
    with pytest.raises(ConfigError, match="gives 2 inputs and 2 arguments"):
        running.scan([0.0] * 3, [column, column], [1.0, 2.0])


def test_the_first_argument_is_the_state():
    with pytest.raises(ConfigError, match=r"first argument must be `state`, got \['x', 'y'\]"):
        kernel(lambda x, y: x + y)
    with pytest.raises(ConfigError, match=r"got \[\]"):
        kernel(lambda: 0.0)
    assert isinstance(running, Kernel)
    assert running.__doc__ == "A bit of everything a kernel may use."


def factory(factor):
    @kernel
    def scaled(state, x):
        return x * factor

    return scaled


def test_kernels_of_one_factory_keep_their_own_closures():
    for factor in (2.0, 3.0, 5.0):
        assert factory(factor).scan([0.0], [np.ones(1)], []).tolist() == [factor]


CELL = """
import sys
import numpy as np
from IPython.core.interactiveshell import InteractiveShell

shell = InteractiveShell.instance()
def run(cell):
    assert shell.run_cell(cell).success, cell
run("import numpy as np; from cryptobot.strategy.kernel import kernel")
kernel = '''@kernel
def scaled(state, x):
    return helper(x) * K
answers.append((scaled.scan([0.0], [np.ones(1)], [])[0], scaled.step([0.0], 1.0)))
'''
run("answers = []")
run("def helper(x):\\n    return x")
for number in (2.0, 3.0):
    run(f"K = {number}")
    run(kernel)
run("def helper(x):\\n    return x + 1.0")
run(kernel)
run(kernel.replace("* K", "* K + 100.0"))
run("def helper(x):\\n    return inner(x)\\ndef inner(x):\\n    return x - 1.0")
run(kernel)
print(shell.user_ns["answers"])
"""


def test_a_kernel_in_a_notebook_follows_the_other_cells(tmp_path):
    pytest.importorskip("IPython")
    script = tmp_path / "session.py"
    script.write_text(CELL)
    # Twice, because the second session finds what the first one left in numba's cache.
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, script],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env={**os.environ, "IPYTHONDIR": str(tmp_path)},
        )
        assert done.returncode == 0, done.stdout + done.stderr
        answers = eval(done.stdout.splitlines()[-1], {"np": np})
        assert [a for a, _ in answers] == [b for _, b in answers] == [2.0, 3.0, 6.0, 106.0, 0.0]
