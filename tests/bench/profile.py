#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Where the instructions of rescore's programs go, from a trace of the VM.

    profile.py watch TRACE KEPT     read what qemu traces, keep the end of it
    profile.py show RAW KEPT [PROGRAM]

RAW is what the guest printed: "programs N" of them in one operation, and its
symbols. Shown is how often each program runs in an operation, how many of its
instructions, and of which functions; of one PROGRAM, the path it took last.
Instructions are those of programs, trampolines and modules; what the kernel's own
functions take that they call (helpers) is not among them.
"""
import bisect
import collections
import pickle
import re
import sys

# Of the last round of operations; what comes after that is left out.
KEPT_BLOCKS = 60000
ENDING_BLOCKS = 4000
AT_BLOCK = re.compile(r"Trace .*?\[[0-9a-f]+/([0-9a-f]+)/")
AT_INSTRUCTION = re.compile(r"0x([0-9a-f]+):\s+(?:(?:[0-9a-f]{2} ?)+\s+)?(.*)")
SYMBOL = re.compile(r"([0-9a-f]{16}) \S (bpf_(?:prog|trampoline)_\S+)")


def watch(trace, kept):
    """Blocks of instructions as they are translated, and each time one runs."""
    blocks, ran, first = {}, collections.deque(maxlen=KEPT_BLOCKS), None
    with open(trace, errors="replace") as lines:
        for line in lines:
            if line.startswith("Trace "):
                ran.append(int(AT_BLOCK.match(line)[1], 16))
                first = None
            elif found := AT_INSTRUCTION.match(line):
                address, text = int(found[1], 16), found[2].strip()
                if first is None:
                    first = address
                    blocks[first] = []
                if text:    # a long one takes two lines
                    blocks[first].append(text)
            else:
                first = None
    if len(ran) == KEPT_BLOCKS:
        ran = list(ran)[:-ENDING_BLOCKS]
    with open(kept, "wb") as out:
        pickle.dump((blocks, list(ran)), out)


class Symbols:
    def __init__(self, raw):
        found = {int(a, 16): re.sub("^bpf_prog_[0-9a-f]{16}_", "", name)
                 for a, name in SYMBOL.findall(raw)}
        self.starts = sorted(found)
        self.names = [found[start] for start in self.starts]

    def at(self, address):
        """The name of what is there, and whether it begins there."""
        i = bisect.bisect_right(self.starts, address) - 1
        if i < 0 or address - self.starts[i] > 1 << 16:
            return "modules", False
        if self.names[i].startswith("bpf_trampoline_"):
            return "trampolines", False
        return self.names[i], address == self.starts[i]


def runs_of_programs(symbols, ran):
    """(program, [(function, block)…]) for each run in the trace."""
    program, path = None, []
    for block in ran:
        name, begins = symbols.at(block)
        if name in ("trampolines", "modules"):
            if program:
                yield program, path
            yield name, [(name, block)]
            program = None
        elif program:
            path.append((name, block))
        elif begins:
            program, path = name, [(name, block)]


def show(raw, kept, wanted=None):
    with open(raw) as file:
        raw = file.read()
    with open(kept, "rb") as file:
        blocks, ran = pickle.load(file)
    per_operation = float(re.search(r"^programs (\S+)$", raw, re.M)[1])
    times, total = collections.Counter(), collections.Counter()
    inside, last = collections.defaultdict(collections.Counter), None
    for program, path in runs_of_programs(Symbols(raw), ran):
        times[program] += 1
        for function, block in path:
            n = len(blocks.get(block, ()))
            total[program] += n
            inside[program][function] += n
        if program == wanted:
            last = path
    if wanted:
        if not last:
            sys.exit(f"profile: \"{wanted}\" did not run")
        for function, block in last:
            print(f"{function}:")
            print("".join(f"\t{text}\n" for text in blocks.get(block, ())),
                  end="")
        return
    operations = sum(n for name, n in times.items()
                     if name not in ("trampolines", "modules")) / per_operation
    print(f"{'instructions':>12} {'runs':>7} {'each':>7}  program")
    for program, n in total.most_common():
        if n / operations < 1:
            break
        row = f"{n / operations:12.1f} "
        if program in ("trampolines", "modules"):
            row += " " * 15
        else:
            row += f"{times[program] / operations:7.2f} {n / times[program]:7.1f}"
        callees = "".join(f"  {name} {n / times[program]:.0f}"
                          for name, n in inside[program].most_common(5)
                          if name != program)
        print(f"{row}  {program}{callees}")


if __name__ == "__main__":
    if len(sys.argv) == 4 and sys.argv[1] == "watch":
        watch(*sys.argv[2:])
    elif len(sys.argv) in (4, 5) and sys.argv[1] == "show":
        show(*sys.argv[2:])
    else:
        sys.exit(__doc__)
