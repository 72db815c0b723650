// SPDX-License-Identifier: GPL-2.0
/* The loaded rescore, looked at through a read-only mapping. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <librescore.h>

#include "live.h"
#include "say.h"

struct rescore_live {
	struct live_source source;
	struct rescore *rs;	/* NULL: not loaded at the moment */
	struct stat pin;	/* of what rs was opened on */
};

static struct rescore_live *to_rescore(struct live_source *source)
{
	return (struct rescore_live *)source;
}

/*
 * The maps we have mapped outlive an unload and would show the last values for
 * ever: is what is loaded now still what we opened?
 */
static int follow(struct rescore_live *src)
{
	struct stat now;
	bool loaded = !stat(RESCORE_PIN_DIR "/meta", &now);

	if (src->rs && loaded && now.st_ino == src->pin.st_ino &&
	    now.st_dev == src->pin.st_dev)
		return 0;
	rescore_close(src->rs);
	src->rs = NULL;
	if (rescore_open(&src->rs, true))
		return fail(loaded ? EIO : ENOENT, "%s", rescore_strerror());
	/* Unloaded and loaded since? Then the next look finds out. */
	src->pin = loaded ? now : (struct stat){};

	return 0;
}

static void read_resources(const struct rescore *rs, struct live *live)
{
	for (unsigned int i = 0; i < live->nr_resources; i++) {
		const struct rescore_resource *from = rescore_resource(rs, i);
		struct live_resource *to = &live->resource[i];

		_Static_assert(sizeof(to->help) == sizeof(from->help), "help");
		_Static_assert(sizeof(to->why) == sizeof(from->why), "why");
		memset(to, 0, sizeof(*to));
		memcpy(to->name, from->name, sizeof(to->name) - 1);
		memcpy(to->controller, from->controller,
		       sizeof(to->controller) - 1);
		memcpy(to->help, from->help, sizeof(to->help) - 1);
		memcpy(to->why, from->why, sizeof(to->why) - 1);
		to->unit = from->unit;
		to->held_unit = rescore_held_unit(from);
		to->peak_unit = rescore_peak_unit(from);
		to->on = from->state == RESCORE_ON;
		to->no_ceiling = from->flags &
				 (RESCORE_GUARANTEE | RESCORE_CHOSEN);
		to->delegated = from->flags & RESCORE_DELEGATED;
	}
}

static void read_row(const struct rescore *rs, unsigned int slot,
		     unsigned int id, struct live *live, struct live_row *row)
{
	struct rescore_line line;

	if (rescore_read(rs, slot, id, &line))
		return;
	*row = (struct live_row){
		.known = true,
		.observe = line.flags & RESCORE_OBSERVE,
		.held = line.held,
		.maxheld = line.maxheld,
		.bounds = { line.barrier, line.limit },
		.failcnt = line.failcnt,
	};
	live_set_usage(&live->resource[id], row);
	live->health.underflow += line.underflow;
}

/* -EAGAIN: the slot has changed hands under our eyes. */
static int read_container(const struct rescore *rs, unsigned int slot,
			  struct live *live)
{
	const struct rescore_container *c = rescore_container(rs, slot);
	struct live_container *container;
	uint64_t serial;

	if (!c)
		return -EAGAIN;
	container = live_add(live);
	if (!container)
		return fail(ENOMEM, "no memory");
	serial = __atomic_load_n(&c->serial, __ATOMIC_ACQUIRE);
	memcpy(container->id.name, c->name, sizeof(container->id.name) - 1);
	container->id.serial = serial;
	container->id.created = (int64_t)(c->created_ns / 1000000000);
	container->slot = slot;
	for (unsigned int i = 0; i < live->nr_resources; i++)
		if (live->resource[i].on)
			read_row(rs, slot, i, live, &container->row[i]);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (rescore_container(rs, slot) &&
	    __atomic_load_n(&c->serial, __ATOMIC_RELAXED) == serial)
		return 0;
	live->nr--;

	return -EAGAIN;
}

static int live_read(struct live_source *source, struct live *live)
{
	struct rescore_live *src = to_rescore(source);
	const struct rescore_meta *meta;
	unsigned int slot = 0, nr;
	int64_t refreshed_ns = live->refreshed_ns;
	int64_t loaded_ns = live->loaded_ns;
	int err, stale;

	live_empty(live);
	err = follow(src);
	if (err)
		return err;
	meta = rescore_meta(src->rs);
	nr = rescore_nr_resources(src->rs);
	if (nr != live->nr_resources)
		live_free(live);
	live->nr_resources = nr;
	/* It needs no capability, only the owner of the BPF file system. */
	stale = rescore_refresh(src->rs);
	if (stale)
		(void)fail(EIO, "%s", rescore_strerror());
	live->time_ns = live_now_ns();
	if (!stale)
		live->refreshed_ns = live->time_ns;
	else if (loaded_ns == (int64_t)meta->loaded_ns)
		live->refreshed_ns = refreshed_ns;
	live->loaded_ns = (int64_t)meta->loaded_ns;
	live->health = (struct live_health){
		.events = meta->event_head,
		.members_lost = meta->members_lost,
		.payers_lost = meta->payers_lost,
		.missed_frees = meta->missed_frees,
	};
	read_resources(src->rs, live);
	while ((slot = rescore_next(src->rs, slot))) {
		err = read_container(src->rs, slot, live);
		if (err && err != -EAGAIN) {
			live_empty(live);
			return err;
		}
	}

	return 0;
}

static int live_event(struct live_source *source, uint64_t *cursor,
		      struct live_event *ret_event, uint64_t *ret_lost)
{
	struct rescore_live *src = to_rescore(source);

	return src->rs ? live_rescore_event(src->rs, cursor, ret_event,
					    ret_lost) :
			 0;
}

static void live_close(struct live_source *source)
{
	rescore_close(to_rescore(source)->rs);
	free(source);
}

int live_open(struct live_source **ret_source)
{
	struct rescore_live *src = calloc(1, sizeof(*src));
	int err;

	if (!src)
		return fail(ENOMEM, "no memory");
	src->source.read = live_read;
	src->source.event = live_event;
	src->source.close = live_close;
	err = follow(src);
	if (err) {
		free(src);
		return err;
	}
	*ret_source = &src->source;

	return 0;
}
