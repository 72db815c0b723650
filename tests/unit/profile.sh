#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What tests/bench/profile.py makes of a trace: a program of two functions that runs
# twice in an operation, and one that runs once.

set -u
cd "$(dirname "$0")/../.." || exit 1

tmp=$(mktemp -d)
trap 'rm -r "$tmp"' EXIT
n=0 failed=0

# result PASSED NAME
result()
{
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		failed=1
	fi
}

# shows TEXT
shows()
{
	grep -qE -- "$1" "$tmp/out"
	result $? "shows $1"
}

profile()
{
	tests/bench/profile.py "$@" > "$tmp/out" 2>&1
	status=$?
}

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

profile watch "$tmp/trace" "$tmp/kept"
result $status "a trace is read"
profile show "$tmp/raw" "$tmp/kept"
result $status "and summed up"
shows '^ +8.0 +2.00 +4.0  numfile__open  raise 2$'
shows '^ +1.0 +1.00 +1.0  numfile__free$'
profile show "$tmp/raw" "$tmp/kept" numfile__open
shows '^raise:$'
shows 'movabs 1,%rax'
[ "$(grep -c . "$tmp/out")" -eq 6 ]
result $? "a path has its functions and instructions"
profile show "$tmp/raw" "$tmp/kept" numfiles
result $((status != 1)) "a program that did not run is an error"
shows 'profile: "numfiles" did not run'
echo "1..$n"
exit $failed
