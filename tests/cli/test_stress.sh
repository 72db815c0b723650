#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Memory in every way that stress-ng knows, by a container that may have little
# of it: it is refused, its neighbour and the host are not, and nothing is left.

. "${0%/*}/lib.sh"

. "${0%/*}/stress.sh"

# what else is left is what the kernel still holds: segments, files in memory
none='privvmpages lockedpages'

most()
{
	# below the rlimit mlock cannot be refused: a page a process
	[ "$1" = lockedpages ] && echo '.limit + 8' || echo .limit
}

begin
# stress-ng itself shares 19 MiB with its processes
good set web numproc=40 privvmpages=64M lockedpages=2M shmpages=32M \
	physpages=0:192M swappages=0
# what is above it the kernel asks about
ulimit -l 4

mix privvmpages -- --vm 1 --vm-bytes 128m --mmap 1 --mmap-bytes 128m \
	--mremap 1 --mremap-bytes 96m
mix privvmpages -- --brk 1 --stack 1 --bigheap 1
mix lockedpages -- --mlock 1
mix shmpages -- --shm 1 --shm-bytes 32m --shm-sysv 1 \
	--shm-sysv-bytes 32m --memfd 1 --memfd-bytes 64m
mix privvmpages -- --fork 2 --fork-max 32 --vforkmany 1 --vm 1 --vm-bytes 48m

is 'nobody was killed outside' "$(row quiet oomguarpages failcnt)" 0
finish
