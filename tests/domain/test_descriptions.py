import time

import pytest

from runs import descriptions


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "<a href='vbscript:x'>x</a>",
        "<svg onload=alert(1)>",
        "<iframe src=/x></iframe>",
        "<style>*{}</style>",
        "<p style='color:red' onclick=x>a</p>",
        "![x](javascript:alert(1))",
    ],
)
def test_nothing_that_could_run_survives(text):
    html = descriptions.render(text).lower()

    for danger in ("<script", "onerror", "onload", "onclick", "javascript:", "vbscript:", "data:", "<iframe", "style"):
        assert danger not in html.replace("&lt;script", "")


@pytest.mark.parametrize("source", ["http://tracker/x.png", "//tracker/x.png", "/\\tracker/x.png", "https://a/b.png"])
def test_images_from_elsewhere_are_not_loaded(source):
    assert "src=" not in descriptions.render(f"![x]({source})")


@pytest.mark.parametrize("source", ["/w/default/runs/r_1/files/outputs/cm.png", "outputs/cm.png"])
def test_images_of_this_server_are_shown(source):
    assert f'src="{source}"' in descriptions.render(f"![x]({source})")


def test_tables_keep_their_alignment_and_code_its_language():
    html = descriptions.render("| a |\n|--:|\n| 1 |\n\n```python\nprint(1)\n```")

    assert 'align="right"' in html
    assert 'class="language-python"' in html


def test_links_leave_with_a_rel_and_file_names_are_no_links():
    html = descriptions.render("[out](https://example.org) [in](/runs/r_1) see train.py and https://example.org/x")

    assert html.count("nofollow") == 2
    assert '<a href="/runs/r_1">in</a>' in html
    assert "train.py and" in html


@pytest.mark.parametrize("text", ["[" * 20_000, "[[a]]" * 4_000, "- " * 4_000, "<![CDATA[" * 2_000, "[a](" * 8_000])
def test_no_text_keeps_the_server_busy(text):
    began = time.process_time()

    descriptions.render(text)

    # Unguarded, these take from seconds to minutes; the bound only tells the two apart.
    assert time.process_time() - began < 5


def test_an_empty_description_is_empty():
    assert descriptions.render("  \n") == ""
