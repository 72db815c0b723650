/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the gate (gate.h) saw last, in one word beside the lines of a container, so that
 * a charge needs no look-up and one locked instruction to find that the barrier is far:
 * the upper half is the number of charges that fit below it, the lower the tick of then.
 *
 * A word that is 2^32 ticks old, 49 days of 1000 a second, is taken for new: the gate is
 * open then for 16 ticks more, if nothing was charged in all that time.
 */
#ifndef RESCORE_GATEWORD_H
#define RESCORE_GATEWORD_H

#include "bpf.h"

/* For so long it is not asked again; how long a tick is, is the kernel's CONFIG_HZ. */
#define RESCORE_GATE_TICKS	16
/* What one charge may take: a fork's stack, tables and copies of most processes. */
#define RESCORE_GATE_STRIDE	18	/* 1 << 18 bytes */
#define RESCORE_GATE_CHARGE	((__s64)1 << 32)
#define RESCORE_GATE_LEFT_MAX	0x7fffffff

int rescore_gate_shut(__u32 slot);	/* gate.h */

/*
 * Was the gate's line far below the barrier a moment ago, so that one charge more makes
 * no difference? It is one less from now on.
 */
static __always_inline bool rescore_gate_is_far(struct rescore_row *row)
{
	__s64 seen = __sync_fetch_and_add(&row->gate.seen,
					  -RESCORE_GATE_CHARGE);

	return (__u32)(bpf_jiffies64() - seen) < RESCORE_GATE_TICKS &&
	       seen >> 32 > 0;
}

/* At @tick there were @left bytes below @bound, which is @line's barrier or was. */
static __always_inline void
rescore_gate_note(struct rescore_row *row, const struct rescore_line *line,
		  __u64 tick, __s64 bound, __s64 left)
{
	left >>= RESCORE_GATE_STRIDE;
	if (left > RESCORE_GATE_LEFT_MAX)
		left = RESCORE_GATE_LEFT_MAX;
	__sync_lock_test_and_set(&row->gate.seen, left << 32 | (__u32)tick);
	/* who changes the barrier makes the word 0 then: that may have been before */
	if (READ_ONCE(line->barrier) != bound)
		WRITE_ONCE(row->gate.seen, 0);
}

/* The barrier is not far, or passed. */
static __always_inline void rescore_gate_forget(struct rescore_row *row)
{
	WRITE_ONCE(row->gate.seen, 0);
}

#endif /* RESCORE_GATEWORD_H */
