// SPDX-License-Identifier: GPL-2.0
/*
 * What an upgrade takes over: the maps, with all that is counted in them, and
 * the numbers that resources and figures have there.
 */
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "load.h"

#define OWN_PREFIX	"own-"	/* own-CONTROLLER-MAP */
#define DATA		".data."

/* A copy of the array map @name: @n elements of @size bytes. */
static int copy_map(const char *name, void *copy, size_t size, size_t n)
{
	void *map = rescore_map(name, size, n, true);

	if (!map)
		return -EIO;
	memcpy(copy, map, size * n);
	rescore_unmap(map, size, n);
	return 0;
}

int load_begin_upgrade(struct load *load)
{
	struct rescore_meta *meta = &load->meta;
	struct rescore_resource *resource;
	unsigned int i;
	int err;

	err = copy_map("meta", meta, sizeof(*meta), 1);
	if (!err && meta->abi != RESCORE_ABI)
		return rescore_error(
			-EPROTO,
			"rescore was loaded by version %.*s (ABI %u, this is ABI %u), which cannot be upgraded: destroy the containers with its tools, unload, and load again",
			(int)sizeof(meta->version), meta->version, meta->abi,
			RESCORE_ABI);
	err = err   ?:
		      copy_map("registry", load->registry,
			       sizeof(load->registry[0]),
			       RESCORE_RESOURCES_MAX);
	err = err   ?:
		      copy_map("figures", load->figures,
			       sizeof(load->figures[0]), RESCORE_FIGURES_MAX);
	if (err)
		return err;
	for (i = 0; i < meta->nr_resources; i++) {
		resource = &load->registry[i];
		resource->state = RESCORE_OFF;
		snprintf(resource->why, sizeof(resource->why),
			 "its controller has been unloaded");
	}
	/* never RESCORE_HANDOVER, never 0 */
	meta->generation = meta->generation % (RESCORE_HANDOVER - 1) + 1;
	meta->nr_hooks = 0;
	meta->nr_knobs = 0;
	meta->gate = 0;
	snprintf(meta->version, sizeof(meta->version), "%s", RESCORE_VERSION);
	return 0;
}

/* @fd is closed. */
static int reuse(struct bpf_map *map, int fd)
{
	struct bpf_map_info info = {};
	uint32_t size = sizeof(info);
	int err = 0;

	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		err = -errno;
	else if (info.type != bpf_map__type(map) ||
		 info.key_size != bpf_map__key_size(map) ||
		 info.value_size != bpf_map__value_size(map))
		err = -EPROTO;
	err = err ?: bpf_map__reuse_fd(map, fd);
	close(fd);
	if (err == -EPROTO)
		return rescore_error(
			err,
			"this version lays map %s out differently: destroy the containers, unload, and load again",
			bpf_map__name(map));
	return err ? rescore_error(err, "cannot take over map %s: %s",
				   bpf_map__name(map), strerror(-err)) :
		     0;
}

int load_reuse_core(struct bpf_object *object)
{
	struct bpf_map *map;
	const char *name;
	int fd, err = 0;

	bpf_object__for_each_map(map, object) {
		name = load_core_pin(map);
		if (!name)
			continue;
		fd = rescore_pin_fd(name);
		err = fd < 0 ? fd : reuse(map, fd);
		if (err)
			break;
	}
	return err;
}

/*
 * What a map of the controller's own is called in its pin; NULL: it is the core's, or
 * begins anew. One variable of the section .data.NAME is a map as well: RESCORE_TABLE.
 */
static const char *own_name(const struct load *load, const struct bpf_map *map)
{
	const char *name = bpf_map__name(map);
	size_t data = strlen(DATA);

	if (bpf_object__find_map_by_name(load->core, name) ||
	    !strcmp(name, DATA "own"))
		return NULL;
	if (!strncmp(name, DATA, data))
		name += data;
	return strchr(name, '.') ? NULL : name;
}

int load_reuse_own(struct load *load, struct bpf_object *object,
		   const char *controller)
{
	char pin[128], path[256];
	struct bpf_map *map;
	const char *name;
	int fd, err = 0;

	bpf_object__for_each_map(map, object) {
		name = own_name(load, map);
		if (err || !name)
			continue;
		snprintf(pin, sizeof(pin), OWN_PREFIX "%s-%s", controller,
			 name);
		snprintf(path, sizeof(path), RESCORE_PIN_DIR "/%s", pin);
		if (access(path, F_OK))
			continue;	/* was not loaded, or is new */
		fd = rescore_pin_fd(pin);
		err = fd < 0 ? fd : reuse(map, fd);
	}
	return err;
}

int load_pin_own(struct load *load, struct bpf_object *object,
		 const char *controller)
{
	struct bpf_map *map;
	const char *name;
	char path[256];

	bpf_object__for_each_map(map, object) {
		name = own_name(load, map);
		if (!name)
			continue;
		snprintf(path, sizeof(path), "%s/" OWN_PREFIX "%s-%s",
			 load->dir, controller, name);
		/* libbpf would take a second pin for a mistake */
		if (bpf_obj_pin(bpf_map__fd(map), path))
			return rescore_error(-errno, "cannot pin %s: %s", path,
					     strerror(errno));
	}
	return 0;
}

/* Does any program of the controller that @name (CONTROLLER-MAP) begins with run? */
static bool is_loaded(const struct rescore_hook *hooks, const char *name)
{
	size_t length = strcspn(name, "-");
	unsigned int i;

	for (i = 0; i < RESCORE_HOOKS_MAX; i++)
		if (strnlen(hooks[i].controller, sizeof(hooks[i].controller)) ==
			    length &&
		    !strncmp(hooks[i].controller, name, length) &&
		    hooks[i].state == RESCORE_ON)
			return true;
	return false;
}

static bool is_counted(const struct rescore_resource *registry,
		       const char *name)
{
	unsigned int i;

	for (i = 0; i < RESCORE_RESOURCES_MAX; i++)
		if (!strcmp(registry[i].name, name))
			return registry[i].state == RESCORE_ON;
	return false;
}

/* The pin @name is of a map whose controller is gone. */
static bool is_left(const struct rescore_hook *hooks,
		    const struct rescore_resource *registry, const char *name)
{
	if (!strncmp(name, OWN_PREFIX, strlen(OWN_PREFIX)))
		return !is_loaded(hooks, name + strlen(OWN_PREFIX));
	if (!strncmp(name, RESCORE_AMOUNTS, strlen(RESCORE_AMOUNTS)))
		return !is_counted(registry, name + strlen(RESCORE_AMOUNTS));
	return false;
}

int load_forget_own(const struct rescore_resource *registry)
{
	struct rescore_hook *hooks;
	struct dirent *entry;
	char path[512];
	DIR *dir;
	int err = 0;

	hooks = rescore_map("hooks", sizeof(*hooks), RESCORE_HOOKS_MAX, true);
	dir = opendir(RESCORE_PIN_DIR);
	if (!hooks || !dir)
		err = -EIO;
	while (!err && (entry = readdir(dir))) {
		if (!is_left(hooks, registry, entry->d_name))
			continue;
		snprintf(path, sizeof(path), RESCORE_PIN_DIR "/%s",
			 entry->d_name);
		if (unlink(path) < 0 && errno != ENOENT)
			err = rescore_error(-errno, "cannot remove %s: %s",
					    path, strerror(errno));
	}
	if (dir)
		closedir(dir);
	rescore_unmap(hooks, sizeof(*hooks), RESCORE_HOOKS_MAX);
	return err;
}
