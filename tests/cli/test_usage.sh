#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Verbs, options, help: what needs nothing loaded.

. "${0%/*}/lib.sh"
unloaded

good help
golden help.txt
good --help
golden help.txt
good -h
golden help.txt
for verb in $(rlimitctl --list-verbs); do
	good help "$verb"
	golden "help-$verb.txt"
	cp "$tmp/out" "$tmp/help"
	good "$verb" --help
	cmp -s "$tmp/help" "$tmp/out"
	result $? "help $verb is $verb --help"
done

good version
cp "$tmp/out" "$tmp/version"
good --version
cmp -s "$tmp/version" "$tmp/out"
result $? "version is --version"
grep -q '^rlimitctl [0-9]*\.[0-9]*\.[0-9]* (ABI [0-9]*)$' "$tmp/out"
result $? "version has a version"

bad 2 'unknown verb "frobnicate": see `rlimitctl help`' frobnicate
bad 2 'unknown verb "creat": did you mean "create"?' creat
bad 2 'unknown verb "shwo": did you mean "show"?' shwo
bad 2 'unknown verb ""' ''
bad 2 'unknown verb "a\nb"' 'a
b'
bad 2 'unknown verb "\x1b[31m"' "$(printf '\033[31m')"
bad 2 'unknown verb "frobnicate"' help frobnicate
bad 2 'unknown option "--jsno" of show: did you mean "--json"?' --jsno
bad 2 'unknown option "--jsno" of list: did you mean "--json"?' list --jsno
bad 2 'unknown option "-x" of list' list -x
bad 2 '"--json=1": the option --json takes no value' list --json=1
bad 2 '"--containers" needs a value' load --containers
bad 2 '"-n" needs a value' events -n

bad 2 '"x" is one argument too many' load x
bad 2 '"y" is one argument too many' unload x y
bad 2 '"x": -v lists programs' status -v x
bad 1 'rescore is not loaded' status x
bad 2 'create needs an argument' create
bad 2 'destroy needs an argument' destroy
bad 2 '"x" is one argument too many' list x
bad 2 'set needs an argument' set
bad 2 'set needs more arguments' set web
bad 2 'mode needs more arguments' mode web
bad 2 'reset needs an argument' reset
bad 2 'attach needs an argument' attach
bad 2 '"y" is one argument too many' attach x y --cgroup z
bad 2 'attach needs the cgroup' attach web
bad 2 'detach needs the cgroup' detach web
bad 2 'exec needs an argument' exec
bad 2 'exec needs more arguments' exec web
bad 2 'exec needs more arguments' exec web --
bad 2 'kill needs an argument' kill
bad 2 '"y" is one argument too many' kill x y
bad 2 '"x" is one argument too many' resources x
bad 2 '"x" is one argument too many' events x
bad 2 '"y" is one argument too many' audit x y
bad 2 '"y" is one argument too many' help x y
bad 2 '"x" is one argument too many' version x

good --list-options show
golden options-show.txt
run rlimitctl --list-containers
[ "$status" -eq 1 ] && [ ! -s "$tmp/err" ]
result $? "the shell's completion is never told off"

finish
