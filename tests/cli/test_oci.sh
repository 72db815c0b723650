#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The OCI hook, as crun calls it: limits from a container's first process on.

. "${0%/*}/lib.sh"
. "${0%/*}/contain.sh"
fresh
make_root
bundle=$tmp/bundle
mkdir -p "$bundle"
(cd "$bundle" && crun spec) || exit
# edit FILTER
edit()
{
	jq "$1" < "$bundle/config.json" > "$tmp/config"
	mv "$tmp/config" "$bundle/config.json"
}
edit ".root.path = \"$root\" | .process.terminal = false |
	.linux.seccomp = null | .linux.cgroupsPath = \"/rescore-test-oci\" |
	.linux.resources = {} |
	.process.args = [\"sh\", \"-c\", \"sleep 1000 & sleep 1000\"] |
	.hooks = { createRuntime: [{ path: \"/t/oci/rescore-hook\" }],
		poststop: [{ path: \"/t/oci/rescore-hook\" }] }"

# crun_does ARGS...
crun_does()
{
	run crun --cgroup-manager=disabled --root "$tmp/crun" "$@"
	[ "$status" -eq 0 ]
	result $? "crun $*"
}

edit '.annotations = {}'
crun_does run --detach -b "$bundle" plain < /dev/null
is "no annotation, no container" "$(rlimitctl --list-containers)" web
crun_does delete --force plain

edit '.annotations = { "rescore.numproc": "1:7", "rescore.numfile": "97" }'
run crun --root "$tmp/crun" run --detach -b "$bundle" job < /dev/null
is "crun run" $status 0
is "its limits" "$(row oci-job numproc limit) $(row oci-job numfile limit)" '7 97'
forks() { [ "$(row oci-job numproc failcnt)" -ge 1 ]; }
until_true forks
result $? "they hold from its first process on"
run crun --root "$tmp/crun" delete --force job
is "crun delete" $status 0
is "and go with it" "$(rlimitctl --list-containers)" web

edit '.annotations = { "rescore.frob": "1" }'
run crun --root "$tmp/crun" run --detach -b "$bundle" bad < /dev/null
[ "$status" -ne 0 ]
result $? "a wrong annotation fails the start"
crun --root "$tmp/crun" delete --force bad > /dev/null 2>&1

good create oci-mine numproc=7
edit '.annotations = { "rescore.numproc": "1" }'
run crun --root "$tmp/crun" run --detach -b "$bundle" mine < /dev/null
[ "$status" -ne 0 ]
result $? "another's with that name is not taken"
crun --root "$tmp/crun" delete --force mine > /dev/null 2>&1
is "nor removed" "$(row oci-mine numproc barrier)" 7
umount $root
finish
