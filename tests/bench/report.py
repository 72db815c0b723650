#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What the benchmarks measured, as JSON and as docs/PERFORMANCE.md.

report.py keep hooks|contention|scale RAW   lines of the guest -> bench/results
report.py table                             bench/results -> docs/PERFORMANCE.md
report.py check RAW                         RAW against bench/results/hooks.json,
                                            as TAP
"""
import json
import statistics
import sys
import textwrap

RESULTS = "bench/results/{}.json"
VERSION = 2
ROUNDS = 16     # 8 in ops.c, which tests/bench/guest runs twice in a state

# Of check: how many percent of the bare operation a hook may cost more than what
# is committed. What RCU frees later, among others' rounds, varies by itself.
TOLERANCE = 2.0
VARIES = {
    "pipe+close": 4, "socket+close": 5, "UDP socket+close": 8,
    "socketpair+close": 8, "TCP connect+accept+close": 5, "ptmx open+close": 6,
    "mmap+munmap 64 KB": 4, "brk up+down": 4, "mprotect twice": 6,
}


def rows(path):
    with open(path, encoding="utf-8") as raw:
        return [line.rstrip("\n").split("\t") for line in raw if line.strip()]


def lowest(path):
    """{operation: {state: cost}}; the lowest of several is the one that nothing
    interrupted."""
    found = {}
    for state, operation, cost in rows(path):
        costs = found.setdefault(operation, {})
        costs[state] = min(costs.get(state, float(cost)), float(cost))
    return found


def medians(path):
    """{state: {workers: opens per second}}"""
    found = {}
    for state, workers, rate in rows(path):
        found.setdefault(state, {}).setdefault(workers, []).append(float(rate))
    return {s: {w: round(statistics.median(r)) for w, r in by.items()}
            for s, by in found.items()}


def by_number(path):
    """{operation: {containers: cost}}"""
    found = {}
    for number, operation, cost in rows(path):
        found.setdefault(operation, {})[number] = float(cost)
    return found


KINDS = {
    "hooks": (lowest, "guest instructions"),
    "contention": (medians, "opens and closes per second"),
    "scale": (by_number, "guest instructions"),
}


def keep(kind, raw):
    read, unit = KINDS[kind]
    with open(RESULTS.format(kind), "w", encoding="utf-8") as out:
        json.dump({"version": VERSION, "unit": unit, "results": read(raw)},
                  out, indent=1)
        out.write("\n")


def load(kind):
    with open(RESULTS.format(kind), encoding="utf-8") as stored:
        data = json.load(stored)
    if data["version"] != VERSION:
        sys.exit(f"{RESULTS.format(kind)} is of version {data['version']}, "
                 f"not {VERSION}: make bench")
    return data["results"]


# --- tables ------------------------------------------------------------------------

def percent(cost, base):
    return f"{(cost / base - 1) * 100:+.1f} %"


def markdown(head, lines):
    yield "| " + " | ".join(head) + " |"
    yield "|---" + "|---:" * (len(head) - 1) + "|"
    for line in lines:
        yield "| " + " | ".join(line) + " |"


def hooks_table(results):
    states = ["floor", "outside", "inside", "tree"]
    head = ["operation", "root cgroup", "control group", "empty programs",
            "loaded, outside", "in a container", "in a tree of 4"]
    return markdown(head, (
        [operation, f"{c['bare']:.0f}", f"{c['plain']:.0f} ({percent(c['plain'], c['bare'])})"]
        + [percent(c[state], c["plain"]) for state in states]
        for operation, c in results.items()))


def buffers_table(results):
    return markdown(
        ["operation", "in a container", "with bounds of its buffers"],
        ([operation, f"{c['inside']:.0f}",
          f"{c['buffers']:.0f} ({percent(c['buffers'], c['inside'])})"]
         for operation, c in results.items() if "buffers" in c))


def controllers_table(results):
    names = sorted({state for costs in results.values() for state in costs
                    if state.startswith("only-")})
    return markdown(["operation"] + [n[len("only-"):] for n in names], (
        [operation] + [percent(c[name], c["plain"]) for name in names]
        for operation, c in results.items()))


def contention_table(results):
    def ratio(state, base, workers):
        return f"{results[state][workers] / results[base][workers]:.2f}"

    return markdown(["CPUs at once", "loaded, outside", "in one container",
                     "a container each"], (
        [workers, ratio("outside", "bare-own", workers),
         ratio("same", "bare-same", workers), ratio("own", "bare-own", workers)]
        for workers in sorted(results["bare-own"], key=int)))


def scale_table(results):
    numbers = sorted({n for by in results.values() for n in by}, key=int)

    def cell(value):
        if value is None:
            return ""
        return f"{value:.3g}" if value < 1e6 else f"{value / 1e6:.4g} M"

    return markdown(["containers"] + numbers, (
        [operation] + [cell(by.get(n)) for n in numbers]
        for operation, by in results.items()))


def scale_words(results):
    most = max(results["five files of each cgroup"], key=int)
    files = results["five files of each cgroup"][most]
    sample = results["rstat: sample all rows of all"][most]
    kernel = results["of that, the rows that the kernel counts"][most]
    cells = results["rstat: rows in a sample"][most]
    maps = results["kernel memory for each, bytes"][most]
    each = kernel / float(most)
    return textwrap.fill(
        f"At {most} containers a sample of all rows is {files / sample:.0f} times "
        f"cheaper than reading five files of each cgroup: {sample / float(most):.0f} "
        f"instructions a container. {each:.0f} of them bring the rows together that "
        f"the kernel counts itself (two programs, which go from container to "
        f"container and touch what has changed), and {(sample - kernel) / cells:.0f} a "
        f"row copy it for the store. What the kernel does to bring the counts of CPUs "
        f"together comes on top where cgroups were busy, for the five files as well. A "
        f"container takes {maps / 1024:.1f} KiB of rescore's maps.", 85)


def above_floor(results, operation, state):
    costs = results[operation]
    return costs[state] - costs["floor"]


# What a member, or who is none, may pay over empty programs, in percent.
GOAL_OUTSIDE, GOAL_INSIDE, GOAL_SOCKETS = 1, 3, 4
SOCKETS = ("socket", "TCP", "UDP", "AF_UNIX")
# What no program can leave out, in instructions: docs/PERFORMANCE.md says of what.
LEAST = 30


def goals_table(results):
    def cell(costs, state, goal):
        over = costs[state] - costs["floor"]
        share = over / costs["plain"] * 100
        least = LEAST * costs["runs"] / costs["plain"] * 100
        mark = "" if share <= goal else ", over" if least <= goal else ", over*"
        return f"{over:+.0f} ({share:+.1f} %){mark}"

    def line(operation, costs):
        inside = GOAL_SOCKETS if operation.startswith(SOCKETS) else GOAL_INSIDE
        ours = costs["inside"] - costs["plain"]
        theirs = costs["plain"] - costs["bare"]
        return [operation, f"{costs['runs']:.0f}",
                cell(costs, "outside", GOAL_OUTSIDE),
                cell(costs, "inside", inside), f"{theirs:.0f}", f"{ours:.0f}"]

    return markdown(["operation", "programs", "loaded, outside", "in a container",
                     "memcg, pids, cpu", "rescore"],
                    (line(*item) for item in results.items()))


def hooks_words(results):
    """Why nothing costs less: in instructions, per operation."""
    def over(operation, state):
        return f"{above_floor(results, operation, state):.0f}"

    return textwrap.fill(
        f"Over empty programs, opening and closing a file takes "
        f"{over('open+close', 'outside')} instructions outside of containers and "
        f"{over('open+close', 'inside')} in one; locking and unlocking one "
        f"{over('flock+unlock', 'outside')} and {over('flock+unlock', 'inside')}; a "
        f"queued signal {over('sigqueue+sigwaitinfo', 'outside')} and "
        f"{over('sigqueue+sigwaitinfo', 'inside')}.", 85)


TEXT = r"""# What rescore costs

Made by `make bench`. Instructions are those of a guest with one CPU whose clock
counts them (`tests/vm/run --icount`), Debian's 6.12 cloud kernel: the same figures
on any machine, however busy, within about 1 %; what makes sockets or page tables varies
by some more. Best of {rounds} rounds, states in turn. Before each round objects are
taken and given back, so that every state meets the allocators' fast way in some round;
what makes tasks waits between two operations until the last is gone, stack and all.

## One operation

{hooks}

- *Root cgroup*: no control group counts anything.
- *Control group*: one with the kernel's own memory, pids and cpu controllers, as what
  Docker and Podman make; what follows is compared with it.
- *Empty programs*: on each hook of rescore one that returns at once. That is the price
  of the kernel's trampoline, about 130 instructions at the beginning of a function, 190
  at its end or on a security hook, which nothing on these hooks can cost less than.
- *Loaded, outside*: rescore is loaded, the process is in no container.
- *In a container*: one with bounds on files, processes, locks, terminals, memory,
  shared memory, sockets, signals and kernel memory.
- *In a tree of 4*: the container has three levels above it, whose cgroups the kernel
  charges as well. One that is in no tree pays nothing for those that are: open+close
  takes {beside:.0f} instructions beside them, {inside:.0f} without.

### Against the goals

What rescore's programs do themselves, in instructions over those of empty programs, and
how many of them run. The goal is 1 % of the operation outside of containers and 3 % in
one, 4 % for sockets; what is more is marked. The last two columns compare all that a
member pays with what the kernel's own controllers cost.

{goals}

- *over\**: what no program can leave out (registers, an id or address, a bucket that is
  empty: some {least} instructions), times the programs, is above the goal by itself. Only
  fewer programs would help; which hooks see an object come and go, and cannot be
  dodged, is not ours to choose.
- *In a container*, what is counted costs some 200 to 260 instructions to come and go:
  the charge and its return, the payer's entry and its removal, each an instruction that
  locks the bus, the bound, the marks, the gate of kmemsize. An operation of less than
  8,000 to 10,000 instructions for each object that it makes is above 3 % with that: one
  file is, or one lock.
- Nor can the programs of a hook cost less than the hook: where that alone, some 130 to
  200 instructions, is more than those controllers cost together (they count
  nothing of locks, packets or single mappings), a member pays more.
- Both columns are differences of guests. Where the kernel frees later what an operation
  made (sockets, pipes, address spaces), its own instructions differ by some hundred from
  one guest to the next, up to 1 % of them. `tests/bench/run profile OPERATION` counts
  those of the programs alone.

### Where it goes

{hooks_words}

For open+close outside, whose two programs find out that they have nothing to do, these
are the machine instructions on that path, as `bpftool prog dump xlated` shows them (of
any operation in a container, `tests/bench/run profile OPERATION [PROGRAM]`):

| step | instructions |
|---|---:|
| both: save and restore registers, return | 16 |
| open: the id of the running task's cgroup | 6 |
| open: the bucket of members for it, which is empty | 11 |
| close: the file's address as a key | 8 |
| close: the bucket of payers for it, which is empty | 19 |
| together | 60 |

Which generation of programs acts is asked only once there is something to do. In a
container, with a bound of kmemsize, these are the same two as the machine runs them
(`tests/bench/run profile open+close numfile__open__lsm`, and `numfile__free__task`):

| step | open | close |
|---|---:|---:|
| save and restore registers, return | 18 | 13 |
| the id of the running task's cgroup | 5 | |
| who is a member: its bucket, its entry | 21 | |
| the file's address as a key | 7 | 7 |
| the programs of this generation? | 5 | 5 |
| the gate of kmemsize | 20 | |
| the container's row: look-up, line | 22 | 19 |
| the bound, the charge; its return | 15 | 4 |
| a tree of limits? the marks | 9 | 3 |
| who pays: the bucket | 20 | 22 |
| its entry: written; found, removed | 29 | 19 |
| what else waits for an end | | 4 |
| together | 171 | 96 |

Of these 267 an empty program of the same hooks has 10. Nothing on the list can be left
out: without the gate, which only bounds of kmemsize need, and with look-ups that take
nothing some 180 would be left, 2.9 % of the operation. A lock and its unlock pass six
programs, for each of which the same holds, on an operation of a third of the length.

A place in a bucket that was used once is never empty again. A look-up that finds nothing
reads as many entries as the bucket has had at once at most, and one.

## Bounds of socket buffers

The programs that keep those are attached with the first of them, and are called for
connections of containers that have them: for each round trip that the kernel measures,
and with tcprcvbuf for each segment and acknowledgement that a connection sends.

{buffers}

## Each controller alone

In a container, compared with a control group.

{controllers}

## Several CPUs at once

Opening and closing files in a guest with 4 CPUs (on a machine with {cpus}): how many
times as often as without rescore, 1.00 being the same. The files controller alone;
medians of five.

{contention}

## Many containers

Instructions, unless it says bytes or rows.

{scale}

{scale_words}
"""

def table(cpus):
    hooks, scale = load("hooks"), load("scale")
    text = TEXT.format(
        beside=hooks["open+close"]["beside"],
        inside=hooks["open+close"]["inside"], hooks_words=hooks_words(hooks),
        hooks="\n".join(hooks_table(hooks)), cpus=cpus,
        buffers="\n".join(buffers_table(hooks)),
        goals="\n".join(goals_table(hooks)), least=LEAST, rounds=ROUNDS,
        controllers="\n".join(controllers_table(hooks)),
        contention="\n".join(contention_table(load("contention"))),
        scale="\n".join(scale_table(scale)), scale_words=scale_words(scale))
    with open("docs/PERFORMANCE.md", "w", encoding="utf-8") as out:
        out.write(text)
    print(text, end="")


# --- check -------------------------------------------------------------------------

def check(raw):
    committed, now = load("hooks"), lowest(raw)
    failed = number = 0
    print("TAP version 13")
    for operation, before in committed.items():
        for state in "outside", "inside":
            number += 1
            name = f"{operation}, {state}"
            if operation not in now or state not in now[operation]:
                print(f"not ok {number} - {name}: not measured")
                failed += 1
                continue
            cost = [(c[state] / c["plain"] - 1) * 100
                    for c in (now[operation], before)]
            limit = cost[1] + VARIES.get(operation, TOLERANCE)
            good = cost[0] <= limit
            failed += not good
            print(f"{'ok' if good else 'not ok'} {number} - {name}: "
                  f"{cost[0]:+.1f} %, was {cost[1]:+.1f} %")
    print(f"1..{number}")
    return 1 if failed else 0


def main(arguments):
    if len(arguments) == 3 and arguments[0] == "keep" and arguments[1] in KINDS:
        return keep(*arguments[1:])
    if len(arguments) == 2 and arguments[0] == "table":
        return table(arguments[1])
    if len(arguments) == 2 and arguments[0] == "check":
        return check(arguments[1])
    sys.exit(__doc__)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
