// SPDX-License-Identifier: GPL-2.0
/*
 * From a program that is loaded to one that runs: attached, and its link pinned; or
 * pinned itself, for user space to run, or to attach it once there is a bound for it
 * to keep.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "load.h"

int load_pin_error(const char *name)
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
	err = bpf_link__pin(link, path) ? load_pin_error(path) : 0;
	bpf_link__destroy(link);
	return err;
}

/* Programs that user space runs when it needs them. */
static int pin_program(struct load *load, struct bpf_program *prog)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/progs/%s", load->dir,
		 bpf_program__name(prog));
	return bpf_program__pin(prog, path) ? load_pin_error(path) : 0;
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
	err = bpf_link__pin(link, path) ? load_pin_error(path) : 0;
	bpf_link__destroy(link);
	return err;
}

/* <resource>__truth, or …__truth_of_something_else */
static bool is_truth(struct bpf_program *prog)
{
	const char *end = strstr(bpf_program__name(prog), "__");

	return end && !strncmp(end, RESCORE_TRUTH, strlen(RESCORE_TRUTH));
}

/* --- programs that keep a bound ------------------------------------------------- */

/* What a program on a hot path costs, it costs only once its row has a bound. */
static bool is_for_bound(const struct rescore_hook *hook)
{
	return strstr(hook->name, LOAD_BOUND);
}

/* Has any container, before the upgrade, a bound for it to keep? */
static bool has_bound(const struct load *load, const struct rescore_hook *hook)
{
	unsigned int n = load->meta.nr_slots, slot, id;
	struct rescore_container *containers;
	const struct rescore_line *line;
	struct rescore_row *table;
	bool found = false;

	containers = rescore_map("containers", sizeof(*containers), n, true);
	table = rescore_map("table", sizeof(*table), n, true);
	for (slot = 1; containers && table && !found && slot < n; slot++) {
		if (containers[slot].state == RESCORE_FREE)
			continue;
		for (id = 0; id < load->meta.nr_resources; id++) {
			line = &table[slot].line[id];
			found |= rescore_serves(hook,
						load->registry[id].name) &&
				 line->barrier != RESCORE_UNLIMITED;
		}
	}
	rescore_unmap(table, sizeof(*table), n);
	rescore_unmap(containers, sizeof(*containers), n);
	return found;
}

/* A file descriptor, or -1 and errno. */
static int attach_fd(const struct rescore_hook *hook, int prog_fd)
{
	int root, link_fd;

	if (strncmp(hook->target, LOAD_LSM_CGROUP, strlen(LOAD_LSM_CGROUP)))
		return bpf_raw_tracepoint_open(NULL, prog_fd);
	root = open(rescore_cgroup_mount(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -1;
	link_fd = bpf_link_create(prog_fd, root, BPF_LSM_CGROUP, NULL);
	close(root);
	return link_fd;
}

/* @hook's program is pinned, and its link is not. */
static int attach_pinned(const struct rescore_hook *hook)
{
	char prog[256], link[256];
	int prog_fd, link_fd = -1, err = 0;

	snprintf(prog, sizeof(prog), RESCORE_PIN_DIR "/progs/%s", hook->name);
	snprintf(link, sizeof(link), RESCORE_PIN_DIR "/links/%s", hook->name);
	if (!access(link, F_OK))
		return 0;
	prog_fd = bpf_obj_get(prog);
	if (prog_fd >= 0)
		link_fd = attach_fd(hook, prog_fd);
	if (link_fd < 0 || bpf_obj_pin(link_fd, link))
		err = rescore_error(-errno, "cannot attach %s: %s", hook->name,
				    strerror(errno));
	if (link_fd >= 0)
		close(link_fd);
	if (prog_fd >= 0)
		close(prog_fd);
	return err;
}

int rescore_attach_bounded(const struct rescore *rs, uint32_t rows)
{
	const struct rescore_hook *hook = rs->hooks;
	unsigned int i, id;
	int err = 0;

	for (i = 0; i < rs->meta->nr_hooks; i++, hook++) {
		if (hook->state != RESCORE_ON || !is_for_bound(hook))
			continue;
		for (id = 0; !err && id < rs->meta->nr_resources; id++)
			if (rows & 1U << id &&
			    rescore_serves(hook, rs->registry[id].name))
				err = attach_pinned(hook);
	}
	return err;
}

/* --- all of an object ---------------------------------------------------------- */

static int attach(struct load *load, struct bpf_program *prog,
		  const struct rescore_hook *hook)
{
	const char *target = bpf_program__section_name(prog);
	int err;

	if (!strcmp(target, "iter/bpf_map_elem") && !is_truth(prog))
		return pin_text(load, prog);
	if (!strncmp(target, "iter/", 5) || !strncmp(target, "iter.s/", 7) ||
	    !strcmp(target, "syscall"))
		return pin_program(load, prog);
	if (!is_for_bound(hook))
		return pin_link(load, prog);
	err = pin_program(load, prog);
	if (!err && load->upgrade && has_bound(load, hook))
		err = pin_link(load, prog);
	return err;
}

static void detach(const struct load *load, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/links/%s", load->dir, name);
	unlink(path);
}

/* A hook that exists may still refuse (no ftrace site): its resource is off. */
int load_attach(struct load *load, struct bpf_object *object)
{
	struct bpf_program *prog;
	struct rescore_hook *hook;
	unsigned int i;
	int err;

	bpf_object__for_each_program(prog, object) {
		hook = load_find_hook(load, bpf_program__name(prog));
		if (!hook || hook->state != RESCORE_ON)
			continue;
		err = attach(load, prog, hook);
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
