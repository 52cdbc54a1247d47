"""Byte pair encoding: learn which neighbours to merge, most frequent first."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise

Pair = tuple[int, int]


def replace_pair(ids: list[int], pair: Pair, new_id: int) -> list[int]:
    """`ids` with each occurrence of `pair`, from the left, replaced by `new_id`."""
    out: list[int] = []
    i = 0
    while i < len(ids):
        if i + 1 < len(ids) and (ids[i], ids[i + 1]) == pair:
            out.append(new_id)
            i += 2
        else:
            out.append(ids[i])
            i += 1
    return out


def train_merges(
    chunks: Mapping[str, int],
    num_merges: int,
    on_merge: Callable[[int, Pair, int], None] = lambda index, pair, frequency: None,
) -> list[Pair]:
    """The first `num_merges` merges for text that splits into `chunks` {text: occurrences}.

    Merge number i makes token 256 + i. Ties go to the smaller pair, so the result does not depend
    on the order of `chunks`. Returns fewer merges when no pair occurs twice any more.
    Pair counts are kept up to date instead of being counted again for every merge: a merge costs
    what the words that contain the pair cost.
    """
    words = [list(text.encode()) for text in chunks]
    weights = list(chunks.values())
    counts: Counter[Pair] = Counter()
    words_with: defaultdict[Pair, set[int]] = defaultdict(set)
    for index, (word, weight) in enumerate(zip(words, weights, strict=True)):
        for pair in pairwise(word):
            counts[pair] += weight
            words_with[pair].add(index)
    # Entries are never changed: a pair whose count moved is pushed again and the old entry,
    # no longer equal to the count, is dropped when it comes up.
    heap = [(-count, pair) for pair, count in counts.items()]
    heapq.heapify(heap)
    merges: list[Pair] = []
    while heap and len(merges) < num_merges:
        negative, pair = heapq.heappop(heap)
        if counts[pair] != -negative:
            continue
        if -negative < 2:
            break
        on_merge(len(merges), pair, -negative)
        changed = _merge_everywhere(pair, 256 + len(merges), words, weights, counts, words_with)
        merges.append(pair)
        for other in changed:
            if counts[other] > 0:
                heapq.heappush(heap, (-counts[other], other))
    return merges


def _merge_everywhere(
    pair: Pair,
    new_id: int,
    words: list[list[int]],
    weights: list[int],
    counts: Counter[Pair],
    words_with: defaultdict[Pair, set[int]],
) -> Iterable[Pair]:
    """Merge `pair` in every word that holds it and return the pairs whose count changed."""
    changed: set[Pair] = set()
    for index in words_with.pop(pair):
        before, weight = words[index], weights[index]
        after = replace_pair(before, pair, new_id)
        words[index] = after
        for old in pairwise(before):
            counts[old] -= weight
            changed.add(old)
        for new in pairwise(after):
            counts[new] += weight
            words_with[new].add(index)
            changed.add(new)
    return changed
