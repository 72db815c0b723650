// SPDX-License-Identifier: GPL-2.0
/* Run the pinned programs that user space asks for work. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ct.h"

static int program_fd(const char *name)
{
	char pin[128];

	snprintf(pin, sizeof(pin), "progs/%s", name);
	return rescore_pin_fd(pin);
}

static ssize_t read_all(int fd, void **ret)
{
	size_t used = 0, size = 1 << 16;
	char *data = malloc(size), *more;
	ssize_t n = 0;

	if (!data)
		return -ENOMEM;
	for (;;) {
		if (used == size) {
			more = realloc(data, size * 2);
			if (!more) {
				n = -ENOMEM;
				break;
			}
			data = more;
			size *= 2;
		}
		n = read(fd, data + used, size - used);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n <= 0) {
			n = n < 0 ? -errno : 0;
			break;
		}
		used += n;
	}
	if (n < 0 || !ret) {
		free(data);
		return n < 0 ? n : 0;
	}
	*ret = data;
	return used;
}

static ssize_t run_iter(const char *name, union bpf_iter_link_info *info,
			void **ret)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts);
	int prog, link, iter;
	ssize_t n;

	prog = program_fd(name);
	if (prog < 0)
		return prog;
	if (info) {
		opts.iter_info = info;
		opts.iter_info_len = sizeof(*info);
	}
	link = bpf_link_create(prog, 0, BPF_TRACE_ITER, &opts);
	if (link < 0) {
		n = -errno;
		close(prog);
		return rescore_error(n, "cannot attach %s: %s", name,
				     strerror(-n));
	}
	iter = bpf_iter_create(link);
	n = iter < 0 ? -errno : read_all(iter, ret);
	if (n < 0)
		rescore_error(n, "cannot read from %s: %s", name, strerror(-n));
	if (iter >= 0)
		close(iter);
	close(link);
	close(prog);
	return n;
}

ssize_t rescore_run_iter(const char *name, void **ret)
{
	return run_iter(name, NULL, ret);
}

int rescore_run_iter_cgroup(const char *name, const char *cgroup, bool alone)
{
	union bpf_iter_link_info info = {};
	int fd;
	ssize_t n;

	fd = rescore_cgroup_open(cgroup, NULL, 0, NULL);
	if (fd < 0)
		return fd;
	info.cgroup.order = alone ? BPF_CGROUP_ITER_SELF_ONLY :
				    BPF_CGROUP_ITER_DESCENDANTS_PRE;
	info.cgroup.cgroup_fd = fd;
	n = run_iter(name, &info, NULL);
	close(fd);
	return n;
}

/* The map that a program on iter/bpf_map_elem walks over: a descriptor or -errno. */
static int truth_map(const char *resource, const char *which)
{
	char pin[64];

	if (!strcmp(which, RESCORE_TRUTH "__payers"))
		return rescore_pin_fd("payers");
	if (!strcmp(which, RESCORE_TRUTH "__more"))
		return rescore_pin_fd("payers_more");
	snprintf(pin, sizeof(pin), RESCORE_AMOUNTS "%s", resource);
	return rescore_pin_fd(pin);
}

/* The size of what it wrote, or -errno. */
static ssize_t run_truth(const struct rescore_hook *hook, const char *resource,
			 void **ret)
{
	union bpf_iter_link_info info = {};
	ssize_t size;
	int fd;

	if (strcmp(hook->target, "iter/bpf_map_elem"))
		return run_iter(hook->name, NULL, ret);
	fd = truth_map(resource, hook->name + strlen(resource));
	if (fd < 0)
		return fd;
	info.map.map_fd = fd;
	size = run_iter(hook->name, &info, ret);
	close(fd);
	return size;
}

/* Before its truth: what the resource's own program has to find first. */
static int run_census(const struct rescore *rs, const char *resource)
{
	const struct rescore_hook *hook = rs->hooks;
	struct rescore_census census = { 0 };
	char name[64];
	unsigned int i;

	snprintf(name, sizeof(name), "%s__census", resource);
	for (i = 0; i < rs->meta->nr_hooks; i++, hook++) {
		if (hook->state != RESCORE_ON || strcmp(hook->name, name))
			continue;
		return rescore_run_syscall(name, &census, sizeof(census));
	}
	return 0;
}

ssize_t rescore_run_truth(const struct rescore *rs, unsigned int id,
			  struct rescore_truth **ret)
{
	const char *name = rs->registry[id].name;
	const struct rescore_hook *hook = rs->hooks;
	size_t length = strlen(name), size = 0;
	char *all = NULL, *more;
	ssize_t got = -ENOENT;
	unsigned int i;
	void *part;
	int err;

	err = run_census(rs, name);
	if (err)
		return err;
	for (i = 0; i < rs->meta->nr_hooks; i++, hook++) {
		if (hook->state != RESCORE_ON ||
		    strncmp(hook->name, name, length) ||
		    strncmp(hook->name + length, RESCORE_TRUTH,
			    strlen(RESCORE_TRUTH)))
			continue;
		got = run_truth(hook, name, &part);
		if (got < 0)
			break;
		more = realloc(all, size + got + 1);
		if (!more) {
			free(part);
			got = rescore_error(-ENOMEM, "out of memory");
			break;
		}
		all = more;
		memcpy(all + size, part, got);
		size += got;
		free(part);
	}
	if (got < 0) {
		free(all);
		return got;
	}
	*ret = (struct rescore_truth *)all;
	return size / sizeof(**ret);
}

int rescore_run_syscall(const char *name, void *arg, size_t size)
{
	/* the kernel writes the answer back over the request */
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = arg,
		    .ctx_size_in = size);
	int fd, err = 0;

	fd = program_fd(name);
	if (fd < 0)
		return fd;
	if (bpf_prog_test_run_opts(fd, &opts) < 0)
		err = rescore_error(-errno, "cannot run %s: %s", name,
				    strerror(errno));
	close(fd);
	return err;
}

int rescore_run_adopters(const struct rescore *rs)
{
	static const char suffix[] = "__adopt";
	const struct rescore_hook *hook;
	unsigned int i;
	size_t length;
	ssize_t n;

	for (i = 0; i < rs->meta->nr_hooks; i++) {
		hook = &rs->hooks[i];
		length = strnlen(hook->name, sizeof(hook->name));
		if (hook->state != RESCORE_ON ||
		    strcmp(hook->target, "iter/task") ||
		    length < sizeof(suffix) ||
		    strcmp(hook->name + length - strlen(suffix), suffix))
			continue;
		n = rescore_run_iter(hook->name, NULL);
		if (n < 0)
			return n;
	}
	return 0;
}

int rescore_admin_program(void)
{
	return program_fd("core__admin");
}

int rescore_become_admin(int program, bool lasting)
{
	struct {
		uint32_t lasting;
	} request = { lasting };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &request,
		    .ctx_size_in = sizeof(request));

	if (bpf_prog_test_run_opts(program, &opts))
		return rescore_error(-errno, "cannot lift the limits: %s",
				     strerror(errno));
	return 0;
}
