// SPDX-License-Identifier: GPL-2.0
/* The table: limits, counters, the registry, and the events. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "internal.h"

unsigned int rescore_nr_resources(const struct rescore *rs)
{
	return rs->meta->nr_resources;
}

const struct rescore_resource *rescore_resource(const struct rescore *rs,
						unsigned int id)
{
	return id < rs->meta->nr_resources ? &rs->registry[id] : NULL;
}

int rescore_find_resource(const struct rescore *rs, const char *name)
{
	unsigned int id;

	for (id = 0; id < rs->meta->nr_resources; id++)
		if (!strcmp(rs->registry[id].name, name))
			return id;
	return rescore_error(-ENOENT, "no resource \"%s\"", name);
}

unsigned int rescore_nr_hooks(const struct rescore *rs)
{
	return rs->meta->nr_hooks;
}

const struct rescore_hook *rescore_hook(const struct rescore *rs,
					unsigned int i)
{
	return i < rs->meta->nr_hooks ? &rs->hooks[i] : NULL;
}

struct rescore_line *rescore_live_line(const struct rescore *rs,
				       unsigned int slot, unsigned int id)
{
	if (!rescore_slot_is_live(rs, slot)) {
		rescore_error(-ENOENT, "no container in slot %u", slot);
		return NULL;
	}
	if (id >= rs->meta->nr_resources) {
		rescore_error(-ENOENT, "no resource %u", id);
		return NULL;
	}
	return &rs->table[slot].line[id];
}

int rescore_read(const struct rescore *rs, unsigned int slot, unsigned int id,
		 struct rescore_line *ret_line)
{
	const struct rescore_line *line = rescore_live_line(rs, slot, id);

	if (!line)
		return -ENOENT;
	*ret_line = *line;
	/* charged between the two loads, or before the mark was raised */
	if (ret_line->maxheld < ret_line->held)
		ret_line->maxheld = ret_line->held;
	return 0;
}

/*
 * Set a mark back to held; what is charged meanwhile raises it again. Returns
 * the highest that it stood at.
 */
static int64_t set_back(struct rescore_line *line, __s64 *mark)
{
	__s64 held = __atomic_load_n(&line->held, __ATOMIC_SEQ_CST);
	__s64 old = __atomic_exchange_n(mark, held, __ATOMIC_SEQ_CST);
	__s64 highest = old > held ? old : held, now = held;

	/* charged between the load and the exchange, when the mark was higher:
	 * nobody raised it for that
	 */
	held = __atomic_load_n(&line->held, __ATOMIC_SEQ_CST);
	while (now < held &&
	       !__atomic_compare_exchange_n(mark, &now, held, false,
					    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		;
	return highest;
}

int rescore_take_peak(struct rescore *rs, unsigned int slot, unsigned int id,
		      int64_t *ret_peak)
{
	struct rescore_line *line;

	if (rs->read_only)
		return rescore_error(-EROFS, "this handle is read-only");
	line = rescore_live_line(rs, slot, id);
	if (!line)
		return -ENOENT;
	*ret_peak = set_back(line, &line->peak);
	return 0;
}

/* --- limits -------------------------------------------------------------------- */

static bool is_bound(int64_t value)
{
	return value == RESCORE_UNLIMITED ||
	       (value >= 0 && value <= RESCORE_BOUND_MAX);
}

static int check_bounds(const struct rescore *rs,
			const struct rescore_bounds *bounds)
{
	const struct rescore_resource *resource;

	resource = rescore_resource(rs, bounds->id);
	if (!resource)
		return rescore_error(-ENOENT, "no resource %u", bounds->id);
	if (resource->state != RESCORE_ON)
		return rescore_error(-EOPNOTSUPP,
				     "%s cannot be limited here: %s",
				     resource->name, resource->why);
	if (!is_bound(bounds->barrier) || !is_bound(bounds->limit))
		return rescore_error(-EINVAL,
				     "%s: a bound is 0 to 2^62 or unlimited",
				     resource->name);
	if (bounds->barrier > bounds->limit)
		return rescore_error(
			-EINVAL, "%s: the barrier %lld is above the limit %lld",
			resource->name, (long long)bounds->barrier,
			(long long)bounds->limit);
	return 0;
}

int rescore_set(struct rescore *rs, unsigned int slot,
		const struct rescore_bounds *bounds, size_t n)
{
	struct rescore_line *line;
	size_t i;
	int err;

	if (!rescore_slot_is_live(rs, slot))
		return rescore_error(-ENOENT, "no container in slot %u", slot);
	for (i = 0; i < n; i++) {
		err = check_bounds(rs, &bounds[i]);
		if (err)
			return err;
	}
	err = rescore_lock(rs);
	if (err)
		return err;
	for (i = 0; i < n; i++) {
		line = &rs->table[slot].line[bounds[i].id];
		__atomic_store_n(&line->barrier, bounds[i].barrier,
				 __ATOMIC_RELAXED);
		__atomic_store_n(&line->limit, bounds[i].limit,
				 __ATOMIC_RELAXED);
	}
	rescore_unlock(rs);
	return 0;
}

/* Calls @fn for line @id, or for every line when it is -1. */
static int for_each_line(struct rescore *rs, unsigned int slot, int id,
			 void (*fn)(struct rescore_line *line,
				    unsigned int arg),
			 unsigned int arg)
{
	unsigned int i;
	int err;

	if (!rescore_slot_is_live(rs, slot))
		return rescore_error(-ENOENT, "no container in slot %u", slot);
	if (id >= (int)rs->meta->nr_resources)
		return rescore_error(-ENOENT, "no resource %d", id);
	err = rescore_lock(rs);
	if (err)
		return err;
	for (i = 0; i < rs->meta->nr_resources; i++)
		if (id < 0 || i == (unsigned int)id)
			fn(&rs->table[slot].line[i], arg);
	rescore_unlock(rs);
	return 0;
}

static void set_mode(struct rescore_line *line, unsigned int observe)
{
	if (observe)
		__atomic_or_fetch(&line->flags, RESCORE_OBSERVE,
				  __ATOMIC_RELAXED);
	else
		__atomic_and_fetch(&line->flags, ~(uint32_t)RESCORE_OBSERVE,
				   __ATOMIC_RELAXED);
}

int rescore_set_mode(struct rescore *rs, unsigned int slot, int id,
		     bool observe)
{
	return for_each_line(rs, slot, id, set_mode, observe);
}

static void reset(struct rescore_line *line, unsigned int what)
{
	if (what & RESCORE_RESET_FAILCNT)
		__atomic_store_n(&line->failcnt, 0, __ATOMIC_RELAXED);
	if (what & RESCORE_RESET_MAXHELD)
		set_back(line, &line->maxheld);
}

int rescore_reset(struct rescore *rs, unsigned int slot, int id,
		  unsigned int what)
{
	return for_each_line(rs, slot, id, reset, what);
}

/* --- events ---------------------------------------------------------------------- */

/* A record being written is whole within microseconds; then it counts as lost. */
#define TORN_TRIES	1000

static bool copy_event(const struct rescore_event *event, uint64_t number,
		       struct rescore_event *ret)
{
	if (__atomic_load_n(&event->seq, __ATOMIC_ACQUIRE) != number + 1)
		return false;
	*ret = *event;
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return __atomic_load_n(&event->seq, __ATOMIC_RELAXED) == number + 1;
}

int rescore_next_event(const struct rescore *rs, uint64_t *cursor,
		       struct rescore_event *ret_event, uint64_t *ret_lost)
{
	uint64_t size = rs->meta->nr_events, head, oldest;
	const struct rescore_event *event;
	int tries = 0;

	for (;;) {
		head = __atomic_load_n(&rs->meta->event_head, __ATOMIC_ACQUIRE);
		if (*cursor >= head)
			return 0;
		oldest = head > size ? head - size : 0;
		if (*cursor < oldest) {
			if (ret_lost)
				*ret_lost += oldest - *cursor;
			*cursor = oldest;
		}
		event = &rs->events[*cursor & (size - 1)];
		if (copy_event(event, *cursor, ret_event)) {
			++*cursor;
			return 1;
		}
		if (++tries < TORN_TRIES)
			continue;
		if (ret_lost)
			++*ret_lost;
		++*cursor;
		tries = 0;
	}
}

int64_t rescore_event_realtime(const struct rescore_event *event)
{
	struct timespec real, boot;

	clock_gettime(CLOCK_BOOTTIME, &boot);
	clock_gettime(CLOCK_REALTIME, &real);
	return (real.tv_sec - boot.tv_sec) * 1000000000LL + real.tv_nsec -
	       boot.tv_nsec + (int64_t)event->time_ns;
}

const char *rescore_event_kind_name(unsigned int kind)
{
	static const char *const names[] = {
		[RESCORE_EV_REFUSED] = "refused",
		[RESCORE_EV_OBSERVED] = "observed",
		[RESCORE_EV_NO_PAYER] = "no-payer",
		[RESCORE_EV_NO_MEMBER] = "no-member",
	};

	return kind && kind < ARRAY_SIZE(names) ? names[kind] : "unknown";
}
