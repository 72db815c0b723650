// SPDX-License-Identifier: GPL-2.0
/*
 * The layout of ABI 3, number by number: programs and maps pinned by one version
 * are read by another. Who has to change a number here changes RESCORE_ABI.
 */
#include <stddef.h>

#include <rescore/abi.h>

#include "tap.h"

#define FIELD(type, field, offset, size)			\
	{ #type "." #field,					\
	  offsetof(struct rescore_##type, field),		\
	  sizeof(((struct rescore_##type *)0)->field), offset, size }
#define VALUE(name, value) { #name, RESCORE_##name, 0, value, 0 }

static const struct {
	const char *name;
	size_t is, is_size, was, was_size;
} layout[] = {
	FIELD(line, held, 0, 8),
	FIELD(line, maxheld, 8, 8),
	FIELD(line, peak, 16, 8),
	FIELD(line, failcnt, 24, 8),
	FIELD(line, barrier, 32, 8),
	FIELD(line, limit, 40, 8),
	FIELD(line, underflow, 48, 8),
	FIELD(line, flags, 56, 4),
	FIELD(row, line, 0, 2048),
	FIELD(resource, name, 0, 16),
	FIELD(resource, controller, 16, 16),
	FIELD(resource, id, 32, 4),
	FIELD(resource, unit, 36, 4),
	FIELD(resource, flags, 40, 4),
	FIELD(resource, state, 44, 4),
	FIELD(resource, err, 48, 4),
	FIELD(resource, ubc_index, 52, 4),
	FIELD(resource, objects, 56, 4),
	FIELD(resource, help, 60, 116),
	FIELD(resource, why, 176, 112),
	FIELD(resource, held_unit, 288, 4),
	FIELD(resource, peak_unit, 292, 4),
	FIELD(resource, initial, 296, 8),
	FIELD(resource, least, 304, 8),
	FIELD(resource, most, 312, 8),
	FIELD(knob, resource, 0, 16),
	FIELD(knob, file, 16, 32),
	FIELD(knob, engine, 48, 16),
	FIELD(knob, unlimited, 64, 16),
	FIELD(knob, key, 80, 24),
	FIELD(knob, id, 104, 4),
	FIELD(knob, form, 108, 4),
	FIELD(knob, flags, 112, 4),
	FIELD(knob, scale, 116, 4),
	FIELD(figure, name, 0, 24),
	FIELD(figure, resource, 24, 16),
	FIELD(figure, id, 40, 4),
	FIELD(figure, unit, 44, 4),
	FIELD(figure, scale, 48, 4),
	FIELD(figure, grows, 52, 4),
	FIELD(figure, help, 56, 72),
	FIELD(gauges, walk, 0, 8),
	FIELD(gauges, serial, 8, 8),
	FIELD(gauges, primed, 16, 8),
	FIELD(gauges, figure, 64, 128),
	FIELD(gauges, sum, 192, 128),
	FIELD(gauges, line, 320, 2048),
	FIELD(hook, name, 0, 48),
	FIELD(hook, target, 48, 64),
	FIELD(hook, controller, 112, 16),
	FIELD(hook, why, 128, 112),
	FIELD(hook, state, 240, 4),
	FIELD(container, name, 0, 64),
	FIELD(container, serial, 64, 8),
	FIELD(container, created_ns, 72, 8),
	FIELD(container, state, 80, 4),
	FIELD(container, flags, 84, 4),
	FIELD(container, parent, 88, 4),
	FIELD(container, nr_roots, 92, 4),
	FIELD(container, roots, 96, 128),
	FIELD(bucket, entry, 0, 64),
	FIELD(event, seq, 0, 8),
	FIELD(event, time_ns, 8, 8),
	FIELD(event, serial, 16, 8),
	FIELD(event, held, 24, 8),
	FIELD(event, bound, 32, 8),
	FIELD(event, amount, 40, 8),
	FIELD(event, suppressed, 48, 4),
	FIELD(event, pid, 52, 4),
	FIELD(event, tid, 56, 4),
	FIELD(event, slot, 60, 2),
	FIELD(event, resource, 62, 1),
	FIELD(event, kind, 63, 1),
	FIELD(event, severity, 64, 1),
	FIELD(event, comm, 72, 16),
	FIELD(meta, abi, 0, 4),
	FIELD(meta, generation, 4, 4),
	FIELD(meta, nr_slots, 8, 4),
	FIELD(meta, nr_resources, 12, 4),
	FIELD(meta, nr_hooks, 16, 4),
	FIELD(meta, nr_events, 20, 4),
	FIELD(meta, members_bits, 24, 4),
	FIELD(meta, payers_bits, 28, 4),
	FIELD(meta, event_head, 32, 8),
	FIELD(meta, next_serial, 40, 8),
	FIELD(meta, members_overflow, 48, 8),
	FIELD(meta, members_lost, 56, 8),
	FIELD(meta, payers_overflow, 64, 8),
	FIELD(meta, payers_lost, 72, 8),
	FIELD(meta, missed_frees, 80, 8),
	FIELD(meta, pty_credits, 88, 8),
	FIELD(meta, admins, 96, 8),
	FIELD(meta, loaded_ns, 104, 8),
	FIELD(meta, version, 112, 24),
	FIELD(meta, ubc_rows, 136, 32),
	FIELD(meta, adopt_from, 168, 4),
	FIELD(meta, adopt_to, 172, 4),
	FIELD(meta, adopt_dry, 176, 4),
	FIELD(meta, adopt_changed, 180, 4),
	FIELD(meta, adopt_foreign, 184, 4),
	FIELD(meta, adopt_failed, 188, 4),
	FIELD(meta, nr_knobs, 200, 4),
	FIELD(meta, nr_figures, 204, 4),
	FIELD(config, generation, 0, 4),
	FIELD(config, members_shift, 4, 4),
	FIELD(config, payers_shift, 8, 4),
	FIELD(config, events_mask, 12, 4),
	VALUE(HARD, 0),
	VALUE(SOFT, 1),
	VALUE(FORCE, 2),
	VALUE(OBSERVE, 1),
	VALUE(COUNT, 0),
	VALUE(BYTES, 1),
	VALUE(PAGES, 2),
	VALUE(NSEC, 3),
	VALUE(PERCENT, 4),
	VALUE(DENIABLE, 1),
	VALUE(DELEGATED, 2),
	VALUE(MOVES, 4),
	VALUE(OFF, 0),
	VALUE(ON, 1),
	VALUE(FREE, 0),
	VALUE(LIVE, 1),
	VALUE(DYING, 2),
	VALUE(OWN_CGROUP, 1),
	VALUE(OBJ_FILE, 0),
	VALUE(OBJ_TASK, 1),
	VALUE(OBJ_LOCK, 2),
	VALUE(OBJ_LOCK_CREDIT, 3),
	VALUE(OBJ_PTY, 4),
	VALUE(OBJ_PTY_CREDIT, 5),
	VALUE(OBJ_SOCK, 6),
	VALUE(OBJ_ADMIN, 7),
	VALUE(EV_REFUSED, 1),
	VALUE(EV_OBSERVED, 2),
	VALUE(EV_NO_PAYER, 3),
	VALUE(EV_NO_MEMBER, 4),
};

int main(void)
{
	size_t i;

	tap_ok(RESCORE_ABI == 3, "this test is of ABI 3");
	tap_ok(RESCORE_UNLIMITED == INT64_MAX, "unlimited is LONG_MAX");
	for (i = 0; i < sizeof(layout) / sizeof(layout[0]); i++)
		tap_ok(layout[i].is == layout[i].was &&
			       layout[i].is_size == layout[i].was_size,
		       "%s: %zu, %zu bytes", layout[i].name, layout[i].was,
		       layout[i].was_size);
	return tap_done();
}
