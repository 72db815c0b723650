// SPDX-License-Identifier: GPL-2.0
/*
 * One BPF object: the core's or a controller's. What it counts and where it
 * attaches is read from the object itself, so nothing here knows any of them.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "load.h"

#define AMOUNTS	"amounts_"	/* RESCORE_AMOUNTS of the BPF side: a map's name */
#define MEMBERS	".bss"		/* the one variable there is in it */
#define MEMBERS_SIZE	(sizeof(struct rescore_bucket) << RESCORE_MEMBERS_BITS)

/* --- what the object is told before it is verified ---------------------------- */

/* What it returns is const for those who load nothing; before that it is ours. */
void *load_section(struct bpf_object *object, const char *name, size_t *size)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, name);

	return map ? (void *)bpf_map__initial_value(map, size) : NULL;
}

static int configure(struct load *load, struct bpf_object *object,
		     const char *file)
{
	struct rescore_config *config;
	size_t size = 0;

	config = load_section(object, ".rodata.config", &size);
	if (!config || size != sizeof(*config))
		return rescore_error(-ENOEXEC, "%s is no rescore object", file);
	*config = (struct rescore_config){
		.generation = load->meta.generation,
		.members_shift = 64 - load->meta.members_bits,
		.payers_shift = 64 - load->meta.payers_bits,
		.events_mask = load->meta.nr_events - 1,
		.preemptible = load->preemptible,
	};
	memcpy(config->symbol, load->symbol, sizeof(config->symbol));
	return 0;
}

/* A gauge that no row has, or that which an upgrade has to keep: its index or -E2BIG. */
static int pick_gauge(const struct load *load, unsigned int id)
{
	const struct rescore_resource *old = load->registry;
	unsigned int i, gauge = 0;

	if (id < load->meta.nr_resources && old[id].flags & RESCORE_DELEGATED)
		return old[id].gauge;
	for (i = 0; i < load->meta.nr_resources; i++)
		if (old[i].flags & RESCORE_DELEGATED && old[i].gauge >= gauge)
			gauge = old[i].gauge + 1;
	if (gauge == RESCORE_GAUGES_MAX)
		return rescore_error(-E2BIG, "more than %d delegated resources",
				     RESCORE_GAUGES_MAX);
	return gauge;
}

/* Give the object's resources their ids and enter them into the registry. */
static int add_resources(struct load *load, struct bpf_object *object,
			 const char *controller)
{
	struct rescore_resource *resource;
	unsigned int i, id;
	size_t size = 0;
	int gauge;

	resource = load_section(object, ".rodata.resources", &size);
	for (i = 0; i < size / sizeof(*resource); i++, resource++) {
		/* an upgrade keeps ids, which limits and counts stand at */
		for (id = 0; id < load->meta.nr_resources; id++)
			if (!strcmp(load->registry[id].name, resource->name))
				break;
		if (id == RESCORE_REGISTERED_MAX)
			return rescore_error(-E2BIG, "more than %d resources",
					     RESCORE_REGISTERED_MAX);
		if (load->resources_taken & 1ULL << id)
			return rescore_error(-EEXIST, "%s and %s both count %s",
					     load->registry[id].controller,
					     controller, resource->name);
		load->resources_taken |= 1ULL << id;
		resource->id = id;
		if (resource->flags & RESCORE_DELEGATED) {
			gauge = pick_gauge(load, id);
			if (gauge < 0)
				return gauge;
			resource->gauge = gauge;
		}
		snprintf(resource->controller, sizeof(resource->controller),
			 "%s", controller);
		resource->state = RESCORE_ON;
		if (resource->flags & RESCORE_GATE)
			load->meta.gate = id + 1;
		load->registry[id] = *resource;
		if (id == load->meta.nr_resources)
			load->meta.nr_resources++;
	}
	load_settle_resources(load);
	return 0;
}

/* libbpf puts a part of the object's name before it. */
static bool is_members(const struct bpf_map *map)
{
	return load_has_suffix(bpf_map__name(map), MEMBERS);
}

const char *load_core_pin(const struct bpf_map *map)
{
	const char *name = bpf_map__name(map);

	if (!strcmp(name, ".data.rescore"))
		return "meta";
	if (is_members(map))
		return "members";
	return strchr(name, '.') ? NULL : name;
}

/* What @map is in the core; NULL: it is the object's own. */
static struct bpf_map *find_shared(const struct load *load,
				   const struct bpf_map *map)
{
	const char *name = load_core_pin(map), *pin;
	struct bpf_map *shared;

	if (!name)
		return NULL;
	bpf_object__for_each_map(shared, load->core) {
		pin = load_core_pin(shared);
		if (pin && !strcmp(pin, name))
			return shared;
	}
	return NULL;
}

static int share_maps(struct load *load, struct bpf_object *object)
{
	struct bpf_map *map, *shared;
	int err;

	bpf_object__for_each_map(map, object) {
		if (is_members(map) && bpf_map__value_size(map) != MEMBERS_SIZE)
			return rescore_error(
				-ENOEXEC,
				"%s has variables in .bss, where only members may be",
				bpf_object__name(object));
		shared = find_shared(load, map);
		if (!shared)
			continue;
		err = bpf_map__reuse_fd(map, bpf_map__fd(shared));
		if (err)
			return rescore_error(err, "cannot share map %s: %s",
					     bpf_map__name(map),
					     strerror(-err));
	}
	return 0;
}

static int size_maps(struct load *load, struct bpf_object *object)
{
	const struct {
		const char *name;
		uint32_t entries;
	} sizes[] = {
		{ "table", load->meta.nr_slots },
		{ "containers", load->meta.nr_slots },
		{ "throttle", load->meta.nr_slots },
		{ "payers", 1U << load->meta.payers_bits },
		/* an eighth of what the buckets hold, and see rescore_members_room() */
		{ "members_more",
		  (1U << load->meta.members_bits) + load->meta.nr_slots },
		{ "payers_more",
		  (1U << load->meta.payers_bits) + RESCORE_PAYERS_SPARE },
		{ "events", load->meta.nr_events },
		{ "registry", RESCORE_RESOURCES_MAX },
		{ "hooks", RESCORE_HOOKS_MAX },
		{ "gauges", load->meta.nr_slots },
		{ "knobs", RESCORE_KNOBS_MAX },
		{ "figures", RESCORE_FIGURES_MAX },
	};
	struct rescore_meta *meta;
	struct bpf_map *map;
	size_t i, size = 0;
	int err;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		map = bpf_object__find_map_by_name(object, sizes[i].name);
		err = map ? bpf_map__set_max_entries(map, sizes[i].entries) :
			    -ENOENT;
		if (err)
			return rescore_error(err, "cannot size map %s: %s",
					     sizes[i].name, strerror(-err));
	}
	meta = load_section(object, ".data.rescore", &size);
	if (!meta || size != sizeof(*meta))
		return rescore_error(-ENOEXEC, "the core has no meta");
	*meta = load->meta;
	return 0;
}

/*
 * A map of the controller's own that has something for each object of a kind:
 * map_extra says how many of the objects in containers go with one of those.
 */
static int size_amounts(struct load *load, struct bpf_object *object)
{
	uint64_t objects = ((uint64_t)RESCORE_BUCKET_ENTRIES / 2)
			   << load->meta.payers_bits;
	struct bpf_map *map;
	uint64_t extra;
	int err;

	bpf_object__for_each_map(map, object) {
		extra = bpf_map__map_extra(map);
		if (!extra)
			continue;
		err = bpf_map__set_map_extra(map, 0);
		/* the spare keeps the administrator from being locked out of a
		 * machine where very little was asked for
		 */
		if (!err)
			err = bpf_map__set_max_entries(
				map, objects / extra + RESCORE_PAYERS_SPARE);
		if (err)
			return rescore_error(err, "cannot size map %s: %s",
					     bpf_map__name(map),
					     strerror(-err));
	}
	return 0;
}

/* --- pins --- */

static int pin_maps(const struct load *load, struct bpf_object *object)
{
	struct bpf_map *map;
	const char *name;
	char path[256];

	bpf_object__for_each_map(map, object) {
		name = load_core_pin(map);
		if (!name)
			continue;
		snprintf(path, sizeof(path), "%s/%s", load->dir, name);
		if (bpf_map__pin(map, path))
			return load_pin_error(path);
	}
	return 0;
}

/* For the audit, which walks them by the name of the resource. */
static int pin_amounts(const struct load *load, struct bpf_object *object)
{
	struct bpf_map *map;
	const char *name;
	char path[256];

	bpf_object__for_each_map(map, object) {
		name = bpf_map__name(map);
		if (strncmp(name, AMOUNTS, strlen(AMOUNTS)))
			continue;
		snprintf(path, sizeof(path), "%s/" RESCORE_AMOUNTS "%s",
			 load->dir, name + strlen(AMOUNTS));
		if (bpf_map__pin(map, path))
			return load_pin_error(path);
	}
	return 0;
}

/* Before the object is loaded: which maps there are already, and sizes. */
static int prepare_maps(struct load *load, struct bpf_object *object,
			const char *controller)
{
	int err;

	if (load->core)
		err = share_maps(load, object);
	else if (load->upgrade)
		err = load_reuse_core(object);
	else
		err = size_maps(load, object);
	err = err ?: size_amounts(load, object);
	if (!err && load->core && load->upgrade)
		err = load_reuse_own(load, object, controller);
	return err;
}

static int pin_all_maps(struct load *load, struct bpf_object *object,
			const char *controller)
{
	if (load->core)
		return pin_amounts(load, object) ?:
			       load_pin_own(load, object, controller);
	return load->upgrade ? 0 : pin_maps(load, object);
}

static int load_error(const char *file, int err)
{
	if (err == -EPERM)
		return rescore_error(
			err,
			"the kernel refuses BPF tracing programs (lockdown, or a container): see `rlimitctl status`");
	return rescore_error(
		err, "the kernel does not take %s: %s; `load -v` shows why",
		file, strerror(-err));
}

int load_object(struct load *load, const char *file)
{
	char path[4096], controller[RESCORE_CTL_NAME_LEN];
	const struct rescore_hook *missing;
	struct bpf_object *object;
	struct bpf_program *prog;
	int err;

	if (load->nr_objects == LOAD_OBJECTS_MAX)
		return rescore_error(-E2BIG, "more than %d objects in %s",
				     LOAD_OBJECTS_MAX, load->bpf_dir);
	snprintf(path, sizeof(path), "%s/%s", load->bpf_dir, file);
	snprintf(controller, sizeof(controller), "%.*s",
		 (int)strcspn(file, "."), file);

	object = bpf_object__open_file(path, NULL);
	if (!object)
		return rescore_error(-errno, "cannot open %s: %s", path,
				     strerror(errno));
	load->objects[load->nr_objects++] = object;

	err = configure(load, object, path);
	err = err ?: load_modules(load, object);
	err = err ?: load_add_hooks(load, object, controller);
	err = err ?: add_resources(load, object, controller);
	err = err ?: load_descriptions(load, object, path);
	err = err ?: prepare_maps(load, object, controller);
	if (err)
		return err;
	bpf_object__for_each_program(prog, object)
		bpf_program__set_autoload(
			prog,
			load_find_hook(load, bpf_program__name(prog))->state ==
				RESCORE_ON);
	err = bpf_object__load(object);
	if (err)
		return load_error(file, err);
	err = pin_all_maps(load, object, controller);
	if (err)
		return err;
	load->core = load->core ?: object;
	err = load_attach(load, object);
	missing = load_missing_hook(load, LOAD_CORE);
	if (!err && missing)
		err = rescore_error(-EOPNOTSUPP, "%s: %s", missing->name,
				    missing->why);
	return err;
}
