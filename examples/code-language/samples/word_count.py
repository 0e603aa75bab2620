"""Count the most frequent words of text files."""

import argparse
import re
from collections import Counter
from pathlib import Path

WORD = re.compile(r"[a-z']+")


def count_words(paths):
    counts = Counter()
    for path in paths:
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                counts.update(WORD.findall(line.lower()))
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--top", type=int, default=10)
    args = parser.parse_args()

    for word, count in count_words(args.files).most_common(args.top):
        print(f"{count:8d}  {word}")


if __name__ == "__main__":
    main()
