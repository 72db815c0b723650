// SPDX-License-Identifier: GPL-2.0
#include <errno.h>

#include "internal.h"
#include "user.h"

static struct rescore handle;

void user_open(struct user_maps maps)
{
	unsigned int id;

	handle = (struct rescore){
		.meta = maps.meta,
		.registry = maps.registry,
		.table = maps.table,
		.events = maps.events,
	};
	for (id = 0; id < RESCORE_RESOURCES_MAX; id++)
		maps.registry[id].state = RESCORE_ON;
}

int user_next_event(uint64_t *cursor, struct rescore_event *event,
		    uint64_t *lost)
{
	return rescore_next_event(&handle, cursor, event, lost);
}

int64_t user_take_peak(unsigned int slot, unsigned int id)
{
	int64_t peak = -1;

	rescore_take_peak(&handle, slot, id, &peak);
	return peak;
}

void user_reset_maxheld(unsigned int slot, unsigned int id)
{
	rescore_reset(&handle, slot, id, RESCORE_RESET_MAXHELD);
}

int user_set(unsigned int slot, unsigned int id, int64_t barrier, int64_t limit)
{
	struct rescore_bounds bounds = {
		.id = id,
		.barrier = barrier,
		.limit = limit,
	};

	return rescore_set(&handle, slot, &bounds, 1);
}

/* --- what lib/values.c needs of the library's other files --------------------- */

bool rescore_slot_is_live(const struct rescore *rs, unsigned int slot)
{
	return slot && slot < rs->meta->nr_slots;
}

int rescore_error(int err, const char *fmt, ...)
{
	(void)fmt;
	return err;
}

/* The tests have one administrator. */
int rescore_lock(struct rescore *rs)
{
	(void)rs;
	return 0;
}

int rescore_lock_slot(struct rescore *rs, unsigned int slot)
{
	return rescore_slot_is_live(rs, slot) ? 0 : -ENOENT;
}

void rescore_unlock(struct rescore *rs)
{
	(void)rs;
}

/* Nothing of theirs is counted or bounded by the kernel itself. */
int rescore_refresh(const struct rescore *rs)
{
	(void)rs;
	return 0;
}

int rescore_knobs_write(struct rescore *rs, unsigned int slot,
			const struct rescore_bounds *bounds, size_t n,
			struct knob_undo **ret_undo)
{
	(void)rs;
	(void)slot;
	(void)bounds;
	(void)n;
	*ret_undo = NULL;
	return 0;
}

void rescore_knobs_keep(struct knob_undo *undo)
{
	(void)undo;
}

void rescore_knobs_undo(struct knob_undo *undo)
{
	(void)undo;
}

void rescore_initial_bounds(const struct rescore_resource *resource,
			    struct rescore_bounds *ret)
{
	(void)resource;
	ret->barrier = ret->limit = RESCORE_UNLIMITED;
}

/* Nobody has stored them. */
int ct_limits_changed(const struct rescore *rs, unsigned int slot)
{
	(void)rs;
	(void)slot;
	return 0;
}

/* There is no gate, and nothing stands still that a bound would be applied to. */
unsigned int rescore_next(const struct rescore *rs, unsigned int slot)
{
	(void)rs;
	(void)slot;
	return 0;
}

bool rescore_is_below(const struct rescore *rs, unsigned int slot,
		      unsigned int upper)
{
	(void)rs;
	(void)slot;
	(void)upper;
	return false;
}

int rescore_apply(const struct rescore *rs, unsigned int slot, uint32_t rows)
{
	(void)rs;
	(void)slot;
	(void)rows;
	return 0;
}

int rescore_attach_bounded(const struct rescore *rs, uint32_t rows)
{
	(void)rs;
	(void)rows;
	return 0;
}

/* Only messages have it. */
const char *rescore_format_amount(int64_t amount, unsigned int unit, bool exact,
				  char *buf, size_t size)
{
	(void)amount;
	(void)unit;
	(void)exact;
	if (size)
		buf[0] = '\0';
	return buf;
}
