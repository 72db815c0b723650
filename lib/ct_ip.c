// SPDX-License-Identifier: GPL-2.0
/* Network "ip:": sockets on the host's stack, held to the container's addresses. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ct.h"

#define OBJECT		"addresses.o"
#define PREFIX		"addresses__"
/* Marks of sockets: this plus the slot. */
#define MARK_BASE	0x52530000u

/* "its" of kernel/containment/addresses.bpf.c */
struct constants {
	uint32_t nr4, nr6, mark;
	uint32_t own4[CT_ADDRESSES_MAX];
	uint32_t own6[CT_ADDRESSES_MAX][4];
};

static void fill(const struct ct_start *s, struct constants *c)
{
	const struct ct_address *a;
	unsigned int i;

	memset(c, 0, sizeof(*c));
	c->mark = MARK_BASE + s->slot;
	for (i = 0; i < s->net.n; i++) {
		a = &s->net.address[i];
		if (a->family == AF_INET)
			memcpy(&c->own4[c->nr4++], a->byte, 4);
		else
			memcpy(c->own6[c->nr6++], a->byte, 16);
	}
}

static struct bpf_object *open_object(const struct ct_start *s)
{
	const char *dir = getenv("RESCORE_BPF_DIR") ?: RESCORE_BPF_DIR;
	struct constants constants;
	struct bpf_object *object;
	struct bpf_map *map;
	char path[PATH_MAX];
	int err;

	snprintf(path, sizeof(path), "%s/" OBJECT, dir);
	libbpf_set_print(NULL);
	object = bpf_object__open_file(path, NULL);
	err = libbpf_get_error(object);
	if (err) {
		rescore_error(err, "cannot open %s: %s", path, strerror(-err));
		return NULL;
	}
	fill(s, &constants);
	bpf_object__for_each_map(map, object)
		if (strstr(bpf_map__name(map), ".rodata.its"))
			err = bpf_map__set_initial_value(map, &constants,
							 sizeof(constants));
	err = err ?: bpf_object__load(object);
	if (!err)
		return object;
	rescore_error(err, "cannot load %s: %s", path, strerror(-err));
	bpf_object__close(object);
	return NULL;
}

/* Those of the run before. They have our name; the cgroup is root's alone. */
static void detach_old(int cgroup, enum bpf_attach_type type)
{
	uint32_t ids[16], n = ARRAY_SIZE(ids), i, length;
	struct bpf_prog_info info;
	int fd;

	if (bpf_prog_query(cgroup, type, 0, NULL, ids, &n))
		return;
	for (i = 0; i < n; i++) {
		fd = bpf_prog_get_fd_by_id(ids[i]);
		if (fd < 0)
			continue;
		memset(&info, 0, sizeof(info));
		length = sizeof(info);
		if (!bpf_obj_get_info_by_fd(fd, &info, &length) &&
		    !strncmp(info.name, PREFIX, strlen(PREFIX)))
			bpf_prog_detach2(fd, cgroup, type);
		close(fd);
	}
}

int ct_restrict_addresses(const struct ct_start *s)
{
	struct bpf_object *object = open_object(s);
	struct bpf_program *program;
	enum bpf_attach_type type;
	int err = 0;

	if (!object)
		return -EOPNOTSUPP;
	bpf_object__for_each_program(program, object) {
		type = bpf_program__expected_attach_type(program);
		detach_old(s->cgroup_fd, type);
		if (!err &&
		    bpf_prog_attach(bpf_program__fd(program), s->cgroup_fd,
				    type, BPF_F_ALLOW_MULTI))
			err = rescore_error(-errno, "cannot attach %s: %s",
					    bpf_program__name(program),
					    strerror(errno));
	}
	bpf_object__close(object);
	return err;
}
