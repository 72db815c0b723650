#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# A controller that is unloaded forgets who paid, and begins anew when it comes back.

. "${0%/*}/lib.sh"
fresh
rlimitctl exec web -- sleep 1000 &
until_true has web 1
[ "$(row web privvmpages held)" -gt 0 ]
result $? 'its memory is charged'
good unload vm
is 'then not' "$(row web privvmpages held)" 0
good load --only vm
is 'nor again' "$(row web privvmpages held)" 0
good kill web
until_true has web 0
is 'nothing is given back that was forgotten' \
	"$(row web privvmpages held)" 0
is 'nor below' "$(row web privvmpages underflow)" 0
good audit
says ' 0 differences'
rlimitctl exec web -- sleep 1000 &
until_true has web 1
[ "$(row web privvmpages held)" -gt 0 ]
result $? 'the next one is charged'
good audit
finish
