// SPDX-License-Identifier: GPL-2.0
/*
 * Limits of a container as JSON, for its stored configuration and for checkpoints:
 *
 *	"NAME": { "barrier": N, "limit": N, "detail": TEXT, "observe": true,
 *		  "held": N, "maxheld": N, "failcnt": N }
 *
 * Only rows that are on here are written, in their own units; what is left out of a
 * row is as in a new container.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ct_json.h"

static void limits_path(char *path, size_t size, const char *name)
{
	ct_path(path, size, RESCORE_CT_STORE, name, "limits.json");
}

/* What bounds have beside numbers, as it stands in the files of the first cgroup. */
static void read_detail(const struct rescore *rs, unsigned int slot,
			unsigned int id, char *ret, size_t size)
{
	const struct rescore_knob *knob = rs->knobs;
	char path[PATH_MAX], text[512];
	unsigned int i;

	*ret = '\0';
	for (i = 0; i < rs->meta->nr_knobs; i++, knob++) {
		if (knob->id != id || (knob->form != RESCORE_KNOB_CPUS &&
				       knob->form != RESCORE_KNOB_QUOTA))
			continue;
		if (rescore_cgroup_path(rs, slot, 0, path, sizeof(path)) ||
		    rescore_cgroup_read(path, knob->file, text, sizeof(text)))
			continue;
		if (knob->form == RESCORE_KNOB_QUOTA)
			snprintf(ret, size, "%lld",
				 (long long)rescore_quota_period(text));
		else if (strlen(text) < size)
			snprintf(ret, size, "%s", text);
	}
}

static json_t *row_json(const struct rescore *rs, unsigned int slot,
			unsigned int id, bool counters)
{
	const struct rescore_resource *resource = &rs->registry[id];
	char detail[sizeof(((struct rescore_bounds *)0)->detail)];
	struct rescore_bounds initial;
	struct rescore_line line;
	json_t *row;

	if (resource->state != RESCORE_ON ||
	    rescore_read(rs, slot, id, &line) < 0)
		return NULL;
	row = json_object();
	rescore_initial_bounds(resource, &initial);
	if (line.barrier != initial.barrier || line.limit != initial.limit) {
		json_object_set_new(row, "barrier", json_integer(line.barrier));
		json_object_set_new(row, "limit", json_integer(line.limit));
		read_detail(rs, slot, id, detail, sizeof(detail));
		if (*detail)
			json_object_set_new(row, "detail", json_string(detail));
	}
	if (line.flags & RESCORE_OBSERVE)
		json_object_set_new(row, "observe", json_true());
	if (counters) {
		json_object_set_new(row, "held", json_integer(line.held));
		json_object_set_new(row, "maxheld", json_integer(line.maxheld));
		json_object_set_new(row, "failcnt",
				    json_integer((json_int_t)line.failcnt));
	}
	if (json_object_size(row))
		return row;
	json_decref(row);
	return NULL;
}

json_t *ct_limits_json(const struct rescore *rs, unsigned int slot,
		       bool counters)
{
	json_t *rows = json_object(), *row;
	unsigned int id;

	for (id = 0; id < rs->meta->nr_resources; id++) {
		row = row_json(rs, slot, id, counters);
		if (row)
			json_object_set_new(rows, rs->registry[id].name, row);
	}
	return rows;
}

/* A bound that is set there and cannot be set here is an error. */
static int check_rows(const struct rescore *rs, const json_t *rows)
{
	const struct rescore_resource *resource;
	const char *name;
	json_t *row;
	int id;

	json_object_foreach((json_t *)rows, name, row) {
		if (!json_object_get(row, "barrier"))
			continue;
		id = rescore_find_resource(rs, name);
		if (id < 0)
			return rescore_error(
				-EOPNOTSUPP,
				"it has a bound for %s, which is not loaded",
				name);
		resource = &rs->registry[id];
		if (resource->state != RESCORE_ON)
			return rescore_error(
				-EOPNOTSUPP,
				"it has a bound for %s, which is off here: %s",
				name, resource->why);
	}
	return 0;
}

static void row_bounds(const struct rescore *rs, unsigned int id,
		       const json_t *row, struct rescore_bounds *ret)
{
	const json_t *barrier = json_object_get(row, "barrier");
	const json_t *limit = json_object_get(row, "limit");

	rescore_initial_bounds(&rs->registry[id], ret);
	ret->id = id;
	if (!json_is_integer(barrier) || !json_is_integer(limit))
		return;
	ret->barrier = json_integer_value(barrier);
	ret->limit = json_integer_value(limit);
	snprintf(ret->detail, sizeof(ret->detail), "%s",
		 json_string_value(json_object_get(row, "detail")) ?: "");
}

int ct_limits_apply(struct rescore *rs, unsigned int slot, const json_t *rows)
{
	struct rescore_bounds bounds[RESCORE_RESOURCES_MAX];
	const struct rescore_line *line;
	unsigned int id, n = 0;
	const json_t *row;
	bool observe;
	int err;

	/* half of it, stored, would be all that is left if the rest fails */
	rs->restoring = true;
	err = check_rows(rs, rows);
	for (id = 0; !err && id < rs->meta->nr_resources; id++) {
		if (rs->registry[id].state != RESCORE_ON)
			continue;
		row = json_object_get(rows, rs->registry[id].name);
		line = &rs->table[slot].line[id];
		row_bounds(rs, id, row, &bounds[n]);
		/* what nobody has set stays unwritten */
		if (bounds[n].barrier != line->barrier ||
		    bounds[n].limit != line->limit ||
		    line->flags & RESCORE_WRITTEN)
			n++;
		observe = json_is_true(json_object_get(row, "observe"));
		if (observe != !!(line->flags & RESCORE_OBSERVE))
			err = rescore_set_mode(rs, slot, (int)id, observe);
	}
	err = err ?: rescore_set(rs, slot, bounds, n);
	rs->restoring = false;
	return err;
}

int ct_limits_restate(struct rescore *rs, unsigned int slot)
{
	struct rescore_bounds bounds[RESCORE_RESOURCES_MAX];
	const struct rescore_line *line;
	json_t *root = NULL, *rows;
	char path[PATH_MAX];
	unsigned int id, n = 0;
	int err;

	limits_path(path, sizeof(path), rs->containers[slot].name);
	if (access(path, F_OK) == 0 && ct_read_json(path, &root))
		root = NULL;
	rows = json_object_get(root, "resources");
	for (id = 0; id < rs->meta->nr_resources; id++) {
		line = &rs->table[slot].line[id];
		if (!(rs->registry[id].flags & RESCORE_DELEGATED) ||
		    !(line->flags & RESCORE_WRITTEN))
			continue;
		/* which processors, what period: the table has no room for it */
		row_bounds(rs, id, json_object_get(rows, rs->registry[id].name),
			   &bounds[n]);
		if (bounds[n].barrier != line->barrier ||
		    bounds[n].limit != line->limit)
			bounds[n] = (struct rescore_bounds){ id, line->barrier,
							     line->limit };
		n++;
	}
	err = rescore_set(rs, slot, bounds, n);
	json_decref(root);
	return err;
}

void ct_counters_apply(struct rescore *rs, unsigned int slot,
		       const json_t *rows)
{
	struct rescore_line *line;
	const json_t *row, *maxheld;
	int64_t highest, mark;
	unsigned int id;

	for (id = 0; id < rs->meta->nr_resources; id++) {
		row = json_object_get(rows, rs->registry[id].name);
		maxheld = json_object_get(row, "maxheld");
		if (!maxheld)
			continue;
		line = &rs->table[slot].line[id];
		rescore_take_peak(rs, slot, id, &highest);
		__atomic_store_n(&line->failcnt,
				 json_integer_value(
					 json_object_get(row, "failcnt")),
				 __ATOMIC_RELAXED);
		mark = json_integer_value(maxheld);
		if (mark < line->held && rescore_has_ceiling(&rs->registry[id]))
			mark = line->held;
		__atomic_store_n(&line->maxheld, mark, __ATOMIC_RELAXED);
	}
}

/* --- the stored ones ---------------------------------------------------------------- */

int rescore_ct_remember(const struct rescore *rs, unsigned int slot)
{
	const struct rescore_container *c = &rs->containers[slot], *parent;
	char path[PATH_MAX];
	json_t *root;
	int err;

	err = rescore_check_slot(rs, slot);
	if (err)
		return err;
	parent = rescore_container(rs, c->parent);
	ct_path(path, sizeof(path), RESCORE_CT_STORE, c->name, NULL);
	err = ct_make_dirs(path);
	if (err)
		return err;
	limits_path(path, sizeof(path), c->name);
	root = json_pack("{s:i, s:s?, s:o}", "version", RESCORE_CT_VERSION,
			 "parent", parent ? parent->name : NULL, "resources",
			 ct_limits_json(rs, slot, false));
	err = ct_write_json(path, root);
	json_decref(root);
	return err;
}

int ct_limits_changed(const struct rescore *rs, unsigned int slot)
{
	char path[PATH_MAX];

	limits_path(path, sizeof(path), rs->containers[slot].name);
	return rs->restoring || access(path, F_OK) ?
		       0 :
		       rescore_ct_remember(rs, slot);
}

bool rescore_ct_remembered(const char *name)
{
	char path[PATH_MAX];

	limits_path(path, sizeof(path), name);
	return access(path, F_OK) == 0;
}

static int revive(struct rescore *rs, const char *name, unsigned int level)
{
	char path[PATH_MAX];
	const char *above;
	int slot, parent = 0, err;
	json_t *root;

	limits_path(path, sizeof(path), name);
	err = ct_read_json(path, &root);
	if (err)
		return err;
	above = json_string_value(json_object_get(root, "parent"));
	if (above) {
		parent = rescore_find(rs, above);
		if (parent < 0 && level < RESCORE_LEVELS_MAX &&
		    rescore_ct_remembered(above))
			parent = revive(rs, above, level + 1);
		else if (parent < 0)
			rescore_error(
				parent,
				"\"%s\" is below \"%s\", which does not exist",
				name, above);
	}
	slot = parent < 0 ? parent :
			    rescore_create_below(rs, name, NULL,
						 (unsigned int)parent);
	if (slot > 0) {
		err = ct_limits_apply(rs, (unsigned int)slot,
				      json_object_get(root, "resources"));
		if (err)
			rescore_destroy(rs, (unsigned int)slot, false);
	}
	json_decref(root);
	return err ?: slot;
}

int rescore_ct_revive(struct rescore *rs, const char *name)
{
	int err = rescore_check_name(name);

	if (!err && !rescore_ct_remembered(name))
		err = rescore_error(-ENOENT, "no container \"%s\" is stored",
				    name);
	return err ?: revive(rs, name, 1);
}
