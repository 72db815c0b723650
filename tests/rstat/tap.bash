# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the shell tests share: TAP, and a folder of their own in $tmp.

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
n=0 failed=0

export TZ=UTC LC_ALL=C
ok()	# ok NAME COMMAND...
{
	local name=$1

	shift
	n=$((n + 1))
	if "$@" >"$tmp/out" 2>"$tmp/err"; then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name"
		head -n 20 "$tmp/out" "$tmp/err" | sed 's/^/# /'
		failed=1
	fi
}

# fails STATUS TEXT COMMAND...: one line on standard error that has TEXT
fails()
{
	local want=$1 text=$2 status

	shift 2
	"$@" >"$tmp/out2" 2>"$tmp/err2"
	status=$?
	cat "$tmp/err2" >&2
	[ "$status" -eq "$want" ] && [ "$(wc -l <"$tmp/err2")" -eq 1 ] &&
		grep -q '^rstat: ' "$tmp/err2" && grep -qF -- "$text" "$tmp/err2"
}

same() { [ "$1" = "$2" ] || { echo "'$1' is not '$2'"; false; }; }

done_testing()
{
	echo "1..$n"
	exit $failed
}
