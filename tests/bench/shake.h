/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BENCH_SHAKE_H
#define BENCH_SHAKE_H

/*
 * Leave the guest's slabs and page lists as another history would have: give back
 * what was taken before, and take up to a hundred files, sockets, packets and, for
 * a moment, mappings. How many depends on the round only.
 */
void shake(unsigned int round);

/* Give back what was taken. */
void shake_end(void);

/*
 * Have as many processes as no round of the last seven, none in round 0; they sleep
 * until the next call. What each CPU counts for a process is in memory that is
 * searched from its first gap: where it is says how long that takes.
 */
void shake_processes(unsigned int round);

#endif
