#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The page of rstat serve in headless Chromium; browser.py drives it.
# $SHOTS=FOLDER: leave pictures of it there.
#
# shellcheck disable=SC1003,SC2317

set -u
# shellcheck source=tests/rstat/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
trap 'stop_servers; rm -rf "$tmp"' EXIT

"$(readlink -f "$O/san/fake-history")" "$tmp/store" 2 || echo 'Bail out! no store'
all=$("$rstat" token '*' --tokens "$tmp/tokens")
web=$("$rstat" token web --tokens "$tmp/tokens")
serve open --dir "$tmp/store"
open_url=$url
serve closed --dir "$tmp/store" --tokens "$tmp/tokens"

HOME=$tmp /usr/bin/python3 "$here/browser.py" "$open_url" "$url" "$all" "$web" \
	"${SHOTS:-}"
status=$?
if grep -hE 'ERROR|runtime error|Sanitizer' "$tmp"/*.log; then
	echo 'not ok - the server reports an error of memory'
	status=1
fi
exit $status
