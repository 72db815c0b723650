#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What tests/bench/profile.py makes of a trace: a program of two functions that runs
# twice in an operation, and one that runs once.
#
# shellcheck disable=SC2317	# functions are called by ok

set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/rstat/tap.bash
. tests/rstat/tap.bash

profile=tests/bench/profile.py

cat > "$tmp/raw" << 'END'
ffffffffc0001000 t bpf_prog_0123456789abcdef_numfile__open	[bpf]
ffffffffc0002000 t bpf_prog_0123456789abcdef_raise	[bpf]
ffffffffc0003000 t bpf_prog_0123456789abcdef_numfile__free	[bpf]
ffffffffc0004000 t bpf_trampoline_64	[bpf]
programs 3
END
block()
{
	printf 'Trace 0: 0x7f0000000000 [0000000000000000/%s/0040c0b0/ff000000]\n' \
		"$1"
}
{
	printf -- '----------------\nIN: \n0x%s:  push   %%rbp\n0x%s:  ret\n\n' \
		ffffffffc0001000 ffffffffc0001001
	printf -- '----------------\nIN: \n0x%s:  48 b8  movabs 1,%%rax\n' \
		ffffffffc0002000
	printf '0x%s:  00 00\n0x%s:  c3  ret\n\n' ffffffffc0002008 \
		ffffffffc000200a
	printf -- '----------------\nIN: \n0x%s:  ret\n\n' ffffffffc0003000
	for _ in 1 2 3 4; do
		for at in 4000 1000 2000 4010 1000 2000 4010 3000 4020; do
			block "ffffffffc000$at"
		done
	done
} > "$tmp/trace"

# shows TEXT [PROGRAM]
shows()
{
	"$profile" show "$tmp/raw" "$tmp/kept" "${@:2}" | grep -E -- "$1"
}
lines_of()
{
	"$profile" show "$tmp/raw" "$tmp/kept" "$1" | grep -c .
}
unknown()
{
	"$profile" show "$tmp/raw" "$tmp/kept" numfiles 2> "$tmp/message"
	same "$? $(cat "$tmp/message")" '1 profile: "numfiles" did not run'
}

ok 'a trace is read' "$profile" watch "$tmp/trace" "$tmp/kept"
ok 'and summed up' "$profile" show "$tmp/raw" "$tmp/kept"
ok 'a program of two functions' \
	shows '^ +8.0 +2.00 +4.0  numfile__open  raise 2$'
ok 'one that runs once' shows '^ +1.0 +1.00 +1.0  numfile__free$'
ok 'a path names functions' shows '^raise:$' numfile__open
ok 'and instructions' shows 'movabs 1,%rax' numfile__open
ok 'no more than were run' same "$(lines_of numfile__open)" 6
ok 'a program that did not run is an error' unknown

done_testing
