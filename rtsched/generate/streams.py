"""Where chance comes from: one stream of random numbers for each purpose of each set.

A stream is known by its purpose, what is asked for, the seed and the index of the set, and by nothing else: not by what
was drawn before, nor by the process, its hash seed or the clock. Nothing is drawn but ``Generator.random``, whose
numbers numpy keeps from version to version.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np


def canonical(content: Any) -> str:
    """What is asked for as one text. The order of names counts: clusters are numbered in it."""
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False)


def stream(purpose: str, content: str, seed: int, index: int) -> np.random.Generator:
    """The random numbers of set `index` for one purpose."""
    digest = hashlib.sha256(f"{purpose}\0{seed}\0{index}\0{content}".encode()).digest()
    sequence = np.random.SeedSequence(int.from_bytes(digest, "big"))
    return np.random.Generator(np.random.PCG64(sequence))


def pick(random: np.random.Generator, shares: Any, count: int) -> Any:
    """So many numbers of choices, each with its probability out of `shares`, which sum to 1."""
    return np.searchsorted(np.cumsum(shares)[:-1], random.random(count), side="right")


def between(random: np.random.Generator, low: int, high: int) -> int:
    """A whole number from `low` to `high`, both included, each as likely."""
    return low + min(int(random.random() * (high - low + 1)), high - low)
