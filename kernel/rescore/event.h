/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Events: who was refused what, at which bound. A hostile container can be
 * refused a million times a second, so each line reports at most
 * RESCORE_EVENT_BURST in a window and counts the rest.
 */
#ifndef RESCORE_EVENT_H
#define RESCORE_EVENT_H

#include "bpf.h"

struct rescore_report {
	__u32 slot;
	__u32 resource;
	__u32 severity;
	__u32 kind;
	__s64 held;
	__s64 bound;
	__s64 amount;
};

#define RESCORE_REPORT_TRIES	8	/* CPUs that report one line at once */

/* Is it this line's turn? *@suppressed = how many were left out before it. */
static __always_inline bool
rescore_may_report(__u32 slot, __u32 resource, __u64 now, __u32 *suppressed)
{
	struct rescore_throttle *throttled;
	__u64 old, new;
	int i;

	throttled = bpf_map_lookup_elem(&throttle, &slot);
	if (!throttled)
		return false;
	resource &= RESCORE_RESOURCES_MAX - 1;	/* for the verifier */

	for (i = 0; i < RESCORE_REPORT_TRIES; i++) {
		old = READ_ONCE(throttled->line[resource].window);
		/* signed: another CPU's window may be a little ahead of now */
		if ((__s64)(now - (old & ~RESCORE_EVENT_COUNT)) >=
		    (__s64)RESCORE_EVENT_WINDOW)
			new = (now & ~RESCORE_EVENT_COUNT) + 1;
		else if ((old & RESCORE_EVENT_COUNT) < RESCORE_EVENT_BURST)
			new = old + 1;
		else
			break;
		if (rescore_swapped(&throttled->line[resource].window, old,
				    new)) {
			*suppressed = __sync_lock_test_and_set(
				&throttled->line[resource].suppressed, 0);
			return true;
		}
	}
	__sync_fetch_and_add(&throttled->line[resource].suppressed, 1);
	return false;
}

RESCORE_FUNCTION int rescore_event_write(struct rescore_report *report)
{
	__u64 now = bpf_ktime_get_boot_ns(), number, old, ids;
	struct rescore_container *container;
	struct rescore_event *event;
	__u32 suppressed = 0, index, slot;

	if (!report)
		return 0;
	/* a copy: 6.1 takes no key from memory that it does not know */
	slot = report->slot;
	if (!rescore_may_report(slot, report->resource, now, &suppressed))
		return 0;

	number = __sync_fetch_and_add(&rescore_meta.event_head, 1);
	index = number & rescore_cfg.events_mask;
	event = bpf_map_lookup_elem(&events, &index);
	if (!event)
		return 0;

	ids = bpf_get_current_pid_tgid();
	/* held up for a whole round of the ring: a newer one is or was here */
	old = READ_ONCE(event->seq);
	if (old > number ||
	    !rescore_swapped(&event->seq, old, RESCORE_EVENT_BUSY))
		return 0;
	container = bpf_map_lookup_elem(&containers, &slot);
	event->serial = container ? container->serial : 0;
	event->time_ns = now;
	event->held = report->held;
	event->bound = report->bound;
	event->amount = report->amount;
	event->suppressed = suppressed;
	event->pid = ids >> 32;
	event->tid = (__u32)ids;
	event->slot = slot;
	event->resource = report->resource;
	event->kind = report->kind;
	event->severity = report->severity;
	bpf_get_current_comm(event->comm, sizeof(event->comm));
	/* an atomic exchange is a full barrier: whole before it is numbered */
	__sync_lock_test_and_set(&event->seq, number + 1);
	return 0;
}

#endif /* RESCORE_EVENT_H */
