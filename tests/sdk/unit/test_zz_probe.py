import pytest


@pytest.mark.parametrize("n", range(12))
def test_it(n, script, studio):
    s = script("child = run.child_run(run_id='child')\nchild.log('x', 1)\nother = exp.start_logging(run_id='other')")
    code = s.wait()
    assert studio.runs["r"]["status"] == "Completed", (code, s.stderr, studio.calls[-8:])
