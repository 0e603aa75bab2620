"""Damaged YAML files: good ones with parts swapped, copied, nested, aliased or overwritten, as text and as bytes."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

VALUES = [
    *[
        "",
        "a",
        "0",
        "-1",
        "1.5",
        ".nan",
        "-.inf",
        "null",
        "~",
        "yes",
        "0x7fffffffffffffff",
        "9" * 400,
        "1e99999",
        "0b" + "1" * 99,
    ],
    *["''", '"\\e[2J\\x9b31m\\u202e"', '"\\0"', '"\\ud800"', '"\\UFFFFFFFF"', "'" + "a" * 70_000 + "'"],
    *[
        "[]",
        "{}",
        "[" * 150 + "]" * 150,
        "{a: " * 99 + "1" + "}" * 99,
        "&a [*a]",
        "&a {a: *a}",
        "*nowhere",
        "{<<: {<<: {}}}",
    ],
    *["!!python/object/apply:os.system [id]", "!!python/name:os.system", "!!binary aGk=", "!<tag:%1b[2J> a", "!a!b c"],
    *["2020-01-01", "12:30:00", "60s", "999999999999h", "1e400s", "25%", "101%", "8Gi", "9999999999999Ti", "1e-999"],
    *["s3://", "s3://b/../k", "s3://b/\\n", "../../../etc/passwd", "/etc/passwd", "/dev/zero", "predictor.py/", "a\tb"],
    *[
        "| \n  block\n   more",
        "> \n",
        "? a",
        "- - - a",
        "--- ",
        "... ",
        "%YAML 9.9",
        "%TAG ! tag:x,2000:",
        "\ufeff",
        "\u0085",
    ],
]
"""What is put in the place of a value, or anywhere."""

SPECIAL = [
    b"\x00",
    b"\x1b[2J",
    b"\x7f",
    b"\x85",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\r",
    b"\t",
    b"\xef\xbb\xbf",
]


@st.composite
def mutated(draw: DrawFn, valid: str) -> bytes:
    """A file that was valid, after up to six changes of its lines and up to three of its bytes."""
    lines = valid.splitlines()
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(lines) - 1))
        line = lines[at]
        key, colon, _ = line.partition(":")
        match draw(st.sampled_from(["value", "key", "delete", "copy", "move", "indent", "anchor", "merge", "insert"])):
            case "value":
                lines[at] = f"{key}{colon} {draw(st.sampled_from(VALUES))}"
            case "key":
                lines[at] = line.replace(key.strip(" -"), draw(st.sampled_from(VALUES)), 1) if key.strip(" -") else line
            case "delete" if len(lines) > 1:
                del lines[at]
            case "copy":
                lines.insert(draw(st.integers(0, len(lines))), line)
            case "move":
                lines.insert(draw(st.integers(0, len(lines) - 1)), lines.pop(at))
            case "indent":
                lines[at] = " " * draw(st.integers(0, 9)) + line.lstrip()
            case "anchor":
                lines[at] = line.replace(":", ": &a", 1)
                lines.append(f"{key}: *a")
            case "merge":
                lines[at] = line.replace(key.strip(" -"), "<<", 1) if key.strip(" -") else line
            case "insert":
                lines.insert(at, draw(st.sampled_from(VALUES)))
    content = bytearray("\n".join(lines).encode())
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(content)))
        content[at : at + draw(st.integers(0, 4))] = draw(st.sampled_from(SPECIAL) | st.binary(max_size=3))
    return bytes(content)


BOMBS = {
    "aliases": "- &a [x, x, x, x, x, x, x, x, x]\n"
    + "".join(f"- &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)),
    "merges": "- &a {a: 1}\n"
    + "".join(
        f"- &{new} {{<<: [{', '.join([f'*{old}'] * 9)}]}}\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    ),
    "nested lists": "[" * 400_000,
    "nested maps": "{a: " * 200_000,
    "nested blocks": "\n".join("  " * depth + "a:" for depth in range(900)),
    "many values at the depth that is allowed": "[" * 98 + "1," * 5_000 + "]" * 98,
    "many keys": "- {" + ", ".join(f"k{number}: 1" for number in range(2_000)) + "}",
    "many problems": "- {" + ", ".join(f"{number}: .nan" for number in range(1_000)) + "}",
    "many APIs": "[" + "{}," * 300 + "]",
    "many aliases of a long text": f"- &a {'x' * 400_000}\n- [{'*a,' * 5_000}]",
    "a long number": "- " + "9" * 900_000,
    "a long key": "? " + "k" * 900_000 + "\n: 1",
    "a long line of anchors": "&a " * 300_000,
    "many documents": "---\n" * 200_000,
    "many comments": "#\n" * 30_000,
    "a long block": "a: |\n" + " x\n" * 20_000,
}
"""Small files that stand for a lot, and long ones of up to the megabyte that is read."""
