# SPDX-License-Identifier: GPL-2.0
#
# What the tests of action and watch share.

hooks=/etc/rescore/hooks
# shellcheck disable=SC2034	# for who sources this
store=/var/lib/rescore
mkdir -p "$hooks"

# refuse NAME [COMMAND]: it is refused a process, once or more.
refuse()
{
	rlimitctl set "$1" numproc=1
	rlimitctl exec "$1" "${2:-sh}" -c ': &'
	until_true has "$1" 0
} > /dev/null 2>&1

# anew NAME: the container, as if nothing had happened: a row acts not twice within
# ten seconds, whichever watch did.
anew()
{
	rlimitctl destroy --force "$1"
	rlimitctl create "$1"
} > /dev/null 2>&1

# watching ARGS...: the service in the background, its output in $tmp/watch.
watching()
{
	# shellcheck disable=SC2154	# of lib.sh
	rlimitctl watch "$@" > "$tmp/watch" 2> "$tmp/watch.err" &
	watch=$!
	# it follows what happens from when it waits
	until_true grep -q '^State:.*S' "/proc/$watch/status"
	until_true test "$(readlink "/proc/$watch/exe")" = \
		"$(command -v rlimitctl)"
}

ended()
{
	kill "$watch"
	wait "$watch"
	status=$?
	is "watch ends in peace" "$status" 0
}

# hook NAME: a hook of standard input.
hook()
{
	cat > "$hooks/$1"
	chmod 755 "$hooks/$1"
}

lines()
{
	grep -c "$1" "$tmp/watch"
}
