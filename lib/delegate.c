// SPDX-License-Identifier: GPL-2.0
/*
 * The knobs of a container: files in the directories of its roots that the
 * kernel's own engines obey. Bounds go there at `set`, all or none; what others
 * wrote there is found at `attach`, and kept.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define SUBTREE	"cgroup.subtree_control"

/* A file as it was; the newest first. */
struct knob_undo {
	struct knob_undo *next;
	char path[PATH_MAX];
	char file[32];
	char text[512];
};

static int remember(struct knob_undo **undo, const char *path, const char *file,
		    const char *text)
{
	struct knob_undo *one = calloc(1, sizeof(*one));

	if (!one)
		return rescore_error(-ENOMEM, "out of memory");
	snprintf(one->path, sizeof(one->path), "%s", path);
	snprintf(one->file, sizeof(one->file), "%s", file);
	/* nothing can be written only as an empty line */
	snprintf(one->text, sizeof(one->text), "%s", *text ? text : "\n");
	one->next = *undo;
	*undo = one;
	return 0;
}

void rescore_knobs_keep(struct knob_undo *undo)
{
	struct knob_undo *next;

	for (; undo; undo = next) {
		next = undo->next;
		free(undo);
	}
}

void rescore_knobs_undo(struct knob_undo *undo)
{
	struct knob_undo *one;

	for (one = undo; one; one = one->next)
		rescore_cgroup_put(one->path, one->file, one->text);
	rescore_knobs_keep(undo);
}

/* --- cgroup controllers -------------------------------------------------------- */

static bool has_word(const char *words, const char *word)
{
	size_t length = strlen(word);
	const char *c = words;

	while ((c = strstr(c, word))) {
		if ((c == words || c[-1] == ' ') &&
		    (!c[length] || c[length] == ' '))
			return true;
		c += length;
	}
	return false;
}

/* Let the children of @path have @engine. */
static int enable_below(const char *path, const char *engine,
			struct knob_undo **undo)
{
	char words[512] = "", word[32];
	int err;

	rescore_cgroup_read(path, SUBTREE, words, sizeof(words));
	if (has_word(words, engine))
		return 0;
	words[0] = '\0';
	rescore_cgroup_read(path, "cgroup.controllers", words, sizeof(words));
	if (!has_word(words, engine))
		return rescore_error(
			-EOPNOTSUPP,
			"%s has no cgroup controller \"%s\": is it disabled on the kernel's command line, or in use by cgroup v1?",
			path, engine);
	snprintf(word, sizeof(word), "+%s", engine);
	err = rescore_cgroup_put(path, SUBTREE, word);
	if (err == -EBUSY || err == -EOPNOTSUPP)
		return rescore_error(
			err,
			"cannot enable \"%s\" below %s, which has processes of its own: move them into a cgroup below it",
			engine, path);
	if (err)
		return rescore_error(
			err,
			"cannot enable \"%s\" below %s: %s; try: echo +%s > %s/" SUBTREE,
			engine, path, strerror(-err), engine, path);
	word[0] = '-';
	return undo ? remember(undo, path, SUBTREE, word) : 0;
}

/* Let cgroup @path have @engine: every one above it has to pass it on. */
static int enable(const char *path, const char *engine, struct knob_undo **undo)
{
	const char *mount = rescore_cgroup_mount();
	char above[PATH_MAX];
	size_t end;
	int err;

	if (!mount)
		return rescore_error(-EOPNOTSUPP,
				     "no cgroup v2 file system is mounted");
	for (end = strlen(mount); path[end] == '/';
	     end += 1 + strcspn(path + end + 1, "/")) {
		snprintf(above, sizeof(above), "%.*s", (int)end, path);
		err = enable_below(above, engine, undo);
		if (err)
			return err;
	}
	return 0;
}

/* --- write ------------------------------------------------------------------------ */

/* What is not there neither limits nor guarantees anything. */
static bool means_nothing(const struct rescore_knob *knob,
			  const struct rescore_resource *resource,
			  const char *text)
{
	size_t length = strlen(knob->unlimited);

	if (knob->form == RESCORE_KNOB_CLEAR)
		return true;
	if (resource->flags & RESCORE_GUARANTEE)
		return !strcmp(text, "0");
	return length ? !strncmp(text, knob->unlimited, length) : !*text;
}

bool rescore_knob_is_open(const struct rescore_knob *knob,
			  const struct rescore_resource *resource,
			  const struct rescore_bounds *bounds)
{
	struct knob_text k = { .slot = 1, .period_us = 1 };

	return !rescore_knob_text(knob, resource, bounds, "", &k) &&
	       means_nothing(knob, resource, k.text);
}

static int write_knob(const struct rescore_knob *knob,
		      const struct rescore_resource *resource,
		      const struct rescore_bounds *bounds, const char *path,
		      struct knob_text *k, struct knob_undo **undo)
{
	char now[512];
	int err, missing;

	missing = rescore_cgroup_read(path, knob->file, now, sizeof(now));
	err = rescore_knob_text(knob, resource, bounds, missing ? "none" : now,
				k);
	if (err)
		return err;
	if (missing) {
		if (means_nothing(knob, resource, k->text))
			return 0;
		err = enable(path, knob->engine, undo);
		if (err)
			return err;
		err = rescore_cgroup_read(path, knob->file, now, sizeof(now));
		if (err)
			return rescore_error(
				-EOPNOTSUPP,
				"%s cannot be set: this kernel has no %s",
				resource->name, knob->file);
	}
	if (!strcmp(now, k->text) || knob->form == RESCORE_KNOB_ENGINE)
		return 0;
	err = remember(undo, path, knob->file, now);
	if (err)
		return err;
	return rescore_cgroup_write(path, knob->file,
				    *k->text ? k->text : "\n");
}

/* Row @bounds to the root at @path. */
static int write_row(const struct rescore *rs, unsigned int slot,
		     const struct rescore_bounds *bounds, const char *path,
		     struct knob_undo **undo)
{
	struct knob_text k = { .detail = bounds->detail, .slot = slot };
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < rs->meta->nr_knobs; i++)
		if (rs->knobs[i].id == bounds->id &&
		    rs->knobs[i].form != RESCORE_KNOB_HELD)
			err = write_knob(&rs->knobs[i],
					 &rs->registry[bounds->id], bounds,
					 path, &k, undo);
	return err;
}

int rescore_knobs_write(struct rescore *rs, unsigned int slot,
			const struct rescore_bounds *bounds, size_t n,
			struct knob_undo **ret_undo)
{
	struct knob_undo *undo = NULL;
	char path[PATH_MAX];
	unsigned int i;
	size_t j;
	int err = 0;

	for (i = 0; !err && i < rs->containers[slot].nr_roots; i++) {
		if (rescore_cgroup_path(rs, slot, i, path, sizeof(path)))
			continue;	/* has been removed */
		for (j = 0; !err && j < n; j++)
			err = write_row(rs, slot, &bounds[j], path, &undo);
	}
	if (err) {
		rescore_knobs_undo(undo);
		return err;
	}
	*ret_undo = undo;
	return 0;
}

/* --- keep what others wrote ----------------------------------------------------------- */

void rescore_initial_bounds(const struct rescore_resource *resource,
			    struct rescore_bounds *ret)
{
	int64_t bound = resource->flags & RESCORE_INITIAL ? resource->initial :
							    RESCORE_UNLIMITED;

	*ret = (struct rescore_bounds){ resource->id, bound, bound };
	/* of a guarantee, only the barrier means something */
	if (resource->flags & RESCORE_GUARANTEE)
		ret->limit = RESCORE_UNLIMITED;
}

/* Take the bounds of row @id from the files at @path. */
static void adopt_row(struct rescore *rs, unsigned int slot, unsigned int id,
		      const char *path)
{
	struct rescore_line *line = &rs->table[slot].line[id];
	int64_t value, period = 0, barrier = -1, limit = -1, none = -1;
	const struct rescore_knob *knob;
	char text[512];
	unsigned int i;

	for (i = 0; i < rs->meta->nr_knobs; i++) {
		knob = &rs->knobs[i];
		if (knob->id != id || knob->form >= RESCORE_KNOB_CLEAR ||
		    rescore_cgroup_read(path, knob->file, text, sizeof(text)))
			continue;
		value = rescore_knob_bound(knob, text, barrier, period);
		if (knob->form == RESCORE_KNOB_QUOTA)
			period = rescore_quota_period(text);
		if (knob->flags & RESCORE_KNOB_LIMIT)
			limit = value;
		else
			barrier = value;
		if (knob->flags & RESCORE_KNOB_ZERO_NONE)
			none = 0;
	}
	if (barrier < 0 && limit < 0)
		return;
	if (limit < 0)
		limit = barrier;
	/* no barrier below a limit, as 0:256M has it where that can be said */
	if (barrier > limit && none == 0)
		barrier = 0;
	if (barrier < 0 || barrier > limit)
		barrier = limit;
	__atomic_store_n(&line->barrier, barrier, __ATOMIC_RELAXED);
	__atomic_store_n(&line->limit, limit, __ATOMIC_RELAXED);
}

/* Is a row of the root at @path as the kernel made it? */
static bool is_untouched(const struct rescore *rs, unsigned int id,
			 const char *path)
{
	const struct rescore_knob *knob;
	char text[512];
	unsigned int i;

	for (i = 0; i < rs->meta->nr_knobs; i++) {
		knob = &rs->knobs[i];
		if (knob->id != id || knob->form >= RESCORE_KNOB_CLEAR ||
		    rescore_cgroup_read(path, knob->file, text, sizeof(text)))
			continue;
		if (knob->form == RESCORE_KNOB_QUOTA)
			text[strcspn(text, " ")] = '\0';
		if (strcmp(text, knob->unlimited) && strcmp(text, "0"))
			return false;
	}
	return true;
}

static bool is_initial(const struct rescore *rs, unsigned int slot,
		       unsigned int id)
{
	const struct rescore_line *line = &rs->table[slot].line[id];
	struct rescore_bounds initial;

	rescore_initial_bounds(&rs->registry[id], &initial);
	return line->barrier == initial.barrier && line->limit == initial.limit;
}

void rescore_knobs_release(struct rescore *rs, unsigned int slot,
			   const char *path)
{
	struct knob_undo *undo = NULL;
	struct rescore_bounds bounds;
	unsigned int id;

	for (id = 0; id < rs->meta->nr_resources; id++) {
		if (!(rs->table[slot].line[id].flags & RESCORE_WRITTEN))
			continue;
		rescore_initial_bounds(&rs->registry[id], &bounds);
		write_row(rs, slot, &bounds, path, &undo);
	}
	rescore_knobs_keep(undo);
}

static bool is_below_container(const struct rescore *rs, const char *path)
{
	char above[PATH_MAX];

	snprintf(above, sizeof(above), "%s", path);
	*strrchr(above, '/') = '\0';
	return rescore_member_path(rs, above) > 0;
}

/*
 * Where that fails nothing is counted, or shared, and the rows say so. Not below a
 * container's cgroup: nobody could be put into that one any more. Nor is a share
 * made among cgroups that others have made.
 */
static void enable_at_creation(struct rescore *rs, const char *path, bool own)
{
	unsigned int wanted = RESCORE_KNOB_COUNTS, k;

	if (is_below_container(rs, path))
		return;
	if (own)
		wanted |= RESCORE_KNOB_SHARE;
	for (k = 0; k < rs->meta->nr_knobs; k++)
		if (rs->knobs[k].flags & wanted)
			enable(path, rs->knobs[k].engine, NULL);
}

int rescore_knobs_adopt(struct rescore *rs, unsigned int slot, unsigned int i)
{
	bool own = rs->containers[slot].flags & RESCORE_OWN_CGROUP;
	struct knob_undo *undo = NULL;
	struct rescore_bounds bounds;
	char path[PATH_MAX];
	unsigned int id;
	int err = 0;

	err = rescore_cgroup_path_of(rs->containers[slot].roots[i], path,
				     sizeof(path));
	if (err)
		return err;
	enable_at_creation(rs, path, own && i == 0);
	for (id = 0; !err && id < rs->meta->nr_resources; id++) {
		if (!(rs->registry[id].flags & RESCORE_DELEGATED))
			continue;
		if (i == 0 && own) {
			/* left over from an `unload --force`, perhaps */
			rescore_initial_bounds(&rs->registry[id], &bounds);
			err = write_row(rs, slot, &bounds, path, &undo);
		} else if (i == 0) {
			adopt_row(rs, slot, id, path);
		} else if (!is_initial(rs, slot, id) &&
			   is_untouched(rs, id, path)) {
			bounds = (struct rescore_bounds){
				id, rs->table[slot].line[id].barrier,
				rs->table[slot].line[id].limit
			};
			err = write_row(rs, slot, &bounds, path, &undo);
		}
	}
	if (err)
		rescore_knobs_undo(undo);
	else
		rescore_knobs_keep(undo);
	return err;
}
