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
		if (id == RESCORE_RESOURCES_MAX)
			return rescore_error(-E2BIG, "more than %d resources",
					     RESCORE_RESOURCES_MAX);
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

static int share_maps(struct load *load, struct bpf_object *object)
{
	struct bpf_map *map, *shared;
	const char *name;
	int err;

	bpf_object__for_each_map(map, object) {
		name = bpf_map__name(map);
		if (!strncmp(name, ".rodata", 7) || strstr(name, ".bss"))
			continue;
		shared = bpf_object__find_map_by_name(load->core, name);
		if (!shared)
			continue;
		err = bpf_map__reuse_fd(map, bpf_map__fd(shared));
		if (err)
			return rescore_error(err, "cannot share map %s: %s",
					     name, strerror(-err));
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
		{ "members", 1U << load->meta.members_bits },
		{ "payers", 1U << load->meta.payers_bits },
		/* an eighth of what the buckets hold */
		{ "members_more", 1U << load->meta.members_bits },
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

/* --- attach -------------------------------------------------------------------- */

static int pin_error(const char *name)
{
	return rescore_error(-errno, "cannot pin %s: %s", name,
			     strerror(errno));
}

/* The table as text: an iterator over containers that anybody can cat. */
static int pin_text(struct load *load, struct bpf_program *prog)
{
	LIBBPF_OPTS(bpf_iter_attach_opts, opts);
	union bpf_iter_link_info info = {};
	const char *name = bpf_program__name(prog);
	struct bpf_link *link;
	struct bpf_map *map;
	char path[256];
	int err;

	map = bpf_object__find_map_by_name(load->core, "containers");
	info.map.map_fd = bpf_map__fd(map);
	opts.link_info = &info;
	opts.link_info_len = sizeof(info);
	link = bpf_program__attach_iter(prog, &opts);
	if (!link)
		return -errno;
	snprintf(path, sizeof(path), "%s/%s", load->dir,
		 strstr(name, "__") ? strstr(name, "__") + 2 : name);
	err = bpf_link__pin(link, path) ? pin_error(path) : 0;
	bpf_link__destroy(link);
	return err;
}

/* Programs that user space runs when it needs them. */
static int pin_program(struct load *load, struct bpf_program *prog)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/progs/%s", load->dir,
		 bpf_program__name(prog));
	return bpf_program__pin(prog, path) ? pin_error(path) : 0;
}

/* Attached to the root, it is run for every cgroup. */
static bool is_for_cgroups(const struct bpf_program *prog)
{
	switch (bpf_program__type(prog)) {
	case BPF_PROG_TYPE_CGROUP_DEVICE:
	case BPF_PROG_TYPE_CGROUP_SOCKOPT:
	case BPF_PROG_TYPE_SOCK_OPS:
		return true;
	case BPF_PROG_TYPE_LSM:
		return bpf_program__expected_attach_type(prog) ==
		       BPF_LSM_CGROUP;
	default:
		return false;
	}
}

static int pin_link(struct load *load, struct bpf_program *prog)
{
	struct bpf_link *link;
	char path[256];
	int err;

	if (is_for_cgroups(prog))
		link = bpf_program__attach_cgroup(prog, load->cgroup_fd);
	else
		link = bpf_program__attach(prog);
	if (!link)
		return -errno;
	snprintf(path, sizeof(path), "%s/links/%s", load->dir,
		 bpf_program__name(prog));
	err = bpf_link__pin(link, path) ? pin_error(path) : 0;
	bpf_link__destroy(link);
	return err;
}

/* <resource>__truth, or …__truth_of_something_else */
static bool is_truth(struct bpf_program *prog)
{
	const char *end = strstr(bpf_program__name(prog), "__");

	return end && !strncmp(end, RESCORE_TRUTH, strlen(RESCORE_TRUTH));
}

static int attach(struct load *load, struct bpf_program *prog)
{
	const char *target = bpf_program__section_name(prog);

	if (!strcmp(target, "iter/bpf_map_elem") && !is_truth(prog))
		return pin_text(load, prog);
	if (!strncmp(target, "iter/", 5) || !strncmp(target, "iter.s/", 7) ||
	    !strcmp(target, "syscall"))
		return pin_program(load, prog);
	return pin_link(load, prog);
}

static void detach(const struct load *load, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/links/%s", load->dir, name);
	unlink(path);
}

/* A hook that exists may still refuse (no ftrace site): its resource is off. */
static int attach_all(struct load *load, struct bpf_object *object)
{
	struct bpf_program *prog;
	struct rescore_hook *hook;
	unsigned int i;
	int err;

	bpf_object__for_each_program(prog, object) {
		hook = load_find_hook(load, bpf_program__name(prog));
		if (!hook || hook->state != RESCORE_ON)
			continue;
		err = attach(load, prog);
		if (!err)
			continue;
		hook->state = RESCORE_OFF;
		snprintf(hook->why, sizeof(hook->why),
			 "cannot attach to %s: %s", hook->target,
			 strerror(-err));
	}
	load_settle_resources(load);
	for (i = 0; i < load->meta.nr_hooks; i++)
		if (load->hooks[i].state == RESCORE_OFF)
			detach(load, load->hooks[i].name);
	return 0;
}

static int pin_maps(const struct load *load, struct bpf_object *object)
{
	struct bpf_map *map;
	const char *name;
	char path[256];

	bpf_object__for_each_map(map, object) {
		name = bpf_map__name(map);
		if (!strcmp(name, ".data.rescore"))
			name = "meta";
		else if (name[0] == '.' || strchr(name, '.'))
			continue;
		snprintf(path, sizeof(path), "%s/%s", load->dir, name);
		if (bpf_map__pin(map, path))
			return pin_error(path);
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
			return pin_error(path);
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
	err = attach_all(load, object);
	missing = load_missing_hook(load, LOAD_CORE);
	if (!err && missing)
		err = rescore_error(-EOPNOTSUPP, "%s: %s", missing->name,
				    missing->why);
	return err;
}
